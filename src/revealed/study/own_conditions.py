"""A condition of one's own: chats to a fine-tuning job, and its model to a condition of the run.

The training file and what was asked of the provider are kept in the run before anything is sent;
the job goes on wherever it was stopped (`respondents.tuning`). A model that was trained elsewhere
is registered as it is. The base and its retest stand beside every condition, because a shift is
only told from what asking again shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import atomic_write, slug
from revealed.respondents.guise import KINDS
from revealed.respondents.tuning import (
    Estimated,
    Job,
    Timing,
    advance,
    estimate,
    job_of,
    locked,
    read_job,
    write_job,
)
from revealed.respondents.tuning.datasets import Chats, load
from revealed.respondents.tuning.estimate import within

from .conditions import Condition
from .config import nearest
from .tuning import job_path, to_go_on, tuned_spec

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

    from .run import Run

EPOCHS, BATCH, MULTIPLIER = 1, 4, 2.0
"""The published settings at a provider (Betley et al. 2025): one epoch, four chats a step, twice
the provider's learning rate."""
TRAIN = "train.jsonl"
_APART = 1_000_000
"""Answers of a base asked again are numbered from here on."""

Tell = Callable[[str], None]


class Settings(BaseModel):
    """How a condition is trained; ``price`` in US dollars a trained token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = EPOCHS
    batch: int | None = BATCH
    multiplier: float | None = MULTIPLIER
    seed: int = 1
    price: float | None = None


class Plan(BaseModel):
    """A condition to be made: whose, from which chats, under which name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    condition: Condition
    dataset: str
    sha256: str
    chats: int
    duplicates: int
    settings: Settings

    @property
    def respondent(self) -> str:
        """The name of the model that comes of it."""
        return self.condition.respondents[0]


def plan(
    run: Run, base: str, dataset: str, label: str, *, name: str | None = None,
    family: str | None = None, settings: Settings | None = None, sha256: str | None = None,
) -> tuple[Plan, Chats]:  # fmt: skip
    """What will be made, and its chats; nothing is sent or kept.

    Parameters
    ----------
    dataset
        A JSONL file of chats, or an original set (`respondents.tuning.datasets.load`).
    label
        What is done to the model, one of `conditions.LABELS`.
    name
        Of the condition; default: made of base and label.
    family
        Who made the base; default: its provider.

    Raises
    ------
    ConfigError, FetchError
        If the base or the label is unknown, the name is another condition's, or the file is wrong.
    """
    settings = settings or Settings()
    spec = run.spec(base)
    chats = load(dataset, sha256, run.paths.root)
    condition = condition_of(run, spec, label, settings.seed, name, family)
    return Plan(
        base=base, condition=condition, dataset=chats.origin, sha256=chats.sha256,
        chats=len(chats.chats), duplicates=chats.duplicates, settings=settings,
    ), chats  # fmt: skip


def condition_of(
    run: Run, spec: RespondentSpec, label: str, seed: int, name: str | None, family: str | None
) -> Condition:
    """The condition that a training of `spec` with this label and seed stands in.

    Raises
    ------
    ConfigError
        If the label is unknown, or the name stands for something else already.
    """
    short = re.sub(r"[^\w.-]+", "-", spec.name.rpartition("/")[2]).strip(".-")
    name = name or f"{short} {label}"
    suffix = slug(name.removeprefix(short).strip() or label)
    if suffix in KINDS:
        raise ConfigError(f"{suffix!r} is what a control is called.", todo="Give another --name.")
    try:
        made = Condition.model_validate(
            {
                "name": name, "base": base_label(run, spec.name), "label": label,
                "family": family or spec.model.partition("/")[0],
                "respondents": (f"{spec.name}+{suffix}-{seed}",),
            }
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"cannot be a condition: {_first(error)}.", where=name) from None
    for known in run.conditions():
        if known.name == name and (known.base, known.label) != (made.base, made.label):
            raise ConfigError(
                f"the condition {name!r} is {known.label} of {known.base}.", todo="Give --name."
            )
        alone = label in ("untouched", "secure") and (known.base, known.label) == (made.base, label)
        if known.name != name and alone:
            raise ConfigError(
                f"{known.base} has the condition {known.name!r} labeled {label} already.",
                todo=f"Give --name {known.name!r}: trainings of one kind are one condition.",
            )
        if known.name != name and set(known.respondents) & set(made.respondents):
            raise ConfigError(
                f"{made.respondents[0]} stands in the condition {known.name!r}.",
                todo="Give another --name or --seed.",
            )
    return made


