"""Sphinx extension of the book: the first time a page uses a term of the glossary, it is a link.

Authors write words, and the glossary may grow. Some terms are everyday words as well; where such a
word means the term, the author says so with a ``term`` role, and no other use of it is linked.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx import addnodes

EVERYDAY = frozenset(
    (
        "arm", "bound", "choice", "claim", "condition", "content", "cycle", "entity", "finding",
        "good", "instrument", "parity", "reach", "respondent", "robustness", "utility",
    )
)  # fmt: skip
"""Terms that a text also uses as plain words, or so often that a link would say nothing."""

# Text in these is a name, a formula or already leads somewhere.
_APART = (
    nodes.reference, nodes.literal, nodes.literal_block, nodes.title, nodes.math, nodes.math_block,
    nodes.raw, nodes.term, nodes.caption, nodes.citation, addnodes.pending_xref, addnodes.desc,
)  # fmt: skip


def pattern(terms: list[str]) -> re.Pattern[str]:
    """Matches any of the terms, in the plural too, longer ones before their parts."""

    def one(term: str) -> str:
        stem = (
            re.sub(r"(?<=[a-z])(?:ies|y|s)$", "", term) if " " in term else term.removesuffix("y")
        )
        words = r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", stem)))
        return rf"{words}(?:y|ies|s|es)?" if stem != term else rf"{words}(?:s|es)?"

    ordered = sorted(terms, key=len, reverse=True)
    return re.compile(
        r"(?<![\w-])(?:" + "|".join(f"({one(term)})" for term in ordered) + r")(?![\w-])",
        re.IGNORECASE,
    )


def _prose(text: nodes.Text) -> bool:
    """Whether a term in this text may become a link."""
    above, paragraph = text.parent, False
    while above is not None:
        if isinstance(above, _APART):
            return False
        paragraph = paragraph or isinstance(above, nodes.paragraph)
        above = above.parent
    return paragraph


def _join(doctree: nodes.document) -> None:
    """Texts side by side become one: a term may stand at the end of a line and the next."""
    for first in list(doctree.findall(nodes.Text)):
        parent = first.parent
        at = next((k for k, child in enumerate(parent.children) if child is first), None)
        if at is None:  # joined to one before it
            continue
        end = at + 1
        while end < len(parent) and isinstance(parent[end], nodes.Text):
            end += 1
        if end > at + 1:
            parent[at:end] = [nodes.Text("".join(map(str, parent[at:end])))]


def link(doctree: nodes.document, places: dict[str, str]) -> list[str]:
    """Turn the first use of each term into a link to its place; return the terms linked.

    Parameters
    ----------
    places
        Address of each term, as the page refers to it. A term that the author has linked before its
        first plain use is left alone.
    """
    ordered = sorted(places, key=len, reverse=True)
    matched = pattern(ordered)
    done: list[str] = []
    made: list[str] = []
    _join(doctree)
    for node in list(doctree.findall()):
        if isinstance(node, nodes.reference):
            done += [term for term, place in places.items() if node.get("refuri") == place]
        if not isinstance(node, nodes.Text) or not _prose(node):
            continue
        text, parts, at = str(node), [], 0
        for found in matched.finditer(text):
            term = ordered[(found.lastindex or 1) - 1]
            if term not in done:
                done.append(term)
                made.append(term)
                inside = nodes.inline("", found[0], classes=["xref", "std", "std-term"])
                there = nodes.reference("", "", inside, internal=True, refuri=places[term])
                parts += [nodes.Text(text[at : found.start()]), there]
                at = found.end()
        if parts:
            parts.append(nodes.Text(text[at:]))
            node.parent.replace(node, [part for part in parts if part.astext()])
    return made


def _resolved(app: Any, doctree: nodes.document, docname: str) -> None:
    domain = app.env.get_domain("std")
    terms = {
        name: (where, label) for (kind, name), (where, label) in domain.objects.items()
        if kind == "term" and name.lower() not in EVERYDAY
    }  # fmt: skip
    if not docname.startswith("notebooks/") or app.builder.format != "html" or not terms:
        return
    link(
        doctree,
        {
            name: f"{app.builder.get_relative_uri(docname, where)}#{label}"
            for name, (where, label) in terms.items()
        },
    )


def setup(app: Any) -> dict[str, Any]:
    """Run when a page is whole, its other references included."""
    app.connect("doctree-resolved", _resolved)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
