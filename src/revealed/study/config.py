"""``study.yaml``: who is asked what, read strictly, with the line of every mistake.

The file has four parts: respondents, experiments (which instruments, in which arms, by which
design), what each respondent is asked, and the seed. A key that means nothing is an error with a
suggestion, never a silent default.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import project_root, slug
from revealed.instruments import ORIGINAL
from revealed.respondents import RespondentSpec
from revealed.respondents.guise import controlled

from .conditions import Condition, Judge, check_conditions

_Lines = dict[tuple[str | int, ...], int]
"""The line (from 1) of every key and list entry of a study file, by its path."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stop(_Strict):
    """The half-width of 95 % intervals at which a cell has been asked enough.

    One of ``utility`` (of standardised utilities; designs adaptive and original) and ``log_price``
    (natural logarithm; designs curve and indifference). ``pairs_per_item`` stays the most.
    """

    utility: float | None = Field(default=None, gt=0, le=10)
    log_price: float | None = Field(default=None, gt=0, le=10)
    of: Literal["median", "largest"] = "median"
    """Which outcome's or good's interval has to be that narrow."""

    @model_validator(mode="after")
    def _one_target(self) -> Stop:
        if (self.utility is None) == (self.log_price is None):
            raise ValueError("name one of utility and log_price")
        return self

    @property
    def target(self) -> float:
        """The half-width to reach."""
        return float(self.log_price if self.utility is None else self.utility)  # type: ignore[arg-type]


class Design(_Strict):
    """Which pairs of an instrument's items are asked, and how often."""

    design: Literal[
        "listed", "random", "adaptive", "curve", "indifference", "original", "questions"
    ] = "random"
    """``listed``: the instrument's own pairs. ``random``: a connected random graph. ``adaptive``:
    the same start, then rounds chosen by what is least known. ``curve``: chosen for quantity
    curves of goods. ``indifference``: the same start, then goods near indifference, each as often,
    which is as precise for prices and quick for large rounds. ``original``: the original study's
    rule. ``questions``: no pairs; the questions of a question set, one at a time (only ``samples``
    and ``share`` apply)."""
    items: int | Literal["all"] = "all"
    """How many items, drawn by seed and stratified by category."""
    pairs_per_item: float = Field(default=5.0, gt=0)
    """Training pairs for each item, all rounds together."""
    rounds: int = Field(default=3, ge=1)
    """Adaptive rounds after the start."""
    samples: int = Field(default=2, ge=1)
    """Answers for each order of a pair."""
    triads: int = Field(default=0, ge=0)
    """Random triples of items whose three pairs are all asked (for cycles)."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of pairs, drawn uniformly, on which the fit is scored and never trained."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of all this that is asked, drawn by seed; the fast profile lowers it."""
    stop: Stop | None = None
    """Width of intervals at which the rounds end; without it all pairs are asked."""


class RealDesign(_Strict):
    """What differs when a real model is asked; a field left out keeps the experiment's value."""

    design: Literal["listed", "random", "adaptive", "curve", "indifference", "original"] | None = (
        None
    )
    items: int | Literal["all"] | None = None
    pairs_per_item: float | None = Field(default=None, gt=0)
    rounds: int | None = Field(default=None, ge=1)
    samples: int | None = Field(default=None, ge=1)
    triads: int | None = Field(default=None, ge=0)
    holdout: float | None = Field(default=None, ge=0, lt=1)
    share: float | None = Field(default=None, gt=0, le=1)
    stop: Stop | None = None


class Fast(_Strict):
    """What is left of the study in its small profile, which is to try things, not to quote."""

    respondents: tuple[str, ...] = Field(min_length=2)
    """Names of the respondents that are still asked."""
    share: float = Field(gt=0, lt=1)
    """Share of pairs and questions that is still asked."""
    items: int = Field(ge=10)
    """At most so many items, where an experiment draws a sample of them."""


class Trial(_Strict):
    """What `revealed try` asks: a first look at one model, in minutes."""

    beside: tuple[str, ...] = Field(min_length=1)
    """Names of the simulated respondents that are asked the same, to compare with."""
    ask: tuple[str, ...] = Field(min_length=1)
    """Experiments that everybody in it is asked."""


