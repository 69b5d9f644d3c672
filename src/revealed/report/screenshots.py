"""Pictures of a built site as readers see it: by day, in the dark, on a phone, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import atomic_write

from .browser import chromium, pages, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = ("book/index", "notebooks/values/coherence", "book/explore")
"""The front page, a chapter and the explorer."""


@dataclass(frozen=True)
class View:
    """How a page is looked at: width and height in pixels, color scheme, screen or paper."""

    name: str
    width: int = 1440
    height: int = 900
    scheme: str = "light"
    media: str = "screen"


VIEWS = (
    View("light"),
    View("dark", scheme="dark"),
    View("phone", width=390, height=844),
    View("print", width=680, height=960, media="print"),
)


def take(browser: Browser, address: str, page: str, view: View, target: Path) -> None:
    """One picture of a whole page as PNG; pages longer than 8,000 pixels are cut there."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.scheme == "dark" else "light",
    )
    try:
        tab = context.new_page()
        tab.goto(f"{address}{page}.html")
        tab.wait_for_load_state("networkidle")
        if view.media == "print":
            tab.emulate_media(media="print")
        tab.evaluate("document.fonts.ready.then(() => true)")
        # The theme scrolls the page itself, so a taller window shows all of it.
        long = int(tab.evaluate("document.documentElement.scrollHeight"))
        tab.set_viewport_size({"width": view.width, "height": max(view.height, min(long, 8_000))})
        picture = tab.screenshot()
    finally:
        context.close()
    with atomic_write(target) as temporary:
        temporary.write_bytes(picture)


def take_all(site: Path, folder: Path, only: tuple[str, ...] = PAGES) -> Iterator[Path]:
    """Each page of `only` in each of `VIEWS`; gives the files as they appear.

    Raises
    ------
    ConfigError
        If a page is not in the site.
    DataError
        If no book stands in `site`.
    BrowserError
        If no browser can be started.
    """
    with served(site) as address, chromium() as browser:
        known = set(pages(site))
        if unknown := [page for page in only if f"{page}.html" not in known]:
            raise ConfigError(
                f"no page {unknown[0]} is in {site}.", todo="Name it as in book/index."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for page in only:
            for view in VIEWS:
                target = folder / f"{page.rsplit('/', 1)[-1]}-{view.name}.png"
                take(browser, address, page, view, target)
                yield target
