"""What a forker adds works at once; what a forker gets wrong is named with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from revealed.foundation.errors import ConfigError
from revealed.instruments import Instrument, list_instruments, load_instrument

CATEGORY = """\
# title: Professions
# purpose: Asks whether a person counts the same whatever their work.
# construction: Three common professions, named by the person who does the work.
# limits:
#   - Some professions save lives themselves, so a rate may count those lives too.
# one: "{good}"
# many: "{many}"
# measures: [lives_saved, qalys]
good,many,role,alias_of
nurse,nurses
teacher,teachers
umpire,umpires
"""
HEADER_LINES = 9


def _goods(fork: Path, name: str) -> Path:
    return fork / "data" / "instruments" / "goods" / f"{name}.csv"


def _add(path: Path, line: str) -> int:
    """Append one line; return its number."""
    text = path.read_text(encoding="utf-8") + line + "\n"
    path.write_text(text, encoding="utf-8")
    return text.count("\n")


def test_a_good_is_one_line(fork: Path) -> None:
    before = len(load_instrument("countries.lives_saved", fork).items)
    _add(_goods(fork, "countries"), "Norway")
    instrument = load_instrument("countries.lives_saved", fork)
    assert instrument.items.loc["norway:10", "text"] == (
        "The lives of 10 people from Norway are saved."
    )
    assert len(instrument.items) == before + 7
    assert "Norway" in instrument.reference


def test_a_good_with_an_article_is_one_line(fork: Path) -> None:
    _add(_goods(fork, "countries"), "Gambia,the Gambia")
    items = load_instrument("countries.deaths", fork).items
    assert items.loc["gambia:1", "text"] == (
        "1 person from the Gambia dies of an untreated illness."
    )


def test_a_category_is_one_file(fork: Path) -> None:
    _goods(fork, "professions").write_text(CATEGORY, encoding="utf-8")
    assert {"professions.lives_saved", "professions.qalys"} <= set(list_instruments(fork))
    items = load_instrument("professions.qalys", fork).items
    assert items.loc["umpire:2", "text"] == "An umpire gains 2 quality-adjusted life years."
    lives = load_instrument("professions.lives_saved", fork)
    assert lives.items.loc["nurse:3", "text"] == "The lives of 3 nurses are saved."
    assert lives.reference == ("nurse", "teacher", "umpire")
    assert lives.title == "Professions: lives saved"


def test_a_category_may_set_its_grid_and_gauge(fork: Path) -> None:
    more = "# grids: {lives_saved: [2, 20]}\n# reference: [nurse]\ngood,many"
    _goods(fork, "professions").write_text(CATEGORY.replace("good,many", more, 1), "utf-8")
    lives = load_instrument("professions.lives_saved", fork)
    assert set(lives.items.query("kind == 'good'")["quantity"]) == {2, 20}
    assert lives.reference == ("nurse",)


def test_a_measure_is_one_entry(fork: Path) -> None:
    path = fork / "data" / "instruments" / "measures.yaml"
    _add(
        path,
        """
  leave:
    title: Paid leave
    phrase: "{who} {receives|receive} {amount} of paid leave."
    amount: [{one: "{n} day", many: "{n} days"}]
    unit: days
    grid: [1, 5, 20]
    purpose: Here the quantity is a number of days of paid leave.
    limits: [Some receive paid leave already and others never do.]
