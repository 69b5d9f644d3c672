"""The pairs of the citizen assembly, put to a respondent as to itself (METHODS 13).

The instrument ``assembly_pairs`` has the proposals of the assembly's pairs for items and these
pairs for its design; ``split`` (train, pair, area) and ``pair`` are as in the question sets of
`assembly`, ``lean`` and ``authority`` those of the first proposal over the second.
"""

from __future__ import annotations

from pathlib import Path

from ..datasheet import Datasheet
from ..instrument import Instrument
from . import assembly, politics

NAMES: tuple[str, ...] = ("assembly_pairs",)


def build(name: str, folder: Path) -> Instrument:
    """The instrument `name`, in the order of the assembly's pairs.

    Raises
    ------
    ConfigError
        If the assembly's design, its margins or the proposals are wrong.
    """
    design, census = assembly.load_design(folder), assembly.census_of(folder)
    whole = politics.build(census.proposals, folder)
    pairs = assembly.choose_pairs(whole.items, design, folder / "assembly" / "design.yaml")
    named = [item for row in pairs.itertuples() for item in (row.first, row.second)]
    items = whole.items.loc[list(dict.fromkeys(named))]
    columns = ["first", "second", "pair", "split", "lean", "authority"]
    sheet = Datasheet(
        title=f"{design.title}: the same pairs, asked of the respondent itself",
        purpose="Asks a respondent for its own choice where the assembly has made one, to see how "
        "far the two agree.",
        construction=f"The pairs of the assembly ({design.construction})",
        limits=[
            "A pair on which the assembly is split says little about agreement with its majority.",
            *whole.datasheet.limits,
        ],
    )
    return Instrument(name, sheet.title, items, pairs[columns], sheet, tuple(items.index))
