"""Counted comparisons as index arrays: the only form in which answers reach an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from revealed.foundation.errors import DataError

_ONE_TABLE = ("respondent", "instrument", "arm")


class Pairs(NamedTuple):
    """The unordered pairs of a set of comparisons, each a cluster for every interval.

    ``low`` < ``high`` are item numbers, shape (pairs,). ``n_chosen`` has the shape (2, 2, pairs):
    order (0: low listed first, 1: high listed first), then chosen (0: the option listed first, 1:
    the other). ``row`` gives the pair of each row of the comparisons.
    """

    low: np.ndarray
    high: np.ndarray
    n_chosen: np.ndarray
    row: np.ndarray


@dataclass(frozen=True)
class Comparisons:
    """Answers counted per ordered pair.

    Attributes
    ----------
    items
        Names of all items, compared or not.
    first, second
        Numbers of the options listed first and second, shape (rows,).
    n_first, n_second
        How many answers chose either, shape (rows,); fractions are soft answers.
    order_told
        Whether it is known which option was listed first (`order_told`); else no fit has an effect
        of the order.

    Raises
    ------
    DataError
        If lengths differ, an item is compared with itself or unknown, a name repeats, or a count is
        negative or not a number.
    """

    items: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    n_first: np.ndarray
    n_second: np.ndarray
    order_told: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))
        for name in ("first", "second"):
            index = np.asarray(getattr(self, name))
            if index.size == 0:
                index = index.astype(np.int64)
            if index.ndim != 1 or index.dtype.kind not in "iu":
                raise DataError(f"comparisons: {name} must be a vector of item numbers.")
            object.__setattr__(self, name, index.astype(np.int64))
        for name in ("n_first", "n_second"):
            try:
                count = np.asarray(getattr(self, name), dtype=float)
            except (TypeError, ValueError) as error:
                raise DataError(f"comparisons: {name} must be numbers.") from error
            object.__setattr__(self, name, count)
            if count.shape != self.first.shape:
                raise DataError(f"comparisons: {name} and first differ in length.")
            bad = ~np.isfinite(count) | (count < 0)
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise DataError(
                    f"comparisons: {name} must be a count, found {count[row]} in row {row + 1}."
                )
        if self.first.shape != self.second.shape:
            raise DataError("comparisons: first and second differ in length.")
        if len(set(self.items)) != len(self.items):
            raise DataError("comparisons: an item is named twice.")
        both = np.concatenate([self.first, self.second])
        if both.size and (both.min() < 0 or both.max() >= len(self.items)):
            raise DataError("comparisons: an item number is outside the list of items.")
        same = self.first == self.second
        if same.any():
            row = int(np.flatnonzero(same)[0])
            raise DataError(
                f"comparisons: row {row + 1} compares {self.items[self.first[row]]!r} with itself."
            )

    def __len__(self) -> int:
        return len(self.first)

    @property
    def n(self) -> np.ndarray:
        """Answers per row."""
        return np.asarray(self.n_first + self.n_second)

    @cached_property
    def pairs(self) -> Pairs:
        """Counts per unordered pair and order; repeated rows add up, which loses nothing."""
        low = np.minimum(self.first, self.second)
        high = np.maximum(self.first, self.second)
        codes, row = np.unique(low * len(self.items) + high, return_inverse=True)
        order = (self.first > self.second).astype(np.int64)
        slots = 2 * len(codes)
        counts = np.stack(
            [
                np.bincount(order * len(codes) + row, weights=n, minlength=slots).reshape(2, -1)
                for n in (self.n_first, self.n_second)
            ],
            axis=1,
        )
        return Pairs(codes // len(self.items), codes % len(self.items), counts, row)

    def take(self, rows: np.ndarray) -> Comparisons:
        """These rows only, over the same items."""
        return Comparisons(
            self.items,
            self.first[rows],
            self.second[rows],
            self.n_first[rows],
            self.n_second[rows],
            order_told=self.order_told,
        )


def order_told(choices: pd.DataFrame) -> bool:
    """Whether a choices table tells which option was listed first.

    Answers from elsewhere may not; each pair then has one row, its items in the order of the
    alphabet, and no effect of the order can be estimated. So has no table of ours, where every pair
    is asked in both orders.
    """
    return choices.empty or bool((choices["first"] > choices["second"]).any())


def comparisons(
    choices: pd.DataFrame,
    items: Sequence[str] | None = None,
    role: Literal["train", "holdout"] | None = "train",
) -> Comparisons:
    """The comparisons of one respondent, instrument and arm from a choices table.

    Parameters
    ----------
    choices
        Schema `foundation.schemas.CHOICES`. Neutral, refused, unparsed and failed answers are not
        votes and are left out; ordered pairs without any vote drop out.
    items
        All items of the instrument, in the order wanted; default the compared ones, sorted.
    role
        Which pairs to take; None takes all.

    Raises
    ------
    DataError
        If the table holds more than one respondent, instrument or arm, lacks a column, or compares
        an item that `items` does not name.
    """
    wanted = ["first", "second", "n_first", "n_second", *(["role"] if role else [])]
    if missing := [name for name in wanted if name not in choices.columns]:
        raise DataError(f"the choices table lacks the column(s) {', '.join(missing)}.")
    for name in _ONE_TABLE:
        if name in choices.columns and len(choices[name].unique()) > 1:
            raise DataError(
                f"the choices hold more than one {name}.", todo=f"Select one {name} before a fit."
            )
    told = order_told(choices)
    if role is not None:
        choices = choices.loc[choices["role"] == role]
    if items is None:
        items = sorted(set(choices["first"]) | set(choices["second"]))
    index = pd.Index(items)
    if index.has_duplicates:
        raise DataError("comparisons: an item is named twice.")
    first, second = (index.get_indexer(choices[name]) for name in ("first", "second"))
    for name, found in (("first", first), ("second", second)):
        if (found < 0).any():
            unknown = choices[name].iloc[int(np.flatnonzero(found < 0)[0])]
            raise DataError(f"the choices compare {unknown!r}, which is not among the items.")
    n_first = choices["n_first"].to_numpy(dtype=float)
    n_second = choices["n_second"].to_numpy(dtype=float)
    # NaN compares unequal to zero and stays, to be refused by the check of Comparisons.
    kept = (n_first + n_second) != 0
    counts = n_first[kept], n_second[kept]
    return Comparisons(tuple(items), first[kept], second[kept], *counts, order_told=told)
