"""A run's answers and utilities in the formats that others use, a cell at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from revealed.foundation.errors import ConfigError, DataError, RevealedError
from revealed.foundation.paths import slug
from revealed.instruments import Arm, Instrument, load_arm, load_instrument, render
from revealed.respondents import Ledger
from revealed.respondents.door import Door
from revealed.respondents.elicit import COUNTS, cells_of, count
from revealed.respondents.formats import (
    Asked,
    Portable,
    write_inspect,
    write_original,
    write_package,
    write_questions,
)
from revealed.respondents.formats.portable import no_choices, no_utilities
from revealed.respondents.guise import dress, guise_of
from revealed.respondents.spec import RespondentSpec

from .config import nearest
from .run import Run

To = Literal["original", "inspect", "csv"]
_MODES: tuple[Literal["sample", "logprob"], ...] = ("sample", "logprob")


def export_answers(
    run: Run,
    folder: Path,
    to: To,
    *,
    respondents: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
) -> list[Path]:
    """Write choices and utilities of a run into `folder`.

    ``original`` writes two JSON files a cell, ``inspect`` a log and the questions as a data set a
    cell, ``csv`` three tables and a sidecar for all cells.

    Returns
    -------
    The files.

    Raises
    ------
    ConfigError
        If the run holds no such cell.
    DataError
        If a cell lacks what the format needs; what was written before stands whole.
    """
    found = list(portables(run, respondents, instruments, arms))
    if to == "csv":
        shown = {name: _arm_facts(run, name) for name in dict.fromkeys(p.arm for p in found)}
        return write_package(found, folder, shown)
    files: list[Path] = []
    for portable in found:
        if to == "original":
            files += write_original(portable, folder)
        else:
            files += _write_log(run, portable, folder)
    return files


def portables(
    run: Run,
    respondents: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
) -> Iterator[Portable]:
    """What the run holds of these respondents, instruments and arms; None takes all.

    Raises
    ------
    ConfigError
        If there is nothing of one of these names, or nothing of them together.
    """
    stored = pd.concat([run.cells("choices"), run.cells("utilities")]).drop_duplicates()
    for column, wanted in (
        ("respondent", respondents), ("instrument", instruments), ("arm", arms),
    ):  # fmt: skip
        for name in wanted or ():
            if name not in set(stored[column]):
                held = [str(held) for held in dict.fromkeys(stored[column])]
                raise ConfigError(
                    f"run {run.name!r} holds no answers of the {column} {name!r}.",
                    todo=nearest(name, held) or "`revealed status` lists what it holds.",
                )
        if wanted:
            stored = stored[stored[column].isin(list(wanted))]
    if stored.empty:
        raise ConfigError(
            f"run {run.name!r} holds no such answers.", todo="`revealed status` lists what it has."
        )
    for row in stored.itertuples():
        yield _portable(run, str(row.respondent), str(row.instrument), str(row.arm))


def _portable(run: Run, respondent: str, instrument: str, arm: str) -> Portable:
    place = respondent, instrument, arm
    choices = run.choices(*place) if run.has(*place) else no_choices()
    utilities = run.utilities(*place) if run.has(*place, kind="utilities") else no_utilities()
    about: dict[str, Any] = {}
    texts: dict[str, str] = {}
    if (told := run.paths.texts(*place)).is_file():
        came = json.loads(told.read_text(encoding="utf-8"))
        about, texts = came["about"], came["texts"]
    spec = _spec(run, respondent)
    if spec is not None:
        about |= {
            "model": spec.model, "temperature": spec.temperature, "max_tokens": spec.max_tokens,
        }  # fmt: skip
    if run.has(*place, kind="fit"):
        facts = json.loads((run.paths.utilities(*place) / "fit.json").read_text(encoding="utf-8"))
        about["fit"] = {n: facts[n] for n in ("link", "order_effect", "variances", "converged")}
    made = Portable(*place, run.provenance(respondent), texts, choices, utilities, about)
    known = _known_texts(run, instrument, arm)
    shown = {item: texts.get(item) or known.get(item, "") for item in made.items}
    return replace(made, texts=shown)


def _spec(run: Run, respondent: str) -> RespondentSpec | None:
    if respondent in run.public_respondents:
        return None
    return run.spec(respondent)


def _known_texts(run: Run, instrument: str, arm: str) -> dict[str, str]:
    """The instrument's texts as this arm shows them; none of an instrument from elsewhere."""
    try:
        known, way = load_instrument(instrument, run.paths.root), load_arm(arm, run.paths.root)
        return {str(i): str(t) for i, t in known.texts(way.language, way.rewording).items()}
    except RevealedError:  # an imported instrument that is not in this checkout
        return {}


