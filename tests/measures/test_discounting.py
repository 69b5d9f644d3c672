"""Discounting: curves and gradients, the fit against other programs, bounds, gates, parity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from revealed.foundation.errors import EstimationError
from revealed.instruments import load_instrument
from revealed.measures import discounting
from revealed.measures.discounting.fit import Problem, heldout_rows
from revealed.respondents import simulated
from revealed.respondents.simulated.traits.discounting import log_discount

INSTRUMENT = load_instrument("discounting")
PAIRS = INSTRUMENT.pairs
TEXT = INSTRUMENT.items["text"]
assert PAIRS is not None


def drawn(name: str, seed: int = 0, samples: int = 2, **changes: float) -> pd.DataFrame:
    """Choices drawn from the respondent's own probabilities, both orders of every pair."""
    respondent = simulated.load(name, **changes)
    first = pd.concat([PAIRS["sooner"], PAIRS["later"]]).to_numpy()
    second = pd.concat([PAIRS["later"], PAIRS["sooner"]]).to_numpy()
    p = respondent.p_first(TEXT[first], TEXT[second])
    n = np.random.default_rng(seed).binomial(samples, p).astype(float)
    return pd.DataFrame(
        {
            "respondent": f"simulated/{name}", "instrument": "discounting", "arm": "forced",
            "first": first, "second": second, "n_first": n, "n_second": samples - n,
            "n_neutral": 0.0, "n_refused": 0.0, "n_unparsed": 0.0, "n_failed": 0.0,
            "role": "train", "provenance": "simulated",
        }
    )  # fmt: skip


def always(option: str) -> pd.DataFrame:
    """Answers that name one option in every dated pair and the better one in the plain pairs."""
    table = drawn("exponential")
    sooner = dict(
        zip(zip(PAIRS["sooner"], PAIRS["later"], strict=True), PAIRS["block"], strict=True)
    )
    rows = list(zip(table["first"], table["second"], strict=True))
    ahead = np.array([row in sooner for row in rows])
    plain = np.array([sooner.get(row, sooner.get(row[::-1])) == "dominance" for row in rows])
    takes_first = np.where(plain, ahead, ahead if option == "sooner" else ~ahead)
    return table.assign(n_first=2.0 * takes_first, n_second=2.0 * ~takes_first)


# --- curves ---------------------------------------------------------------------------------------


@given(
    st.sampled_from(list(discounting.CURVES)),
    st.floats(-7, 1), st.floats(-9, 1), st.floats(0, 80),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_gradients_are_those_of_the_curves(name: str, rate: float, other: float, t: float) -> None:
    curve = discounting.CURVES[name]
    theta = np.array([rate, other][: len(curve.parameters)])
    months = np.array([0.0, t, t + 1.0])
    value, jacobian = curve.log_discount(theta, months)
    assert value[0] == 0.0
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-5
        up, down = (curve.log_discount(theta + s * step, months)[0] for s in (1, -1))
        # central differences of step 1e-5 are good to about 1e-9 of the value's size
        assert jacobian[:, k] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-6)


def test_curves_at_their_special_cases() -> None:
    t = np.linspace(0, 60, 13)
    exponential = discounting.CURVES["exponential"].log_discount(np.array([np.log(0.03)]), t)[0]
    assert exponential == pytest.approx(-0.03 * t)
    generalized = discounting.CURVES["generalized"]
    straight = generalized.log_discount(np.log([0.03, 1e-9]), t)[0]
    assert straight == pytest.approx(exponential, rel=1e-6)
    bent = generalized.log_discount(np.log([0.1, 0.1]), t)[0]
    assert bent == pytest.approx(-np.log1p(0.1 * t))
    jump = discounting.CURVES["quasi_hyperbolic"].log_discount(np.array([np.log(0.02), -0.3]), t)[0]
    assert jump[0] == 0.0
    assert jump[1:] == pytest.approx(-0.3 - 0.02 * t[1:])


# --- the fit --------------------------------------------------------------------------------------


def test_objective_has_the_gradient_it_says() -> None:
    data = discounting.cells(drawn("hyperbolic"), PAIRS)
    for curve in discounting.CURVES:
        problem = Problem(data, curve)
        part = problem.centre[problem.free] + 0.1
        told = problem.objective(part)[1]
        found = optimize.approx_fprime(part, lambda x, p=problem: p.objective(x)[0], 1e-6)
        # forward differences of step 1e-6 of an objective of about 200
        assert told == pytest.approx(found, rel=1e-4, abs=1e-3)


