"""Does it survive another wording? Rates, spread and variance over framings (METHODS 1, 8; C11).

`cells` reads each arm, `spread` tells movement from noise, `components` takes an answer's variance
apart, `parity` repeats the critique's number, `findings` says it all of one respondent.
"""

from .cells import BASE, GROUPS, Cell, fit_cells, group_of, log_rate, one_step
from .components import COMPONENTS, components, shared, tabulate
from .findings import (
    HEADLINES,
    Battery,
    battery,
    findings,
    first_share,
    label_effect,
    n_against_n,
    neutral_share,
    shared_findings,
)
from .parity import parity_factor
from .spread import Pooled, factor, kept, moved, pool, rate_over_framings

__all__ = [
    "BASE",
    "COMPONENTS",
    "GROUPS",
    "HEADLINES",
    "Battery",
    "Cell",
    "Pooled",
    "battery",
    "components",
    "factor",
    "findings",
    "first_share",
    "fit_cells",
    "group_of",
    "kept",
    "label_effect",
    "log_rate",
    "moved",
    "n_against_n",
    "neutral_share",
    "one_step",
    "parity_factor",
    "pool",
    "rate_over_framings",
    "shared",
    "shared_findings",
    "tabulate",
]
