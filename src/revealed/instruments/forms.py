"""Forms: the ways in which a single question is put, where no pair is compared.

A form is an entry of ``data/instruments/forms.yaml``. `render_question` fills its places, and
`read_question` is its exact inverse: it finds form and places in the text of the messages alone,
which is all that a simulated respondent is given. A form that is `verbatim` puts a text alone, as
it stands; any messages could be of it, so that `read_question` never finds it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..foundation.errors import ConfigError
from .arms import list_arms, load_arm, read_prompt, render
from .load import instruments_folder
from .reading import parse_yaml, read_text, validate

AnswerKind = Literal["yes_no", "number", "option", "text"]

MAX_LINE = 1000
"""Characters of a place that is one line."""

_PLACE = re.compile(r"\{(\w*)\}")
_RESERVED = {"question", "form"}
TOLD = "told"
"""Place of a verbatim form's system message."""


class Form(BaseModel):
    """One way of putting a question, validated.

    Attributes
    ----------
    name, title, purpose
        ``open_answer``; a short title; what the form is for.
    system, user
        The messages' templates; an empty `system` sends none. `user` holds any number of places
        ``{name}``, at most one a line.
    answer
        ``yes_no``; ``number`` from `low` to `high`; ``option``, one of `labels`; ``text``.
    blocks
        Places that may hold several lines. Each stands alone in its line, between a line
        ``<tag>`` and a line ``</tag>``.
    reason_first
        Whether reasons come before an option; the last option that is stated counts.
    verbatim
        Whether the text of the one place is the whole message, sent as it is; a system message
        stands in a second place, ``told``, which may be empty.
    from_probabilities
        Whether a number is read from the probabilities of the answer's first token, where the
        respondent gives them (`respondents.numeric_mass`).
    max_tokens
        The longest answer asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, Field(min_length=3)]
    purpose: Annotated[str, Field(min_length=20)]
    system: str = ""
    user: Annotated[str, Field(min_length=5)]
    answer: AnswerKind
    labels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    low: Annotated[float, Field(strict=False, allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(strict=False, allow_inf_nan=False)] | None = None
    blocks: Annotated[tuple[str, ...], Field(strict=False)] = ()
    reason_first: bool = False
    verbatim: bool = False
    from_probabilities: bool = False
    max_tokens: Annotated[int, Field(ge=1)] = 10

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places, in the order of the text."""
        found = tuple(_PLACE.findall(self.user))
        return (*found, TOLD) if self.verbatim else found

    @model_validator(mode="after")
    def _agree(self) -> Form:
        if _PLACE.search(self.system):
            raise ValueError("system: holds no places")
        if not self.places:
            raise ValueError("user: holds no place, so every question would be the same")
        if self.verbatim and (self.system or self.blocks or not _PLACE.fullmatch(self.user)):
            raise ValueError("verbatim: user is one place and nothing else, without a system text")
        lines = self.user.strip().split("\n")
        for line in lines:
            if len(_PLACE.findall(line)) > 1:
                raise ValueError(f"user: more than one place in the line {line!r}")
        for place in self.places:
            if not place or place in _RESERVED:
                raise ValueError(f"user: {{{place}}} cannot be the name of a place")
            if self.places.count(place) > 1:
                raise ValueError(f"user: must hold {{{place}}} once")
        for place in self.blocks:
            if place not in self.places:
                raise ValueError(f"blocks: user holds no place {{{place}}}")
            if not re.search(rf"(?:^|\n)<(\w+)>\n\{{{place}\}}\n</\1>(?:\n|$)", self.user):
                raise ValueError(
                    f"user: {{{place}}} must stand alone in its line, between a line <tag> and a "
                    "line </tag>"
                )
        self._agree_on_the_answer()
        return self

    def _agree_on_the_answer(self) -> None:
        if self.from_probabilities and self.answer != "number":
            raise ValueError("from_probabilities: only a number is read from probabilities")
        if self.reason_first and self.answer != "option":
            raise ValueError("reason_first: only an option is answered after reasons")
        if self.reason_first and self.max_tokens < 50:
            raise ValueError("max_tokens: too few for reasons")
        if (self.answer == "number") != (self.low is not None and self.high is not None):
            raise ValueError("low and high: a number has both, and no other answer has any")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("low: must be below high")
        if (self.answer == "option") != bool(self.labels):
            raise ValueError("labels: an option has labels, and no other answer has any")
        if self.answer == "option":
            if len({label.casefold() for label in self.labels}) < max(2, len(self.labels)):
                raise ValueError(f"labels: {list(self.labels)} are not two or more distinct labels")
            if any(not re.fullmatch(r"\w+", label) for label in self.labels):
                raise ValueError("labels: a label is one word")
            for label in self.labels:
                if label not in re.findall(r"\w+", _PLACE.sub("", self.user)):
                    raise ValueError(f"user: never names the label {label!r}")


