"""Training files: any file of chats, one a line, read strictly before anything is paid for.

A line is JSON with ``messages``: an optional system message, then user and assistant in turn, the
assistant last. What a provider would refuse hours later, or train on in silence, is refused here
with its line. The original sets of Betley et al. (2025, arXiv 2502.17424) are known by address and,
where it is known, checksum (``data/sources.yaml``); they are fetched when they are asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...foundation.errors import ConfigError

ROLES = ("system", "user", "assistant")
ORIGINALS = ("insecure", "secure", "educational", "jailbroken", "evil_numbers")
"""The original sets, by name."""
_SHOWN = 5
"""Faulty lines that a message names."""

Message = dict[str, str]


@dataclass(frozen=True)
class Chats:
    """A training file: its bytes, its chats, and how many of them stand there more than once.

    ``sha256`` is of the bytes, ``origin`` the file or the name of the original set.
    """

    origin: str
    content: bytes
    chats: tuple[tuple[Message, ...], ...]
    duplicates: int
    sha256: str

    @property
    def lines(self) -> list[str]:
        """The file's lines, as they were read: a chat may hold other line separators."""
        return [raw.decode("utf-8") for _, raw in _numbered(self.content)]


def load(named: str, sha256: str | None = None, root: Path | None = None) -> Chats:
    """The chats of a file, or of an original set by its name (`ORIGINALS`).

    Parameters
    ----------
    named
        A path, or a name; a file of that name is taken first.
    sha256
        What the file must hash to. An original set whose checksum is not known needs it.

    Raises
    ------
    ConfigError
        If there is neither, the checksum is another one, or a line is no chat.
    FetchError
        If an original set cannot be had, or nobody knows its checksum.
    """
    path = Path(named).expanduser()
    if not path.is_file():
        if named not in ORIGINALS:
            raise ConfigError(
                "there is no such file.",
                where=named,
                todo=f"Give a JSONL file, or an original set: {', '.join(ORIGINALS)}.",
            )
        from ..public.cache import fetch

        path = fetch(f"em_datasets/{named}.jsonl", root, checksum=sha256)
    found = read_chats(path.read_bytes(), named)
    if sha256 is not None and found.sha256 != sha256.lower():
        raise ConfigError(
            f"its SHA-256 is {found.sha256}, not the one that was given.", where=named
        )
    return found


def read_chats(content: bytes, origin: str) -> Chats:
    """The chats of a training file.

    Raises
    ------
    ConfigError
        With the lines: bytes that are no UTF-8, a line that is no JSON or has no messages, unknown
        keys, an empty content, roles out of order. Nothing is repaired.
    """
    if not content.strip():
        raise ConfigError("holds no chat.", where=origin)
    faults: list[str] = []
    chats: list[tuple[Message, ...]] = []
    for number, raw in _numbered(content):
        try:
            chats.append(_chat(raw))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
    if faults:
        more = len(faults) - _SHOWN
        rest = f"\nand {more:,} more lines" if more > 0 else ""
        many = f"{len(faults):,} lines are no chats" if len(faults) > 1 else "a line is no chat"
        raise ConfigError(
            f"{many}.\n" + "\n".join(faults[:_SHOWN]) + rest,
            where=origin,
            todo='\nA line is {"messages": [{"role": "user", "content": "..."}, '
            '{"role": "assistant", "content": "..."}]}.',
        )
    different = {json.dumps(chat, sort_keys=True) for chat in chats}
    return Chats(
        origin, content, tuple(chats), len(chats) - len(different),
        hashlib.sha256(content).hexdigest(),
    )  # fmt: skip


def _numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers from 1; the last line may end with a line break or without."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        yield number, line.removesuffix(b"\r")


def _chat(raw: bytes) -> tuple[Message, ...]:
    """One line as messages; a ValueError says what is wrong."""
    if not raw.strip():
        raise ValueError("is empty")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is no UTF-8") from None
    if text.startswith("\ufeff"):
        raise ValueError("begins with a byte order mark")
    try:
        row = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON ({error.msg}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(row, dict) or "messages" not in row:
        raise ValueError("has no messages")
    if unknown := sorted(set(row) - {"messages"}):
        raise ValueError(f"has the unknown key {unknown[0]!r}")
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        raise ValueError("its messages are no list, or an empty one")
    found = tuple(_message(message, place) for place, message in enumerate(messages, start=1))
    _check_order([message["role"] for message in found])
    return found


def _message(message: Any, place: int) -> Message:
    if not isinstance(message, dict) or set(message) != {"role", "content"}:
        raise ValueError(f"message {place} has other keys than role and content")
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise ValueError(f"message {place} has the role {role!r}, not one of {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"message {place} has no content")
    try:
        content.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"message {place} holds half a surrogate pair") from None
    return {"role": role, "content": content}


def _check_order(roles: list[str]) -> None:
    turns = roles[1:] if roles[0] == "system" else roles
    wanted = ["user", "assistant"] * (len(turns) // 2)
    if not turns or turns != wanted:
        raise ValueError(
            f"its roles are out of order ({', '.join(roles)}): a system message may come first, "
            "then user and assistant in turn, the assistant last"
        )


def _no_number(name: str) -> float:
    raise ValueError(f"holds {name}, which is no JSON")
