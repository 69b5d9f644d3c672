"""A respondent: a model behind LiteLLM, or a program of one's own with a trait."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import slug
from revealed.respondents.spec import SIMULATED

from . import edit, names, template, trial
from .changes import Scaffold

CATALOGUE = "src/revealed/respondents/simulated/catalogue.py"
TRAITS = "src/revealed/respondents/simulated/traits"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")


def new_respondent(
    root: Path,
    name: str,
    model: str,
    ask: Sequence[str] = ("calibration",),
    *,
    api_base: str = "",
    api_key_env: str = "",
) -> Scaffold:
    """An entry under ``respondents`` of the study file.

    Parameters
    ----------
    root
        The checkout.
    name
        What it goes by in the study.
    model
        Any model of LiteLLM, or a simulated one with changes (``simulated/coherent?seed=3``).
    ask
        Experiments of the study.
    api_base, api_key_env
        The address of a server; the environment variable that holds its key.

    Raises
    ------
    ConfigError
        If the name is taken, or the study's own checks refuse the entry.
    RespondentError
        If there is no such simulated respondent or parameter of it.
    """
    from revealed.respondents.simulated import catalogue

    check_new(root, [name])
    if model.startswith(SIMULATED):
        catalogue.declared(model)
    if not name or set(name) - _PLAIN:
        raise ConfigError(
            f"{name!r} cannot be the name of a respondent.",
            todo="Use letters, digits, hyphens, underscores, full stops and slashes.",
        )
    values = {"name": name, "model": model, "api_base": api_base, "api_key_env": api_key_env}
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items() if value]
    entry = "  - " + "\n    ".join([*(_bare(line) for line in lines), _asked(ask)]) + "\n"
    study = root / "study.yaml"
    text = edit.study_entry(study.read_text(encoding="utf-8"), "respondents", entry, study)
    changed = {"study.yaml": text}
    with trial.copy(root, changed) as scratch, trial.spoken(root, scratch):
        trial.examine(scratch, respondents=[name])
    return Scaffold(
        root, changed, (f"{name} is asked {', '.join(ask)}.",),
        (f"revealed plan --respondent {name}", f"revealed run --respondent {name}"),
    )  # fmt: skip


def new_simulated(root: Path, name: str, ask: Sequence[str] = ("calibration",)) -> Scaffold:
    """A simulated respondent with values of its own, and a trait that is still to be written.

    Raises
    ------
    ConfigError
        If the name is taken or no identifier.
    """
    names.check_identifier(name, "simulated respondent")
    check_new(root, [f"simulated/{name}"])
    test = f"tests/respondents/test_{name}_respondent.py"
    names.check_free(root, name, "respondent", [f"{TRAITS}/{name}.py", test])
    files = trait(
        root, name, names.words(name), {name: "Has values of its own; its trait follows."}
    )
    files = {
        **files,
        "study.yaml": edit.study_entry(
            (root / "study.yaml").read_text(encoding="utf-8"), "respondents",
            simulated_entry(name, ask), root / "study.yaml",
        ),
    }  # fmt: skip
    files[test] = template.fill("test_respondent.py", name=name)
    code = [file for file in files if file.endswith(".py")]
    with trial.copy(root, files, code=True) as scratch, trial.spoken(root, scratch):
        files |= trial.formatted(scratch, code)
        trial.examine_apart(
            scratch, respondents=[f"simulated/{name}"],
            modules=[f"revealed.respondents.simulated.traits.{name}"],
        )  # fmt: skip
    return Scaffold(
        root, files,
        (f"simulated/{name} is a program: what it wants is what {CATALOGUE} declares.",),
        (
            f"Write its trait in {TRAITS}/{name}.py, and say in {CATALOGUE} what it is.",
            f"python -m pytest {test}",
            f"revealed run --respondent simulated/{name}",
        ),
    )  # fmt: skip


def check_new(root: Path, wanted: Sequence[str]) -> None:
    """Refuse names of respondents that the study or the catalogue has.

    Raises
    ------
    ConfigError
        Naming the one that exists. Names that make the same file name count as one.
    """
    from revealed.respondents.simulated import catalogue
    from revealed.study import load_study

    known = [entry.spec.name for entry in load_study(root / "study.yaml").respondents]
    known += [f"simulated/{name}" for name in catalogue.names()]
    for name in wanted:
        for other in known:
            if slug(other).casefold() == slug(name).casefold():
                raise ConfigError(
                    f"the respondent {other!r} exists.", where=root / "study.yaml",
                    todo="Choose another name.",
                )  # fmt: skip


def trait(root: Path, name: str, title: str, respondents: dict[str, str]) -> dict[str, str]:
    """The files of a trait: its module, its parameter, and respondents that declare it.

    Parameters
    ----------
    root
        The checkout.
    name, title
        Of the module and of the kind of items that it speaks of.
    respondents
        What each one is, by name; the first has the trait, the others do not.
    """
    catalogue, package = root / CATALOGUE, root / TRAITS / "__init__.py"
    declared = "".join(
        f"    Declared(\n        {json.dumps(one)},\n        {json.dumps(said)},\n"
        f"        seed={int.from_bytes(one.encode()) % 9973},\n"
        + (f"        {name}_lean=1.0,\n" if place == 0 else "")
        + "    ),\n"
        for place, (one, said) in enumerate(respondents.items())
    )
    parameter = (
        f"    # Added (traits.{name}).\n    {name}_lean: float = 0.0\n"
        '    """Utility between an option of side a and one of side b."""\n'
    )
    return {
        f"{TRAITS}/{name}.py": template.fill("trait.py", name=name, title=title),
        f"{TRAITS}/__init__.py": edit.module(package.read_text(encoding="utf-8"), name, package),
        CATALOGUE: edit.declaration(
            catalogue.read_text(encoding="utf-8"), parameter, declared, catalogue
        ),
    }


def simulated_entry(name: str, ask: Sequence[str]) -> str:
    """The entry of a simulated respondent in the study file."""
    return f"  - model: simulated/{name}\n    mode: sample\n    {_asked(ask)}\n"


def _asked(ask: Sequence[str]) -> str:
    return f"ask: [{', '.join(ask)}]"


def _bare(line: str) -> str:
    """A YAML line without the quotes that it does not need."""
    key, _, value = line.partition(": ")
    text = json.loads(value)
    plain = text[:1].isalpha() and not set(text) - _PLAIN
    return f"{key}: {text}" if plain else line
