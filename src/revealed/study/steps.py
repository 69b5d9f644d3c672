"""The steps of a run: ask a respondent, ask it about others' answers, fit its choices.

Each step reads files of the run and writes files of the run; doing it again asks only what is
missing and gives the same bytes.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from revealed.foundation.errors import BudgetError, RevealedError
from revealed.foundation.paths import atomic_write, slug
from revealed.foundation.provenance import versions
from revealed.foundation.schemas import ANSWER_KINDS, Provenance
from revealed.instruments import (
    ENGLISH,
    QuestionSet,
    load_arm,
    load_instrument,
    load_questions,
)

from .config import Cell
from .derived import DERIVED
from .plan import asked_questions, pair_counts, sampled_items, start_pairs
from .rounds import next_pairs
from .stopping import next_count, round_size

if TYPE_CHECKING:
    from revealed.respondents import Budget, Ledger, RespondentSpec
    from revealed.respondents.batch import Gathering

    from .run import Run

log = logging.getLogger(__name__)


def elicit_respondent(
    run: Run,
    respondent: str | RespondentSpec,
    *,
    instruments: Sequence[str] | None = None,
    max_cost: float | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Ask a respondent everything the study plans for it; only what is missing is asked.

    Parameters
    ----------
    run
        The run that keeps the answers.
    respondent
        A name from ``study.yaml`` or this run, or a description of a new one (which the run then
        remembers).
    instruments
        Names or patterns; default: all that the study plans.
    max_cost
        US dollars at most for the whole run, earlier answers included; what was answered before
        the limit is kept.
    progress
        Show bars with rate and time left.

    Returns
    -------
    The cells with their counts: instrument, arm, pairs (0 where single questions are asked),
    answers, neutral, refused, unparsed, failed.

    Raises
    ------
    ConfigError, RespondentError
        Before anything is spent.
    BudgetError
        When the limit is reached, or is zero.
    """
    spec = run.spec(respondent) if isinstance(respondent, str) else respondent
    asked: dict[str, Any] = {"instruments": instruments, "max_cost": max_cost, "progress": progress}
    if spec.batch is not None:
        return elicit_in_batches(run, [spec], **asked)[0]
    cells = _prepared(run, spec, instruments, max_cost)
    with run.ledger() as ledger:
        budget = ledger.budget(max_cost)
        return _visit(run, cells, ledger, budget, progress, None)


def elicit_in_batches(
    run: Run,
    specs: Sequence[RespondentSpec],
    *,
    instruments: Sequence[str] | None = None,
    max_cost: float | None = None,
    progress: bool = True,
) -> list[pd.DataFrame]:
    """Ask respondents by batch, together: one round is all that all of them lack.

    Parameters, results (in the order of `specs`) and errors as `elicit_respondent`.
    """
    from revealed.respondents.batch import in_rounds

    cells = [_prepared(run, spec, instruments, max_cost) for spec in specs]
    with run.ledger() as ledger:
        budget = ledger.budget(max_cost)
        visits = [
            (spec, partial(_visit, run, theirs, ledger, budget, progress))
            for spec, theirs in zip(specs, cells, strict=True)
        ]
        return in_rounds(visits, ledger, budget=budget)


def _prepared(
    run: Run, spec: RespondentSpec, instruments: Sequence[str] | None, max_cost: float | None
) -> list[Cell]:
    """The cells of a respondent, who can be asked them; a new one is remembered by the run."""
    from revealed.respondents.client import check_respondent

    refuse_empty_budget([spec], max_cost)
    cells = run.study.cells([spec], instruments)
    check_languages(run, cells)
    check_respondent(spec)
    if spec.name not in {entry.spec.name for entry in run.study.respondents}:
        run.add(spec)
    return cells


