"""Fit utilities to counted choices, with intervals; nothing here knows a prompt or a model's name.

Estimators take index arrays (`comparisons.Comparisons`) and give back arrays with covariances.
What is done with utilities (coherence, exchange rates) is the next room's.
"""

from .comparisons import Comparisons, comparisons
from .diagnostics import Diagnostics, diagnose
from .fit import Fit, fit, load_fit, predict

__all__ = [
    "Comparisons", "Diagnostics", "Fit", "comparisons", "diagnose", "fit", "load_fit", "predict",
]  # fmt: skip
