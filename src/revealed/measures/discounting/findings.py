"""One respondent's answers to the discounting experiment, judged and turned into findings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.errors import EstimationError
from ...foundation.schemas import Finding, Provenance
from .. import measurable
from ..intervals import Estimate
from . import estimates
from .curves import CURVES
from .estimates import Comparison
from .fit import Cells, DiscountFit, cells, fit_curve
from .parity import parity_score

PREFIX = "discount"


@dataclass(frozen=True)
class Analysis:
    """What is known of one respondent.

    ``why`` is empty if it can be measured. ``side`` and ``edge`` are a bound on its yearly rate
    ("" and NaN where there is a number); ``fit`` and ``comparison`` are None without a number.
    """

    respondent: str
    instrument: str
    arm: str
    why: str
    asked: int
    data: Cells
    right: Estimate
    side: str = ""
    edge: float = float("nan")
    comparison: Comparison | None = None
    fit: DiscountFit | None = None
    parity: float = float("nan")


def analyse(
    choices: pd.DataFrame, pairs: pd.DataFrame, *, barred: str = "", seed: int = 0
) -> Analysis:
    """Judge and fit one respondent's answers.

    Parameters
    ----------
    choices
        Schema `CHOICES`: one respondent, instrument and arm.
    pairs
        The instrument's pairs.
    barred
        Why the respondent is not measurable in any experiment (`measurable.calibration_reason`).
    seed
        Deals the cells into folds.
    """
    head = (str(choices[name].iloc[0]) for name in ("respondent", "instrument", "arm"))
    respondent, instrument, arm = head
    data = cells(choices, pairs)
    right, misled = estimates.dominance(choices, pairs)
    why = barred or measurable.reason(choices) or _unsound(right, misled)
    known: dict[str, Any] = {}
    if not why:
        side, edge = estimates.bound(data)
        if side == "none":
            why = "its answers follow neither the sums nor the dates"
        else:
            known = {"side": side, "edge": edge, "parity": parity_score(choices, pairs)}
    if not why and not known["side"]:
        try:
            comparison = estimates.compare_curves(data, seed=seed)
            known |= {"comparison": comparison, "fit": fit_curve(data, comparison.chosen)}
        except EstimationError as error:
            why, known = f"too few answers for a curve ({error})", {}
    return Analysis(
        respondent, instrument, arm, why, measurable.asked(choices), data, right, **known
    )


def _unsound(right: Estimate, misled: Estimate) -> str:
    """Why answers to the pairs with a plainly better option bar a respondent; empty if not."""
    if right.n == 0:
        return "was not asked the pairs of which one option is plainly better"
    if right.value >= estimates.DOMINANCE_NEEDED:
        return ""
    percent = f"{100 * right.value:.0f} % of plainly better options chosen"
    if misled.n and misled.value < 0.5:
        return f"takes the larger number whatever it counts ({percent})"
    return f"{percent}, {100 * estimates.DOMINANCE_NEEDED:.0f} % are needed"


def year_value(rate: Estimate) -> Estimate:
    """Dollars today that $100 a year away are worth, from a yearly rate in per cent."""
    value = 100.0 / (1.0 + rate.value / 100.0)
    ends = [
        None if end is None else (0.0 if math.isinf(end) else 100.0 / (1.0 + end / 100.0))
        for end in (rate.high, rate.low)
    ]
    return Estimate(value, ends[0], ends[1], rate.n, rate.method, rate.note)


def findings(analysis: Analysis, *, chapter: str, provenance: Provenance) -> list[Finding]:
    """Everything the book may say of one respondent.

    Always discount.measurable. For a respondent with a bound: discount.annual_rate and
    .year_value with one open end. With a number: those, discount.area_under_curve, .beta,
    .front_end, .magnitude, .curve_gain (subject the curve, against the exponential one),
    .order_effect, .dominance; and for both .parity_score.
    """
    a = analysis
    about: dict[str, Any] = {
        "chapter": chapter, "respondent": a.respondent, "instrument": a.instrument, "arm": a.arm,
        "provenance": provenance,
    }  # fmt: skip
    made = [measurable.finding(PREFIX, why=a.why, n=a.asked, **about)]
    if a.why:
        return made

    def add(
        name: str, e: Estimate, unit: str, subject: str = "", null: float | None = None
    ) -> None:
        if np.isfinite(e.value):
            family = PREFIX if null is not None else ""
            made.append(
                e.finding(
                    f"{PREFIX}.{name}", unit, subject=subject, family=family, null=null, **about
                )
            )

    n = a.data.n_cells
    if a.fit is None or a.comparison is None:
        low, high = (a.edge, None) if a.side == ">" else (None, a.edge)
        word = "sooner" if a.side == ">" else "later"
        rate = Estimate(
            a.edge, low, high, n, "second most extreme cell asked",
            f"bound: {a.side} {a.edge:.3g} % a year; nearly always takes the {word} option",
        )  # fmt: skip
        add("annual_rate", rate, "percent a year")
        add("year_value", year_value(rate), "dollars today for $100 in a year")
    else:
        rate = estimates.annual_rate(a.fit)
        add("annual_rate", rate, "percent a year")
        add("year_value", year_value(rate), "dollars today for $100 in a year")
        add("area_under_curve", estimates.area_under_curve(a.fit), "share")
        add("beta", estimates.beta(a.data), "factor", null=1.0)
        add("front_end", estimates.front_end(a.data), "difference in probability", null=0.0)
        add("magnitude", estimates.magnitude(a.fit), "ln ratio of rates", null=0.0)
        for row in a.comparison.table.itertuples():
            if row.curve == "exponential":
                continue
            note = "chosen" if row.curve == a.comparison.chosen else ""
            gain = Estimate(
                row.gain, row.low, row.high, row.n,
                f"held-out cells, {estimates.FOLDS} folds, Student's t over cells", note,
                freedom=row.n - 1,
            )  # fmt: skip
            title = CURVES[row.curve].title
            add("curve_gain", gain, "nats a choice", f"{title} against exponential", 0.0)
        add("order_effect", estimates.order_effect(a.fit), "probit units")
        add("dominance", a.right, "share")
    coarse = Estimate(
        a.parity, None, None, n, "published staircases on the most frequent choice of a cell",
        "0 is patient, 12 impatient; two staircases and two further items",
    )  # fmt: skip
    add("parity_score", coarse, "steps of 12")
    return made