def test_logit_of_the_exponential_curve_is_statsmodels_own() -> None:
    """Without lapse, prior and magnitude, s (ln ratio - k gap) - w order is linear in its terms."""
    data = discounting.cells(drawn("position_biased", seed=3), PAIRS)
    fit = discounting.fit_curve(
        data, "exponential", link="logit", lapse=0.0, magnitude=0.0, prior=0.0
    )
    design = np.column_stack([np.log(data.ratio), data.gap, data.sooner_first])
    counts = np.column_stack([data.later, data.total - data.later])
    glm = sm.GLM(counts, design, family=sm.families.Binomial()).fit(tol=1e-12)
    s, sk, w = glm.params
    assert np.exp(fit.value("log_precision")[0]) == pytest.approx(s, rel=1e-5)
    assert np.exp(fit.value("log_rate")[0]) == pytest.approx(-sk / s, rel=1e-5)
    assert fit.value("order_effect")[0] == pytest.approx(-w, rel=1e-4)
    assert discounting.probability(fit, data) == pytest.approx(glm.fittedvalues, abs=1e-5)
    # Standard errors: the delta method on theirs is our Laplace covariance.
    ratio = np.array([1 / s**2 * sk, -1 / s, 0.0]) / (-sk / s)
    theirs = float(np.sqrt(ratio @ glm.cov_params() @ ratio))
    ours = float(np.sqrt(fit.laplace[0, 0]))
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_scipy_finds_no_better_optimum() -> None:
    data = discounting.cells(drawn("present_biased", seed=5), PAIRS)
    for curve in ("exponential", "quasi_hyperbolic"):
        problem = Problem(data, curve)
        ours = problem.solve()
        start = problem.centre[problem.free]
        theirs = optimize.minimize(
            lambda x, p=problem: p.objective(x)[0], start, method="Nelder-Mead",
            options={"maxfev": 3000, "xatol": 1e-6, "fatol": 1e-8},
        )  # fmt: skip
        assert problem.objective(ours[problem.free])[0] <= theirs.fun + 1e-6, curve
        assert problem.fitted(ours).converged


def test_refusals_are_no_votes_for_now() -> None:
    choices = drawn("exponential", seed=1)
    silent = choices.assign(n_refused=5.0, n_neutral=3.0, n_unparsed=1.0)
    fits = [discounting.fit_curve(discounting.cells(c, PAIRS)) for c in (choices, silent)]
    assert (fits[0].theta == fits[1].theta).all()


def test_answers_of_one_kind_have_no_curve() -> None:
    data = discounting.cells(always("later"), PAIRS)
    with pytest.raises(EstimationError, match="one kind"):
        discounting.fit_curve(data)
    few = data.take(data.cell < 3)
    with pytest.raises(EstimationError, match="needs more"):
        discounting.fit_curve(few)


def test_held_out_cells_are_not_seen() -> None:
    data = discounting.cells(drawn("exponential", seed=2), PAIRS)
    whole = discounting.fit_curve(data)
    held = data.cell % 10 == 0
    spoiled = discounting.Cells(
        **{**data.__dict__, "later": np.where(held, data.total - data.later, data.later)}
    )
    spoiled_fit = discounting.fit_curve(spoiled)
    one = Problem(data.take(~held), "exponential", typical=whole.typical).solve(whole.theta)
    two = Problem(spoiled.take(~held), "exponential", typical=whole.typical).solve(
        spoiled_fit.theta
    )
    # Two starts of the same problem: equal to the tolerance of the search.
    assert one == pytest.approx(two, abs=1e-4)
    assert len(heldout_rows(data, held, whole)) == held.sum()


@pytest.mark.parametrize(
    ("name", "curve"),
    [("exponential", "exponential"), ("hyperbolic", "hyperbolic"),
     ("present_biased", "quasi_hyperbolic")],
)  # fmt: skip
def test_planted_curve_is_found(name: str, curve: str) -> None:
    data = discounting.cells(drawn(name, seed=11, samples=6), PAIRS)
    compared = discounting.compare_curves(data)
    assert compared.chosen == curve
    table = compared.table.set_index("curve")
    if curve != "exponential":
        assert table.loc[curve, "low"] > 0
    rate = discounting.annual_rate(discounting.fit_curve(data, compared.chosen))
    declared = simulated.load(name).declared
    truth = 100 * np.expm1(-log_discount(declared, 12))
    # A single draw: within two intervals' half-widths.
    assert abs(rate.value - truth) < 2 * (rate.high - rate.value)


# --- without a curve ------------------------------------------------------------------------------


def test_always_now_and_always_later_are_bounds() -> None:
    for option, side in (("sooner", ">"), ("later", "<")):
        told = discounting.analyse(always(option), PAIRS)
        assert told.why == ""
        assert told.side == side
        assert told.fit is None
        made = discounting.findings(told, chapter="discounting", provenance="simulated")
        rate = next(f for f in made if f.estimand == "discount.annual_rate")
        if side == ">":
            # Both sums are offered three for one in a month, and nothing is offered above that.
            assert rate.low == pytest.approx(100 * (3.0**12 - 1))
            assert rate.high is None
        else:
            assert rate.high == pytest.approx(100 * (1.02 ** (12 / 60) - 1))
            assert rate.low is None
        assert not {"discount.beta", "discount.front_end"} & {f.estimand for f in made}


