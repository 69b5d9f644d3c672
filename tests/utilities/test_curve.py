from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from revealed.foundation.errors import EstimationError
from revealed.utilities.comparisons import Comparisons
from revealed.utilities.curve import CurveFit, fit_curve, log_loss
from revealed.utilities.curve_design import DOLLAR_SHARE, EQUAL_SHARE, first_round, next_round
from revealed.utilities.curve_model import grid_of
from revealed.utilities.monotone import MonotoneBasis

GOODS = ("Aland", "Borduria", "Cascadia", "Drachten", "Elbonia")
LOG_PRICE = np.array([1.5, 0.5, 0.0, -0.5, -1.5])
SLOPE = 0.5
CURVES = ("common", "per_good", "spline")


def make_items(sign: int = 1, dollars: bool = True) -> pd.DataFrame:
    rows = [
        (f"{good}-{q}", "good", good, float(q), sign)
        for good in GOODS
        for q in (1, 3, 10, 30, 100, 300, 1000)
    ]
    if dollars:
        rows += [(f"usd-{k}", "dollar", "", 10.0**k, 1) for k in range(8)]
    names = ["item", "kind", "good", "quantity", "sign"]
    return pd.DataFrame(rows, columns=names).set_index("item")


def truth(items: pd.DataFrame) -> np.ndarray:
    log = np.log(items["quantity"].to_numpy())
    price = items["good"].map(dict(zip(GOODS, LOG_PRICE, strict=True))).fillna(0.0).to_numpy()
    dollar = (items["kind"] == "dollar").to_numpy()
    worth = np.where(dollar, 0.3 * log - 1.0, SLOPE * (log + price))
    return np.where(dollar, worth, items["sign"].to_numpy() * worth)


def answers(
    items: pd.DataFrame, u: np.ndarray, rng: np.random.Generator, pairs: np.ndarray | None = None,
    *, m: int = 300, k: int = 2, order: float = 0.3, lapse: float = 0.0,
) -> Comparisons:  # fmt: skip
    if pairs is None:
        low, high = np.triu_indices(len(items), 1)
        pick = rng.choice(len(low), m, replace=False)
        pairs = np.stack([low[pick], high[pick]], axis=1)
    first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
    p = (1 - lapse) * stats.norm.cdf(u[first] - u[second] + order) + lapse / 2
    n_first = rng.binomial(k, p).astype(float)
    return Comparisons(tuple(items.index), first, second, n_first, k - n_first)


@pytest.fixture(scope="module")
def fitted() -> dict[str, CurveFit]:
    items = make_items()
    c = answers(items, truth(items), np.random.default_rng(0))
    return {curve: fit_curve(c, items, curve) for curve in CURVES}


@pytest.mark.parametrize("curve", CURVES)
def test_converges_and_recovers(fitted: dict[str, CurveFit], curve: str) -> None:
    fit = fitted[curve]
    assert fit.converged
    assert fit.decrement < 1e-8
    # Four standard errors: one false alarm in 16,000 a comparison.
    assert np.all(np.abs(fit.a - SLOPE) < 4 * fit.a_se)
    assert abs(fit.order_effect - 0.3) < 4 * fit.order_effect_se
    assert fit.dollar_slope == pytest.approx(0.3, abs=0.15)
    assert not fit.separated


