"""The chance of each option from one answer's token log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .parse import GRADES

if TYPE_CHECKING:
    from ..instruments import Prompt

_FRAME = " \t\r\n*_`\"'“”‘’()[]{}<>.:!▁Ġ"
"""What tokenizers and markdown put around a label."""
_LEAST = 0.5
"""Labels with less mass between them than this are not what the respondent was about to say."""
_DUST = 1e-9
"""Probability that rounding leaves over; what is told as a logarithm is no more precise."""


@dataclass(frozen=True, slots=True)
class Soft:
    """Probabilities of the kinds of answer, summing to 1 (`other` is every other text)."""

    first: float
    second: float
    neutral: float
    other: float


def soften(logprobs: Sequence[Sequence[tuple[str, float]]], prompt: Prompt) -> Soft | None:
    """Read the first position that holds a label; None if there is none in the answer.

    P(first) = p_A / (p_A + p_B) is then ``first / (first + second)``; all tokens that are the label
    up to spaces, quotes and markdown count for it.

    Parameters
    ----------
    logprobs
        A row a position; in it [token, natural log-probability], the sampled token first.
    prompt
        Whose labels are looked for.
    """
    first, second = prompt.labels
    if prompt.response == "graded":
        shares = {
            grade: (0.0, 0.0, 1.0) if share == 0.5 else (share, 1.0 - share, 0.0)
            for grade, share in GRADES.items()
        }
    else:
        shares = {first: (1.0, 0.0, 0.0), second: (0.0, 1.0, 0.0)}
        if prompt.neutral is not None:
            shares[prompt.neutral] = (0.0, 0.0, 1.0)
    for row in logprobs:
        sampled = row[0][0].strip(_FRAME)
        if sampled not in shares:
            if sampled and sampled.casefold() not in ("answer", "option"):
                return None  # words before any label: read as text
            continue
        sums = [0.0, 0.0, 0.0]
        for token, value in row:
            share = shares.get(token.strip(_FRAME))
            if share is not None:
                mass = math.exp(min(0.0, value))
                sums = [s + mass * part for s, part in zip(sums, share, strict=True)]
        total = sum(sums)
        if total < _LEAST:
            return None
        other = 1.0 - total if 1.0 - total > _DUST else 0.0
        scale = 1.0 if other else 1.0 / total
        return Soft(sums[0] * scale, sums[1] * scale, sums[2] * scale, other)
    return None
