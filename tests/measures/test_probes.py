"""Probes: planted directions found, nothing found where nothing is, controls, formulas."""

from __future__ import annotations

from functools import cache

import array_api_strict
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize

from revealed.foundation.backend import standard_backend
from revealed.foundation.errors import DataError
from revealed.foundation.schemas import write_findings
from revealed.instruments import load_instrument
from revealed.measures import probes
from revealed.measures.probes import readout
from revealed.respondents.activations import Planted, planted
from revealed.utilities import Comparisons

STRICT = standard_backend(array_api_strict, "array_api_strict")


@cache
def _texts(n=80):
    return load_instrument("outcomes").items["text"].sample(n, random_state=5).to_dict()


def _answers(utilities, rng, per_item=4, samples=2, order=0.0):
    n = len(utilities)
    pairs = rng.integers(n, size=(n * per_item, 2))
    low, high = pairs[pairs[:, 0] != pairs[:, 1]].T
    first, second = np.r_[low, high], np.r_[high, low]
    k = rng.binomial(samples, stats.norm.cdf(utilities[first] - utilities[second] + order))
    names = tuple(map(str, range(n)))
    return Comparisons(names, first, second, k.astype(float), (samples - k).astype(float))


def _case(seed, plan, by_length=False, n=80, answers=True):
    rng = np.random.default_rng(seed)
    texts = _texts(n)
    u = rng.normal(size=n)
    if by_length:
        length = np.array([len(text) for text in texts.values()], float)
        u = (length - length.mean()) / length.std()
    states = planted(texts, dict(zip(texts, u, strict=True)), plan, "outcomes", seed=seed)
    fitted = u + 0.3 * rng.normal(size=n)
    found = probes.sources(states, list(texts), texts, "numpy")
    choices = _answers(1.2 * u, rng) if answers else None
    return found, fitted, choices


def test_a_planted_direction_is_found_in_its_layer(tmp_path) -> None:
    found, fitted, choices = _case(1, Planted(layer=2))
    probed = probes.probe(found, fitted, choices, shuffles=5, seed=1, backend="numpy")
    assert probed.passes
    assert probed.held["trained"].layer == "2"
    assert probed.correlation["trained"].value > 0.8
    assert probed.accuracy["trained"].value > 0.7
    assert probed.shuffled.max() < probed.correlation["trained"].low
    made = probes.findings(probed, model="m", respondent="r", provenance="simulated")
    write_findings(made, tmp_path / "probes.jsonl")
    by_name = {f.id: f for f in made}
    assert by_name["probe.layer|m|outcomes"].estimate == 2
    assert by_name["probe.found|m|outcomes"].estimate == 1
    assert {f.subject for f in made if f.family} == set(probes.CONTROLS)


def test_a_taste_for_length_is_rejected_by_its_control() -> None:
    plan = Planted(utility=0.0, length=1.0)
    found, fitted, choices = _case(2, plan, by_length=True)
    probed = probes.probe(found, fitted, choices, shuffles=0, backend="numpy")
    assert probed.correlation["trained"].low > 0.5  # it predicts, and is not believed
    assert probed.difference["length"].low < 0.02
    assert not probed.passes


def test_nothing_about_a_test_outcome_is_used_before_its_score() -> None:
    """Another utility for the held-out outcomes changes none of their predictions."""
    found, fitted, _ = _case(3, Planted())
    one = probes.probe(found, fitted, shuffles=0, backend="numpy")
    changed = fitted.copy()
    changed[one.test] += 5 * np.random.default_rng(0).normal(size=len(one.test))
    two = probes.probe(found, changed, shuffles=0, backend="numpy")
    for name in found:
        assert (one.held[name].ridge == two.held[name].ridge).all()
    assert not np.allclose(one.target, two.target)
    changed = fitted + np.random.default_rng(1).normal(size=len(fitted))
    three = probes.probe(found, changed, shuffles=0, backend="numpy")
    assert not np.allclose(one.held["trained"].ridge, three.held["trained"].ridge)