def test_agrees_with_statsmodels() -> None:
    """The same likelihood, maximised by someone else: a probit GLM over the design."""
    items = make_items()
    c = answers(items, truth(items), np.random.default_rng(1))
    fit = fit_curve(c, items, ridge=1e-9)
    grid = fit.grid
    design = np.zeros((len(items), len(GOODS) + 3))
    is_good = grid.good >= 0
    design[is_good, grid.good[is_good]] = 1.0
    design[is_good, len(GOODS)] = grid.x[is_good]
    design[~is_good, len(GOODS) + 1] = 1.0
    design[~is_good, len(GOODS) + 2] = grid.x[~is_good]
    rows = np.column_stack([design[c.first] - design[c.second], np.ones(len(c))])
    rows = rows[:, 1:]  # one good is the zero
    family = sm.families.Binomial(sm.families.links.Probit())
    glm = sm.GLM(np.column_stack([c.n_first, c.n_second]), rows, family=family).fit(tol=1e-12)
    ours = np.delete(fit.theta, 0)
    ours[: len(GOODS) - 1] -= fit.theta[0]
    ours[len(GOODS)] -= fit.theta[0]
    # A ridge of 1e-9 moves estimates by far less than this.
    np.testing.assert_allclose(ours, glm.params, atol=1e-5)
    slope = len(GOODS)
    se = np.sqrt(fit.laplace_covariance[slope, slope])
    # statsmodels uses the expected, we the observed information: they differ at finite n.
    assert se == pytest.approx(glm.bse[slope - 1], rel=0.05)


@pytest.mark.parametrize("curve", CURVES)
def test_sandwich_is_close_to_leaving_out_pairs(curve: str) -> None:
    """HC3 approximates the jackknife over pairs (Efron and Stein), here by exact refits."""
    items = make_items()
    c = answers(items, truth(items), np.random.default_rng(2), m=140)
    fit = fit_curve(c, items, curve)
    pair = c.pairs.row
    refits = np.array(
        [
            fit_curve(c.take(np.flatnonzero(pair != k)), items, curve).theta
            for k in range(pair.max() + 1)
        ]
    )
    jackknife = ((refits - fit.theta) ** 2).sum(axis=0)
    # The common shift of b and c is held by the prior alone and is no estimand: compare the rest.
    kept = slice(len(GOODS), len(GOODS) + (1 if curve == "common" else len(GOODS)))
    kept = kept if curve != "spline" else slice(-1, None)
    # One Newton step stands for each refit: at 140 pairs and leverages of 0.1 that costs up to a
    # fifth.
    np.testing.assert_allclose(np.diag(fit.covariance)[kept], jackknife[kept], rtol=0.2)


