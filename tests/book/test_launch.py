"""Where the first look runs without installing: addresses, dev container, Binder and Colab.

None of the three places can be reached here. Their files are held against what their formats say,
and what they execute is executed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from copied_checkout import copy_checkout

from revealed.foundation.paths import project_root
from revealed.report import launch

ROOT = project_root(Path(__file__).parent)
COLAB = ROOT / launch.COLAB
ADDRESS = str(
    yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
)


def bash_cells() -> list[str]:
    """What the notebook for Colab does in a shell."""
    cells = nbformat.read(COLAB, as_version=4).cells
    magic = "%%bash\n"
    return [c.source.removeprefix(magic) for c in cells if c.source.startswith(magic)]


def test_every_address_is_made_from_the_configuration(tmp_path: Path) -> None:
    found = launch.addresses(ROOT)
    assert list(found) == ["Codespaces", "Binder", "Colab"]
    name = ADDRESS.removeprefix("https://github.com/")
    assert all(name in address for address in found.values())
    for file in (launch.NOTEBOOK, launch.COLAB):
        assert (ROOT / file).is_file()
    assert found["Binder"].endswith("?labpath=" + launch.NOTEBOOK.replace("/", "%2F"))
    assert found["Colab"].endswith("/blob/main/" + launch.COLAB)
    config = "repository: {url: 'https://github.com/a/b\"<', branch: x/y}\n"
    (tmp_path / "_config.yml").write_text(config, encoding="utf-8")
    assert launch.addresses(tmp_path)["Binder"].startswith('https://mybinder.org/v2/gh/a/b"</x%2Fy')
    assert '"<' not in launch.links(tmp_path).replace('"><', "")
    (tmp_path / "_config.yml").write_text("repository: {url: https://example.org/a}\n")
    assert "at no address" in launch.links(tmp_path)


def test_the_readme_and_colab_name_the_same_repository() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for place, address in launch.addresses(ROOT).items():
        assert f"[{place}]({address})" in text, f"README.md: {place} is {address} by _config.yml"
    assert f"git clone {ADDRESS}\n" in text
    assert f"{ADDRESS} revealed\n" in "".join(bash_cells()), "recipes/colab.ipynb"


def test_the_dev_container_says_what_its_format_knows() -> None:
    told = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert set(told) <= {
        "name", "image", "postCreateCommand", "remoteEnv", "forwardPorts", "portsAttributes",
        "secrets", "customizations",
    }  # fmt: skip
    # An image by version, of a Python that the project takes.
    assert re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:\d+-3\.11-\w+", told["image"])
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert told["postCreateCommand"] == "make install"
    assert "\ninstall:" in make
    assert f"PORT ?= {told['forwardPorts'][0]}" in make
    assert set(told["portsAttributes"]) == {str(port) for port in told["forwardPorts"]}
    attributes = told["portsAttributes"]["8000"]
    assert attributes["onAutoForward"] in {
        "notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore",
    }  # fmt: skip
    for secret, about in told["secrets"].items():
        assert re.fullmatch(r"[A-Z_]+", secret)
        assert set(about) <= {"description", "documentationUrl"}
    assert told["remoteEnv"]["PATH"].endswith(":${containerEnv:PATH}")
    settings = told["customizations"]["vscode"]["settings"]
    assert settings["python.defaultInterpreterPath"].endswith("/.venv/bin/python")


def test_binder_installs_what_is_locked() -> None:
    folder = ROOT / ".binder"
    assert {path.name for path in folder.iterdir()} == {"runtime.txt", "postBuild"}
    # repo2docker reads a version of Python from this line alone.
    assert (folder / "runtime.txt").read_text(encoding="utf-8") == "python-3.11\n"
    script = folder / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!")
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in text
    assert (ROOT / "requirements.lock").is_file()


def test_binders_script_says_to_pip_what_it_should(tmp_path: Path) -> None:
    note = tmp_path / "told"
    (tmp_path / "python").write_text(f'#!/bin/sh\necho "$@" >> "{note}"\n', encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([str(ROOT / ".binder" / "postBuild")], cwd=ROOT, env={"PATH": path}, check=True)
    locked, own = note.read_text(encoding="utf-8").splitlines()
    assert locked.startswith("-m pip install ")
    assert locked.endswith("--require-hashes -r requirements.lock")
    assert own.endswith("--no-deps --no-build-isolation --editable .")


def test_the_notebook_for_colab_is_clean_and_needs_no_key() -> None:
    notebook = nbformat.read(COLAB, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in code if cell.outputs or cell.execution_count is not None]
    assert 'respondent = "simulated/' in code[0].source
    for cell in code:
        if not cell.source.startswith("%%"):
            compile(cell.source, COLAB.name, "exec")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_colab_does_in_a_shell_ends_with_a_page(tmp_path: Path) -> None:
    """From this checkout in the repository's place, with a home of its own."""
    source = tmp_path / "source"
    copy_checkout(ROOT, source)
    git = ["git", "-C", str(source), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "all"], check=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_API_KEY") and not name.startswith(("REVEALED_", "PYTHON"))
    } | {
        "HOME": str(tmp_path), "MODEL": "simulated/position_biased", "MAX_COST": "1.0",
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{source}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        # Packages from this machine's cache, where there is one: the lock's hashes are checked.
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
    }  # fmt: skip
    # Colab's Python is nobody's environment: a new one, in which virtualenv may be installed.
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "colab")], check=True)
    environment["PATH"] = f"{tmp_path / 'colab' / 'bin'}{os.pathsep}{environment['PATH']}"
    for cell in bash_cells():
        done = subprocess.run(
            ["bash", "-c", cell], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{cell}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    made = list((tmp_path / "revealed" / "_build" / "try").glob("*/index.html"))
    assert len(made) == 1
    page = made[0].parent / launch.NOTEBOOK.replace(".ipynb", ".html")
    assert "is measurable" in page.read_text(encoding="utf-8")
