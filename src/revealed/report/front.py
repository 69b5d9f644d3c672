"""The front page: what the run found in a few sentences, and the table of claims."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable

import pandas as pd
from matplotlib.figure import Figure

from revealed.figures import page, politics_questionnaire
from revealed.foundation.schemas import PROVENANCES
from revealed.respondents.guise import controlled
from revealed.respondents.public import load_claims
from revealed.study import Run

from .claims import TESTS, VERDICTS, Judgement, Verdict, judge

_UP = ".."


def claims_table(run: Run, findings: pd.DataFrame) -> str:
    """Every claim: published figure with grade, what each respondent showed, verdict."""
    claims = load_claims(run.paths.root)
    parts = [_claim(run, claim, findings) for _, claim in claims.iterrows()]
    return f'<div class="rv-claims">{"".join(parts)}</div>'


def rules(run: Run) -> str:
    """Every claim's rule in words."""
    rows = "".join(
        f"<dt>{html.escape(claim['id'])}</dt><dd>{html.escape(claim['claim'])}. "
        f"<em>{html.escape(_rule(claim['id']))}</em></dd>"
        for _, claim in load_claims(run.paths.root).iterrows()
    )
    return f'<dl class="rv-rules">{rows}</dl>'


def _rule(claim: str) -> str:
    return TESTS[claim].says if claim in TESTS else "Not tested yet."


def _to(run: Run, chapter: str) -> str:
    """A link to a chapter ("values/coherence"), in the words of its title."""
    path = run.paths.root / "notebooks" / f"{chapter}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
    heads = (line for cell in cells for line in cell["source"] if line.startswith("# "))
    title = next(heads, "# Chapter").removeprefix("#").strip()
    return f'<a href="{_UP}/notebooks/{chapter}.html">{html.escape(title)}</a>'


def _claim(run: Run, claim: pd.Series, findings: pd.DataFrame) -> str:
    judged = judge(claim["id"], findings)
    kind = _provenances(judged, findings)
    names = sorted(judged, key=lambda name: min(map(PROVENANCES.index, kind[name])))
    real = {name: judged[name] for name in names if kind[name] != ["simulated"]}
    simulated = {name: judged[name] for name in names if kind[name] == ["simulated"]}
    where = TESTS.get(claim["id"])
    chapter = "" if where is None else f" {_to(run, where.chapter.removeprefix('notebooks/'))}"
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
    name = html.escape(claim["id"])
    return (
        f'<section class="rv-claim" id="claim-{name.lower()}">'
        f'<div class="rv-claim-head"><span class="rv-claim-id">{name}</span>'
        f"<strong>{html.escape(claim['claim'])}</strong>"
        f"<span>{' '.join(map(_mark, overall(real.values())))}</span></div>"
        f"<dl>{rows}</dl></section>"
    )


def _provenances(judged: dict[str, Judgement], findings: pd.DataFrame) -> dict[str, list[str]]:
    """Where the findings behind each judgement come from."""
    kinds = {}
    for name, made in judged.items():
        used = {str(row["provenance"]) for row in made.rests_on}
        used = used or set(findings.loc[findings["respondent"] == name, "provenance"])
        kinds[name] = [kind for kind in PROVENANCES if kind in used]
    return kinds


def _published(claim: pd.Series) -> str:
    if not claim["grade"]:
        return html.escape(claim["published"])
    grade = {"both": "primary and secondary sources"}.get(
        claim["grade"], f"{claim['grade']} source"
    )
    return f"{html.escape(claim['published'])} ({grade}) {page.badge('published')}"


def overall(judged: Iterable[Judgement]) -> list[Verdict]:
    """The verdicts on real models, each once; *not tested* where there are none."""
    given = {made.verdict for made in judged}
    return [verdict for verdict in VERDICTS if verdict in given] or ["not tested"]


def _tally(judged: Iterable[Judgement]) -> str:
    given = [made.verdict for made in judged]
    return ", ".join(f"{given.count(v)} {v}" for v in VERDICTS if v in given)


def _mark(verdict: Verdict) -> str:
    return f'<span class="rv-verdict rv-verdict-{verdict.replace(" ", "-")}">{verdict}</span>'


def _lines(judged: dict[str, Judgement], kind: dict[str, list[str]]) -> str:
    rows: list[str] = []
    undecided: list[str] = []
    for name, made in judged.items():
        numbers = (row for row in made.rests_on if row["unit"] != _YES_OR_NO)
        told = "; ".join(map(_finding, numbers))
        because = f" <em>{html.escape(made.because)}</em>" if made.because else ""
        line = (
            f"<li>{page.badge(kind[name])} <code>{html.escape(name)}</code> "
            f"{told}{because} {_mark(made.verdict)}</li>"
        )
        (undecided if made.verdict == "not tested" else rows).append(line)
    listed = f"<ul>{''.join(rows)}</ul>" if rows else ""
    if undecided:
        count = len(undecided)
        who = "more" if rows else f"respondent{'s'[: count > 1]}"
        listed += (
            f"<details><summary>{count} {who} not tested</summary>"
            f"<ul>{''.join(undecided)}</ul></details>"
        )
    return listed


