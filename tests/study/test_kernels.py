"""Warm kernels: the same notebook as from a cold one, a process for each, and no need of any."""

import json
import os
import signal
import sys
import time

import nbformat
import pytest

from revealed.study import kernels
from revealed.study.notebook import NotebookError, execute_notebook

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="kernels are forked on Linux alone"
)
PLAIN = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def notebook(path, *cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    parameters = nbformat.v4.new_code_cell('run = "default"')
    parameters.metadata["tags"] = ["parameters"]
    book.cells = [parameters, *(nbformat.v4.new_code_cell(text) for text in cells)]
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(book, path)
    return path


@pytest.fixture
def warm(monkeypatch):
    with kernels.warm(PLAIN) as environment:
        monkeypatch.setenv(kernels.ADDRESS, environment[kernels.ADDRESS])
        yield environment


def told(path):
    """What the last cell printed, as JSON."""
    return json.loads(nbformat.read(path, as_version=4).cells[-1].outputs[0]["text"])


ABOUT = (
    "import json, os, sys\n"
    "print(json.dumps([os.getpid(), os.getppid(), 'statsmodels' in sys.modules, os.getcwd()]))"
)


def test_a_warm_kernel_is_a_fresh_process_that_has_imported(tmp_path, warm, monkeypatch):
    out = tmp_path / "out.ipynb"
    source = notebook(tmp_path / "a.ipynb", "left = 1", ABOUT)
    seen = []
    for _ in range(2):
        execute_notebook(source, out, root=tmp_path / "elsewhere", seed=1)
        seen.append(told(out))
    (one, parent, imported, folder), (two, again, *_) = seen
    assert one != two
    assert parent == again != os.getpid()
    assert imported
    assert folder == str(tmp_path)
    # Cleared away, and not left as zombies of ours.
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in (one, two)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_warm_and_cold_give_the_same_bytes(tmp_path, warm, monkeypatch):
    source = notebook(
        tmp_path / "a.ipynb",
        "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd",
        "pd.DataFrame({'a': np.arange(3.0)})",
        "plt.plot([1, 2]); plt.show()",
    )
    made = []
    for address in (warm[kernels.ADDRESS], ""):
        monkeypatch.setenv(kernels.ADDRESS, address)
        execute_notebook(source, tmp_path / "out.ipynb", root=tmp_path, seed=1)
        made.append((tmp_path / "out.ipynb").read_bytes())
    assert made[0] == made[1]


def test_a_failing_cell_and_a_time_out_are_told_as_ever(tmp_path, warm):
    source = notebook(tmp_path / "a.ipynb", "1 / 0")
    with pytest.raises(NotebookError, match="division by zero"):
        execute_notebook(source, tmp_path / "out.ipynb", root=tmp_path, seed=1)
    source = notebook(tmp_path / "a.ipynb", "import time; time.sleep(60)")
    with pytest.raises(NotebookError, match="timed out"):
        execute_notebook(source, tmp_path / "out.ipynb", root=tmp_path, seed=1, timeout=2)
    source = notebook(tmp_path / "a.ipynb", "import os, signal; os.kill(os.getpid(), 9)")
    with pytest.raises(NotebookError):
        execute_notebook(source, tmp_path / "out.ipynb", root=tmp_path, seed=1)


def test_who_is_gone_is_not_waited_for(tmp_path, monkeypatch):
    source = notebook(tmp_path / "a.ipynb", ABOUT)
    with kernels.warm(PLAIN) as environment:
        monkeypatch.setenv(kernels.ADDRESS, environment[kernels.ADDRESS])
        execute_notebook(source, tmp_path / "out.ipynb", root=tmp_path, seed=1)
        forker = told(tmp_path / "out.ipynb")[1]
        os.kill(forker, signal.SIGKILL)
        started = time.monotonic()
        while kernels.fork_kernel("none", None, None) is not None:
            assert time.monotonic() - started < 10
        execute_notebook(source, tmp_path / "out.ipynb", root=tmp_path, seed=1)
        assert not told(tmp_path / "out.ipynb")[2], "not an ordinary kernel"
    assert kernels.fork_kernel("none", None, None) is None


def test_elsewhere_nothing_is_forked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with kernels.warm({"A": "1"}) as environment:
        assert environment == {"A": "1"}