@pytest.mark.parametrize("curve", CURVES)
def test_gradients_of_inverses(fitted: dict[str, CurveFit], curve: str) -> None:
    fit, step = fitted[curve], 1e-5
    goods, size = len(GOODS), len(fit.theta)
    gradient = np.zeros((goods, size))
    gradient[:, fit.model.b] = 1.0 / goods

    def both(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = replace(fit, theta=theta)
        level = np.full(goods, moved.b.mean())
        dollars = moved.dollars_at(*moved.worth_at(np.full(goods, 0.3)))[0]
        return moved.quantity_at(level, gradient)[0], dollars

    level = np.full(goods, fit.b.mean())
    analytic = (
        fit.quantity_at(level, gradient)[1],
        fit.dollars_at(*fit.worth_at(np.full(goods, 0.3)))[1],
    )
    for k in range(size):
        nudge = np.zeros(size)
        nudge[k] = step
        for up, down, exact in zip(
            both(fit.theta + nudge), both(fit.theta - nudge), analytic, strict=True
        ):
            np.testing.assert_allclose((up - down) / (2 * step), exact[:, k], atol=1e-5)


def test_fewer_deaths_are_better_and_prices_say_the_same() -> None:
    """The mirror image of an answer about lives is an answer about deaths, price for price."""
    lives, deaths = make_items(dollars=False), make_items(sign=-1, dollars=False)
    c = answers(lives, truth(lives), np.random.default_rng(3), order=0.0)
    mirrored = replace(c, n_first=c.n_second, n_second=c.n_first)
    good, bad = fit_curve(c, lives), fit_curve(mirrored, deaths)
    np.testing.assert_allclose(good.b - good.b.mean(), bad.b - bad.b.mean(), atol=1e-8)
    np.testing.assert_allclose(good.a, bad.a, atol=1e-8)


def test_lapse_is_allowed_for() -> None:
    items = make_items()
    u = 3.0 * truth(items)
    slopes = []
    for seed in range(5):
        c = answers(items, u, np.random.default_rng(seed), m=400, lapse=0.2, order=0.0)
        slopes.append([fit_curve(c, items, lapse=lapse).a[0] for lapse in (0.0, 0.2)])
    ignored, allowed = np.mean(slopes, axis=0)
    assert allowed == pytest.approx(1.5, rel=0.2)
    assert ignored < 0.8 * allowed


def test_without_order_effect_and_with_logit() -> None:
    items = make_items()
    c = answers(items, truth(items), np.random.default_rng(4))
    plain = fit_curve(c, items, order_effect=False)
    assert plain.order_effect == pytest.approx(0.0, abs=1e-9)
    logit = fit_curve(c, items, link="logit")
    # The logistic scale is about 1.7 times the normal one near indifference.
    assert 1.5 < logit.a[0] / fit_curve(c, items).a[0] < 1.95


def test_certain_answers_are_called_separated() -> None:
    items = make_items()
    c = answers(items, 1000.0 * truth(items), np.random.default_rng(5), m=40, order=0.0)
    fit = fit_curve(c, items)
    assert fit.separated
    assert fit.converged
    np.testing.assert_array_equal(fit.covariance, fit.laplace_covariance)


def test_misfit_variance_is_found() -> None:
    items = make_items()
    found = {}
    for sd in (0.0, 0.6):
        values = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            low, high = np.triu_indices(len(items), 1)
            pick = rng.choice(len(low), 500, replace=False)
            pairs = np.stack([low[pick], high[pick]], axis=1)
            own = rng.normal(0.0, sd, len(pairs))
            first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
            u = truth(items)
            p = stats.norm.cdf(u[first] - u[second] + np.concatenate([own, -own]))
            n_first = rng.binomial(5, p).astype(float)
            c = Comparisons(tuple(items.index), first, second, n_first, 5 - n_first)
            values.append(fit_curve(c, items).misfit_variance)
        found[sd] = np.mean(values)
    assert found[0.0] < 0.05
    # Moments at a finite deviation are biased low, by the curvature of the link.
    assert 0.2 < found[0.6] < 0.5


@pytest.mark.parametrize("curve", CURVES)
def test_item_effects_find_how_far_items_lie_from_their_curve(curve: str) -> None:
    items = make_items()
    found: dict[float, list[float]] = {0.0: [], 0.5: []}
    for sd, values in found.items():
        for seed in range(4):
            rng = np.random.default_rng(seed)
            u = truth(items) + rng.normal(0.0, sd, len(items))
            c = answers(items, u, rng, m=500)
            fit = fit_curve(c, items, curve, item_effects=True)
            values.append(fit.item_sd)
            assert fit.converged
            plain = fit_curve(c, items, curve)
            if sd:
                assert fit.a_se[0] > plain.a_se[0]
                # Deviations are pulled to zero, hence nearer to the truth than to the answers.
                assert np.corrcoef(fit.utility, u)[0, 1] > np.corrcoef(plain.utility, u)[0, 1]
            np.testing.assert_allclose(plain.on_curve, plain.utility)
    assert np.mean(found[0.0]) < 0.15
    # 43 items know a standard deviation of 0.5 to 0.054; the mean of four to 0.03.
    assert np.mean(found[0.5]) == pytest.approx(0.5, abs=0.12)


def test_many_parameters_take_the_sparse_route_to_the_same_place() -> None:
    from revealed.utilities import curve_newton

    items = make_items()
    c = answers(items, truth(items), np.random.default_rng(10))
    dense = fit_curve(c, items, "spline")
    before, curve_newton._DENSE = curve_newton._DENSE, 0
    try:
        sparse = fit_curve(c, items, "spline")
    finally:
        curve_newton._DENSE = before
    np.testing.assert_allclose(sparse.theta, dense.theta, atol=1e-8)
    np.testing.assert_allclose(sparse.covariance, dense.covariance, atol=1e-8)


def test_held_out_log_loss() -> None:
    items = make_items()
    rng = np.random.default_rng(6)
    train, test = (answers(items, truth(items), rng) for _ in range(2))
    fit = fit_curve(train, items, holdout=test)
    assert fit.heldout == pytest.approx(log_loss(fit, test))
    p = fit.predict(test.first, test.second)
    by_hand = -np.mean(test.n_first * np.log(p) + test.n_second * np.log(1 - p)) / 2
    assert fit.heldout == pytest.approx(by_hand)
    assert fit.heldout < np.log(2)


def test_reference_may_name_items_or_goods() -> None:
    items = make_items()
    assert grid_of(items, ["Aland-1", "Aland-10", "Elbonia"]).reference == ("Aland", "Elbonia")
    placebo = items.assign(role=np.where(items["good"] == "Elbonia", "placebo", ""))
    assert grid_of(placebo).reference == GOODS[:-1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t["good"] == "Aland"], "two goods"),
        (lambda t: t[t["quantity"] == 1], "two quantities"),
        (lambda t: t.assign(quantity=0.0), "no positive quantity"),
    ],
)
def test_bad_grids_are_refused(change: object, says: str) -> None:
    with pytest.raises(EstimationError, match=says):
        grid_of(change(make_items()))  # type: ignore[operator]


