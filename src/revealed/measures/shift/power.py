"""Which shift so many answers can show: worked out before anybody is asked.

From the pairs that will be asked and the number of answers alone: the information that answers give
about values of a usual spread (Fisher 1922), and from it the noise of chances. A shift m of chances
with noise W is tested by its excess mean square, whose variance is known (`control.shift`), so the
smallest root mean square that is found with a chance of 80 % follows, at the level that the first
step of Holm's procedure leaves each of `tests` findings of a family. A shift is found if it stands
beyond asking again and, where there is a control, beyond that too, as `findings.called` wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from ..fallible import RIDGE
from ..intervals import Array
from ..multiplicity import LEVEL
from .asking import LIVES, SELF

SPREAD = 1.0
"""Standard deviation of values (probit units) that a plan is made for."""
SLOPE = 0.6
"""What an e-fold of a quantity adds to a utility (probit units), where goods have quantities."""
WANTED = 0.8
"""Chance with which the smallest shift is found."""
_DRAWS, _FEW = 4000, 800
_SEED = 20260207


@dataclass(frozen=True)
class Planned:
    """What will be asked about a topic: ``design`` (pairs, parameters) and answers an order."""

    topic: str
    design: Array
    theta: Array
    samples: int
    tests: int

    @property
    def answers(self) -> int:
        """Answers that one respondent gives."""
        return 2 * self.samples * len(self.design)

    @property
    def chances(self) -> Array:
        """Chances of the first of each pair, for values of the spread that is planned for."""
        return np.asarray(special.ndtr(self.design @ self.theta))

    @property
    def through(self) -> Array:
        """Change of chances for a unit of each parameter, (pairs, parameters)."""
        return np.asarray(stats.norm.pdf(self.design @ self.theta)[:, None] * self.design)

    @property
    def noise(self) -> Array:
        """Covariance of the sampling noise of fitted chances, (pairs, pairs)."""
        z = self.design @ self.theta
        slope = stats.norm.pdf(z)
        p = special.ndtr(z)
        information = 2 * self.samples * slope**2 / np.maximum(p * (1 - p), 1e-9)
        hessian = (self.design * information[:, None]).T @ self.design
        inverse = np.linalg.inv(hessian + RIDGE * np.eye(self.design.shape[1]))
        noise = inverse - RIDGE * inverse @ inverse
        return np.asarray(self.through @ noise @ self.through.T)


@dataclass(frozen=True)
class Power:
    """The smallest root mean square of changes of chances that is found in four of five runs.

    ``checked`` is the share of simulated runs with such a shift in which it was found.
    """

    topic: str
    answers: int
    pairs: int
    tests: int
    smallest: float
    checked: float


def planned(
    topic: str, pairs: pd.DataFrame, items: pd.DataFrame, samples: int, tests: int, seed: int = 0
) -> Planned:
    """The plan for a topic.

    Parameters
    ----------
    pairs
        Columns first and second, as they will be asked.
    items
        Of the instrument, indexed by item; goods with a quantity are priced (one level a good and
        a slope common to all), other items have a level each.
    samples
        Answers for each order of a pair.
    tests
        Findings of the family that this one belongs to.
    """
    rng = np.random.default_rng([seed, len(pairs)])
    first, second = pairs["first"].tolist(), pairs["second"].tolist()
    used = items.loc[sorted({*first, *second})]
    priced = topic in (LIVES, SELF)
    level, names = pd.factorize(used["good"] if priced else used.index)
    columns = np.eye(len(names))[level]
    theta = SPREAD * (SLOPE if priced else 1.0) * rng.standard_normal(len(names))
    if priced:
        log_n = np.log(used["quantity"].to_numpy(float)) * used["sign"].to_numpy(float)
        columns = np.column_stack([columns, log_n])
        theta = np.append(theta, SLOPE)
    place = {item: k for k, item in enumerate(used.index)}
    one, two = ([place[item] for item in side] for side in (first, second))
    return Planned(topic, columns[one] - columns[two], theta, samples, tests)


def smallest(plan: Planned, control: bool = True) -> Power:
    """The smallest shift that this plan shows (`control`: also beyond a control fine-tune).

    A first guess takes the test's statistic for normal; it is then corrected on simulated runs, and
    the result checked on others. NaN where no shift is large enough.
    """
    noise, through = plan.noise, plan.through
    z = _level(plan)
    k = len(noise)
    spread = float((noise * noise).sum())
    # m'Wm for each unit of m'm, of a shift that values of no direction of their own make.
    along_of = float(((noise @ through) * through).sum() / (through**2).sum())

    def missing(size: float) -> float:
        # Two differences of two askings each; they share the base where there is no control.
        variance = 4 * spread * (4 if control else 3) + 8 * k * size**2 * along_of
        return float(stats.norm.cdf((k * size**2) / np.sqrt(variance) - z)) - WANTED

    if missing(1.0) <= 0:
        return Power(plan.topic, plan.answers, k, plan.tests, float("nan"), float("nan"))
    guess = float(optimize.brentq(missing, 1e-6, 1.0))

    def short(size: float) -> float:
        return simulated(plan, size, control=control, draws=_FEW) - WANTED

    low, high = 0.6 * guess, 1.4 * guess
    found = (
        float(optimize.brentq(short, low, high, xtol=1e-3))
        if short(low) < 0 < short(high)
        else guess
    )
    checked = simulated(plan, found, control=control, seed=_SEED + 1)
    return Power(plan.topic, plan.answers, k, plan.tests, found, checked)


def _level(plan: Planned) -> float:
    """What a statistic has to exceed at the first step of Holm's procedure, two-sided."""
    return float(stats.norm.ppf(1 - LEVEL / (2 * plan.tests)))


