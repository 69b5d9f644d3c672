"""Read what parties answered to voting advice applications of seven countries, as it is published.

Source: ProbVAA (``ceron2024``). Parties, not models, gave these answers. Each country has a file of
its own making: other columns, other words for the same answer, blanks around words, a party's
column twice (short and full name), the share of candidates who agree instead of the party alone.
All of them become one number from -1 (disagree) to 1 (agree).
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from ...foundation.errors import DataError
from ...foundation.paths import project_root
from ...foundation.schemas import Column, Schema, check
from .delimited import read_csv

VAA_COUNTRIES = ("ch", "de", "es", "hu", "it", "nl", "pl")
VAA_FILES = MappingProxyType({country: f"probvaa/{country}.csv" for country in VAA_COUNTRIES})
"""The file of parties' answers in the fetch cache, by country."""

_ANSWERS = {
    "completely agree": 1.0, "agree": 1.0, "rather agree": 0.5,
    "neutral": 0.0, "neither agree nor disagree": 0.0,
    "rather disagree": -0.5, "disagree": -1.0, "completely disagree": -1.0,
}  # fmt: skip
_GRADED = {"es": {"agree": 0.5, "disagree": -0.5}}
"""In Spain two more words stand beyond the plain ones, which are then half-hearted."""
_NO_ANSWER = "no opinion"
_POSITIONS = Schema(
    "party positions",
    {
        "party": Column("text"),
        "statementID": Column("count"),
        "position": Column("text"),
    },
    key=("party", "statementID"),
)


def import_vaa_positions(path: Path, country: str) -> pd.DataFrame:
    """What every party of a country answered to every statement.

    Returns
    -------
    DataFrame
        ``country``, ``party`` (as the file names it), ``statement`` (``nl_5``), ``answer`` (-1
        to 1; missing where a party has no opinion). In Switzerland it is the side of most of a
        party's candidates.

    Raises
    ------
    DataError
        Naming file, row and column: a column is missing, a word is no answer, a party answers a
        statement twice.
    """
    if country not in VAA_FILES:
        raise DataError(f"no country {country!r}; there are {', '.join(VAA_FILES)}.", where=path)
    raw = check(_read(path), _POSITIONS, path)
    if raw.empty:
        raise DataError("holds no answer.", where=path)
    meaning = {**_ANSWERS, **_GRADED.get(country, {}), _NO_ANSWER: float("nan")}
    words = raw["position"].str.strip()
    unknown = ~words.isin(meaning)
    if unknown.any():
        row = int(unknown.to_numpy().argmax())
        raise DataError(
            f"column position: {words.iloc[row]!r} is no answer.", where=f"{path}, row {row + 1}",
            todo=f"Answers are {', '.join(meaning)}.",
        )  # fmt: skip
    return pd.DataFrame(
        {
            "country": country,
            "party": raw["party"].str.strip(),
            "statement": [f"{country}_{int(number)}" for number in raw["statementID"]],
            "answer": words.map(meaning).astype(float),
        }
    )


def _read(path: Path) -> pd.DataFrame:
    """The file as text; the second of two columns called ``party`` is the full name, and goes."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error, ValueError):
        return read_csv(path)  # which says what is wrong
    if header.count("party") != 2:
        return read_csv(path)
    second = len(header) - 1 - header[::-1].index("party")
    for number, cells in enumerate(rows, start=1):
        if len(cells) != len(header):
            raise DataError(
                f"has {len(cells)} cells where the header has {len(header)}.",
                where=f"{path}, row {number}",
            )
    kept = [k for k in range(len(header)) if k != second]
    told = [[row[k] or None for k in kept] for row in rows]
    return pd.DataFrame(told, columns=[header[k] for k in kept], dtype=object)


_PLACED = Column("count", lambda s: s <= 10, "be at most 10")
_PARTIES = Schema(
    "placed parties",
    {
        "country": Column(
            "text", lambda s: s.isin(VAA_COUNTRIES), f"be one of {', '.join(VAA_COUNTRIES)}"
        ),
        "party": Column("text"),
        "election": Column("count"),
        "source": Column("text", lambda s: s.str.fullmatch(r"ches\d{4}", na=True), "be chesYYYY"),
        "placed_as": Column("text"),
        "lrgen": _PLACED,
        "galtan": _PLACED,
        "lrecon": _PLACED,
        "note": Column("text", optional=True),
    },
    key=("country", "party", "source"),
)


def load_vaa_parties(root: Path | None = None, *, nearest: bool = True) -> pd.DataFrame:
    """Where experts put the parties of the voting advice applications (``vaa_parties.csv``).

    Parameters
    ----------
    nearest
        Keep one survey a party: the one nearest its election. Otherwise all of them.

    Returns
    -------
    DataFrame
        country, party (as in `import_vaa_positions`), election, survey (years), source, placed_as
        (the experts' name for it), ``lrgen`` (left 0 to right 10), ``galtan`` (libertarian 0 to
        authoritarian 10), ``lrecon`` (economic left to right), note.

    Raises
    ------
    DataError
        Naming file, row and column.
    """
    path = (root or project_root()) / "data" / "published" / "vaa_parties.csv"
    table = check(read_csv(path), _PARTIES, path)
    table["survey"] = table["source"].str[-4:].astype(int)
    if not nearest:
        return table
    away = (table["survey"] - table["election"]).abs()
    first = table.assign(away=away).sort_values(["country", "party", "away"], kind="stable")
    return (
        first.drop_duplicates(["country", "party"]).drop(columns="away").sort_index()
        .reset_index(drop=True)
    )  # fmt: skip