def test_bad_calls_are_refused() -> None:
    items = make_items()
    c = answers(items, truth(items), np.random.default_rng(7))
    with pytest.raises(EstimationError, match="unknown curve"):
        fit_curve(c, items, "wavy")  # type: ignore[arg-type]
    with pytest.raises(EstimationError, match="no answered comparison"):
        fit_curve(c.take(np.array([], dtype=int)), items)
    with pytest.raises(EstimationError, match="no such good"):
        fit_curve(c, items, reference=["Atlantis"])
    without = make_items(dollars=False)
    plain = fit_curve(answers(without, truth(without), np.random.default_rng(8)), without)
    assert plain.dollar_slope is None
    with pytest.raises(EstimationError, match="no dollar amounts"):
        plain.dollars_at(plain.b, np.zeros((5, len(plain.theta))))


@settings(max_examples=50, deadline=None)
@given(
    logs=st.lists(st.floats(-4, 4), min_size=7, max_size=7),
    grid=st.lists(st.floats(-5, 5), min_size=2, max_size=12, unique_by=lambda x: round(x, 1)),
)
def test_basis_increases_and_is_its_slopes_integral(logs: list[float], grid: list[float]) -> None:
    basis = MonotoneBasis.for_grid(grid)
    c = np.exp(np.array(logs[: basis.size]))
    x = np.linspace(min(grid) - 2, max(grid) + 2, 301)
    f = basis.value(x) @ c
    assert np.all(np.diff(f) > 0)
    np.testing.assert_allclose(basis.value([0.0]), 0.0, atol=1e-7 * c.max())
    # Equal coefficients give the straight line f(x) = x.
    np.testing.assert_allclose(basis.value(x).sum(axis=1), x, atol=1e-6)
    # Trapezia of a piecewise quadratic are right to the square of the step.
    middle = basis.slope((x[1:] + x[:-1]) / 2) @ c
    np.testing.assert_allclose(np.diff(f) / np.diff(x), middle, rtol=0.05, atol=0.05 * c.max())


def test_spline_finds_a_bent_curve() -> None:
    items = make_items(dollars=False)
    log = np.log(items["quantity"].to_numpy())
    bent = np.minimum(log, np.log(30)) * 0.8
    price = items["good"].map(dict(zip(GOODS, LOG_PRICE, strict=True))).to_numpy(float)
    losses = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        train, test = (answers(items, bent + 0.5 * price, rng, m=400) for _ in range(2))
        losses.append([log_loss(fit_curve(train, items, c), test) for c in ("common", "spline")])
    straight, spline = np.mean(losses, axis=0)
    assert spline < straight


# Which pairs to ask.


