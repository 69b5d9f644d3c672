"""The picture of the chain: what Snakemake would run, drawn without Graphviz.

``snakemake --dag`` prints every job; jobs of one rule are drawn as one box with their number, so
that the picture stays readable on a phone however many respondents a study has.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from revealed.foundation.errors import RevealedError

_NODE = re.compile(r"^\s*(\d+)\s*\[\s*label\s*=\s*\"([^\"]*)\"")
_EDGE = re.compile(r"^\s*(\d+)\s*->\s*(\d+)")

_WIDTH, _HEIGHT, _ACROSS, _DOWN = 150, 44, 24, 40


@dataclass(frozen=True)
class Chain:
    """Rules with their number of jobs, and which rule feeds which."""

    jobs: dict[str, int]
    edges: frozenset[tuple[str, str]]


def read_dag(dot: str) -> Chain:
    """Read what ``snakemake --dag`` prints and join the jobs of each rule.

    Raises
    ------
    RevealedError
        If there is no job in it.
    """
    rule_of: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for line in dot.splitlines():
        if node := _NODE.match(line):
            rule_of[node[1]] = node[2].split("\\n")[0].strip()
        elif edge := _EDGE.match(line):
            pairs.append((edge[1], edge[2]))
    if not rule_of:
        raise RevealedError("Snakemake's picture of the chain holds no job.")
    edges = {(rule_of[a], rule_of[b]) for a, b in pairs if rule_of[a] != rule_of[b]}
    return Chain(dict(Counter(rule_of.values())), frozenset(edges))


def layers(chain: Chain) -> list[list[str]]:
    """Rules by their longest way from a source; rules of one layer in order of their feeders."""
    depth = dict.fromkeys(chain.jobs, 0)
    for _ in chain.jobs:
        for before, after in chain.edges:
            depth[after] = max(depth[after], depth[before] + 1)
        if max(depth.values()) >= len(chain.jobs):
            raise RevealedError("Snakemake's picture of the chain runs in a circle.")
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    place: dict[str, float] = {}
    for rule in sorted(chain.jobs):
        rows[depth[rule]].append(rule)
    for row in rows:
        row.sort(key=lambda rule: (_centre(rule, chain, place), rule))
        place |= {rule: index - (len(row) - 1) / 2 for index, rule in enumerate(row)}
    return rows


def _centre(rule: str, chain: Chain, place: dict[str, float]) -> float:
    """Where a rule's feeders stand on average; 0, the middle, where it has none."""
    feeders = [place[a] for a, b in chain.edges if b == rule and a in place]
    return sum(feeders) / len(feeders) if feeders else 0.0


def draw(chain: Chain) -> str:
    """The chain as one SVG, from top to bottom, with a text for those who cannot see it."""
    rows = layers(chain)
    across = max(len(row) for row in rows)
    width = across * (_WIDTH + _ACROSS) + _ACROSS
    height = len(rows) * (_HEIGHT + _DOWN) - _DOWN + 2 * 12
    at: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(rows):
        start = width / 2 - len(row) * (_WIDTH + _ACROSS) / 2 + _ACROSS / 2
        for index, rule in enumerate(row):
            at[rule] = (start + index * (_WIDTH + _ACROSS), 12 + depth * (_HEIGHT + _DOWN))
    lines = [
        f'<path d="M{at[a][0] + _WIDTH / 2:.0f} {at[a][1] + _HEIGHT:.0f} '
        f"C {at[a][0] + _WIDTH / 2:.0f} {at[a][1] + _HEIGHT + 26:.0f}, "
        f"{at[b][0] + _WIDTH / 2:.0f} {at[b][1] - 26:.0f}, "
        f'{at[b][0] + _WIDTH / 2:.0f} {at[b][1] - 3:.0f}" fill="none" stroke="#7a8494" '
        'stroke-width="1.6" marker-end="url(#rv-tip)"/>'
        for a, b in sorted(chain.edges)
    ]
    boxes = [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" '
        'fill="#eef5fa" stroke="#0173b2"/>'
        f'<text x="{x + _WIDTH / 2:.0f}" y="{y + 27:.0f}" text-anchor="middle" '
        f'font-size="14" font-family="sans-serif" fill="#1f2430">{html.escape(_label(chain, rule))}'
        "</text>"
        for rule, (x, y) in at.items()
    ]
    told = "; then ".join(" and ".join(_label(chain, rule) for rule in row) for row in rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="100%" '
        f'style="max-width:{width}px" role="img" aria-label="The chain: {html.escape(told)}.">'
        '<defs><marker id="rv-tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#7a8494"/></marker></defs>'
        + "".join(lines + boxes)
        + "</svg>"
    )


def _label(chain: Chain, rule: str) -> str:
    name = rule.replace("_", " ")
    return f"{name} × {chain.jobs[rule]}" if chain.jobs[rule] > 1 else name


def snakemake_dag(root: Path, run: str) -> str:
    """What ``snakemake --dag`` prints for this checkout, every job counted as still to do."""
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile", "--dag",
        "--forceall", "--nolock", "--quiet", "all", "--config", f"run={run}",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise RevealedError(f"Snakemake could not draw the chain:\n{said}")
    return done.stdout