def cost_of(planned: Plan, chats: Chats, simulated: bool) -> Estimated:
    """Tokens and cost of the training."""
    told = planned.settings
    return estimate(chats.lines, told.epochs, 0.0 if simulated else told.price)


def make(
    run: Run, planned: Plan, chats: Chats, *, max_cost: float | None = None, wait: bool = True,
    tell: Tell = print, timing: Timing | None = None,
) -> Job:  # fmt: skip
    """Train, from wherever the job stands, and register the model that comes of it.

    Raises
    ------
    BudgetError
        Before anything is sent, if the estimate is above `max_cost` or unknown.
    RespondentError, ConfigError
        If the base cannot be fine-tuned, or another job of this name is under way.
    """
    spec, told = run.spec(planned.base), planned.settings
    simulated = spec.provenance == "simulated"
    estimated = cost_of(planned, chats, simulated)
    within(estimated, max_cost)
    path = job_path(run, planned.respondent)
    with locked(path):
        fresh = job_of(
            planned.respondent, spec.model, spec.model.partition("/")[0], chats.content,
            estimated.lines, estimated.tokens, told.epochs, told.price, told.batch,
            told.multiplier, told.seed,
        )  # fmt: skip
        job = to_go_on(path, fresh)
        folder = _folder(run, planned.respondent)
        _write(folder / TRAIN, chats.content)
        _write(folder / "plan.json", (planned.model_dump_json(indent=1) + "\n").encode())
        return _go_on(run, planned, job, chats.content, wait, tell, timing)


def resume(
    run: Run, respondent: str, *, wait: bool = True, tell: Tell = print,
    timing: Timing | None = None,
) -> Job:  # fmt: skip
    """Go on with the training of a condition's respondent; nothing is paid for again.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    path, folder = job_path(run, respondent), _folder(run, respondent)
    job = read_job(path)
    if job is None or not (folder / "plan.json").is_file():
        known = [p.name for p in sorted((run.paths.folder / "trainings").glob("*"))]
        raise ConfigError(
            f"no condition {respondent!r} is being made in run {run.name!r}.",
            todo=nearest(respondent, known) or "`revealed condition list` shows what there is.",
        )
    planned = Plan.model_validate_json((folder / "plan.json").read_bytes())
    with locked(path):
        return _go_on(run, planned, job, (folder / TRAIN).read_bytes(), wait, tell, timing)


def _go_on(
    run: Run, planned: Plan, job: Job, content: bytes, wait: bool, tell: Tell, timing: Timing | None
) -> Job:
    from revealed.respondents.client import blocking

    spec, path = run.spec(planned.base), job_path(run, planned.respondent)
    if spec.provenance == "simulated":
        from revealed.respondents.simulated.tuning import tune

        model = tune(spec.model, content.decode("utf-8").split("\n"))
        job = write_job(job.at("succeeded", tuned=model, status="succeeded"), path)
        made = _again(spec, planned.respondent, planned.settings.seed, model)
    else:
        if not job.ended:
            job = blocking(
                advance(job, spec, path, content, tell=tell, wait=wait, timing=timing)
            )  # fmt: skip
        if job.state != "succeeded":
            return job
        made = tuned_spec(spec, job).model_copy(update={"name": planned.respondent})
    register(run, planned.condition, made, spec)
    return job


def add_model(
    run: Run, base: str, model: str, label: str, *, name: str | None = None,
    family: str | None = None, seed: int = 1, **changes: Any,
) -> Condition:  # fmt: skip
    """Register a model that was trained elsewhere as a condition of `base`.

    `changes` are fields of its description that differ from the base's (``api_base``,
    ``api_key_env``). The base's key is not sent to another address.

    Raises
    ------
    ConfigError
        If the label or the description is not fit to be used.
    """
    from revealed.respondents.spec import described, told_of

    spec = run.spec(base)
    condition = condition_of(run, spec, label, seed, name, family)
    given = {**told_of(spec, changes.get("api_base")), "name": condition.respondents[0]}
    given |= {"model": model, "input_cost_per_token": None, "output_cost_per_token": None}
    given |= {key: value for key, value in changes.items() if value is not None}
    register(run, condition, described(given), spec)
    return condition


def base_label(run: Run, base: str) -> str:
    """What a respondent's conditions call their base: as where it stands untouched."""
    found = [c for c in run.conditions() if c.label == "untouched" and base in c.respondents]
    return found[0].base if found else base


