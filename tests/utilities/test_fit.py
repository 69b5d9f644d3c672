"""Fits: against statsmodels and choix, on every namespace, and what must not change them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import array_api_strict
import choix
import numpy as np
import pytest
import statsmodels.api as sm
from drawn_answers import good_comparisons, simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize as scipy_minimize
from scipy.special import ndtri

from revealed.foundation.backend import NUMPY, standard_backend
from revealed.foundation.errors import DataError, EstimationError
from revealed.foundation.schemas import UTILITIES, check
from revealed.utilities import Comparisons, fit, load_fit, predict, with_gauge
from revealed.utilities.likelihood import terms
from revealed.utilities.models import ORDER_PRECISION, CaseV, ItemVariances, PairData

STRICT = standard_backend(array_api_strict, "strict")
WEAK = 1e-6  # a ridge that leaves the maximum likelihood estimate where it is, to about 1e-6


def design(c: Comparisons) -> np.ndarray:
    """Dense design: the items but the last, then the order effect."""
    rows = np.arange(len(c))
    x = np.zeros((len(c), len(c.items) + 1))
    x[rows, c.first], x[rows, c.second], x[:, -1] = 1, -1, 1
    return np.delete(x, len(c.items) - 1, axis=1)


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_statsmodels_finds_the_same(small, link):
    c = small.comparisons
    family = sm.families.Binomial(
        sm.families.links.Probit() if link == "probit" else sm.families.links.Logit()
    )
    model = sm.GLM(np.stack([c.n_first, c.n_second], axis=1), design(c), family=family)
    theirs = model.fit(tol=1e-12)
    ours = fit(c, link=link, ridge=WEAK, reference=[c.items[-1]])
    # The order effect's prior of precision 1/4 against an information of 1e3: 1e-4 of its size.
    np.testing.assert_allclose(ours.mean[:-1], theirs.params[:-1], atol=2e-4)
    assert ours.order_effect == pytest.approx(theirs.params[-1], rel=5e-4)
    if link == "logit":  # statsmodels' covariance takes the expected curvature, ours the observed
        laplace = np.sqrt(np.diag(ours.laplace_covariance))[:-1]
        np.testing.assert_allclose(laplace, theirs.bse[:-1], rtol=1e-3)
    assert ours.converged


def test_choix_finds_the_same_bradley_terry(small):
    c = small.comparisons
    wins = [
        (int(a), int(b))
        for i, j, x, y in zip(c.first, c.second, c.n_first, c.n_second, strict=True)
        for a, b, k in ((i, j, x), (j, i, y))
        for _ in range(int(k))
    ]
    ridge = 0.5
    # choix adds alpha times the sum of squares, a ridge adds half of itself times it.
    theirs = choix.opt_pairwise(len(c.items), wins, alpha=ridge / 2, method="BFGS", tol=1e-10)
    ours = fit(c, link="logit", order_effect=False, ridge=ridge)
    # BFGS stops at gradients of 1e-5 or where its line search loses digits.
    np.testing.assert_allclose(ours.mean, theirs - theirs.mean(), atol=1e-4)


# Guilford (1954, Psychometric Methods): shares of 148 judges who preferred the column's vegetable
# to the row's, and Thurstone's Case V values as published with them (R package psych, thurstone).
VEGETABLES = ("turnips", "cabbage", "beets", "asparagus", "carrots", "spinach", "beans", "peas",
              "corn")  # fmt: skip
PREFERRED = """
 .818 .770 .811 .878 .892 .899 .892 .926
 .601 .723 .743 .736 .811 .845 .858
 .561 .736 .676 .845 .797 .818
 .561 .588 .676 .601 .730
 .493 .574 .709 .764
 .628 .682 .628
 .527 .642
 .628
