"""Fine-tuning a respondent of a run towards its assembly, and asking the model that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import slug
from revealed.respondents.tuning import (
    Estimated,
    Job,
    Timing,
    advance,
    cancel,
    estimate,
    job_of,
    locked,
    read_job,
    write_job,
)
from revealed.respondents.tuning.estimate import within

from .controls import controlled_spec, export, material

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

    from .run import Run

Tell = Callable[[str], None]
KIND = "tuned"
EPOCHS = 3


def job_path(run: Run, base: str) -> Path:
    """Where the job of a respondent is kept."""
    return run.paths.folder / "tuning" / f"{slug(base)}.json"


def jobs(run: Run) -> dict[str, Job]:
    """The fine-tuning jobs of a run, by respondent."""
    found = {}
    for path in sorted((run.paths.folder / "tuning").glob("*.json")):
        job = read_job(path)
        if job is not None:
            found[job.respondent] = job
    return found


def cost_of(
    run: Run, base: str, *, epochs: int = EPOCHS, price: float | None = None,
    simulator: str | None = None,
) -> Estimated:  # fmt: skip
    """What fine-tuning `base` would cost; `price` in US dollars a trained token."""
    simulated = run.spec(base).provenance == "simulated"
    return estimate(material(run, simulator).training, epochs, 0.0 if simulated else price)


def start(
    run: Run,
    base: str,
    *,
    epochs: int = EPOCHS,
    price: float | None = None,
    max_cost: float | None = None,
    simulator: str | None = None,
    wait: bool = True,
    tell: Tell = print,
    timing: Timing | None = None,
) -> Job:
    """Fine-tune `base` on the assembly's training pairs; goes on with a job that is under way.

    A job that failed or was cancelled is followed by another attempt. The model that comes of it is
    remembered as the respondent ``<base>+tuned``.

    Raises
    ------
    BudgetError
        Before anything is sent, if the estimate is above `max_cost` or unknown.
    RespondentError, DataError, ConfigError
        If the respondent cannot be fine-tuned, or a job on other examples is under way.
    """
    spec = run.spec(base)
    estimated = cost_of(run, base, epochs=epochs, price=price, simulator=simulator)
    within(estimated, max_cost)
    path = job_path(run, base)
    with locked(path):
        content = export(run, simulator)["train"].read_bytes()
        fresh = job_of(
            base, spec.model, spec.model.partition("/")[0], content, estimated.lines,
            estimated.tokens, epochs, price,
        )  # fmt: skip
        job = to_go_on(path, fresh)
        return _go_on(run, job, spec, content, wait, tell, timing, simulator)


def to_go_on(path: Path, fresh: Job) -> Job:
    """The job kept at `path` if it is `fresh` as it stands, else `fresh`, or its next attempt.

    Raises
    ------
    ConfigError
        If a job on other examples is under way there.
    """
    job = read_job(path)
    if job is not None and job.suffix.split("-")[1] != fresh.suffix.split("-")[1]:
        if not job.ended:
            raise ConfigError(
                f"a job of {job.respondent} on other examples is under way "
                f"({job.job or job.state}).",
                where=path,
                todo="Let it end (`revealed tune resume`), or `revealed tune cancel` it.",
            )
        job = None
    if job is not None and job.state in ("failed", "cancelled"):
        past = (*job.past, *([job.job] if job.job else []))
        # Nothing was made yet if there is no job to keep apart from.
        return fresh.model_copy(update={"attempt": job.attempt + bool(job.job), "past": past})
    return job or fresh


def resume(
    run: Run, base: str, *, wait: bool = True, tell: Tell = print, timing: Timing | None = None,
    simulator: str | None = None,
) -> Job:  # fmt: skip
    """Go on with the job of `base`, wherever it was stopped; nothing is paid for again.

    Raises
    ------
    ConfigError
        If there is none.
    """
    path = job_path(run, base)
    job = _known(run, base)
    with locked(path):
        content = export(run, simulator)["train"].read_bytes()
        return _go_on(run, job, run.spec(base), content, wait, tell, timing, simulator)


def stop(run: Run, base: str, *, timing: Timing | None = None) -> Job:
    """End the job of `base` at the provider; one that was done before it heard is kept."""
    from revealed.respondents.client import blocking

    path = job_path(run, base)
    job = _known(run, base)
    with locked(path):
        if job.ended:
            return job
        spec = run.spec(base)
        job = blocking(cancel(job, spec, path, timing=timing))
    if job.state == "succeeded":
        run.add(tuned_spec(spec, job))
    return job


def _go_on(
    run: Run, job: Job, spec: RespondentSpec, content: bytes, wait: bool, tell: Tell,
    timing: Timing | None, simulator: str | None,
) -> Job:  # fmt: skip
    from revealed.respondents.client import blocking

    path = job_path(run, spec.name)
    if spec.provenance == "simulated":
        tuned = controlled_spec(run, spec.name, KIND, material(run, simulator))
        run.add(tuned)
        return write_job(job.at("succeeded", tuned=tuned.model, status="succeeded"), path)
    if not job.ended:
        job = blocking(
            advance(job, spec, path, content, tell=tell, wait=wait, timing=timing)
        )  # fmt: skip
    if job.state == "succeeded":
        run.add(tuned_spec(spec, job))
    return job


def tuned_spec(spec: RespondentSpec, job: Job) -> RespondentSpec:
    """How the fine-tuned model is asked: as its base, in all but the model and its price."""
    provider = spec.model.partition("/")[0]
    change: dict[str, object] = {
        "name": f"{spec.name}+{KIND}", "model": f"{provider}/{job.tuned}",
        # A fine-tuned model has a price of its own; LiteLLM's table knows some of them.
        "input_cost_per_token": None, "output_cost_per_token": None,
    }  # fmt: skip
    return type(spec).model_validate({**spec.model_dump(exclude_unset=True), **change})


def _known(run: Run, base: str) -> Job:
    job = read_job(job_path(run, base))
    if job is None:
        raise ConfigError(
            f"there is no fine-tuning job of {base} in run {run.name!r}.",
            todo=f"`revealed tune start --run {run.name} --respondent {base}` shows what it costs.",
        )
    return job
