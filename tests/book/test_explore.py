"""The explorer in a real browser: on a page of a made-up run, and on the built book."""

from __future__ import annotations

import csv
import io
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_explore import HOSTILE_ITEM, MANY, QUIET, REAL, RUNS, SIMULATED, TWIN, build

from revealed.foundation.errors import RevealedError
from revealed.foundation.paths import project_root
from revealed.report.browser import chromium, served

pytestmark = pytest.mark.browser

SITE = project_root(Path(__file__).parent) / "_build" / "html"
FEW = f"#who={REAL}&what=few"
LIMIT_MS = 100
WEIGHT = 1_500_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        with chromium() as opened:
            yield opened
    except RevealedError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("explore"))


@pytest.fixture(scope="module")
def address(made: Path) -> Iterator[str]:
    with served(made.parents[1]) as at:
        yield f"{at}book/explore.html"


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A page that fails the test if anything is said in the console or asked of another host."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("requestfailed", lambda request: said.append(request.url))
    opened.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    yield opened
    ran = opened.evaluate("window.ran")
    context.close()
    assert said == []
    assert ran is None


def until(tab: Any, expression: str) -> None:
    """Wait for a condition; the browser's own way needs the eval that the policy bars."""
    end = time.monotonic() + 20
    while not tab.evaluate(expression):
        assert time.monotonic() < end, f"never: {expression}"
        time.sleep(0.03)


def go(tab: Any, address: str, waits: str = "rows") -> None:
    tab.goto(address)
    until(tab, f"document.querySelector('.ex-status')?.textContent.includes({waits!r})")


def settled(tab: Any, text: str) -> None:
    until(tab, f"document.querySelector('.ex-status').textContent.includes({text!r})")


def rows(tab: Any) -> list[str]:
    return tab.eval_on_selector_all(
        ".ex-row", "rows => rows.map(row => [Number(row.ariaPosInSet), row.ariaLabel])"
        ".sort((a, b) => a[0] - b[0]).map(pair => pair[1])",
    )  # fmt: skip


def test_a_first_visit_shows_real_numbers_and_says_so(tab: Any, address: str) -> None:
    go(tab, address)
    assert tab.input_value("#ex-what") == "few"
    assert tab.locator(".ex-legend .rv-elicited").inner_text() == "elicited"
    assert tab.locator(".ex-watermark").is_hidden()
    assert len(rows(tab)) == 12
    assert "12 rows: utility" in tab.inner_text(".ex-status")


def test_picking_changes_figure_status_and_address(tab: Any, address: str) -> None:
    go(tab, address + FEW)
    tab.select_option("#ex-arm", "neutral")
    settled(tab, "no preference allowed")
    tab.click("#ex-who-summary")
    tab.check(f".ex-who-list input[value='{SIMULATED}']")
    settled(tab, "12 rows")
    # The simulated one was not asked in this framing, and the page says so.
    assert "was not asked this in this framing" in tab.inner_text(".ex-legend")
    tab.select_option("#ex-arm", "forced")
    settled(tab, "forced choice")
    assert "Hollow marks are simulated" in tab.inner_text(".ex-status")
    assert tab.locator(".ex-watermark").is_visible()
    assert tab.locator(".ex-row .ex-hollow").count() >= 12
    assert "simulated%2Ftwo" in tab.url
    tab.fill("#ex-find", "number 11")
    settled(tab, "1 of 12 rows")
    assert rows(tab)[0].startswith("Outcome number 11 comes about.")
    tab.select_option("#ex-measure", "share")
    settled(tab, "share of answers")
    tab.uncheck(f".ex-who-list input[value='{REAL}']")
    settled(tab, "All of it is simulated")


def test_a_pivot_is_the_unit(tab: Any, address: str) -> None:
    go(tab, address + FEW)
    tab.click("#ex-pivot")
    tab.fill("#ex-pivot", "number 6")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    until(
        tab, "document.querySelector('.ex-xlabel').textContent.startsWith('Utility minus that of')"
    )
    told = dict(line.split(": ", 1) for line in rows(tab))
    assert told["Outcome number 6 comes about., the pivot"] == "0 (0 to 0)"
    # Utilities fall by a third a place; the files give every difference a standard error of 0.5.
    assert told["Outcome number 3 comes about."] == "1.00 (0.020 to 1.98)"
    assert "pivot=item-6" in tab.url


