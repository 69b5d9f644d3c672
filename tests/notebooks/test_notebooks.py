"""The committed notebooks: form, and what they do where the public data is out of reach."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from revealed.foundation.paths import project_root
from revealed.report import chapters
from revealed.respondents.public import load_published

ROOT = project_root(Path(__file__).parent)
NOTEBOOKS = sorted(
    path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)
CHAPTERS = [ROOT / name for name in chapters(ROOT)]
PROSE = [*CHAPTERS, *sorted((ROOT / "book").glob("*.md"))]

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list[str]:
    return [cell.source for cell in read(path).cells if cell.cell_type == "code"]


def prose(path: Path) -> str:
    """What a page says in words: no code, no formulas, no addresses."""
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
    else:
        text = "\n\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    text = re.sub(r"\$\$.*?\$\$", "", text, flags=re.S)
    return re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)", "", text)


def test_there_are_notebooks_and_every_chapter_is_among_them() -> None:
    assert {path.stem for path in NOTEBOOKS} >= {"10_elicit", "20_fit"}
    assert len(CHAPTERS) >= 5
    assert set(CHAPTERS) <= set(NOTEBOOKS)


@each
def test_a_notebook_is_committed_clean(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None
    raw = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(ids) == len(set(ids))


@each
def test_one_cell_of_parameters_with_json_values(path: Path) -> None:
    tagged = [c for c in read(path).cells if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    values = {
        target.id: ast.literal_eval(line.value)
        for line in ast.parse(tagged[0].source).body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    # A first look has a run of its own, or few answers would stand where the study's many belong.
    assert values["run"] == ("try" if path.parent.name == "trial" else "default")
    assert json.loads(json.dumps(values)) == values
    if path not in CHAPTERS:
        assert values["respondent"].startswith("simulated/")


@each
def test_cells_are_short_and_hold_no_machinery(path: Path) -> None:
    for source in code(path):
        # A chapter is prose, loads and figures; what is longer belongs in a room of src/revealed.
        assert len(source.splitlines()) <= 42, source
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, ast.ClassDef | ast.Try), source
            if isinstance(node, ast.FunctionDef):
                assert len(node.body) <= 4, source


@each
def test_a_notebook_imports_the_study_and_little_else(path: Path) -> None:
    for source in code(path):
        for node in ast.walk(ast.parse(source)):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )  # fmt: skip
            for name in names:
                assert name.split(".")[0] in {"revealed", "pandas", "numpy"}, name


@each_chapter
def test_a_chapter_lies_two_folders_deep_and_opens_with_a_question(path: Path) -> None:
    # Links to a chapter's tables count on the depth (figures/page.py).
    assert len(path.relative_to(ROOT).parts) == 3
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    title, question = first.source.split("\n\n")[:2]
    assert title.startswith("# ")
    assert question.startswith("*")
    assert question.rstrip().endswith("?*")


@each_chapter
def test_the_finding_comes_before_the_first_section(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code" and "page.lead(" in cell.source:
            return
        assert not (cell.cell_type == "markdown" and cell.source.startswith("## ")), cell.source
    pytest.fail("the chapter states no finding (page.lead)")


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.stem)
def test_no_measured_number_is_typed_into_prose(path: Path) -> None:
    # Decimals and percentages are measurements or somebody's; whole numbers may count sections,
    # years and versions ("Python 3.11" stands in the page that says what to install).
    text = re.sub(r"Python 3\.11|GPT-4\.1|Qwen2\.5", "", prose(path))
    assert not re.findall(r"\d+[.,]\d+|\d+ ?%|\d+ per ?cent", text)


@each_chapter
def test_figures_from_an_account_are_told_as_such(path: Path) -> None:
    known = load_published()
    for name in known.loc[known["grade"] == "secondary", "id"]:
        for source in code(path):
            if f'"{name}"' in source and "page.say(" in source:
                assert re.search("secondary|grade", source.lower()), name


@each_chapter
def test_intervals_counted_alone_stand_beside_the_adjusted_ones(path: Path) -> None:
    source = "\n".join(code(path))
    if re.search(r"""\["(low|high)"\] [<>] 0[^,]*\.sum\(\)""", source):
        assert "multiplicity.adjust(" in source


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["real_models", "moral_machine", "drift"])
def test_a_chapter_on_public_data_goes_on_without_it(name: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "REVEALED_CACHE": str(tmp_path / "empty"),
        # Port 9 discards: every request is refused at once, as without a network.
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"),
                        "http://127.0.0.1:9"),
    }  # fmt: skip
    output = tmp_path / f"{name}.ipynb"
    run = f"test-offline-{os.getpid()}-{name}"
    command = [
        sys.executable, "-m", "revealed.cli", "notebook", f"notebooks/real/{name}.ipynb",
        str(output), "-p", f"run={run}",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert "no access to the public data" in output.read_text(encoding="utf-8")
    finally:
        made = ROOT / "data" / "runs" / run
        for path in sorted(made.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        if made.is_dir():
            made.rmdir()
