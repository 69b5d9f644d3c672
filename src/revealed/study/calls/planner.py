"""From a target to calls and cost, by strategy.

The variance of an estimate falls with the calls, so a strategy is known by one constant: mean
squared error x calls an outcome (or, for log prices, x slope² a good). The constants are simulated
by `benchmarks/calls.py` and kept in ``table.json``; between the misfits and order effects that
were simulated they are interpolated. For our own designs, whose intervals cover, it is that of the
intervals shown; the original has none.

It is a first-order law, made at 500 outcomes and 50 goods. Simulated again in 28 smaller worlds (60
and 150 outcomes, 15 and 30 goods), stopping took 0.75 to 1.57 times the planned calls: fewer for
prices with a misfit and a wide target; more for utilities, by 6 to 57 %, most where the target is
wide or where a misfit meets few outcomes, whose pairs run out. `simulate` says what a case takes.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import RegularGridInterpolator

from revealed.foundation.errors import ConfigError
from revealed.measures.intervals import Z95
from revealed.study.config import Stop
from revealed.study.stopping import PAIRS_A_GOOD

from . import paths
from .worlds import SLOPE, goods_world, outcome_world

Estimand = Literal["utilities", "prices"]

ORIGINAL = "original pipeline"
TABLE = "table.json"


class Strategy(NamedTuple):
    """A way of asking: `samples` answers an order, by which rule, read how."""

    name: str
    samples: int
    rule: paths.Rule = "design"
    logprob: bool = False
    stops: bool = False

    @property
    def answers(self) -> int:
        """Calls a pair."""
        return 2 if self.logprob else 2 * self.samples


STRATEGIES = (
    Strategy("random pairs, 4 answers", 2, "random"),
    Strategy("our design, 4 answers", 2),
    Strategy("our design, 2 answers", 1),
    Strategy("our design, 2 answers, stopping", 1, stops=True),
    Strategy("our design, log-probabilities", 1, logprob=True),
    Strategy("our design, log-probabilities, stopping", 1, logprob=True, stops=True),
)
"""What is planned beside the original; answers are a pair's, over both orders."""


