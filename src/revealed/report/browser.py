"""A headless Chromium and a server on loopback, to look at a built site as a reader's browser does.

Both are tools of the people who work on the book: Playwright comes with the development
requirements, and Chromium from the system.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from revealed.foundation.errors import DataError, RevealedError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What Chromium is called on different systems, in the order of trying."""


class BrowserError(RevealedError):
    """No browser can be started here."""

    exit_code = 9


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a request is no news."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The folder `site` on a free port of loopback; gives the address, which ends with a slash.

    Raises
    ------
    DataError
        If no book stands there.
    """
    if not (site / "index.html").is_file():
        raise DataError("no book is built here.", where=site, todo="Run `make book` first.")
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine, closed at the end.

    Raises
    ------
    BrowserError
        If Playwright or Chromium is missing.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise BrowserError(
            "Playwright, which drives the browser, is not installed.",
            todo="Run `make install`, which brings what development needs.",
        ) from None
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise BrowserError(
            f"no Chromium was found (looked for {', '.join(NAMES)}).",
            todo="Install it, for example with `apt-get install chromium`.",
        )
    with sync_playwright() as driver:
        # The pages are our own; Chromium's sandbox cannot be had in most containers.
        opened = driver.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield opened
        finally:
            opened.close()


def pages(site: Path) -> list[str]:
    """Every page of the site, relative to it; templates among the static files are none."""
    found = sorted(path.relative_to(site) for path in site.rglob("*.html"))
    return [path.as_posix() for path in found if "_static" not in path.parts]
