"""The commands ``control`` and ``tune``: steering respondents, and fine-tuning them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import MaxCost, RunName, Wait, Yes
from .printing import agree, agree_to_plan, dollars

if TYPE_CHECKING:
    from revealed.respondents.tuning import Job

control = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="Steer respondents' politics by an assembly's votes, and ask what moved.",
)  # fmt: skip
tune = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="Fine-tune a respondent on an assembly's votes; stopped jobs go on and are paid once.",
)  # fmt: skip

Base = Annotated[str, typer.Option("--respondent", help="Who is fine-tuned.")]
Simulator = Annotated[
    str | None, typer.Option(help="Who answers for the assembly; default: study.yaml's.")
]


@control.command("export")
def export(
    run: RunName = "default",
    simulator: Simulator = None,
    out: Annotated[Path | None, typer.Option(help="Folder; default: in the run.")] = None,
) -> None:
    """Write the instruction, the examples and the training file, with a datasheet."""
    from revealed import study
    from revealed.study import controls

    for name, path in controls.export(study.open_run(run), simulator, out).items():
        typer.echo(f"{name:<10} {path}")


@control.command("run")
def run_controls(
    respondent: Annotated[list[str], typer.Option(help="Who is steered; repeatable.")],
    run: RunName = "default",
    kinds: Annotated[
        str, typer.Option(help="With commas between: system_prompt, examples, tuned, retest.")
    ] = "system_prompt,examples,retest",
    simulator: Simulator = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
) -> None:
    """Ask respondents before and after they are steered; shows requests and cost first."""
    from revealed import study
    from revealed.study import controls
    from revealed.study.steps import fit_respondent

    opened = study.open_run(run)
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    made = controls.specs(opened, respondent, wanted, simulator)
    bases = [opened.spec(name) for name in respondent]
    only = controls.instruments(opened)
    planned = study.plan(opened.study, [*bases, *made], only)
    agree_to_plan(planned, yes)
    controls.ask_controlled(
        opened, respondent, kinds=wanted, simulator=simulator, max_cost=max_cost
    )
    for spec in [*bases, *made]:
        fit_respondent(opened, spec.name, instruments=only)
    typer.echo("Done. The chapter on control shows what moved.")


@tune.command("start")
def start(
    respondent: Base,
    run: RunName = "default",
    epochs: Annotated[int, typer.Option(min=1, max=50, help="Passes over the examples.")] = 3,
    price: Annotated[
        float | None, typer.Option(min=0, help="US dollars for a million trained tokens.")
    ] = None,
    simulator: Simulator = None,
    max_cost: MaxCost = None,
    wait: Wait = True,
    yes: Yes = False,
) -> None:
    """Estimate, then upload, start and follow a job; the model becomes a respondent."""
    from revealed import study
    from revealed.respondents.tuning.estimate import within
    from revealed.study import tuning

    opened = study.open_run(run)
    each = None if price is None else price / 1e6
    told = tuning.cost_of(opened, respondent, epochs=epochs, price=each, simulator=simulator)
    typer.echo(
        f"{respondent}: {told.lines:,} examples, about {told.tokens:,} tokens, {epochs} passes, "
        f"{dollars(told.cost)}"
    )
    if told.cost is None:
        typer.echo("No table knows prices of training: give --price to have the cost worked out.")
    within(told, max_cost)
    if told.cost != 0:
        agree(yes, "Start the job?")
    job = tuning.start(
        opened, respondent, epochs=epochs, price=each, max_cost=max_cost, simulator=simulator,
        wait=wait, tell=typer.echo,
    )  # fmt: skip
    _say(job, run)


@tune.command("status")
def status(run: RunName = "default") -> None:
    """Show the jobs of a run as they were last seen; asks nobody."""
    from revealed import study
    from revealed.study import tuning

    found = tuning.jobs(study.open_run(run))
    for job in found.values():
        typer.echo(_line(job))
    if not found:
        typer.echo("Nothing yet.")


@tune.command("resume")
def resume(
    respondent: Base, run: RunName = "default", simulator: Simulator = None, wait: Wait = True
) -> None:
    """Go on with a job that was stopped; what was made is found and not paid again."""
    from revealed import study
    from revealed.study import tuning

    opened = study.open_run(run)
    _say(
        tuning.resume(opened, respondent, wait=wait, tell=typer.echo, simulator=simulator), run
    )  # fmt: skip


@tune.command("cancel")
def cancel(respondent: Base, run: RunName = "default") -> None:
    """End a job at the provider."""
    from revealed import study
    from revealed.study import tuning

    _say(tuning.stop(study.open_run(run), respondent), run)


def _say(job: Job, run: str) -> None:
    typer.echo(_line(job))
    if job.state == "succeeded":
        typer.echo(
            f"It is the respondent {job.respondent}+tuned: `revealed control run --run {run} "
            f"--respondent {job.respondent} --kinds tuned,retest` asks it."
        )


def _line(job: Job) -> str:
    parts = [job.respondent, job.state, job.job, job.tuned, job.error]
    if job.cost is not None:
        parts.append(f"trained for {dollars(job.cost)}")
    return "  ".join(filter(None, parts))