def test_rates_turn_around_with_the_pivot(tab: Any, address: str) -> None:
    go(tab, f"{address}#who={REAL}&what=lives&measure=rate&pivot=Cascadia")
    told = dict(line.split(": ", 1) for line in rows(tab))
    assert told["Aland"] == "more than 20.0"
    assert told["Borduria"] == "10.0 (5.00 to 20.0)"
    go(tab, f"{address}#who={REAL}&what=lives&measure=rate&pivot=Aland")
    tab.reload()
    settled(tab, "3 rows")
    told = dict(line.split(": ", 1) for line in rows(tab))
    assert told["Cascadia"] == "less than 0.050"
    assert told["Borduria"] == "0.500 (0.250 to 1.00)"
    tab.locator(".ex-row", has_text="Aland").click()
    # Pairs of a good are those of all its quantities.
    assert tab.locator(".ex-behind-box tbody tr").count() > 6


def test_pairs_and_answers_behind_a_number(tab: Any, address: str) -> None:
    go(tab, address + FEW)
    tab.locator(".ex-row", has_text="number 1 comes").click()
    box = tab.locator(".ex-behind-box")
    assert box.locator("h2").inner_text() == "Behind: Outcome number 1 comes about."
    assert box.locator("tbody tr").count() == 6
    assert "of" in box.locator("tbody td.rv-number").first.inner_text()
    assert box.locator("td", has_text="held out").count() == 1
    first = box.locator("tbody tr").filter(has_text="An option that").first
    assert "2 declined, 1 failed" in first.inner_text()
    first.get_by_role("button").click()
    note = box.locator("details summary")
    note.wait_for()
    assert "Content note" in note.inner_text()
    assert box.locator("blockquote").first.is_hidden()
    note.click()
    quotes = box.locator("blockquote").all_inner_texts()
    assert quotes.count(RUNS) == 2  # as text, once an order
    assert "a␀b␈c␡d" in quotes
    assert box.locator("blockquote img, blockquote script, blockquote h1").count() == 0
    assert "1 answers in other words are not shown" in box.inner_text()
    assert box.locator("a[href='downloads.html']").count() == 2


def test_hostile_names_and_options_stay_text(tab: Any, address: str) -> None:
    go(tab, address + FEW)
    assert any(line.startswith(HOSTILE_ITEM) for line in rows(tab))
    tab.click("#ex-who-summary")
    tab.locator(".ex-who-list label", has_text=TWIN).locator("input").check()
    settled(tab, "12 rows")
    legend = tab.inner_text(".ex-legend")
    assert TWIN in legend
    assert "fails the gate: answers by place" in legend
    assert "is not measurable here: 66 % of its answers declined" in legend
    tab.locator(".ex-row").first.click()
    tab.click("input[name='ex-show'][value='table']")
    tab.click("input[name='ex-view'][value='findings']")
    settled(tab, "made up")
    assert RUNS in tab.inner_text("article")
    assert tab.locator("article img, article script:not([src])").count() == 0


def test_a_link_brings_back_the_view(tab: Any, address: str, browser: Any) -> None:
    go(tab, address + FEW)
    tab.select_option("#ex-sort", "name")
    tab.locator(".ex-row", has_text="number 4 comes").click()
    tab.locator(".ex-behind-box tbody tr", has_text="number 5").get_by_role("button").click()
    tab.wait_for_selector(".ex-behind-box details")
    other = browser.new_page()
    go(other, tab.url)
    other.wait_for_selector(".ex-behind-box details")
    for selector in (".ex-status", ".ex-legend", ".ex-behind-box"):
        assert other.inner_text(selector) == tab.inner_text(selector)
    assert rows(other) == rows(tab)
    other.close()
    tab.go_back()
    until(tab, "!document.querySelector('.ex-behind-box details')")
    tab.go_back()
    until(tab, "document.querySelector('.ex-behind-box').hidden")


def test_a_link_of_another_run_says_what_is_missing(tab: Any, address: str) -> None:
    go(tab, f"{address}#who=no/body&what=nothing&arm=none&item=x&measure=price&pivot=y")
    told = tab.inner_text(".ex-status")
    assert "This run has no no/body." in told
    assert "This run has no nothing." in told
    assert "12 rows" in told


def test_what_has_no_pairs_says_why(tab: Any, address: str) -> None:
    go(tab, f"{address}#who={QUIET}&what=few")
    assert "No intervals: the source has none" in tab.inner_text(".ex-xlabel")
    tab.locator(".ex-row").first.click()
    assert "Nothing but utilities." in tab.inner_text(".ex-behind-box")
    go(tab, f"{address}#who={QUIET}&what=many", "Nothing to show")
    assert "was not asked this in this framing" in tab.inner_text(".ex-status")
    assert tab.locator(".ex-frame").is_hidden()


