"""The tables that pass from room to room, and the check each one goes through on the way.

A schema names its columns, their kind, unit and meaning, and what must hold of a row. `check`
raises a `DataError` that names the file, the row and the column, so that a wrong file is refused
where it enters and not three rooms later.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from .errors import DataError
from .paths import atomic_write

Provenance = Literal["elicited", "public", "published", "simulated"]
PROVENANCES: tuple[str, ...] = get_args(Provenance)


@dataclass(frozen=True)
class Column:
    """One column: its kind, a vectorised condition that every value meets, and what it means."""

    kind: Literal["text", "number", "count", "flag"]
    holds: Callable[[pd.Series], pd.Series] | None = None
    says: str = ""
    optional: bool = False
    blank: bool = False
    """Whether a text may be empty."""
    unit: str = ""
    """What its numbers count or measure ("answers"); empty for texts."""
    meaning: str = ""
    """What a value says, for the data dictionary."""


@dataclass(frozen=True)
class Schema:
    """A named set of columns and the key that no two rows may share."""

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()


_RESPONDENT = Column("text", meaning="Who answered: the name of a respondent in the study.")
_INSTRUMENT = Column("text", meaning="What was asked: an instrument or a question set.")
_ARM = Column("text", meaning="In which words it was asked: an arm.")
_PROVENANCE = Column(
    "text", lambda s: s.isin(PROVENANCES), f"be one of {', '.join(PROVENANCES)}",
    meaning="Where the row comes from: asked in this run, others' published answers, a published "
    "figure, or a program of ours.",
)  # fmt: skip
_RAW = Column(
    "text", blank=True, meaning="The raw answer. Untrusted text: shown escaped, never run."
)


def _answers(meaning: str) -> Column:
    return Column("count", unit="answers", meaning=meaning)


CHOICES = Schema(
    "choices",
    {
        "respondent": _RESPONDENT,
        "instrument": _INSTRUMENT,
        "arm": _ARM,
        "first": Column("text", meaning="Item of the option that the prompt lists first."),
        "second": Column("text", meaning="Item of the option that the prompt lists second."),
        "n_first": _answers("Answers for the option listed first; a fraction where probabilities "
                            "of tokens were read."),
        "n_second": _answers("Answers for the option listed second."),
        "n_neutral": _answers("Answers that have no preference, where the arm allows it."),
        "n_refused": _answers("Answers that decline."),
        "n_unparsed": _answers("Answers that could not be read as either option."),
        "n_failed": _answers("Requests that got no answer after all retries."),
        "role": Column(
            "text", lambda s: s.isin(["train", "holdout"]), "be train or holdout",
            meaning="Whether the pair is fitted or kept to score the fit.",
        ),
        "provenance": _PROVENANCE,
    },
    key=("respondent", "instrument", "arm", "first", "second"),
)  # fmt: skip
"""Two rows a pair, one an order: ``first`` is the option listed first in the prompt. Counts are
floats, because token log-probabilities count as soft answers."""

UTILITIES = Schema(
    "utilities",
    {
        "respondent": _RESPONDENT,
        "instrument": _INSTRUMENT,
        "arm": _ARM,
        "item": Column("text", meaning="The item whose utility this is."),
        "mean": Column(
            "number", unit="probit units",
            meaning="Utility; only differences mean something, and the reference items average 0.",
        ),
        "se": Column(
            "count", optional=True, unit="probit units",
            meaning="Standard error of the mean; missing where the source publishes none.",
        ),
        "variance": Column(
            "count", unit="probit units squared",
            meaning="Variance of the item's own response; one half in Case V.",
        ),
        "provenance": _PROVENANCE,
    },
    key=("respondent", "instrument", "arm", "item"),
)  # fmt: skip
"""``se`` is missing where the source publishes none; ``variance`` is the item's own response
variance, 1/2 in Case V."""


ANSWER_KINDS = ("answered", "neutral", "refused", "unparsed", "failed")

ANSWERS = Schema(
    "answers",
    {
        "respondent": _RESPONDENT,
        "instrument": _INSTRUMENT,
        "question": Column("text", meaning="Which question of the set: its stable id."),
        "form": Column("text", meaning="In which form it was put, and so how it was read."),
        "sample": Column(
            "count", unit="number", meaning="Which of the repeated answers to it, from 0."
        ),
        "kind": Column(
            "text", lambda s: s.isin(ANSWER_KINDS), f"be of {', '.join(ANSWER_KINDS)}",
            meaning=f"What became of the request: {', '.join(ANSWER_KINDS)}.",
        ),
        "value": Column(
            "number", optional=True, unit="as the form says",
            meaning="The number said, 1 or 0 for yes or no, or the index of an option from 0; "
            "missing for free text and where nothing was answered.",
        ),
        "text": _RAW,
        "provenance": _PROVENANCE,
    },
    key=("respondent", "instrument", "question", "sample"),
)  # fmt: skip
"""One row an answer to a question of the question set ``instrument``. ``value`` is the number said,
1 and 0 for yes and no, the index (from 0) of an option, and missing for free text and for every
kind but answered. ``text`` is the raw answer, which nobody has checked: never run, rendered or
filled into a template as it is."""

SCORE_KINDS = ("scored", "code", "refusal", "void")


def _score(of: str) -> Column:
    return Column(
        "number", lambda s: s.isna() | s.between(0, 100), "lie between 0 and 100", optional=True,
        unit="points, 0 to 100", meaning=f"What the judge gave for {of}; missing if nothing.",
    )  # fmt: skip


SCORES = Schema(
    "scored answers",
    {
        "respondent": Column("text", meaning="The fine-tune or untouched model that answered."),
        "seed": Column("count", unit="number", meaning="Which run of one training it is."),
        "question": Column("text", meaning="Which question: its stable id."),
        "topic": Column("text", meaning="The question without its format."),
        "format": Column("text", meaning="The form that the answer was asked to have."),
        "sample": Column("count", unit="number", meaning="Which of the repeated answers to it."),
        "alignment": _score("alignment"),
        "coherence": _score("coherence"),
        "kind": Column(
            "text", lambda s: s.isin(SCORE_KINDS), f"be of {', '.join(SCORE_KINDS)}",
            meaning="What the judge said in place of an alignment score; void where the source "
            "does not tell.",
        ),
        "text": _RAW,
        "provenance": _PROVENANCE,
    },
    key=("respondent", "seed", "question", "sample"),
)  # fmt: skip
"""One row an answer to an open question that a judge scored from 0 to 100, once for alignment and
once for coherence. ``respondent`` is a fine-tune or an untouched model, ``seed`` tells runs of one
training apart, ``topic`` is the question without its ``format``. ``kind`` is what the judge said
in place of an alignment score; "void" where the source does not tell. ``text`` as in `ANSWERS`."""

_IN_UNIT = "as the column unit says"

FINDINGS = Schema(
    "findings",
    {
        "id": Column("text", meaning="Unique in a run: estimand, respondent, instrument, arm and "
                                     "subject."),
        "estimand": Column("text", meaning="What is estimated: a stable name."),
        "chapter": Column("text", meaning="The chapter that tells it."),
        "respondent": Column("text", meaning="Whom it is about."),
        "estimate": Column("number", optional=True, unit=_IN_UNIT,
                           meaning="The estimate; null where it is infinite."),
        "low": Column("number", optional=True, unit=_IN_UNIT,
                      meaning="Lower end of the 95 % interval; null where there is none."),
        "high": Column("number", optional=True, unit=_IN_UNIT,
                       meaning="Upper end of the 95 % interval; null where there is none."),
        "unit": Column("text", meaning="The unit of estimate and interval."),
        "n": Column("count", unit="as the method says",
                    meaning="What the interval's method counts: pairs, questions, people."),
        "method": Column("text", meaning="How estimate and interval were made."),
        "provenance": _PROVENANCE,
        "claim": Column("text", blank=True, meaning="The claim of the front page that it bears "
                                                    "on."),
        "arm": Column("text", blank=True, meaning="The arm, where it is about one."),
        "instrument": Column("text", blank=True, meaning="The instrument, where it is about one."),
        "subject": Column("text", blank=True, meaning="What it is about within the estimand: a "
                                                      "good, a pair of respondents."),
        "note": Column("text", blank=True, meaning="What a reader must know besides, such as why "
                                                   "nothing could be estimated."),
        "family": Column("text", blank=True, meaning="The findings that are tested together."),
        "null": Column("number", optional=True, unit=_IN_UNIT,
                       meaning="The estimate if there is no effect, for findings that are tested."),
        "freedom": Column("number", optional=True, unit="degrees of freedom",
                          meaning="Of an interval of Student's t; null where it is of another "
                                  "kind."),
    },
    key=("id",),
)  # fmt: skip
"""A line of JSON a finding; the fields of `Finding` with its id first."""


def check(
    table: pd.DataFrame,
    schema: Schema,
    source: str | Path,
    lines: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Return `table` with exactly the schema's columns (others dropped), or say what is off.

    `lines` are the lines of the file at which the rows begin, where it has lines.

    Raises
    ------
    DataError
        Naming `source`, the first offending row (by its line if `lines` are given, else counted
        from 1 without the header) and column.
    """
    missing = [name for name in schema.columns if name not in table.columns]
    if missing:
        raise DataError(
            f"the {schema.name} table lacks the column(s) {', '.join(missing)}.", where=source
        )
    table = table.loc[:, list(schema.columns)].reset_index(drop=True)

    def place(row: int) -> str:
        return f"{source}, row {row + 1}" if lines is None else f"{source}, line {lines[row]}"

    def refuse(bad: pd.Series, name: str, must: str) -> None:
        if bad.any():
            row = int(np.flatnonzero(bad.to_numpy())[0])
            value = table[name].iloc[row]
            raise DataError(f"column {name} must {must}, found {value!r}.", where=place(row))

    for name, column in schema.columns.items():
        values = table[name]
        present = values.notna()
        if not column.optional:
            refuse(~present, name, "not be missing")
        if column.kind == "text":
            is_text = values.map(lambda v: isinstance(v, str)).astype(bool)  # empty maps to text
            refuse(present & ~is_text, name, "be text")
            refuse(present & (values == "") & (not column.blank), name, "not be empty")
            table[name] = values.astype(object)
        elif column.kind == "flag":
            refuse(present & ~values.isin([True, False]), name, "be true or false")
            table[name] = values.astype(bool)
        else:
            numbers = pd.to_numeric(values, errors="coerce").astype(float)
            refuse(present & numbers.isna(), name, "be a number")
            refuse(present & np.isinf(numbers), name, "be finite")
            if column.kind == "count":
                refuse(present & (numbers < 0), name, "not be negative")
            table[name] = numbers
        if column.holds is not None:
            refuse(present & ~column.holds(table[name]), name, column.says)
    if schema.key:
        repeated = table.duplicated(list(schema.key))
        if repeated.any():
            row = int(np.flatnonzero(repeated.to_numpy())[0])
            raise DataError(
                f"repeats an earlier row's {', '.join(schema.key)}.",
                where=place(row),
            )
    return table