class Experiment(Design):
    """Instruments asked in the same arms by the same design."""

    instruments: tuple[str, ...] = Field(min_length=1)
    """Names or patterns (``*.lives_saved``); one that starts with ``!`` takes names out again."""
    arms: tuple[str, ...] = Field(default=("forced",), min_length=1)
    real: RealDesign = RealDesign()

    def design_for(self, spec: RespondentSpec) -> Design:
        """The design as `spec` is asked by it."""
        own = {name: getattr(self, name) for name in Design.model_fields}
        if spec.provenance != "simulated":
            given = {name: getattr(self.real, name) for name in RealDesign.model_fields}
            own |= {name: value for name, value in given.items() if value is not None}
        return Design(**own)


class Controls(_Strict):
    """Whose politics somebody tries to steer towards an assembly's, how, and what is then asked."""

    simulator: str
    """The respondent that answers for the profiles of the assembly."""
    source: Literal["assembly", "deliberation"] = "assembly"
    """The question set whose answers are the target: before or after the people talked."""
    respondents: tuple[str, ...] = Field(min_length=1)
    """Who is steered; each is asked ``ask`` itself as well."""
    kinds: tuple[Literal["system_prompt", "examples", "tuned", "retest"], ...] = Field(
        default=("system_prompt", "examples", "tuned", "retest"), min_length=1
    )
    """A standing instruction, earlier turns, fine-tuning; and the same respondent asked again."""
    ask: tuple[str, ...] = Field(min_length=1)
    """Experiments that every controlled respondent is asked."""
    shown: int = Field(default=20, ge=1, le=200)
    """Training pairs that an instruction or earlier turns show at most."""
    repeats: int = Field(default=10, ge=1, le=1000)
    """Examples of fine-tuning for each order of a training pair, split as the assembly is."""

    @property
    def names(self) -> tuple[str, ...]:
        """All controlled respondents, base by base."""
        return tuple(f"{base}+{kind}" for base in self.respondents for kind in self.kinds)


