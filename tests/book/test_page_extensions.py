"""The extensions that finish a page: its policy, its icons, its names for a screen reader."""

from __future__ import annotations

import base64
import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from revealed.cli.app import app
from revealed.foundation.errors import ConfigError, DataError
from revealed.foundation.paths import project_root
from revealed.report import browser as browsers
from revealed.report.browser import BrowserError, chromium, pages, served

ROOT = project_root(Path(__file__).parent)
HEAD = '<html><head>\n<meta charset="utf-8" />\n<script>let x = 1;</script></head>'


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "book" / "_extensions"), *sys.path])

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_scripts_of_the_head_are_allowed_by_their_hash_and_no_others(extension) -> None:
    secured = extension("content_security").secured
    page, stopped = secured(f"{HEAD}<body><p>Text</p></body>")
    expected = base64.b64encode(hashlib.sha256(b"let x = 1;").digest()).decode()
    assert f"script-src 'self' 'sha256-{expected}';" in page
    assert page.index("Content-Security-Policy") < page.index("<script")
    assert "unsafe-eval" not in page
    assert page.count("unsafe-inline") == page.count("style-src-attr 'unsafe-inline'") == 1
    assert stopped == []


@pytest.mark.parametrize(
    "body", ["<script>bad()</script>", '<script type="text/javascript">bad()</script>',
             '<img src="x" onerror="bad()">', "<SCRIPT>bad()</SCRIPT>"],
)  # fmt: skip
def test_what_the_policy_stops_is_told_and_not_allowed(extension, body: str) -> None:
    page, stopped = extension("content_security").secured(f"{HEAD}<body>{body}</body>")
    assert len(stopped) == 1
    digest = base64.b64encode(hashlib.sha256(b"bad()").digest()).decode()
    assert digest not in page


def test_data_in_a_script_element_and_files_of_the_book_are_no_inline_scripts(extension) -> None:
    body = '<script type="application/json">{"a": 1}</script><script src="a.js"></script>'
    body += '<p title="a onerror=bad() b">&lt;img src=x onerror=bad()&gt;</p>'
    _, stopped = extension("content_security").secured(f"{HEAD}<body>{body}</body>")
    assert stopped == []


def test_a_page_that_cannot_have_a_policy_is_told(extension) -> None:
    _, stopped = extension("content_security").secured("<p>No head here.</p>")
    assert stopped


def test_the_style_sheet_keeps_the_icons_that_are_named(extension) -> None:
    css = (
        '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-bomb:before{content:"\\f1e2"}'
        ':root{--pst-icon-bell:"\\f0f3";--pst-breadcrumb-divider:"\\f105"}.fa-lg{font-size:2em}'
    )
    kept, points = extension("light_icons").pruned(css, {"fa-navicon", "fa-lg"})
    assert "fa-bars" in kept
    assert "fa-bomb" not in kept
    assert ".fa-lg{font-size:2em}" in kept
    assert points == {0xF0C9, 0xF0F3, 0xF105}


def test_a_font_keeps_the_glyphs_that_are_drawn_and_is_the_same_bytes(
    extension, tmp_path: Path
) -> None:
    import matplotlib
    from fontTools.ttLib import TTFont

    whole = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    made = [tmp_path / "a.woff", tmp_path / "b.woff"]
    for path in made:
        extension("light_icons").subset(whole, path, {ord("a"), ord("ß")})
    assert set(TTFont(made[0]).getBestCmap()) == {ord("a"), ord("ß")}
    assert made[0].read_bytes() == made[1].read_bytes()
    assert made[0].stat().st_size < whole.stat().st_size / 50


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<summary aria-label="Toggle hidden content">', "<summary>"),
        ('<i class="fa-solid fa-list"></i>',
         '<i aria-hidden="true" class="fa-solid fa-list"></i>'),
        ('<th scope="col"></th>', "<td></td>"),
        ('<th scope="col">Name</th>', '<th scope="col">Name</th>'),
        ('<i class="far-away">x</i>', '<i class="far-away">x</i>'),
        ('<table class="autosummary x"><tr class="row-odd"><td>a</td><td>b</td></tr></table>',
         '<table class="autosummary x"><tr class="row-odd"><th scope="row">a</th><td>b</td></tr>'
         "</table>"),
    ],
)  # fmt: skip
def test_names_for_a_screen_reader(extension, before: str, after: str) -> None:
    assert extension("accessible").accessible(before) == after


def test_without_a_book_or_a_browser_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="make book"), served(tmp_path):
        pass
    monkeypatch.setattr(browsers.shutil, "which", lambda _: None)
    with pytest.raises(BrowserError, match=r"chromium.*apt-get"), chromium():
        pass
    told = CliRunner().invoke(app, ["site", "--site", str(tmp_path)])
    assert isinstance(told.exception, DataError)
    (tmp_path / "index.html").write_text("<p>")
    told = CliRunner().invoke(app, ["site", "book/none.html", "--site", str(tmp_path)])
    assert isinstance(told.exception, ConfigError)


def test_templates_among_static_files_are_no_pages(tmp_path: Path) -> None:
    for name in ("index.html", "book/a.html", "_static/macro.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("<p>")
    assert pages(tmp_path) == ["book/a.html", "index.html"]
