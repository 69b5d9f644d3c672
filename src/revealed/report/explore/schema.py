"""What the files of the explorer hold; the scripts in ``book/_static/explore`` read exactly this.

Everything a stranger may have written is a value in a list and never a name in a mapping: a name
such as ``__proto__`` would mean something to a browser.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from revealed.foundation.schemas import Provenance

VERSION = 1
"""Of this layout; the scripts refuse another."""

Numbers = list[float | None]
Indices = list[int]

KINDS = ("first", "second", "split", "neutral", "refused", "unparsed", "failed")
"""How an answer was read; ``split`` is one between the two, on a scale or by probabilities."""


Has = Literal["choices", "utilities", "rates", "differences", "answers"]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Respondent(_File):
    """Somebody with pairs or utilities in this run."""

    name: str
    provenance: Provenance
    gate: str
    """Why the respondent's choices carry no content preference; "" if they do or nobody judged."""


class InstrumentEntry(_File):
    """An instrument that somebody was asked."""

    name: str
    title: str
    items: str
    """Name of its file of items."""


class ArmEntry(_File):
    """A framing: the words in which pairs were put."""

    name: str
    title: str
    purpose: str


class CellEntry(_File):
    """One respondent on one instrument in one arm: places in the index, and what there is."""

    respondent: int
    instrument: int
    arm: int
    file: str
    has: list[Has]


class ChapterEntry(_File):
    """The findings of one chapter."""

    name: str
    title: str
    page: str
    """Address of the chapter from the site's root; "" where the book has no such page."""
    file: str
    findings: int


class Index(_File):
    """``index.js``: what there is to pick."""

    version: int = VERSION
    run: str
    fast: bool
    respondents: list[Respondent]
    instruments: list[InstrumentEntry]
    arms: list[ArmEntry]
    cells: list[CellEntry]
    chapters: list[ChapterEntry]


class Items(_File):
    """``items/<instrument>.js``: the options, in the instrument's order."""

    ids: list[str]
    texts: list[str]
    categories: list[str]
    category: Indices
    """Place in `categories`."""
    goods: list[str]
    good: Indices
    """Place in `goods`; -1 for an option without one."""
    quantity: Numbers


class Pairs(_File):
    """Every pair once. Items are places in the cell's `items`; ``a`` is listed first in order 1."""

    a: Indices
    b: Indices
    for_a: list[Numbers]
    """Answers for ``a``: [where it is listed first, where it is listed second], None where that
    order was not asked."""
    for_b: list[Numbers]
    lost: list[list[float]]
    """[pair, order (0 or 1), neutral, refused, unparsed, failed], where any is not zero."""
    holdout: Indices
    """Pairs that no fit has seen."""


class Cell(_File):
    """``cells/<respondent>/<instrument>.<arm>.js``: the numbers, and the pairs behind them."""

    provenance: Provenance
    why: str
    """Why nothing can be estimated here; "" if it can."""
    items: Indices
    """Places in the instrument's file of items."""
    mean: Numbers
    se: Numbers
    method: str
    share: Numbers
    """Share of the decided answers that chose the item, over all its pairs."""
    share_low: Numbers
    share_high: Numbers
    asked: Indices
    """Pairs that the item stands in."""
    pairs: Pairs | None
    answers_from: Indices
    """First pair of each file of raw answers (``….answers-0.js``, ``-1`` and so on)."""
    silent: str
    """Why there are no raw answers; "" if there are."""


class Rates(_File):
    """``….rates.js``: how many units of the second good one unit of the first is worth.

    Rates stand in the order of ``for i: for j > i``; a bound is ``>`` or ``<``, ``none`` says that
    the answers do not determine the rate, "" that rate and interval are numbers.
    """

    goods: list[str]
    rate: Numbers
    low: Numbers
    high: Numbers
    bound: list[Literal["", ">", "<", "none"]]
    price: Numbers
    """Against the geometric mean of the reference goods."""
    price_low: Numbers
    price_high: Numbers
    method: str


class Differences(_File):
    """``….differences.js``: standard errors of differences of utilities.

    `se` is base64 of unsigned 16 bit numbers, low byte first, in the order of
    ``for i: for j > i``: 65535 is missing, any other number times `scale` is a standard error.
    """

    scale: float = Field(ge=0)
    se: str


class Answers(_File):
    """``….answers-<k>.js``: what was said to some of a cell's pairs."""

    start: int
    """Number of the first pair in this file."""
    texts: list[str]
    said: list[list[list[int]]]
    """Two entries a pair, one an order; each a list of [place in `texts`, place in `KINDS`, how
    often]. A place of -1 is an answer without text."""
    left_out: list[list[int]]
    """[entry of `said`, answers that are not among them], where there are any."""


class Findings(_File):
    """``findings/<chapter>.js``: columns; texts are places in the list of the column's texts."""

    estimands: list[str]
    estimand: Indices
    respondents: list[str]
    respondent: Indices
    subjects: list[str]
    subject: Indices
    instruments: list[str]
    instrument: Indices
    arms: list[str]
    arm: Indices
    units: list[str]
    unit: Indices
    methods: list[str]
    method: Indices
    provenances: list[Provenance]
    provenance: Indices
    notes: list[str]
    note: Indices
    estimate: Numbers
    low: Numbers
    high: Numbers
    n: Indices
