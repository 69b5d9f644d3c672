"""Which task a simulated respondent says it would rather do, and which it takes (experiment 12)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..respondent import Simulated
    from ..values import Values
    from . import Draw

ARM = "task_given"


def task(values: Values, row: Mapping[str, Any], arm: str) -> float:
    """Utility of a task. In the arm `ARM` it is another draw, correlated as declared."""
    d = values.declared
    text = str(row["text"])
    said, done = values.draw("task", text), values.draw("task given", text)
    if arm == ARM:
        said = d.deed_correlation * said + math.sqrt(1.0 - d.deed_correlation**2) * done
    return d.task_sd * said - d.tedium * float(row["task_kind"] == "tedious")


def do_task(respondent: Simulated, places: Mapping[str, str], draw: Draw) -> str:
    """What it writes when the task is given: the right answer where one can be checked."""
    from ..values import facts

    known = facts().get(places["task"])
    check = str(known.row["check"]) if known is not None else ""
    if draw("skipped") < respondent.declared.task_skipped:
        return "I would rather leave it at that."
    return f"Here it is: {check}." if check else "Here it is, done in a few lines as you asked."


UTILITIES = {"task": task}
REPLIES = {"do_task": do_task}