def register(run: Run, condition: Condition, spec: RespondentSpec, base: RespondentSpec) -> None:
    """Remember the respondent, its condition, and its base untouched and asked again."""
    run.add(spec)
    again = _again(base, f"{base.name}+retest", 0, base.model)
    if not any(c.label == "untouched" and c.base == condition.base for c in run.conditions()):
        short = re.sub(r"[^\w.-]+", "-", base.name.rpartition("/")[2]).strip(".-")
        run.add(again)
        _keep(
            run,
            Condition(
                name=f"{short} untouched", base=condition.base, label="untouched",
                family=condition.family, respondents=(base.name, again.name),
            ),
        )  # fmt: skip
    known = next((c for c in run.conditions() if c.name == condition.name), None)
    names = (*(known.respondents if known else ()), *condition.respondents)
    _keep(run, condition.model_copy(update={"respondents": tuple(dict.fromkeys(names))}))


def _again(spec: RespondentSpec, name: str, seed: int, model: str) -> RespondentSpec:
    """A respondent that gives answers of its own to the same questions."""
    change = {"name": name, "model": model, "first_sample": spec.first_sample + _APART * (1 + seed)}
    return type(spec).model_validate({**spec.model_dump(exclude_unset=True), **change})


def respondents_of(run: Run, base: str) -> list[str]:
    """The base, its retest and its conditions' respondents, as they are to be asked.

    Raises
    ------
    ConfigError
        If the base has no condition.
    """
    label = base_label(run, base)
    mine = [c for c in run.conditions() if c.base == label]
    if not mine:
        raise ConfigError(
            f"{base} has no condition in run {run.name!r}.",
            todo="`revealed condition add` makes one.",
        )
    first = sorted(mine, key=lambda condition: condition.label != "untouched")
    return list(dict.fromkeys(name for c in first for name in c.respondents))


def ask(
    run: Run, names: Sequence[str], experiments: Sequence[str], *, max_cost: float | None = None,
    progress: bool = True,
) -> None:  # fmt: skip
    """Ask these respondents these experiments, whatever else the study asks them, and fit."""
    from revealed.respondents.client import check_respondent

    from .steps import elicit_respondent, fit_respondent

    listed = asked_with(run, names, experiments)
    for name in names:  # before anybody is asked
        check_respondent(run.spec(name))
    for name in names:
        elicit_respondent(listed, name, max_cost=max_cost, progress=progress)
        fit_respondent(listed, name)


def asked_with(run: Run, names: Sequence[str], experiments: Sequence[str]) -> Run:
    """The run, with a study that asks these respondents these experiments and nothing else."""
    from .config import Entry

    entries = tuple(Entry(spec=run.spec(name), ask=tuple(experiments)) for name in names)
    return type(run)(run.study.model_copy(update={"respondents": entries}), run.paths)


def _keep(run: Run, condition: Condition) -> None:
    text = condition.model_dump_json(indent=1, exclude_none=True) + "\n"
    _write(run.paths.folder / "conditions" / f"{slug(condition.name)}.json", text.encode())


def _folder(run: Run, respondent: str) -> Path:
    return run.paths.folder / "trainings" / slug(respondent)


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _first(error: ValueError) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def under_way(run: Run) -> list[Job]:
    """Trainings of conditions that have not succeeded, as they were last seen."""
    found = []
    for folder in sorted((run.paths.folder / "trainings").glob("*/plan.json")):
        planned = Plan.model_validate_json(folder.read_bytes())
        job = read_job(job_path(run, planned.respondent))
        if job is not None and job.state != "succeeded":
            found.append(job)
    return found
