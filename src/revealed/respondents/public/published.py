"""Published figures and the claims they belong to, from ``data/published/``.

The book's sentences take every published number from here, so that none is typed by hand.
"""

from __future__ import annotations

import string
from pathlib import Path

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.paths import project_root
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

FIGURES = Schema(
    "published figures",
    {
        "id": Column(
            "text", lambda s: s.str.fullmatch(r"[a-z0-9_.]+", na=True), "use a-z, 0-9, _ and ."
        ),
        "claim": Column(
            "text", lambda s: s.str.fullmatch(r"C\d+", na=True), "be C1, C2, …", optional=True
        ),
        "subject": Column("text"),
        "quantity": Column("text"),
        "value": Column("number"),
        "low": Column("number", optional=True),
        "high": Column("number", optional=True),
        "n": Column("count", optional=True),
        "unit": Column("text"),
        "source": Column("text"),
        "grade": Column(
            "text", lambda s: s.isin(["primary", "secondary"]), "be primary or secondary"
        ),
        "note": Column("text", optional=True),
    },
    key=("id",),
)
"""``source`` is a key of ``book/references.bib``; ``primary`` was read in the paper, its data or
its code, ``secondary`` in somebody's account of it."""

CLAIMS = Schema(
    "claims",
    {
        "id": Column("text", lambda s: s.str.fullmatch(r"C\d+", na=True), "be C1, C2, …"),
        "claim": Column("text"),
        "published": Column("text"),
        "methods": Column("text"),
        "source": Column("text", optional=True),
    },
    key=("id",),
)

ALIASES = Schema(
    "model aliases",
    {
        "alias": Column("text"),
        "model": Column("text"),
        "since": Column("text", lambda s: s.str.fullmatch(r"\d{4}-\d\d-\d\d"), "be YYYY-MM-DD"),
        "source": Column("text"),
        "grade": Column(
            "text", lambda s: s.isin(["primary", "secondary"]), "be primary or secondary"
        ),
        "note": Column("text", optional=True),
    },
    key=("alias", "since"),
)
"""Which ``model`` a name of an interface stood for, from the day ``since`` on."""


def _read(name: str, schema: Schema, root: Path | None) -> pd.DataFrame:
    path = (root or project_root()) / "data" / "published" / name
    return check(read_csv(path), schema, path)


def load_published(root: Path | None = None) -> pd.DataFrame:
    """Published figures: a row a figure (schema `FIGURES`), in the file's order.

    Raises
    ------
    DataError
        Naming file, row and column.
    """
    table = _read("figures.csv", FIGURES, root)
    off = table["low"].gt(table["value"]) | table["high"].lt(table["value"])
    if off.any():
        raise DataError(
            f"{table.loc[off, 'id'].iloc[0]}: the value lies outside its interval.",
            where="data/published/figures.csv",
        )
    return table


def load_aliases(root: Path | None = None) -> pd.DataFrame:
    """Which models names of an interface stood for in turn (schema `ALIASES`)."""
    return _read("model_aliases.csv", ALIASES, root)


def load_claims(root: Path | None = None) -> pd.DataFrame:
    """The claims under test, with the published figure as text built from `load_published`.

    Returns
    -------
    DataFrame
        ``id`` (C1 to C12), ``claim``, ``published`` (text, figures filled in), ``methods``
        (sections of METHODS that test it), ``source`` (citation keys, separated by spaces),
        ``grade`` (primary, secondary, both, or "" where there is no figure).

    Raises
    ------
    DataError
        If a text names a figure that is not there.
    """
    figures = load_published(root).set_index("id")
    claims = _read("claims.csv", CLAIMS, root)
    values = figures["value"].to_dict()
    grades, texts = [], []
    for claim, text in zip(claims["id"], claims["published"], strict=True):
        try:
            # {figure.id:format}; the ids hold dots, which str.format would read as attributes.
            texts.append(_Filler().vformat(text, (), values))
            used = [name for _, name, _, _ in string.Formatter().parse(text) if name]
        except (KeyError, ValueError) as error:
            raise DataError(
                f"claim {claim} names a figure that is not in figures.csv ({error}).",
                where="data/published/claims.csv",
            ) from error
        kinds = {str(figures.loc[name, "grade"]) for name in used}
        grades.append("both" if len(kinds) > 1 else "".join(kinds))
    return claims.assign(published=texts, grade=grades)


class _Filler(string.Formatter):
    def get_field(self, field_name, args, kwargs):  # type: ignore[no-untyped-def]
        return kwargs[field_name], field_name
