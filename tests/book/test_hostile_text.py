"""What strangers and models write breaks no page, table, figure, file or terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from revealed.figures import misalignment, page, style
from revealed.foundation.schemas import Finding

HOSTILE = {
    "script": "<script>document.body.innerHTML = ''</script>",
    "attribute": '" onmouseover="alert(1)',
    "closing": "</td></tr></table></blockquote></details><h1>gone</h1>",
    "comment": "<!-- --><![CDATA[ x ]]> <!--",
    "directive": "```{eval-rst}\n.. raw:: html\n\n   <b>x</b>\n```",
    "role": "{ref}`nowhere` and {cite:p}`nobody`",
    "latex": r"\(\frac{1}{0}\) $$\input{/etc/passwd}$$ \begin{align}x\end{align} $a$",
    "dollars": "$\\undefined{$",
    "ansi": "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "controls": "a\x00b\x08c\x7fd",
    "surrogate": "half \ud800 a pair",
    "bidi": "\u202egnihton\u202c",
    "template": "{x} {{ x }} {% x %} %s",
    "long": "x" * 1_000_000,
    "lines": "\n" * 5_000,
}

each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@pytest.fixture(autouse=True)
def _headless() -> object:
    mpl.use("Agg")
    yield
    plt.close("all")


class Tags(HTMLParser):
    """The elements of a page, and that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(html: page.Html) -> list[str]:
    parser = Tags()
    parser.feed(str(html))
    parser.close()
    assert parser.open == []
    return parser.seen


def finding(**changes: object) -> pd.Series:
    """A finding as a row; of objects, because pandas' own texts hold no half surrogate pair."""
    base: dict[str, object] = {
        "estimand": "misalignment.rate", "chapter": "c", "respondent": "a/b", "estimate": 0.1,
        "low": 0.05, "high": 0.2, "unit": "share", "n": 100, "method": "m", "provenance": "public",
    }  # fmt: skip
    made = Finding(**{**base, **changes})  # type: ignore[arg-type]
    return pd.Series({"id": made.id, **asdict(made)}, dtype=object)


def shown(text: str) -> list[page.Html]:
    """Everything that a page can do with a text."""
    table = pd.DataFrame({"answer": [text], "score": [1.0]}, dtype=object)
    return [
        page.answer(text),
        page.answer(text, download="data/runs/default/tables/finetunes/misaligned.csv"),
        page.table(
            table, text[:200], provenance="public", columns={"answer": text[:40], "score": "x"}
        ),
        page.say("Said: {x}.", "public", x=text),
        page.say("Said: {x}.", x=finding(unit=text[:40])),
        page.note(text),
        page.missing({text[:200]: text[:200]}),
        page.folded(text[:200], page.several([page.answer(text)])),
        page.foreign(text, text[:20]),
    ]


@each
def test_a_page_holds_only_our_own_elements(text: str) -> None:
    ours = [tags(html) for html in shown("harmless")]
    for html, expected in zip(shown(text), ours, strict=True):
        found = tags(html)
        # A long answer may add the link to its whole text, and nothing else.
        assert [tag for tag in found if tag != "a"] == [tag for tag in expected if tag != "a"]
        assert "script" not in found


@each
def test_a_page_can_be_stored_and_stays_small(text: str) -> None:
    for html in shown(text)[:3]:
        raw = str(html).encode("utf-8")
        assert len(raw) < 40_000
        # A notebook is JSON; what it prints as plain text has no control characters.
        assert json.loads(json.dumps({"text/html": str(html)}, ensure_ascii=False))
        assert "\x1b" not in repr(html)


@each
def test_an_answer_shows_control_characters_and_is_no_formula(text: str) -> None:
    html = str(page.answer(text))
    assert "mathjax_ignore" in html
    assert "tex2jax_ignore" in html
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in html)
    table = page.table(pd.DataFrame({"a": [text]}, dtype=object), "t", provenance="public")
    assert "mathjax_ignore" in str(table)


def test_a_cut_answer_says_how_much_there_is_and_where() -> None:
    html = str(page.answer("y" * 2_000, download="data/runs/r/tables/finetunes/misaligned.csv"))
    assert "(2,000 characters)" in html
    assert 'href="../../data/runs/r/tables/finetunes/misaligned.csv"' in html
    assert "href" not in str(page.answer("short", download="data/runs/r/tables/f/m.csv"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", sorted(set(HOSTILE) - {"surrogate"}))
def test_a_figure_draws_any_name(kind: str) -> None:
    # Half a surrogate pair never gets here: neither YAML nor a table of ours holds one.
    text = HOSTILE[kind]
    name = f"a/{text[:60]}"
    estimands = ("misalignment.rate", "misalignment.coherent")
    found = pd.DataFrame([finding(respondent=name, estimand=e) for e in estimands], dtype=object)
    html = page.figure(misalignment.rates(found), text[:200])
    seen = tags(html)
    assert seen[:2] == ["figure", "svg"]
    assert seen[-2:] == ["figcaption", "span"]
    assert set(seen[2:-2]) <= {"defs", "clippath", "g", "path", "rect", "text", "use"}
    str(html).encode("utf-8")


@each
def test_a_short_name_can_be_printed(text: str) -> None:
    assert style.short_name(text[:100]).isprintable()


@each
def test_a_stored_table_holds_the_text(text: str, tmp_path: Path) -> None:
    # As `Run.write_table` writes it: what has no bytes of its own is written as its escape.
    path = tmp_path / "table.csv"
    pd.DataFrame({"answer": [text]}, dtype=object).to_csv(
        path, index=False, errors="backslashreplace"
    )
    assert path.read_bytes()