"""
PUBLISHED = np.array([0.00, 0.52, 0.65, 0.98, 1.12, 1.14, 1.40, 1.44, 1.63])


def vegetables() -> Comparisons:
    shares = np.array([float(x) for x in PREFERRED.split()])
    row, column = np.triu_indices(9, 1)
    return Comparisons(VEGETABLES, column, row, 148 * shares, 148 * (1 - shares))


def test_published_thurstone_scale_values_are_found():
    c = vegetables()
    # The published values are means of normal deviates; that they follow from the matrix as printed
    # above shows that it is copied right.
    deviates = np.zeros((9, 9))
    deviates[c.second, c.first] = ndtri(c.n_first / 148)
    deviates -= deviates.T
    by_hand = deviates.mean(axis=0)
    np.testing.assert_allclose(by_hand - by_hand[0], PUBLISHED, atol=0.006)
    found = fit(c, order_effect=False, ridge=WEAK, reference=["turnips"])
    # Least squares on deviates against maximum likelihood: alike to a fraction of the standard
    # errors, which are about 0.09.
    assert np.abs(found.mean - PUBLISHED).max() < 0.06
    assert np.corrcoef(found.mean, PUBLISHED)[0, 1] > 0.997


def posterior(c: Comparisons, ridge: float, link: str, lapse: float):
    """The negative log posterior written out plainly, for scipy's optimiser."""

    def loss(theta):
        u, w = theta[:-1], theta[-1]
        found = terms(u[c.first] - u[c.second] + w, c.n_first, c.n_second, link, lapse)
        g = np.append(ridge * u, ORDER_PRECISION * w)
        np.add.at(g, c.first, -found.score)
        np.add.at(g, c.second, found.score)
        g[-1] -= found.score.sum()
        prior = (ridge * u @ u + ORDER_PRECISION * w**2) / 2
        return prior - found.log_likelihood.sum(), g

    return loss


@pytest.mark.parametrize("link", ["probit", "logit"])
@pytest.mark.parametrize("lapse", [0.0, 0.04])
def test_the_optimum_is_the_optimum(link, lapse):
    c = simulate(lapse=0.04, spread=2.0).comparisons
    ours = fit(c, link=link, lapse=lapse, ridge=0.3)
    loss = posterior(c, 0.3, link, lapse)
    theirs = scipy_minimize(
        loss, np.zeros(41), jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000}
    )
    ours_value, _ = loss(np.append(ours.mean, ours.order_effect))
    # The mark: within 1e-6 nats of the optimum, from either side.
    assert ours_value <= theirs.fun + 1e-6
    np.testing.assert_allclose(ours.mean, theirs.x[:-1] - theirs.x[:-1].mean(), atol=1e-4)
    prior = (0.3 * ours.mean @ ours.mean + ORDER_PRECISION * ours.order_effect**2) / 2
    assert ours.log_likelihood == pytest.approx(prior - ours_value, abs=1e-6)
    assert ours.decrement <= 1e-8


@pytest.mark.parametrize("model", ["case_v", "item"])
@pytest.mark.parametrize("link", ["probit", "logit"])
@pytest.mark.parametrize("lapse", [0.0, 0.05])
@pytest.mark.parametrize("order_effect", [True, False])
def test_gradient_and_hessian_are_the_derivatives(small, model, link, lapse, order_effect):
    data = PairData(small.comparisons.pairs, 40, NUMPY, order_effect=order_effect)
    built = (
        CaseV(data, link, lapse, 0.5)
        if model == "case_v"
        else ItemVariances(data, link, lapse, 0.5, 0.5)
    )
    rng = np.random.default_rng(0)
    theta, p = 0.5 * rng.normal(size=(2, built.size, 1))
    if not order_effect:
        theta[40] = p[40] = 0
    h = 1e-5
    at, up, down = (built.evaluate(theta + d * p) for d in (0.0, h, -h))
    # Central differences of values near 1e4 with 1e-16 of rounding: 1e-12 / 1e-5.
    assert (at.gradient * p).sum() == pytest.approx(
        ((up.value - down.value) / (2 * h))[0], abs=1e-5
    )
    numeric = (up.gradient - down.gradient) / (2 * h)
    np.testing.assert_allclose(at.product(p), numeric, atol=1e-4)
    for fisher in (False, True):
        dense = built.information(theta[:, 0], fisher=fisher) @ p
        product = built.evaluate(theta, fisher=fisher).product(p)
        np.testing.assert_allclose(dense, product, atol=1e-9)


