"""A guise: what a respondent is told before the question, to see whether it can be steered.

A guise is a standing instruction, questions with their answers, and a trigger before the question,
written into the respondent (`RespondentSpec.system`, `.examples` and `.trigger`). `dress` puts it
before a prompt and `undress` takes it off again, from the text of the messages alone; nothing else
merges or splits them. Because the messages differ, so do the keys under which answers are kept.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..foundation.errors import ConfigError, RespondentError
from ..instruments import (
    instruments_folder,
    list_arms,
    list_forms,
    load_arm,
    load_form,
)
from .spec import RespondentSpec
from .trouble import secrets_of

_GAP = "\n\n"
"""Between the guise's instruction and the prompt's own system text."""

KINDS = ("system_prompt", "examples", "tuned", "retest")
"""How somebody may be steered, and the same respondent asked again without it."""

_FILES = ("arms.yaml", "forms.yaml")

Messages = Sequence[Mapping[str, str]]


class Guise(NamedTuple):
    """A standing instruction ("" for none), questions with their answers, and a trigger."""

    system: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    trigger: str = ""

    def __bool__(self) -> bool:
        return bool(self.system or self.examples or self.trigger)


class Undressed(NamedTuple):
    """The prompt as an arm or a form renders it, and the guise that stood before it."""

    messages: list[dict[str, str]]
    guise: Guise


def controlled(name: str) -> tuple[str, str] | None:
    """Base and kind of a respondent called ``<base>+<kind>``; None if it is no such name."""
    base, plus, kind = name.rpartition("+")
    return (base, kind) if plus and base and kind in KINDS else None


def guise_of(spec: RespondentSpec) -> Guise:
    """The guise in which a respondent is asked; false where it has none."""
    return Guise(spec.system or "", spec.examples, spec.trigger or "")


def dress(messages: Messages, guise: Guise) -> list[dict[str, str]]:
    """The prompt `messages` in this guise.

    The instruction stands before the prompt's own system text in one system message; examples are
    turns of their own before the question, which the trigger opens. A guise of nothing changes
    nothing.
    """
    dressed = [dict(message) for message in messages]
    if not guise:
        return dressed
    own = dressed.pop(0)["content"] if dressed and dressed[0]["role"] == "system" else ""
    if guise.trigger:
        dressed[-1]["content"] = f"{guise.trigger} {dressed[-1]['content']}"
    system = _GAP.join(filter(None, (guise.system, own)))
    turns = [
        {"role": role, "content": text}
        for example in guise.examples
        for role, text in zip(("user", "assistant"), example, strict=True)
    ]
    return [*([{"role": "system", "content": system}] if system else []), *turns, *dressed]


def undress(messages: Messages, root: Path | None = None) -> Undressed:
    """Prompt and guise of dressed messages: the inverse of `dress` for every arm and form.

    It holds for every guise that `check_guise` lets pass. A trigger is left where it stands: only
    whoever knows it can tell it from the question.
    """
    rest = [{"role": m["role"], "content": m["content"]} for m in messages]
    system = rest.pop(0)["content"] if rest and rest[0]["role"] == "system" else ""
    turns, question = rest[:-1], rest[-1:]
    examples = tuple(
        (asked["content"], said["content"])
        for asked, said in zip(turns[::2], turns[1::2], strict=False)
    )
    own = ""
    if system:
        # The longest first: one text may end with another.
        own = next((o for o in _own_systems(root) if _ends_with(system, o)), "")
    told = system[: len(system) - len(own)].removesuffix(_GAP) if own else system
    bare = [*([{"role": "system", "content": own}] if own else []), *question]
    return Undressed(bare, Guise(told, examples))


def check_guise(spec: RespondentSpec, room: int | None = None, root: Path | None = None) -> None:
    """Say before anything is asked what is wrong with a respondent's guise.

    Parameters
    ----------
    room
        Tokens that the model takes in, where that is known.

    Raises
    ------
    RespondentError
        If it holds a key of the environment (which is not repeated), takes more than half of the
        room, or, for a simulated respondent, could not be told from the question.
    """
    guise = guise_of(spec)
    if not guise:
        return
    where = f"respondent {spec.name}"
    texts = [guise.system, guise.trigger, *(text for example in guise.examples for text in example)]
    if any(secret in text for secret in secrets_of(spec.api_key) for text in texts):
        raise RespondentError(
            "its instruction or one of its examples holds a key of the environment.",
            where=where,
            todo="Take the key out: it would be sent with every question and kept with every "
            "answer.",
        )
    tokens = guise_tokens(guise)
    if room is not None and tokens > room // 2:
        raise RespondentError(
            f"its instruction and examples take about {tokens:,.0f} tokens, and the model takes in "
            f"{room:,} in all.",
            where=where,
            todo="Give fewer examples or a shorter instruction.",
        )
    if spec.provenance != "simulated":
        return
    clash = next((o for o in _own_systems(root) if _ends_with(guise.system, o)), None)
    if clash is not None:
        raise RespondentError(
            f"its instruction ends with the system text of an arm or form ({clash[:60]!r}), so "
            "that a simulated respondent cannot tell the two apart.",
            where=where,
            todo="Word the end of the instruction differently.",
        )


def guise_tokens(guise: Guise) -> float:
    """About how many tokens a guise adds to every prompt: four bytes each, four for a frame."""
    size = (
        len(guise.system.encode())
        + len(guise.trigger.encode())
        + sum(len(text.encode()) for example in guise.examples for text in example)
    )
    return size / 4 + 8 * len(guise.examples)


def _ends_with(text: str, own: str) -> bool:
    return text == own or text.endswith(_GAP + own)


def _own_systems(root: Path | None) -> tuple[str, ...]:
    folder = instruments_folder(root)
    return _read_systems(folder, tuple(_stamp(f"{folder}/{name}") for name in _FILES))


def _stamp(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


@lru_cache(maxsize=8)
def _read_systems(folder: Path, stamps: tuple[int, ...]) -> tuple[str, ...]:
    """System texts of all arms and forms, the longest first; `stamps` are the files' times."""
    root = folder.parents[1]
    texts = {load_arm(name, root).system for name in list_arms(root)}
    with contextlib.suppress(ConfigError):  # a checkout without forms
        texts |= {load_form(name, root).system for name in list_forms(root)}
    return tuple(sorted(filter(None, texts), key=lambda text: (-len(text), text)))