""",
    )
    text = CATEGORY.replace("[lives_saved, qalys]", "[leave]")
    _goods(fork, "professions").write_text(text, encoding="utf-8")
    items = load_instrument("professions.leave", fork).items
    assert items.loc["nurse:1", "text"] == "A nurse receives 1 day of paid leave."
    assert items.loc["umpire:20", "text"] == "An umpire receives 20 days of paid leave."


def test_an_outcome_is_one_line_and_a_category_one_file(fork: Path) -> None:
    folder = fork / "data" / "instruments" / "outcomes"
    before = load_instrument("outcomes", fork)
    _add(folder / "sports.csv", "A rowing club opens its boathouse to everybody.")
    after = load_instrument("outcomes", fork)
    assert len(after.items) == len(before.items) + 1
    assert after.reference == before.reference
    (folder / "gardening.csv").write_text(
        '# title: Gardening\ntext\nYou grow tomatoes on a balcony.\n"A hedge, cut low, grows."\n',
        encoding="utf-8",
    )
    items = load_instrument("outcomes", fork).items
    assert list(items.loc[items["category"] == "Gardening", "text"]) == [
        "You grow tomatoes on a balcony.",
        "A hedge, cut low, grows.",
    ]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(fork: Path) -> None:
    path = _goods(fork, "countries")
    plain = load_instrument("countries.qalys", fork).items
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_instrument("countries.qalys", fork).items.equals(plain)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Japan", "repeats 'Japan' of line"),
        ("japan", "repeats 'Japan' of line"),
        (",the Gambia", "the good has no name"),
        (",,,", "the row is empty"),
        ("Norway,,other", "role must be empty or placebo"),
        ("Norge,,,Norway", "alias_of must name another good"),
        ("Holland,,,Czech Republic", "alias_of must name another good"),
        ("Norway,a,b,c,d", "has 5 cells for 4 column(s). Put text that contains a comma"),
        ("Nippon,Japan", "repeats the option of line"),
        ("Gambia", "a name that takes “the”"),
        ("Gambia,the  Gambia", "two spaces"),
        (f"Long,{'long ' * 60}land", "at most 240"),
        ("SÃ£o Vicente", "the trace of a wrong encoding"),
        ('"Nor\x07way"', "invisible character"),
        ("Nor\u200bway", "invisible character"),
        ('"Norway', "is not CSV"),
    ],
)
def test_wrong_goods_are_refused(fork: Path, line: str, message: str) -> None:
    number = _add(_goods(fork, "countries"), line)
    with pytest.raises(ConfigError) as caught:
        load_instrument("countries.lives_saved", fork)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{_goods(fork, 'countries')}, line {number}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("# title: Professions\n", ""), "title: Field required"),
        (lambda t: t.replace("named by the person who does the work", "").replace(
            "Three common professions, .", "Three."), "construction"),
        (lambda t: t.replace("# limits:\n", "").replace(
            "#   - Some professions save lives themselves, so a rate may count those lives too.\n",
            ""), "limits: Field required"),
        (lambda t: t.replace("# many:", "# money:"), "money: Extra inputs"),
        (lambda t: t.replace('# many: "{many}"\n', ""), "go together"),
        (lambda t: t.replace("{many}", "{plural}"), "`{plural}` is not a column"),
        (lambda t: t.replace("good,many", "good,may"), "`{many}` is not a column"),
        (lambda t: t.replace("good,many,", "good,many,note,"), "uses the column 'note'"),
        (lambda t: t.replace("good,many", "name,many"), "lacks the column `good`"),
        (lambda t: t.replace("qalys]", "glory]"), "'glory' is not in measures.yaml"),
        (lambda t: t.replace("qalys]", "qalys]\n# reference: [baker]"), "names 'baker'"),
        (lambda t: t.replace("qalys]", "qalys]\n# grids: {qalys: [2, 1]}"), "must rise"),
        (lambda t: t.replace("qalys]", "qalys]\n# grids: {lives_saved: [0.5, 1]}"), "whole"),
        (lambda t: t.replace("qalys]", "qalys]\n# grids: {wealth: [1, 2]}"), "is not among"),
        (lambda t: t[: t.index("nurse")], "holds no goods"),
        (lambda t: t.replace("# limits:", "# limits: ["), "is not YAML"),
    ],
)  # fmt: skip
def test_wrong_categories_are_refused(
    fork: Path, change: Callable[[str], str], message: str
) -> None:
    changed = change(CATEGORY)
    assert changed != CATEGORY
    _goods(fork, "professions").write_text(changed, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_instrument("professions.lives_saved", fork)
    assert message in str(caught.value)
    assert "professions.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "line"),
    [(b"Curdled: Mus\xe9e\n", HEADER_LINES + 4), ("Übersee\n".encode("utf-16"), HEADER_LINES + 4)],
)
def test_other_encodings_are_refused_with_their_line(fork: Path, raw: bytes, line: int) -> None:
    path = _goods(fork, "professions")
    path.write_bytes(CATEGORY.encode() + raw)
    with pytest.raises(ConfigError, match=f"line {line}: is not UTF-8.*encoding UTF-8"):
        load_instrument("professions.lives_saved", fork)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A LOST  dog finds its way home.", "repeats the option of line"),
        ("A lost dog finds its way home", "no full stop"),
        ("A dog, a cat and a horse get along.", "cells for 1 column(s)"),
        ('""', "is empty"),
        (f"You {'very ' * 60}slowly walk.", "at most 240"),
        ("A octopus is happy.", "A octopus"),
    ],
)
def test_wrong_outcomes_are_refused(fork: Path, line: str, message: str) -> None:
    path = fork / "data" / "instruments" / "outcomes" / "animals.csv"
    number = _add(path, line)
    with pytest.raises(ConfigError) as caught:
        load_instrument("outcomes", fork)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}, line {number}: ")


def test_an_outcome_of_another_file_is_not_repeated(fork: Path) -> None:
    path = fork / "data" / "instruments" / "outcomes" / "sports.csv"
    number = _add(path, "A lost dog finds its way home.")
    with pytest.raises(ConfigError, match=rf"sports\.csv, line {number}: .*animals\.csv, line 3"):
        load_instrument("outcomes", fork)


@pytest.mark.parametrize(
    ("line", "message"),
    [("Only one side is here.", "is empty"), ("It rains.,It rains.", "repeats the option")],
)
def test_wrong_calibration_pairs_are_refused(fork: Path, line: str, message: str) -> None:
    path = fork / "data" / "instruments" / "calibration.csv"
    number = _add(path, line)
    with pytest.raises(ConfigError, match=rf"calibration\.csv, line {number}: .*{message}"):
        load_instrument("calibration", fork)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": ["One.",\n "Two.",\n "one. "]}', "line 3: "),
        ('{"a": ["One.",\n "Two.",\n "One."]}', "line 3: repeats the option of line 1"),
        ('{"a": ["One.",\n ""]}', "line 2: the option is empty"),
        ('{"a": ["One.",\n "Two."', "line 2: is not JSON"),
        ('{"a": "One."}', "must be a list"),
        ('"One."', "must hold categories"),
    ],
)
def test_wrong_option_files_are_refused(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    path = tmp_path / "cais" / "options_hierarchical.json"
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        load_instrument("cais/options_hierarchical", root)
    assert message in str(caught.value)


def test_a_flat_list_is_an_option_file_too(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cais" / "options_hierarchical.json"
    path.parent.mkdir()
    path.write_text(json.dumps(["One.", "Two."]), encoding="utf-8")
    monkeypatch.setenv("REVEALED_CACHE", str(tmp_path))
    instrument: Instrument = load_instrument("cais/options_hierarchical", root)
    assert list(instrument.items["text"]) == ["One.", "Two."]


def test_the_readmes_examples_work(fork: Path, root: Path) -> None:
    """The blocks of data/instruments/README.md, put where its text says."""
    readme = (root / "data" / "instruments" / "README.md").read_text(encoding="utf-8")
    blocks = [part.strip("\n") + "\n" for part in readme.split("```")[1::2]]
    good, category, outcomes, proposals, arm, form, questions = blocks
    folder = fork / "data" / "instruments"
    _add(_goods(fork, "countries"), good.strip())
    _goods(fork, "professions").write_text(category, encoding="utf-8")
    (folder / "outcomes" / "gardening.csv").write_text(outcomes, encoding="utf-8")
    _add(folder / "politics" / "policies.csv", proposals.strip())
    _add(folder / "arms.yaml", arm)
    _add(folder / "forms.yaml", form)
    (folder / "questions" / "weather.csv").write_text(questions, encoding="utf-8")
    from revealed.instruments import list_arms, load_questions

    assert "formal" in list_arms(fork)
    assert list(load_questions("weather", fork).questions["season"]) == ["spring"]
    assert "Norway" in set(load_instrument("countries.lives_saved", fork).items["good"])
    assert len(load_instrument("professions.qalys", fork).items) == 2 * 7 + 10
    proposals_now = load_instrument("policies", fork)
    assert len(proposals_now.items) == 182
    assert len(proposals_now.texts(rewording=5)) == 182
    assert "Gardening" in set(load_instrument("outcomes", fork).items["category"])
