"""A scale anchored by parties: exact, honest about its error, and nobody placed without content."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from revealed.foundation.errors import EstimationError
from revealed.instruments import load_questions
from revealed.measures.politics import anchor, anchor_findings, statements
from revealed.respondents import public
from revealed.respondents.simulated.respondent import load
from revealed.respondents.simulated.traits import statements as trait

ROOT = Path(__file__).parents[2]


def drawn(
    seed: int, *, noise: float = 1.0, parties: int = 11, count: int = 12, countries: int = 3
) -> tuple[pd.DataFrame, pd.DataFrame, float, pd.Series]:
    """Parties with places and answers, and one more that answers as they do.

    An answer is the side on which slope times place, an offset and noise come out.

    Returns
    -------
    Answers and places of the parties; the place and the answers of the one more.
    """
    rng = np.random.default_rng([seed, 11])
    place = rng.uniform(0.5, 9.5)
    answers, placed, own = [], [], {}
    for country in ("nl", "de", "ch", "pl")[:countries]:
        slope = rng.choice([-1, 1], count) * rng.uniform(0.3, 1.5, count)
        offset = rng.normal(0, 0.4, count)

        def said(
            where: float, slope: np.ndarray = slope, offset: np.ndarray = offset
        ) -> np.ndarray:
            return np.sign(slope * (where - 5) / 2.5 + offset + noise * rng.normal(size=count))

        for p in range(parties):
            where = rng.uniform(0.5, 9.5)
            placed.append((country, f"p{p}", where, 10 - where))
            answers += [(country, f"p{p}", f"{country}_{s}", x) for s, x in enumerate(said(where))]
        own |= {f"{country}_{s}": x for s, x in enumerate(said(place))}
    return (
        pd.DataFrame(answers, columns=["country", "party", "statement", "answer"]),
        pd.DataFrame(placed, columns=["country", "party", "lrgen", "galtan"]),
        place, pd.Series(own),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------- the scale


def test_the_regression_is_the_one_of_its_docstring() -> None:
    """Against a minimum found by scipy of the penalized sum of squares itself."""
    answers, placed, _, _ = drawn(0, countries=1)
    scale = anchor.make_scale(answers, placed, "lrgen")
    (country,) = scale.countries.values()
    x = country.x - country.x.mean(axis=0)
    size = x.shape[1]

    def loss(b: np.ndarray) -> float:
        # (X X'/S + k I)^-1 in the dual is a penalty of k S on b in the primal.
        rest = country.y - country.y.mean() - x @ b
        return float(rest @ rest + scale.penalty * size * b @ b)

    found = optimize.minimize(loss, np.zeros(size), tol=1e-12)
    assert np.allclose(country.coefficients, found.x, atol=1e-5)


def test_left_out_errors_are_those_of_fitting_anew() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.choice([-1.0, 1.0], (7, 9)), rng.uniform(0, 10, 7)
    squares = anchor._residuals(x, y)
    for row, penalty in zip(squares, anchor._PENALTIES, strict=True):
        for k in range(7):
            a, b = np.delete(x, k, axis=0), np.delete(y, k)
            guess = b.mean() + (x[k] - a.mean(axis=0)) @ anchor._coefficients(a, b, penalty)
            assert row[k] == pytest.approx((guess - y[k]) ** 2, rel=1e-6)


def test_a_party_left_out_has_no_part_in_its_place() -> None:
    answers, placed, _, _ = drawn(2)
    before = anchor.make_scale(answers, placed, "lrgen").parties
    moved = placed.copy()
    moved.loc[0, "lrgen"] = 0.0 if moved.loc[0, "lrgen"] > 5 else 10.0
    after = anchor.make_scale(answers, moved, "lrgen").parties
    assert after.loc[0, "recovered"] == pytest.approx(before.loc[0, "recovered"])
    assert not np.allclose(after["recovered"][1:], before["recovered"][1:])


def test_what_is_missing_is_put_up_with_or_named() -> None:
    answers, placed, _, _ = drawn(3)
    holes = answers.copy()
    holes.loc[::9, "answer"] = np.nan
    assert np.isfinite(anchor.make_scale(holes, placed, "lrgen").parties["recovered"]).all()
    with pytest.raises(EstimationError, match="no country has 4 parties"):
        anchor.make_scale(answers, placed[placed["party"] < "p2"], "lrgen")
    with pytest.raises(EstimationError, match="no country"):
        anchor.make_scale(answers, placed, "lrgen", statements=["es_1"])
    scale = anchor.make_scale(answers, placed, "lrgen")
    with pytest.raises(EstimationError, match="two statements"):
        anchor.place(scale, pd.Series({"nl_1": 1.0}))
    with pytest.raises(EstimationError, match="answers of both"):
        anchor.difference(scale, pd.Series({"nl_1": 1.0}), pd.Series({"nl_2": 1.0}))


def test_a_party_of_the_scale_comes_out_where_the_regression_puts_it() -> None:
    answers, placed, _, _ = drawn(4, countries=1)
    scale = anchor.make_scale(answers, placed, "lrgen")
    (country,) = scale.countries.values()
    own = pd.Series(country.x[0], index=list(country.statements))
    fitted = country.y.mean() + (country.x[0] - country.x.mean(axis=0)) @ country.coefficients
    assert anchor.place(scale, own).estimate.value == pytest.approx(fitted)
    other = pd.Series(country.x[1], index=list(country.statements))
    gap = anchor.difference(scale, own, other)
    assert gap.value == pytest.approx(fitted - anchor.place(scale, other).estimate.value)


def test_what_explains_nothing_is_said_to() -> None:
    answers, placed, _, _ = drawn(5)
    scale = anchor.make_scale(answers, placed, "lrgen")
    assert anchor.explained(scale).low > 0.3
    assert anchor.permutation_p(scale, permutations=199) == pytest.approx(1 / 200)
    dealt = placed.assign(lrgen=np.random.default_rng(5).permutation(placed["lrgen"].to_numpy()))
    without = anchor.make_scale(answers, dealt, "lrgen")
    assert anchor.explained(without).low < 0
    assert anchor.permutation_p(without, permutations=199) > 0.05
    error = anchor.root_mean_square(scale)
    assert error.low < scale.error < error.high


@pytest.mark.slow
def test_the_permutation_null_keeps_its_level() -> None:
    small = 0
    for seed in range(120):
        answers, placed, _, _ = drawn(seed, parties=7)
        rng = np.random.default_rng([seed, 12])
        dealt = placed.assign(lrgen=rng.uniform(0, 10, len(placed)))
        scale = anchor.make_scale(answers, dealt, "lrgen")
        small += anchor.permutation_p(scale, seed, permutations=99) <= 0.05
    assert small <= stats.binom.ppf(0.999, 120, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_intervals_cover_the_place_of_one_more_party(noise: float) -> None:
    hits, seeds = 0, 150
    for seed in range(seeds):
        answers, placed, place, own = drawn(seed, noise=noise)
        e = anchor.place(anchor.make_scale(answers, placed, "lrgen"), own).estimate
        hits += e.low <= place <= e.high
    # A ridge regression draws far-out places in, and the interval of a place does not know how far
    # out it is: somewhat below 95 % for noisy answers is expected, above is no fault.
    assert stats.binom.ppf(0.001, seeds, 0.93) <= hits


# ------------------------------------------------------------------------------------- real parties


@pytest.fixture(scope="module")
def real() -> tuple[dict[str, anchor.Scale], dict[str, anchor.Scale], pd.DataFrame]:
    """Scales of all statements and of those that are asked, and the questions."""
    if not os.environ.get("REVEALED_CACHE"):
        pytest.skip("needs the public data (REVEALED_CACHE)")
    said = pd.concat(
        public.import_vaa_positions(public.fetch(file, ROOT), country)
        for country, file in public.VAA_FILES.items()
    )
    placed = public.load_vaa_parties(ROOT)
    questions = load_questions("probvaa", ROOT).questions
    asked = list(dict.fromkeys(questions["statement"]))
    return (
        {axis: anchor.make_scale(said, placed, axis) for axis in anchor.AXES},
        {axis: anchor.make_scale(said, placed, axis, asked) for axis in anchor.AXES},
        questions,
    )


def test_real_parties_are_recovered(real: tuple[dict, dict, pd.DataFrame]) -> None:
    for scales in real[:2]:
        made = anchor_findings.findings(scales, chapter="parties")
        by = {(f.estimand, f.subject): f for f in made}
        for axis in anchor.AXES:
            assert by["politics.scale_explained", axis].low > 0.3
            assert by["politics.scale_error", axis].high < 2.5
            assert by["politics.scale_explained", axis].note.startswith("p = 0.001")
    shift = anchor_findings.survey_shift(public.load_vaa_parties(ROOT, nearest=False))
    assert all(0.2 < e.value < 1.0 and e.n > 30 for e in shift.values())


Answering = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def answering(real: tuple[dict, dict, pd.DataFrame]) -> Answering:
    """Answers of a simulated respondent, drawn from its stated chances."""
    texts = real[2]["text"]

    def draw(name: str, seed: int = 0, samples: int = 2, **changes: object) -> pd.DataFrame:
        rng = np.random.default_rng([seed, 13])
        respondent = load(name, seed=500 + seed, **changes)
        chance = np.array([trait.p_agree(respondent, text) for text in texts])
        said = rng.random((samples, len(texts))) >= chance
        return pd.DataFrame(
            {
                "question": np.tile(texts.index, samples),
                "sample": np.repeat(range(samples), len(texts)), "kind": "answered",
                "value": said.ravel().astype(float),
            }
        )  # fmt: skip

    return draw


def told(
    name: str, answers: pd.DataFrame, real: tuple[dict, dict, pd.DataFrame]
) -> dict[tuple[str, str, str], object]:
    made = statements.findings(
        f"simulated/{name}", answers, real[2], real[1], chapter="parties", provenance="simulated"
    )
    return {(f.estimand.removeprefix("politics."), f.subject, f.arm): f for f in made}


def test_left_right_and_center_land_where_they_were_put(
    real: tuple[dict, dict, pd.DataFrame], answering: Answering
) -> None:
    names = ("left", "right", "centrist")
    at = {
        name: np.mean(
            [told(name, answering(name, k), real)["place", "lrgen", ""].estimate for k in range(4)]
        )
        for name in names
    }
    # The parties' middle, not 5, is where nobody's side is: it lies at about 5.5.
    assert at["left"] < 4.4 < at["centrist"] < 6.4 < at["right"]
    contents = {
        name: statements.content(statements.answer_table(answering(name), real[2]))["content"]
        for name in names
    }
    made = statements.differences(
        contents, real[1], chapter="parties", provenance=dict.fromkeys(contents, "simulated")
    )
    gap = next(f for f in made if f.respondent == "left" and f.subject == "lrgen, less right")
    assert gap.high < 0
    assert len(made) == 6


def test_what_has_no_content_is_given_no_place(
    real: tuple[dict, dict, pd.DataFrame], answering: Answering
) -> None:
    for name, says in (
        ("agreeing", "(kappa 0.00)"),
        ("paraphrase_driven", "no better than chance"),
    ):
        found = told(name, answering(name), real)
        verdict = found["statements.measurable", "", ""]
        assert verdict.estimate == 0
        assert says in verdict.note
        assert not any(key[0] == "place" for key in found)
    found = told("agreeing", answering("agreeing"), real)
    assert found["agreement_habit", "", ""].estimate == 1.0
    # Driven by words: steady where the words are the same, at chance where they are not.
    driven = told("paraphrase_driven", answering("paraphrase_driven"), real)
    assert driven["consistency", "repeat", ""].low > 0.6
    assert driven["consistency", "paraphrase_1", ""].high < 0.75


def test_a_habit_beside_content_is_removed_from_the_place(
    real: tuple[dict, dict, pd.DataFrame], answering: Answering
) -> None:
    plain = told("right", answering("right", samples=20), real)
    habit = told("right", answering("right", samples=20, yes_habit=0.4), real)
    assert habit["agreement_habit", "", ""].low > 0.6
    assert abs(plain["agreement_habit", "", ""].estimate - 0.5) < 0.05
    # A habit of 40 % leaves 60 % of the content and no direction of its own.
    whole = habit["place", "lrgen", ""].estimate
    assert 5 < whole < plain["place", "lrgen", ""].estimate + 0.2
    spread = [f.estimate for key, f in habit.items() if key[0] == "place" and key[2]]
    assert len(spread) == 12


def test_unreadable_and_refusing_respondents_are_not_measurable(
    real: tuple[dict, dict, pd.DataFrame], answering: Answering
) -> None:
    answers = answering("left")
    found = told("left", answers.assign(kind="refused", value=np.nan), real)
    assert list(found) == [("statements.measurable", "", "")]
    assert "declined" in found["statements.measurable", "", ""].note
    empty = told("left", answers.iloc[:0], real)
    assert empty["statements.measurable", "", ""].note == "was not asked"
    one_side = answers[answers["question"].str.endswith("-original")]
    alone = told("left", one_side, real)
    assert "both directions" in alone["statements.measurable", "", ""].note


def test_content_and_habit_by_hand(real: tuple[dict, dict, pd.DataFrame]) -> None:
    names = ["nl_2-original", "nl_2-paraphrase_1", "nl_2-negation", "nl_2-opposite"]
    answers = pd.DataFrame(
        {
            "question": names * 2, "sample": [0] * 4 + [1] * 4, "kind": "answered",
            "value": [0, 0, 1, 0, 0, 1, 1, 0],
        }
    )  # fmt: skip
    table = statements.answer_table(answers, real[2])
    assert table.loc[("nl_2", "original"), "meant"] == 1
    assert table.loc[("nl_2", "negation"), "meant"] == 1  # disagrees with the negation
    assert table.loc[("nl_2", "opposite"), "meant"] == -1
    own = statements.content(table).loc["nl_2"]
    # Straight (1 + 0)/2; reversed, turned back, (1 - 1)/2.
    assert own["content"] == pytest.approx(0.25)
    assert own["habit"] == pytest.approx(0.25)
    found = statements.consistency(table)
    assert found["negation"].value == 1.0
    assert found["opposite"].value == 0.0
    assert found["paraphrase_1"].value == 0.5
    assert found["repeat"].value == 1.0


def test_kappa_is_the_textbook_one() -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    rng = np.random.default_rng(6)
    f = rng.integers(0, 2, 40).astype(float)
    g = np.where(rng.random(40) < 0.8, f, 1 - f)
    counts = [[float(((f == a) & (g == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    assert statements._kappa(f, g) == pytest.approx(cohens_kappa(np.array(counts)).kappa)
    assert statements._kappa(np.ones(9), np.zeros(9)) == 0.0
    assert statements._kappa(np.ones(9), np.ones(9)) == 0.0


@pytest.mark.slow
def test_guessing_respondents_are_rarely_placed(
    real: tuple[dict, dict, pd.DataFrame], answering: Answering
) -> None:
    placed = 0
    for seed in range(150):
        answers = answering("left", seed, values=0.0)
        placed += not statements.contradiction(
            statements.kappa(statements.answer_table(answers, real[2]))
        )
    # One end of a 95 % interval above one half: 2.5 %.
    assert placed <= stats.binom.ppf(0.999, 150, 0.025)


@pytest.mark.slow
def test_respondents_without_a_side_are_not_told_to_have_one(
    real: tuple[dict, dict, pd.DataFrame], answering: Answering
) -> None:
    sided = {"centrist": 0, "right": 0}
    for name in sided:
        for seed in range(100):
            table = statements.answer_table(answering(name, seed), real[2])
            if statements.contradiction(statements.kappa(table)):
                continue
            e = anchor.place(real[1]["lrgen"], statements.content(table)["content"]).estimate
            sided[name] += not e.low <= 5 <= e.high
    assert sided["centrist"] <= stats.binom.ppf(0.999, 100, 0.05)
    # Parties' middle is right of 5, so a leaning to the right is seen sooner.
    assert sided["right"] > 50
