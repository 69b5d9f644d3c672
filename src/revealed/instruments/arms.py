"""Arms: the ways in which one and the same pair of options is put to a respondent.

An arm is an entry of ``data/instruments/arms.yaml``. `render` makes the prompt of a pair, and
`read_prompt` is its inverse: it finds both options in the text of the messages alone, which is all
that a simulated respondent is given.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..foundation.errors import ConfigError
from .instrument import MOST_REWORDINGS
from .languages import ENGLISH
from .load import instruments_folder
from .options import check_option
from .reading import parse_yaml, read_text, validate

_PLACE = re.compile(r"\{(\w*)\}")
_OPTIONS = ("first", "second")
# An option stands in many prompts, and its check took a fifth of the time of asking.
_checked = lru_cache(maxsize=2**14)(check_option)


class Padding(BaseModel):
    """Words without content after the options of one half of the items."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    half: Literal["even", "odd"]
    text: Annotated[str, Field(min_length=40)]


class Arm(BaseModel):
    """One way of asking, validated.

    Attributes
    ----------
    name, title, purpose
        ``forced``; a short title; what the arm is for.
    language
        The language that the messages are in, and the options with them (ISO 639-1).
    rewording
        Which rewording of the options is shown; 0 is as written (see `Instrument.texts`).
    system, user
        The messages' templates; an empty `system` sends none. Places: ``{first}``, ``{second}``
        (each ends its line, so that the option can be found again), ``{label_1}``, ``{label_2}``,
        ``{label_neutral}``.
    labels, neutral
        The labels of the option listed first and second, and of no preference (None: not offered).
    response
        ``choice`` of a label, or a ``graded`` number from 1 (first much preferred) to 5 (second).
    reason_first
        Whether reasons come before the answer.
    max_tokens
        The longest answer asked for.
    padding
        Which half of the items is padded, and with what.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, Field(min_length=3)]
    purpose: Annotated[str, Field(min_length=20)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = ENGLISH
    rewording: Annotated[int, Field(ge=0, le=MOST_REWORDINGS)] = 0
    system: str = ""
    user: Annotated[str, Field(min_length=20)]
    labels: Annotated[tuple[str, str], Field(strict=False)]
    neutral: str | None = None
    response: Literal["choice", "graded"] = "choice"
    reason_first: bool = False
    max_tokens: Annotated[int, Field(ge=1)] = 10
    padding: Padding | None = None

    @model_validator(mode="after")
    def _agree(self) -> Arm:
        labels = [*self.labels, *([self.neutral] if self.neutral is not None else [])]
        if any(not label or re.search(r"\s|[{}]", label) for label in labels):
            raise ValueError("labels: a label is not empty and has no spaces or braces")
        if len({label.casefold() for label in labels}) < len(labels):
            raise ValueError(f"labels: {labels} are not distinct")
        found = _PLACE.findall(self.user)
        allowed = {*_OPTIONS, "label_1", "label_2", "label_neutral"}
        if unknown := set(found) - allowed:
            raise ValueError(f"user: unknown place {{{unknown.pop()}}}")
        for place in _OPTIONS:
            if found.count(place) != 1:
                raise ValueError(f"user: must hold {{{place}}} exactly once")
            if not re.search(rf"\{{{place}\}}(?:\n|$)", self.user):
                raise ValueError(f"user: {{{place}}} must end its line")
        if found.index("first") > found.index("second"):
            raise ValueError("user: {first} must come before {second}")
        if _PLACE.search(self.system):
            raise ValueError("system: holds no places")
        text = self.user
        for place, label in zip(("label_1", "label_2", "label_neutral"), labels, strict=False):
            if f"{{{place}}}" not in text and label not in re.findall(r"\w+", text):
                raise ValueError(f"user: never names the label {label!r}")
        if "label_neutral" in found and self.neutral is None:
            raise ValueError("user: {label_neutral} needs `neutral`")
        if self.reason_first and self.max_tokens < 50:
            raise ValueError("max_tokens: too few for reasons")
        if self.rewording and self.language != ENGLISH:
            raise ValueError("rewording: options are reworded in English alone")
        return self


@dataclass(frozen=True)
class Prompt:
    """What is sent, and what an answer to it may look like."""

    messages: list[dict[str, str]]
    labels: tuple[str, str]
    neutral: str | None
    response: Literal["choice", "graded"]
    reason_first: bool
    max_tokens: int


class ReadPrompt(NamedTuple):
    """What `read_prompt` found: the arm, and the texts of the options in the order listed."""

    arm: Arm
    first: str
    second: str


def list_arms(root: Path | None = None) -> list[str]:
    """Names of the arms, in the file's order."""
    return list(_arms(_path(root)))


def load_arm(name: str, root: Path | None = None) -> Arm:
    """One arm by its name.

    Raises
    ------
    ConfigError
        If there is no such arm, or ``arms.yaml`` is wrong (with the entry and the field).
    """
    arms = _arms(_path(root))
    if name not in arms:
        raise ConfigError(
            f"there is no arm {name!r}.", where=_path(root), todo=f"There are {', '.join(arms)}."
        )
    return arms[name]


def render(arm: Arm, first_text: str, second_text: str) -> Prompt:
    """The prompt that lists `first_text` first, in the way of `arm`.

    Raises
    ------
    ConfigError
        If a text is not fit to be an option (empty, over-long, more than one line).
    """
    for text in (first_text, second_text):
        _checked(text, f"arm {arm.name}")
    options = {"first": _pad(arm, first_text), "second": _pad(arm, second_text)}
    # One pass, so that braces in an option are text and never places.
    user = _PLACE.sub(lambda place: options[place.group(1)], _with_labels(arm))
    messages = [{"role": "system", "content": arm.system}] if arm.system else []
    messages.append({"role": "user", "content": user})
    return Prompt(messages, arm.labels, arm.neutral, arm.response, arm.reason_first, arm.max_tokens)


