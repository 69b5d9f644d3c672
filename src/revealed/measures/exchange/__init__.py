"""Exchange rates between goods (METHODS 8): log prices, rates, dollars, audits, and the original's.

`prices` reads a fitted curve, `audits` asks whether it may be read, `parity` repeats the original
method, `findings` turns tables into findings.
"""

from .audits import (
    CommonSlope,
    against_placebo,
    common_slope_test,
    compare_curves,
    monotonicity_audit,
    n_against_n,
    placebo,
    placebo_band,
)
from .findings import (
    Source,
    equal_quantity_findings,
    parity_findings,
    payment_findings,
    placebo_findings,
    price_findings,
    rate_findings,
    slope_findings,
    unequal_finding,
)
from .parity import intransitivity, parity, parity_lines, parity_log_rates, side_by_side
from .prices import every_rate, format_rate, log_prices, price_vector, rates, willingness_to_pay

__all__ = [
    "CommonSlope",
    "Source",
    "against_placebo",
    "common_slope_test",
    "compare_curves",
    "equal_quantity_findings",
    "every_rate",
    "format_rate",
    "intransitivity",
    "log_prices",
    "monotonicity_audit",
    "n_against_n",
    "parity",
    "parity_findings",
    "parity_lines",
    "parity_log_rates",
    "payment_findings",
    "placebo",
    "placebo_band",
    "placebo_findings",
    "price_findings",
    "price_vector",
    "rate_findings",
    "rates",
    "side_by_side",
    "slope_findings",
    "unequal_finding",
    "willingness_to_pay",
]
