"""The tables of `benchmarks/README.md` say what the files beside it say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


def made(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def short(value: float | None) -> str:
    """Three digits, or all before the point."""
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def elicitation() -> Iterator[list[str]]:
    for r in made("elicitation")["rows"]:
        what, cpu = r["what"], r["cpu_ms_per_request"]
        if "part_ms_per_request" in r:
            share = percent(r["part_over_litellm_cpu"], 1)
            yield [what, f"{cpu:.3f}", f"{r['part_ms_per_request']:.3f}", share]
            continue
        yield [
            "**Revealed**" if what == "Revealed" else what, f"{r['requests_per_second']:,.0f}",
            f"{cpu:.2f}", f"{r['peak_memory_mib']:.0f}", f"{r['rate_over_litellm']:.2f}",
        ]  # fmt: skip


def battery() -> Iterator[list[str]]:
    for r in made("battery")["rows"]:
        yield [
            f"{r['what']}, {r['way']}", f"{r['requests']:,}", f"{r['requests_per_second']:.0f}",
            f"{r['cpu_ms_per_request']:.2f}", f"{r['rate_over_client']:.2f}",
        ]  # fmt: skip


def ledger() -> Iterator[list[str]]:
    for r in made("ledger")["rows"]:
        rate = r.get("rows_per_second", r["rows"] / r["seconds"])
        yield [
            r["step"], f"{r['rows']:,}", f"{r['seconds']:.0f}", f"{r['cpu_seconds']:.0f}",
            f"{rate:,.0f}", f"{r['peak_memory_mib']:.0f}", f"{r['bound_memory_mib']}",
        ]  # fmt: skip


def gpu() -> Iterator[list[str]]:
    for r in made("gpu")["rows"]:
        if r["what"] == "refits":
            yield [
                f"{r['replicates']:,} at {r['outcomes']:,} outcomes", duration(r["seconds"]),
                duration(r["kernel_seconds"]), duration(r["bound_seconds"]),
                percent(r["bound_seconds"] / r["kernel_seconds"]), duration(r["cpu_seconds"]),
                short(r["cpu_seconds"] / r["seconds"]), f"{r['difference']:.0e}",
            ]  # fmt: skip
        elif r["what"] == "one fit":
            yield [
                f"{r['outcomes']:,} outcomes", duration(r["seconds"]), duration(r["cpu_seconds"]),
                f"{r['difference']:.0e}",
            ]  # fmt: skip


FITS = {
    "original's method, NumPy": "original",
    "original's method with its refit on pseudo-labels, NumPy": "original_whole",
    "original's method, PyTorch": "original_torch",
    "Revealed, Case V with order effect": "ours",
    "Revealed, per-item variances": "ours_item_variances",
    "Revealed, HC3 covariance": "ours_hc3",
    "evalica, Bradley-Terry": "evalica",
    "choix, ilsr_pairwise_dense": "choix",
    "statsmodels, GLM probit": "statsmodels",
}


def fits() -> Iterator[list[str]]:
    sizes = made("fits")["sizes"]
    for title, name in FITS.items():
        taken = [row["seconds"][name] for row in sizes]
        yield [title, *(short(None if s is None else 1000 * s) for s in taken)]
    refits = next(row["bootstrap"]["seconds"] for row in sizes if "bootstrap" in row)
    for title, name in (("ours, numba", "ours_numba"), ("ours, numpy", "ours_numpy")):
        yield [title, short(refits[name]), short(refits["evalica"] / refits[name])]


def storm() -> Iterator[list[str]]:
    rows = made("storm")["rows"]
    for name in ("sent", "answered", "stored"):
        yield [name, *(f"{row[name]:,}" for row in rows)]
    yield ["paid, by the ledger's costs", *(f"{row['paid']:,}" for row in rows)]
    for name in ("lost", "repeated"):
        yield [f"**{name}**", *(f"{row[name]}" for row in rows)]


def batch() -> Iterator[list[str]]:
    seconds: dict[str, list[float]] = {}
    for r in made("batch")["rows"]:
        seconds.setdefault(r["step"], []).append(r["cpu_seconds"])
    for step, taken in seconds.items():
        yield [step, *(f"{s:.3g}" for s in taken), *["-"] * (2 - len(taken))]


def calls() -> Iterator[list[str]]:
    rows = made("calls")["rows"]
    for estimand in ("utilities", "prices"):
        own = [r for r in rows if r["estimand"] == estimand]
        for strategy in dict.fromkeys(r["strategy"] for r in own):
            told = [r for r in own if r["strategy"] == strategy]
            if strategy == "original pipeline":
                yield ["error of the original", *(f"{r['error']:.3f}" for r in told)]
            elif not strategy.endswith("stopping"):
                yield [strategy, *(_ratio(r) for r in told)]
        for title, strategy in (
            ("most that any design can", "our design, 2 answers"),
            ("the same, log-probabilities", "our design, log-probabilities"),
        ):
            told = [r["fewer_possible"] for r in own if r["strategy"] == strategy]
            yield [f"**{title}**", *(f"{x:.1f}" if x else "no bound" for x in told)]


def _ratio(row: dict[str, Any]) -> str:
    fewer = row["fewer"]
    digits = 0 if fewer >= 20 or (fewer >= 10 and row["estimand"] == "utilities") else 1
    return f"{fewer:.{digits}f}" + ("" if row["measured"] else "*")


TABLES = (elicitation, battery, ledger, gpu, fits, storm, batch, calls)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_row_of_a_table_is_that_of_its_file(table: Any) -> None:
    told = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [f"| {' | '.join(row)} |" for row in table()]
    assert rows
    assert [row for row in rows if row not in told] == []
