"""What was said to every pair, in files of a size that a browser loads at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from revealed.instruments import Arm, Instrument, render
from revealed.respondents import parse
from revealed.respondents.guise import dress, guise_of
from revealed.respondents.raw import RawAnswers
from revealed.respondents.spec import RespondentSpec

from . import encode
from .schema import KINDS, Answers, Pairs

MOST_DIFFERENT = 5
"""Different answers to one order of a pair that are shown, the most frequent ones."""
FILE_SIZE = 60_000
"""Characters of texts and numbers after which the next file begins."""


class Said(NamedTuple):
    """One way of answering one order of a pair: text, how it was read, how often."""

    text: str
    kind: str
    times: int


def said_to(
    pairs: Pairs,
    names: Sequence[str],
    respondent: RespondentSpec,
    instrument: Instrument,
    arm: Arm,
    raw: RawAnswers,
) -> list[list[Said]]:
    """What the ledger holds for every pair: two lists a pair, one an order.

    Only the samples that the counts rest on: another experiment may have asked the same pair again.
    """
    texts = instrument.texts(arm.language, arm.rewording)
    words = [str(texts[name]) for name in names]
    guise = guise_of(respondent)
    asked = _asked(pairs)
    found: list[list[Said]] = []
    for k, (a, b) in enumerate(zip(pairs.a, pairs.b, strict=True)):
        for order, (one, other) in enumerate(((a, b), (b, a))):
            prompt = render(arm, words[one], words[other])
            answers = raw.of(respondent, dress(prompt.messages, guise))
            last = respondent.first_sample + asked[k][order]
            kept = [a for a in answers if respondent.first_sample <= a.sample < last]
            tally = Counter((answer.text, answer.status) for answer in kept)
            found.append(
                [
                    Said(text, _read(text, status, prompt), times)
                    for (text, status), times in tally.most_common()
                ]
            )
    return found


def _asked(pairs: Pairs) -> list[list[int]]:
    """Answers asked of every pair in both orders, whatever became of them."""
    counts = [
        [round((for_a[order] or 0) + (for_b[order] or 0)) for order in (0, 1)]
        for for_a, for_b in zip(pairs.for_a, pairs.for_b, strict=True)
    ]
    for k, order, *others in pairs.lost:
        before = sum(x[int(order)] or 0 for x in (pairs.for_a[int(k)], pairs.for_b[int(k)]))
        counts[int(k)][int(order)] = round(before + sum(others))
    return counts


def _read(text: str, status: str, prompt: object) -> str:
    if status != "ok":
        return status
    parsed = parse(text, prompt)  # type: ignore[arg-type]
    if parsed.kind in ("first", "second"):
        whole = {1.0: "first", 0.0: "second"}
        return whole.get(parsed.weight, "split")
    return parsed.kind


def files(said: Sequence[Sequence[Said]]) -> Iterator[Answers]:
    """The answers of all pairs, file by file.

    `said` has two entries a pair. What is left out of a file is counted there.
    """
    start = 0
    while start < len(said):
        place: dict[str, int] = {}
        entries: list[list[list[int]]] = []
        left_out: list[list[int]] = []
        size = 0
        for entry in range(start, len(said), 2):
            if size > FILE_SIZE:
                break
            for ways in said[entry : entry + 2]:
                shown = [(encode.text(way.text), way) for way in ways[:MOST_DIFFERENT]]
                size += sum(len(text) for text, _ in shown if text not in place) + 12 * len(shown)
                if rest := sum(way.times for way in ways[MOST_DIFFERENT:]):
                    left_out.append([len(entries), rest])
                entries.append(
                    [
                        [
                            place.setdefault(text, len(place)) if text else -1,
                            KINDS.index(way.kind),
                            way.times,
                        ]
                        for text, way in shown
                    ]
                )
        yield Answers(start=start // 2, texts=list(place), said=entries, left_out=left_out)
        start += len(entries)


def why_silent(provenance: str, raw: RawAnswers, choices: pd.DataFrame | None) -> str:
    """Why a cell has no raw answers to show; "" if it should have."""
    if choices is None:
        return "The source published utilities alone: no pairs and no answers."
    if provenance in ("public", "published"):
        return "The source published how often each option was chosen, not what was said."
    if not len(raw):
        return "The ledger with the raw answers is not where this book was built."
    return ""
