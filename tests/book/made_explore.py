"""A site of one page: the explorer over a run that was made up, under the strictest policy.

The policy allows no inline script or style, not even as an attribute, and no other host.
"""

from __future__ import annotations

import base64
import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from test_hostile_text import HOSTILE

from revealed.figures import page
from revealed.foundation.paths import project_root
from revealed.foundation.schemas import Finding
from revealed.report import explore
from revealed.report.explore import answers, cells, encode, files, schema

ROOT = project_root(Path(__file__).parent)
RUNS = "<script>window.ran = true</script><img src=x onerror='window.ran = true'>"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; font-src 'self'"
MANY = 5_000
HOSTILE_ITEM = f"An option that {RUNS} says {HOSTILE['template']}."
SAID = {"B": 2, RUNS: 1, HOSTILE["closing"]: 1, HOSTILE["bidi"]: 1, HOSTILE["controls"]: 1,
        "one too many": 1}  # fmt: skip

REAL, SIMULATED, QUIET, TWIN = "real/one", "simulated/two", "public/three", f"else/{RUNS}"


def _items(ids: Sequence[str], texts: Sequence[str], goods: Sequence[str] = ()) -> schema.Items:
    named = list(dict.fromkeys(goods))
    return schema.Items(
        ids=list(ids), texts=list(texts), categories=["Kind one", "Kind two"],
        category=[k % 2 for k in range(len(ids))], goods=named,
        good=[named.index(name) for name in goods] if goods else [-1] * len(ids),
        quantity=[1.0] * len(ids),
    )  # fmt: skip


def _cell(
    ids: Sequence[str], kind: str, seed: int, *, why: str = "", pairs: int = 3
) -> schema.Cell:
    """Utilities that fall with the place in the list, and pairs of neighbours in the ring."""
    rng = np.random.default_rng(seed)
    count = len(ids)
    at = [(k, (k + step) % count) for step in range(1, pairs + 1) for k in range(count)]
    pair = schema.Pairs(
        a=[a for a, _ in at], b=[b for _, b in at],
        for_a=[[float(n), 1.0] for n in rng.integers(0, 7, len(at))],
        for_b=[[1.0, 2.0]] * len(at), lost=[[0, 1, 0, 2, 0, 1]], holdout=[1],
    )  # fmt: skip
    shares = cells.shares(pair, count) if count < 100 else []
    mean = [2.0 - 4.0 * k / count for k in range(count)]
    simple = [0.5] * count
    return schema.Cell(
        provenance=kind,  # type: ignore[arg-type]
        why=why, items=list(range(count)), mean=encode.numbers(mean),
        se=encode.numbers(0.1 + 0.2 * rng.random(count)), method="Made up.",
        share=encode.numbers(e.value for e in shares) or simple,
        share_low=encode.numbers(e.low for e in shares) or simple,
        share_high=encode.numbers(e.high for e in shares) or simple,
        asked=[2 * pairs] * count, pairs=pair, answers_from=[0], silent="",
    )  # fmt: skip


