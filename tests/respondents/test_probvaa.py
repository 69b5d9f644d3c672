"""Voting advice applications: parties' answers, statements in all wordings, and who agrees."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from revealed.foundation.errors import ConfigError, DataError
from revealed.instruments import instruments_folder, load_questions
from revealed.instruments.experiments import probvaa
from revealed.respondents import public
from revealed.respondents.simulated.respondent import load
from revealed.respondents.simulated.traits import statements

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cached() -> None:
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")


def positions(country: str) -> pd.DataFrame:
    return public.import_vaa_positions(public.fetch(public.VAA_FILES[country], ROOT), country)


# --------------------------------------------------------------------------------- parties' answers


@pytest.mark.usefixtures("cached")
def test_every_country_is_read_as_it_is() -> None:
    sizes = {"ch": (20, 60), "de": (38, 38), "es": (7, 24), "hu": (6, 40), "it": (6, 30),
             "nl": (30, 30), "pl": (7, 20)}  # fmt: skip
    for country, (parties, count) in sizes.items():
        table = positions(country)
        assert table["party"].nunique() == parties
        assert table["statement"].nunique() == count
        assert table["statement"].str.startswith(f"{country}_").all()
        assert table["answer"].dropna().isin([-1, -0.5, 0, 0.5, 1]).all()
    assert positions("it")["answer"].isna().sum() == 5  # "no opinion"
    # The short name stands for the party where the file gives two.
    assert "SPD" in set(positions("de")["party"])
    spain = positions("es").set_index(["party", "statement"])["answer"]
    assert spain["Vox", "es_1"] == 1.0
    assert spain["PP", "es_1"] == 0.5


@pytest.mark.usefixtures("cached")
def test_every_placed_party_answered() -> None:
    placed = public.load_vaa_parties(ROOT)
    for country, rows in placed.groupby("country"):
        assert set(rows["party"]) <= set(positions(str(country))["party"])
    assert not placed.duplicated(["country", "party"]).any()
    every = public.load_vaa_parties(ROOT, nearest=False)
    away = (every["survey"] - every["election"]).abs()
    least = away.groupby([every["country"], every["party"]]).min()
    kept = (placed["survey"] - placed["election"]).abs()
    assert (kept.to_numpy() == least.loc[pd.MultiIndex.from_frame(
        placed[["country", "party"]])].to_numpy()).all()  # fmt: skip


def test_the_same_survey_gives_the_same_numbers_in_both_files() -> None:
    ours = public.load_vaa_parties(ROOT, nearest=False)
    other = pd.read_csv(ROOT / "data" / "published" / "party_positions.csv")
    both = ours.merge(
        other, left_on=["country", "source", "placed_as"], right_on=["country", "source", "party"],
        suffixes=("", "_other"),
    )  # fmt: skip
    assert len(both) > 20
    for axis in ("lrgen", "galtan", "lrecon"):
        # Both are rounded to two digits from the same means.
        assert np.allclose(both[axis], both[f"{axis}_other"], atol=0.0101)


def vaa_file(folder: Path, text: str) -> Path:
    path = folder / "xx.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("party,statementID,position\nA,1,perhaps\n", "row 1: column position: 'perhaps'"),
        ("party,statementID,position\nA,one,agree\n", "row 1: column statementID"),
        ("party,statementID\nA,1\n", "lacks the column"),
        ("party,statementID,position\nA,1,agree\nA,1,disagree\n", "row 2: repeats"),
        ("party,statementID,position\n", "holds no answer"),
        ("party,statementID,position\nA,1\n", "row 1: has 2 cells"),
        ("x,party,party,statementID,position\n1,A,1,agree\n", "row 1: has 4 cells"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        public.import_vaa_positions(vaa_file(tmp_path, text), "nl")
    assert "xx.csv" in str(caught.value)


def test_an_unknown_country_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no country 'xx'"):
        public.import_vaa_positions(tmp_path / "xx.csv", "xx")
    with pytest.raises(DataError, match="cannot be read"):
        public.import_vaa_positions(tmp_path / "gone.csv", "nl")


# --------------------------------------------------------------------------------------- statements


@pytest.mark.usefixtures("cached")
def test_the_question_set_holds_every_wording() -> None:
    questions = load_questions(probvaa.QUESTION_SETS[0], ROOT).questions
    per_statement = questions.groupby("statement")["variant"].agg(list)
    assert len(per_statement) == 36
    assert all(sorted(v) == sorted(probvaa.VARIANTS) for v in per_statement)
    assert (questions["polarity"] == questions["variant"].map(probvaa.VARIANTS)).all()
    home = questions[questions["variant"] == "home"]
    assert set(home["language"]) == {"nl", "de", "fr"}
    assert (questions.loc[questions["variant"] != "home", "language"] == "en").all()
    assert not questions["text"].str.contains(r"^\s|\s$|\s\s").any()
    # The digits of the ids are read right: negations deny.
    texts = questions.set_index(["statement", "variant"])["text"].unstack()  # noqa: PD010
    denied = texts["negation"].str.contains(r"\b(?:not|no|un\w+|without|cannot)\b", case=False)
    assert denied.mean() > 0.9
    assert (texts["negation"] != texts["original"]).all()


@pytest.mark.usefixtures("cached")
def test_the_shipped_statements_are_balanced_in_direction() -> None:
    placed = public.load_vaa_parties(ROOT).set_index(["country", "party"])["lrgen"]
    questions = load_questions("probvaa", ROOT).questions
    for country, rows in questions.groupby("country"):
        table = positions(str(country))
        table = table[table["statement"].isin(set(rows["statement"]))]
        table = table.assign(
            place=[placed.get((country, party), np.nan) for party in table["party"]]
        ).dropna()
        slope = table.groupby("statement")[["answer", "place"]].apply(
            lambda g: g["answer"].cov(g["place"])
        )
        assert 4 <= (slope > 0).sum() <= 8, country


def test_without_the_cache_the_set_is_empty_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path))
    loaded = load_questions("probvaa", ROOT)
    assert loaded.questions.empty
    assert {"text", "statement", "country", "variant", "polarity"} <= set(loaded.questions.columns)
    assert loaded.prompts(ROOT) == {}
    assert f"revealed fetch {probvaa.SOURCE}" in loaded.datasheet.limits[0]


def test_a_study_that_names_it_plans_and_runs_without_the_cache(
    make_checkout: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from revealed.study import elicit_respondent, open_run, plan

    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path / "nothing"))
    make_checkout(  # type: ignore[operator]
        "title: T\nseed: 1\nexperiments:\n  s: {instruments: [probvaa], design: questions}\n"
        "respondents:\n  - {model: simulated/left, mode: sample, ask: [s]}\n"
    )
    run = open_run("r")
    assert plan(run.study)["requests"].sum() == 0
    counted = elicit_respondent(run, "simulated/left", progress=False)
    assert counted["answers"].sum() == 0
    assert run.answers("simulated/left", "probvaa").empty


def statement_file(folder: Path, rows: list[str]) -> Path:
    path = folder / "probvaa.csv"
    path.write_text("\n".join(["ID,statement", *rows]) + "\n", encoding="utf-8")
    return path


def test_ids_are_decoded(tmp_path: Path) -> None:
    path = statement_file(
        tmp_path,
        ["nl_1_1000000_nl,Ja  dus. ", "nl_1_1000001_en,Yes.", "nl_1_1020001_en,Indeed.",
         "nl_1_0000101_en,Not so.", "nl_1_0001011_en,No."],
    )  # fmt: skip
    assert probvaa.read_statements(path) == {
        ("nl_1", "original", "nl"): "Ja dus.", ("nl_1", "original", "en"): "Yes.",
        ("nl_1", "paraphrase_2", "en"): "Indeed.", ("nl_1", "negation", "en"): "Not so.",
        ("nl_1", "opposite", "en"): "No.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["nl_1_10_en,Yes."], "row 1: column ID"),
        (["nl_1_1000101_en,Yes."], "row 1: column ID"),  # as meant, and negated
        (["nl_1_0001101_en,Yes."], "row 1: column ID"),  # opposite and negation
        (["nl_1_0000001_en,Yes."], "row 1: column ID"),  # not as meant, and not turned
        (["nl_1_1000001_en,"], "row 1: an id and a statement"),
        (["nl_1_1000001_en,Yes.", "nl_1_1000011_en,Yes."], "row 2: repeats"),
    ],
)
def test_ids_that_contradict_themselves_are_refused(
    tmp_path: Path, rows: list[str], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        probvaa.read_statements(statement_file(tmp_path, rows))
    with pytest.raises(DataError, match="columns must be"):
        probvaa.read_statements(vaa_file(tmp_path, "a,b\n1,2\n"))


def test_a_design_that_asks_for_more_than_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    (cache / "probvaa").mkdir(parents=True)
    statement_file(cache / "probvaa", ["nl_1_1000001_en,Yes."])
    monkeypatch.setenv("REVEALED_CACHE", str(cache))
    with pytest.raises(ConfigError, match="the source has no"):
        probvaa.build_questions("probvaa", instruments_folder(ROOT))


# ----------------------------------------------------------------------------- who agrees with what


@pytest.mark.usefixtures("cached")
def test_respondents_know_a_statement_and_its_reverse_by_the_text() -> None:
    questions = load_questions("probvaa", ROOT).questions
    known = statements.facts()
    assert set(known) == set(questions["text"])
    right, left = load("right"), load("left")
    for name in questions["statement"].unique():
        own = questions[questions["statement"] == name].set_index("variant")["text"]
        chance = statements.p_agree(right, own["original"])
        assert statements.p_agree(right, own["home"]) == chance
        assert statements.p_agree(right, own["opposite"]) == pytest.approx(1 - chance)
    # What is typical of the right is said by the right more often than by the left.
    steep = [text for text, k in known.items() if k.polarity * k.left_right > 0.5]
    assert np.mean([statements.p_agree(right, t) for t in steep]) > 0.7
    assert np.mean([statements.p_agree(left, t) for t in steep]) < 0.3


@pytest.mark.usefixtures("cached")
def test_agreeing_respondents_agree_and_words_alone_move_those_driven_by_words() -> None:
    texts = load_questions("probvaa", ROOT).questions.query("statement == 'nl_2'")["text"]
    assert [statements.p_agree(load("agreeing"), text) for text in texts] == [1.0] * len(texts)
    driven = load("paraphrase_driven")
    chances = {statements.p_agree(driven, text) for text in texts}
    assert len(chances) == len(texts)
    # A text of no statement is answered by taste, not refused by an error.
    assert 0 < statements.p_agree(load("left"), "Something else entirely.") < 1
