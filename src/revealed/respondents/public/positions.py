"""Published positions of parties and politicians, made by experts or from votes, never by a model.

They check a map of politics, and they are what simulated simulators know. No real model is shown
them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...foundation.errors import DataError
from ...foundation.paths import project_root
from ...foundation.schemas import Column, Schema, check
from ...instruments.experiments.entities import load_entities
from ...instruments.load import instruments_folder
from .delimited import read_csv

_SCALE = Column("number", lambda s: s.between(0, 10), "lie between 0 and 10")

PARTY_POSITIONS = Schema(
    "party positions",
    {
        "party": Column("text"),
        "country": Column(
            "text", lambda s: s.str.fullmatch(r"[a-z]{2}", na=True), "be two letters"
        ),
        "source": Column("text"),
        "lrgen": _SCALE,
        "galtan": _SCALE,
        "lrecon": _SCALE,
    },
    key=("country", "party"),
)
"""``lrgen`` left to right in general, ``galtan`` libertarian to authoritarian, ``lrecon`` left to
right in economic matters; ``source`` is a key of ``book/references.bib``."""


def load_party_positions(root: Path | None = None) -> pd.DataFrame:
    """Where experts put parties (schema `PARTY_POSITIONS`), in the file's order.

    Raises
    ------
    DataError
        Naming file, row and column.
    """
    path = (root or project_root()) / "data" / "published" / "party_positions.csv"
    return check(read_csv(path), PARTY_POSITIONS, path)


def load_entity_positions(root: Path | None = None) -> pd.DataFrame:
    """The entities of ``politics/entities.csv`` with their published positions, by name.

    Returns
    -------
    DataFrame
        who, kind, country, source; lrgen and galtan of parties (0 to 10), nominate of politicians
        (-1 to 1); left_right and authority, the same from -1 to 1 whatever the source (politicians
        have no authority). Missing where none is known.

    Raises
    ------
    ConfigError, DataError
        If a file is wrong, or an entity names a party without a position.
    """
    entities = load_entities(instruments_folder(root))
    parties = load_party_positions(root)
    parties.index = pd.Index(parties["country"] + ":" + parties["party"])
    named = entities["party"][entities["party"] != ""]
    if len(lost := named[~named.isin(parties.index)]):
        raise DataError(
            f"{lost.index[0]} names the party {lost.iloc[0]!r}, which has no position.",
            where="data/instruments/politics/entities.csv",
            todo="Write its row in data/published/party_positions.csv, or leave `party` empty.",
        )
    found = parties.reindex(entities["party"]).set_axis(entities.index)
    lrgen, galtan = found["lrgen"], found["galtan"]
    source = np.where(
        lrgen.notna(),
        found["source"],
        np.where(entities["nominate"].notna(), entities["source"], ""),
    )
    return entities.drop(columns="party").assign(
        lrgen=lrgen, galtan=galtan, source=source,
        left_right=((lrgen - 5) / 5).fillna(entities["nominate"]), authority=(galtan - 5) / 5,
    )  # fmt: skip
