"""The generated parts of the prose pages, each one HTML snippet that a page takes in.

Every text that comes from a file or a respondent is escaped on its way.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from revealed.figures import page
from revealed.foundation.errors import RevealedError
from revealed.foundation.paths import atomic_write
from revealed.foundation.schemas import PROVENANCES
from revealed.instruments import (
    ENGLISH,
    Instrument,
    QuestionSet,
    instruments_folder,
    list_instruments,
    list_languages,
    list_questions,
    load_instrument,
    load_language,
    load_questions,
)
from revealed.measures import multiplicity
from revealed.study import Run

from . import api, archive, chain, costs, dictionary, explore, front, launch

_UP = ".."  # the pages that take these in lie in book/
_MEANING = {
    "elicited": "answers of a model, asked in this run",
    "public": "answers or fitted utilities of a real model that others published, analyzed here",
    "published": "a figure from the literature, shown as it was published",
    "simulated": "answers of a program of ours with known preferences; no model",
}


def generate(run: Run, folder: Path) -> None:
    """Write every snippet of the book for `run` into `folder`."""
    findings = run.findings()
    made: dict[str, Callable[[], str]] = {
        "summary": lambda: front.summary(run, findings),
        "figures": lambda: front.figures(run, findings),
        "claims": lambda: front.claims_table(run, findings),
        "rules": lambda: front.rules(run),
        "badges": lambda: badges(findings),
        "gate": gate,
        "tried": lambda: tried(findings),
        "chain": lambda: chain_picture(run),
        "datasheets": lambda: datasheets(run),
        "dictionary": dictionary.dictionary,
        "scale": lambda: costs.scale(run.paths.root),
        "explore": lambda: explore.entry(run, archive.site_folder(run)),
        "archive": lambda: archive_link(run),
        "launch": lambda: launch.links(run.paths.root),
        "cost_calls": lambda: costs.calls(run.paths.root),
        "cost_fits": lambda: costs.refits(run.paths.root),
        "cost_newcomer": lambda: costs.newcomer(run.paths.root),
        "cost_batch": lambda: costs.batch(run.paths.root),
        "cost_client": lambda: costs.client(run.paths.root),
        "cost_ledger": lambda: costs.ledger(run.paths.root),
        "cost_storm": lambda: costs.storm(run.paths.root),
        "tables": lambda: table_list(run),
        "findings": lambda: finding_list(run),
        "record": lambda: record(run),
    }
    for name, make in made.items():
        with atomic_write(folder / f"{name}.html") as temporary:
            temporary.write_text(make() + "\n", encoding="utf-8")
    api.generate(folder)


def badges(findings: pd.DataFrame) -> str:
    """The legend of the badges, with the number of findings of each provenance in this run."""
    counts = findings["provenance"].value_counts()
    rows = [
        {
            "badge": page.badge(kind),
            "meaning": _MEANING[kind],
            "findings in this run": int(counts.get(kind, 0)),
        }
        for kind in PROVENANCES
    ]
    return str(page.table(pd.DataFrame(rows), "Provenances", provenance=PROVENANCES))


def gate() -> str:
    """The thresholds of the gate, as the code has them."""
    from revealed.measures import order

    rows = [
        (
            "answers that are choices, at least",
            page.number(round(100 * order.ANSWERED_NEEDED), "percent"),
        ),
        (
            "calibration pairs answered rightly, at least",
            page.number(round(100 * order.CALIBRATION_NEEDED), "percent"),
        ),
        (
            "correlation of content preference across orders, at least",
            page.number(order.CORRELATION_NEEDED),
        ),
        ("pairs answered in both orders, at least", page.number(order.PAIRS_NEEDED)),
    ]
    cells = "".join(
        f"<tr><th scope='row'>{html.escape(what)}</th>"
        f"<td class='rv-number'>{html.escape(value)}</td></tr>"
        for what, value in rows
    )
    return (
        f'<div class="rv-table rv-plain"><div class="rv-scroll"><table>{cells}</table></div></div>'
    )


def tried(findings: pd.DataFrame) -> str:
    """How many findings of each family were tried, and how many stand after adjustment."""
    counts = multiplicity.tally(findings)
    if counts.empty:
        return str(page.note("No finding of this run is one of a family."))
    called = {
        "family": "family", "tried": "tried", "unadjusted": "stand alone",
        "stand": "stand after adjustment", "provenance": "",
    }  # fmt: skip
    return str(page.table(counts, "Findings tried, by family", columns=called))


def chain_picture(run: Run) -> str:
    """The chain as Snakemake would run it; a checkout without Snakemake's file says so."""
    root = run.paths.root
    if not (root / "workflow" / "Snakefile").is_file():
        return str(
            page.note("This checkout has no workflow/Snakefile, so there is no chain to draw.")
        )
    drawn = chain.draw(chain.read_dag(chain.snakemake_dag(root, run.name)))
    return (
        f'<figure class="rv-figure rv-plain"><div class="rv-chain">{drawn}</div>'
        "<figcaption>The steps of this run as Snakemake's own job graph has them; jobs of one kind "
        "are drawn as one box with their number.</figcaption></figure>"
    )


