"""The command ``try``: from a model's name to a page about it, in minutes."""

from __future__ import annotations

import math
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .options import ApiBase, ApiKeyEnv, ModeOption, Yes
from .printing import agree, dollars

if TYPE_CHECKING:
    import pandas as pd

    from revealed.respondents import RespondentSpec
    from revealed.study import Run

Model = Annotated[
    str,
    typer.Argument(help="A LiteLLM model (openai/..., ollama_chat/...) or a name in study.yaml."),
]
TrialRun = Annotated[str, typer.Option("--run", help="Name of the run that keeps the answers.")]
Cap = Annotated[float, typer.Option(help="US dollars at most for this model.")]
Show = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")]


def try_(
    model: Model,
    run: TrialRun = "try",
    api_base: ApiBase = None,
    api_key_env: ApiKeyEnv = None,
    mode: ModeOption = None,
    max_cost: Cap = 1.0,
    yes: Yes = False,
    show: Show = True,
) -> None:
    """Have a first look at one model: a few questions, a page in a few minutes.

    Says first what it will ask and what that costs at most. Asks, fits and shows the model beside
    simulated respondents that get the same questions. A look that was stopped goes on where it was.
    """
    from revealed import study
    from revealed.study.trial import look, trial_plan, trial_respondent

    opened = study.start_trial(run)
    changes = {"api_base": api_base, "api_key_env": api_key_env, "mode": mode and mode.value}
    spec = trial_respondent(opened, model, **changes)
    planned = trial_plan(opened, spec, max_cost)
    cost = float(planned["cost"].sum(skipna=False))
    _tell(planned, cost, max_cost)
    if cost != 0:
        agree(yes, f"Ask {spec.name}?")
    limit = None if math.isnan(cost) else max_cost
    look(opened, spec, max_cost=limit, planned=planned)
    typer.echo("Making the page ...")
    from revealed.report.trial import trial_page

    page = trial_page(opened, spec.name, limit)
    site = page.parents[2].relative_to(opened.paths.root)
    typer.echo(f"The page is at {page}")
    typer.echo(f"Where files cannot be opened: make serve SITE={site}")
    typer.echo(f"All of the study for this model: {_whole_study(opened, spec)}")
    if show and sys.stdout.isatty():
        typer.launch(page.as_uri())


def _tell(planned: pd.DataFrame, cost: float, max_cost: float) -> None:
    """Say what will be asked, and for how much."""
    requests = int(planned["requests"].sum())
    if math.isnan(cost):
        price = "cost unknown: LiteLLM has no price for it, so no limit is kept"
    elif cost == 0:
        price = "free"
    else:
        price = f"at most about {dollars(cost)}, and it stops at {dollars(max_cost)}"
    typer.echo(f"{planned['respondent'].iloc[0]}: {requests:,} requests, {price}.")


def _whole_study(run: Run, spec: RespondentSpec) -> str:
    """The command that plans the study for this model, with the options that it was tried with."""
    words = ["revealed", "plan", "--respondent", spec.name]
    if spec.name not in {entry.spec.name for entry in run.study.respondents}:
        words += ["--api-base", spec.api_base] if spec.api_base else []
        words += ["--api-key-env", spec.api_key_env] if spec.api_key_env else []
        words += ["--mode", spec.mode] if spec.mode != "auto" else []
    return shlex.join(words)
