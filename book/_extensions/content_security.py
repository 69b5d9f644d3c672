"""Sphinx extension of the book: every page says what it may load and run, and nothing else may.

The policy stands in a meta element, so that it holds on any server and from a folder. A script runs
if it is a file of the book, or one of the few lines that Sphinx and the theme write into the head,
each named by its hash. A script in the body, where texts of models stand, never runs: one that
somebody put there on purpose is an error of the build, because the reader's browser would refuse it
without a word.
"""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from sphinx.util import logging

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_HANDLER = re.compile(r"<[a-z][^<>]*?\s(on[a-z]+)\s*=", re.IGNORECASE)
_CHARSET = re.compile(r'<head>\s*<meta charset="utf-8"\s*/?>', re.IGNORECASE)
# What is left of sphinx-thebe, which the book leaves out.
_THEBE = re.compile(
    r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = [^<]*</script>',
    re.DOTALL,
)
_PRINT = re.compile(r'<button onclick="window\.print\(\)"')


def digest(text: str) -> str:
    """The source expression that allows exactly this inline text."""
    found = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(found).decode('ascii')}'"


def inline(html: str) -> list[str]:
    """Texts of the scripts that stand in `html` itself and that a browser would run."""
    return [
        text
        for attributes, text in _SCRIPT.findall(html)
        if "src=" not in attributes and ("type=" not in attributes or "javascript" in attributes)
    ]


class _Handlers(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{name}=" for name, _ in attrs if name.startswith("on")]


def handlers(html: str) -> list[str]:
    """Attributes that hold code; the same letters within a text or a value are none."""
    reader = _Handlers()
    reader.feed(html)
    reader.close()
    return reader.found


def policy(head: str) -> str:
    """What a page with this head may load and run."""
    scripts = sorted({digest(text) for text in inline(head)})
    styles = sorted({digest(text) for text in _STYLE.findall(head)})
    rules = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *scripts],
        "style-src": ["'self'", *styles],
        # Sphinx writes the widths of columns, and figures their size, as attributes of elements; an
        # attribute can dress its own element and no other, and can run nothing.
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],  # figures; pictures a page draws for download
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in rules.items())


def secured(html: str, *, generated: bool = False) -> tuple[str, list[str]]:
    """A page with its policy, and what stands in it that the policy will stop.

    Parameters
    ----------
    html
        The page as the theme wrote it.
    generated
        Nobody's text is in the body, so its scripts are the theme's and are allowed as well.
    """
    html = _PRINT.sub("<button data-print", _THEBE.sub("", html))
    head, end, body = html.partition("</head>")
    rules = policy(html if generated else head)
    stopped = [] if generated else [text.strip()[:60] for text in inline(body)]
    stopped += handlers(html) if _HANDLER.search(html) else []
    meta = f'<meta http-equiv="Content-Security-Policy" content="{rules}" />'
    head, count = _CHARSET.subn(lambda found: f"{found.group()}\n    {meta}", head, count=1)
    if not count:
        stopped.append("no head with a charset, so no policy")
    return head + end + body, stopped


def _finish(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    logger = logging.getLogger(__name__)
    site = Path(app.outdir)
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site)
        if name.parts[0] == "_static" or name.as_posix() == "index.html":
            continue  # templates; the page that only forwards is made when the book is in place
        page, stopped = secured(
            path.read_text(encoding="utf-8"), generated=name.as_posix() == "search.html"
        )
        path.write_text(page, encoding="utf-8")
        for what in stopped:
            logger.warning(
                "%s: the page's Content-Security-Policy stops %r. Put scripts into a file under "
                "book/_static.", name, what,
            )  # fmt: skip


def setup(app: Any) -> dict[str, Any]:
    """Run last: whatever other extensions change of a page, the hashes are of what is left."""
    app.add_js_file("reach.js", loading_method="defer")
    app.connect("build-finished", _finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
