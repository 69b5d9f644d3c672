"""The browser that the tests of the book share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from revealed.report.browser import BrowserError, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    # A browser a file: Playwright runs once in a thread, and other files may start their own.
    try:
        with chromium() as opened:
            yield opened
    except BrowserError as error:
        pytest.skip(str(error))