@pytest.mark.parametrize("variances", ["common", "item"])
@pytest.mark.parametrize("link", ["probit", "logit"])
def test_every_namespace_finds_the_same(variances, link):
    c = simulate(25, 120).comparisons
    ours = fit(c, link=link, variances=variances, backend=NUMPY)
    theirs = fit(c, link=link, variances=variances, backend=STRICT)
    assert theirs.backend == "strict"
    # Both stop at 1e-8 nats; sums in another order move the path by rounding alone.
    for name in ("mean", "variance", "covariance", "laplace_covariance"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), atol=1e-7)
    assert theirs.ridge == pytest.approx(ours.ridge, rel=1e-6)
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=1e-6)


def test_a_large_problem_takes_the_stochastic_trace_on_every_namespace():
    c = simulate(220, 1500).comparisons
    ours, theirs = fit(c, backend=NUMPY), fit(c, backend=STRICT)
    assert theirs.ridge == pytest.approx(ours.ridge, rel=1e-6)


# ------------------------------------------------------------------ what must not change a fit


def equal_fits(one, two, order=slice(None)):
    # Each stops below 1e-8 nats, so utilities agree to 1.4e-4 of a prior standard deviation each;
    # the ridge is fixed here, so nothing else can differ.
    np.testing.assert_allclose(one.mean, two.mean[order], atol=5e-4)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-3)


@settings(deadline=None, max_examples=40)
@given(good_comparisons(), st.sampled_from(["probit", "logit"]))
def test_swapping_the_roles_of_the_answers_mirrors_the_fit(c, link):
    """Exchanging who was chosen turns every utility and the order effect around."""
    mirrored = Comparisons(c.items, c.first, c.second, c.n_second, c.n_first)
    one, two = fit(c, link=link, ridge=0.5), fit(mirrored, link=link, ridge=0.5)
    np.testing.assert_allclose(one.mean, -two.mean, atol=5e-4)
    assert one.order_effect == pytest.approx(-two.order_effect, abs=2e-3)


@settings(deadline=None, max_examples=40)
@given(good_comparisons(), st.sampled_from(["probit", "logit"]))
def test_listing_the_other_option_first_turns_the_order_effect(c, link):
    """Exchanging which option is listed first, with the same choices, keeps the utilities."""
    swapped = Comparisons(c.items, c.second, c.first, c.n_second, c.n_first)
    one, two = fit(c, link=link, ridge=0.5), fit(swapped, link=link, ridge=0.5)
    equal_fits(one, two)
    assert one.order_effect == pytest.approx(-two.order_effect, abs=2e-3)


@settings(deadline=None, max_examples=40)
@given(good_comparisons(), st.randoms(use_true_random=False))
def test_names_and_numbers_do_not_matter(c, random):
    order = list(range(len(c.items)))
    random.shuffle(order)
    place = np.argsort(order)
    renamed = Comparisons(
        tuple(c.items[k] for k in order), place[c.first], place[c.second], c.n_first, c.n_second
    )
    equal_fits(fit(renamed, ridge=0.5), fit(c, ridge=0.5), order)


@settings(deadline=None, max_examples=40)
@given(good_comparisons(), st.randoms(use_true_random=False))
def test_rows_may_be_split_and_shuffled(c, random):
    rows = list(range(len(c))) * 2
    random.shuffle(rows)
    halves = Comparisons(
        c.items, c.first[rows], c.second[rows], c.n_first[rows] / 2, c.n_second[rows] / 2
    )
    equal_fits(fit(halves, ridge=0.5), fit(c, ridge=0.5))