def test_who_takes_the_larger_number_is_not_measurable() -> None:
    told = discounting.analyse(drawn("larger_number"), PAIRS)
    assert "larger number" in told.why
    made = discounting.findings(told, chapter="discounting", provenance="simulated")
    assert [f.estimand for f in made] == ["discount.measurable"]
    assert made[0].estimate == 0.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.assign(n_refused=t["n_first"] + t["n_second"], n_first=0.0, n_second=0.0),
        lambda t: t.assign(n_neutral=t["n_first"] + t["n_second"], n_first=0.0, n_second=0.0),
        lambda t: t.assign(n_unparsed=t["n_first"] + t["n_second"], n_first=0.0, n_second=0.0),
        lambda t: t.assign(n_first=2.0, n_second=0.0),
    ],
    ids=["refuses", "neutral", "junk", "always first"],
)
def test_no_number_without_answers(spoil) -> None:  # type: ignore[no-untyped-def]
    told = discounting.analyse(spoil(drawn("exponential")), PAIRS)
    made = discounting.findings(told, chapter="discounting", provenance="simulated")
    assert told.why
    assert [(f.estimand, f.estimate) for f in made] == [("discount.measurable", 0.0)]


def test_every_respondent_that_can_be_measured_is() -> None:
    for name in ("position_biased", "coherent"):
        assert discounting.analyse(drawn(name, seed=4), PAIRS).why == "", name


def test_findings_name_family_and_null() -> None:
    told = discounting.analyse(drawn("hyperbolic", seed=4), PAIRS)
    made = discounting.findings(told, chapter="discounting", provenance="simulated")
    tested = {f.estimand: f.null for f in made if f.family}
    assert tested == {
        "discount.beta": 1.0, "discount.front_end": 0.0, "discount.magnitude": 0.0,
        "discount.curve_gain": 0.0,
    }  # fmt: skip
    assert len({f.id for f in made}) == len(made)


def test_a_magnitude_effect_is_found() -> None:
    """Choices drawn from the fitted model itself with a rate that halves at the larger sum."""
    data = discounting.cells(drawn("exponential"), PAIRS)
    effect = -np.log(2.0)
    rate = 0.03 * np.exp(effect * (np.log(data.base / data.base.min()) / np.log(10.0) - 0.5))
    p = stats.norm.cdf(6.0 * (np.log(data.ratio) - rate * data.gap))
    later = np.random.default_rng(8).binomial(20, p).astype(float)
    fresh = discounting.Cells(**{**data.__dict__, "later": later, "total": np.full(len(p), 20.0)})
    found = discounting.magnitude(discounting.fit_curve(fresh))
    assert found.low < effect < found.high < 0


# --- parity ---------------------------------------------------------------------------------------


def told_by(rate: float) -> discounting.parity.Later:  # type: ignore[name-defined]
    return lambda base, start, gap, factor: np.log(factor) > rate * gap


def test_parity_equals_the_published_steps_by_hand() -> None:
    """Written from the published task: where each yearly factor of indifference must end."""
    for factor, small, further in (
        (1.005, 0, 0), (1.015, 1, 1), (1.05, 2, 2), (1.15, 3, 3), (1.3, 4, 4), (2.0, 5, 5),
    ):  # fmt: skip
        rate = np.log(factor) / 12
        accepted = {0: 1.01, 1: 1.02, 2: 1.1, 3: 1.2, 4: 1.5}.get(small)
        by_hand = small + further
        if accepted is not None:
            # later is a year on for both: the same factor is accepted again
            by_hand += int(not np.log(accepted) > rate * 12)
            by_hand += int(not np.log(1 + 2 * (accepted - 1)) > rate * 24)
        ours = discounting.coarse_score(told_by(rate))
        assert ours == pytest.approx(by_hand, abs=1e-6), factor


def test_parity_of_answers_equals_an_independent_count() -> None:
    """The score of drawn answers, counted here from the table with no call to our code."""
    choices = drawn("hyperbolic", seed=9, samples=5).set_index(["first", "second"])
    cell = {
        (r.base, r.start, r.gap, r.ratio): choices.loc[(r.sooner, r.later), "n_second"] > 2.5
        for r in PAIRS[PAIRS["block"] != "dominance"].itertuples()
    }

    def walk(base: float) -> tuple[int, float]:
        w = {f: bool(cell[(base, 0, 12, f)]) for f in (1.01, 1.02, 1.1, 1.2, 1.5)}
        if w[1.1] and w[1.02] and w[1.01]:
            return 0, 1.01
        if w[1.1] and w[1.02]:
            return 1, 1.02
        if w[1.1]:
            return 2, 1.1
        if w[1.2]:
            return 3, 1.2
        return (4, 1.5) if w[1.5] else (5, 0.0)

    (one, factor), (two, _) = walk(500.0), walk(5000.0)
    score = one + two
    if factor:
        score += not cell[(500.0, 12, 12, factor)]
        score += not cell[(500.0, 0, 24, round(1 + 2 * (factor - 1), 6))]
    ours = discounting.parity_score(choices.reset_index(), PAIRS)
    assert ours == pytest.approx(float(score), abs=1e-6)