@settings(max_examples=25, deadline=None)
@given(m=st.integers(20, 150), seed=st.integers(0, 10**6))
def test_first_round_connects_and_keeps_its_shares(m: int, seed: int) -> None:
    items = make_items()
    pairs = first_round(items, m, np.random.default_rng(seed))
    assert pairs.shape == (m, 2)
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == m
    good, quantity = items["good"].to_numpy(), items["quantity"].to_numpy()
    left, right = good[pairs[:, 0]], good[pairs[:, 1]]
    money = (left == "") | (right == "")
    assert money.sum() == round(DOLLAR_SHARE * m)
    equal = ~money & (quantity[pairs[:, 0]] == quantity[pairs[:, 1]])
    # Random quantities may happen to be equal too; only the wish is exact, unless a pair of goods
    # has no equal quantity left.
    assert equal.sum() >= 0.8 * round(EQUAL_SHARE * m)
    assert np.all(left != right)
    reached, frontier = {GOODS[0]}, {GOODS[0]}
    while frontier:
        frontier = {
            b for a, b in [*zip(left, right, strict=True), *zip(right, left, strict=True)]
            if a in frontier and b not in reached
        }  # fmt: skip
        reached |= frontier
    assert set(GOODS) <= reached


def test_rounds_refuse_what_they_cannot_do() -> None:
    items = make_items()
    rng = np.random.default_rng(0)
    with pytest.raises(EstimationError, match="cannot connect"):
        first_round(items, 4, rng)
    with pytest.raises(EstimationError, match="different pairs"):
        first_round(items, 100_000, rng)
    fit = fit_curve(answers(items, truth(items), rng), items)
    with pytest.raises(EstimationError, match="other items"):
        next_round(fit, items.iloc[1:], 5, rng)


def test_next_round_asks_anew_near_indifference() -> None:
    items = make_items()
    # Rows that are no goods must not shift the positions.
    stray = pd.DataFrame({"kind": ["outcome"], "good": [""], "quantity": [np.nan], "sign": [1]},
                         index=["stray"])  # fmt: skip
    items = pd.concat([stray, items])
    u = np.concatenate([[0.0], truth(items.iloc[1:])])
    rng = np.random.default_rng(9)
    start = first_round(items, 60, rng)
    assert start.min() >= 1
    c = answers(items, u, rng, start)
    fit = fit_curve(c, items)
    held = [tuple(pair) for pair in next_round(fit, items, 10, np.random.default_rng(1)).tolist()]
    chosen = next_round(fit, items, 60, np.random.default_rng(1), exclude=held)
    keys = {tuple(sorted(pair)) for pair in chosen.tolist()}
    assert len(keys) == 60
    assert not keys & {tuple(sorted(pair)) for pair in [*start.tolist(), *held]}
    assert 0 not in chosen
    gap = np.abs(u[chosen[:, 0]] - u[chosen[:, 1]]).mean()
    assert gap < 0.7 * np.abs(u[start[:, 0]] - u[start[:, 1]]).mean()
    good, quantity = items["good"].to_numpy(), items["quantity"].to_numpy()
    left, right = good[chosen[:, 0]], good[chosen[:, 1]]
    equal = (left != right) & (left != "") & (right != "")
    equal &= quantity[chosen[:, 0]] == quantity[chosen[:, 1]]
    assert equal.sum() >= round(EQUAL_SHARE * 60)
    assert ((left == "") != (right == "")).sum() >= round(DOLLAR_SHARE * 60)


def test_design_beats_random_pairs() -> None:
    items = make_items()
    u = truth(items)
    volume = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        start = first_round(items, 60, rng)
        fit = fit_curve(answers(items, u, rng, start), items)
        designed = np.concatenate([start, next_round(fit, items, 120, rng)])
        low, high = np.triu_indices(len(items), 1)
        pick = rng.choice(len(low), 180, replace=False)
        random = np.stack([low[pick], high[pick]], axis=1)
        volume.append(
            [
                np.linalg.slogdet(
                    fit_curve(answers(items, u, rng, pairs), items).laplace_covariance
                )[1]
                for pairs in (designed, random)
            ]
        )
    # log det of the covariance of nine parameters: 2 means 25 % less variance each.
    designed, random = np.mean(volume, axis=0)
    assert designed < random - 2.0