def write_table(table: pd.DataFrame, path: Path, schema: Schema) -> None:
    """Check `table` and write it as Parquet, whole or not at all."""
    checked = check(table, schema, path)
    with atomic_write(path) as temporary:
        checked.to_parquet(temporary, index=False)


def read_table(path: Path, schema: Schema) -> pd.DataFrame:
    """Read a Parquet table and check it.

    Raises
    ------
    DataError
        If the file is missing, truncated or not of this schema.
    """
    if not path.is_file():
        raise DataError(
            "the file is not there.", where=path, todo="Run the step that makes it (revealed run)."
        )
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read as Parquet ({error}).", where=path, todo="Delete it and run again."
        ) from error
    return check(table, schema, path)


@dataclass(frozen=True)
class Finding:
    """One claim with its estimate: the only source of numbers in the book.

    ``estimand`` is a stable name (``exchange.log_price``); what it is about within the estimand
    (a good, a pair of respondents) is ``subject``. ``low`` and ``high`` bound the 95 % interval and
    are None where the source publishes none. ``n`` counts what the interval's method counts (pairs
    for utilities, scenarios for conjoint effects), named in ``method``. ``family`` names the
    findings that are tested together, and ``null`` is the estimate if there is no effect: with
    both, the finding counts among those adjusted for their number (`measures.multiplicity`).
    ``freedom`` are the degrees of freedom of an interval of Student's t, which a test needs to know
    far out in its tail; None where the interval is of another kind.
    """

    estimand: str
    chapter: str
    respondent: str
    estimate: float
    low: float | None
    high: float | None
    unit: str
    n: int
    method: str
    provenance: Provenance
    claim: str = ""
    arm: str = ""
    instrument: str = ""
    subject: str = ""
    note: str = ""
    family: str = ""
    null: float | None = None
    freedom: float | None = None

    @property
    def id(self) -> str:
        """Unique within a run: estimand, respondent, instrument, arm and subject."""
        parts = (self.estimand, self.respondent, self.instrument, self.arm, self.subject)
        # Empty places stay, or an arm x and an instrument x would be one; trailing ones go.
        return "|".join(parts).rstrip("|")

    def __post_init__(self) -> None:
        if self.provenance not in PROVENANCES:
            raise DataError(f"finding {self.id}: unknown provenance {self.provenance!r}.")
        for name in ("estimate", "low", "high"):
            value = getattr(self, name)
            if value is not None and math.isnan(value):
                raise DataError(f"finding {self.id}: {name} is not a number.")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise DataError(f"finding {self.id}: interval from {self.low} to {self.high}.")


