"""How precise a strategy is after how many calls, on worlds whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from revealed.measures.exchange import log_prices, parity_lines, parity_log_rates, price_vector
from revealed.study.config import Stop
from revealed.study.stopping import least_pairs, pairs_left, utility_half_widths
from revealed.utilities import curve_design, design
from revealed.utilities.curve import fit_curve
from revealed.utilities.fit import fit
from revealed.utilities.parity import fit_original

from .worlds import Answers, World

START_DEGREE = 4
"""Pairs that an outcome stands in before a rule chooses (2 n pairs, as a study's start)."""
GROWTH = 0.5
"""A round adds this share of what was asked."""

Rule = Literal["design", "random"]


class Step(NamedTuple):
    """How a strategy stood after so many calls.

    ``error`` is the root mean square error of standardised utilities or of log prices;
    ``half_width`` the median half-width of their 95 % intervals, ``covered`` the share of intervals
    that hold the truth (both missing for the original, which has none).
    """

    calls: int
    pairs: int
    error: float
    half_width: float
    covered: float


class Told(NamedTuple):
    """A fit as the paths need it: error, half-widths, share covered, and what chooses next."""

    error: float
    widths: np.ndarray
    covered: float
    choose: Callable[[int, np.random.Generator], np.ndarray]


def _read_utilities(answers: Answers, samples: int, rule: Rule) -> Told:
    world = answers.world
    n = len(world.utility)
    fitted = fit(answers.comparisons(), backend="numpy")
    mean = fitted.zscored().mean
    widths = utility_half_widths(fitted)
    known = np.isfinite(widths)
    hit = np.abs(mean - world.standard)[known] <= widths[known]

    def choose(m: int, rng: np.random.Generator) -> np.ndarray:
        possible = n * (n - 1) // 2
        if rule == "random" or answers.logprob:  # neither asks a pair again
            asked = answers.asked
            possible -= len(np.unique(asked.min(1) * n + asked.max(1)))
        if not (m := min(m, possible)):
            return np.empty((0, 2), dtype=np.int64)
        if rule == "random":
            return design.uniform_pairs(n, m, rng, exclude=answers.asked)
        # A reading of probabilities is exact: what it adds is limited by the misfit alone.
        each = 2.0 * samples
        return design.next_round(fitted, m, answers=each, reask=not answers.logprob)

    error = math.sqrt(float(np.mean((mean - world.standard) ** 2)))
    return Told(error, widths, float(hit.mean()) if known.any() else math.nan, choose)


def _read_prices(answers: Answers, samples: int, rule: Rule) -> Told:
    world = answers.world
    fitted = fit_curve(answers.comparisons(), world.items)
    price = price_vector(fitted)[0]
    table = log_prices(fitted)
    hit = (table["low"] <= world.price) & (world.price <= table["high"])
    # As `stopping.price_half_widths`: there are no placebos here, and a table takes its time.
    widths = ((table["high"] - table["low"]) / 2).to_numpy(dtype=float)
    known = np.isfinite(widths)

    def choose(m: int, rng: np.random.Generator) -> np.ndarray:
        if rule == "random":
            return _random_goods(world, m, rng, answers.asked)
        return curve_design.indifferent_round(
            fitted, world.items, m, rng, samples=samples, reask=not answers.logprob
        )

    error = math.sqrt(float(np.mean((price - world.price) ** 2)))
    covered = float(hit[known].mean()) if known.any() else math.nan
    return Told(error, widths, covered, choose)


def _random_goods(world: World, m: int, rng: np.random.Generator, asked: np.ndarray) -> np.ndarray:
    """`m` new pairs of different goods, uniformly."""
    n = len(world.utility)
    good = world.items["good"].to_numpy()
    drawn = design.uniform_pairs(n, min(2 * m + n, n * (n - 1) // 2), rng)
    codes = drawn.min(1) * n + drawn.max(1)
    drawn = drawn[~np.isin(codes, asked.min(1) * n + asked.max(1))]
    kept = drawn[(good[drawn[:, 0]] != good[drawn[:, 1]]) & (good[drawn] != "").all(axis=1)]
    return np.asarray(kept[rng.permutation(len(kept))[:m]])


def path(
    world: World,
    *,
    samples: int = 1,
    logprob: bool = False,
    rule: Rule = "design",
    calls: int,
    stop: Stop | None = None,
    error: float = 0.0,
    growth: float = GROWTH,
    seed: int = 0,
) -> list[Step]:
    """Ask a world in rounds; a step a round.

    Ends at `calls`, or where `stop` or an `error` (against the truth) is reached.

    The estimand is log prices where the world has goods, else standardised utilities.

    Parameters
    ----------
    samples
        Answers for each order of a pair (1 where `logprob`).
    logprob
        Whether P(first) itself is read, one call an order.
    rule
        Our designs (`design.next_round`, `curve_design.indifferent_round`), or random pairs after
        the same start.
    """
    rng = np.random.default_rng([seed, 21])
    answers = Answers(world, rng, logprob)
    of_prices = len(world.price) > 0
    read = _read_prices if of_prices else _read_utilities
    each = 2 if logprob else 2 * samples
    n = len(world.utility)
    if of_prices:
        start = curve_design.first_round(world.items, min(6 * len(world.price), n), rng)
    else:
        start = design.random_connected(n, START_DEGREE, rng)
    answers.ask(np.asarray(start, dtype=np.int64), samples)
    steps: list[Step] = []
    while True:
        told = read(answers, samples, rule)
        asked = sum(map(len, answers.pairs))
        median = float(np.median(told.widths))
        steps.append(Step(answers.calls, asked, told.error, median, told.covered))
        planned = min(math.ceil(growth * asked), (calls - answers.calls) // each)
        if stop is not None:
            width = median if stop.of == "median" else float(told.widths.max())
            least = least_pairs(stop, world.items)
            planned = pairs_left(stop, width, asked, planned, least) if planned > 0 else 0
        if planned <= 0 or told.error <= error:
            return steps
        pairs = told.choose(planned, rng)
        if not len(pairs):
            return steps
        answers.ask(pairs, samples)


def original(
    world: World, *, samples: int, per_round: int = 500, share: float = 1.0, seed: int = 0
) -> tuple[Step, Step]:
    """The original pipeline, and the same answers read by our estimator of utilities.

    A random graph of degree 2, rounds of `per_round` close and rarely compared pairs up to
    2 n log2 n (Mazeika et al. 2025), `samples` answers an order, its estimator without the last
    refit on pseudo-labels, which made errors of utilities larger in two worlds of three. Between
    rounds
    utilities are fitted by Newton's method, which ranks as the original's estimator and takes a
    fiftieth of its time. Prices are its lines through free utilities, averaged over the pivots.

    Parameters
    ----------
    share
        Of the pairs, for a smaller budget.
    """
    rng = np.random.default_rng([seed, 22])
    n = len(world.utility)
    total = min(round(share * 2 * n * math.log2(n)), n * (n - 1) // 2)
    answers = Answers(world, rng)
    answers.ask(design.random_connected(n, 2, rng), samples)
    while (missing := total - sum(map(len, answers.pairs))) > 0:
        mean = fit(answers.comparisons(), backend="numpy").mean
        more = design.original_rule(mean, answers.asked, min(per_round, missing), rng)
        answers.ask(more, samples)
    compared = answers.comparisons()
    pairs = len(answers.asked)
    found = []
    for mean in (fit_original(compared).mean, fit(compared, backend="numpy").zscored().mean):
        error = _price_error(world, mean) if len(world.price) else mean - world.standard
        size = math.sqrt(float(np.mean(error**2)))
        found.append(Step(answers.calls, pairs, size, math.nan, math.nan))
    return found[0], found[1]


def _price_error(world: World, mean: np.ndarray) -> np.ndarray:
    """Errors of the original's log prices, both sides centred on their mean."""
    table = pd.DataFrame({"item": world.items.index, "mean": mean})
    lines = parity_lines(table, world.items)
    rates = parity_log_rates(
        lines["intercept"].to_numpy(), lines["slope"].to_numpy(), float(lines["mean_log"].mean())
    )
    price = np.nanmean(rates.T, axis=1)
    return np.asarray(price - np.nanmean(price) - world.price)


def calls_at(steps: list[Step], error: float) -> float:
    """Calls at which a path reaches `error`, on a straight line through logarithms.

    Beyond the last step by the law of large numbers, error ∝ calls^(-1/2); before the first, the
    first step's calls.
    """
    for before, after in pairwise(steps):
        if before.error > error >= after.error > 0:
            share = math.log(before.error / error) / math.log(before.error / after.error)
            return float(before.calls * (after.calls / before.calls) ** share)
    first, last = steps[0], steps[-1]
    if first.error <= error:
        return float(first.calls)
    return float(last.calls * (last.error / error) ** 2)
