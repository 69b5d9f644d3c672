"""Write every file of the explorer for a run."""

from __future__ import annotations

import html
import json
import math
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from revealed.foundation.errors import RevealedError
from revealed.foundation.paths import slug
from revealed.instruments import Instrument, load_arm, load_instrument
from revealed.measures import measurable
from revealed.respondents.raw import RawAnswers
from revealed.study import Run

from . import answers, cells, encode
from .schema import (
    ArmEntry,
    CellEntry,
    ChapterEntry,
    Findings,
    Has,
    Index,
    InstrumentEntry,
    Items,
    Respondent,
)

FOLDER = "explore"
"""Where the files lie below the run's folder in the site."""
SCRIPTS = (
    "data.js", "state.js", "model.js", "draw.js", "combobox.js", "figure.js", "table.js",
    "behind.js", "page.js",
)  # fmt: skip
"""The page's own scripts, in the order in which they must run."""


def write(run: Run, folder: Path) -> Index:
    """Write the files of `run` into `folder`, the index last, and return the index."""
    shutil.rmtree(folder, ignore_errors=True)
    raw = RawAnswers(run.paths.ledger)
    findings = run.findings()
    every = _every_rate(run)
    book = _Book(folder, run)
    stored = _stored(run)
    for respondent, instrument, arm, has in tqdm(stored, "explore", unit="cell", disable=None):
        book.add(respondent, instrument, arm, has, raw, findings, every)
    chapters = [
        _chapter(run, folder, str(name), rows)
        for name, rows in findings.groupby("chapter", sort=True)
    ]
    gates = _gates(findings)
    index = Index(
        run=run.name,
        fast=run.fast,
        respondents=[
            Respondent(name=name, provenance=run.provenance(name), gate=gates.get(name, ""))
            for name in book.respondents
        ],
        instruments=list(book.instruments.values()),
        arms=[_arm(name, run.paths.root) for name in book.arms],
        cells=book.cells,
        chapters=chapters,
    )
    encode.save(folder, "index", index)
    return index


def entry(run: Run, site_folder: str, up: str = "..") -> str:
    """The markup that starts the explorer on a page one folder below the site's root."""
    data = html.escape(f"{up}/{site_folder}/{FOLDER}", quote=True)
    static = f"{up}/_static/explore"
    scripts = [f"{static}/{SCRIPTS[0]}", f"{data}/index.js"]
    scripts += [f"{static}/{name}" for name in SCRIPTS[1:]]
    tags = "".join(f'<script defer src="{address}"></script>' for address in scripts)
    return (
        f'<link rel="stylesheet" href="{static}/explore.css">'
        f'<div id="explorer" class="tex2jax_ignore mathjax_ignore" data-folder="{data}" '
        f'data-run="{html.escape(run.name, quote=True)}">'
        '<p class="rv-missing" id="explore-waiting">This page draws its figures with scripts of '
        "its own. If nothing follows, scripts are off or a file is missing: the same numbers are "
        'under <a href="downloads.html">Downloads</a>.</p></div>'
        f"{tags}"
    )


# ------------------------------------------------------------------------------------------- cells


@dataclass
class _Book:
    """What has been written so far."""

    folder: Path
    run: Run
    respondents: dict[str, int] = field(default_factory=dict)
    arms: dict[str, int] = field(default_factory=dict)
    instruments: dict[str, InstrumentEntry] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    cells: list[CellEntry] = field(default_factory=list)

    def add(
        self,
        respondent: str,
        instrument: str,
        arm: str,
        has: set[str],
        raw: RawAnswers,
        findings: pd.DataFrame,
        every: pd.DataFrame,
    ) -> None:
        run = self.run
        choices = run.choices(respondent, instrument, arm) if "choices" in has else None
        utilities = run.utilities(respondent, instrument, arm) if "utilities" in has else None
        provenance = run.provenance(respondent)
        known = _instrument(instrument, run.paths.root)
        self._items(instrument, known, choices, utilities)
        listed = self.listed[instrument]
        why = "" if choices is None else measurable.reason(choices)
        silent = answers.why_silent(provenance, raw, choices)
        made = cells.cell(choices, utilities, listed, provenance=provenance, why=why)
        names = [listed[place] for place in made.items]
        name = f"cells/{slug(respondent)}/{slug(instrument)}.{slug(arm)}"
        kinds: list[Has] = ["choices"] if choices is not None else []
        kinds += ["utilities"] if utilities is not None else []
        if "utilities" in has and not why:
            of = (every["respondent"] == respondent) & (every["instrument"] == instrument)
            if arm == "forced" and of.any():
                priced = findings["estimand"] == "exchange.log_price"
                for column, value in (("respondent", respondent), ("instrument", instrument)):
                    priced &= findings[column] == value
                if (table := cells.rates(every[of], findings[priced])) is not None:
                    encode.save(self.folder, f"{name}.rates", table)
                    kinds.append("rates")
            if run.has(respondent, instrument, arm, "fit"):
                apart = cells.differences(run.fit(respondent, instrument, arm), names)
                if apart is not None:
                    encode.save(self.folder, f"{name}.differences", apart)
                    kinds.append("differences")
        starts: list[int] = []
        if not silent and made.pairs is not None:
            starts, silent = self._answers(respondent, known, arm, made.pairs, names, raw, name)
            kinds += ["answers"] if starts else []
        encode.save(
            self.folder, name, made.model_copy(update={"silent": silent, "answers_from": starts})
        )
        self.cells.append(
            CellEntry(
                respondent=self.respondents.setdefault(respondent, len(self.respondents)),
                instrument=list(self.instruments).index(instrument),
                arm=self.arms.setdefault(arm, len(self.arms)),
                file=name,
                has=kinds,
            )
        )

    def _items(
        self,
        name: str,
        known: Instrument | None,
        choices: pd.DataFrame | None,
        utilities: pd.DataFrame | None,
    ) -> None:
        """The instrument's file, once; grown where options turn up that it does not list."""
        if name in self.listed and known is not None:
            return
        listed = list(known.items.index) if known is not None else self.listed.get(name, [])
        content: Items
        if known is not None:
            content = cells.items(known)
        else:
            seen: dict[str, None] = dict.fromkeys(listed)
            if utilities is not None:
                seen.update(dict.fromkeys(utilities["item"]))
            if choices is not None:
                seen.update(dict.fromkeys([*choices["first"], *choices["second"]]))
            listed = list(seen)
            content = cells.unlisted(listed)
        self.listed[name] = [str(item) for item in listed]
        file = f"items/{slug(name)}"
        encode.save(self.folder, file, content)
        title = known.title if known is not None else name
        self.instruments[name] = InstrumentEntry(name=name, title=title, items=file)

    def _answers(
        self,
        respondent: str,
        known: Instrument | None,
        arm: str,
        pairs: Any,
        names: list[str],
        raw: RawAnswers,
        file: str,
    ) -> tuple[list[int], str]:
        """Write the raw answers; the first pair of each file, and why there are none."""
        gone = "The prompts of these pairs cannot be written again from this checkout."
        if known is None:
            return [], gone
        try:
            spec, way = self.run.spec(respondent), load_arm(arm, self.run.paths.root)
            said = answers.said_to(pairs, names, spec, known, way, raw)
        except RevealedError:  # an instrument, arm or respondent that was edited since
            return [], gone
        if not any(said):
            return [], "The ledger holds no answers in the words that this checkout would use."
        starts = []
        for k, content in enumerate(answers.files(said)):
            encode.save(self.folder, f"{file}.answers-{k}", content)
            starts.append(content.start)
        return starts, ""