@settings(deadline=None, max_examples=25)
@given(good_comparisons(), st.data())
def test_the_gauge_moves_nothing_but_the_origin(c, data):
    reference = data.draw(
        st.lists(st.sampled_from(c.items), min_size=1, max_size=len(c.items), unique=True)
    )
    one, two = fit(c, ridge=0.5), fit(c, ridge=0.5, reference=reference)
    numbers = [c.items.index(name) for name in reference]
    assert two.mean[numbers].mean() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(np.diff(one.mean), np.diff(two.mean), atol=1e-12)
    moved = with_gauge(one, reference)
    np.testing.assert_allclose(moved.mean, two.mean, atol=1e-12)
    np.testing.assert_allclose(moved.covariance, two.covariance, atol=1e-9)
    for i in range(1, len(c.items)):
        a, b = one.difference(0, i), two.difference(0, i)
        np.testing.assert_allclose([a.estimate, a.se], [b.estimate, b.se], atol=1e-7)
    # In its own gauge the reference's mean has no error.
    assert two.covariance[np.ix_(numbers, numbers)].mean() == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(good_comparisons())
def test_any_valid_comparisons_have_a_finite_fit(c):
    found = fit(c)
    assert found.converged
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.covariance).all()
    assert np.isfinite(found.se[found.identified]).all()
    assert np.isnan(found.se[~found.identified]).all()


# ------------------------------------------------------------------------- recovery and limits


def test_a_planted_order_effect_is_recovered_and_moves_no_utility():
    utility = np.random.default_rng(5).normal(size=40)
    plain = fit(simulate(pairs=600, answers=40, order=0.0, utility=utility).comparisons)
    pushed = fit(simulate(pairs=600, answers=40, order=0.8, utility=utility).comparisons)
    for found, truth in ((plain, 0.0), (pushed, 0.8)):
        # Four standard errors: one in 16,000 honest runs fails.
        assert abs(found.order_effect - truth) < 4 * found.order_effect_se
    # Different answers, so they differ by sampling; not by a change of scale.
    slope = np.polyfit(plain.mean, pushed.mean, 1)[0]
    assert slope == pytest.approx(1, abs=0.05)


def test_a_planted_lapse_is_recovered():
    truth = 0.08
    found = [
        fit(simulate(pairs=500, answers=20, lapse=truth, spread=1.5, seed=s).comparisons,
            lapse="estimate").lapse
        for s in range(8)
    ]  # fmt: skip
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - truth) < 5 * error  # t of 7 degrees: one in 600
    assert np.std(found) < 0.02


def test_without_a_lapse_none_is_found():
    found = fit(simulate(pairs=500, answers=20).comparisons, lapse="estimate")
    assert found.lapse < 0.01


def test_item_variances_are_recovered_and_shrunk():
    c, _ = simulate(40, 780, 20, item_variance=0.8, seed=3)
    found = fit(c, variances="item")
    rng = np.random.default_rng(3)
    rng.normal(0, 1.0, 40)  # the simulation's own draws, in its order
    assert found.converged
    assert found.variance.std() > 0.05
    plain = fit(c)
    assert found.log_likelihood > plain.log_likelihood + 10
    tight = fit(c, variances="item", tau=1e-3)
    np.testing.assert_allclose(tight.variance, 0.5, atol=1e-3)
    np.testing.assert_allclose(tight.mean, plain.mean, atol=5e-3)


def test_the_ridge_is_the_fixed_point():
    for seed in range(3):
        c = simulate(seed=seed, answers=2).comparisons
        found = fit(c)
        n = len(c.items)
        # The published form of the fixed point: the trace without the unseen direction's 1/ridge.
        # In the gauge of all items the Laplace covariance is exactly that part.
        trace = np.trace(found.laplace_covariance)
        expected = (n - 1) / (found.mean @ found.mean + trace)
        assert found.ridge == pytest.approx(expected, rel=5e-3)


def test_a_respondent_without_values_gets_equal_utilities():
    c = simulate(utility=np.zeros(40)).comparisons
    found = fit(c)
    assert found.converged
    assert found.mean.std() < 0.05
    always_first = Comparisons(c.items, c.first, c.second, c.n, 0 * c.n)
    found = fit(always_first)
    assert found.converged
    assert found.mean.std() < 1e-3
    assert found.order_effect > 3


