"""The map of the site and the feed of changes, read by an XML parser."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from revealed.foundation.errors import DataError
from revealed.report import chapters, syndication

ROOT = Path(__file__).resolve().parents[2]
ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def test_the_map_has_every_page_once() -> None:
    names = syndication.pages(ROOT)
    assert names[0] == "book/index"
    assert len(names) == len(set(names))
    assert {str(name).removesuffix(".ipynb") for name in chapters(ROOT)} <= set(names)
    made = ElementTree.fromstring(syndication.sitemap("https://x.test/a&b/", names))
    places = [place.text for place in made.iter(f"{MAP}loc")]
    assert places == [f"https://x.test/a&b/{name}.html" for name in names]


def test_the_feed_has_an_entry_a_released_version() -> None:
    changes = (
        "# Changelog\n\n## [Unreleased]\n- not yet\n\n## [1.1.0] - 2026-02-03\n- <new> & old\n\n"
        "## [1.0.0] - 2026-01-02\n- first\n"
    )
    made = ElementTree.fromstring(syndication.feed("https://x.test/", changes))
    entries = made.findall(f"{ATOM}entry")
    assert [e.findtext(f"{ATOM}title") for e in entries] == ["Revealed 1.1.0", "Revealed 1.0.0"]
    assert [e.findtext(f"{ATOM}content") for e in entries] == ["- <new> & old", "- first"]
    assert made.findtext(f"{ATOM}updated") == "2026-02-03T00:00:00Z"
    assert len({e.findtext(f"{ATOM}id") for e in entries}) == 2


def test_the_projects_own_changes_make_a_feed() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "Revealed 0.1.0" in syndication.feed("https://x.test/", changes)


def test_changes_without_a_date_are_refused() -> None:
    with pytest.raises(DataError, match="has a date"):
        syndication.feed("https://x.test/", "# Changelog\n")
