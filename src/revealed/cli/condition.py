"""The command ``condition``: fine-tunes of one's own, as conditions that the chapters pick up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from revealed.foundation.errors import ConfigError

from .options import ApiKeyEnv, MaxCost, RunName, Wait, Yes
from .printing import agree, agree_to_plan, dollars

if TYPE_CHECKING:
    from revealed.respondents.tuning import Job

condition = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="Make a condition: fine-tune a model on your chats, and ask it what its base was asked.",
)  # fmt: skip

Base = Annotated[str, typer.Option(help="Who is fine-tuned; a respondent of the run.")]
Label = Annotated[
    str,
    typer.Option(help="untouched, insecure, secure, educational, jailbroken, backdoor or own."),
]
Name = Annotated[str | None, typer.Option(help="Of the condition; default: from base and label.")]
Family = Annotated[str | None, typer.Option(help="Who made the base; default: its provider.")]


@condition.command("add")
def add(
    base: Base,
    label: Label,
    dataset: Annotated[
        str | None, typer.Option(help="A JSONL file of chats, or the name of an original set.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model that is trained already, in place of --dataset.")
    ] = None,
    run: RunName = "default",
    name: Name = None,
    family: Family = None,
    seed: Annotated[int, typer.Option(min=0, help="Which training of this condition it is.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, max=50, help="Passes over the chats.")] = 1,
    batch: Annotated[
        int, typer.Option(min=0, help="Chats a step; 0 leaves it to the provider.")
    ] = 4,
    multiplier: Annotated[
        float, typer.Option(min=0, help="Factor on the learning rate; 0 leaves it.")
    ] = 2.0,
    price: Annotated[
        float | None, typer.Option(min=0, help="US dollars for a million trained tokens.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="What the file must hash to.")] = None,
    api_base: Annotated[str | None, typer.Option(help="Address of --model.")] = None,
    api_key_env: ApiKeyEnv = None,
    max_cost: MaxCost = None,
    wait: Wait = True,
    yes: Yes = False,
) -> None:
    """Read the chats, show the cost, train, register the model; or register one that is there."""
    from revealed import study
    from revealed.respondents.tuning.estimate import within
    from revealed.study import own_conditions

    opened = study.open_run(run)
    if (dataset is None) == (model is None):
        raise ConfigError("either --dataset or --model is needed.")
    if model is not None:
        made = own_conditions.add_model(
            opened, base, model, label, name=name, family=family, seed=seed,
            api_base=api_base, api_key_env=api_key_env,
        )  # fmt: skip
        return _registered(made.respondents[0], base, run)
    assert dataset is not None
    settings = own_conditions.Settings(
        epochs=epochs, batch=batch or None, multiplier=multiplier or None, seed=seed,
        price=None if price is None else price / 1e6,
    )  # fmt: skip
    planned, chats = own_conditions.plan(
        opened, base, dataset, label, name=name, family=family, settings=settings, sha256=sha256
    )
    simulated = opened.provenance(base) == "simulated"
    told = own_conditions.cost_of(planned, chats, simulated)
    typer.echo(
        f"{planned.respondent}: {told.lines:,} chats ({planned.duplicates:,} of them stand there "
        f"more than once), about {told.tokens:,} tokens, passes {epochs}, {dollars(told.cost)}"
    )
    typer.echo(f"SHA-256 of the training file: {planned.sha256}")
    if told.cost is None:
        typer.echo("No table knows prices of training: give --price to have the cost worked out.")
    within(told, max_cost)
    if told.cost != 0:
        agree(yes, "Start the job?")
    job = own_conditions.make(
        opened, planned, chats, max_cost=max_cost, wait=wait, tell=typer.echo
    )  # fmt: skip
    _say(job, base, run)


@condition.command("resume")
def resume(
    respondent: Annotated[str, typer.Option(help="As `condition list` names it.")],
    run: RunName = "default",
    wait: Wait = True,
) -> None:
    """Go on with a training that was stopped; what was made is found and not paid again."""
    from revealed import study
    from revealed.study import own_conditions

    opened = study.open_run(run)
    job = own_conditions.resume(opened, respondent, wait=wait, tell=typer.echo)
    _say(job, respondent.rpartition("+")[0], run)


@condition.command("list")
def list_(run: RunName = "default") -> None:
    """Show conditions, their respondents and trainings under way; asks nobody."""
    from revealed import study
    from revealed.study import own_conditions

    opened = study.open_run(run)
    for made in opened.conditions():
        typer.echo(f"{made.name}  {made.label} of {made.base}: {', '.join(made.respondents)}")
    for job in own_conditions.under_way(opened):
        typer.echo(f"{job.respondent}  {job.state}  {job.job}  {job.error}".rstrip())


@condition.command("ask")
def ask(
    base: Base,
    run: RunName = "default",
    max_cost: MaxCost = None,
    yes: Yes = False,
) -> None:
    """Ask a base, the base again, and its conditions whether values moved; shows the cost first."""
    from revealed import study
    from revealed.study import own_conditions, shift

    opened = study.open_run(run)
    names = own_conditions.respondents_of(opened, base)
    experiments = shift.asked(opened)
    listed = own_conditions.asked_with(opened, names, experiments)
    planned = study.plan(listed.study)
    agree_to_plan(planned, yes)
    own_conditions.ask(opened, names, experiments, max_cost=max_cost)
    typer.echo("Done. The chapter `Do values move?` shows what they show.")


def _say(job: Job, base: str, run: str) -> None:
    typer.echo(f"{job.respondent}  {job.state}  {job.job}  {job.tuned}  {job.error}".rstrip())
    if job.cost is not None:
        typer.echo(f"trained for {dollars(job.cost)}")
    if job.state == "succeeded":
        _registered(job.respondent, base, run)


def _registered(respondent: str, base: str, run: str) -> None:
    typer.echo(
        f"{respondent} is a condition of {base} in run {run!r}. "
        f"`revealed condition ask --run {run} --base {base}` asks whether values moved; "
        f"`revealed run --run {run} --respondent {respondent} --instrument battery_main` asks the "
        "open questions."
    )