class Entry(_Strict):
    """A respondent and the experiments it takes part in."""

    spec: RespondentSpec
    ask: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One respondent, one instrument, one arm: what is elicited and fitted together.

    For the design ``questions``, `instrument` is the question set and `arm` is empty.
    """

    respondent: RespondentSpec
    experiment: str
    instrument: str
    arm: str
    design: Design

    @property
    def asks_questions(self) -> bool:
        """Whether the questions of a set are asked, and not pairs."""
        return self.design.design == "questions"


class Study(_Strict):
    """The study as shipped, or as a forker changed it."""

    title: str = "Revealed"
    seed: int = Field(ge=0)
    experiments: dict[str, Experiment] = Field(min_length=1)
    respondents: tuple[Entry, ...] = ()
    ask_new: tuple[str, ...] = ()
    """Experiments for a respondent named on the command line and not listed here."""
    controls: Controls | None = None
    """Attempts to steer respondents, made after the assembly has answered."""
    conditions: tuple[Condition, ...] = ()
    """What was done to which respondents before they are asked."""
    judges: tuple[Judge, ...] = ()
    """Who rates answers to open questions of the battery."""
    fast: Fast | None = None
    """The small profile (`revealed book --fast`)."""
    trial: Trial | None = None
    """The first look at one model (`revealed try`)."""
    _root: Path = PrivateAttr(Path())
    _file: str = PrivateAttr("study.yaml")
    _lines: _Lines = PrivateAttr({})

    @property
    def root(self) -> Path:
        """The checkout that the study file lies in."""
        return self._root

    def line(self, *keys: str | int) -> str:
        """The place of a key in the study file, for a message."""
        numbers = (
            self._lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self._lines
        )
        number = next(numbers, None)
        return f"{self._file}, line {number}" if number else self._file

    def fast_version(self) -> Study:
        """The study in its small profile.

        Raises
        ------
        ConfigError
            If the study file has no such profile.
        """
        if self.fast is None:
            raise ConfigError(
                "the study has no fast profile.",
                where=self._file,
                todo="Add `fast: {respondents: [...], share: 0.3, items: 40}`, or drop --fast.",
            )
        kept, smaller = self.fast.respondents, {}
        for name, experiment in self.experiments.items():
            change: dict[str, Any] = {"share": experiment.share * self.fast.share}
            if isinstance(experiment.items, int):
                change["items"] = min(experiment.items, self.fast.items)
            smaller[name] = experiment.model_copy(update=change)
        entries = tuple(entry for entry in self.respondents if entry.spec.name in kept)
        left: dict[str, Any] = {"experiments": smaller, "respondents": entries}
        controls = self.controls
        if controls and not {controls.simulator, *controls.respondents} <= set(kept):
            left["controls"] = None
        left["conditions"] = tuple(c for c in self.conditions if {*c.respondents} <= set(kept))
        left["judges"] = tuple(j for j in self.judges if j.respondent in kept)
        return self.model_copy(update=left)

    def trial_version(self) -> Study:
        """The study as a first look at one model: everybody in it is asked the same few things.

        Raises
        ------
        ConfigError
            If the study file has no trial.
        """
        if self.trial is None:
            raise ConfigError(
                "the study has no trial.",
                where=self._file,
                todo="Add `trial: {beside: [...], ask: [...]}` to have a first look at models.",
            )
        ask, beside = self.trial.ask, self.trial.beside
        entries = tuple(
            Entry(spec=entry.spec, ask=ask)
            for entry in self.respondents
            if entry.spec.name in beside or entry.spec.provenance != "simulated"
        )
        left = {"respondents": entries, "ask_new": ask, "controls": None}
        return self.model_copy(update={**left, "conditions": (), "judges": ()})

    def cells(
        self,
        respondents: Sequence[RespondentSpec] | None = None,
        instruments: Sequence[str] | None = None,
    ) -> list[Cell]:
        """Everything that is asked, in the order of the file.

        `respondents` not listed in the study are asked ``ask_new``, and controlled ones what
        ``controls`` says. `instruments` (names or
        patterns) restricts what is asked; an instrument named there that a respondent would not be
        asked is taken from the first experiment that has it.

        Raises
        ------
        ConfigError
            If a name matches no instrument or arm, or a cell is planned twice.
        """
        from revealed.instruments import list_arms, list_instruments, list_questions

        from .derived import DERIVED

        known = {"instruments": list_instruments(self.root), "arms": list_arms(self.root)}
        questions = [*list_questions(self.root), *DERIVED]

        @cache
        def planned(experiment: str) -> list[tuple[str, str]]:
            if self.experiments[experiment].design == "questions":
                where = self.line("experiments", experiment, "instruments")
                patterns = self.experiments[experiment].instruments
                return [(name, "") for name in match(patterns, questions, "question set", where)]
            names, arms = (
                match(
                    getattr(self.experiments[experiment], key),
                    known[key],
                    key.removesuffix("s"),
                    self.line("experiments", experiment, key),
                )
                for key in ("instruments", "arms")
            )
            return [(instrument, arm) for instrument in names for arm in arms]

        wanted = None
        if instruments:
            anything = list(dict.fromkeys([*known["instruments"], *questions]))
            wanted = match(instruments, anything, "instrument", "--instrument")
        listed = {entry.spec.name: entry.ask for entry in self.respondents}
        if respondents is None:
            respondents = [entry.spec for entry in self.respondents]
        cells = []
        for spec in respondents:
            if "seed" not in spec.model_fields_set:
                spec = spec.model_copy(update={"seed": self.seed})
            asked = listed.get(spec.name, self._asks_new(spec.name))
            own = self._cells_of(spec, {name: planned(name) for name in asked})
            if wanted is not None:
                own = [cell for cell in own if cell.instrument in wanted]
                absent = [n for n in wanted if n not in {cell.instrument for cell in own}]
                own += [cell for name in absent for cell in self._elsewhere(spec, name, planned)]
            cells += own
        return cells

    def _asks_new(self, name: str) -> tuple[str, ...]:
        """Experiments of a respondent that is not listed."""
        if self.controls is not None and controlled(name):
            return self.controls.ask
        return self.ask_new

    def _cells_of(
        self, spec: RespondentSpec, planned: dict[str, list[tuple[str, str]]]
    ) -> list[Cell]:
        seen: dict[tuple[str, str], str] = {}
        cells = []
        for name, keys in planned.items():
            design = self.experiments[name].design_for(spec)
            for key in keys:
                if key in seen:
                    arm = f" in arm {key[1]}" if key[1] else ""
                    raise ConfigError(
                        f"{spec.name} would be asked {key[0]}{arm} twice, by "
                        f"{seen[key]} and {name}.",
                        where=self.line("experiments", name, "instruments"),
                    )
                seen[key] = name
                cells.append(Cell(spec, name, *key, design))
        return cells

    def _elsewhere(
        self,
        spec: RespondentSpec,
        instrument: str,
        planned: Callable[[str], list[tuple[str, str]]],
    ) -> list[Cell]:
        """The cells of an instrument in the first experiment that has it."""
        for name, experiment in self.experiments.items():
            if any(_selects(pattern, instrument) for pattern in experiment.instruments):
                keys = [key for key in planned(name) if key[0] == instrument]
                if keys:
                    return self._cells_of(spec, {name: keys})
        raise ConfigError(
            f"no experiment has the instrument {instrument!r}.",
            where=self.line("experiments"),
            todo="Name it under `instruments` of one.",
        )


_FETCHED = {ORIGINAL: f"It is not in the cache: `revealed fetch {ORIGINAL}.json` brings it."}


def match(patterns: Sequence[str], known: Sequence[str], kind: str, where: str) -> list[str]:
    """The `known` names that the patterns select, in the order of the patterns.

    Raises
    ------
    ConfigError
        If a pattern selects nothing; the nearest name is suggested.
    """
    chosen: list[str] = []
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        hits = [name for name in known if _selects(bare, name)]
        if not hits:
            raise ConfigError(
                f"no {kind} {bare!r}.",
                where=where,
                todo=_FETCHED.get(bare) or nearest(bare, known) or f"Known: {', '.join(known)}.",
            )
        if pattern.startswith("!"):
            chosen = [name for name in chosen if name not in hits]
        else:
            chosen += [name for name in hits if name not in chosen]
    return chosen


def _selects(pattern: str, name: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion for a mistyped name, or an empty text."""
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(map(repr, close))}?" if close else ""


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
    _check_names(study)
    _check_questions(study)
    _check_stops(study)
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


