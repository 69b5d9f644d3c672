"""The command line: a thin layer over the rooms.

Errors of the person come out as one message on the error stream and the error's exit code, without
a traceback; anything else is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from revealed import __version__
from revealed.foundation.errors import ConfigError, EstimationError, RevealedError

from .answers import export, import_
from .batch import batch
from .compare import compare
from .condition import condition
from .control import control, tune
from .design import design
from .labels import labels
from .ledger import ledger
from .new import new
from .options import (
    ApiBase,
    ApiKeyEnv,
    BatchOption,
    Format,
    FormatOption,
    Instruments,
    Mode,
    ModeOption,
    Names,
    Pooling,
    RunName,
)
from .pdf import pdf
from .printing import duration, show, tell_saved, warn_once
from .release import release
from .screenshots import screenshots
from .site import site
from .stopping import told_to_stop
from .trying import try_
from .upstream import upstream

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec
    from revealed.study import Run

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The reproducible study of what language models prefer.",
)


app.add_typer(control, name="control")
app.add_typer(labels, name="labels")
app.add_typer(new, name="new")
app.add_typer(upstream, name="upstream")
app.add_typer(ledger, name="ledger")
app.add_typer(tune, name="tune")
app.add_typer(condition, name="condition")
app.add_typer(design, name="design")
app.add_typer(batch, name="batch")
app.add_typer(release, name="release")
app.command("try")(try_)  # help lists commands as they are registered: a newcomer's come first


def _specs(
    run: Run,
    names: list[str] | None,
    api_base: str | None,
    key: str | None,
    mode: Mode | None,
    batch: bool | None = None,
) -> list[RespondentSpec]:
    """Respondents by name: the study's or the run's own, else new ones of that model.

    `batch` has real ones asked by batch, or at once; None leaves that to the study.
    """
    from revealed.respondents import RespondentSpec
    from revealed.respondents.spec import described, told_of

    changes: dict[str, Any] = {
        name: value
        for name, value in {"api_base": api_base, "api_key_env": key, "mode": mode}.items()
        if value is not None
    }
    known = {entry.spec.name: entry.spec for entry in run.study.respondents} | run.added()
    if names is None:
        if changes:
            raise ConfigError(
                "--api-base, --api-key-env and --mode describe one respondent.",
                todo="Name it with --respondent.",
            )
        return [_asked_by(spec, batch) for spec in known.values()]
    specs = []
    for name in names:
        spec = known.get(name) or RespondentSpec(name=name, model=name)
        specs.append(_asked_by(described({**told_of(spec, api_base), **changes}), batch))
    return specs


def _asked_by(spec: RespondentSpec, batch: bool | None) -> RespondentSpec:
    """A respondent asked by batch or at once; simulated ones, who are free, always at once."""
    if batch is None or spec.provenance == "simulated" or (batch and spec.batch is not None):
        return spec
    return type(spec)(**{**spec.model_dump(exclude_unset=True), "batch": batch})


@app.command()
def plan(
    run: RunName = "default",
    respondent: Names = None,
    instrument: Instruments = None,
    api_base: ApiBase = None,
    api_key_env: ApiKeyEnv = None,
    mode: ModeOption = None,
    batch: BatchOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Print requests, tokens, cost and time per respondent and instrument; spends nothing."""
    import pandas as pd

    from revealed import study

    opened = study.open_run(run)
    specs = _specs(opened, respondent, api_base, api_key_env, mode, batch)
    planned = study.plan(opened.study, specs, instrument)
    if format is not Format.table:
        return show(planned, format)
    groups = planned.groupby(["respondent", "instrument"], sort=False)
    shown = groups.agg(
        arms=("arm", "nunique"), requests=("requests", "sum"),
        tokens_in=("input_tokens", "sum"), tokens_out=("output_tokens", "sum"),
        cost=("cost", lambda c: c.sum(skipna=False)), time=("seconds", "sum"),
    ).reset_index()  # fmt: skip
    total = shown.iloc[:, 3:].sum(skipna=False).to_frame().T
    shown = pd.concat([shown, total.assign(respondent="total")], ignore_index=True)
    shown["arms"] = shown["arms"].map(lambda n: "" if n != n else str(int(n)))
    for name in ("requests", "tokens_in", "tokens_out"):
        shown[name] = shown[name].map(lambda n: f"{int(n):,}")
    shown["cost"] = [
        "unknown" if c != c else "0" if c == 0 else f"${c:,.2f}"
        for c in shown["cost"].astype(float)
    ]
    shown["time"] = shown["time"].map(duration)
    show(shown, Format.table)
    for name in sorted(set(planned.loc[planned["cost"].isna(), "respondent"])):
        typer.echo(
            f"{name}: cost unknown (not in LiteLLM's table). Give input_cost_per_token and "
            "output_cost_per_token in study.yaml to have it counted and limited."
        )
    tell_saved(opened, [spec for spec in specs if spec.provenance != "simulated"], instrument)
    typer.echo(
        "Tokens are estimated at four characters each, answers at their cap without hidden "
        "reasoning; times assume one second an answer."
    )


