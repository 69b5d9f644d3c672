"""Nested evaluation: outcomes are split, and nothing about a test outcome is used before its score.

The outer folds hold outcomes out; within the rest, inner folds choose the layer and the penalty of
each probe (Varma and Simon 2006). Scores are of the pooled predictions of held-out outcomes, with
intervals by a bootstrap over outcomes; controls go through the very same steps, and differences to
them are bootstrapped over the same outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...foundation.backend import Backend, BackendName, get_backend
from ...foundation.errors import DataError
from ...utilities import Comparisons
from ..intervals import Array, Estimate, percentile, resample_weights, weighted_correlation
from .kernels import Source
from .readout import PENALTIES, coordinates, ridge_predictions, thurstone_predictions

CONTROLS = ("untrained", "bag of words", "length")
OUTER, INNER = 5, 4
OUTCOMES_NEEDED = 40
"""Outcomes below which no probe is fitted: a fold would hold fewer than eight."""
SHUFFLES = 20


@dataclass(frozen=True)
class Held:
    """Predictions of one source for outcomes that its probes never saw, shape (items,).

    ``ridge`` and ``thurstone`` are measured from the mean of the training outcomes, as ``target``
    in `Probed`; ``layers`` are those chosen, one a fold.
    """

    ridge: Array
    thurstone: Array
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Probed:
    """What was predicted for held-out outcomes, from every source, and the scores of it.

    Attributes
    ----------
    target
        Utilities from the mean of the training outcomes, shape (items,).
    fold
        Number of the fold that held an outcome out.
    held
        Predictions by source.
    correlation, r2, accuracy
        Scores by source, each an `Estimate` (``accuracy`` of the Thurstone probe on answers to
        pairs of outcomes that were both held out at once).
    difference, accuracy_difference
        Score of the trained network minus that of each control.
    shuffled
        Held-out correlations of the trained network with shuffled utilities, shape (shuffles,).
    """

    target: Array
    fold: np.ndarray
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
    replicates: int = 2000,
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
    fold = rng.permutation(np.arange(n) % OUTER)
    target = y.copy()
    for k in range(OUTER):
        target[fold == k] -= y[fold != k].mean()
    held = {
        name: _held_out(each, y, choices, fold, seed, backend) for name, each in sources.items()
    }
    weights = resample_weights(n, replicates, seed + 1)
    correlation, r2, accuracy, difference, better = {}, {}, {}, {}, {}
    draws: dict[str, Array] = {}
    right_draws: dict[str, Array] = {}
    every = np.ones((1, n))
    method = f"{OUTER} folds of outcomes, layer and penalty chosen inside, bootstrap over outcomes"
    for name, each in held.items():
        draws[name] = _correlations(target, each.ridge, weights)
        value = float(_correlations(target, each.ridge, every)[0])
        correlation[name] = Estimate(value, *percentile(draws[name]), n, method)
        fit = float(_r2(target, each.ridge, every)[0])
        r2[name] = Estimate(fit, *percentile(_r2(target, each.ridge, weights)), n, method)
        if choices is not None:
            votes = _votes(choices, fold)
            right_draws[name] = _accuracies(votes, each.thurstone, weights)
            right = float(_accuracies(votes, each.thurstone, every)[0])
            accuracy[name] = Estimate(
                right, *percentile(right_draws[name]), len(votes.low),
                "answers to pairs of outcomes both held out, bootstrap over outcomes",
            )  # fmt: skip
    for name in held:
        if name == "trained":
            continue
        gap = correlation["trained"].value - correlation[name].value
        ends = percentile(draws["trained"] - draws[name])
        difference[name] = Estimate(gap, *ends, n, method)
        if choices is not None:
            gap = accuracy["trained"].value - accuracy[name].value
            ends = percentile(right_draws["trained"] - right_draws[name])
            better[name] = Estimate(gap, *ends, accuracy[name].n, accuracy[name].method)
    shuffled = []
    for _ in range(shuffles):
        mixed = rng.permutation(y)
        aim = mixed.copy()
        for k in range(OUTER):
            aim[fold == k] -= mixed[fold != k].mean()
        guess = _held_out(sources["trained"], mixed, None, fold, seed, backend).ridge
        shuffled.append(float(_correlations(aim, guess, every)[0]))
    return Probed(
        target, fold, held, correlation, r2, accuracy, difference, better, np.array(shuffled)
    )


def _held_out(
    source: Source,
    y: Array,
    choices: Comparisons | None,
    fold: np.ndarray,
    seed: int,
    backend: BackendName,
) -> Held:
    device = get_backend(backend)
    n = len(y)
    ridge, thurstone, layers = np.zeros(n), np.zeros(n), []
    for k in range(fold.max() + 1):
        train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        inner = np.random.default_rng([seed, k]).permutation(np.arange(len(train)) % INNER)
        errors = np.zeros((len(source.layers), len(PENALTIES)))
        parts = [(train[inner != j], train[inner == j]) for j in range(INNER)]
        for number, kernel in enumerate(source.kernels):
            for rest, out in parts:
                z, z_new = coordinates(kernel, rest, out, device)
                guess = ridge_predictions(z, z_new, y[rest])
                errors[number] += ((y[out] - y[rest].mean() - guess) ** 2).sum(axis=1)
        chosen, best = divmod(int(errors.argmin()), len(PENALTIES))
        kernel = source.kernels[chosen]
        layers.append(source.layers[chosen])
        z, z_new = coordinates(kernel, train, test, device)
        ridge[test] = ridge_predictions(z, z_new, y[train], (PENALTIES[best],))[0]
        if choices is not None:
            penalty = _thurstone_penalty(kernel, choices, parts, device)
            own = _among(choices, train)
            thurstone[test] = thurstone_predictions(z, z_new, own, penalty, device)
    return Held(ridge, thurstone, tuple(layers))


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
    """Answers to pairs whose outcomes were held out together."""

    low: np.ndarray
    high: np.ndarray
    for_low: Array
    for_high: Array


def _votes(choices: Comparisons, fold: np.ndarray) -> _Votes:
    pairs = choices.pairs
    together = fold[pairs.low] == fold[pairs.high]
    # Order 0 lists low first; both orders together keep a habit of place out of the score.
    counts = pairs.n_chosen
    for_low, for_high = counts[0, 0] + counts[1, 1], counts[0, 1] + counts[1, 0]
    return _Votes(pairs.low[together], pairs.high[together], for_low[together], for_high[together])


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
