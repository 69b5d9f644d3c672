"""What other programs read of the site: its map, and a feed of what changed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from revealed.foundation.errors import DataError

_VERSION = re.compile(r"^## \[(?P<name>[^\]]+)\] - (?P<date>\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def address(root: Path) -> str:
    """Where the site is published, as ``html.baseurl`` of ``_config.yml`` says, with a last slash.

    Empty where it is not said: then neither map nor feed can be written, because both need whole
    addresses.
    """
    configured = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    base = str((configured.get("html") or {}).get("baseurl") or "").rstrip("/")
    return f"{base}/" if base else ""


def pages(root: Path) -> list[str]:
    """The site's pages in the order of the contents, without their suffix."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    found = [contents["root"]]

    def walk(entries: Iterable[dict[str, object]]) -> None:
        for entry in entries:
            if "file" in entry:
                found.append(str(entry["file"]))
            walk(entry.get("chapters") or entry.get("sections") or [])  # type: ignore[arg-type]

    walk(contents.get("parts") or contents.get("chapters") or [])
    return found


def sitemap(base: str, names: Iterable[str]) -> str:
    """The map of the site (sitemaps.org, version 0.9)."""
    urls = "\n".join(f"<url><loc>{html.escape(base + name)}.html</loc></url>" for name in names)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )


def feed(base: str, changes: str) -> str:
    """An Atom feed (RFC 4287) with an entry a released version of ``CHANGELOG.md``.

    Raises
    ------
    DataError
        If no version has a date.
    """
    heads = list(_VERSION.finditer(changes))
    if not heads:
        raise DataError(
            "no version of CHANGELOG.md has a date.",
            todo="A version's heading is ## [1.2.3] - 2026-01-31.",
        )
    ends = [head.start() for head in heads[1:]] + [len(changes)]
    entries = "".join(
        f"<entry><id>{html.escape(base)}#version-{html.escape(head['name'])}</id>"
        f"<title>Revealed {html.escape(head['name'])}</title>"
        f"<updated>{head['date']}T00:00:00Z</updated>"
        f'<link href="{html.escape(base)}"/>'
        f'<content type="text">{html.escape(changes[head.end() : end].strip())}</content></entry>\n'
        for head, end in zip(heads, ends, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{html.escape(base)}</id><title>Revealed: what changed</title>"
        f"<author><name>The Revealed authors</name></author>"
        f'<link rel="self" href="{html.escape(base)}feed.xml"/>'
        f"<updated>{heads[0]['date']}T00:00:00Z</updated>\n{entries}</feed>\n"
    )
