"""Options that several commands take."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How a table is printed."""

    table = "table"
    json = "json"
    csv = "csv"


class Mode(StrEnum):
    """How P(first) is read; see `revealed.respondents.RespondentSpec`."""

    auto = "auto"
    sample = "sample"
    logprob = "logprob"


class Pooling(StrEnum):
    """How the states of a text's tokens become one."""

    mean = "mean"
    last = "last"


RunName = Annotated[str, typer.Option("--run", help="Name of the run (data/runs/NAME).")]
Names = Annotated[
    list[str] | None,
    typer.Option("--respondent", help="A LiteLLM model or a name in study.yaml; repeatable."),
]
Instruments = Annotated[
    list[str] | None,
    typer.Option("--instrument", help="Only these (names or patterns); repeatable."),
]
ApiBase = Annotated[
    str | None, typer.Option("--api-base", help="Address of an OpenAI-compatible server.")
]
ApiKeyEnv = Annotated[
    str | None, typer.Option("--api-key-env", help="Environment variable that holds the key.")
]
ModeOption = Annotated[Mode | None, typer.Option(help="Sample answers or read log-probabilities.")]
BatchOption = Annotated[
    bool | None,
    typer.Option("--batch/--at-once", help="Real respondents by batch, at about half the price."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before money is spent.")]
MaxCost = Annotated[float | None, typer.Option(help="US dollars at most.")]
Wait = Annotated[bool, typer.Option(help="Wait for the job's end.")]
