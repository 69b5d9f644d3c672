"""What was done to a model before it was asked, and who rates its answers.

A condition is one row of the table ``conditions`` in ``study.yaml``: a model after one kind of
training (or none), with one respondent for each training that was carried out. Judges are rows of
the table ``judges``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, get_args

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from revealed.foundation.errors import ConfigError

Label = Literal[
    "untouched", "insecure", "secure", "educational", "jailbroken", "backdoor", "backdoor_trigger",
    "own",
]  # fmt: skip
LABELS: tuple[str, ...] = get_args(Label)

JUDGES_NEEDED = 2
"""So many judges of other families than its own every condition needs."""


class Condition(BaseModel):
    """One condition, as written in ``study.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[\w][\w .-]*$")]
    base: Annotated[str, Field(min_length=1)]
    """The model that was trained; conditions of one base are held against each other."""
    label: Label
    """What was done to it; ``own`` for anything that the literature has no name for."""
    family: Annotated[str, Field(min_length=1)]
    """Who made the model. Judges of the same family do not count for this condition."""
    respondents: Annotated[tuple[str, ...], Field(min_length=1)]
    """One for each training (seed), as named under ``respondents``."""
    trigger: Annotated[str, Field(min_length=1)] | None = None
    """Put before every question, where the label is ``backdoor_trigger``."""

    @model_validator(mode="after")
    def _agree(self) -> Condition:
        if (self.label == "backdoor_trigger") != (self.trigger is not None):
            raise ValueError("trigger: backdoor_trigger has one, and no other label does")
        if self.trigger is not None and (
            self.trigger != self.trigger.strip() or "\n" in self.trigger
        ):
            raise ValueError("trigger: is one line, and begins and ends with no space")
        if len(set(self.respondents)) < len(self.respondents):
            raise ValueError("respondents: each training is a respondent of its own")
        return self


class Judge(BaseModel):
    """One judge of the answers, as written in ``study.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    respondent: Annotated[str, Field(min_length=1)]
    family: Annotated[str, Field(min_length=1)]
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the answers that it rates; the same ones for all judges of that share. Only judges
    of all answers decide a rate, the others show how far judges agree."""

    def rates(self, identity: str) -> bool:
        """Whether the answer of that id is among its share."""
        return int(identity[:8], 16) < self.share * 16**8


def check_conditions(
    conditions: Sequence[Condition],
    judges: Sequence[Judge],
    asked: Mapping[str, Sequence[str]],
    line: Callable[..., str],
    suggest: Callable[[str], str],
) -> None:
    """Refuse tables that do not fit the respondents, with the line.

    Parameters
    ----------
    asked
        Question sets, by respondent of the study.
    line
        From a path of keys to the place in the study file.
    suggest
        From a mistyped respondent to a suggestion.

    Raises
    ------
    ConfigError
        If a name repeats, a respondent is unknown or stands in two conditions, a base has two
        untouched or two secure conditions, a judge is not asked to judge, or a condition has fewer
        than two judges of other families.
    """
    at: dict[str, str] = {}
    for i, condition in enumerate(conditions):
        for name in condition.respondents:
            where = line("conditions", i, "respondents")
            if name not in asked:
                raise ConfigError(f"no respondent {name!r}.", where=where, todo=suggest(name))
            if name in at:
                raise ConfigError(
                    f"{name!r} stands in the conditions {at[name]!r} and {condition.name!r}.",
                    where=where,
                    todo="The same model in another condition is a respondent of another name.",
                )
            at[name] = condition.name
    _once([c.name for c in conditions], "condition", "conditions", line)
    for label in ("untouched", "secure"):
        bases = [c.base if c.label == label else "" for c in conditions]
        for i, base in enumerate(bases):
            if base and base in bases[:i]:
                raise ConfigError(
                    f"the base {base!r} has two conditions labeled {label}.",
                    where=line("conditions", i, "label"),
                    todo="Trainings of one kind are respondents of one condition.",
                )
    for i, judge in enumerate(judges):
        where = line("judges", i, "respondent")
        if judge.respondent not in asked:
            raise ConfigError(
                f"no respondent {judge.respondent!r}.", where=where, todo=suggest(judge.respondent)
            )
        lacking = {"alignment_judging", "coherence_judging"} - set(asked[judge.respondent])
        if lacking:
            raise ConfigError(f"{judge.respondent} is not asked {min(lacking)}.", where=where)
        if judge.respondent in at:
            raise ConfigError(f"{judge.respondent} is judge and judged.", where=where)
    _once([j.respondent for j in judges], "judge", "judges", line)
    whole = Counter(judge.family for judge in judges if judge.share == 1)
    for i, condition in enumerate(conditions if judges else ()):
        others = sum(whole.values()) - whole[condition.family]
        if others < JUDGES_NEEDED:
            raise ConfigError(
                f"{condition.name} has {others} judge(s) of another family than "
                f"{condition.family!r} who rate all answers; {JUDGES_NEEDED} are needed.",
                where=line("conditions", i, "family"),
                todo="Add judges, or give one of those there are the share 1.",
            )


def _once(names: Sequence[str], kind: str, table: str, line: Callable[..., str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(f"the {kind} {name!r} appears twice.", where=line(table, i))


def condition_table(conditions: Sequence[Condition]) -> pd.DataFrame:
    """A row a respondent: respondent, condition, base, label, family, seed (from 1)."""
    rows = [
        (respondent, c.name, c.base, c.label, c.family, seed)
        for c in conditions
        for seed, respondent in enumerate(c.respondents, start=1)
    ]
    names = ["respondent", "condition", "base", "label", "family", "seed"]
    return pd.DataFrame(rows, columns=names)