def test_separated_items_are_reported_and_get_no_interval():
    c = simulate(12, 66, 10, spread=0.5).comparisons
    items = (*c.items, "winner", "unasked")
    more = Comparisons(
        items,
        np.append(c.first, [12, 0]),
        np.append(c.second, [0, 12]),
        np.append(c.n_first, [5, 0]),
        np.append(c.n_second, [0, 5]),
    )
    found = fit(more)
    assert found.diagnostics.always_win.tolist() == [12]
    assert found.diagnostics.never.tolist() == [13]
    assert np.flatnonzero(~found.identified).tolist() == [12, 13]
    assert np.isnan(found.interval()[12:]).all()
    assert np.isnan(found.difference(12, 0).se)
    assert np.isfinite(found.interval()[:12]).all()
    # What nobody asked about keeps the prior's variance, in the sum-zero gauge.
    assert found.laplace_covariance[13, 13] == pytest.approx(1 / found.ridge, rel=0.1)
    assert found.covariance[13, 13] == pytest.approx(1 / found.ridge, rel=0.1)


def test_bad_options_and_empty_answers_are_refused(small):
    c = small.comparisons
    nothing = Comparisons(c.items, c.first[:0], c.second[:0], c.n_first[:0], c.n_second[:0])
    unanswered = Comparisons(c.items, c.first, c.second, 0 * c.n_first, 0 * c.n_second)
    for empty in (nothing, unanswered):
        with pytest.raises(EstimationError, match="not one answer"):
            fit(empty)
    bad = [
        {"link": "cauchit"}, {"variances": "none"}, {"lapse": 1.0}, {"lapse": -0.1},
        {"lapse": "guess"}, {"ridge": 0.0}, {"ridge": float("nan")}, {"ridge": "none"},
        {"tau": 0.0}, {"tau": float("inf")},
    ]  # fmt: skip
    for options in bad:
        with pytest.raises(EstimationError):
            fit(c, **options)
    with pytest.raises(DataError, match="reference item 'nobody'"):
        fit(c, reference=["nobody"])
    with pytest.raises(DataError, match="empty"):
        fit(c, reference=[])


# ----------------------------------------------------------------------- what a fit says and saves


def test_a_fit_foretells_by_number_and_by_name(small):
    found = fit(small.comparisons)
    by_number = predict(found, [0, 1], [2, 3])
    by_name = predict(found, ["item 0", "item 1"], ["item 2", "item 3"])
    np.testing.assert_array_equal(by_number, by_name)
    both = predict(found, [0], [1]) + predict(found, [1], [0])
    assert both[0] > 1  # a positive order effect
    with pytest.raises(DataError, match="nobody"):
        predict(found, ["nobody"], ["item 0"])


def test_standard_scores_have_mean_0_and_deviation_1(small):
    found = fit(small.comparisons)
    standard = found.zscored()
    assert standard.mean.mean() == pytest.approx(0, abs=1e-12)
    assert standard.mean.std(ddof=1) == pytest.approx(1)
    # The Jacobian by differences: push the utilities along draws of their own error.
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(found.covariance + 1e-12 * np.eye(40))
    h = 1e-4
    moves = h * root @ rng.normal(size=(40, 4000))
    moved = found.mean[:, None] + moves
    z = (moved - moved.mean(axis=0)) / moved.std(axis=0, ddof=1)
    # 4,000 draws give a standard deviation to 1.1 %; four times that over 40 items.
    np.testing.assert_allclose(z.std(axis=1) / h, standard.se, rtol=0.05)


def test_the_table_follows_its_schema(small):
    table = fit(small.comparisons).table("r", "i", "forced", "simulated")
    assert len(check(table, UTILITIES, "a fit")) == 40
    assert (table["variance"] == 0.5).all()


