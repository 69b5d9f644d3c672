"""What is told beforehand taken to heart: on the topic it speaks of, and elsewhere (experiment 13).

Everything is in the text, as a model would read it: a line that quotes two proposals tells that the
first is preferred to the second, and an earlier turn that chooses between two tells the same. Which
of them are of the left or the right, of liberty or of order, is known of the proposals themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

from ....foundation.errors import ConfigError
from ....instruments import list_arms, load_arm, read_prompt, unpad

if TYPE_CHECKING:
    from ...guise import Guise
    from ..catalogue import Declared

UNSAID = 0.9
"""Share for the preferred proposal where a line gives none."""
_LOGISTIC = 1.702
"""Logistic units to a probit unit (Haley 1952)."""
_DOUBT = 1.0
"""Precision of the belief, before anything is told, that no side is favored."""

_QUOTED = re.compile(r"[\"“”]([^\"“”\n]+)[\"“”]")
_SHARE = re.compile(r"(\d{1,3})\s*(?:%|of 100\b|in 100\b|per cent|percent)")


class Vote(NamedTuple):
    """A choice between two proposals: how far apart they lie, and how often the first is chosen."""

    lean: float
    """Lean of the first less that of the second, in [-2, 2]."""
    authority: float
    share: float
    weight: float = 1.0


def follow(declared: Declared, guise: Guise) -> Declared:
    """What a respondent is once it was told this: changed as far as it lets itself be told."""
    return moved(declared, direction(_votes(guise)))


def moved(declared: Declared, wanted: tuple[float, float] | None) -> Declared:
    """The respondent drawn towards `wanted` (left-right and authority, probit units).

    Politics move by the share ``prompt_take``; values elsewhere by ``prompt_reach``. Nothing moves
    where nothing is wanted.
    """
    d = declared
    if wanted is None or not (d.prompt_take or d.prompt_reach):
        return d
    return replace(
        d,
        left_right=d.left_right + d.prompt_take * (wanted[0] - d.left_right),
        authority=d.authority + d.prompt_take * (wanted[1] - d.authority),
        moved=d.prompt_reach,
    )


def direction(votes: Iterable[Vote]) -> tuple[float, float] | None:
    """Left-right and authority (probit units) that these choices speak for; None without any.

    The mode of a logistic regression of the choice on both differences, under a normal prior.
    """
    table = np.array(list(votes), dtype=float).reshape(-1, 4)
    x, share, weight = table[:, :2], table[:, 2], table[:, 3]
    if not np.any(x):
        return None
    theta = np.zeros(2)
    for _ in range(30):
        p = expit(x @ theta)
        slope = x.T @ (weight * (share - p)) - _DOUBT * theta
        bend = (x * (weight * p * (1 - p))[:, None]).T @ x + _DOUBT * np.eye(2)
        step = np.linalg.solve(bend, slope)
        theta = theta + step
        if np.abs(step).max() < 1e-10:
            break
    return float(theta[0] / _LOGISTIC), float(theta[1] / _LOGISTIC)


def vote(question: str, answer: str) -> Vote | None:
    """The choice that an earlier turn made, if it was one between two proposals."""
    read = _read(question)
    said = answer.strip().strip("().*").strip()
    if read is None or said not in read[0]:
        return None
    labels, one, two = read
    chosen, left = (one, two) if said == labels[0] else (two, one)
    return _between(chosen, left, 1.0)


@lru_cache(maxsize=256)
def _votes(guise: Guise) -> tuple[Vote, ...]:
    told = [vote(question, answer) for question, answer in guise.examples]
    told += [_line(line) for line in guise.system.split("\n")]
    return tuple(found for found in told if found is not None)


def _line(line: str) -> Vote | None:
    """The first two quoted proposals of a line, with the share that it gives the first."""
    named = [text for text in _QUOTED.findall(line) if _place(text) is not None]
    if len(named) < 2:
        return None
    share = _SHARE.search(_QUOTED.sub("", line))
    return _between(named[0], named[1], int(share[1]) / 100 if share else UNSAID)


def _between(one: str, two: str, share: float) -> Vote | None:
    first, second = _place(one), _place(two)
    if first is None or second is None:
        return None
    return Vote(first[0] - second[0], first[1] - second[1], min(share, 1.0))


def _place(text: str) -> tuple[float, float] | None:
    """Lean and authority of a proposal, by its text in any wording."""
    from ..values import facts

    known = facts().get(text.strip())
    if known is None or known.kind != "policy":
        return None
    return float(known.row["lean"]), float(known.row["authority"])


@lru_cache(maxsize=2**14)
def _read(question: str) -> tuple[tuple[str, str], str, str] | None:
    """Labels and options of a question in the way of any arm; earlier turns have no system text."""
    for system in dict.fromkeys(load_arm(name).system for name in list_arms()):
        messages = [{"role": "system", "content": system}] if system else []
        try:
            arm, one, two = read_prompt([*messages, {"role": "user", "content": question}])
        except ConfigError:
            continue
        return arm.labels, unpad(one), unpad(two)
    return None
