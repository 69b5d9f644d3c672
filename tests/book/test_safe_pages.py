"""Every page of the built book: no serious fault for axe-core, a strict policy, a light load.

Needs ``make book`` first; without a built book the tests are skipped, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from revealed.foundation.paths import project_root
from revealed.report.browser import pages, served
from revealed.report.inspect import WEIGHT_LIMIT, Audit, audit, inspect

pytestmark = pytest.mark.browser

SITE = project_root(Path(__file__).parent) / "_build" / "html"


@pytest.fixture(scope="module")
def names() -> list[str]:
    if not (SITE / "index.html").is_file():
        pytest.skip("no built book here (make book)")
    return [name for name in pages(SITE) if name != "index.html"]


@pytest.fixture(scope="module")
def address(names: list[str]) -> Iterator[str]:
    with served(SITE) as found:
        yield found


def policy_of(page: str) -> dict[str, list[str]]:
    found = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found, "a page without a policy"
    rules = [rule.split() for rule in found[1].split(";")]
    return {rule[0]: rule[1:] for rule in rules}


def test_every_page_has_a_policy_that_names_no_host(names: list[str]) -> None:
    allowed = {"'self'", "'none'", "data:", "blob:"}
    for name in ["index.html", *names]:
        page = (SITE / name).read_text(encoding="utf-8")
        rules = policy_of(page)
        # What stands before the policy is not under it.
        assert "<script" not in page[: page.index("Content-Security-Policy")], name
        assert rules["default-src"] == ["'none'"], name
        for kind, sources in rules.items():
            rest = {s for s in sources if not s.startswith("'sha256-")} - allowed
            assert rest <= ({"'unsafe-inline'"} if kind == "style-src-attr" else set()), name


def faults_of(name: str, found: Audit) -> list[str]:
    return [
        f"{name}: {broken.impact}: {broken.rule}: {broken.elements[0]}"
        for broken in found.violations
        if broken.impact in ("critical", "serious")
    ]


# Colors and widths are independent, so two of the four combinations show both.


@pytest.mark.timeout(900)
def test_every_page_is_light_and_has_no_serious_fault(
    browser: object, address: str, names: list[str]
) -> None:
    faults: list[str] = []
    heavy = {}
    for name in names:
        found = inspect(browser, address, name)  # type: ignore[arg-type]
        assert found.requests > 5, name
        assert found.audit.passes > 20, name
        faults += faults_of(name, found.audit)
        if found.weight > WEIGHT_LIMIT:
            heavy[name] = found.weight
    assert not faults
    assert not heavy


@pytest.mark.timeout(900)
def test_no_page_has_a_serious_fault_in_the_dark_on_a_phone(
    browser: object, address: str, names: list[str]
) -> None:
    context = browser.new_context(  # type: ignore[attr-defined]
        viewport={"width": 390, "height": 900}, color_scheme="dark"
    )
    faults: list[str] = []
    for name in names:
        tab = context.new_page()
        tab.goto(address + name)
        tab.wait_for_load_state("networkidle")
        faults += faults_of(name, audit(tab))
        tab.close()
    context.close()
    assert not faults


def test_an_injected_script_does_not_run(browser: object, address: str) -> None:
    tab = browser.new_page()  # type: ignore[attr-defined]
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    # As if a text had come into the page unescaped, in three ways.
    tab.route(
        "**/book/index.html",
        lambda route: route.fulfill(
            content_type="text/html",
            body=(SITE / "book" / "index.html")
            .read_text(encoding="utf-8")
            .replace(
                "</article>",
                "<script>window.ran = 'script'</script><img src='x' onerror=\"window.ran = 'img'\">"
                "<script src='http://127.0.0.1:9/other.js'></script></article>",
            ),
        ),
    )
    tab.goto(address + "book/index.html")
    tab.wait_for_load_state("networkidle")
    assert tab.evaluate("typeof window.ran") == "undefined"
    stopped = [text for text in said if "Content Security Policy" in text]
    assert len(stopped) >= 3
    assert any("127.0.0.1:9" in text for text in stopped)
    tab.close()


def test_from_a_folder_pages_work_as_from_a_server(browser: object, names: list[str]) -> None:
    tab = browser.new_page()  # type: ignore[attr-defined]
    said: list[str] = []
    tab.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto((SITE / "book" / "methods.html").as_uri())
    tab.wait_for_selector(".katex")
    before = tab.evaluate("document.documentElement.dataset.mode")
    tab.locator(".theme-switch-button").first.click()
    assert tab.evaluate("document.documentElement.dataset.mode") != before
    assert not said
    tab.goto((SITE / "search.html").as_uri() + "?q=gate")
    tab.wait_for_selector("ul.search li a")
    tab.close()


def test_a_keyboard_reaches_the_text_first_and_sees_where_it_is(
    browser: object, address: str
) -> None:
    tab = browser.new_page()  # type: ignore[attr-defined]
    tab.goto(address + "book/methods.html")
    tab.wait_for_load_state("networkidle")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to main content"
    tab.keyboard.press("Tab")
    seen = tab.evaluate(
        "(() => { const style = getComputedStyle(document.activeElement);"
        "return [style.outlineStyle, parseFloat(style.outlineWidth)] })()"
    )
    assert seen[0] != "none"
    assert seen[1] >= 2
    tab.close()


def test_every_table_has_headers_and_every_icon_a_shape(
    browser: object, address: str, names: list[str]
) -> None:
    bare = []
    for name in names:
        page = (SITE / name).read_text(encoding="utf-8")
        for table in re.findall(r"<table\b.*?</table>", page, re.DOTALL):
            if "<th" not in table and "genindextable" not in table and "indextable" not in table:
                bare.append(f"{name}: {table[:120]}")
    assert not bare
    tab = browser.new_page()  # type: ignore[attr-defined]
    tab.goto(address + "book/index.html")
    tab.wait_for_load_state("networkidle")
    # The fonts that the icons need are there; a glyph that was cut away would be drawn by another.
    assert tab.evaluate("document.fonts.check('900 16px \"Font Awesome 6 Free\"')")
    empty = tab.evaluate(
        "[...document.querySelectorAll('i[class*=fa-]')].filter(i =>"
        "getComputedStyle(i, '::before').content in {none: 1, normal: 1}).map(i => i.className)"
    )
    assert not empty
    tab.close()
