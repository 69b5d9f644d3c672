"""What a chapter puts on its page: a figure, a table, a sentence, each with where it comes from.

Every number of the book passes through here: it is taken from a `Finding` or a table, formatted in
one place, and shown with its interval, its n and its badge of provenance. Every text is escaped,
because respondents' names and answers are written by strangers. The results carry ``_repr_html_``,
so they are the last value of a notebook cell, in Jupyter as in the book.

What may not enter: estimation, and reading or writing files.
"""

from __future__ import annotations

import html
import math
import string
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsFloat

import numpy as np
import pandas as pd

from ..foundation.errors import DataError
from ..foundation.schemas import PROVENANCES, Finding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Chapters lie two folders deep (notebooks/values/x.ipynb) in the checkout and in the site alike,
# and both hold data/runs/<run>/tables/, so one relative address serves both.
_ROOT = "../.."
_INTERVAL = "95 % interval"

# MathJax and its older name: what stands in such an element is never read as a formula.
_PLAIN = "tex2jax_ignore mathjax_ignore"
_CELL_LENGTH = 5_000
"""Characters that a cell of a table shows; its CSV has them all."""
_ANSWER_LENGTH = 600
"""Characters that are shown of a model's answer."""


def _escape(text: str, quote: bool = True) -> str:
    """`text` as HTML shows it; half a surrogate pair, which no file can hold, as U+FFFD."""
    return html.escape(_whole(text), quote=quote)


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@dataclass(frozen=True)
class Html:
    """Finished HTML that Jupyter and the book show as such.

    Not a text: pandas would turn a column of these into plain strings, which are then escaped.
    """

    markup: str

    def __str__(self) -> str:
        return self.markup

    def _repr_html_(self) -> str:
        return self.markup


def badge(provenance: str | Iterable[str]) -> Html:
    """One coloured word a provenance, in the fixed order of `foundation.schemas.PROVENANCES`."""
    kinds = {provenance} if isinstance(provenance, str) else {str(kind) for kind in provenance}
    if not kinds or (unknown := kinds - set(PROVENANCES)):
        told = ", ".join(sorted(unknown)) if kinds else "none"
        raise DataError(f"a badge needs a provenance of {', '.join(PROVENANCES)}, found {told}.")
    return Html(
        " ".join(
            f'<span class="rv-badge rv-{kind}">{kind}</span>'
            for kind in PROVENANCES
            if kind in kinds
        )
    )


# --------------------------------------------------------------------------------------- numbers


def number(value: SupportsFloat | None, unit: str = "", *, digits: int = 3) -> str:
    """A number as the book writes it: significant digits, minus sign, unit where it says something.

    Integers and counts keep all their digits, numbers below 1 keep `digits` decimals ("0.325"),
    everything else `digits` significant digits. None and infinities become "unbounded".
    """
    whole = isinstance(value, int | np.integer) or unit in ("count", "1 or 0")
    value = math.inf if value is None else float(value)
    if not math.isfinite(value):
        return "unbounded"
    if whole or value == 0:
        text = f"{abs(value) if value == 0 else value:,.0f}"
    elif abs(value) >= 1000:
        text = f"{float(f'{value:.{digits}g}'):,.0f}"
    elif abs(value) >= 1:
        text = f"{value:#.{digits}g}".rstrip(".")
    else:
        text = f"{value:.{digits}f}"
        if value and float(text) == 0.0:
            text = f"{value:.{digits - 1}g}"
    suffix = {"percent": " %", "%": " %", "ratio": " times", "times": " times"}.get(unit, "")
    return text.replace("-", "−") + suffix


def interval(low: float | None, high: float | None, unit: str = "") -> str:
    """ "0.31 to 0.34"; a missing end is a bound; nothing where no interval is published."""
    ends = [None if end is None or not math.isfinite(end) else end for end in (low, high)]
    if ends == [None, None]:
        return ""
    if ends[1] is None:
        return f"above {number(ends[0], unit)}"
    if ends[0] is None:
        return f"below {number(ends[1], unit)}"
    return f"{number(ends[0], unit)} to {number(ends[1], unit)}"


