"""A run's tables from its stored answers, without asking anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from tqdm import tqdm

from revealed.foundation.errors import RevealedError
from revealed.foundation.paths import slug
from revealed.instruments import load_questions
from revealed.respondents.guise import controlled

from .derived import DERIVED
from .plan import asked_questions
from .steps import _ask_cell, _elicit_cell

if TYPE_CHECKING:
    from revealed.respondents import RespondentSpec

    from .config import Cell
    from .run import Run


def replay(
    run: Run, frozen: Path, given: Collection[str] = (), *, progress: bool = True
) -> dict[str, str]:
    """Write choices and answers of everyone whom the chain does not ask, from the ledger.

    The chain asks the study's simulated respondents, steers and asks some of them again; here
    come the real ones and those that the run added. Failed requests stay failed.

    Parameters
    ----------
    run
        A run with its ledger.
    frozen
        The folder of the run as it was; its tables say which cells were asked.
    given
        Respondents whose tables stand there already.

    Returns
    -------
    Cells that could not be made again, with the reason; empty if all is well.
    """
    specs = [spec for spec in apart(run) if spec.name not in given]
    failed: dict[str, str] = {}
    for spec in tqdm(specs, desc="replay", unit="respondent", disable=not progress):
        failed |= _replay(run, spec, frozen, derived=False)
    following = [spec for spec in specs if any(_cells(run, spec, frozen, derived=True))]
    if following:
        # Their questions are about what everybody answered, the simulated ones too.
        for entry in run.study.respondents:
            if entry.spec.provenance == "simulated":
                failed |= _replay(run, entry.spec, frozen, derived=False)
    for spec in tqdm(following, desc="follow up", unit="respondent", disable=not progress):
        failed |= _replay(run, spec, frozen, derived=True)
    return failed


def apart(run: Run) -> list[RespondentSpec]:
    """The known respondents whom the chain does not ask."""
    chained = {e.spec.name for e in run.study.respondents if e.spec.provenance == "simulated"}
    steered = set(run.study.controls.respondents) & chained if run.study.controls else set()
    known = {entry.spec.name: entry.spec for entry in run.study.respondents} | run.added()
    return [
        spec
        for name, spec in known.items()
        if name not in chained and (controlled(name) or ("", ""))[0] not in steered
    ]


def _cells(run: Run, spec: RespondentSpec, frozen: Path, *, derived: bool) -> Iterator[Cell]:
    """The cells of which `frozen` has a table, of the first pass or of the second."""
    tables = sorted(
        path
        for kind in ("choices", "answers")
        for path in (frozen / kind / slug(spec.name)).glob("*.parquet")
    )
    asked = {_instrument(table) for table in tables}
    if not asked:
        return
    for cell in run.study.cells([spec], sorted(asked)):
        follows = cell.asks_questions and cell.instrument in DERIVED
        if follows is derived and _table(run, cell).relative_to(run.paths.folder) in {
            path.relative_to(frozen) for path in tables
        }:
            yield cell


def _instrument(table: Path) -> str:
    return str(pd.read_parquet(table, columns=["instrument"])["instrument"].iloc[0])


def _table(run: Run, cell: Cell) -> Path:
    name = cell.respondent.name
    if cell.asks_questions:
        return run.paths.answers(name, cell.instrument)
    return run.paths.choices(name, cell.instrument, cell.arm)


def _replay(run: Run, spec: RespondentSpec, frozen: Path, *, derived: bool) -> dict[str, str]:
    failed = {}
    for cell in _cells(run, spec, frozen, derived=derived):
        try:
            _replay_cell(run, cell)
        except RevealedError as error:
            failed[_table(run, cell).relative_to(run.paths.folder).as_posix()] = str(error)
    return failed


def _replay_cell(run: Run, cell: Cell) -> None:
    from revealed.respondents.replay import NothingToSpend, Replay

    budget, visit = NothingToSpend(), Replay(cell.respondent)
    with run.ledger() as ledger:
        if not cell.asks_questions:
            run.write_choices(_elicit_cell(run, cell, ledger, budget, False, visit))
            return
        name = cell.respondent.name
        if cell.instrument not in DERIVED:
            questions = load_questions(cell.instrument, run.paths.root)
            _ask_cell(run, cell, questions, ledger, budget, False, visit)
            return
        questions = DERIVED[cell.instrument].build(run, name)
        _ask_cell(run, cell, questions, ledger, budget, False, visit)
        asked = asked_questions(questions, cell, run.study.seed)
        run.write_questions(asked.questions, name, cell.instrument)
