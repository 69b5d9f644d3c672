"""Held-out evaluation: nothing about a test outcome is used before its score.

Two fifths of the outcomes are held out. Within the rest, inner folds choose the layer and the
penalty of each probe; the held-out outcomes are then predicted once. Their scores are of one fixed
probe on fresh outcomes, so that leaving out one of them at a time gives intervals that cover; the
pooled scores of cross-validation, whose folds train on each other, do not (with 80 outcomes 95 %
intervals of these covered 78 %). Controls go through the very same steps on the same outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ...foundation.backend import Backend, BackendName, get_backend
from ...foundation.errors import DataError
from ...utilities import Comparisons
from ..convergence import jackknife
from ..intervals import Array, Estimate, weighted_correlation
from .kernels import Source
from .readout import PENALTIES, coordinates, ridge_predictions, thurstone_predictions

CONTROLS = ("untrained", "bag of words", "length")
TEST_SHARE, INNER = 0.4, 4
OUTCOMES_NEEDED = 40
"""Outcomes below which no probe is fitted: fewer than 16 would be held out."""
SHUFFLES = 20


@dataclass(frozen=True)
class Held:
    """Predictions of one source for the held-out outcomes, shape (test,).

    ``ridge`` and ``thurstone`` are measured from the mean of the training outcomes, as ``target``
    in `Probed`; ``layer`` is the one chosen.
    """

    ridge: Array
    thurstone: Array
    layer: str


@dataclass(frozen=True)
class Probed:
    """What was predicted for held-out outcomes, from every source, and the scores of it.

    Attributes
    ----------
    test
        Numbers of the held-out outcomes, shape (test,).
    target
        Their utilities from the mean of the training outcomes, shape (test,).
    held
        Predictions by source.
    correlation, r2, accuracy
        Scores by source, each an `Estimate` (``accuracy`` of the Thurstone probe on answers to
        pairs of two held-out outcomes).
    difference, accuracy_difference
        Score of the trained network minus that of each control.
    shuffled
        Held-out correlations of the trained network with shuffled utilities, shape (shuffles,).
    """

    test: np.ndarray
    target: Array
    held: Mapping[str, Held]
    correlation: Mapping[str, Estimate]
    r2: Mapping[str, Estimate]
    accuracy: Mapping[str, Estimate]
    difference: Mapping[str, Estimate]
    accuracy_difference: Mapping[str, Estimate]
    shuffled: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def passes(self) -> bool:
        """Whether utilities were read from the network: above zero and above every control."""
        ends = [self.correlation["trained"].low, *(e.low for e in self.difference.values())]
        return all(end is not None and end > 0 for end in ends)


def probe(
    sources: Mapping[str, Source],
    utilities: Array,
    choices: Comparisons | None = None,
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    backend: BackendName = "auto",
) -> Probed:
    """Probe every source for utilities.

    Parameters
    ----------
    sources
        ``trained`` and any controls, over the same outcomes.
    utilities
        Fitted utilities, shape (items,).
    choices
        Comparisons of the same outcomes in the same order, for the Thurstone probe and the
        accuracy; without them only ridge is fitted.
    shuffles
        Times that utilities are shuffled for the null distribution of the correlation.

    Raises
    ------
    DataError
        If there are fewer than `OUTCOMES_NEEDED` outcomes, or utilities do not vary.
    """
    y = np.asarray(utilities, float)
    n = len(y)
    if n < OUTCOMES_NEEDED:
        raise DataError(f"{n} outcomes; a probe wants at least {OUTCOMES_NEEDED}.")
    if not y.std() > 0:
        raise DataError("utilities do not vary; there is nothing to probe for.")
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(n)
    test = np.sort(drawn[: round(TEST_SHARE * n)])
    train = np.setdiff1d(np.arange(n), test)
    target = y[test] - y[train].mean()
    held = {
        name: _held_out(each, y, choices, train, test, seed, backend)
        for name, each in sources.items()
    }
    own = np.arange(len(test))
    method = f"{len(train)} outcomes train and choose, jackknife of {len(test)} held out"

    def scored(statistic: Callable[[Array], Array], scale: str) -> Estimate:
        freedom = len(test) - 1
        return Estimate(*jackknife(statistic, own, scale), len(test), method, freedom=freedom)

    about_r = {name: partial(_correlations, target, each.ridge) for name, each in held.items()}
    about_r2 = {name: partial(_r2, target, each.ridge) for name, each in held.items()}
    controls = [name for name in held if name != "trained"]
    accuracy, better = {}, {}
    if choices is not None:
        votes = _votes(choices, test)
        about = {name: partial(_accuracies, votes, each.thurstone) for name, each in held.items()}
        accuracy = {name: scored(each, "logit") for name, each in about.items()}
        better = {
            name: scored(partial(_gap, about["trained"], about[name]), "none") for name in controls
        }
    shuffled = []
    for _ in range(shuffles):
        mixed = rng.permutation(y)
        guess = _held_out(sources["trained"], mixed, None, train, test, seed, backend).ridge
        aim = mixed[test] - mixed[train].mean()
        shuffled.append(float(_correlations(aim, guess, np.ones((1, len(test))))[0]))
    return Probed(
        test,
        target,
        held,
        {name: scored(each, "fisher") for name, each in about_r.items()},
        {name: scored(each, "none") for name, each in about_r2.items()},
        accuracy,
        {name: scored(partial(_gap, about_r["trained"], about_r[name]), "none")
         for name in controls},
        better,
        np.array(shuffled),
    )  # fmt: skip


def _gap(one: Callable[[Array], Array], other: Callable[[Array], Array], weights: Array) -> Array:
    return np.asarray(one(weights) - other(weights))


def _held_out(
    source: Source,
    y: Array,
    choices: Comparisons | None,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
    backend: BackendName,
) -> Held:
    device = get_backend(backend)
    inner = np.random.default_rng([seed, 1]).permutation(np.arange(len(train)) % INNER)
    parts = [(train[inner != j], train[inner == j]) for j in range(INNER)]
    errors = np.zeros((len(source.layers), len(PENALTIES)))
    for number, kernel in enumerate(source.kernels):
        for rest, out in parts:
            z, z_new = coordinates(kernel, rest, out, device)
            guess = ridge_predictions(z, z_new, y[rest])
            errors[number] += ((y[out] - y[rest].mean() - guess) ** 2).sum(axis=1)
    chosen, best = divmod(int(errors.argmin()), len(PENALTIES))
    kernel = source.kernels[chosen]
    z, z_new = coordinates(kernel, train, test, device)
    ridge = ridge_predictions(z, z_new, y[train], (PENALTIES[best],))[0]
    thurstone = np.zeros(len(test))
    if choices is not None:
        penalty = _thurstone_penalty(kernel, choices, parts, device)
        thurstone = thurstone_predictions(z, z_new, _among(choices, train), penalty, device)
    return Held(ridge, thurstone, source.layers[chosen])


def _thurstone_penalty(
    kernel: Array, choices: Comparisons, parts: list[tuple[np.ndarray, np.ndarray]], device: Backend
) -> float:
    """The penalty whose probe best orders pairs of outcomes of an inner fold, all ties to large."""
    scores = np.zeros(len(PENALTIES))
    for rest, out in parts:
        z, z_new = coordinates(kernel, rest, out, device)
        own, unseen = _among(choices, rest), _among(choices, out)
        if not len(unseen):
            continue
        for number, penalty in enumerate(PENALTIES):
            u = thurstone_predictions(z, z_new, own, penalty, device)
            gap = u[unseen.first] - u[unseen.second]
            pairs = unseen.n_first * np.log1p(np.exp(-1.702 * gap))
            scores[number] += float((pairs + unseen.n_second * np.log1p(np.exp(1.702 * gap))).sum())
    return PENALTIES[len(PENALTIES) - 1 - int(scores[::-1].argmin())]


def _among(choices: Comparisons, kept: np.ndarray) -> Comparisons:
    """Comparisons between outcomes of `kept` only, numbered as in it."""
    place = np.full(len(choices.items), -1)
    place[kept] = np.arange(len(kept))
    first, second = place[choices.first], place[choices.second]
    rows = (first >= 0) & (second >= 0)
    return Comparisons(
        tuple(choices.items[k] for k in kept), first[rows], second[rows],
        choices.n_first[rows], choices.n_second[rows],
    )  # fmt: skip


@dataclass(frozen=True)
class _Votes:
    """Answers to pairs of two held-out outcomes, numbered among these."""

    low: np.ndarray
    high: np.ndarray
    for_low: Array
    for_high: Array


def _votes(choices: Comparisons, test: np.ndarray) -> _Votes:
    pairs = _among(choices, test).pairs
    # Order 0 lists low first; both orders together keep a habit of place out of the score.
    counts = pairs.n_chosen
    for_low, for_high = counts[0, 0] + counts[1, 1], counts[0, 1] + counts[1, 0]
    return _Votes(pairs.low, pairs.high, for_low, for_high)


def _accuracies(votes: _Votes, guess: Array, weights: Array) -> Array:
    """Share of answers that go to the outcome predicted higher; a pair weighs as both outcomes."""
    gap = guess[votes.low] - guess[votes.high]
    right = np.where(gap > 0, votes.for_low, votes.for_high)
    right = np.where(gap == 0, (votes.for_low + votes.for_high) / 2, right)
    pair = weights[:, votes.low] * weights[:, votes.high]
    total = pair @ (votes.for_low + votes.for_high)
    result = np.full(len(weights), np.nan)
    np.divide(pair @ right, total, out=result, where=total > 0)
    return result


def _correlations(target: Array, guess: Array, weights: Array) -> Array:
    """Correlations under weights; a prediction that does not vary correlates with nothing: 0."""
    return np.asarray(np.nan_to_num(weighted_correlation(target, guess, weights)))


def _r2(target: Array, guess: Array, weights: Array) -> Array:
    """1 - squared errors over squared distances from the training mean, under weights."""
    return np.asarray(1.0 - (weights @ (target - guess) ** 2) / (weights @ target**2))