_PAIRS_ONLY = ("arms", "items", "pairs_per_item", "rounds", "triads", "holdout", "stop")
_STOPS: dict[str, tuple[str, ...]] = {
    "utility": ("adaptive", "original"),
    "log_price": ("curve", "indifference"),
}
"""Designs whose rounds can end at a width, by what the width is of."""


def _check_stops(study: Study) -> None:
    """A width is of something that the design estimates, and there are rounds that can end."""
    for name, experiment in study.experiments.items():
        for keys, design, stop in (
            ((), experiment.design, experiment.stop),
            (
                ("real",),
                experiment.real.design or experiment.design,
                experiment.real.stop or experiment.stop,
            ),
        ):
            if stop is None:
                continue
            kind = "utility" if stop.log_price is None else "log_price"
            if design not in _STOPS[kind]:
                raise ConfigError(
                    f"the design {design} does not stop at a width of {kind}.",
                    where=study.line("experiments", name, *keys, "stop"),
                    todo=f"Designs that do: {' and '.join(_STOPS[kind])}.",
                )


def _check_questions(study: Study) -> None:
    """Questions have forms of their own: what belongs to pairs would mean nothing there."""
    for name, experiment in study.experiments.items():
        real = experiment.real
        designs = {experiment.design, real.design or experiment.design}
        if "questions" in designs and len(designs) > 1:
            raise ConfigError(
                "questions and pairs are not asked in one experiment.",
                where=study.line("experiments", name, "real", "design"),
                todo="Make two experiments of it.",
            )
        if experiment.design != "questions":
            continue
        for keys, given in (
            ((), experiment.model_fields_set),
            (("real",), real.model_fields_set),
        ):
            for key in _PAIRS_ONLY:
                if key in given:
                    raise ConfigError(
                        f"{key} means nothing where single questions are asked.",
                        where=study.line("experiments", name, *keys, key),
                        todo=f"Take `{key}` out: a question is put in its own form."
                        if key == "arms"
                        else f"Take `{key}` out; `samples` says how often a question is asked.",
                    )


