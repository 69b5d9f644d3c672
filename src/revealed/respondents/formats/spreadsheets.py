"""Texts in cells that a spreadsheet would take for formulas.

A program that opens a CSV file runs a cell that begins with one of a few characters. Texts come
from models and from strangers, so such a cell gets an apostrophe in front, which spreadsheets show
as text; a text that begins with an apostrophe gets another one. `unguard` takes it off again.
Numbers are never touched: a negative one begins with a minus and is no text.
"""

from __future__ import annotations

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a cell that is run begins with, in either width."""

MARK = "'"


def guard(text: str) -> str:
    """The text as it is safe in a cell."""
    return MARK + text if text.startswith((*RISKY, MARK)) else text


def unguard(cell: str) -> str:
    """The text that `guard` made the cell of."""
    guarded = cell.startswith(MARK) and cell[1:].startswith((*RISKY, MARK))
    return cell[1:] if guarded else cell
