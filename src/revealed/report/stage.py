"""Assemble the book under ``_build/stage`` and build it into ``_build/html``.

The stage holds copies of ``_config.yml``, ``_toc.yml`` and ``book/`` beside the notebooks that the
workflow executed there, all at the same relative paths as in the checkout. So launch buttons open
the committed notebook, nothing executed is committed, and no hidden folder is swept in.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from revealed.foundation.errors import DataError, RevealedError
from revealed.foundation.paths import atomic_write, project_root
from revealed.study import Run, open_run

from . import archive, explore, pages, syndication

FAST = (
    "Fast profile: few respondents and few answers, to try things on. Nothing here is for quoting."
)
"""What every page of a fast run says."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class BuildError(RevealedError):
    """Jupyter Book found something wrong; warnings count as errors."""

    exit_code = 8


def chapters(root: Path) -> list[str]:
    """The notebooks of the table of contents, relative to `root`, with their extension."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    named = [contents["root"], *_files(contents)]
    return [f"{name}.ipynb" for name in named if (root / f"{name}.ipynb").is_file()]


def _files(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["file"]] if "file" in node else []
        return own + [name for value in node.values() for name in _files(value)]
    if isinstance(node, list):
        return [name for value in node for name in _files(value)]
    return []


def assemble(run: str | Run = "default", root: Path | None = None) -> Path:
    """Put everything the book is built from under ``_build/stage`` and return that folder.

    Raises
    ------
    DataError
        If a chapter has not been executed there.
    """
    opened = run if isinstance(run, Run) else open_run(run, root)
    root = opened.paths.root
    stage = root / "_build" / "stage"
    stage.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / "_toc.yml", stage / "_toc.yml")
    with atomic_write(stage / "_config.yml") as temporary:
        temporary.write_text(_configuration(root, opened.fast), encoding="utf-8")
    for name in ("book", "extra"):
        shutil.rmtree(stage / name, ignore_errors=True)
    shutil.copytree(root / "book", stage / "book", ignore=shutil.ignore_patterns("__pycache__"))
    for name in chapters(root):
        require_executed(stage / name)
    archive.publish(opened, stage / "extra")
    explore.write(opened, stage / "extra" / archive.site_folder(opened) / explore.FOLDER)
    pages.generate(opened, stage / "book" / "generated")
    shutil.copyfile(root / "CITATION.cff", stage / "book" / "generated" / "CITATION.cff")
    if base := syndication.address(root):
        changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
        for name, text in (
            ("sitemap.xml", syndication.sitemap(base, syndication.pages(root))),
            ("feed.xml", syndication.feed(base, changes)),
        ):
            (stage / "extra" / name).write_text(text, encoding="utf-8")
    return stage


def _configuration(root: Path, fast: bool) -> str:
    """The book's configuration; a fast run gets a line across the top of every page."""
    text = (root / "_config.yml").read_text(encoding="utf-8")
    if not fast:
        return text
    content = yaml.safe_load(text)
    at = content
    for key in ("sphinx", "config", "html_theme_options"):
        at = at.setdefault(key, {})
    at["announcement"] = FAST
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def require_executed(path: Path) -> None:
    """Refuse a chapter that is missing from the stage or was copied there unexecuted.

    Raises
    ------
    DataError
        Saying how to make it.
    """
    todo = "Run `make book`, which executes every chapter first."
    if not path.is_file():
        raise DataError("the executed chapter is not there.", where=path, todo=todo)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and cell["source"]]
    if any(cell["execution_count"] is None for cell in code):
        raise DataError("the chapter has cells that were not executed.", where=path, todo=todo)


def build_site(run: str = "default", root: Path | None = None, *, stage: bool = True) -> Path:
    """Build the book with warnings as errors; return the path of its first page.

    The site replaces an earlier one only when the build has succeeded.

    Parameters
    ----------
    run
        The run whose findings the book tells.
    root
        The checkout; default: the one around the working folder.
    stage
        False builds what already stands under ``_build/stage``.

    Raises
    ------
    BuildError
        With Jupyter Book's own warnings and errors.
    """
    root = project_root(root)
    source = assemble(run, root) if stage else root / "_build" / "stage"
    site = root / "_build" / "html"
    with tempfile.TemporaryDirectory(dir=root / "_build", prefix="building-") as folder:
        built = _jupyter_book(source, Path(folder))
        old = Path(folder) / "old"
        if site.exists():
            os.replace(site, old)
        os.replace(built, site)
    return site / "index.html"


def _jupyter_book(source: Path, output: Path) -> Path:
    command = [
        sys.executable, "-c", "from jupyter_book.cli.main import main; main()",
        "build", str(source), "-W", "-n", "--keep-going", "--all", "--path-output", str(output),
    ]  # fmt: skip
    # Its own child processes and the kernels' folders are of no use here; colours only get in the
    # way of the message.
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    built = output / "_build" / "html"
    if done.returncode != 0 or not (built / "index.html").is_file():
        said = _ESCAPES.sub("", f"{done.stdout}\n{done.stderr}").splitlines()
        told = [line for line in said if re.search(r"WARNING|ERROR|Error|error:", line)]
        raise BuildError("Jupyter Book reports:\n" + "\n".join((told or said)[-30:]), where=source)
    # The first page only forwards; without an icon a browser asks for one that is not there, and a
    # file would be asked for and given up as the page moves on.
    first = built / "index.html"
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8" />\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; base-uri 'none'\" />\n"
        '<title>Revealed</title>\n<link rel="icon" href="data:," />\n'
    )
    first.write_text(head + first.read_text(encoding="utf-8"), encoding="utf-8")
    return built
