"""Which format a file has, told by its content, and its answers whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...foundation.errors import DataError, RevealedError
from ...foundation.schemas import CHOICES, check
from .inspect_read import read_inspect
from .json_files import parse_json, read_bytes
from .original_read import read_original
from .pairs import read_pairs
from .portable import Portable, checked, no_utilities, one_provenance
from .tables import SIDECAR, read_package

FORMATS = ("original", "inspect", "csv")


@dataclass(frozen=True)
class Names:
    """What the person calls it; None leaves it to the file."""

    respondent: str | None = None
    instrument: str | None = None
    arm: str | None = None


def read_answers(
    path: Path, names: Names | None = None, root: Path | None = None
) -> tuple[str, list[Portable]]:
    """The format of a file or folder and the answers in it.

    Raises
    ------
    DataError
        If it is of none of the formats, or off in any place.
    """
    told = names or Names()
    if not path.exists():
        raise DataError("there is no such file.", where=path, todo="Check the path.")
    if path.is_dir() or (path.suffix == ".csv" and _in_package(path)):
        return "csv", _renamed(read_package(path if path.is_dir() else path.parent), told, path)
    if path.suffix == ".csv":
        return "csv", _renamed(read_pairs(path, **asdict(told)), told, path)
    if path.suffix == ".parquet":
        return "parquet", _renamed(_parquet(path), told, path)
    if path.suffix == ".eval":
        return "inspect", _renamed(_inspect(path, told, root), told, path)
    content = parse_json(read_bytes(path), path)
    if isinstance(content, dict) and "eval" in content and "version" in content:
        return "inspect", _renamed(_inspect(path, told, root), told, path)
    if isinstance(content, dict) and "options" in content:
        known = _texts(told.instrument, root)
        return "original", [read_original(path, **asdict(told), known=known)]
    raise DataError(
        "is neither the original's results nor an inspect_ai log.",
        where=path,
        todo="The former has `options` and `utilities`, the latter `version`, `eval` and "
        "`samples`; a CSV file of choices ends in .csv.",
    )


def _in_package(path: Path) -> bool:
    return path.name in ("comparisons.csv", "utilities.csv") and (path.with_name(SIDECAR).is_file())


def _inspect(path: Path, told: Names, root: Path | None) -> list[Portable]:
    def find(messages: list[dict[str, str]], where: str) -> dict[str, Any] | None:
        return _by_words(messages, told.instrument, root)

    return read_inspect(path, respondent=told.respondent, find=find)


def _by_words(
    messages: list[dict[str, str]], instrument: str | None, root: Path | None
) -> dict[str, Any] | None:
    """Which question of `instrument` the messages are, from their words alone."""
    from ...instruments import load_instrument, read_prompt, unpad

    if instrument is None:
        return None
    try:
        arm, *shown = read_prompt(messages, root)
        texts = load_instrument(instrument, root).texts(arm.language, arm.rewording)
    except RevealedError:  # not the words of an arm, or not this instrument's language
        return None
    item = {text: str(name) for name, text in texts.items()}
    found = [item.get(text) or item.get(unpad(text, root)) for text in shown]
    if not all(found):
        return None
    return {
        "instrument": instrument, "arm": arm.name, "first": found[0], "second": found[1],
        "labels": list(arm.labels), "neutral": arm.neutral, "response": arm.response,
        "reason_first": arm.reason_first,
    }  # fmt: skip


def _texts(instrument: str | None, root: Path | None) -> Mapping[str, str]:
    from ...instruments import load_instrument

    if instrument is None:
        return {}
    try:
        return {str(t): str(i) for i, t in load_instrument(instrument, root).texts().items()}
    except RevealedError:  # an instrument that is not in this checkout
        return {}


def _parquet(path: Path) -> list[Portable]:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read as Parquet ({error}).", where=path, todo="Get the file again."
        ) from None
    table = check(table, CHOICES, path)
    found = []
    for key, rows in table.groupby(["respondent", "instrument", "arm"], sort=False):
        who, what, arm = map(str, key)
        provenance = one_provenance(rows["provenance"], who, path)
        choices = rows.assign(provenance=provenance)
        made = Portable(who, what, arm, provenance, {}, choices, no_utilities())
        found.append(checked(made, path))
    if not found:
        raise DataError("the table has no rows.", where=path)
    return found


def _renamed(found: list[Portable], names: Names, path: Path) -> list[Portable]:
    """The same under the names that the person gave, where there is one of what they name."""
    renamed = []
    for kind in ("respondent", "instrument", "arm"):
        wanted = getattr(names, kind)
        held = list(dict.fromkeys(getattr(p, kind) for p in found))
        if wanted is not None and held != [wanted]:
            if len(held) > 1:
                raise DataError(
                    f"holds several: {kind} {', '.join(held):.200}.",
                    where=path,
                    todo=f"Leave the {kind} to the file, or split it.",
                )
            renamed.append((kind, wanted))
    for kind, wanted in renamed:
        found = [_with(p, kind, wanted) for p in found]
    return found


def _with(p: Portable, kind: str, name: str) -> Portable:
    named: dict[str, Any] = {kind: name}
    tables = {"choices": p.choices, "utilities": p.utilities}
    told = {key: t.assign(**named) if len(t) else t for key, t in tables.items()}
    return replace(p, **named, **told)
