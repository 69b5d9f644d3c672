"""The browser and the built site that the tests of the book share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from revealed.foundation.paths import project_root
from revealed.report.browser import BrowserError, chromium, served

SITE = project_root(Path(__file__).parent) / "_build" / "html"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    # A browser a file: Playwright runs once in a thread, and other files may start their own.
    try:
        with chromium() as opened:
            yield opened
    except BrowserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if not (SITE / "index.html").is_file():
        pytest.skip("no built book here (make book)")
    with served(SITE) as found:
        yield found