def _arm_facts(run: Run, name: str) -> dict[str, Any]:
    try:
        arm = load_arm(name, run.paths.root)
    except RevealedError:  # an arm of somebody else
        return {}
    return {
        "title": arm.title, "purpose": arm.purpose, "language": arm.language,
        "labels": list(arm.labels), "neutral": arm.neutral, "response": arm.response,
    }  # fmt: skip


# --- logs -----------------------------------------------------------------------------------------


def _write_log(run: Run, portable: Portable, folder: Path) -> list[Path]:
    place = portable.respondent, portable.instrument, portable.arm
    name = ".".join(map(slug, place))
    asked = asked_of(run, portable)
    stored = run.paths.choices(*place)
    stored = stored if stored.is_file() else run.paths.utilities(*place) / "utilities.parquet"
    created = datetime.fromtimestamp(int(stored.stat().st_mtime), UTC).isoformat()
    files = [folder / f"{name}.json"]
    write_inspect(portable, asked, files[0], created)
    if asked:
        files.append(folder / f"{name}.questions.jsonl")
        write_questions(portable, asked, files[1])
    return files


def asked_of(run: Run, portable: Portable) -> list[Asked]:
    """Every order of every pair with its prompt, and the raw answers where the ledger has them.

    Answers are taken only if they give the stored counts, read as texts or as log-probabilities;
    else the counts stand alone.

    Raises
    ------
    DataError
        If the prompts cannot be written again: an arm or texts that are not in this checkout, or
        an order of listing that is not known.
    """
    if portable.choices.empty:
        return []
    if not portable.order_known:
        raise DataError(
            f"nobody knows which option was listed first to {portable.respondent}, so its "
            "questions cannot be written down.",
            where=portable.instrument,
            todo="Export as csv or original.",
        )
    try:
        arm = load_arm(portable.arm, run.paths.root)
        bare = [_bare(portable, arm, row) for row in portable.choices.to_dict("records")]
    except RevealedError as error:
        raise DataError(
            f"the questions of {portable.instrument}, arm {portable.arm}, cannot be written again "
            f"({error.what})",
            where=portable.respondent,
            todo="Export as csv or original, which need no prompts.",
        ) from None
    spec = _spec(run, portable.respondent)
    if spec is None or not run.paths.ledger.is_file():
        return bare
    try:
        instrument = load_instrument(portable.instrument, run.paths.root)
        with run.ledger() as ledger:
            # What is simulated may draw by a seed of its own or by the study's.
            for seed, mode in product((run.study.seed, spec.seed), _MODES):
                seeded = spec.model_copy(update={"seed": seed})
                said = _said(bare, seeded, instrument, arm, portable.choices, ledger, mode)
                if said is not None:
                    return said
    except RevealedError:  # a provider or an instrument that was edited since
        pass
    return bare


def _bare(portable: Portable, arm: Arm, row: dict[str, Any]) -> Asked:
    first, second = str(row["first"]), str(row["second"])
    words = [portable.texts.get(item) or item for item in (first, second)]
    counts = {name: float(row[name]) for name in COUNTS}
    return Asked(first, second, str(row["role"]), render(arm, *words), [], counts)


def _said(
    bare: Sequence[Asked],
    spec: RespondentSpec,
    instrument: Instrument,
    arm: Arm,
    choices: pd.DataFrame,
    ledger: Ledger,
    mode: Literal["sample", "logprob"],
) -> list[Asked] | None:
    """The raw answers behind the counts; None if the ledger's do not give these counts."""
    weight = spec.effective_samples if mode == "logprob" else 1.0
    totals = choices[list(COUNTS)].sum(axis=1) / weight
    pairs = choices[["first", "second", "role"]].assign(samples=totals.round())
    pairs = pairs[pairs["samples"] > 0]
    # Both orders of a pair are asked alike, and `cells_of` makes both.
    once = ~pairs[["first", "second"]].apply(frozenset, axis=1).duplicated()
    found = {
        (cell.first, cell.second): cell
        for cell in cells_of(Door(spec), instrument, arm, pairs[once], logprob=mode == "logprob")
    }
    keys = [request.key for cell in found.values() for request in cell.requests]
    answers = ledger.get(keys)
    guise = guise_of(spec)
    told = []
    for one in bare:
        cell = found.get((one.first, one.second))
        requests = cell.requests if cell is not None else []
        mine = [answers[r.key] for r in requests if r.key in answers]
        counts = count(mine, one.prompt, mode, weight)
        if any(abs(counts[name] - one.counts[name]) > 1e-9 for name in COUNTS):
            return None
        prompt = replace(one.prompt, messages=dress(one.prompt.messages, guise))
        told.append(replace(one, prompt=prompt, answers=mine, mode=mode, weight=weight))
    return told