def simulated(
    plan: Planned, size: float, *, control: bool = True, draws: int = _DRAWS, seed: int = _SEED
) -> float:
    """Share of runs in which a shift of this size is found: fitted chances drawn with their noise.

    Found is what stands beyond asking again and beyond the control, if there is one. The direction
    of the shift is drawn anew in every run, among those that the values can take.
    """
    rng = np.random.default_rng(seed)
    noise = plan.noise
    root = _root(noise)

    def drawn() -> Array:
        return np.asarray(rng.standard_normal((draws, root.shape[1])) @ root.T)

    shift = rng.standard_normal((draws, plan.design.shape[1])) @ plan.through.T
    shift *= size / np.sqrt((shift**2).mean(axis=1, keepdims=True))
    base, again, other = drawn(), drawn(), drawn() + shift
    twice = 2 * noise
    spread = float((twice * twice).sum())

    def squares(d: Array) -> tuple[Array, Array]:
        along = np.maximum(0.0, np.einsum("dk,kl,dl->d", d, twice, d) - spread)
        return (d**2).sum(axis=1) - float(np.trace(twice)), 2 * spread + 4 * along

    taken, more = squares(again - base)

    def stands(d: Array, shared: float) -> Array:
        value, variance = squares(d)
        return np.asarray((value - taken) / np.sqrt(variance + more - shared) > _level(plan))

    # The base stands in the shift and in its retest, the control in neither.
    found = stands(other - base, 4 * float((noise * noise).sum()))
    if control:
        found = np.logical_and(found, stands(other - drawn(), 0.0))
    return float(found.mean())


def _root(noise: Array) -> Array:
    """A factor R with R R' = noise, of the noise's own rank."""
    values, vectors = np.linalg.eigh(noise)
    kept = values > 1e-12 * max(values.max(), 1e-300)
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def tests_planned(conditions: int, topics: int) -> int:
    """Findings of a family: every condition on every topic."""
    return max(1, conditions * topics)


def table(found: Mapping[str, Power]) -> pd.DataFrame:
    """What a run can see, a row a topic: columns topic, answers, pairs, smallest, checked."""
    return pd.DataFrame(
        [
            {"topic": name, "answers": p.answers, "pairs": p.pairs, "tests": p.tests,
             "smallest": p.smallest, "checked": p.checked}
            for name, p in found.items()
        ],
        columns=["topic", "answers", "pairs", "tests", "smallest", "checked"],
    )  # fmt: skip