def test_a_missing_cell_has_no_parity_score() -> None:
    assert np.isnan(discounting.coarse_score(lambda *_: None))


def test_coin_tossers_score_as_simulated() -> None:
    """The exact distribution against coins thrown here, one published task a throw."""
    rng = np.random.default_rng(0)

    def throw() -> int:
        score, found = 0, 0.0
        for step in range(3):
            one, f = discounting.staircase(lambda _: bool(rng.integers(2)))
            found = f if step == 0 else found
            score += one
        return score + (int(rng.integers(2, size=4).sum()) if found else 0)

    thrown = np.bincount([throw() for _ in range(4000)], minlength=20) / 4000
    values, chance = discounting.coin_distribution()
    assert chance.sum() == pytest.approx(1.0)
    assert values @ chance == pytest.approx(9.25)
    # Standard error of a share of 4,000 is at most 0.008.
    assert np.abs(thrown - chance).max() < 0.03


# --- published scores -----------------------------------------------------------------------------


def made_scores() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        ("a", "model", "GPT", 15.0, True, False), ("b", "model", "GPT", 0.0, True, False),
        ("c", "model", "Llama", 2.0, True, False), ("d", "model", "Llama", 9.0, True, False),
        ("e", "model", "Claude", 8.0, True, True), ("f", "model", "MPT", 25.0, False, False),
        ("g", "model", "MPT", 16.0, True, False), ("human", "human", "", 10.3, True, False),
    ]  # fmt: skip
    names = ["model", "kind", "family", "discounting", "possible", "placeholder"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(
        risk=rng.normal(size=len(table)), parameters=np.arange(1.0, len(table) + 1),
        feedback=[True, False] * 4,
    )  # fmt: skip


def test_published_scores_are_read_against_habit_and_chance() -> None:
    read = discounting.read_scores(made_scores())
    assert read.coin == (4.0, 14.0)
    assert read.human == 10.3
    assert list(read.table["reading"]) == [
        "one option always", "one option always", "patient", "within chance", "typed in",
        "not possible", "impatient", "human",
    ]  # fmt: skip
    assert list(read.models["model"]) == ["a", "b", "c", "d", "g"]
    made = discounting.published_findings(read, "discounting")
    shown = {f.respondent: f.note for f in made if f.estimand == "discount.published_score"}
    assert shown["codaforno2024/f"] == "not possible"
    assert len({f.id for f in made}) == len(made)


# --- coverage -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exponential", "hyperbolic", "present_biased"])
def test_intervals_cover_and_nulls_hold(name: str) -> None:
    """100 seeds: 95 % intervals cover 92 to 97 %, widened by two binomial errors of 100 seeds
    (0.044); tests without an effect reject at most 5 %, widened alike."""
    declared = simulated.load(name).declared
    truth = 100 * np.expm1(-log_discount(declared, 12))
    months = np.linspace(0, 60, 2401)
    area = np.trapezoid([np.exp(log_discount(declared, t)) for t in months], months) / 60
    seeds, covered, rejected = 100, np.zeros(3), np.zeros(2)
    for seed in range(seeds):
        data = discounting.cells(drawn(name, seed=1000 + seed), PAIRS)
        curve = discounting.compare_curves(data, seed=seed).chosen if seed < 40 else {
            "exponential": "exponential", "hyperbolic": "hyperbolic",
            "present_biased": "quasi_hyperbolic",
        }[name]  # fmt: skip
        fit = discounting.fit_curve(data, curve)
        told = (
            (discounting.annual_rate(fit), truth), (discounting.area_under_curve(fit), area),
            (discounting.order_effect(fit), 0.0),
        )  # fmt: skip
        covered += [e.low <= value <= e.high for e, value in told]
        jump, factor = discounting.front_end(data), discounting.beta(data)
        rejected += [not jump.low <= 0 <= jump.high, not factor.low <= 1 <= factor.high]
    assert (covered >= seeds * 0.92 - 4.4).all()
    assert covered.min() > 0
    if name == "exponential":
        assert (rejected <= seeds * 0.05 + 4.4).all()
    else:
        assert (rejected >= seeds * 0.8).all()
