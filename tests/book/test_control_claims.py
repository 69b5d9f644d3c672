"""What decides on the claims that a model can be aligned to an assembly, and that values stay."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
import pytest

from revealed.foundation.schemas import Finding
from revealed.report.claims import judge


def found(
    estimand: str, estimate: float, low: float | None = None, high: float | None = None,
    subject: str = "", kind: str = "system_prompt", note: str = "",
) -> Finding:  # fmt: skip
    return Finding(
        f"control.{estimand}", "controls", f"real/one+{kind}", estimate, low, high, "", 20, "test",
        "elicited", subject=subject, note=note,
    )  # fmt: skip


def verdict(claim: str, *findings: Finding) -> tuple[str, str] | None:
    table = pd.DataFrame([asdict(finding) for finding in findings])
    made = judge(claim, table)
    assert len(made) <= 1
    return next(((m.verdict, m.because) for m in made.values()), None)


def gains(low: float, pairs: float = 0.2, areas: float = 0.2, kind: str = "tuned") -> list[Finding]:
    return [
        found("measurable", 1.0, kind=kind),
        found("agreement_gain", 0.2, low, 0.4, "held out", kind),
        found("agreement_gain", pairs, -0.1, 0.5, "held-out pairs", kind),
        found("agreement_gain", areas, -0.1, 0.5, "held-out areas", kind),
    ]


def reduced(low: float, kind: str = "tuned") -> Finding:
    return found("bias_reduction", 0.2, low, 0.4, kind=kind)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([*gains(0.1), reduced(0.1)], "supported"),
        ([*gains(-0.1), reduced(0.1)], "not supported"),
        ([*gains(0.1), reduced(-0.1)], "not supported"),
        ([*gains(0.1, areas=-0.1), reduced(0.1)], "not supported"),
        (gains(0.1), "not tested"),
    ],
)
def test_aligned_means_nearer_on_pairs_and_areas_and_less_biased(
    rows: list[Finding], expected: str
) -> None:
    made = verdict("C10", *rows)
    assert made is not None
    assert made[0] == expected


def test_a_retest_aligns_nothing() -> None:
    rows = [*gains(0.1, kind="retest"), reduced(0.1, "retest")]
    assert verdict("C10", *rows) is None
    assert verdict("C12", *rows) is None


def moved(
    topic: float, elsewhere: float, reach_high: float | None = 0.3, turned: float = 0.2,
    kind: str = "system_prompt",
) -> list[Finding]:  # fmt: skip
    return [
        found("measurable", 1.0, kind=kind),
        found("moved", 0.3, topic, 0.4, "politics", kind),
        found("moved", 0.05, elsewhere, 0.2, "elsewhere", kind),
        found("political_shift", 0.4, turned, 0.6, kind=kind),
        found("reach", 0.1, -0.2, reach_high, kind=kind),
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (moved(0.2, -0.1), ("supported", "")),
        (moved(0.2, 0.02), ("not supported", "")),
        (moved(-0.1, -0.1), ("not measurable", "it did not move answers on its own topic")),
        (moved(0.2, -0.1, turned=-0.1),
         ("not measurable", "it did not move answers on its own topic")),
        (moved(0.2, -0.1, 0.8), ("not tested", "too few answers elsewhere to tell")),
        (moved(0.2, -0.1, None), ("not tested", "too few answers elsewhere to tell")),
        (moved(0.2, -0.1, kind="examples"), ("supported", "")),
        (moved(0.2, -0.1, kind="tuned"), None),
        ([found("measurable", 0.0, note="after: politics: was not asked")],
         ("not measurable", "after: politics: was not asked")),
        ([found("measurable", 1.0)],
         ("not tested", "answers on the topic or elsewhere are lacking")),
    ],
)  # fmt: skip
def test_whether_what_is_told_reaches_values(
    rows: list[Finding], expected: tuple[str, str] | None
) -> None:
    assert verdict("C12", *rows) == expected
