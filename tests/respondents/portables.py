"""Cells with odd names, odd texts and odd numbers, for tests of what travels."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import strategies as st

from revealed.foundation.schemas import CHOICES, UTILITIES
from revealed.instruments import Prompt
from revealed.respondents import Answer
from revealed.respondents.elicit import COUNTS, count
from revealed.respondents.formats import Asked, Portable

ODD = (
    "a, b", 'say "this"', "two\nlines", "cr\rlf\r\n", "=1+1", "+x", "-1", "@SUM(A1)", "'", "'=x",
    "''", "\ttab", "naïve ß ☃ 💡", "b'\\xff\\x00'", "\x00", "　", "null", "NaN", "1e5", "<b>&amp;",
    "‮right to left", "(0, 1)", "\\u0041", "\ufeffmark", "\x1fseparated", "\x85next", "\u2028line",
)  # fmt: skip
"""What spreadsheets, CSV, JSON and browsers have stumbled over."""

names = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
)
counts = st.one_of(st.integers(0, 4).map(float), st.floats(0, 1e9, allow_subnormal=True))
means = st.floats(-1e9, 1e9, allow_nan=False)


def table(rows: list[dict[str, Any]], cell: dict[str, Any], columns: Any) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(**cell)[list(columns)]


@st.composite
def portables(draw: st.DrawFn) -> Portable:
    """A cell of up to six items, of which some pairs were asked in one order or in both.

    In some cells nobody knows the order where there is but one.
    """
    items = draw(st.lists(names, min_size=2, max_size=6, unique=True))
    texts = {item: draw(names) for item in items}
    numbers = st.integers(0, len(items) - 1)
    pairs = draw(
        st.lists(
            st.tuples(numbers, numbers).filter(lambda p: p[0] != p[1]),
            min_size=1, max_size=6, unique_by=lambda p: frozenset(p),
        )
    )  # fmt: skip
    cell = {
        "respondent": draw(names), "instrument": draw(names), "arm": draw(names),
        "provenance": draw(st.sampled_from(["public", "simulated", "published"])),
    }  # fmt: skip
    rows = []
    told = draw(st.booleans())
    for one, other in pairs:
        role = draw(st.sampled_from(["train", "holdout"]))
        both = [(one, other), (other, one)][: draw(st.integers(1, 2))]
        if not told and len(both) == 1:
            both = [tuple(sorted(both[0], key=items.__getitem__))]
        for first, second in both:
            row = {"first": items[first], "second": items[second], "role": role}
            rows.append(row | {name: draw(counts) for name in COUNTS})
    fitted = [
        {
            "item": item, "mean": draw(means), "variance": draw(counts),
            "se": draw(st.one_of(st.none(), counts)),
        }
        for item in items
    ]  # fmt: skip
    return Portable(
        **cell, texts=texts, choices=table(rows, cell, CHOICES.columns),
        utilities=table(fitted, cell, UTILITIES.columns),
        about={"model": draw(names), "temperature": 0.5, "order_known": told},
    )  # fmt: skip


answers = st.one_of(
    st.builds(Answer, st.just(""), st.just("ok"), st.sampled_from(["A", "B", "(B)", "**A**", ""])),
    st.builds(Answer, st.just(""), st.just("ok"), names),
    st.builds(Answer, st.just(""), st.just("refused")),
    st.builds(Answer, st.just(""), st.just("failed"), error=names),
    st.builds(
        Answer, st.just(""), st.just("ok"), names, reasoning=names,
        prompt_tokens=st.integers(0, 99), completion_tokens=st.integers(0, 99),
        latency=st.floats(0, 60),
    ),
)  # fmt: skip


@st.composite
def soft_answers(draw: st.DrawFn) -> Answer:
    """An answer with log-probabilities of its labels."""
    share = draw(st.floats(-6, 0))
    row = [("A", share), ("B", draw(st.floats(-6, 0))), (draw(st.sampled_from(["C", "Ä"])), -7.0)]
    return Answer("", "ok", "A", logprobs=[row])


@st.composite
def asked_cells(draw: st.DrawFn) -> tuple[Portable, list[Asked]]:
    """A cell with the raw answers behind every second of its rows, and counts alone behind others.

    Nothing was asked in an order that has no answer.
    """
    made = draw(portables())
    neutral = draw(st.sampled_from([None, "C"]))
    asked, rows = [], []
    for row in made.choices.to_dict("records"):
        words = f"{made.texts[row['first']]}\n{made.texts[row['second']]}"
        prompt = Prompt(
            [{"role": "system", "content": "Choose."}, {"role": "user", "content": words}],
            ("A", "B"), neutral, "choice", draw(st.booleans()), 10,
        )  # fmt: skip
        mode = draw(st.sampled_from(["sample", "logprob", "counts"]))
        weight = 10.0 if mode == "logprob" else 1.0
        said: list[Answer] = []
        if mode != "counts":
            kind = soft_answers() if mode == "logprob" else answers
            said = draw(st.lists(kind, min_size=1, max_size=3))
            row |= count(said, prompt, mode, weight)
        told = {name: float(row[name]) for name in COUNTS}
        how = "sample" if mode == "counts" else mode
        asked.append(
            Asked(row["first"], row["second"], row["role"], prompt, said, told, how, weight)
        )
        rows.append(row)
    cell = {
        "respondent": made.respondent, "instrument": made.instrument, "arm": made.arm,
        "provenance": made.provenance,
    }  # fmt: skip
    choices = table(rows, cell, CHOICES.columns)
    return Portable(**cell, texts=made.texts, choices=choices, utilities=made.utilities,
                    about=made.about), asked  # fmt: skip
