"""The page of a first look at one model: one notebook, executed and built as the book is."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import yaml

from revealed.foundation.errors import ConfigError
from revealed.foundation.paths import slug
from revealed.study import Run
from revealed.study.notebook import execute_notebook

from . import archive
from .launch import NOTEBOOK
from .stage import _jupyter_book

MARK = (
    "A first look: few answers of one model, to see it at work. Nothing here is for quoting, and "
    "it is no page of the study."
)
"""What the page says at its top."""


def trial_page(run: Run, respondent: str, max_cost: float | None = None) -> Path:
    """Execute the notebook of a first look and build its page; return the page's path.

    The page, with the run's tables and findings beside it, lies below ``_build/try/`` in a folder
    of the respondent's name; an earlier one is replaced once the new one is whole.

    Raises
    ------
    ConfigError
        If the run is no trial.
    NotebookError, BuildError
        With what the notebook or Jupyter Book said.
    """
    if not run.trial:
        raise ConfigError(f"the run {run.name!r} is no trial.", todo="`revealed try` makes one.")
    root = run.paths.root
    site = root / "_build" / "try" / slug(respondent)
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.parent, prefix="building-") as name:
        folder = Path(name)
        stage = folder / "stage"
        values = {"run": run.name, "respondent": respondent, "max_cost": max_cost}
        execute_notebook(
            root / NOTEBOOK, stage / NOTEBOOK, values,
            root=root, seed=run.study.seed, inputs=run.inputs("your_model"),
        )  # fmt: skip
        shutil.copytree(
            root / "book", stage / "book",
            ignore=shutil.ignore_patterns("__pycache__", "*.md", "generated"),
        )  # fmt: skip
        (stage / "_config.yml").write_text(_configuration(root), encoding="utf-8")
        contents = f"format: jb-book\nroot: {NOTEBOOK.removesuffix('.ipynb')}\n"
        (stage / "_toc.yml").write_text(contents, encoding="utf-8")
        archive.publish(run, stage / "extra")
        built = _jupyter_book(stage, folder / "built")
        if site.exists():
            os.replace(site, folder / "old")
        os.replace(built, site)
    return site / f"{NOTEBOOK.removesuffix('.ipynb')}.html"


def _configuration(root: Path) -> str:
    """The book's configuration with the mark across the top."""
    content = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    content["sphinx"]["config"]["html_theme_options"]["announcement"] = MARK
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