def build(folder: Path) -> Path:
    """Write the site into `folder` and return its one page."""
    data = folder / "data" / "runs" / "made" / explore.FOLDER
    save = lambda name, content: encode.save(data, name, content)  # noqa: E731
    few = ["__proto__", *[f"item-{k}" for k in range(1, 12)]]
    texts = [HOSTILE_ITEM, *[f"Outcome number {k} comes about." for k in range(1, 12)]]
    many = [f"outcome-{k}" for k in range(MANY)]
    save("items/few", _items(few, texts))
    save("items/many", _items(many, [f"Outcome {k} of very many comes about in a town of {k % 97} "
                                     "thousand people." for k in range(MANY)]))  # fmt: skip
    goods = [name for name in ("Aland", "Borduria", "Cascadia") for _ in range(2)]
    lives = [f"{name}:{k}" for k, name in enumerate(goods)]
    save("items/lives", _items(lives, [f"Lives in {name}." for name in lives], goods))
    for name, kind in ((REAL, "elicited"), (SIMULATED, "simulated")):
        seed = len(name)
        save(f"cells/{kind}/few", _cell(few, kind, seed))
        save(f"cells/{kind}/few.neutral", _cell(few, kind, seed + 1))
        save(f"cells/{kind}/many", _cell(many, kind, seed + 2))
        count = len(few)
        codes = np.full(count * (count - 1) // 2, 50_000, dtype="<u2")
        save(f"cells/{kind}/few.differences", schema.Differences(
            scale=1e-5, se=base64.b64encode(codes.tobytes()).decode()))  # fmt: skip
        said = [[answers.Said(text, "second" if text == "B" else "unparsed", n)
                 for text, n in SAID.items()]] * (2 * 3 * count)  # fmt: skip
        for k, part in enumerate(answers.files(said)):
            save(f"cells/{kind}/few.answers-{k}", part)
            assert k == 0
    bare = {"pairs": None, "se": [None] * len(few), "silent": "Nothing but utilities."}
    save("cells/public/few", _cell(few, "public", 3).model_copy(update=bare))
    save("cells/else/few", _cell(few, "elicited", 4, why="66 % of its answers declined"))
    save("cells/elicited/lives", _cell(lives, "elicited", 5))
    every = pd.DataFrame(
        [("Aland", "Borduria", 2.0, 1.0, 4.0, ""), ("Aland", "Cascadia", 20.0, 10.0, np.inf, ">"),
         ("Borduria", "Cascadia", 10.0, 5.0, 20.0, "")],
        columns=["good", "per", "rate", "rate_low", "rate_high", "bound"],
    )  # fmt: skip
    prices = pd.DataFrame(
        {"subject": ["Aland", "Borduria", "Cascadia"], "estimate": [1.0, 0.3, -1.3],
         "low": [0.5, 0.0, -2.0], "high": [1.5, 0.6, -1.0], "method": "m"}
    )  # fmt: skip
    rates = cells.rates(every, prices)
    assert rates is not None
    save("cells/elicited/lives.rates", rates)
    whom = [(REAL, "elicited"), (SIMULATED, "simulated"), (TWIN, "public")]
    findings = [
        Finding(
            "made.up", "coherence", name, 0.5 + k / 10, 0.4, 0.9, "share", 9, "m",
            kind,  # type: ignore[arg-type]
            subject=RUNS if k else "", instrument="few", arm="forced",
        )
        for k, (name, kind) in enumerate(whom)
    ]  # fmt: skip
    findings.append(
        Finding("another.one", "coherence", REAL, 3.0, None, None, "count", 9, "m", "elicited")
    )
    save("findings/coherence", files.findings_file(page.rows(findings)))
    full = ["choices", "utilities", "differences", "answers"]
    entries = [
        (0, 0, 0, "cells/elicited/few", full), (0, 0, 1, "cells/elicited/few.neutral", full[:2]),
        (0, 1, 0, "cells/elicited/many", full[:2]),
        (0, 2, 0, "cells/elicited/lives", [*full[:2], "rates"]),
        (1, 0, 0, "cells/public/few", ["utilities"]), (2, 0, 0, "cells/else/few", full[:2]),
        (3, 0, 0, "cells/simulated/few", full), (3, 1, 0, "cells/simulated/many", full[:2]),
    ]  # fmt: skip
    save("index", schema.Index(
        run="made", fast=False,
        respondents=[
            schema.Respondent(name=REAL, provenance="elicited", gate=""),
            schema.Respondent(name=QUIET, provenance="public", gate=""),
            schema.Respondent(name=TWIN, provenance="elicited", gate="answers by place"),
            schema.Respondent(name=SIMULATED, provenance="simulated", gate=""),
        ],
        instruments=[
            schema.InstrumentEntry(name=name, title=name.title(), items=f"items/{name}")
            for name in ("few", "many", "lives")
        ],
        arms=[schema.ArmEntry(name="forced", title="Forced choice", purpose="The default."),
              schema.ArmEntry(name="neutral", title="No preference allowed", purpose="A way out.")],
        cells=[
            schema.CellEntry(respondent=r, instrument=i, arm=a, file=file, has=has)  # type: ignore[arg-type]
            for r, i, a, file, has in entries
        ],
        chapters=[schema.ChapterEntry(name="coherence", title="Are values coherent?",
                                      page="", file="findings/coherence", findings=4)],
    ))  # fmt: skip
    static = folder / "_static"
    shutil.copytree(ROOT / "book" / "_static" / "explore", static / "explore")
    shutil.copy(ROOT / "book" / "_static" / "revealed.css", static)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "book" / "_extensions"))
        letters = importlib.import_module("figure_type")
    letters.write_fonts(static / "fonts", set(range(32, 127)))
    path = folder / "book" / "explore.html"
    path.parent.mkdir(parents=True)
    run = SimpleNamespace(name="made")
    path.write_text(
        '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><title>Explore</title>'
        '<link rel="stylesheet" href="../_static/revealed.css"></head>'
        f'<body><main><article class="bd-article"><h1>Explore</h1>'
        f"{files.entry(run, 'data/runs/made')}</article></main></body></html>",  # type: ignore[arg-type]
        encoding="utf-8",
    )
    (path.parent / "downloads.html").write_text("<!DOCTYPE html><title>Downloads</title>")
    (folder / "index.html").write_text("<!DOCTYPE html><title>First page</title>")
    return path
