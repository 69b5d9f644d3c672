"""A first look at one model: a few questions, and simulated respondents that get the same ones.

Everybody answers the study's trial (`Study.trial`) in a run of its own, so that few answers never
stand where the study's many belong.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pandas as pd

from revealed.foundation.errors import BudgetError, ConfigError, RespondentError

from .plan import plan
from .run import Run, start_trial
from .steps import elicit_respondent, fit_respondent, refuse_empty_budget

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

log = logging.getLogger(__name__)

MOST = 1.0
"""US dollars that a first look may cost, unless somebody says otherwise."""

OLLAMA_AT_ONCE = 4
"""Requests that Ollama is sent at once: it answers few at a time, and the others would time out."""


def trial_respondent(run: Run, name: str, **changes: Any) -> RespondentSpec:
    """The respondent `name` of the study or of this run, else a new one of that LiteLLM model.

    `changes` are keys of `RespondentSpec`; those that are None change nothing. It is asked at once,
    also where the study asks it by batch: a look takes minutes, a batch up to a day.

    Raises
    ------
    ConfigError
        If the study describes the respondent and `changes` would say otherwise.
    """
    from revealed.respondents.spec import described, told_of

    listed = {entry.spec.name: entry.spec for entry in run.study.respondents}
    wanted = {key: value for key, value in changes.items() if value is not None}
    if name in listed and wanted:
        raise ConfigError(
            f"{name} stands in study.yaml, which says how it is asked.",
            todo=f"Change {', '.join(wanted)} there, or name the model itself.",
        )
    known = listed | run.added()
    given: dict[str, Any] = {"name": name, "model": name}
    if name in known:
        given = told_of(known[name], wanted.get("api_base"))
    elif name.startswith(("ollama/", "ollama_chat/")):
        given["concurrency"] = OLLAMA_AT_ONCE
    return described({**given, **wanted, "batch": None})


def trial_plan(run: Run, spec: RespondentSpec, max_cost: float | None) -> pd.DataFrame:
    """What a first look at a respondent asks (`plan.plan`); the respondent can be asked it.

    Nothing that costs is sent.

    Raises
    ------
    RespondentError
        If the model, its key or its address cannot be used.
    BudgetError
        If it may cost more than `max_cost` US dollars.
    """
    from revealed.respondents.client import check_respondent

    refuse_empty_budget([spec], max_cost)
    check_respondent(spec)
    planned = plan(run.study, [spec])
    bound = float(planned["cost"].sum(skipna=False))
    if max_cost is not None and bound > max_cost:
        raise BudgetError(
            f"a first look at {spec.name} may cost ${bound:,.2f}, the limit is ${max_cost:,.2f}.",
            todo=f"Allow it with --max-cost {bound + 0.01:.2f}.",
        )
    return planned


def look(
    run: Run,
    spec: RespondentSpec,
    *,
    max_cost: float | None = MOST,
    progress: bool = True,
    planned: pd.DataFrame | None = None,
) -> None:
    """Ask a respondent and those beside it what a trial asks, and fit; only what is missing.

    Parameters
    ----------
    max_cost
        US dollars at most for this respondent, earlier answers of the run included. Where the price
        is unknown no limit can be kept: None.
    planned
        What `trial_plan` has said of this respondent; None has it checked and planned here.

    Raises
    ------
    RespondentError
        As `trial_plan`; or if not one answer came.
    BudgetError
        When the limit is reached; what was answered is kept.
    """
    if planned is None:
        planned = trial_plan(run, spec, max_cost)
    limit = None
    if max_cost is not None and spec.provenance != "simulated" and planned["cost"].notna().all():
        with run.ledger() as ledger:
            others = ledger.cost() - float(ledger.table(spec.name)["cost"].sum())
        limit = max(0.0, others) + max_cost
    counts = elicit_respondent(run, spec, max_cost=limit, progress=progress)
    _came(run, spec, counts)
    fit_respondent(run, spec.name)
    for name in run.study.trial.beside if run.study.trial is not None else ():
        if name != spec.name:
            elicit_respondent(run, name, progress=progress)
            fit_respondent(run, name)


def _came(run: Run, spec: RespondentSpec, counts: pd.DataFrame) -> None:
    """Refuse a page about nothing, and say what the last failure was."""
    failed = int(counts["failed"].sum())
    told = ["answers", "neutral", "refused", "unparsed"]
    if int(counts[told].to_numpy().sum()) or not failed:
        if failed:
            log.warning(
                "%s: %d answers did not come; the same command asks again", spec.name, failed
            )
        return
    with run.ledger() as ledger:
        reasons = ledger.table(spec.name)["error"].dropna()
    said = f" The last one: {reasons.iloc[-1]}" if len(reasons) else ""
    raise RespondentError(
        f"none of {failed:,} answers came.{said}",
        where=f"respondent {spec.name}",
        todo="Look at the model's own log; the same command asks again.",
    )


def tried(run: Run, first: str) -> list[str]:
    """Who stands on the page of a first look: `first`, other models tried, those beside."""
    beside = run.study.trial.beside if run.study.trial is not None else ()
    fitted = [name for name in run.respondents if run.has(name, "outcomes")]
    models = [name for name in fitted if name not in beside]
    return list(dict.fromkeys([first, *models, *(name for name in beside if name in fitted)]))


def open_trial(
    run: str,
    respondent: str,
    *,
    api_base: str | None = None,
    api_key_env: str | None = None,
    max_cost: float | None = MOST,
) -> Run:
    """Have a first look from a notebook: open the run, ask what is missing, fit."""
    opened = start_trial(run)
    spec = trial_respondent(opened, respondent, api_base=api_base, api_key_env=api_key_env)
    look(opened, spec, max_cost=max_cost)
    return opened