def test_a_fit_comes_back_from_disk(small, tmp_path: Path):
    found = fit(small.comparisons, reference=["item 3", "item 4"])
    found.save(tmp_path, found.table("r", "i", "forced", "simulated"), seed=7)
    back = load_fit(tmp_path)
    for name in ("mean", "variance", "covariance", "reference", "se"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
    for name in ("order_effect", "order_effect_se", "misfit_variance", "ridge", "link",
                 "converged", "log_likelihood", "order_effect_fitted"):  # fmt: skip
        assert getattr(back, name) == getattr(found, name)
    assert json.loads((tmp_path / "fit.json").read_text())["seed"] == 7
    assert back.diagnostics.messages() == found.diagnostics.messages()
    with pytest.raises(EstimationError, match="not saved"):
        _ = back.laplace_covariance
    with pytest.raises(DataError, match="its own mean"):
        found.save(tmp_path, mean=0)


@pytest.mark.parametrize("damage", ["missing", "truncated", "shape"])
def test_a_damaged_fit_is_refused(small, tmp_path: Path, damage):
    fit(small.comparisons).save(tmp_path)
    if damage == "missing":
        (tmp_path / "covariance.npy").unlink()
    elif damage == "truncated":
        text = (tmp_path / "fit.json").read_text()
        (tmp_path / "fit.json").write_text(text[: len(text) // 2])
    else:
        np.save(tmp_path / "covariance.npy", np.eye(3))
    with pytest.raises(DataError):
        load_fit(tmp_path)


def test_the_published_answers_of_a_small_model_are_fitted():
    """60,000 raw answers: most of what this respondent shows is the order of the options."""
    folder = os.environ.get("REVEALED_CACHE")
    name = "fourofclubs001/triad_results_qwen25-15b-instruct-colab.json"
    if not folder or not (Path(folder) / name).is_file():
        pytest.skip("the triads file is not in REVEALED_CACHE")
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for triad in json.loads((Path(folder) / name).read_text(encoding="utf-8")):
        number = {letter: option["idx"] for letter, option in triad["options"].items()}
        for pair in triad["pairs"]:
            a, b = (number[letter] for letter in pair["pair"])
            for key, order in (("original_parsed", (a, b)), ("flipped_parsed", (b, a))):
                for answer in pair["aux_data"][key]:
                    counts[order][answer != "A"] += 1
    numbers = sorted({k for order in counts for k in order})
    place = {k: position for position, k in enumerate(numbers)}
    rows = [(place[a], place[b], *n) for (a, b), n in counts.items()]
    first, second, n_first, n_second = np.array(rows).T
    c = Comparisons(tuple(map(str, numbers)), first, second, n_first, n_second)
    assert c.n.sum() == 60_000
    assert c.n_first.sum() / c.n.sum() == pytest.approx(0.325, abs=0.0005)  # published
    found = fit(c)
    assert found.converged
    # P(first) = 0.325 is Phi(-0.45) before the spread of utilities and pairs is taken out.
    assert -0.75 < found.order_effect < -0.45
    assert found.order_effect < -20 * found.order_effect_se
    # Answers to one pair agree beyond what utilities and the order explain: without misfit the
    # estimate's standard deviation would be about sqrt(2 / pairs) / information, below 0.01.
    assert found.misfit_variance > 0.05
    naive = np.sqrt(np.diag(found.laplace_covariance))
    assert np.median(found.se[found.identified] / naive[found.identified]) > 1.2


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_a_warm_start_changes_nothing_but_the_way(link):
    early, late = (simulate(60, pairs, 10, seed=3).comparisons for pairs in (300, 500))
    before = fit(early, link="probit")
    cold, warm = fit(late, link=link), fit(late, link=link, start=before)
    # The ridge is iterated to a relative 1e-3, which moves a utility by less of its error.
    np.testing.assert_allclose(warm.mean, cold.mean, atol=1e-3 * cold.se.max())
    assert warm.ridge == pytest.approx(cold.ridge, rel=1e-2)
    fewer = fit(late, start=fit(Comparisons(
        early.items, early.first[:5], early.second[:5], early.n_first[:5], early.n_second[:5]
    )))  # fmt: skip
    np.testing.assert_allclose(fewer.mean, fit(late).mean, atol=1e-3 * cold.se.max())
