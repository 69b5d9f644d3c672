"""The form of ``study.yaml``: who is asked what, and the cells that this comes to.

The file has four parts: respondents, experiments (which instruments, in which arms, by which
design), what each respondent is asked, and the seed. A key that means nothing is an error with a
suggestion, never a silent default. `reading` reads the file, `consistency` says whether its parts
fit each other.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from revealed.foundation.errors import ConfigError
from revealed.instruments import ORIGINAL
from revealed.respondents import RespondentSpec
from revealed.respondents.guise import controlled

from .conditions import Condition, Judge

Lines = dict[tuple[str | int, ...], int]
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
    _lines: Lines = PrivateAttr({})

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
