"""The chain in a checkout of its own: it stops at an error, shows it, and goes on from there."""

import shutil
from pathlib import Path

import nbformat
import pytest

from revealed.study import ChainError, run_chain

ROOT = Path(__file__).resolve().parents[2]

STUDY = """\
seed: 7
experiments:
  calibration: {instruments: [calibration], design: listed, samples: 1}
  sexes: {instruments: [sexes.lives_saved], design: random, pairs_per_item: 1}
respondents:
  - {model: simulated/coherent, mode: sample, ask: [calibration, sexes]}
"""


def chapter(path, text):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    cells = [nbformat.v4.new_code_cell('run = "default"'), nbformat.v4.new_code_cell(text)]
    cells[0].metadata["tags"] = ["parameters"]
    book.cells = cells
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)


@pytest.fixture
def small(checkout):
    (checkout / "study.yaml").write_text(STUDY, encoding="utf-8")
    for name in ("src", "_config.yml"):
        (checkout / name).symlink_to(ROOT / name)
    for name in ("workflow", "book"):
        shutil.copytree(ROOT / name, checkout / name)
    (checkout / "notebooks").mkdir()
    for name in ("10_elicit.ipynb", "20_fit.ipynb"):
        shutil.copy(ROOT / "notebooks" / name, checkout / "notebooks" / name)
    (checkout / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: notebooks/values/own\n"
    )
    # Offline: nothing is cached and no address answers, and the build goes on.
    (checkout / "data" / "sources.yaml").unlink()
    (checkout / "data" / "sources.yaml").write_text("sources: []\n")
    return checkout


def to_chapters(root):
    flags = ["--until", "chapter"]
    run_chain(root, "default", cores=2, flags=flags)


@pytest.mark.slow
def test_a_failing_chapter_stops_the_chain_and_the_next_run_goes_on(small, capfd):
    source = small / "notebooks" / "values" / "own.ipynb"
    executed = small / "_build" / "stage" / "notebooks" / "values" / "own.ipynb"
    chapter(source, "raise LookupError('no such finding')")
    with pytest.raises(ChainError):
        to_chapters(small)
    said = capfd.readouterr().out
    assert "own.ipynb: cell 3 failed" in said
    assert "LookupError: no such finding" in said
    assert not executed.exists()
    assert not list(executed.parent.glob("*")), "something half-written was left"
    fitted = small / "data/runs/default/notebooks/simulated-1/20_fit.ipynb"
    before = fitted.stat().st_mtime_ns
    chapter(
        source,
        "from revealed.study import open_run\nopened = open_run(run)\n"
        "opened.write_findings('own', [])\nprint(opened.respondents)",
    )
    to_chapters(small)
    made = nbformat.read(executed, as_version=4)
    assert "simulated/coherent" in made.cells[-1].outputs[0]["text"]
    assert (
        "utilities/simulated--coherent/sexes.lives_saved.forced/fit.json"
        in (made.metadata["revealed"]["inputs"])
    )
    assert fitted.stat().st_mtime_ns == before, "a finished step was done again"