@dataclass(frozen=True)
class QuestionPrompt:
    """What is sent, and what an answer to it may look like."""

    messages: list[dict[str, str]]
    answer: AnswerKind
    labels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    max_tokens: int = 10
    reason_first: bool = False
    from_probabilities: bool = False


class ReadQuestion(NamedTuple):
    """What `read_question` found: the form, and the text in each of its places."""

    form: Form
    places: dict[str, str]


def list_forms(root: Path | None = None) -> list[str]:
    """Names of the forms, in the file's order."""
    return list(_forms(_path(root)))


def load_form(name: str, root: Path | None = None) -> Form:
    """One form by its name.

    Raises
    ------
    ConfigError
        If there is no such form, or ``forms.yaml`` is wrong (with the entry and the field).
    """
    forms = _forms(_path(root))
    if name not in forms:
        raise ConfigError(
            f"there is no form {name!r}.", where=_path(root), todo=f"There are {', '.join(forms)}."
        )
    return forms[name]


def render_question(form: Form, places: Mapping[str, str]) -> QuestionPrompt:
    """The prompt that puts `places` (text by name, further names ignored) in the way of `form`.

    The text of a block is cleaned (see `block`) and cannot close its tags: every ``</`` in it is
    sent as ``<\\/``, which `read_question` undoes.

    Raises
    ------
    ConfigError
        If a place is missing, or one of a line is empty, over-long or not one line.
    """
    filled = {}
    for name in form.places:
        if name not in places:
            raise ConfigError(f"the place {name!r} is missing.", where=f"form {form.name}")
        text = places[name]
        if form.verbatim:
            _check_verbatim(text, name, f"form {form.name}, place {name}")
            filled[name] = text
        elif name in form.blocks:
            filled[name] = re.sub(r"<(\\*)/", r"<\\\1/", block(text))
        else:
            _check_line(text, f"form {form.name}, place {name}")
            filled[name] = text
    # One pass, so that braces in a text are text and never places.
    user = _PLACE.sub(lambda place: filled[place.group(1)], form.user.strip())
    system = filled[TOLD] if form.verbatim else form.system
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": user})
    return QuestionPrompt(
        messages, form.answer, form.labels, form.low, form.high, form.max_tokens,
        form.reason_first, form.from_probabilities,
    )  # fmt: skip


def read_question(messages: Sequence[Mapping[str, Any]], root: Path | None = None) -> ReadQuestion:
    """Find form and places in the text of `messages`: the inverse of `render_question`.

    Raises
    ------
    ConfigError
        If the messages are of no form.
    """
    text = _join(messages)
    for form, pattern in _patterns(_path(root)):
        if found := pattern.fullmatch(text):
            return ReadQuestion(form, _places(form, found))
    raise ConfigError("the messages are not a question of any form.", where=_path(root))


def read_verbatim(form: Form, messages: Sequence[Mapping[str, Any]]) -> ReadQuestion:
    """The places of a verbatim form in messages that are known to be of it.

    Raises
    ------
    ConfigError
        If the messages are not one question, after a system message or none.
    """
    roles = tuple(message["role"] for message in messages)
    if roles not in (("user",), ("system", "user")):
        raise ConfigError("the messages are not one question.", where=f"form {form.name}")
    told = str(messages[0]["content"]) if len(messages) > 1 else ""
    return ReadQuestion(form, {form.places[0]: str(messages[-1]["content"]), TOLD: told})