def _visit(
    run: Run, cells: Sequence[Cell], ledger: Ledger, budget: Budget, progress: bool,
    gathering: Gathering | None,
) -> pd.DataFrame:  # fmt: skip
    """Ask cell by cell; with `gathering`, cells that lack answers are left for the next visit."""
    from revealed.respondents.batch import Waiting

    rows = []
    for cell in cells:
        if cell.instrument in DERIVED and cell.asks_questions:
            continue  # made of answers that others may not have given yet: see `follow_up`
        try:
            if cell.asks_questions:
                questions = load_questions(cell.instrument, run.paths.root)
                if questions.questions.empty:
                    log.warning("%s: %s", cell.instrument, questions.datasheet.limits[0])
                counts = _ask_cell(run, cell, questions, ledger, budget, progress, gathering)
            else:
                table = _elicit_cell(run, cell, ledger, budget, progress, gathering)
                run.write_choices(table)
                counts = _counts(table)
        except Waiting:
            continue
        rows.append({"instrument": cell.instrument, "arm": cell.arm, **counts})
    return pd.DataFrame(rows, columns=_COUNTED)


def follow_up(
    run: Run,
    respondent: str | RespondentSpec,
    *,
    instruments: Sequence[str] | None = None,
    max_cost: float | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Ask a respondent the question sets made of earlier answers; only what is missing is asked.

    A set is made anew from what the run holds now, and kept as it was asked (`Run.questions`).
    Parameters, result and errors as `elicit_respondent`.
    """
    from revealed.respondents.batch import Waiting, in_rounds
    from revealed.respondents.client import check_respondent

    spec = run.spec(respondent) if isinstance(respondent, str) else respondent
    refuse_empty_budget([spec], max_cost)
    cells = [
        cell
        for cell in run.study.cells([spec], instruments)
        if cell.asks_questions and cell.instrument in DERIVED
    ]
    if not cells:
        return pd.DataFrame(columns=_COUNTED)
    check_respondent(spec)
    with run.ledger() as ledger:
        budget = ledger.budget(max_cost)

        def visit(gathering: Gathering | None) -> pd.DataFrame:
            rows = []
            for cell in cells:
                questions = DERIVED[cell.instrument].build(run, spec.name)
                try:
                    counts = _ask_cell(run, cell, questions, ledger, budget, progress, gathering)
                except Waiting:
                    continue
                asked = asked_questions(questions, cell, run.study.seed)
                run.write_questions(asked.questions, spec.name, cell.instrument)
                rows.append({"instrument": cell.instrument, "arm": cell.arm, **counts})
            return pd.DataFrame(rows, columns=_COUNTED)

        if spec.batch is None:
            return visit(None)
        return in_rounds([(spec, visit)], ledger, budget=budget)[0]


def _ask_cell(
    run: Run,
    cell: Cell,
    questions: QuestionSet,
    ledger: Ledger,
    budget: Budget,
    progress: bool,
    gathering: Gathering | None = None,
) -> dict[str, float]:
    """Ask a cell's questions, store the answers and count them."""
    from revealed.respondents.ask import ask

    asked = asked_questions(questions, cell, run.study.seed)
    table = ask(
        cell.respondent, asked, cell.design.samples, ledger,
        budget=budget, progress=progress, root=run.paths.root, gathering=gathering,
    )  # fmt: skip
    run.write_answers(table, cell.respondent.name, cell.instrument)
    kinds = table["kind"].value_counts()
    counts = {name: float(kinds.get(name, 0)) for name in ANSWER_KINDS}
    return {"pairs": 0.0, "answers": counts.pop("answered"), **counts}


def check_languages(run: Run, cells: Sequence[Cell]) -> None:
    """Say before anything is spent that an instrument has no texts for an arm."""
    for cell in cells:
        if cell.asks_questions:
            continue
        arm = load_arm(cell.arm, run.paths.root)
        if arm.language != ENGLISH or arm.rewording:
            load_instrument(cell.instrument, run.paths.root).texts(arm.language, arm.rewording)


def refuse_empty_budget(specs: Sequence[RespondentSpec], max_cost: float | None) -> None:
    """Say before anything else that a budget of nothing buys nothing."""
    paid = [spec.name for spec in specs if spec.provenance != "simulated"]
    if max_cost is not None and max_cost <= 0 and paid:
        raise BudgetError(
            f"a budget of {max_cost:g} buys no answer of {paid[0]}.",
            todo="Give a larger --max-cost; `revealed plan` prints what the study costs.",
        )


def run_respondents(
    run: Run,
    specs: Sequence[RespondentSpec],
    *,
    instruments: Sequence[str] | None = None,
    max_cost: float | None = None,
    progress: bool = True,
) -> None:
    """Ask and fit several respondents, one after another; all are checked before one is asked.

    Those that are asked by batch come last and together, because they wait for the same hours.
    Then whoever is asked about others' answers: those of `specs`, and the study's simulated ones,
    who cost nothing. A real one that is not named here is left for its own call.
    """
    from revealed.respondents.client import check_respondent

    refuse_empty_budget(specs, max_cost)
    run.study.cells(specs, instruments)
    for spec in specs:
        check_respondent(spec)
    asked: dict[str, Any] = {"max_cost": max_cost, "progress": progress}
    batched = [spec for spec in specs if spec.batch is not None]
    for group in [*([spec] for spec in specs if spec.batch is None), batched]:
        try:
            if group and group is batched:
                elicit_in_batches(run, group, instruments=instruments, **asked)
            elif group:
                elicit_respondent(run, group[0], instruments=instruments, **asked)
        finally:  # what was answered before a limit, an error or Ctrl-C is fitted too
            for spec in group:
                if (run.paths.folder / "choices" / slug(spec.name)).is_dir():
                    fit_respondent(run, spec.name)
    named = {spec.name: spec for spec in specs}
    simulated = [
        entry.spec.name
        for entry in run.study.respondents
        if entry.spec.provenance == "simulated" and entry.spec.name not in named
    ]
    for name in [*named, *simulated]:
        own = instruments if name in named else None
        follow_up(run, named.get(name, name), instruments=own, **asked)


def _elicit_cell(
    run: Run, cell: Cell, ledger: Ledger, budget: Budget, progress: bool,
    gathering: Gathering | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The start of a cell and its rounds, each chosen by what the earlier ones taught."""
    from revealed.respondents.elicit import elicit

    instrument = load_instrument(cell.instrument, run.paths.root)
    arm = load_arm(cell.arm, run.paths.root)
    items = sampled_items(instrument, cell.design.items, run.study.seed)
    pairs = start_pairs(cell, instrument, items, run.study.seed)

    def ask(pairs: pd.DataFrame) -> pd.DataFrame:
        spec = cell.respondent
        return elicit(
            spec, instrument, arm, pairs, ledger,
            budget=budget, progress=progress, gathering=gathering,
        )  # fmt: skip

    table = ask(pairs)
    if cell.design.design in ("listed", "random"):
        return table
    total, rounds = pair_counts(cell, len(items))["rounds"], rounds_of(cell)
    number, left = -1, total
    while left > 0:
        number += 1
        if number >= rounds and cell.respondent.batch is not None:
            break  # a cell that stops at a width would take smaller rounds, and each takes a day
        if not (planned := round_size(cell, total, rounds, number, left)):
            continue
        count = next_count(cell, items, table, planned)
        if not count:  # the intervals are as narrow as the study wants them
            break
        left -= count
        fresh = next_pairs(cell, items, table, count, seed=run.study.seed, round_number=number)
        if fresh.empty:
            break
        # All pairs again: a pair that is asked once more gets further samples, and what the ledger
        # has is not asked.
        pairs = pd.concat([pairs, fresh], ignore_index=True)
        table = ask(pairs)
    return table


def rounds_of(cell: Cell) -> int:
    """Rounds after the start: as the design says, and by batch no more than ``batch.rounds``."""
    batch = cell.respondent.batch
    return cell.design.rounds if batch is None else min(cell.design.rounds, batch.rounds - 1)


def _counts(table: pd.DataFrame) -> dict[str, float]:
    total = table[[name for name in table.columns if name.startswith("n_")]].sum()
    return {
        "pairs": len(table) / 2,
        "answers": float(total["n_first"] + total["n_second"]),
        "neutral": float(total["n_neutral"]),
        "refused": float(total["n_refused"]),
        "unparsed": float(total["n_unparsed"]),
        "failed": float(total["n_failed"]),
    }


def fit_respondent(
    run: Run, respondent: str, *, instruments: Sequence[str] | None = None
) -> pd.DataFrame:
    """Fit utilities to every cell of a respondent that has choices, and score them on the hold-out.

    Stores ``utilities.parquet``, ``fit.json`` (with the scores) and ``covariance.npy`` per cell.
    Calibration pairs share no items and are scored by the gate instead. A cell without one vote is
    listed and not fitted.

    Returns
    -------
    The fits: instrument, arm, items, pairs, converged, order_effect, accuracy, log_loss (missing
    where nothing was held out), linked (whether all items can be compared), problem (what a reader
    of the fit has to know).
    """
    provenance = run.provenance(respondent)
    cells = run.cells()
    cells = cells[(cells["respondent"] == respondent) & (cells["instrument"] != "calibration")]
    if instruments:
        cells = cells[cells["instrument"].isin(instruments)]
    rows: list[dict[str, Any]] = []
    for cell in cells.itertuples():
        choices = run.choices(respondent, cell.instrument, cell.arm)
        compared = sorted({*choices["first"], *choices["second"]})
        row = {"instrument": cell.instrument, "arm": cell.arm, "items": len(compared)}
        row |= {"pairs": len(choices) // 2, **_fit_cell(run, choices, compared, provenance)}
        rows.append(row)
    return pd.DataFrame(rows, columns=_FITTED)


_COUNTED = [
    "instrument", "arm", "pairs", "answers", "neutral", "refused", "unparsed", "failed",
]  # fmt: skip
_FITTED = [
    "instrument", "arm", "items", "pairs", "converged", "order_effect", "accuracy", "log_loss",
    "linked", "problem",
]  # fmt: skip


def _fit_cell(
    run: Run, choices: pd.DataFrame, compared: list[str], provenance: Provenance
) -> dict[str, Any]:
    from revealed.utilities import comparisons, fit
    from revealed.utilities.scores import heldout

    respondent, instrument, arm = choices.loc[0, ["respondent", "instrument", "arm"]]
    train = comparisons(choices, compared, role="train")
    if not len(train):
        return {"converged": False, "linked": True, "problem": "No answer was a choice."}
    reference = _reference(run, instrument, compared)
    fitted = fit(train, reference=reference)
    held = comparisons(choices, compared, role="holdout")
    categories = _categories(run, instrument, compared)
    scores = asdict(heldout(fitted, held, categories=categories)) if len(held) else {}
    # JSON has no NaN: a floor that does not apply is null.
    scores = {name: value if math.isfinite(value) else None for name, value in scores.items()}
    folder = run.write_utilities(fitted.table(respondent, instrument, arm, provenance))
    fitted.save(folder, scores=scores, versions=versions())
    # A quantity curve needs its goods linked, not each of their quantities; an instrument with
    # pairs of its own compares what it means to compare.
    linked = fitted.diagnostics.connected or run.has_goods(instrument) or run.has_pairs(instrument)
    return {
        "converged": fitted.converged,
        "order_effect": fitted.order_effect,
        "accuracy": scores.get("accuracy"),
        "log_loss": scores.get("log_loss"),
        "linked": linked,
        "problem": " ".join(fitted.diagnostics.messages()),
    }


def _categories(run: Run, name: str, items: Sequence[str]) -> list[str] | None:
    """The category of every item, for the category floor; None where it is not known of all."""
    try:
        known = load_instrument(name, run.paths.root).items["category"]
    except RevealedError:  # an imported instrument that is not in this checkout
        return None
    return list(known.loc[list(items)]) if set(items) <= set(known.index) else None


def _reference(run: Run, name: str, items: Sequence[str]) -> list[str] | None:
    """The gauge of a fit: the instrument's reference among these items, or all of them."""
    try:
        instrument = load_instrument(name, run.paths.root)
    except RevealedError:  # an imported instrument that is not in this checkout
        return None
    goods = instrument.items["good"]
    wanted = set(instrument.reference)
    chosen = [item for item in items if item in wanted or goods.get(item, "") in wanted]
    return chosen or None


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=1, sort_keys=True, default=float) + "\n", encoding="utf-8"
        )
