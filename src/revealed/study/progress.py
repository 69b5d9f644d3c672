"""How far a run is, cell by cell."""

from __future__ import annotations

import pandas as pd

from .plan import plan
from .run import Run


def status(run: Run) -> pd.DataFrame:
    """Planned and answered requests of every cell: a row a cell.

    Columns: respondent, instrument, arm, planned (where a cell stops at a width of intervals: at
    most, until it has stopped), answered, refused, unparsed, failed, state
    (``fitted``, ``asked``, ``under way``, ``waiting``). Answers of a cell that is not finished are
    in the ledger and are counted for the respondent's first unfinished cell.
    """
    from revealed.respondents import Ledger

    specs = [entry.spec for entry in run.study.respondents] + list(run.added().values())
    planned = plan(run.study, specs)
    held: dict[str, float] = {}
    if run.paths.ledger.is_file():
        with Ledger(run.paths.ledger) as ledger:
            counts = ledger.counts()
        held = counts.groupby("respondent")["n"].sum().to_dict()
    cells = list(planned[["respondent", "instrument", "arm"]].itertuples(index=False, name=None))
    finished = {cell: run.choices(*cell) for cell in cells if cell[2] and run.has(*cell)}
    answered = {
        cell: run.answers(*cell[:2]) for cell in cells if not cell[2] and run.has_answers(*cell[:2])
    }
    left = dict(held)
    stopping = {
        (cell.respondent.name, cell.instrument, cell.arm)
        for cell in run.study.cells(specs)
        if cell.design.stop is not None
    }
    spent = {}
    for cell in planned.itertuples():
        key = (cell.respondent, cell.instrument, cell.arm)
        if key in finished:
            spent[key] = cell.requests
            if key in stopping:
                counts = finished[key].filter(like="n_").to_numpy()
                # Probabilities, which are no whole numbers, are one request a row.
                sampled = bool((counts % 1 == 0).all())
                spent[key] = min(int(counts.sum()) if sampled else len(counts), cell.requests)
            left[key[0]] = left.get(key[0], 0) - spent[key]
        elif key in answered:
            left[key[0]] = left.get(key[0], 0) - len(answered[key])
    rows = []
    for cell in planned.itertuples():
        key = (cell.respondent, cell.instrument, cell.arm)
        row = {"respondent": key[0], "instrument": key[1], "arm": key[2], "planned": cell.requests}
        if key in finished:
            total = finished[key].filter(like="n_").sum()
            row |= {
                "planned": spent[key],
                "answered": spent[key],
                "refused": int(total["n_refused"]),
                "unparsed": int(total["n_unparsed"]),
                "failed": int(total["n_failed"]),
                "state": "fitted" if run.has(*key, kind="fit") else "asked",
            }
        elif key in answered:
            # How many questions a set made of earlier answers has is known once it was asked.
            kinds = answered[key]["kind"].value_counts()
            row["planned"] = row["answered"] = len(answered[key])
            row |= {name: int(kinds.get(name, 0)) for name in ("refused", "unparsed", "failed")}
            row["state"] = "asked"
        else:
            under_way = int(min(max(left.pop(key[0], 0), 0), cell.requests))
            row |= {
                "answered": under_way,
                "refused": 0,
                "unparsed": 0,
                "failed": 0,
                "state": "under way" if under_way else "waiting",
            }
        rows.append(row)
    return pd.DataFrame(rows)