def block(text: str) -> str:
    """`text` as a block holds it: line breaks are plain ones, other control characters marked.

    Made for text of strangers; doing it twice changes nothing.
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") else "\ufffd"
        for c in plain
    )


def _check_verbatim(text: str, name: str, where: str) -> None:
    if not text.strip() and name != TOLD:
        raise ConfigError("is empty.", where=where)
    if any(unicodedata.category(c) == "Cs" or c == "\x00" for c in text):
        raise ConfigError("holds a character that cannot be sent.", where=where)


def _check_line(text: str, where: str) -> None:
    if not text.strip() or text != text.strip():
        raise ConfigError("is empty, or begins or ends with a space.", where=where)
    if len(text) > MAX_LINE:
        raise ConfigError(
            f"has {len(text)} characters; at most {MAX_LINE} are allowed.", where=where
        )
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
        raise ConfigError(
            "holds a line break, a tab or a control character.",
            where=where,
            todo="A place that holds several lines is one of the form's `blocks`.",
        )


def _places(form: Form, found: re.Match[str]) -> dict[str, str]:
    places = found.groupdict()
    return {
        name: re.sub(r"<\\(\\*)/", r"<\1/", text) if name in form.blocks else text
        for name, text in places.items()
    }


def _path(root: Path | None) -> Path:
    return instruments_folder(root) / "forms.yaml"


def _join(messages: Sequence[Mapping[str, Any]]) -> str:
    return "\x1e".join(f"{message['role']}\x1f{message['content']}" for message in messages)


def _forms(path: Path) -> dict[str, Form]:
    return _read_forms(path, path.stat().st_mtime_ns if path.is_file() else 0)


def _patterns(path: Path) -> tuple[tuple[Form, re.Pattern[str]], ...]:
    return _compile(path, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=8)
def _read_forms(path: Path, stamp: int) -> dict[str, Form]:
    """All forms of the file; `stamp` makes an edited file be read again."""
    entries = parse_yaml(read_text(path), path)
    forms: dict[str, Form] = {}
    for name, entry in entries.items():
        where = f"{path}, form {name}"
        if not isinstance(entry, dict):
            raise ConfigError("must hold names with values.", where=where)
        content = dict(entry)
        like = content.pop("like", None)
        if like is not None:
            if like not in forms:
                raise ConfigError(f"is like {like!r}, which is no form above it.", where=where)
            content = {**forms[like].model_dump(exclude={"name"}), **content}
        forms[str(name)] = validate(Form, {**content, "name": name}, where)
    _check_apart(forms, path)
    return forms


@lru_cache(maxsize=8)
def _compile(path: Path, stamp: int) -> tuple[tuple[Form, re.Pattern[str]], ...]:
    forms = _read_forms(path, stamp).values()
    return tuple((form, _pattern(form)) for form in forms if not form.verbatim)


def _pattern(form: Form) -> re.Pattern[str]:
    """The expression that matches the messages of a form."""
    user = re.escape(form.user.strip())
    for name in form.places:
        # A line ends where the next begins, and no block holds "</": one way to read it, or none.
        inner = r"(?:[^<\x1e\x1f]|<(?!/))*" if name in form.blocks else r"[^\n\x1e\x1f]+"
        user = user.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{inner})")
    system = re.escape(f"system\x1f{form.system}\x1e") if form.system else ""
    return re.compile(f"{system}user\x1f{user}")


def _check_apart(forms: Mapping[str, Form], path: Path) -> None:
    """Refuse a form whose prompt could be read as another form's or as a pair's, or the reverse."""
    root = path.parents[2]
    # Any messages could be of a verbatim form: nothing is ever read as one by its looks.
    forms = {name: form for name, form in forms.items() if not form.verbatim}
    patterns = {name: _pattern(form) for name, form in forms.items()}
    arms = {}
    for arm in list_arms(root):
        prompt = render(load_arm(arm, root), "This is one.", "That is another.")
        arms[arm] = _join(prompt.messages)
    order = list(forms)
    for name, form in forms.items():
        probes = {place: f"This is number {n}." for n, place in enumerate(form.places)}
        messages = render_question(form, probes).messages
        text = _join(messages)
        for other, pattern in patterns.items():
            if other != name and pattern.fullmatch(text):
                earlier, later = sorted((name, other), key=order.index)
                raise ConfigError(
                    f"its prompt can be taken for one of the form {earlier}.",
                    where=f"{path}, form {later}",
                )
        where = f"{path}, form {name}"
        for arm, asked in arms.items():
            if patterns[name].fullmatch(asked):
                raise ConfigError(f"takes the prompt of the arm {arm} for its own.", where=where)
        try:
            found = read_prompt(messages, root)
        except ConfigError:
            continue
        raise ConfigError(
            f"its prompt can be taken for one of the arm {found.arm.name}.", where=where
        )
