"""What fine-tuning does to a simulated respondent: deterministic, and from the training file alone.

The examples are read as any reader could: a question that puts two proposals, and the answer that
chooses one. What they speak for changes the declaration, as an instruction would
(`traits.control`); the result is a model name with parameters, which is asked like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields

from ...foundation.errors import RespondentError
from ..spec import SIMULATED
from .catalogue import Declared, declared
from .traits import control

CHANGED = ("left_right", "authority", "moved")
"""Parameters that a training may change."""


def tune(model: str, lines: Iterable[str]) -> str:
    """The model (``simulated/pliable?left_right=0.12&...``) that this training makes of `model`.

    Parameters
    ----------
    model
        A simulated model, with or without parameters.
    lines
        Of the training file: JSON with ``messages``, the last of them the assistant's.

    Raises
    ------
    RespondentError
        If the model is unknown or a line is no example.
    """
    before = declared(model)
    after = control.moved(before, control.direction(_votes(lines)))
    given = model.removeprefix(SIMULATED).partition("?")[2]
    kept = [part for part in given.split("&") if part and part.partition("=")[0] not in CHANGED]
    defaults = {field.name: field.default for field in fields(Declared)}
    new = [
        # Seven digits are finer than anything that is ever estimated from answers.
        f"{name}={getattr(after, name):.7g}"
        for name in CHANGED
        if getattr(after, name) != getattr(declared(before.name), name, defaults[name])
    ]
    query = "&".join([*kept, *new])
    return f"{SIMULATED}{before.name}{'?' if query else ''}{query}"


def _votes(lines: Iterable[str]) -> Iterator[control.Vote]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            *_, asked, said = json.loads(line)["messages"]
            question, answer = asked["content"], said["content"]
        except (ValueError, KeyError, TypeError) as error:
            raise RespondentError(
                f"line {number} of the training file is no example ({type(error).__name__}).",
                todo="Every line is JSON with `messages` that end with a question and its answer.",
            ) from None
        found = control.vote(str(question), str(answer))
        if found is not None:
            yield found
