"""Read JSON of strangers: each name once, of a stated shape, errors with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ...foundation.errors import DataError

T = TypeVar("T")
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Shape(BaseModel):
    """Part of a file: nothing is turned into another type, and what we do not read is passed by."""

    model_config = ConfigDict(strict=True)


class Counts(Shape):
    """What became of the answers to one order of a pair."""

    first: Count
    second: Count
    neutral: Count = 0.0
    refused: Count = 0.0
    unparsed: Count = 0.0
    failed: Count = 0.0


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def parse_json(content: bytes, where: str | Path) -> Any:
    """The value of a JSON text.

    Raises
    ------
    DataError
        Naming `where` and the line, if it is truncated or no JSON, or an object names something
        twice.
    """
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8.", where=where) from None
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated") or error.pos >= len(error.doc.rstrip())
        raise DataError(
            f"ends before the JSON does ({error.msg})." if cut else f"is not JSON ({error.msg}).",
            where=f"{where}, line {error.lineno}",
            todo="It may be a download that was cut; get the file again.",
        ) from None
    except _Twice as error:
        raise DataError(
            f"an object has {error.args[0]!r} twice.", where=where, todo="Keep one of them."
        ) from None
    except RecursionError:
        raise DataError("is nested too deeply to be read.", where=where) from None


def read_bytes(path: Path) -> bytes:
    """The file's bytes.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error}).", where=path) from None


def shaped(value: Any, shape: TypeAdapter[T], where: str | Path, what: str) -> T:
    """`value` as `shape`.

    Raises
    ------
    DataError
        Naming the field, if it is not `what`.
    """
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        given = repr(first["input"])
        found = f", found {given:.60}" if len(given) < 200 else ""
        raise DataError(
            f"does not follow the format of {what}: {first['msg']}{found}.",
            where=f"{where}, {place}" if place else where,
        ) from None
