"""Do values move when a model is fine-tuned? (METHODS 12)

`asking` reads one respondent's answers once: how it answers (order effect, no preference, refusals)
and what it values (chances, prices, sides). `contrasts` compares what was made of a base with the
base, beyond asking the base again and beyond a control fine-tune, never with zero. `power` says
beforehand which shift so many answers can show, and `findings` says what they showed. `beside` sets
how often the same respondents' open answers are misaligned beside how far their values moved.
"""

from . import beside
from .asking import LIVES, OUTCOMES, POLITICS, SELF, TOPICS, Answers, Asking, Topics, read
from .contrasts import Comparison, Excess, Signed, compare, floor
from .findings import called, findings, floor_findings, power_findings
from .power import Planned, Power, planned, smallest

__all__ = [
    "LIVES",
    "OUTCOMES",
    "POLITICS",
    "SELF",
    "TOPICS",
    "Answers",
    "Asking",
    "Comparison",
    "Excess",
    "Planned",
    "Power",
    "Signed",
    "Topics",
    "beside",
    "called",
    "compare",
    "findings",
    "floor",
    "floor_findings",
    "planned",
    "power_findings",
    "read",
    "smallest",
]
