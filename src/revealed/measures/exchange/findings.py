"""Tables of this measure as findings: the only form in which its numbers reach the book."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...foundation.schemas import Finding, Provenance
from .audits import CommonSlope

HC3 = "quantity curve in the pairwise likelihood, pair-clustered HC3"


@dataclass(frozen=True)
class Source:
    """Whose answers a table is about: what every finding repeats. ``n`` counts pairs."""

    respondent: str
    instrument: str
    arm: str
    provenance: Provenance
    n: int
    chapter: str = "exchange"
    claim: str = "C3"

    def finding(
        self, estimand: str, estimate: float, low: float | None, high: float | None, unit: str,
        method: str, subject: str = "", note: str = "", n: int | None = None,
    ) -> Finding:  # fmt: skip
        """One finding of this source."""
        return Finding(
            estimand, self.chapter, self.respondent, float(estimate), low, high, unit,
            self.n if n is None else n, method, self.provenance, self.claim, self.arm,
            self.instrument, subject, note,
        )  # fmt: skip


def _each(table: pd.DataFrame, make: Callable[[Any], Finding | None]) -> list[Finding]:
    made = (make(row) for row in table.itertuples())
    return [finding for finding in made if finding is not None]


def price_findings(prices: pd.DataFrame, source: Source) -> list[Finding]:
    """``exchange.log_price``, subject the good; undetermined goods are left out."""

    def one(row: Any) -> Finding | None:
        if row.bound == "none":
            return None
        note = "unequal after adjustment" if row.unequal else "not distinguishable from the mean"
        if row.bound:
            note = f"bound: {row.bound} {math.exp(row.log_price):.3g}; {note}"
        return source.finding(
            "exchange.log_price", row.log_price, row.low, row.high, "ln units of the reference",
            HC3, row.good, note,
        )  # fmt: skip

    return _each(prices, one)


def rate_findings(table: pd.DataFrame, source: Source) -> list[Finding]:
    """``exchange.rate``, subject "good per other"; undetermined rates are left out."""

    def one(row: Any) -> Finding | None:
        if row.bound == "none":
            return None
        return source.finding(
            "exchange.rate", row.rate, row.rate_low, row.rate_high, f"units of {row.per}",
            HC3, f"{row.good} per {row.per}", f"bound: {row.text}" if row.bound else "",
        )  # fmt: skip

    return _each(table, one)


def payment_findings(table: pd.DataFrame, source: Source) -> list[Finding]:
    """``exchange.dollars_per_unit``, subject the good."""

    def one(row: Any) -> Finding | None:
        if row.bound == "none":
            return None
        note = f"at {row.quantity:.3g} units" + (f"; bound: {row.text}" if row.bound else "")
        return source.finding(
            "exchange.dollars_per_unit", row.per_unit, row.per_unit_low, row.per_unit_high,
            "dollars a unit", HC3, row.good, note,
        )  # fmt: skip

    return _each(table, one)


def equal_quantity_findings(table: pd.DataFrame, source: Source) -> list[Finding]:
    """``exchange.n_against_n``: share of answers for a good at equal quantities."""

    def one(row: Any) -> Finding:
        per = getattr(row, "per", "")
        method = "raw answers, order-balanced, " + (
            "Agresti-Caffo over answers" if per else "pair-clustered"
        )
        return source.finding(
            "exchange.n_against_n", row.share, row.low, row.high, "share of answers", method,
            f"{row.good} per {per}" if per else row.good,
            "unequal after adjustment" if row.unequal else "", n=int(row.pairs),
        )  # fmt: skip

    return _each(table, one)


def unequal_finding(prices: pd.DataFrame, source: Source) -> Finding:
    """``exchange.unequal``: share of goods called unequal, placebos left out."""
    real = prices[~prices["placebo"]]
    return source.finding(
        "exchange.unequal", float(real["unequal"].mean()) if len(real) else 0.0, None, None,
        "share of goods", f"{HC3}, family-wise 95 % by the largest |t|", n=len(real),
    )  # fmt: skip


def placebo_findings(placebos: pd.DataFrame, band: float, source: Source) -> list[Finding]:
    """``exchange.placebo_band``, and ``exchange.placebo_rate`` for every second spelling."""
    if not np.isfinite(band):
        return []
    alias = placebos[placebos["kind"] == "alias"]
    found = [
        source.finding(
            "exchange.placebo_band", math.exp(band), None, None, "rate",
            "95 % quantile of placebo rates (the largest if fewer than 20)", n=len(placebos),
        )
    ]  # fmt: skip
    for row in alias[alias["bound"] == ""].itertuples():
        found.append(
            source.finding(
                "exchange.placebo_rate", row.rate, row.rate_low, row.rate_high,
                f"units of {row.per}", HC3, f"{row.good} per {row.per}",
            )
        )  # fmt: skip
    return found


def slope_findings(test: CommonSlope, source: Source) -> list[Finding]:
    """``exchange.common_slope_p`` and ``exchange.slope``."""
    method = f"Wald on pair-clustered HC3, F({test.df}, {test.df_residual}) = {test.f:.2f}"
    return [
        source.finding("exchange.common_slope_p", test.p_value, None, None, "p-value", method),
        source.finding(
            "exchange.slope", test.slope, None, None, "utility per ln N", "mean slope over goods"
        ),
    ]


def parity_findings(original: pd.DataFrame, source: Source) -> list[Finding]:
    """``exchange.parity_log_price``: the original's rate, its range over pivots in the note."""

    def one(row: Any) -> Finding | None:
        if not np.isfinite(row.log_price):
            return None
        return source.finding(
            "exchange.parity_log_price", row.log_price, None, None, "ln units of the reference",
            "original: least squares of utility on ln N a good", row.good,
            f"through other pivots {row.pivot_low:.2f} to {row.pivot_high:.2f}",
        )  # fmt: skip

    return _each(original, one)