def datasheets(run: Run) -> str:
    """One section an instrument or a question set: purpose, construction, size and limits."""
    root, parts = run.paths.root, []
    named: list[tuple[str, Callable[[str, Path], Instrument | QuestionSet]]] = [
        *((name, load_instrument) for name in list_instruments(root)),
        *((name, load_questions) for name in list_questions(root)),
    ]
    for name, load in named:
        try:
            parts.append(_datasheet(load(name, root)))
        except RevealedError as error:  # from a public source that is out of reach
            parts.append(_section(name, str(page.note(f"Not available here: {error.what}"))))
    folder = instruments_folder(run.paths.root)
    parts += [_language(code, folder) for code in list_languages(folder) if code != ENGLISH]
    return "".join(parts)


def _datasheet(asked: Instrument | QuestionSet) -> str:
    """The section of an instrument or of a question set."""
    sheet = asked.datasheet
    if isinstance(asked, QuestionSet):
        count = len(asked.questions)
        held = f"{count:,} questions" if count else "no question: its public source is not at hand"
    else:
        kinds = asked.items["kind"].value_counts()
        held = ", ".join(f"{count:,} × {kind}" for kind, count in kinds.items())
    limits = "".join(f"<li>{_prose(limit)}</li>" for limit in sheet.limits)
    body = (
        f"<p>{_prose(sheet.purpose)}</p><p>{_prose(sheet.construction)}</p>"
        f"<p>Holds {html.escape(held)}.</p><p>Known limits:</p><ul>{limits}</ul>"
    )
    return _section(f"{sheet.title} ({asked.name})", body)


def _language(code: str, folder: Path) -> str:
    """The datasheet of a language: how its texts were made, and who has read them."""
    spoken = load_language(code, folder)
    limits = "".join(f"<li>{_prose(limit)}</li>" for limit in spoken.limits)
    body = (
        f"<p>{_prose(spoken.purpose)}</p><p>{_prose(spoken.construction)}</p>"
        f"<p>Review: {_prose(spoken.review)}</p><p>Known limits:</p><ul>{limits}</ul>"
    )
    return _section(f"{spoken.title} ({code})", body)


def _prose(text: str) -> str:
    """A datasheet's text, escaped; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _section(title: str, body: str) -> str:
    return f'<details class="rv-sheet"><summary>{html.escape(title)}</summary>{body}</details>'


def archive_link(run: Run) -> str:
    """The link to the run's archive."""
    name = archive.archive_name(run)
    return (
        f'<p><a download href="{_UP}/{html.escape(archive.site_folder(run))}/{html.escape(name)}">'
        f"{html.escape(name)}</a></p>"
    )


def table_list(run: Run) -> str:
    """Links to every chapter's tables."""
    return _links(run, (run.paths.folder / "tables").glob("*/*.csv"), "tables")


def finding_list(run: Run) -> str:
    """Links to every chapter's findings."""
    return _links(run, (run.paths.folder / "findings").glob("*.jsonl"), "findings")


def _links(run: Run, files: Iterable[Path], what: str) -> str:
    rows = []
    for path in sorted(files):
        below = path.relative_to(run.paths.folder).as_posix()
        address = html.escape(f"{_UP}/{archive.site_folder(run)}/{below}", quote=True)
        name = below.removeprefix(f"{what}/")
        with path.open(encoding="utf-8") as handle:
            count = sum(1 for _ in handle) - (path.suffix == ".csv")
        rows.append(
            f'<tr><td><a download href="{address}">{html.escape(name)}</a></td>'
            f'<td class="rv-number">{count:,}</td></tr>'
        )
    if not rows:
        return str(page.note(f"This run has no {what}."))
    return (
        '<div class="rv-table rv-plain"><div class="rv-scroll"><table><thead><tr><th>file</th>'
        f'<th class="rv-number">rows</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        "</div></div>"
    )


def record(run: Run) -> str:
    """Commit, seed and versions, and the public files with their checksums."""
    made = run.record("report", {"study.yaml": run.study.root / "study.yaml"})
    facts: dict[str, Any] = {"run": run.name, "commit": made["commit"], "seed": made["seed"]}
    facts |= {f"{name} (version)": value for name, value in made["versions"].items()}
    facts["study.yaml (SHA-256)"] = made["inputs"].get("study.yaml", "")
    for file, row in sorted(run.public().items()):
        facts[f"{file} (SHA-256)"] = row["sha256"] if row["available"] else row["why"]
    cells = "".join(
        f'<tr><td class="rv-any">{html.escape(str(name))}</td>'
        f'<td class="rv-any">{html.escape(_plain(value))}</td></tr>'
        for name, value in facts.items()
    )
    return (
        '<div class="rv-table rv-plain"><div class="rv-scroll"><table><thead><tr><th>what</th>'
        f"<th>value</th></tr></thead><tbody>{cells}</tbody></table></div></div>"
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