@app.command()
def pilot(
    run: RunName = "default",
    respondent: Names = None,
    instrument: Instruments = None,
    size: Annotated[int, typer.Option(min=5, help="Answers to each question set.")] = 60,
    max_cost: Annotated[float | None, typer.Option(help="US dollars at most.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Ask a few questions of every set, and say from them what all will cost."""
    from revealed import study
    from revealed.study.pilot import pilot as measure

    opened = study.open_run(run)
    specs = _specs(opened, respondent, None, None, None)
    planned = measure(opened, specs, instruments=instrument, size=size, max_cost=max_cost)
    columns = ["respondent", "instrument", "arm", "requests", "measured", "cost"]
    show(planned if format is not Format.table else planned[columns], format)
    if format is Format.table:
        typer.echo(
            f"Together ${planned['cost'].sum():,.2f}; where 0 were measured, at most so much."
        )


@app.command()
def run(
    run: RunName = "default",
    respondent: Names = None,
    instrument: Instruments = None,
    api_base: ApiBase = None,
    api_key_env: ApiKeyEnv = None,
    mode: ModeOption = None,
    batch: BatchOption = None,
    max_cost: Annotated[
        float | None,
        typer.Option(help="US dollars at most, earlier answers of the run included."),
    ] = None,
) -> None:
    """Ask what is missing, then fit; a run that was stopped goes on where it was."""
    from revealed import study

    opened = study.open_run(run)
    specs = _specs(opened, respondent, api_base, api_key_env, mode, batch)
    study.run_respondents(opened, specs, instruments=instrument, max_cost=max_cost)
    typer.echo(f"Done. `make book RUN={opened.name}` shows it; `revealed findings` prints it.")


@app.command()
def status(run: RunName = "default", format: FormatOption = Format.table) -> None:
    """Show what is answered and fitted of what is planned, cell by cell."""
    from revealed import study

    show(study.status(study.open_run(run)), format)


@app.command()
def fit(run: RunName = "default", respondent: Names = None, instrument: Instruments = None) -> None:
    """Fit utilities to the stored choices."""
    from revealed import study

    opened = study.open_run(run)
    apart = []
    names = respondent or sorted(set(opened.cells()["respondent"]))
    if not names:
        typer.echo(f"Nothing to fit: run {opened.name!r} has no answers yet.")
    for name in names:
        fitted = study.fit_respondent(opened, name, instruments=instrument)
        typer.echo(f"{name}: {len(fitted)} fits")
        for row in fitted[~fitted["linked"].astype(bool)].itertuples():
            apart.append(f"{name}, {row.instrument}, {row.arm}: {row.problem}")
    if apart:
        raise EstimationError(
            "the comparisons do not link all items.\n" + "\n".join(apart),
            todo="\nUtilities of different parts cannot be compared: ask pairs that link them.",
        )


@app.command()
def fetch(
    files: Annotated[
        list[str] | None, typer.Argument(help="Files of data/sources.yaml; default: all.")
    ] = None,
) -> None:
    """Fetch public data into the cache, every file checked by its checksum."""
    from revealed.study import fetch_sources

    for file, path in fetch_sources(files):
        typer.echo(f"{file}  {path}")


@app.command()
def activations(
    model: Annotated[str, typer.Option(help="A folder with model and tokenizer, or a name.")],
    out: Annotated[
        Path, typer.Option(help="File to write: data/runs/RUN/activations/NAME.npz for the book.")
    ],
    instrument: Annotated[str, typer.Option(help="Whose texts are read.")] = "outcomes",
    revision: Annotated[str, typer.Option(help="Commit or branch of a fetched model.")] = "main",
    pooling: Annotated[Pooling, typer.Option(help="Over a text's tokens.")] = Pooling.mean,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    batch: Annotated[int, typer.Option(help="Texts at once.", min=1)] = 16,
) -> None:
    """Write an open-weight model's hidden states for an instrument's texts, for the probes.

    Needs the extra: pip install '.[probe]'. A model in a local folder needs no network.
    """
    from revealed.instruments import load_instrument
    from revealed.respondents.activations import extract, save_activations

    texts = {str(item): str(text) for item, text in load_instrument(instrument).texts().items()}
    states = extract(
        model, texts, instrument, revision=revision, pooling=pooling.value, dtype=dtype, batch=batch
    )
    save_activations(states, out)
    layers, items, width = states.trained.shape
    typer.echo(f"{out}: {layers} layers, {items} texts, {width} numbers each, and untrained.")


@app.command()
def findings(run: RunName = "default", format: FormatOption = Format.table) -> None:
    """Print every finding of a run."""
    from revealed import study

    table = study.open_run(run).findings()
    if format is Format.table:
        table = table[
            ["chapter", "estimand", "respondent", "subject", "estimate", "low", "high", "unit", "n"]
        ]
    show(table, format)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def book(
    context: typer.Context,
    run: RunName = "default",
    cores: Annotated[int, typer.Option(help="Steps at the same time.")] = os.cpu_count() or 1,
    fast: Annotated[
        bool, typer.Option("--fast", help="A small study to try things on, in a run `fast`.")
    ] = False,
) -> None:
    """Make the book: every step that is not up to date, then the website.

    Further options go to Snakemake (--dry-run, --profile workflow/profiles/slurm).
    """
    from revealed import study

    small = "fast" if run == "default" else run
    opened = study.start_fast(small) if fast else study.open_run(run)
    if opened.trial:
        raise ConfigError(
            f"the run {opened.name!r} holds first looks at models, which are no study.",
            todo="`revealed try` makes their pages; `revealed run` asks a model the study.",
        )
    study.run_chain(opened.paths.root, opened.name, cores=cores, flags=context.args)
    if not context.args:
        site = opened.paths.root / "_build" / "html" / "index.html"
        typer.echo(f"The book is at {site} (make serve opens it).")


@app.command()
def report(run: RunName = "default") -> None:
    """Assemble the pages from the run's findings and render the website."""
    from revealed.report import build_site

    typer.echo(f"The book is at {build_site(run)}")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check the installation and say what to do; exit code 1 if something needed is missing."""
    from revealed.doctor import examine

    checks = examine()
    if as_json:
        typer.echo(json.dumps([check.as_dict() for check in checks], indent=1))
    else:
        for check in checks:
            typer.echo(f"{check.mark}  {check.name:<14} {check.found}")
            if check.todo:
                typer.echo(f"{'':18}{check.todo}")
    if any(check.state == "missing" for check in checks):
        raise typer.Exit(1)


@app.command(hidden=True)
def notebook(
    source: Path,
    output: Path,
    parameter: Annotated[list[str] | None, typer.Option("-p", help="NAME=VALUE")] = None,
    json_parameter: Annotated[
        list[str] | None, typer.Option("-j", help="NAME=VALUE, the value in JSON.")
    ] = None,
) -> None:
    """Execute one notebook as a step of the chain."""
    from revealed import study
    from revealed.foundation.paths import project_root
    from revealed.study.notebook import execute_notebook

    values: dict[str, Any] = {}
    for read, texts in ((str, parameter), (json.loads, json_parameter)):
        for text in texts or []:
            name, equals, value = text.partition("=")
            try:
                values[name] = read(value)
            except ValueError:
                equals = ""
            if not equals:
                raise ConfigError(f"{text!r} is not NAME=VALUE.")
    root = project_root()
    opened = study.open_run(values.get("run", "default"), root)
    execute_notebook(
        root / source, root / output, values, root=root, seed=opened.study.seed,
        inputs=opened.inputs(source.stem, [*filter(None, values.get("respondent", "").split(","))]),
    )  # fmt: skip


app.command()(compare)
app.command("import")(import_)
app.command()(export)
app.command()(site)
app.command()(pdf)
app.command()(screenshots)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the process ends here.

    Told to stop, it ends with 128 and the signal's number: 130 after Ctrl-C, 143 after SIGTERM.
    """
    warn_once()
    with told_to_stop() as came:
        try:
            app()
        except RevealedError as error:
            typer.echo(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        except (KeyboardInterrupt, SystemExit):
            if not came:
                raise
            typer.echo("Stopped. What was answered is kept; the same command goes on.", err=True)
            sys.exit(128 + came[0])
