"""Respondents whose values are declared, to see whether every estimator finds them.

They answer through the same LiteLLM call as a real model and read only the prompt's text. What
they are is declared in `catalogue`, what they want in `values`, how they answer in `respondent`,
and the LiteLLM side in `provider`. Their answers are marked "simulated" wherever they are shown;
nothing here may be quoted as what a model prefers.
"""

from .catalogue import Declared, names
from .respondent import Simulated, check_forms, load

__all__ = ["Declared", "Simulated", "check_forms", "load", "names"]
