"""The cost limit: what in-flight requests could cost at worst is set aside before they are sent."""

from __future__ import annotations

import math

from ..foundation.errors import BudgetError, ConfigError


class Budget:
    """A limit in US dollars that is never exceeded, shared by all who are given it.

    A request is sent only if everything spent, plus the worst case of everything in flight, plus
    its own worst case, stays within ``max_cost``. One event loop may share a budget; processes
    may not.

    Parameters
    ----------
    max_cost
        US dollars; None sets no limit and only keeps the sum.
    spent
        What counts as spent already (``Ledger.cost()`` makes the limit one of the whole run).
    """

    def __init__(self, max_cost: float | None = None, spent: float = 0.0):
        if max_cost is not None and not (math.isfinite(max_cost) and max_cost >= 0):
            raise ConfigError(
                f"the cost limit is {max_cost}.", todo="Give a number of US dollars from 0 up."
            )
        self.max_cost = max_cost
        self.spent = spent
        self.reserved = 0.0
        self.unknown = 0
        """Answers whose cost nobody could tell; the sum leaves them out, and says so."""

    def reserve(self, worst: float | None) -> bool:
        """Set `worst` dollars aside; False if they do not fit now.

        Raises
        ------
        BudgetError
            If there is a limit and the price is unknown: then no limit can be kept.
        """
        if self.max_cost is None:
            return True
        if worst is None:
            raise BudgetError(
                "the price of this model is unknown, so a cost limit cannot be kept.",
                todo="Give input_cost_per_token and output_cost_per_token, or drop the limit.",
            )
        # A few ulps of slack: sums of many reservations and releases do not come back to zero.
        if self.spent + self.reserved + worst > self.max_cost * (1 + 1e-12):
            return False
        self.reserved += worst
        return True

    def settle(self, worst: float | None, actual: float | None) -> None:
        """Give back a reservation of `worst` and book what was really paid."""
        if self.max_cost is not None and worst is not None:
            self.reserved = max(0.0, self.reserved - worst)
        if actual is None:
            self.unknown += 1
        else:
            self.spent += actual

    def exhausted(self, worst: float | None) -> BudgetError:
        """The error that ends a run at its limit."""
        need = f"; the next request may cost {_dollars(worst)}" if worst is not None else ""
        return BudgetError(
            f"the cost limit of {_dollars(self.max_cost or 0.0)} is reached: "
            f"{_dollars(self.spent)} spent{need}. Everything answered is kept.",
            todo="Run again with a higher --max-cost: only what is missing will be asked.",
        )


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.2g}"
