"""Two sides of a comparison: runs, respondents over time, forks.

`lines` sets findings beside findings and says how far they differ, with both sides' uncertainty.
`cells` sets the answers to one instrument beside each other: have the utilities behind them moved?
"""

from .cells import Cell, Moved, compare_answers, compare_published, unlike_answers
from .lines import COLUMNS, adjusted, compare_findings, difference

__all__ = [
    "COLUMNS",
    "Cell",
    "Moved",
    "adjusted",
    "compare_answers",
    "compare_findings",
    "compare_published",
    "difference",
    "unlike_answers",
]