def read_prompt(messages: Sequence[Mapping[str, Any]], root: Path | None = None) -> ReadPrompt:
    """Find the options in the text of `messages`: the inverse of `render`.

    Arms that differ only in padding or in the rewording of the options have the same text around
    them; the first of them in the file is named. The options of a padding arm come back padded (see
    `unpad`).

    Raises
    ------
    ConfigError
        If the messages are of no arm.
    """
    text = _join(messages)
    for arm, pattern in _patterns(_path(root)):
        if found := pattern.fullmatch(text):
            return ReadPrompt(arm, found["first"], found["second"])
    raise ConfigError("the messages are not a prompt of any arm.", where=_path(root))


def extract_options(
    messages: Sequence[Mapping[str, Any]], root: Path | None = None
) -> tuple[str, str, tuple[str, str]]:
    """The option listed first, the one listed second, and their labels; see `read_prompt`."""
    found = read_prompt(messages, root)
    return found.first, found.second, found.arm.labels


def unpad(text: str, root: Path | None = None) -> str:
    """An option without the padding of any arm."""
    for arm in _arms(_path(root)).values():
        if arm.padding is not None:
            text = text.removesuffix(f" {arm.padding.text}")
    return text


def is_padded(arm: Arm, text: str) -> bool:
    """Whether `arm` pads the option `text`: by its SHA-256, so each item always falls alike."""
    if arm.padding is None:
        return False
    odd = hashlib.sha256(text.encode()).digest()[0] % 2 == 1
    return odd == (arm.padding.half == "odd")


def _pad(arm: Arm, text: str) -> str:
    if arm.padding is not None and is_padded(arm, text):
        return f"{text} {arm.padding.text}"
    return text


def _path(root: Path | None) -> Path:
    return instruments_folder(root) / "arms.yaml"


def _with_labels(arm: Arm) -> str:
    text = arm.user.strip()
    labels = {"label_1": arm.labels[0], "label_2": arm.labels[1], "label_neutral": arm.neutral}
    for place, label in labels.items():
        if label is not None:
            text = text.replace(f"{{{place}}}", label)
    return text


def _join(messages: Sequence[Mapping[str, Any]]) -> str:
    return "\x1e".join(f"{message['role']}\x1f{message['content']}" for message in messages)


def _arms(path: Path) -> dict[str, Arm]:
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _read_arms(path, stamp)


def _patterns(path: Path) -> tuple[tuple[Arm, re.Pattern[str]], ...]:
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _compile(path, stamp)


@lru_cache(maxsize=8)
def _read_arms(path: Path, stamp: int) -> dict[str, Arm]:
    """All arms of the file; `stamp` makes an edited file be read again."""
    entries = parse_yaml(read_text(path), path)
    arms: dict[str, Arm] = {}
    for name, entry in entries.items():
        where = f"{path}, arm {name}"
        if not isinstance(entry, dict):
            raise ConfigError("must hold names with values.", where=where)
        content = dict(entry)
        like = content.pop("like", None)
        if like is not None:
            if like not in arms:
                raise ConfigError(f"is like {like!r}, which is no arm above it.", where=where)
            content = {**arms[like].model_dump(exclude={"name"}), **content}
        arms[str(name)] = validate(Arm, {**content, "name": name}, where)
    if "forced" not in arms:
        raise ConfigError("must hold the arm `forced`.", where=path)
    _check_apart(arms, path)
    return arms


@lru_cache(maxsize=8)
def _compile(path: Path, stamp: int) -> tuple[tuple[Arm, re.Pattern[str]], ...]:
    """The expression that matches the messages of each arm, once for arms of the same text."""
    patterns: dict[str, tuple[Arm, re.Pattern[str]]] = {}
    for arm in _read_arms(path, stamp).values():
        pattern = _pattern(arm)
        patterns.setdefault(pattern.pattern, (arm, pattern))
    return tuple(patterns.values())


def _pattern(arm: Arm) -> re.Pattern[str]:
    prompt = render(arm.model_copy(update={"padding": None}), "FIRST-OPTION", "SECOND-OPTION")
    text = re.escape(_join(prompt.messages))
    for place in _OPTIONS:
        # An option is one line and ends its line, so nothing in it can look like the rest.
        text = text.replace(re.escape(f"{place.upper()}-OPTION"), rf"(?P<{place}>[^\n\x1e\x1f]+)")
    return re.compile(text)


def _check_apart(arms: Mapping[str, Arm], path: Path) -> None:
    """Refuse two arms of which one's prompt could be read as the other's in another way."""
    patterns = {name: _pattern(arm) for name, arm in arms.items()}
    probes = ("This is one.", "That is another.")
    order = list(arms)
    for name, arm in arms.items():
        text = _join(render(arm.model_copy(update={"padding": None}), *probes).messages)
        for other, pattern in patterns.items():
            found = pattern.fullmatch(text)
            if found is None:
                continue
            if (found["first"], found["second"]) == probes and _alike(arm, arms[other]):
                continue
            earlier, later = sorted((name, other), key=order.index)
            raise ConfigError(
                f"its prompt can be taken for one of the arm {earlier}.",
                where=f"{path}, arm {later}",
            )


def _alike(one: Arm, other: Arm) -> bool:
    """Whether answers to two arms are read in the same way."""
    return (one.labels, one.neutral, one.response, one.reason_first) == (
        other.labels, other.neutral, other.response, other.reason_first,
    )  # fmt: skip