def _stored(run: Run) -> list[tuple[str, str, str, set[str]]]:
    """Every cell of the run and what is stored of it, real respondents first."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for kind in ("choices", "utilities"):
        for row in run.cells(kind).itertuples():
            found.setdefault((row.respondent, row.instrument, row.arm), set()).add(kind)
    order = {"elicited": 0, "public": 1, "published": 2, "simulated": 3}
    rank = {name: order[run.provenance(name)] for name in dict.fromkeys(key[0] for key in found)}
    keys = sorted(found, key=lambda key: rank[key[0]])
    return [(*key, found[key]) for key in keys]


@cache
def _instrument(name: str, root: Path) -> Instrument | None:
    try:
        return load_instrument(name, root)
    except RevealedError:  # an imported instrument that is not in this checkout
        return None


def _arm(name: str, root: Path) -> ArmEntry:
    try:
        arm = load_arm(name, root)
    except RevealedError:  # an arm that was taken out since
        return ArmEntry(name=name, title=name, purpose="")
    return ArmEntry(name=name, title=arm.title, purpose=arm.purpose)


def _every_rate(run: Run) -> pd.DataFrame:
    """The exchange chapter's table of all rates; empty where the chapter made none."""
    path = run.paths.tables("exchange") / "every_rate.csv"
    names = ["good", "per", "rate", "rate_low", "rate_high", "bound", "respondent", "instrument"]
    if not path.is_file():
        return pd.DataFrame(columns=names)
    table = pd.read_csv(path, keep_default_na=False, na_values={"rate": [""]})
    for name in ("rate", "rate_low", "rate_high"):
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def _gates(findings: pd.DataFrame) -> dict[str, str]:
    """Why a respondent fails the gate, by name."""
    judged = findings[findings["estimand"].isin(["gate.measurable", "gate.length"])]
    failed = judged[judged["estimate"] == 0]
    return {
        str(name): "; ".join(dict.fromkeys(encode.text(str(note)) for note in rows["note"] if note))
        or "see Coherence"
        for name, rows in failed.groupby("respondent")
    }


# ---------------------------------------------------------------------------------------- findings


def _chapter(run: Run, folder: Path, name: str, rows: pd.DataFrame) -> ChapterEntry:
    file = f"findings/{slug(name)}"
    encode.save(folder, file, findings_file(rows))
    page, title = _page(run.paths.root, name)
    return ChapterEntry(name=name, title=title, page=page, file=file, findings=len(rows))


def findings_file(rows: pd.DataFrame) -> Findings:
    """Findings (a row each, `read_findings`) as columns."""
    columns: dict[str, Any] = {}
    for name in (
        "estimand", "respondent", "subject", "instrument", "arm", "unit", "method", "provenance",
        "note",
    ):  # fmt: skip
        plural = f"{name}s"
        texts = [str(value) for value in rows[name]]
        columns[plural], columns[name] = encode.coded(texts)
        if name != "provenance":
            columns[plural] = [encode.text(text) for text in columns[plural]]
    for name in ("estimate", "low", "high"):
        columns[name] = encode.numbers(
            None if value is None or math.isnan(float(value)) else value for value in rows[name]
        )
    return Findings(**columns, n=[int(value) for value in rows["n"]])


def _page(root: Path, chapter: str) -> tuple[str, str]:
    """Address and title of the chapter that writes these findings."""
    for path in sorted((root / "notebooks").glob("*/*.ipynb")):
        text = path.read_text(encoding="utf-8")
        if f'write_findings(\\"{chapter}\\"' in text:
            for part in json.loads(text)["cells"]:
                for line in "".join(part["source"]).splitlines():
                    if part["cell_type"] == "markdown" and line.startswith("# "):
                        address = path.relative_to(root).with_suffix(".html").as_posix()
                        return address, line[2:].strip()
    return "", chapter.replace("_", " ").capitalize()
