"""The command ``new``: scaffolds of goods, categories, respondents, instruments, experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from revealed.foundation.errors import ConfigError

from .options import ApiBase, ApiKeyEnv

if TYPE_CHECKING:
    from revealed.study.scaffold import Scaffold

new = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="Add a good, a category, a respondent, an instrument or an experiment.",
)  # fmt: skip

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]
Title = Annotated[str, typer.Option(help="As readers see it; default: made of the name.")]
Asked = Annotated[
    list[str] | None, typer.Option("--ask", help="An experiment that it is asked; repeatable.")
]


@new.command("good")
def good(
    name: Annotated[str, typer.Argument(help="What the good is called: Iceland.")],
    category: Annotated[str, typer.Option(help="A file of data/instruments/goods: countries.")],
    cell: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE, where the name needs it; repeatable.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Add a line to a category's file."""
    from revealed.foundation.paths import project_root
    from revealed.study import scaffold

    cells = {}
    for text in cell or []:
        column, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{text!r} is not COLUMN=VALUE.")
        cells[column.strip()] = value.strip()
    _finish(scaffold.new_good(project_root(), name, category, cells), dry_run)


@new.command("category")
def category(
    name: Annotated[str, typer.Argument(help="The stem of the new file: professions.")],
    good: Annotated[
        list[str] | None,
        typer.Option(help="One of its goods, with its plural if irregular (ox:oxen); repeatable."),
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option(help="An entry of measures.yaml; repeatable.")
    ] = None,
    title: Title = "",
    dry_run: DryRun = False,
) -> None:
    """Make a file of goods with its datasheet."""
    from revealed.foundation.paths import project_root
    from revealed.study import scaffold

    measures = measure or ["lives_saved"]
    made = scaffold.new_category(project_root(), name, good or [], measures, title)
    _finish(made, dry_run)


@new.command("respondent")
def respondent(
    name: Annotated[str, typer.Argument(help="What it goes by in the study.")],
    model: Annotated[str, typer.Option(help="A LiteLLM model: ollama_chat/llama3.2.")] = "",
    simulated: Annotated[
        bool, typer.Option("--simulated", help="A program with a trait of its own instead.")
    ] = False,
    ask: Asked = None,
    api_base: ApiBase = None,
    api_key_env: ApiKeyEnv = None,
    dry_run: DryRun = False,
) -> None:
    """Add an entry to study.yaml: a model, or a simulated respondent with a stub of its trait."""
    from revealed.foundation.paths import project_root
    from revealed.study import scaffold

    if simulated == bool(model):
        raise ConfigError(
            "a respondent is a model or simulated.", todo="Give either --model or --simulated."
        )
    asked = ask or ["calibration"]
    if simulated:
        if api_base or api_key_env:
            raise ConfigError("--api-base and --api-key-env describe a model.")
        made = scaffold.new_simulated(project_root(), name.removeprefix("simulated/"), asked)
    else:
        made = scaffold.new_respondent(
            project_root(), name, model, asked,
            api_base=api_base or "", api_key_env=api_key_env or "",
        )  # fmt: skip
    _finish(made, dry_run)


@new.command("instrument")
def instrument(
    name: Annotated[str, typer.Argument(help="Lower-case words joined by underscores.")],
    title: Title = "",
    dry_run: DryRun = False,
) -> None:
    """Make pairs to ask, with a datasheet, the module that reads them, and a test."""
    from revealed.foundation.paths import project_root
    from revealed.study import scaffold

    _finish(scaffold.new_instrument(project_root(), name, title), dry_run)


@new.command("experiment")
def experiment(
    name: Annotated[str, typer.Argument(help="Lower-case words joined by underscores.")],
    title: Title = "",
    dry_run: DryRun = False,
) -> None:
    """Make an instrument, an arm, a measure, a figure, a chapter, their tests and respondents."""
    from revealed.foundation.paths import project_root
    from revealed.study import scaffold

    _finish(scaffold.new_experiment(project_root(), name, title), dry_run)


def _finish(made: Scaffold, dry_run: bool) -> None:
    """Show or write a scaffold, and say what to do next."""
    from revealed.study.scaffold import write

    if dry_run:
        typer.echo(made.diff(), nl=False)
        typer.echo(f"{len(made.files)} files would change; nothing was written.", err=True)
        return
    added = set(made.added)
    write(made)
    for name in made.files:
        typer.echo(f"{'new     ' if name in added else 'changed '} {name}")
    for sentence in made.told:
        typer.echo(sentence)
    typer.echo("Next:")
    for step in made.following:
        typer.echo(f"  {step}")