def test_findings_can_be_looked_through(tab: Any, address: str) -> None:
    go(tab, f"{address}#view=findings&chapter=coherence&estimand=made.up")
    assert "3 rows: made up" in tab.inner_text(".ex-status")
    assert tab.locator(".ex-watermark").is_visible()
    tab.select_option("#ex-estimand", "another.one")
    settled(tab, "1 rows: another one")
    assert tab.locator(".ex-watermark").is_hidden()
    tab.select_option("#ex-estimand", "made.up")
    settled(tab, "3 rows")
    tab.locator(".ex-row", has_text=REAL).click()  # to the pairs that it rests on
    settled(tab, "12 rows: utility")
    assert tab.input_value("#ex-what") == "few"


def saved(tab: Any, name: str) -> tuple[str, str]:
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name=name).click()
    download = waiting.value
    return download.suggested_filename, Path(download.path()).read_text(encoding="utf-8")


def test_the_shown_table_and_figure_can_be_saved(tab: Any, address: str) -> None:
    go(tab, f"{address}{FEW}&who={SIMULATED}&q=number")
    name, text = saved(tab, "CSV")
    assert name == "revealed-made-few-forced-utility.csv"
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 2 * 11
    assert {line["provenance"] for line in lines} == {"elicited", "simulated"}
    one = next(li for li in lines if li["item"] == "item-6" and li["respondent"] == REAL)
    assert float(one["estimate"]) == pytest.approx(0.0, abs=1e-9)
    assert float(one["low"]) < 0 < float(one["high"])
    name, text = saved(tab, "SVG")
    assert name.endswith(".svg")
    assert "SIMULATED, no real model" in text
    assert ">simulated</text>" in text  # across the plot, for whoever crops it
    assert text.count("ex-hollow") >= 11
    assert "style=" not in text  # a page that shows it may have a policy of its own
    with tab.context.new_page() as alone:
        alone.set_content(text.split("\n", 1)[1])
        assert alone.evaluate("document.querySelector('svg').viewBox.baseVal.height") > 300


def test_everything_works_by_keyboard(tab: Any, address: str) -> None:
    go(tab, address + FEW)
    tab.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(20):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate(
            "document.activeElement.id || document.activeElement.className || "
            "document.activeElement.name || document.activeElement.textContent"))  # fmt: skip
        if reached[-1] == "ex-scroll":
            break
    for name in ("ex-who-summary", "ex-what", "ex-arm", "ex-measure", "ex-pivot", "ex-category",
                 "ex-sort", "ex-find", "ex-scroll"):  # fmt: skip
        assert name in reached
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    active = tab.get_attribute(".ex-scroll", "aria-activedescendant")
    assert tab.get_attribute(f"#{active}", "aria-label").startswith("Outcome number 2")
    tab.keyboard.press("End")
    active = tab.get_attribute(".ex-scroll", "aria-activedescendant")
    assert tab.get_attribute(f"#{active}", "aria-posinset") == "12"
    tab.keyboard.press("Home")
    tab.keyboard.press("Enter")
    until(tab, "document.activeElement.classList.contains('ex-behind')")
    for _ in range(20):
        if tab.evaluate("document.activeElement.textContent") == "Answers":
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".ex-behind-box details")
    # The list was drawn again, and the focus is where it was.
    assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    tab.keyboard.press("Tab")
    until(tab, "document.activeElement.tagName === 'SUMMARY'")
    tab.keyboard.press("Enter")
    assert tab.locator(".ex-behind-box blockquote").first.is_visible()
    tab.get_by_role("button", name="Close").focus()
    tab.keyboard.press("Enter")
    until(tab, "document.activeElement.className === 'ex-scroll'")


def test_every_control_has_a_name_and_the_table_is_the_figure(tab: Any, address: str) -> None:
    go(tab, address + FEW)
    assert tab.locator("#explorer :is(input, select, button)").count() > 12
    nameless = tab.evaluate("""() => [...document.querySelectorAll(
        '#explorer :is(input, select, button, [role=listbox], [role=region])')].filter(e =>
        !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim()
        ).map(e => e.outerHTML)""")
    assert nameless == []
    status = tab.locator("[role=status]")
    assert status.count() == 1
    told = rows(tab)
    tab.click("input[name='ex-show'][value='table']")
    table = tab.locator(".ex-table table")
    assert table.locator("caption").count() == 1
    assert table.locator("thead th[scope=col]").count() == 7
    assert table.locator("tbody th[scope=row]").count() == 12
    for line, row in zip(told, table.locator("tbody tr").all(), strict=True):
        name, numbers = line.rsplit(": ", 1)
        assert name == row.locator("th").inner_text()
        value = re.split(r" \(", numbers)[0]
        assert value == row.locator("td").nth(1).inner_text()
        assert row.locator(".rv-badge").count() == 1