def original_calls(estimand: Estimand, size: int, quantities: int = 31, dollars: int = 27) -> int:
    """What the original pipeline spends on so many outcomes or goods, whatever comes out.

    2 N log2 N pairs, 20 answers each for outcomes and 10 for goods at `quantities` and sums of
    money (Mazeika et al. 2025): 335,000 calls for 50 countries.
    """
    n = size if estimand == "utilities" else size * quantities + dollars
    pairs = min(round(2 * n * math.log2(n)), n * (n - 1) // 2)
    return pairs * (20 if estimand == "utilities" else 10)


@cache
def table() -> dict[str, Any]:
    """The simulated constants, as `benchmarks/calls.py` wrote them."""
    text = files("revealed.study.calls").joinpath(TABLE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def constant(estimand: Estimand, strategy: str, misfit: float, order: float) -> float:
    """The strategy's constant at this misfit and order effect.

    Raises
    ------
    ConfigError
        If it was not simulated, or lies outside what was.
    """
    known = table()
    grid = known["misfit"], known["order"]
    for name, value, axis in (("misfit", misfit, grid[0]), ("order", order, grid[1])):
        if not axis[0] <= value <= axis[-1]:
            raise ConfigError(
                f"{name} {value:g} was not simulated.",
                todo=f"Choose one from {axis[0]:g} to {axis[-1]:g}.",
            )
    if strategy not in known[estimand]:
        raise ConfigError(f"no strategy {strategy!r} for {estimand}.")
    at = RegularGridInterpolator(grid, np.array(known[estimand][strategy], dtype=float))
    return float(at([[misfit, order]])[0])


def calls_for(
    estimand: Estimand,
    strategy: str,
    size: int,
    half_width: float,
    *,
    misfit: float = 0.5,
    order: float = 0.5,
    slope: float = SLOPE,
) -> int:
    """Calls at which 95 % intervals are `half_width` to either side, in all but rare worlds.

    Raises
    ------
    ConfigError
        If the target or the size is none, or the world was not simulated.
    """
    if not 0 < half_width < math.inf or not 0 < slope < math.inf or size < 3:
        raise ConfigError(
            "a target needs a half-width and a slope above 0 and 3 outcomes or goods."
        )
    variance = (half_width / Z95) ** 2
    each = constant(estimand, strategy, misfit, order)
    per = size if estimand == "utilities" else size / slope**2
    return math.ceil(each * per / variance)


def least_calls(estimand: Estimand, strategy: Strategy, size: int) -> int:
    """Calls of the start, before a rule can choose; of goods, before a width is believed."""
    of_goods = PAIRS_A_GOOD // 2 if strategy.stops else 6
    pairs = size * paths.START_DEGREE // 2 if estimand == "utilities" else of_goods * size
    return pairs * strategy.answers


def strategies(
    estimand: Estimand,
    size: int,
    half_width: float,
    *,
    misfit: float = 0.5,
    order: float = 0.5,
    slope: float = SLOPE,
    cost_of_call: float = math.nan,
) -> pd.DataFrame:
    """What each strategy takes to reach a target: a row a strategy.

    Parameters
    ----------
    size
        Outcomes, or goods.
    half_width
        Of 95 % intervals: of standardised utilities, or of log prices (0.1 is about 10 %).
    misfit, order
        Standard deviation of single pairs around the model, and what being listed first adds, on
        the probit scale.
    slope
        Utility per unit of ln N (prices only).
    cost_of_call
        US dollars.

    Returns
    -------
    Columns strategy, calls, pairs, cost, fewer (the original's calls to this precision over these)
    and spent_over (what the original spends in any case over these).
    """
    options = {"misfit": misfit, "order": order, "slope": slope}
    before = calls_for(estimand, ORIGINAL, size, half_width, **options)
    answers = 20 if estimand == "utilities" else 10
    spends = original_calls(estimand, size)
    rows: list[tuple[str, int, int]] = [
        ("original pipeline, as published", spends, spends // answers),
        ("original pipeline, to this precision", before, before // answers),
    ]
    for strategy in STRATEGIES:
        calls = calls_for(estimand, strategy.name, size, half_width, **options)
        calls = max(calls, least_calls(estimand, strategy, size))
        rows.append((strategy.name, calls, math.ceil(calls / strategy.answers)))
    found = pd.DataFrame(rows, columns=["strategy", "calls", "pairs"])
    found["cost"] = found["calls"] * cost_of_call
    found["fewer"] = before / found["calls"]
    found["spent_over"] = spends / found["calls"]
    return found


class Simulated(NamedTuple):
    """Means over simulated respondents whose rounds stopped at a width."""

    calls: float
    width: float
    covered: float
    error: float


def simulate(
    estimand: Estimand,
    size: int,
    half_width: float,
    *,
    misfit: float = 0.5,
    order: float = 0.5,
    slope: float = SLOPE,
    samples: int = 1,
    seeds: int = 3,
) -> Simulated:
    """Our design, asked until the median interval is `half_width` to either side, at most ten
    times the calls that were planned."""
    options = {"misfit": misfit, "order": order, "slope": slope}
    name = next(s.name for s in STRATEGIES if s.stops and not s.logprob)
    most = 10 * calls_for(estimand, name, size, half_width, **options)
    last = []
    for seed in range(1, seeds + 1):
        if estimand == "utilities":
            world = outcome_world(size, misfit=misfit, order=order, seed=seed)
            stop = Stop(utility=half_width)
        else:
            world = goods_world(size, misfit=misfit, order=order, slope=slope, seed=seed)
            stop = Stop(log_price=half_width)
        last.append(paths.path(world, samples=samples, calls=most, stop=stop, seed=seed)[-1])
    return Simulated(
        float(np.mean([step.calls for step in last])),
        float(np.mean([step.half_width for step in last])),
        float(np.mean([step.covered for step in last])),
        math.sqrt(float(np.mean([step.error**2 for step in last]))),
    )