def test_ridge_is_the_formula() -> None:
    rng = np.random.default_rng(4)
    h, y = rng.normal(size=(50, 70)), rng.normal(size=50)
    centred = h - h.mean(axis=0)
    kernel = centred @ centred.T
    train, new = np.arange(40), np.arange(40, 50)
    for backend in (readout.NUMPY, STRICT):
        z, z_new = readout.coordinates(kernel, train, new, backend)
        mine = probes.ridge_predictions(z, z_new, y[train], (0.3,))[0]
        x = h[train] - h[train].mean(axis=0)
        w = np.linalg.solve(x.T @ x + 40 * 0.3 * np.eye(70), x.T @ (y[train] - y[train].mean()))
        assert mine == pytest.approx((h[new] - h[train].mean(axis=0)) @ w, abs=1e-8)


def test_thurstone_probe_is_the_posterior_mode() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=(30, 4))
    choices = _answers(z @ np.array([1.0, -0.5, 0.0, 0.3]), rng, order=0.4)
    penalty = 0.3

    def loss(theta):
        eta = (z[choices.first] - z[choices.second]) @ theta[:4] + theta[4]
        ll = choices.n_first * stats.norm.logcdf(eta) + choices.n_second * stats.norm.logcdf(-eta)
        return -ll.sum() + 0.5 * (penalty * 3.0 * theta[:4] @ theta[:4] + 0.01 * theta[4] ** 2)

    best = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-8})
    expected = z @ best.x[:4] - (z @ best.x[:4]).mean()
    for backend in (readout.NUMPY, STRICT):
        mine = probes.thurstone_predictions(z, z, choices, penalty, backend)
        # BFGS stops at a gradient near 1e-6 by finite differences.
        assert mine == pytest.approx(expected, abs=1e-5)


def test_accuracy_counts_answers_to_pairs_held_out_together() -> None:
    from revealed.measures.probes.evaluate import _accuracies, _votes

    choices = Comparisons(
        tuple("abcd"), np.array([0, 1, 0, 2]), np.array([1, 0, 2, 3]),
        np.array([3.0, 1.0, 9.0, 0.0]), np.array([1.0, 3.0, 0.0, 4.0]),
    )  # fmt: skip
    votes = _votes(choices, np.array([0, 1, 3]))
    assert list(zip(votes.low, votes.high, strict=True)) == [(0, 1)]
    # a over b in 6 of 8 answers, whichever was listed first.
    every = np.ones((1, 3))
    assert _accuracies(votes, np.array([1.0, 0.0, 0.0]), every)[0] == pytest.approx(6 / 8)
    assert _accuracies(votes, np.array([0.0, 1.0, 0.0]), every)[0] == pytest.approx(2 / 8)
    assert _accuracies(votes, np.zeros(3), every)[0] == pytest.approx(0.5)
    assert np.isnan(_accuracies(votes, np.zeros(3), np.array([[0.0, 1.0, 1.0]]))[0])


def test_controls_read_words_and_length_alone() -> None:
    texts = ["You win a prize.", "You lose a prize.", "A dog barks at night."]
    words = probes.bag_of_words(texts)[0]
    kernel = words @ words.T
    assert kernel[0, 1] > kernel[0, 2]
    assert probes.text_length(texts)[0].mean(axis=0) == pytest.approx(0, abs=1e-12)


def test_too_little_is_refused() -> None:
    found, fitted, _ = _case(6, Planted(), n=30, answers=False)
    with pytest.raises(DataError, match="30 outcomes"):
        probes.probe(found, fitted)
    found, fitted, _ = _case(6, Planted())
    with pytest.raises(DataError, match="do not vary"):
        probes.probe(found, np.zeros(80))
    states = planted(_texts(), dict.fromkeys(_texts(), 0.5), Planted(), "outcomes")
    with pytest.raises(DataError, match="no activations for item 'nowhere'"):
        probes.sources(states, ["nowhere"], {"nowhere": "x"})