def _check_names(study: Study) -> None:
    """Every experiment asked for exists, and no two respondents share files."""
    asked = [
        *((("respondents", i, "ask"), entry.ask) for i, entry in enumerate(study.respondents)),
        (("ask_new",), study.ask_new),
        (("trial", "ask"), study.trial.ask if study.trial is not None else ()),
    ]
    for keys, names in asked:
        for name in names:
            if name not in study.experiments:
                raise ConfigError(
                    f"no experiment {name!r}.",
                    where=study.line(*keys),
                    todo=nearest(name, study.experiments)
                    or f"Known: {', '.join(study.experiments)}.",
                )
    listed = [entry.spec.name for entry in study.respondents]
    _check_controls(study, listed)
    sets = {entry.spec.name: _sets_of(study, entry) for entry in study.respondents}
    check_conditions(
        study.conditions, study.judges, sets, study.line,
        lambda name: nearest(name, listed) or f"Known: {', '.join(listed)}.",
    )  # fmt: skip
    for keys, names in (
        (("fast", "respondents"), study.fast.respondents if study.fast is not None else ()),
        (("trial", "beside"), study.trial.beside if study.trial is not None else ()),
    ):
        for name in names:
            if name not in listed:
                raise ConfigError(
                    f"no respondent {name!r}.",
                    where=study.line(*keys),
                    todo=nearest(name, listed) or f"Known: {', '.join(listed)}.",
                )
    seen: dict[str, str] = {}
    for i, entry in enumerate(study.respondents):
        name = entry.spec.name
        if slug(name) in seen:
            raise ConfigError(
                f"the respondents {seen[slug(name)]!r} and {name!r} would share their files.",
                where=study.line("respondents", i),
                todo="Give one of them another `name`.",
            )
        seen[slug(name)] = name


def _sets_of(study: Study, entry: Entry) -> list[str]:
    """What the experiments of a respondent name, patterns as they are."""
    return [name for e in entry.ask for name in study.experiments[e].instruments]


def _check_controls(study: Study, listed: Sequence[str]) -> None:
    """Whoever is steered is asked, before it is steered, what it is asked afterwards."""
    controls = study.controls
    if controls is None:
        return
    for key, names in (("simulator", (controls.simulator,)), ("respondents", controls.respondents)):
        for name in names:
            if name not in listed:
                raise ConfigError(
                    f"no respondent {name!r}.",
                    where=study.line("controls", key),
                    todo=nearest(name, listed) or f"Known: {', '.join(listed)}.",
                )
    if unknown := [name for name in controls.ask if name not in study.experiments]:
        raise ConfigError(
            f"no experiment {unknown[0]!r}.",
            where=study.line("controls", "ask"),
            todo=nearest(unknown[0], study.experiments),
        )
    asked = {entry.spec.name: entry.ask for entry in study.respondents}
    for name in controls.respondents:
        if lacking := [e for e in controls.ask if e not in asked[name]]:
            raise ConfigError(
                f"{name} is not asked {lacking[0]!r}, so nothing can be compared with it.",
                where=study.line("controls", "ask"),
                todo=f"Add {lacking[0]} to what {name} is asked.",
            )


def _entry(entry: dict[Any, Any], lines: _Lines, index: int) -> dict[str, Any]:
    """A respondent as written (one flat mapping) in the form of `Entry`."""
    spec = {key: value for key, value in entry.items() if key != "ask"}
    if "name" not in spec and isinstance(spec.get("model"), str):
        spec["name"] = spec["model"]
    nested: dict[str, Any] = {"spec": spec, "ask": entry.get("ask", ())}
    lines[("respondents", index, "spec")] = lines.get(("respondents", index), 1)
    return nested


def _read_yaml(file: Path) -> tuple[Any, _Lines]:
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
    lines: _Lines = {}
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


def _speak(error: ValidationError, file: Path, lines: _Lines) -> ConfigError:
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
    if name == "api_key_env":  # what was found may be the key itself
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
