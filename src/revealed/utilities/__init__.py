"""Fit utilities to counted choices, with intervals; nothing here knows a prompt or a model's name.

Estimators take index arrays (`comparisons.Comparisons`) and give back arrays with covariances.
What is done with utilities (coherence, exchange rates) is the next room's.
"""

from .bootstrap import bootstrap, bootstrap_many, draw
from .comparisons import Comparisons, comparisons
from .diagnostics import Diagnostics, diagnose
from .fit import fit
from .result import Fit, load_fit, predict, with_gauge
from .scores import Scores, heldout

__all__ = [
    "Comparisons",
    "Diagnostics",
    "Fit",
    "Scores",
    "bootstrap",
    "bootstrap_many",
    "comparisons",
    "diagnose",
    "draw",
    "fit",
    "heldout",
    "load_fit",
    "predict",
    "with_gauge",
]
