"""The study: what is asked of whom, what it costs, and the steps from questions to fits.

Reads ``study.yaml``, plans cells (respondent, instrument, arm), runs the steps and keeps a run's
files. Prompts, estimators and figures live in the rooms to the left; a notebook needs only
`open_run` from here.
"""

from .chain import ChainError, run_chain
from .config import Cell, Design, Entry, Experiment, Study
from .exports import export_answers, portables
from .imported import Brought, import_answers
from .imports import fetch_sources, import_public
from .plan import plan, start_pairs
from .progress import status
from .reading import load_study
from .run import Run, open_run, start_fast, start_trial
from .steps import elicit_respondent, fit_respondent, follow_up, run_respondents

__all__ = [
    "Brought",
    "Cell",
    "ChainError",
    "Design",
    "Entry",
    "Experiment",
    "Run",
    "Study",
    "elicit_respondent",
    "export_answers",
    "fetch_sources",
    "fit_respondent",
    "follow_up",
    "import_answers",
    "import_public",
    "load_study",
    "open_run",
    "plan",
    "portables",
    "run_chain",
    "run_respondents",
    "start_fast",
    "start_pairs",
    "start_trial",
    "status",
]
