"""What is known of a fine-tuning job, on disk: whole or not at all, and without any key."""

from __future__ import annotations

import hashlib
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...foundation.errors import DataError
from ...foundation.paths import atomic_write
from .. import jobs

State = Literal[
    "planned", "uploading", "uploaded", "creating", "created", "succeeded", "failed", "cancelled"
]
"""``uploading`` and ``creating`` are written before the call: what the call did is not known."""
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled")


class Job(BaseModel):
    """A job. ``content`` is the SHA-256 of the training file, ``since`` the time of the state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    respondent: str
    model: str
    provider: str
    content: str = Field(pattern=r"^[0-9a-f]{64}$")
    lines: int
    tokens: int
    epochs: int = Field(ge=1)
    batch: int | None = Field(default=None, ge=1)
    multiplier: float | None = Field(default=None, gt=0)
    """Batch size and factor on the learning rate; None leaves them to the provider."""
    seed: int | None = None
    price: float | None = None
    """US dollars a trained token."""
    attempt: int = Field(default=1, ge=1)
    state: State = "planned"
    since: float = 0.0
    file: str = ""
    """The provider's name of the uploaded file."""
    job: str = ""
    status: str = ""
    """What the provider last said."""
    tuned: str = ""
    trained_tokens: int | None = None
    error: str = ""
    past: tuple[str, ...] = ()
    """Jobs of earlier attempts."""

    @property
    def filename(self) -> str:
        """The training file's name at the provider: by its content, so that it is known again."""
        return f"revealed-{self.content[:24]}.jsonl"

    @property
    def suffix(self) -> str:
        """The job's mark at the provider: by content, model, passes, further settings, attempt."""
        whole = f"{self.content}\n{self.model}\n{self.epochs}"
        further = (self.batch, self.multiplier, self.seed)
        if any(value is not None for value in further):
            whole += "".join(f"\n{value}" for value in further)
        mark = hashlib.sha256(whole.encode()).hexdigest()[:12]
        # Eighteen characters are the shortest limit among providers.
        return f"rv-{mark}" + (f"-{self.attempt}"[:4] if self.attempt > 1 else "")

    @property
    def settings(self) -> dict[str, int | float]:
        """How the provider is asked to train (``hyperparameters``)."""
        told = {
            "n_epochs": self.epochs, "batch_size": self.batch,
            "learning_rate_multiplier": self.multiplier,
        }  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ENDED

    @property
    def cost(self) -> float | None:
        """US dollars, by the tokens that the provider says it trained; None if unknown."""
        if self.price is None or self.trained_tokens is None:
            return None
        return self.price * self.trained_tokens

    def at(self, state: State, **changes: object) -> Job:
        """The job in another state, from now on."""
        told = {"state": state, "since": time.time(), **changes}
        return self.model_validate({**self.model_dump(), **told})


def job_of(
    respondent: str, model: str, provider: str, training: bytes, lines: int, tokens: int,
    epochs: int, price: float | None, batch: int | None = None, multiplier: float | None = None,
    seed: int | None = None,
) -> Job:  # fmt: skip
    """A new job on this training file."""
    return Job(
        respondent=respondent, model=model, provider=provider,
        content=hashlib.sha256(training).hexdigest(), lines=lines, tokens=tokens, epochs=epochs,
        price=price, batch=batch, multiplier=multiplier, seed=seed, since=time.time(),
    )  # fmt: skip


def read_job(path: Path) -> Job | None:
    """The job kept at `path`; None if there is none.

    Raises
    ------
    DataError
        If the file is no job.
    """
    if not path.is_file():
        return None
    try:
        return Job.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(
            f"is no fine-tuning job ({'.'.join(map(str, first['loc'])) or first['msg']}).",
            where=path,
            todo="Move it away; `revealed tune start` finds at the provider what was made.",
        ) from None


def write_job(job: Job, path: Path) -> Job:
    """Keep a job, and return it."""
    with atomic_write(path) as temporary:
        temporary.write_text(job.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return job


def locked(path: Path) -> AbstractContextManager[None]:
    """Hold the job at `path` against other processes of this machine (`jobs.locked`)."""
    return jobs.locked(path, "this fine-tuning job", "revealed tune status")
