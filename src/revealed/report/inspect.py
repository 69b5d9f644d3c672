"""What a reader's browser says of each page of a built site: weight, speed, accessibility.

Every page is opened by itself, with an empty cache, in a headless Chromium of this machine. Weight
is what the page made the browser load, before any compression: most servers send a fifth of it. The
times are of this machine and of a server beside it: they compare pages, not connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from .browser import chromium, pages, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AXE = Path(__file__).parent / "axe" / "axe.min.js"
"""axe-core, whose rules the accessibility is judged by."""

WEIGHT_LIMIT = 1_500_000
"""Bytes that a page of the book may weigh, everything it loads included."""

_LONG_TASK_MS = 50
"""A task that keeps the page from answering longer than this blocks it (W3C, Long Tasks API)."""

# Before any script of the page: buffered entries of long tasks are not kept by every Chromium.
_OBSERVE = """
window.revealedSeen = {blocking: 0, paint: 0};
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.revealedSeen.blocking += task.duration - LONG;
}).observe({type: "longtask", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.revealedSeen.paint = entry.startTime;
}).observe({type: "largest-contentful-paint", buffered: true});
""".replace("LONG", str(_LONG_TASK_MS))

IMPACTS = ("critical", "serious", "moderate", "minor")
"""How much a violation hinders a person, in the words of axe-core."""


@dataclass(frozen=True)
class Violation:
    """A rule of axe-core that a page breaks: its impact, and the elements where."""

    rule: str
    impact: str
    elements: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """What axe-core found on a page: the rules that hold, and those that are broken."""

    passes: int
    violations: tuple[Violation, ...]

    def count(self, impact: str) -> int:
        """Elements that break a rule with this impact."""
        return sum(len(v.elements) for v in self.violations if v.impact == impact)


@dataclass(frozen=True)
class Inspection:
    """One page as the browser saw it.

    Attributes
    ----------
    page
        Its address below the site's first folder.
    weight
        Bytes loaded, the page itself included, none of them compressed.
    requests
        How many files that were.
    blocking
        Milliseconds: of every task longer than 50 ms, what is over 50 ms.
    paint
        Milliseconds until the largest element of the first screen was drawn.
    audit
        What axe-core says.
    """

    page: str
    weight: int
    requests: int
    blocking: float
    paint: float
    audit: Audit

    def row(self) -> dict[str, Any]:
        """As a row of a table."""
        counts = {impact: self.audit.count(impact) for impact in IMPACTS}
        return {
            "page": self.page, "weight_kb": round(self.weight / 1000), "requests": self.requests,
            "blocking_ms": round(self.blocking), "paint_ms": round(self.paint), **counts,
            "passes": self.audit.passes,
        }  # fmt: skip


def audit(tab: Any) -> Audit:
    """Run axe-core in an open page (a Playwright page); its policy is not touched by that."""
    if not tab.evaluate("typeof window.axe === 'object'"):
        tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(found => ({"
        "passes: found.passes.length, violations: found.violations.map(v => ({"
        "rule: v.id, impact: v.impact, elements: v.nodes.map(n => n.html.slice(0, 200))}))}))"
    )
    violations = tuple(
        Violation(v["rule"], v["impact"] or "minor", tuple(v["elements"]))
        for v in found["violations"]
    )
    return Audit(int(found["passes"]), violations)


@cache
def _size(address: str) -> int:
    """Bytes of a file."""
    with urlopen(address) as answer:
        return len(answer.read())


def inspect(browser: Browser, address: str, page: str) -> Inspection:
    """Open one page with an empty cache and measure it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    try:
        context.add_init_script(_OBSERVE)
        tab = context.new_page()
        loaded: list[str] = []

        def finished(request: Any) -> None:
            if not request.url.startswith(("data:", "blob:")):
                loaded.append(request.url)

        tab.on("requestfinished", finished)
        tab.goto(address + page)
        tab.wait_for_load_state("networkidle")
        seen = tab.evaluate("window.revealedSeen")
        return Inspection(
            page, sum(map(_size, loaded)), len(loaded), float(seen["blocking"]),
            float(seen["paint"]), audit(tab),
        )  # fmt: skip
    finally:
        context.close()


def inspect_site(site: Path, only: list[str] | None = None) -> Iterator[Inspection]:
    """Measure every page of a built site, or those in `only`, one after another.

    The first page of the site only forwards to the book and is left out.

    Raises
    ------
    DataError
        If no book stands in `site`.
    BrowserError
        If no browser can be started.
    """
    with served(site) as address, chromium() as browser:
        for page in only or [name for name in pages(site) if name != "index.html"]:
            yield inspect(browser, address, page)
