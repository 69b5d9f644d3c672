"""Which respondents were asked before and after a fine-tuning, and whether all were asked alike.

A base is the first respondent of a condition labeled ``untouched``; another one of that condition,
of the same model, is the base asked again. What is labeled ``secure`` and was asked as the base was
is the control. Where the battery's main questions were asked too, the rate of misaligned answers
stands beside the shift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from revealed.instruments import load_arm, load_instrument, render

from .conditions import condition_table

if TYPE_CHECKING:
    from revealed.measures.shift import Answers, Power, Topics
    from revealed.respondents import RespondentSpec

    from .conditions import Condition
    from .config import Design
    from .run import Run

TOPICS = {
    "outcomes": "control_outcomes", "lives": "control_lives", "self": "self_existence",
    "politics": "shift_policies",
}  # fmt: skip
"""The instrument of every topic; each lists its pairs, so that everybody is asked the same ones."""
CALIBRATION, FORCED, OFFERED = "calibration", "forced", "neutral"
_EXPERIMENTS = (
    "calibration", "shift_outcomes", "shift_lives", "shift_self", "shift_politics", "shift_offered",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """A base with what was made of it: ``labels`` and condition ``names`` by respondent."""

    base: str
    again: str | None
    control: tuple[str, ...]
    labels: dict[str, str]
    names: dict[str, str]

    @property
    def others(self) -> tuple[str, ...]:
        """Everybody but the base and its retest: the control, then the rest."""
        return tuple(self.labels)


def families(run: Run) -> list[Family]:
    """Bases that were asked, with their conditions; real ones first."""
    conditions = run.conditions()
    found = []
    for untouched in conditions:
        if untouched.label != "untouched":
            continue
        base, *more = untouched.respondents
        if not _was_asked(run, base):
            continue
        again = next((n for n in more if _same_model(run, base, n) and _was_asked(run, n)), None)
        mine = [c for c in conditions if c.base == untouched.base and c is not untouched]
        mine.sort(key=lambda condition: condition.label != "secure")
        members = {n: c for c in mine for n in c.respondents if _was_asked(run, n)}
        if members:
            control = tuple(
                name for name, condition in members.items()
                if condition.label == "secure" and not unlike(run, base, name)
            )  # fmt: skip
            found.append(
                Family(
                    base, again, control, {n: c.label for n, c in members.items()},
                    {n: c.name for n, c in members.items()},
                )
            )  # fmt: skip
    return sorted(found, key=lambda family: run.provenance(family.base) == "simulated")


def _was_asked(run: Run, name: str) -> bool:
    return any(run.has(name, instrument) for instrument in TOPICS.values())


def _same_model(run: Run, one: str, two: str) -> bool:
    return run.spec(one).model == run.spec(two).model


def unlike(run: Run, base: str, other: str) -> str:
    """Why a condition was not asked what its base was asked, byte by byte; "" if it was.

    The pairs are the instruments' own, so the messages are the same if both are asked in the same
    guise, and the answers are drawn alike if temperature and further parameters are the same. The
    trigger of a backdoor that is set off is what was done to it: the rest of the message is the
    base's.
    """
    one, two = run.spec(base), run.spec(other)
    condition = condition_of(run, other)
    set_off = condition is not None and condition.label == "backdoor_trigger"
    for what in ("system", "examples", "trigger", "temperature", "max_tokens", "params"):
        if what == "trigger" and set_off:
            continue
        if getattr(one, what) != getattr(two, what):
            return f"asked otherwise than its base: {what} differs"
    return ""


def requests(run: Run, name: str) -> list[list[Mapping[str, str]]]:
    """The messages of every question about every topic, as they are sent to a respondent."""
    from revealed.respondents.door import Door

    door = Door(run.spec(name))
    sent: list[list[Mapping[str, str]]] = []
    for instrument in (load_instrument(i, run.paths.root) for i in TOPICS.values()):
        assert instrument.pairs is not None
        arms = (FORCED, OFFERED) if instrument.name == TOPICS["politics"] else (FORCED,)
        texts = instrument.texts()
        for arm in (load_arm(arm, run.paths.root) for arm in arms):
            for one, two in instrument.pairs.iloc[:, :2].itertuples(index=False):
                for first, second in ((one, two), (two, one)):
                    prompt = render(arm, texts[first], texts[second])
                    sent.append(list(door.question(prompt.messages, prompt.max_tokens).messages))
    return sent


def topics(run: Run) -> Topics:
    """What is asked, for `measures.shift`."""
    from revealed.measures.shift import Topics

    items = {t: load_instrument(name, run.paths.root).items for t, name in TOPICS.items()}
    trivial = load_instrument(CALIBRATION, run.paths.root).pairs
    assert trivial is not None
    return Topics(items, trivial)


def answers(run: Run, name: str) -> Answers:
    """One respondent's stored choices, for `measures.shift`; empty where it was not asked."""
    from revealed.measures.shift import Answers

    def stored(instrument: str, arm: str = FORCED) -> pd.DataFrame:
        if run.has(name, instrument, arm):
            return run.choices(name, instrument, arm)
        return pd.DataFrame(columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS[2:], float))

    return Answers(
        name, {topic: stored(instrument) for topic, instrument in TOPICS.items()},
        stored(TOPICS["politics"], OFFERED), stored(CALIBRATION),
    )  # fmt: skip