@pytest.mark.slow
def test_without_a_signal_nothing_is_found() -> None:
    seeds = 100
    passed = above = 0
    for seed in range(seeds):
        found, fitted, _ = _case(100 + seed, Planted(utility=0.0), answers=False)
        probed = probes.probe(found, fitted, shuffles=0, backend="numpy")
        passed += probed.passes
        above += probed.correlation["trained"].low > 0
    # At most 5 %, plus two binomial errors of 100 seeds.
    assert passed / seeds <= 0.05
    assert above / seeds <= 0.05 + 0.044


@pytest.mark.slow
def test_length_alone_is_never_taken_for_utility() -> None:
    seeds, passed = 100, 0
    plan = Planted(utility=0.0, length=1.0)
    for seed in range(seeds):
        found, fitted, _ = _case(300 + seed, plan, by_length=True, answers=False)
        probed = probes.probe(found, fitted, shuffles=0, backend="numpy")
        passed += probed.passes
    assert passed / seeds <= 0.05


@pytest.mark.slow
def test_intervals_cover_the_correlation_on_fresh_outcomes() -> None:
    """The truth: the same probe's correlation on 2,000 outcomes of the same kind."""
    seeds, hits = 200, 0
    for seed in range(seeds):
        rng = np.random.default_rng(700 + seed)
        n, fresh, width = 80, 2000, 24
        u = rng.normal(size=n + fresh)
        toward = rng.normal(size=width) / np.sqrt(width)
        h = rng.normal(size=(n + fresh, width)) + 1.2 * u[:, None] * toward
        y = u + 0.3 * rng.normal(size=n + fresh)
        source = probes.kernels.source("trained", h[None, :n], backend="numpy")
        probed = probes.probe({"trained": source}, y[:n], shuffles=0, seed=seed, backend="numpy")
        # The held-out predictions give the probe's direction: they are linear in the states.
        train = np.setdiff1d(np.arange(n), probed.test)
        x = h[:n] - h[train].mean(axis=0)
        scale = ((x - x.mean(axis=0)) ** 2).sum() / n
        guesses = [
            np.linalg.solve(
                x[train].T @ x[train] + len(train) * p * scale * np.eye(width),
                x[train].T @ (y[train] - y[train].mean()),
            )
            for p in probes.PENALTIES
        ]
        gaps = [np.abs(x[probed.test] @ w - probed.held["trained"].ridge).max() for w in guesses]
        assert min(gaps) < 1e-8
        w = guesses[int(np.argmin(gaps))]
        truth = np.corrcoef(h[n:] @ w, y[n:])[0, 1]
        e = probed.correlation["trained"]
        hits += e.low <= truth <= e.high
    # 92 to 97 %, widened by two binomial errors of 200 seeds (0.031).
    assert 0.889 <= hits / seeds <= 1.0


def test_a_respondent_is_read_or_told_why_not() -> None:
    calibration = load_instrument("calibration").pairs
    texts = _texts(60)
    u = pd.Series(np.random.default_rng(8).normal(size=60), index=list(texts))
    states = planted(texts, u.to_dict(), Planted(), "outcomes", seed=8)
    drawn = _answers(u.to_numpy(), np.random.default_rng(9))
    none = dict.fromkeys(("n_neutral", "n_refused", "n_unparsed", "n_failed"), 0.0)
    choices = pd.DataFrame(
        {
            "first": u.index[drawn.first], "second": u.index[drawn.second],
            "n_first": drawn.n_first, "n_second": drawn.n_second,
        }
    ).assign(role="train", **none)  # fmt: skip
    right = pd.DataFrame(
        {"first": calibration["better"], "second": calibration["worse"], "n_first": 4.0,
         "n_second": 0.0}
    ).assign(**none)  # fmt: skip
    assert probes.barred(right, calibration, choices, states, u) == ""
    probed = probes.read(states, u, choices, texts, shuffles=0, backend="numpy")
    assert probed.passes
    refusing = choices.assign(n_first=0.0, n_second=0.0, n_refused=2.0)
    assert "declined" in probes.barred(right, calibration, refusing, states, u)
    wrong = right.assign(n_first=0.0, n_second=4.0)
    assert "trivial pairs" in probes.barred(wrong, calibration, choices, states, u)
    few = probes.barred(right, calibration, choices, states, u.head(30))
    assert "share 30 outcomes" in few
