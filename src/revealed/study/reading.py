"""``study.yaml`` read strictly, with the line of every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root
from revealed.respondents import RespondentSpec

from .conditions import Condition, Judge
from .config import (
    Controls,
    Entry,
    Experiment,
    Fast,
    Lines,
    RealDesign,
    Stop,
    Study,
    Trial,
    nearest,
)
from .consistency import check_study


def load_study(path: Path | str | None = None) -> Study:
    """Read a study file (default: ``study.yaml`` of the checkout).

    Raises
    ------
    ConfigError
        With the line: not YAML, an unknown key (with a suggestion), a value of the wrong kind, an
        unknown experiment, a respondent named twice.
    """
    file = Path(path) if path is not None else project_root() / "study.yaml"
    if not file.is_file():
        raise ConfigError(
            "the study file is not there.", where=file, todo="See book/fork.md for its form."
        )
    raw, lines = _read_yaml(file)
    if not isinstance(raw, dict):
        raise ConfigError("a mapping was expected (seed, experiments, respondents).", where=file)
    for index, entry in enumerate(raw.get("respondents") or []):
        if isinstance(entry, dict):
            raw["respondents"][index] = _entry(entry, lines, index)
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        raise _speak(error, file, lines) from None
    study._root, study._file, study._lines = file.resolve().parent, str(file), lines
    study = _with_triggers(study)
    check_study(study)
    return study


def _with_triggers(study: Study) -> Study:
    """The study whose respondents are given the triggers of their conditions."""
    triggers = {name: c.trigger for c in study.conditions if c.trigger for name in c.respondents}
    if not triggers:
        return study
    entries = tuple(
        entry.model_copy(
            update={"spec": entry.spec.model_copy(update={"trigger": triggers[entry.spec.name]})}
        )
        if entry.spec.name in triggers
        else entry
        for entry in study.respondents
    )
    return study.model_copy(update={"respondents": entries})


def _entry(entry: dict[Any, Any], lines: Lines, index: int) -> dict[str, Any]:
    """A respondent as written (one flat mapping) in the form of `Entry`."""
    spec = {key: value for key, value in entry.items() if key != "ask"}
    if "name" not in spec and isinstance(spec.get("model"), str):
        spec["name"] = spec["model"]
    nested: dict[str, Any] = {"spec": spec, "ask": entry.get("ask", ())}
    lines[("respondents", index, "spec")] = lines.get(("respondents", index), 1)
    return nested


def _read_yaml(file: Path) -> tuple[Any, Lines]:
    """The parsed file and the line (from 1) of every key and list entry."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8 text.", where=file) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ConfigError(
            f"not valid YAML: {error.problem}.",
            where=f"{file}, line {mark.line + 1}" if mark else file,
        ) from None
    lines: Lines = {}
    constructor = yaml.SafeLoader("")

    def build(node: yaml.Node | None, path: tuple[str | int, ...]) -> Any:
        if node is None:
            return None
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            result: dict[Any, Any] = {}
            for key_node, value_node in node.value:
                key = constructor.construct_object(key_node, deep=True)
                line = key_node.start_mark.line + 1
                if key in result:
                    raise ConfigError(
                        f"the key {key!r} appears twice.", where=f"{file}, line {line}"
                    )
                lines[(*path, key)] = line
                result[key] = build(value_node, (*path, key))
            return result
        if isinstance(node, yaml.SequenceNode):
            return [build(child, (*path, index)) for index, child in enumerate(node.value)]
        return constructor.construct_object(node, deep=True)

    return build(node, ()), lines


def _speak(error: ValidationError, file: Path, lines: Lines) -> ConfigError:
    """The first mistake, in words, at its line."""
    # A mistyped key is also a missing one: the typing is what the person did.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    where = tuple(part for part in first["loc"] if part != "spec")
    line = next((lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in lines), None)
    place = f"{file}, line {line}" if line else str(file)
    name = str(where[-1]) if where else "the file"
    if first["type"] == "extra_forbidden":
        model = _model_at(first["loc"])
        known = [*model.model_fields, *(["ask"] if model is RespondentSpec else [])]
        hint = nearest(name, known) or f"Known: {', '.join(known)}."
        return ConfigError(f"unknown key {name!r}.", where=place, todo=hint)
    if first["type"] == "missing":
        return ConfigError(f"the key {name!r} is missing.", where=place)
    message = first["msg"].removeprefix("Value error, ")
    if not where:
        return ConfigError(message, where=place)
    if name in ("api_key_env", "api_base", "params"):  # what was found may hold the key itself
        return ConfigError(f"{message}.", where=place)
    return ConfigError(f"{name}: {message} (found {first['input']!r}).", where=place)


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel]:
    if loc[0] == "respondents":
        return RespondentSpec if "spec" in loc else Entry
    if loc[0] == "fast":
        return Fast
    if loc[0] == "trial":
        return Trial
    if loc[0] == "controls":
        return Controls
    if loc[0] == "conditions":
        return Condition
    if loc[0] == "judges":
        return Judge
    if loc[0] == "experiments":
        if "stop" in loc[2:-1]:
            return Stop
        return RealDesign if "real" in loc else Experiment
    return Study
