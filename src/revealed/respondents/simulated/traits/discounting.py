"""What payments at a date are worth to a simulated respondent.

u = s (ln amount + ln D(months)), with D = b (1 + a t)^(-k/a) for t > 0 (Loewenstein and Prelec
1992): exponential at a = 0, hyperbolic at a = k, and with a jump b after today.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..catalogue import Declared
    from ..values import Values


def log_discount(declared: Declared, months: float) -> float:
    """ln D(months): what a payment loses by its delay."""
    if months <= 0:
        return 0.0
    rate, curvature = declared.discount_rate, declared.discount_curvature
    steady = rate * months
    if curvature > 0:
        steady = rate / curvature * math.log1p(curvature * months)
    return math.log(declared.present_bias) - steady


def payment(values: Values, item: Mapping[str, Any], arm: str) -> float:
    """Utility of receiving (or, with sign -1, of paying) a sum at a date."""
    d = values.declared
    log_amount = math.log(item["quantity"])
    worth = log_amount + log_discount(d, item["months"]) if item["sign"] > 0 else -log_amount
    return d.payment_scale * worth + d.larger_number * math.log(item["figure"])


UTILITIES = {"payment": payment}
