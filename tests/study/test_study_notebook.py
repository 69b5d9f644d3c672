"""One notebook executed: parameters, record, sameness, and nothing half-written."""

from pathlib import Path

import nbformat
import numpy as np
import pytest

from revealed.foundation.errors import ConfigError, DataError
from revealed.study.notebook import NotebookError, execute_notebook


def notebook(path, *cells):
    book = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
    )
    parameters = nbformat.v4.new_code_cell('run = "default"\ncount = 1')
    parameters.metadata["tags"] = ["parameters"]
    book.cells = [parameters, *(nbformat.v4.new_code_cell(text) for text in cells)]
    nbformat.write(book, path)
    return path


def test_runs_are_recorded_and_alike(tmp_path):
    (tmp_path / "here.txt").write_text("read")
    source = notebook(
        tmp_path / "a.ipynb",
        "import sys, pathlib\nprint(count, pathlib.Path('here.txt').read_text())\n"
        "print(pathlib.Path.cwd())\nprint('progress', file=sys.stderr)",
    )
    out = tmp_path / "out" / "a.ipynb"
    results = []
    for _ in range(2):
        execute_notebook(
            source, out, {"count": 3}, root=tmp_path, seed=5,
            inputs={"here": tmp_path / "here.txt"},
        )  # fmt: skip
        results.append(out.read_bytes())
    assert results[0] == results[1]
    made = nbformat.read(out, as_version=4)
    (output,) = made.cells[-1].outputs
    assert output["text"].startswith("3 read\n")
    assert str(tmp_path) + "/" not in results[0].decode()
    record = made.metadata["revealed"]
    assert record["parameters"] == {"count": 3}
    assert record["seed"] == 5
    assert set(record["inputs"]) == {"notebook", "here"}
    assert {"python", "numpy", "papermill"} <= set(record["versions"])
    assert record["commit"]


def test_a_failing_cell_is_shown_and_leaves_nothing(tmp_path):
    source = notebook(tmp_path / "a.ipynb", "x = 1", "def f(n):\n    return 1 / n\nf(0)")
    out = tmp_path / "out" / "a.ipynb"
    with pytest.raises(NotebookError, match=r"a\.ipynb: cell 3 failed") as error:
        execute_notebook(source, out, root=tmp_path, seed=1)
    assert "ZeroDivisionError: division by zero" in str(error.value)
    assert "return 1 / n" in str(error.value)
    assert "\x1b" not in str(error.value)
    assert list(out.parent.iterdir()) == []


def test_a_failure_keeps_the_earlier_output(tmp_path):
    source = notebook(tmp_path / "a.ipynb", "raise ValueError('no')")
    out = tmp_path / "a.out.ipynb"
    out.write_text("earlier")
    with pytest.raises(NotebookError):
        execute_notebook(source, out, root=tmp_path, seed=1)
    assert out.read_text() == "earlier"


def test_a_cell_that_never_ends_is_ended(tmp_path):
    source = notebook(tmp_path / "a.ipynb", "import time\ntime.sleep(600)")
    with pytest.raises(NotebookError, match="timed out"):
        execute_notebook(source, tmp_path / "b.ipynb", root=tmp_path, seed=1, timeout=3)
    assert not (tmp_path / "b.ipynb").exists()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"cuont": 1}, "no parameter 'cuont'. Did you mean 'count'"),
        ({"count": (1, 2)}, "'count' is a tuple"),
        ({"run": Path("x")}, "JSON does not have"),
        ({"count": np.int64(3)}, "'count' is a int64"),
        ({"count": float("nan")}, "'count' is a float"),
    ],
)
def test_wrong_parameters_are_refused_before_a_kernel_starts(tmp_path, parameters, says):
    source = notebook(tmp_path / "a.ipynb", "open('ran', 'w')")
    with pytest.raises(ConfigError) as error:
        execute_notebook(source, tmp_path / "b.ipynb", parameters, root=tmp_path, seed=1)
    assert says in str(error.value)
    assert not (tmp_path / "ran").exists()


def test_a_missing_notebook_is_said(tmp_path):
    with pytest.raises(DataError, match="not there"):
        execute_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb", root=tmp_path, seed=1)
