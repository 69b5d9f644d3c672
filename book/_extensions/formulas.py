"""Sphinx extension of the book: formulas are drawn by KaTeX, on the pages that have any.

MathJax with its fonts is 2.1 MB, writes style elements that a strict Content-Security-Policy
forbids, and reads the whole page for formulas. KaTeX is handed the elements that are marked here.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.util.math import get_node_equation_number

_STYLE = "katex/katex.min.css"
_SCRIPTS = ("katex/katex.min.js", "formulas.js")


def _inline(self: Any, node: nodes.math) -> None:
    start = self.starttag(node, "span", "", CLASS="math notranslate nohighlight")
    self.body.append(start.replace(">", ' data-formula="inline">'))
    self.body.append(f"{self.encode(node.astext())}</span>")
    raise nodes.SkipNode


def _display(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    # Lines apart are aligned, as Sphinx does it for MathJax.
    parts = [part for part in node.astext().split("\n\n") if part.strip()]
    lines = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    text = r"\\".join(lines)
    if len(lines) > 1:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    text = node.astext() if node["nowrap"] else text
    self.body.append(f'<div data-formula="display">{self.encode(text)}</div></div>\n')
    raise nodes.SkipNode


def _load(app: Any, pagename: str, templatename: str, context: Any, doctree: Any) -> None:
    """Load KaTeX on a page with a formula; the theme's registers are of this page alone here."""
    if doctree is None:
        return
    if any(isinstance(node, nodes.math | nodes.math_block) for node in doctree.findall()):
        app.add_css_file(_STYLE)
        for script in _SCRIPTS:
            app.add_js_file(script, loading_method="defer")


def setup(app: Any) -> dict[str, Any]:
    """Register as the renderer that ``html_math_renderer: katex`` names."""
    app.add_html_math_renderer("katex", (_inline, None), (_display, None))
    app.connect("html-page-context", _load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
