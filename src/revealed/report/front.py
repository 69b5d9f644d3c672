"""The front page: what the run found in a few sentences, and the table of claims."""

from __future__ import annotations

import html
from collections.abc import Iterable

import pandas as pd

from revealed.figures import page
from revealed.study import Run

from .claims import TESTS, VERDICTS, Claim, Judgement, Verdict, judge, load_claims

_UP = ".."


def claims_table(run: Run, findings: pd.DataFrame) -> str:
    """Every claim: published figure with grade, what each respondent showed, verdict."""
    parts = [_claim(claim, findings) for claim in load_claims(run.paths.root)]
    return f'<div class="rv-claims">{"".join(parts)}</div>'


def rules(run: Run) -> str:
    """Every claim's rule in words."""
    rows = "".join(
        f"<dt>{html.escape(claim.id)}</dt><dd>{html.escape(claim.says)}. "
        f"<em>{html.escape(TESTS[claim.id].says if claim.id in TESTS else 'Not tested yet.')}</em>"
        "</dd>"
        for claim in load_claims(run.paths.root)
    )
    return f'<dl class="rv-rules">{rows}</dl>'


def _claim(claim: Claim, findings: pd.DataFrame) -> str:
    judged = judge(claim.id, findings)
    kind = dict(zip(findings["respondent"], findings["provenance"], strict=True))
    real = {name: made for name, made in judged.items() if kind[name] != "simulated"}
    simulated = {name: made for name, made in judged.items() if kind[name] == "simulated"}
    where = TESTS.get(claim.id)
    chapter = (
        f' <a href="{_UP}/{where.chapter}.html">See the chapter.</a>' if where is not None else ""
    )
    rows = f"<dt>Published</dt><dd>{_published(claim)}</dd>"
    if where is None:
        rows += '<dt>This run</dt><dd class="rv-missing">not tested yet</dd>'
    else:
        none = '<span class="rv-missing">no answers of a real model in this run bear on it</span>'
        rows += f"<dt>Real models</dt><dd>{_lines(real, kind) or none}{chapter}</dd>"
    if simulated:
        count = len(simulated)
        rows += (
            f"<dt>Simulated</dt><dd><details><summary>{count} respondent{'s'[: count > 1]}: "
            f"{_tally(simulated.values())}</summary>{_lines(simulated, kind)}</details></dd>"
        )
    return (
        f'<section class="rv-claim" id="claim-{html.escape(claim.id.lower())}">'
        f'<div class="rv-claim-head"><span class="rv-claim-id">{html.escape(claim.id)}</span>'
        f"<strong>{html.escape(claim.says)}</strong>"
        f"<span>{' '.join(map(_mark, overall(real.values())))}</span></div>"
        f"<dl>{rows}</dl></section>"
    )


def _published(claim: Claim) -> str:
    if not claim.grades:
        return html.escape(claim.published)
    grades = f"({' and '.join(claim.grades)} source)"
    return f"{html.escape(claim.published)} {grades} {page.badge('published')}"


def overall(judged: Iterable[Judgement]) -> list[Verdict]:
    """The verdicts on real models, each once; *not tested* where there are none."""
    given = {made.verdict for made in judged}
    return [verdict for verdict in VERDICTS if verdict in given] or ["not tested"]


def _tally(judged: Iterable[Judgement]) -> str:
    given = [made.verdict for made in judged]
    return ", ".join(f"{given.count(v)} {v}" for v in VERDICTS if v in given)


def _mark(verdict: Verdict) -> str:
    return f'<span class="rv-verdict rv-verdict-{verdict.replace(" ", "-")}">{verdict}</span>'


def _lines(judged: dict[str, Judgement], kind: dict[str, str]) -> str:
    rows = []
    for name, made in judged.items():
        told = "; ".join(map(_finding, made.rests_on))
        because = f" <em>{html.escape(made.because)}</em>" if made.because else ""
        rows.append(
            f"<li>{page.badge(kind[name])} <code>{html.escape(name)}</code> "
            f"{told}{because} {_mark(made.verdict)}</li>"
        )
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _finding(row: pd.Series) -> str:
    what = str(row["estimand"]).split(".", 1)[-1].replace("_", " ")
    about = f", {row['subject']}" if row["subject"] else ""
    return html.escape(f"{what}{about}: {page.estimate(row)}")


def summary(run: Run, findings: pd.DataFrame) -> str:
    """What this run found, real models first."""
    return str(page.lead())
