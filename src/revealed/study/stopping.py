"""When a cell has been asked enough: the width that its intervals have reached.

Looking at data to decide when to stop biases estimates, and shortens intervals, if what is looked
at is the estimate. Here it is a width, which by then rests on many answers; simulated coverage
stays within 92 to 97 % (`benchmarks/calls.py` and the tests).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from revealed.measures.intervals import Z95
from revealed.utilities import Comparisons, comparisons, curve, fit
from revealed.utilities.result import Fit

from .config import Cell, Stop

SMALLEST_ROUND = 0.1
"""A round before the target is at least this share of a planned one: widths are foretold roughly,
and a round of a few pairs costs a fit and, by batch, a day."""


PAIRS_A_GOOD = 100
"""A good's log price stops no study before it stands in so many pairs, on average: with a misfit of
0.5, intervals of 12 goods in 60 pairs each cover 88 % (stopped or not), in 125 pairs 95 %."""


def utility_half_widths(fitted: Fit) -> np.ndarray:
    """Half-width of the 95 % interval of every standardised utility; infinite without one."""
    se = fitted.zscored().se
    return np.where(np.isfinite(se), Z95 * se, math.inf)


def price_half_widths(fitted: curve.CurveFit) -> np.ndarray:
    """Half-width of the 95 % interval of every log price; infinite where there is a bound or none.

    Goods that are no placebos. The interval is the one that is shown (`exchange.log_prices`).
    """
    from revealed.measures.exchange import log_prices

    prices = log_prices(fitted)
    prices = prices[~prices["placebo"].astype(bool)]
    return np.asarray((prices["high"] - prices["low"]) / 2, dtype=float)


def half_width(stop: Stop, answers: Comparisons, items: pd.DataFrame) -> float:
    """The width that `stop` is about, of a fit to `answers`; infinite before there is one."""
    if not len(answers):
        return math.inf
    if stop.log_price is not None:
        widths = price_half_widths(curve.fit_curve(answers, items))
    else:
        fitted = fit(answers, backend="numpy")
        if not np.ptp(fitted.mean) > 0:
            return math.inf
        widths = utility_half_widths(fitted)
    return float(np.median(widths) if stop.of == "median" else np.max(widths))


def least_pairs(stop: Stop, items: pd.DataFrame) -> int:
    """Pairs before which a width is not believed (`PAIRS_A_GOOD`; every pair has two goods)."""
    if stop.log_price is None:
        return 0
    goods = int(items.loc[items["kind"] == "good", "good"].nunique())
    return math.ceil(PAIRS_A_GOOD * goods / 2)


def pairs_left(stop: Stop, width: float, asked: int, planned: int, least: int = 0) -> int:
    """Pairs of the next round, none where the target is reached with `least` pairs or more.

    A width falls with the square root of what was asked, so the pairs that are lacking are about
    asked ((width / target)² - 1); `planned` is the most, a tenth of it the least.
    """
    target = stop.target
    if width <= target:
        return min(planned, max(0, least - asked))
    if not math.isfinite(width):
        return planned
    lacking = math.ceil(asked * ((width / target) ** 2 - 1))
    return min(planned, max(lacking, math.ceil(SMALLEST_ROUND * planned)))


def round_size(cell: Cell, total: int, rounds: int, number: int, left: int) -> int:
    """Pairs planned for round `number` (from 0), of `total` in `rounds`, `left` still to ask.

    A cell that stops at a width may take more and smaller rounds than that, never more pairs.
    """
    if cell.design.stop is None:
        return total * (number + 1) // rounds - total * number // rounds
    return min(left, math.ceil(total / rounds))


def next_count(cell: Cell, items: pd.DataFrame, choices: pd.DataFrame, planned: int) -> int:
    """Pairs that a cell asks in its next round, of `planned`; 0 ends the rounds."""
    stop = cell.design.stop
    if stop is None:
        return planned
    width = half_width(stop, comparisons(choices, list(items.index)), items)
    trained = int((choices["role"] == "train").sum()) // 2
    return pairs_left(stop, width, trained, planned, least_pairs(stop, items))
