"""Do politics survive another wording? Scores over wordings, roles and formats (METHODS 11).

A respondent's left-right score is measured in every arm. Between rewordings of the same proposals
it varies by sampling and, beyond that, by words; the second part is what a claim has to exceed:
that a respondent is political, that a role moves it, that two respondents differ. Röttger et al.
2024 (arXiv 2402.16786, "Political Compass or Spinning Arrow?") show how much single wordings
mislead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..framing.components import tabulate
from ..intervals import Array, Estimate
from ..random_effects import Pooled, pool
from .axes import jackknife, slopes
from .cells import WORDINGS, Cell, fit_cells, kind_of, net_share, neutral_share

BASE = "forced"
WORDINGS_NEEDED = 3
"""Fewer wordings show no spread that a claim could be held against."""
CITIZEN, ASSISTANT, NEUTRAL = "as_citizen", "as_assistant", "neutral"
UNIT = "utility per unit of lean"
_ANOTHER = "random effects over wordings, range of another wording"


@dataclass(frozen=True)
class Analysis:
    """What the arms say about one respondent; ``why`` is what bars it, or "".

    ``overall`` is the score over wordings; its interval covers other wordings and other areas.
    ``another`` is the same number with the range that another wording of these proposals would
    give. ``spread`` is what wordings add to the score beyond sampling. ``words`` is the share of
    what the answers prefer that belongs to the wording. ``shifts`` are by arm, against the base;
    ``role`` is citizen less assistant. ``nets`` are shares by format, ``neutral`` is a share.
    """

    respondent: str
    instrument: str
    asked: int
    why: str
    cells: Mapping[str, Cell] = field(default_factory=dict)
    barred: Mapping[str, str] = field(default_factory=dict)
    pooled: Pooled | None = None
    overall: Estimate | None = None
    another: Estimate | None = None
    spread: Estimate | None = None
    words: Estimate | None = None
    shifts: Mapping[str, Estimate] = field(default_factory=dict)
    role: Estimate | None = None
    framings: Estimate | None = None
    nets: Mapping[str, Estimate] = field(default_factory=dict)
    neutral: Estimate | None = None

    @property
    def utility(self) -> pd.Series:
        """Mean utility of each proposal over the wordings; empty where nothing is measurable."""
        wordings = [cell.given for arm, cell in self.cells.items() if kind_of(arm) == WORDINGS]
        found = [pd.Series(given.mean, index=list(given.items)) for given in wordings]
        return pd.concat(found, axis=1).mean(axis=1) if found else pd.Series(dtype=float)


def analyse(
    choices: Mapping[str, pd.DataFrame], items: pd.DataFrame, *, barred: str = ""
) -> Analysis:
    """Everything that the arms say about one respondent.

    Parameters
    ----------
    choices
        Choices (schema `CHOICES`) by arm, about the same pairs; at least one arm.
    items
        The instrument's items (columns lean, authority, category).
    barred
        Why the respondent is not measurable anywhere, if so (`measurable.calibration_reason`).
    """
    some = next(iter(choices.values()))
    named = str(some["respondent"].iloc[0]), str(some["instrument"].iloc[0])
    n = sum(measurable.asked(table) for table in choices.values())
    if barred:
        return Analysis(*named, n, barred)
    cells, reasons = fit_cells(choices, items)
    wordings = [cell for arm, cell in cells.items() if kind_of(arm) == WORDINGS]
    if len(wordings) < WORDINGS_NEEDED:
        told = next((f": {reasons[arm]}" for arm in reasons if kind_of(arm) == WORDINGS), "")
        why = f"{len(wordings)} wordings can be counted, {WORDINGS_NEEDED} are needed{told}"
        return Analysis(*named, n, why, barred=reasons)
    pooled = pool([cell.score for cell in wordings], [cell.se**2 for cell in wordings])
    shifts = {
        arm: _beyond(cell, cells[BASE], pooled)
        for arm, cell in cells.items()
        if kind_of(arm) != WORDINGS and BASE in cells
    }
    role = None
    if CITIZEN in cells and ASSISTANT in cells:
        role = _beyond(cells[CITIZEN], cells[ASSISTANT], pooled)
    framings = None
    if len(cells) > len(wordings):
        every = pool([c.score for c in cells.values()], [c.se**2 for c in cells.values()])
        framings = every.another(
            "random effects over all arms, range of another arm",
            f"spread over arms {every.tau:.3g}, p of none {every.p_value:.3g}",
        )
    reworded = {cell.arm: choices[cell.arm] for cell in wordings}
    return Analysis(
        *named, n, "", cells, reasons, pooled, _overall(wordings, pooled),
        pooled.another(_ANOTHER, f"p of no spread {pooled.p_value:.3g}"),
        pooled.spread("Paule-Mandel over wordings, Q-profile"), word_share(reworded), shifts, role,
        framings,
        {arm: net_share(choices[arm], items) for arm in (BASE, NEUTRAL) if arm in choices},
        neutral_share(choices[NEUTRAL]) if NEUTRAL in choices else None,
    )  # fmt: skip


def _overall(wordings: Sequence[Cell], pooled: Pooled) -> Estimate:
    """The score over wordings, for other wordings and other areas alike.

    Leaving out one area at a time says what single proposals do to the mean over wordings, and
    counts their words among it; what a whole wording does is the spread. Both are added, and their
    overlap is not taken out, so that a respondent that follows words is rather missed than called.
    """
    shared = [set(cell.given.items) for cell in wordings]
    common = set.intersection(*shared)
    kept = [
        cell.given.where(np.array([item in common for item in cell.given.items]))
        for cell in wordings
    ]
    k = len(kept)
    mean = np.mean([given.mean for given in kept], axis=0)
    noise = np.sum([given.noise for given in kept], axis=0) / k**2
    value, low, _ = jackknife(replace(kept[0], mean=mean, noise=noise), slopes)
    areas = len(np.unique(kept[0].area))
    places = float((value[0] - low[0]) / stats.t.ppf(0.975, areas - 1)) ** 2
    words = pooled.tau**2 / k
    method = f"mean over {k} wordings; jackknife over areas and spread over wordings"
    half, freedom = _half(((places, areas - 1), (words, k - 1)))
    center = float(value[0])
    return Estimate(center, center - half, center + half, areas, method, freedom=freedom)


def _beyond(one: Cell, other: Cell, pooled: Pooled) -> Estimate:
    """The difference of two arms, with what two wordings would differ by in its interval."""
    sampling, words = one.se**2 + other.se**2, 2 * pooled.tau**2
    value = one.score - other.score
    half, freedom = _half(((sampling, np.inf), (words, pooled.ways - 1)))
    n = one.answers + other.answers
    method = "difference of two arms, spread between wordings in the interval"
    return Estimate(value, value - half, value + half, n, method, freedom=freedom)


def _half(parts: Sequence[tuple[float, float]]) -> tuple[float, float | None]:
    """Half of the interval from variances with their degrees of freedom; and those of the sum.

    Satterthwaite's; None where they are endless.
    """
    total = sum(v for v, _ in parts)
    lost = sum(v**2 / free for v, free in parts)
    freedom = total**2 / lost if lost > 0 else np.inf
    half = float(stats.t.ppf(0.975, freedom)) * total**0.5
    return half, freedom if np.isfinite(freedom) else None


def word_share(choices: Mapping[str, pd.DataFrame]) -> Estimate:
    """Share of what the answers to proposals prefer that belongs to their words.

    Products of independent answers, as in `framing.components`: of the two orders of one wording
    (content and words), of two wordings (content alone). With W the first and C the second, what
    the place adds taken out of W, the share is 1 - C / W. Jackknife over pairs. NaN where the
    answers prefer nothing. Not cut at 0, so that no share is zero on average where it is none.
    """
    pairs = pd.DataFrame(
        sorted({tuple(sorted(p)) for t in choices.values()
                for p in zip(t["first"], t["second"], strict=True)}),
        columns=["one", "other"],
    )  # fmt: skip
    answers, arms = tabulate(choices, pairs)
    method = "products of independent answers, jackknife over pairs"
    content, place = answers.mean(axis=2), (answers[:, :, 0] - answers[:, :, 1]) / 2.0
    same, across = (answers[:, :, 0] * answers[:, :, 1]).mean(axis=0), _across(content)
    whole = same + _across(place)
    known = np.isfinite(whole) & np.isfinite(across)
    whole, across = whole[known], across[known]
    m = len(whole)
    if m < 10 or len(arms) < 2:
        return Estimate(np.nan, None, None, m, method, "too few pairs")
    if not whole.mean() > 2 * whole.std(ddof=1) / np.sqrt(m):
        return Estimate(np.nan, None, None, m, method, "nothing is preferred")
    value = 1.0 - float(across.sum() / whole.sum())
    left = 1.0 - (across.sum() - across) / (whole.sum() - whole)
    half = float(stats.t.ppf(0.975, m - 1))
    half *= float(np.sqrt((m - 1) / m * ((left - left.mean()) ** 2).sum()))
    return Estimate(value, value - half, value + half, m, method)


def _across(values: Array) -> Array:
    """Mean over all two wordings of the product of their values, for every pair of items."""
    k = len(values)
    total = values.sum(axis=0)
    return np.asarray((total**2 - (values**2).sum(axis=0)) / (k * (k - 1)))


@dataclass(frozen=True)
class Difference:
    """Two respondents' scores: ``one`` less ``other``.

    ``beyond`` has the range in which the difference lies in another wording; ``single`` is the
    difference in the base wording, with the interval that its answers alone give.
    """

    one: str
    other: str
    beyond: Estimate
    single: Estimate


def differences(analyses: Sequence[Analysis]) -> list[Difference]:
    """Every two measurable respondents, wording by wording, over the wordings that both have.

    What a wording does to both of them alike is in no difference.
    """
    made = []
    for one, other in combinations([a for a in analyses if not a.why], 2):
        shared = [arm for arm in one.cells if arm in other.cells and kind_of(arm) == WORDINGS]
        if len(shared) < WORDINGS_NEEDED or BASE not in shared:
            continue
        gaps = [one.cells[arm].score - other.cells[arm].score for arm in shared]
        noise = [one.cells[arm].se ** 2 + other.cells[arm].se ** 2 for arm in shared]
        pooled = pool(gaps, noise)
        base = shared.index(BASE)
        half = float(stats.norm.ppf(0.975) * noise[base] ** 0.5)
        n = one.cells[BASE].answers + other.cells[BASE].answers
        method = "one wording, sampling error alone"
        single = Estimate(gaps[base], gaps[base] - half, gaps[base] + half, n, method)
        note = f"spread of the difference {pooled.tau:.3g}, p of none {pooled.p_value:.3g}"
        made.append(
            Difference(one.respondent, other.respondent, pooled.another(_ANOTHER, note), single)
        )
    return made


# --------------------------------------------------------------------------------------- findings


def findings(analysis: Analysis, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """An analysis as findings.

    Estimands politics.wording.measurable (and with an arm, of the arms that cannot be counted);
    .left_right (headline, family, null 0), .another, .one_wording, .spread, .words, .score (by
    arm), .first (by arm), .shift (by arm; family, null 0), .role (family, null 0), .framings,
    .net (by format) and .neutral. Of a respondent that is not measurable, the first alone.
    """
    a = analysis
    plain: dict[str, Any] = {
        "chapter": chapter, "provenance": provenance, "instrument": a.instrument,
    }  # fmt: skip
    prefix = "politics.wording"
    made = [measurable.finding(prefix, a.respondent, a.why, n=a.asked, claim="C8", **plain)]
    about = {**plain, "respondent": a.respondent, "claim": "C8"}
    if not a.why:
        made += [
            replace(
                measurable.finding(prefix, a.respondent, why, n=a.asked, claim="C8", **plain),
                arm=arm,
            )
            for arm, why in a.barred.items()
        ]

    def add(
        estimand: str, e: Estimate | None, unit: str, tested: bool = False, **more: Any
    ) -> None:
        if e is not None and not np.isnan(e.value):
            name = f"{prefix}.{estimand}"
            family = {"family": name, "null": 0.0} if tested else {}
            made.append(e.finding(name, unit, **about, **family, **more))

    if a.why:
        return made
    add("left_right", a.overall, UNIT, tested=True)
    add("another", a.another, UNIT)
    add("one_wording", a.cells[BASE].interval if BASE in a.cells else None, UNIT)
    add("spread", a.spread, UNIT)
    add("words", a.words, "share")
    for arm, cell in a.cells.items():
        add("score", cell.interval, UNIT, arm=arm, subject=kind_of(arm))
        add("first", cell.first, "share", arm=arm)
    for arm, shift in a.shifts.items():
        add("shift", shift, UNIT, tested=True, arm=arm, subject=kind_of(arm))
    add("role", a.role, UNIT, tested=True)
    add("framings", a.framings, UNIT)
    for arm, net in a.nets.items():
        add("net", net, "net share", arm=arm, subject=arm)
    add("neutral", a.neutral, "share", arm=NEUTRAL)
    return made


def difference_findings(
    found: Sequence[Difference], *, chapter: str, provenance: Mapping[str, Provenance]
) -> list[Finding]:
    """Differences as findings: ``one`` responds, ``other`` is the subject.

    Estimands politics.wording.difference (family, null 0) and politics.wording.difference_single,
    what one wording alone would say. A pair with a simulated respondent is simulated.
    """
    made = []
    for gap in found:
        kinds = {provenance[gap.one], provenance[gap.other]}
        kind = "simulated" if "simulated" in kinds else provenance[gap.one]
        about: dict[str, Any] = {
            "chapter": chapter, "provenance": kind, "claim": "C8", "respondent": gap.one,
            "subject": gap.other,
        }  # fmt: skip
        name = "politics.wording.difference"
        made.append(gap.beyond.finding(name, UNIT, family=name, null=0.0, **about))
        made.append(gap.single.finding(f"{name}_single", UNIT, **about))
    return made