def estimate(row: Mapping[str, Any] | pd.Series, *, n: bool = True) -> str:
    """A finding as text: estimate, 95 % interval and n ("0.325 (0.318 to 0.332, n = 3,000)")."""
    value, low, high = (_float(row[name]) for name in ("estimate", "low", "high"))
    unit = str(row["unit"])
    if value is None:  # one-sided: the source of the number is a bound
        return interval(low, high, unit) or "no estimate"
    inside = [interval(low, high)] if interval(low, high) else []
    if n and int(row["n"]) > 0:
        inside.append(f"n = {int(row['n']):,}")
    return f"{number(value, unit)} ({', '.join(inside)})" if inside else number(value, unit)


def _float(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


# ------------------------------------------------------------------------------------- sentences


def rows(findings: Iterable[Finding]) -> pd.DataFrame:
    """Findings as a table, a row a finding; with its columns even where there are none."""
    names = ["id", *(field.name for field in fields(Finding))]
    return pd.DataFrame([{"id": f.id, **asdict(f)} for f in findings], columns=names)


def pick(findings: pd.DataFrame, **where: str) -> pd.Series | None:
    """The one finding that matches every named column, or None.

    Raises
    ------
    DataError
        If several match: a sentence about one number must not choose among them silently.
    """
    chosen = findings
    for column, value in where.items():
        chosen = chosen[chosen[column] == value]
    if len(chosen) > 1:
        described = ", ".join(f"{column} {value!r}" for column, value in where.items())
        raise DataError(f"{len(chosen)} findings match {described}; name one of them.")
    return chosen.iloc[0] if len(chosen) else None


def say(template: str, provenance: str | Iterable[str] = (), **values: Any) -> Html:
    """A sentence whose numbers come from findings.

    Parameters
    ----------
    template
        The sentence, with a ``{name}`` for each value; trusted HTML of ours (``<em>`` and such).
    provenance
        Of the values that are not findings; findings bring their own.
    values
        A finding (a row of the findings table) becomes estimate, interval and n; ``{name:short}``
        leaves interval and n out, ``{name:percent}`` writes a proportion as per cent. A number is
        formatted, a text escaped. If any value is None the sentence says that this run lacks it.
    """
    missing = [name for name, value in values.items() if value is None]
    if missing:
        told = ", ".join(_escape(name.replace("_", " ")) for name in missing)
        return Html(f'<p class="rv-say rv-missing">Not in this run: {told}.</p>')
    kinds = {provenance} if isinstance(provenance, str) else set(provenance)
    kinds |= {str(v["provenance"]) for v in values.values() if isinstance(v, pd.Series)}
    text = _Sentence().format(template, **values)
    return Html(f'<p class="rv-say">{text} {badge(kinds) if kinds else ""}</p>')


class _Sentence(string.Formatter):
    """`str.format` that knows findings and escapes what it puts in."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Html):
            return str(value)
        if isinstance(value, pd.Series):
            if format_spec == "short":
                return _escape(number(_float(value["estimate"]), str(value["unit"])))
            if format_spec == "percent":
                return _escape(estimate(_as_percent(value)))
            return _escape(estimate(value))
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            return _escape(str(value))
        if format_spec == "percent":
            return _escape(number(100 * float(value), "percent"))
        return _escape(format(value, format_spec) if format_spec else number(value))


def _as_percent(row: pd.Series) -> pd.Series:
    scaled = row.copy()
    for name in ("estimate", "low", "high"):
        value = _float(row[name])
        scaled[name] = None if value is None else 100 * value
    scaled["unit"] = "percent"
    return scaled


def span(row: pd.Series | None) -> Html | None:
    """A finding's interval alone ("0.31 to 0.34"), to set a second one beside an estimate."""
    if row is None:
        return None
    return Html(_escape(interval(_float(row["low"]), _float(row["high"]), str(row["unit"]))))


# ------------------------------------------------------------------------------ figures and tables


def figure(drawn: tuple[Figure, str], caption: str) -> Html:
    """A figure with its alternative text, as the functions of this room return it, on the page.

    The badges repeat the marks that `figures.style.mark_provenance` drew, so that the caption
    cannot say something else than the figure.

    Raises
    ------
    DataError
        If the figure carries no mark of provenance, or the alternative text is empty.
    """
    from .style import show

    fig, alt = drawn
    marks = {str(text.get_gid() or "") for text in fig.texts}
    kinds = [kind for kind in PROVENANCES if f"provenance-{kind}" in marks]
    if not kinds:
        raise DataError("a figure on a page needs its provenance marked (style.mark_provenance).")
    if not alt.strip():
        raise DataError("a figure on a page needs an alternative text.")
    image = str(show(fig, _whole(alt)).data)
    return Html(
        f'<figure class="rv-figure">{image}'
        f"<figcaption>{_escape(caption)} {badge(kinds)}</figcaption></figure>"
    )


def table(
    data: pd.DataFrame,
    caption: str,
    *,
    provenance: str | Iterable[str] | None = None,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    download: Path | str = "",
    rows: int | None = None,
) -> Html:
    """A table that scrolls inside its own box, with caption, badges and its CSV.

    Parameters
    ----------
    data
        The table; every cell is escaped. Columns ``low`` and ``high`` beside ``estimate`` are
        folded into one column, "95 % interval".
    provenance
        Default: the table's own ``provenance`` column, which is then shown as a badge a row.
    columns
        Which columns to show, in this order, and what to call them; default: all, without
        underscores.
    units
        Unit of a column's numbers ("percent", "times").
    download
        The CSV that ``run.write_table`` wrote, or its address below the project's root.
    rows
        Show only the first so many; the CSV has them all, and the caption says so.

    Raises
    ------
    DataError
        If there is neither a provenance column nor a `provenance`.
    """
    own = "provenance" in data.columns
    kinds = provenance if provenance is not None else (set(data["provenance"]) if own else set())
    if data.empty:  # a head without rows has nothing to say, and no provenance to show
        return Html(f'<p class="rv-missing">{_escape(caption)}: nothing in this run.</p>')
    shown = data if rows is None else data.head(rows)
    called = dict(columns or {name: str(name).replace("_", " ") for name in data.columns})
    folded = _fold(shown[list(called)])
    names = [str(name) for name in folded.columns]
    head = "".join(
        f'<th scope="col"{_numeric(folded[name])}>{_escape(called.get(name, name))}</th>'
        for name in names
    )
    body = "".join(
        "<tr>"
        + "".join(_cell(row[name], name, (units or {}).get(name, "")) for name in names)
        + "</tr>"
        for row in folded.to_dict("records")
    )
    cut = f" The first {len(shown):,} of {len(data):,} rows." if len(shown) < len(data) else ""
    return Html(
        f'<div class="rv-table {_PLAIN}"><div class="rv-caption">'
        f"{_escape(caption)}.{cut} {badge(kinds)}{_link(download)}</div>"
        '<div class="rv-scroll" tabindex="0" role="region" '
        f'aria-label="{_escape(caption, quote=True)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _link(download: Path | str) -> str:
    """The link to a table's CSV, the same in the checkout and in the site."""
    if not str(download):
        return ""
    address = Path(download).as_posix()
    # A path of a run ends in data/runs/<run>/tables/<chapter>/<name>.csv, wherever the checkout is.
    if (start := address.find("data/runs/")) > 0:
        address = address[start:]
    target = _escape(f"{_ROOT}/{address}", quote=True)
    return f' <a class="rv-csv" download href="{target}">CSV</a>'


def _fold(data: pd.DataFrame) -> pd.DataFrame:
    """Join ``low`` and ``high`` into one readable column behind ``estimate``."""
    if not {"estimate", "low", "high"} <= set(data.columns):
        return data
    ends = zip(data["low"], data["high"], strict=True)
    texts = [interval(_float(low), _float(high)) for low, high in ends]
    folded = data.drop(columns=["low", "high"])
    folded.insert(folded.columns.get_loc("estimate") + 1, _INTERVAL, texts)
    return folded


def _numeric(column: pd.Series) -> str:
    return ' class="rv-number"' if pd.api.types.is_numeric_dtype(column) else ""


def _cell(value: Any, name: str, unit: str) -> str:
    if name == "provenance":
        return f"<td>{badge(str(value))}</td>"
    if isinstance(value, Html):
        return f"<td>{value}</td>"
    if isinstance(value, bool | np.bool_):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | float | np.number):
        text = "" if pd.isna(value) else _escape(number(value, unit))
        return f'<td class="rv-number">{text}</td>'
    if value is None or value is pd.NA:
        return "<td></td>"
    text = _cut(str(value), _CELL_LENGTH)
    # Names and intervals stay on one line, remarks get room to be read; the box scrolls.
    kind = "rv-short" if len(text) <= 34 else "rv-long"
    return f'<td class="{kind}">{_escape(text)}</td>'


def several(parts: Iterable[Html]) -> Html:
    """Several figures or tables of one kind, one below the other."""
    markup = "".join(map(str, parts))
    return Html(markup or '<p class="rv-missing">Nothing of this in this run.</p>')


def folded(title: str, part: Html) -> Html:
    """A part that opens on demand, for the many figures of a kind that nobody reads all of."""
    return Html(f'<details class="rv-fold"><summary>{_escape(title)}</summary>{part}</details>')


def foreign(text: str, language: str) -> Html:
    """A text in another language, marked as such and kept apart from the direction around it.

    `language` is an ISO 639-1 code. ``bdi`` lets the text run in its own direction without moving
    the punctuation of what stands beside it.
    """
    return Html(f'<bdi lang="{_escape(language, quote=True)}">{_escape(text)}</bdi>')


def answer(text: str, *, length: int = _ANSWER_LENGTH, download: Path | str = "") -> Html:
    """What a model wrote, as written: escaped, its control characters shown, cut to `length`.

    It is a stranger's text. It is shown behind a content note (`folded`), with `download` naming
    the table that holds all of it.
    """
    link = _link(download) if len(text) > length else ""
    shown = _escape(legible(text, length))
    return Html(f'<blockquote class="rv-answer {_PLAIN}"><bdi>{shown}</bdi>{link}</blockquote>')


def legible(text: str, length: int = _ANSWER_LENGTH) -> str:
    """A stranger's text for the eye, not yet escaped: cut to `length`, controls as pictures.

    Half a surrogate pair, which no file can hold, becomes U+FFFD.
    """
    return _whole(_cut(text, length).translate(_CONTROLS))


# Unicode has a picture of every control character; line breaks and tabs are left to do their work.
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}


def _cut(text: str, length: int) -> str:
    """The first `length` characters, and how many there are if that is not all."""
    return text if len(text) <= length else f"{text[:length]} … ({len(text):,} characters)"


def note(text: str) -> Html:
    """A boxed remark, for what a chapter could not do ("the public data is not reachable")."""
    return Html(f'<div class="rv-note" role="note">{_escape(text)}</div>')


def missing(sources: Mapping[str, str]) -> Html:
    """What a chapter says where public files could not be had, by file with the reason."""
    if not sources:
        return Html("")
    listed = "".join(
        f"<li><code>{_escape(file)}</code>: {_escape(why)}</li>" for file, why in sources.items()
    )
    return Html(
        '<div class="rv-note" role="note">This run has no access to the public data of this part: '
        f"it is neither in the cache nor reachable. What depends on it is left out.<ul>{listed}"
        "</ul></div>"
    )


def lead(*sentences: Html) -> Html:
    """The finding that opens a chapter: sentences from `say`, set apart."""
    return Html(f'<div class="rv-lead">{"".join(map(str, sentences))}</div>')