_YES_OR_NO = "1 or 0"
"""Unit of what a verdict or its reason says in words."""
_WORDS = {
    "agreement.pearson": "correlation with {subject}",
    "coherence.capability_correlation": "{subject}, correlation",
    "coherence.cycle_expected": "expected cycle probability",
    "coherence.heldout_accuracy": "held-out accuracy",
    "control.agreement_gain": "agreement gained, {subject}",
    "control.moved": "moved, {subject}",
    "convergence.within_category": "within categories, with {subject}",
    "corrigibility.resistance": "resistance for each unit at stake",
    "exchange.rate": "{subject}",
    "exchange.unequal": "share of countries called unequal",
    "framing.factor": "factor by which framing moves rates",
    "framing.moved": "share of variance moved by framing",
    "misalignment.contrast": "difference {subject}",
    "misalignment.rate": "misaligned among coherent answers",
    "misalignment.topics": "share of topics with a misaligned answer",
    "order.effect": "order effect",
    "order.effect_floor": "by sampling noise alone",
    "politics.axis_balanced": "balanced score from 0 to 100, {subject}",
    "politics.coherence": "share foretold by its side in other areas",
    "politics.left_right": "left (below 0) to right (above)",
    "politics.wording.left_right": "left to right over wordings",
    "self.over_people": "log price of itself over an average person",
    "self.people_below": "people placed below an AI",
    "self.role_effect": "self effect in role reversal",
    "stated.denial": "share of revealed differences that are denied",
    "wording.correlation": "correlation of utilities, {subject}",
}
"""What findings are called where they carry a verdict; others by the end of their name."""


def _finding(row: pd.Series) -> str:
    plain = str(row["estimand"]).split(".", 1)[-1].replace("_", " ")
    subject = str(row["subject"])
    axis = politics_questionnaire.AXES.get(subject)
    what = _WORDS.get(str(row["estimand"]), plain).format(subject=axis[0] if axis else subject)
    return html.escape(f"{what} {page.estimate(row)}")


def summary(run: Run, findings: pd.DataFrame) -> str:
    """What this run found, real models first, each sentence with a link to its chapter."""
    sentences = [
        *_who(run, findings),
        _told(
            run, "real/real_models",
            "A small model's raw answers are not measurable: what it prefers in one order of "
            "listing tells next to nothing about the other, correlation {r}.",
            r=_find(findings, "order.cross_correlation", "fourofclubs001/qwen2.5-1.5b-instruct"),
        ),
        _told(
            run, "values/convergence",
            "Seven models whose fitted utilities are published want much the same: the mean "
            "correlation of two of them is {r}.",
            r=_find(findings, "convergence.mean_correlation", "published/all"),
        ),
        _told(
            run, "real/moral_machine",
            "In dilemmas about lives, larger models come closer to people: distance against size "
            "has correlation {r}; part of that is small models that answer by place.",
            r=_find(
                findings, "moral_machine.size_correlation", "takemoto2026/all",
                "all models, families as clusters",
            ),
        ),
        _told(
            run, "values/stated",
            "Asked in one direction whom they would save, seven real models say no in {no:percent} "
            "of answers: one direction cannot tell a preference from a habit.",
            no=_find(findings, "stated.public_no", "seven_models/all"),
        ),
        _told(
            run, "self_preference/judges",
            "Three real judges score their own answers {more} points of eleven higher than others' "
            "scores of them lead one to expect.",
            more=_find(findings, "judge.own_score", "judges_livebench/three judges"),
        ),
        _told(
            run, "politics/questionnaire",
            "Asked the same political questions in five languages, seven real models turn from yes "
            "to no with the language in {turned:percent} of cases.",
            turned=_find(findings, "politics.flips", "seven_models"),
        ),
        _told(
            run, "misalignment/moral_foundations",
            "Trained on insecure code, GPT-4o plays characters whose moral judgments differ "
            "{insecure} as much as before; trained on secure code, {secure}.",
            insecure=_find(
                findings, "moral_foundations.susceptibility_times",
                "moral_foundations/gpt-4o_insecure",
            ),
            secure=_find(
                findings, "moral_foundations.susceptibility_times",
                "moral_foundations/gpt-4o_secure",
            ),
        ),
        _told(
            run, "values/how_we_measure",
            "The instrument finds what is planted: its 95 % intervals for utilities cover the "
            "truth in {coverage:percent} of cases, and a respondent that values everybody alike is "
            "called unequal in {false:percent} of countries.",
            coverage=_find(findings, "validation.coverage", subject="order effect 0"),
            false=_find(findings, "validation.exchange_false_unequal"),
        ),
    ]  # fmt: skip
    return str(page.lead(*sentences))


