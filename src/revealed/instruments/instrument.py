"""What an instrument is: stimuli with their facts, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..foundation.errors import ConfigError
from .datasheet import Datasheet
from .languages import ENGLISH

_DEFAULTS: dict[str, Any] = {
    "item": "", "text": "", "category": "", "kind": "", "good": "", "measure": "",
    "quantity": float("nan"), "sign": 1, "role": "", "alias_of": "",
}  # fmt: skip

MOST_REWORDINGS = 5
"""Ways of saying the same as an item that an instrument may have besides the one written first."""


@dataclass(frozen=True)
class Instrument:
    """Stimuli with what a reader must know of them.

    Attributes
    ----------
    name, title
        ``countries.lives_saved``; "Countries: lives saved".
    items
        One row an option. Index ``item``: the stable id. Columns: ``text``; ``category``; ``kind``
        (outcome, good, dollar, calibration, or an experiment's own); ``good`` and ``measure`` (""
        if none); ``quantity`` (NaN if none; dollars for anchors, minutes for happiness); ``sign``
        (-1 where less is better); ``role`` ("" or placebo: an invented good, or a second name of
        another);
        ``alias_of`` ("" or the good this is another name of). An experiment's items may carry
        further columns, which its measure reads.
    pairs
        The pairs of the design ``listed``, or None: item ids in the first two columns (``better``
        and ``worse`` in calibration), further columns as the experiment needs them.
    datasheet
        Purpose, construction and known limits.
    reference
        The gauge subset: goods for exchange instruments, item ids otherwise.
    translate
        From a language and items to their texts, where the instrument has other languages; see
        `texts`.
    rewordings
        The same items in other words, where the instrument has such: index ``item``, a column for
        each number from 1.
    """

    name: str
    title: str
    items: pd.DataFrame
    pairs: pd.DataFrame | None
    datasheet: Datasheet
    reference: tuple[str, ...]
    translate: Callable[[str, pd.DataFrame], pd.Series] | None = None
    rewordings: pd.DataFrame | None = None

    def texts(self, language: str = ENGLISH, rewording: int = 0) -> pd.Series:
        """The text of every item in `language` (ISO 639-1), by item id.

        `rewording` 0 is the text as written; from 1 on the same in other words.

        Raises
        ------
        ConfigError
            If the instrument, or one of its items, is not translated, or not reworded.
        """
        if rewording:
            if self.rewordings is None or rewording not in self.rewordings:
                raise ConfigError(
                    f"the instrument {self.name!r} has no rewording {rewording}.",
                    todo="Ask it in an arm without `rewording`, or ask an instrument that has it.",
                )
            if language != ENGLISH:
                raise ConfigError(
                    f"the rewordings of {self.name!r} are in English; the arm asks in "
                    f"{language!r}.",
                    todo="Ask for a rewording or for another language, not for both.",
                )
            return self.rewordings[rewording]
        if language == ENGLISH:
            return self.items["text"]
        if self.translate is None:
            raise ConfigError(
                f"the instrument {self.name!r} is not translated; the arm asks in {language!r}.",
                todo="Ask it in an English arm, or translate it (data/instruments/README.md).",
            )
        return self.translate(language, self.items)


def item_table(rows: Sequence[Mapping[str, Any]], path: Path) -> pd.DataFrame:
    """The item table of an instrument from one mapping an option; see `Instrument.items`.

    A column that a row lacks gets its default; columns beyond the known ones are kept.

    Raises
    ------
    ConfigError
        If two rows have the same id.
    """
    further = dict.fromkeys(name for row in rows for name in row if name not in _DEFAULTS)
    columns = {
        name: [row.get(name, default) for row in rows]
        for name, default in {**_DEFAULTS, **further}.items()
    }
    items = pd.DataFrame(columns).set_index("item")
    if items.index.has_duplicates:
        name = items.index[items.index.duplicated()][0]
        raise ConfigError(f"two options go by the id {name!r}; reword one of them.", where=path)
    items["quantity"] = items["quantity"].astype(float)
    return items