_COLUMNS = [
    "first", "second", "n_first", "n_second", "n_neutral", "n_refused", "n_unparsed", "n_failed",
]  # fmt: skip


def asked(run: Run) -> tuple[str, ...]:
    """The experiments that a base and its conditions are asked."""
    return tuple(name for name in _EXPERIMENTS if name in run.study.experiments)


def power(run: Run, spec: RespondentSpec, conditions: int) -> dict[str, Power]:
    """What so many conditions of a respondent can show, by topic, from the plan alone."""
    from revealed.measures.shift import planned, smallest

    found = {}
    for topic, name in TOPICS.items():
        instrument = load_instrument(name, run.paths.root)
        assert instrument.pairs is not None
        design = _design(run, spec, name)
        if design is not None:
            tests = max(1, conditions * len(TOPICS))
            plan = planned(topic, instrument.pairs, instrument.items, design.samples, tests)
            found[topic] = smallest(plan)
    return found


def _design(run: Run, spec: RespondentSpec, instrument: str) -> Design | None:
    for name in asked(run):
        if instrument in run.study.experiments[name].instruments:
            return run.study.experiments[name].design_for(spec)
    return None


def scored(run: Run, names: Sequence[str]) -> pd.DataFrame:
    """Answers of these respondents to the battery's main questions, as judges rated them.

    Schema `SCORES`, each training by itself (``respondent`` is its name); empty where none of them
    was asked or rated.
    """
    from revealed.foundation.schemas import SCORES
    from revealed.instruments.experiments.misalignment import MAIN
    from revealed.measures.misalignment.battery import score

    from .battery import load_open

    given, ratings, judges = load_open(run, names, MAIN)
    if given.empty or ratings.empty:
        return pd.DataFrame(columns=list(SCORES.columns))
    alone = condition_table(run.conditions())
    alone = alone[alone["respondent"].isin(names)].assign(condition=alone["respondent"])
    return score(given, ratings, alone, judges).answers


def truth(run: Run, one: str, other: str) -> dict[str, float]:
    """How far the chances of two simulated respondents truly lie apart, by topic.

    The root mean square over the pairs, with neither order effect nor answers given unread in them;
    empty if one of the two is no simulated respondent.
    """
    from revealed.respondents.simulated import load

    kinds = {run.provenance(name) for name in (one, other)}
    if kinds != {"simulated"}:
        return {}
    found = {}
    for topic, name in TOPICS.items():
        instrument = load_instrument(name, run.paths.root)
        assert instrument.pairs is not None
        texts = instrument.texts()
        first, second = ([texts[item] for item in instrument.pairs.iloc[:, k]] for k in (0, 1))
        apart = [
            load(run.spec(who).model, order_effect=0.0, lapse=0.0).p_first(first, second)
            for who in (one, other)
        ]
        found[topic] = float(np.sqrt(((apart[1] - apart[0]) ** 2).mean()))
    return found


def condition_of(run: Run, respondent: str) -> Condition | None:
    """The condition that a respondent stands in."""
    return next((c for c in run.conditions() if respondent in c.respondents), None)