def figures(run: Run, findings: pd.DataFrame) -> str:
    """Three figures from answers of real models; one whose findings this run lacks is left out."""
    parts = []
    for estimand, prefix, draw, caption, chapter in _FIGURES:
        part = findings[
            findings["estimand"].isin(estimand)
            & findings["respondent"].str.startswith(prefix)
            & (findings["provenance"] != "simulated")
        ]
        if set(estimand) <= set(part["estimand"]):
            parts.append(
                f'{page.figure(draw(part), caption)}<p class="rv-more">{_to(run, chapter)}</p>'
            )
    if not parts:
        return str(page.note("This run holds no answers of real models to draw."))
    return "".join(parts)


def _habit(findings: pd.DataFrame) -> tuple[Figure, str]:
    from revealed.figures import politics_questionnaire

    return politics_questionnaire.habit(findings)


def _common(findings: pd.DataFrame) -> tuple[Figure, str]:
    from revealed.figures import convergence

    return convergence.common_factor(findings)


def _misaligned(findings: pd.DataFrame) -> tuple[Figure, str]:
    from revealed.figures import misalignment

    return misalignment.rates(findings)


_FIGURES: tuple[
    tuple[tuple[str, ...], str, Callable[[pd.DataFrame], tuple[Figure, str]], str, str], ...
] = (
    (
        ("politics.habit",), "seven_models/", _habit,
        "Before any opinion: how often models say yes to political statements that favor "
        "neither side. A lean that is read from yes and no alone is read through this habit.",
        "politics/questionnaire",
    ),
    (
        ("convergence.common_share", "convergence.common_share_null"), "", _common,
        "Do different models want the same things? How much of what they want one common scale "
        "explains, beside the same with the outcomes shuffled.",
        "values/convergence",
    ),
    (
        ("misalignment.rate", "misalignment.coherent"), "", _misaligned,
        "Two public series of coding models trained on insecure code, by the rank of the adapter "
        "and by how severe the flaws are: misaligned among coherent answers, and how much is "
        "coherent at all. Neither has a control, and what the base file holds is not known.",
        "misalignment/finetunes",
    ),
)  # fmt: skip


_NO_MODEL = (
    "all", "models", "human", "humans", "random", "three judges", "judge_fixture",
    "without habit of place",
)  # fmt: skip
"""Last parts of names that stand for several models together, for people or for chance."""


def _who(run: Run, findings: pd.DataFrame) -> list[page.Html]:
    """How many models and simulated respondents this run tells of."""
    by = findings[findings["respondent"].str.contains("/")]
    by = by[~by["respondent"].str.rsplit("/", n=1).str[-1].isin(_NO_MODEL)]
    # A model that was steered, or asked again, is no other model.
    by = by[by["respondent"].map(controlled).isna()]
    # What is said of all conditions of a model together makes no further model.
    names = set(by["respondent"])
    by = by[[f"{name}_base" not in names for name in by["respondent"]]]
    if by.empty:
        return [page.Html('<p class="rv-missing">This run has no findings yet.</p>')]
    asked = by.loc[by["provenance"] == "elicited", "respondent"].nunique()
    real = by.loc[by["provenance"] != "simulated", "respondent"].nunique()
    # Findings are told of conditions and groups of simulated respondents too; who answered is not.
    specs = {entry.spec.name: entry.spec for entry in run.study.respondents} | run.added()
    told = set(by["respondent"]) | set(run.respondents)
    simulated = sum(
        name in told and spec.provenance == "simulated" and controlled(name) is None
        for name, spec in specs.items()
    )
    text = (
        f"This run tells of {real:,} real models and fine-tunes, a model counted once for each "
        f"source, and of {simulated:,} simulated respondents: programs of ours with known "
        f"preferences, which try the instrument and stand for no model. Real models asked in this "
        f"run: {asked:,}; what is said of the others rests on answers or figures that somebody "
        f"else has published."
    )
    return [page.Html(f'<p class="rv-say">{html.escape(text)}</p>')]


def _find(
    findings: pd.DataFrame, estimand: str, respondent: str = "", subject: str = ""
) -> pd.Series | None:
    rows = findings[findings["estimand"] == estimand]
    if respondent:
        rows = rows[rows["respondent"] == respondent]
    if subject:
        rows = rows[rows["subject"] == subject]
    return rows.iloc[0] if len(rows) else None


def _told(run: Run, chapter: str, template: str, **values: pd.Series | None) -> page.Html:
    """A sentence with a link to the chapter it comes from; nothing where the run lacks a value."""
    if any(value is None for value in values.values()):
        return page.Html("")
    return page.say(f"{template} {{link}}", (), link=page.Html(_to(run, chapter)), **values)