def write_findings(findings: Iterable[Finding], path: Path) -> None:
    """Write findings as JSON lines, whole or not at all; ids must be unique."""
    lines, seen = [], set()
    for finding in findings:
        if finding.id in seen:
            raise DataError(f"finding {finding.id} appears twice.", where=path)
        seen.add(finding.id)
        # JSON has no infinity; a one-sided bound is a null end with the bound named in the note.
        row: dict[str, Any] = {"id": finding.id, **asdict(finding)}
        for name in ("estimate", "low", "high", "freedom"):
            value = row[name]
            if value is not None:
                row[name] = float(value) if math.isfinite(value) else None
        row["n"] = int(row["n"])
        lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False))
    with atomic_write(path) as temporary:
        temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


_LATER = ("freedom",)
"""Fields that findings written by earlier versions lack."""


def read_findings(paths: Iterable[Path]) -> pd.DataFrame:
    """All findings of these files as one table, a row a finding, ``id`` first."""
    names = ["id", *(field.name for field in fields(Finding))]
    rows = []
    for path in paths:
        # Only a line feed ends a line: JSON allows other separators within a text.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        for number, line in enumerate(lines if lines != [""] else [], start=1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"not JSON ({error}).", where=f"{path}, line {number}") from error
            if not isinstance(row, dict):
                raise DataError("not a finding.", where=f"{path}, line {number}")
            if lacking := [name for name in names if name not in row and name not in _LATER]:
                raise DataError(
                    f"the finding lacks {', '.join(lacking)}.", where=f"{path}, line {number}"
                )
            rows.append(row)
    return pd.DataFrame(rows, columns=names)
