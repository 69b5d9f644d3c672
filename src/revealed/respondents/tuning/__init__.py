"""Supervised fine-tuning at a provider, as a journalled job that is never paid for twice.

`state` is what is known of a job, on disk before and after every step; `remote` is the provider,
through LiteLLM; `job` goes from step to step, and looks at the provider for what it may have made
already before it makes anything; `estimate` says what it costs first.
"""

from ..jobs import Timing
from .estimate import Estimated, estimate
from .job import advance, cancel
from .state import Job, State, job_of, locked, read_job, write_job

__all__ = [
    "Estimated",
    "Job",
    "State",
    "Timing",
    "advance",
    "cancel",
    "estimate",
    "job_of",
    "locked",
    "read_job",
    "write_job",
]