@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits(tab: Any, address: str, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    for where in (
        f"{FEW}&who={SIMULATED}&item=item-1&pair=item-1~item-2",
        f"#who={REAL}&what=lives&measure=rate&show=table&item=Aland",
        "#view=findings&chapter=coherence&show=table",
    ):
        tab.goto("about:blank")
        go(tab, address + where)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, where
    tab.goto("about:blank")
    go(tab, f"{address}{FEW}")
    assert tab.evaluate("document.querySelector('.ex-plot').clientWidth") > 200


def test_it_works_from_a_folder(tab: Any, made: Path) -> None:
    go(tab, made.as_uri() + FEW)
    tab.locator(".ex-row", has_text="number 1 comes").click()
    tab.locator(".ex-behind-box tbody").get_by_role("button").first.click()
    tab.wait_for_selector(".ex-behind-box details")
    assert "pair=" in tab.url
    name, _ = saved(tab, "CSV")
    assert name.endswith(".csv")


MEASURE = """async (steps) => {
    const told = {};
    const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const set = (id, value, event) => {
        const control = document.getElementById(id);
        control.value = value;
        control.dispatchEvent(new Event(event, {bubbles: true}));
    };
    for (const [name, id, value, event] of steps) {
        const times = [];
        for (let turn = 0; turn < 5; turn++) {
            const from = performance.now();
            if (id === "scroll") document.querySelector(".ex-scroll").scrollTop = turn * 9000 + 500;
            else if (id === "key") document.querySelector(".ex-scroll").dispatchEvent(
                new KeyboardEvent("keydown", {key: value, bubbles: true}));
            else if (id === "show") document.querySelector(
                `input[name=ex-show][value=${turn % 2 ? "figure" : "table"}]`).click();
            else set(id, Array.isArray(value) ? value[turn % value.length] : value, event);
            await Promise.resolve();
            await drawn();
            times.push(performance.now() - from);
        }
        told[name] = times;
    }
    return told;
}"""


def timed(tab: Any) -> dict[str, float]:
    """Median milliseconds from a change to the frame that shows it, a change of each kind."""
    steps = [
        ["search", "ex-find", ["1", "town", "of very many", "", "people 9"], "input"],
        ["clear", "ex-find", [""], "input"],
        ["sort", "ex-sort", ["name", "low", "listed", "high"], "change"],
        ["kind", "ex-category", ["Kind one", "Kind two", ""], "change"],
        ["measure", "ex-measure", ["share", "utility"], "change"],
        ["scroll", "scroll", "", ""],
        ["end and home", "key", "End", ""],
        ["show", "show", "", ""],
    ]
    told: dict[str, list[float]] = tab.evaluate(MEASURE, steps)
    return {name: statistics.median(times) for name, times in told.items()}


@pytest.mark.timeout(180)
def test_five_thousand_outcomes_answer_at_once(tab: Any, address: str) -> None:
    go(tab, f"{address}#who={REAL}&who={SIMULATED}&what=many")
    assert f"{MANY:,} rows" in tab.inner_text(".ex-status")
    assert len(rows(tab)) < 100  # no more in the page than one can see, and some to either side
    found = timed(tab)
    print({name: round(ms) for name, ms in found.items()})
    # The best of three, because other processes may hold the machine's two cores.
    for _ in range(2):
        if max(found.values()) < LIMIT_MS:
            break
        again = timed(tab)
        found = {name: min(ms, again[name]) for name, ms in found.items()}
    assert max(found.values()) < LIMIT_MS, found


# ----------------------------------------------------------------------------- on the built book


@pytest.fixture(scope="module")
def book() -> Iterator[str]:
    if not (SITE / "book" / "explore.html").is_file():
        pytest.skip("no built book with this page here (make book)")
    with served(SITE) as at:
        yield f"{at}book/explore.html"


def test_the_books_page_goes_down_to_what_was_said(tab: Any, book: str) -> None:
    sizes: list[int] = []
    tab.on("response", lambda response: sizes.append(len(response.body())))
    go(tab, book)
    assert rows(tab)
    # The page with all that it loads before anybody has picked anything.
    tab.wait_for_load_state("networkidle")
    assert sum(sizes) <= WEIGHT, f"{sum(sizes):,} bytes"
    tab.goto("about:blank")
    go(tab, f"{book}#who=simulated/coherent&what=outcomes")
    assert tab.locator(".ex-watermark").is_visible()
    tab.locator(".ex-row").first.click()
    tab.locator(".ex-behind-box tbody").get_by_role("button").first.click()
    tab.locator(".ex-behind-box summary").click()
    assert tab.locator(".ex-behind-box blockquote").first.inner_text().strip()
    tab.click("input[name='ex-view'][value='findings']")
    settled(tab, "rows")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_books_page_fits(tab: Any, book: str, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    go(tab, f"{book}#who=simulated/coherent&what=outcomes&show=table")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
