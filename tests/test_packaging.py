"""What holds of the repository as a whole: imports, requirements, locks, what is committed."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import revealed

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = [ROOT / "requirements.lock", *sorted((ROOT / "requirements").glob("*.lock"))]

ROOMS = (
    "foundation", "instruments", "respondents", "utilities", "measures", "figures", "study",
    "report", "doctor", "cli",
)  # fmt: skip


def in_fresh_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_import_is_quick():
    # Best of several: a busy machine makes single measurements slow, never fast.
    code = "import time; t = time.perf_counter(); import revealed; print(time.perf_counter() - t)"
    assert min(float(in_fresh_python(code)) for _ in range(5)) < 0.3


@pytest.mark.parametrize("module", ["revealed", "revealed.cli", "revealed.study"])
def test_import_leaves_the_heavy_packages_out(module):
    loaded = in_fresh_python(f"import sys, {module}; print(*sys.modules)").split()
    heavy = {"litellm", "matplotlib", "snakemake"}
    if module == "revealed":
        heavy |= {"numpy", "pandas", "pydantic"}
    assert heavy.isdisjoint(loaded)


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports from, anywhere in it, relative imports included."""
    package = ("revealed", *path.relative_to(ROOT / "src" / "revealed").parent.parts)
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(part for part in (base, node.module) if part)
            names |= {f"{start}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]
    return {p[1] for p in parts if p[0] == "revealed" and len(p) > 1 and p[1] in ROOMS}


def test_rooms_import_only_rooms_before_them():
    wrong = []
    for path in sorted((ROOT / "src" / "revealed").rglob("*.py")):
        inside = path.relative_to(ROOT / "src" / "revealed")
        if inside == Path("__init__.py"):
            assert not imported_rooms(path)
            continue
        room = inside.parts[0].removesuffix(".py")
        assert room in ROOMS, f"{inside}: a room that is not in the order"
        later = [r for r in imported_rooms(path) if ROOMS.index(r) > ROOMS.index(room)]
        wrong += [f"{inside} imports {r}" for r in later]
    assert not wrong


def test_the_direction_test_sees_every_kind_of_import(tmp_path, monkeypatch):
    source = tmp_path / "src" / "revealed" / "utilities" / "x.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "def f():\n    import revealed.study\nfrom ..measures import a\nfrom revealed import cli\n"
        "from ..figures.style import b\nfrom . import fit\n"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert imported_rooms(source) == {"study", "measures", "cli", "figures", "utilities"}


def test_environment_yml_has_the_requirements_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert pip == [*PROJECT["project"]["dependencies"], "--editable ."]
    assert f"python{PROJECT['project']['requires-python']}" in environment["dependencies"]


def locked(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Versions and hashes of a lock file, by canonical name."""
    found = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", path.read_text(encoding="utf-8")):
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", block):
            hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", block)
            found[canonicalize_name(match[1])] = (match[2], hashes)
    return found


@pytest.mark.parametrize("path", LOCKS, ids=lambda p: p.name)
def test_every_locked_package_has_a_version_and_hashes(path):
    packages = locked(path)
    assert packages
    assert all(hashes for _, hashes in packages.values())
    lines = path.read_text(encoding="utf-8").splitlines()
    free = [line for line in lines if re.match(r"[A-Za-z0-9]", line) and "==" not in line]
    assert not free


def test_lock_covers_every_requirement():
    packages = locked(ROOT / "requirements.lock")
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["fast"],
        *PROJECT["dependency-groups"]["dev"],
    ]
    for text in wanted:
        requirement = Requirement(text)
        version = packages[canonicalize_name(requirement.name)][0]
        assert requirement.specifier.contains(version), f"{text}, locked {version}"


@pytest.mark.parametrize("cuda", ["12", "13"])
def test_gpu_locks_agree_with_the_main_lock(cuda):
    gpu, main = locked(ROOT / "requirements" / f"gpu{cuda}.lock"), locked(LOCKS[0])
    assert f"cupy-cuda{cuda}x" in gpu
    assert {n: v for n, (v, _) in gpu.items() if n in main} == {
        n: main[n][0] for n in gpu if n in main
    }


def test_probe_lock_agrees_with_the_main_lock_and_leaves_torch_out():
    probe, main = locked(ROOT / "requirements" / "probe.lock"), locked(LOCKS[0])
    assert "transformers" in probe
    assert "torch" not in probe
    assert "torch" not in main
    assert {n: v for n, (v, _) in probe.items() if n in main} == {
        n: main[n][0] for n in probe if n in main
    }


def test_tune_lock_adds_to_the_others_and_leaves_torch_out():
    tune, main = locked(ROOT / "requirements" / "tune.lock"), locked(LOCKS[0])
    probe = locked(ROOT / "requirements" / "probe.lock")
    assert {"accelerate", "peft"} <= set(tune)
    assert "torch" not in tune
    # What the recipe needs beside torch stands in one of the three.
    wanted = [Requirement(text) for text in PROJECT["project"]["optional-dependencies"]["tune"]]
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name != "torch":
            version = (tune.get(name) or probe.get(name) or main[name])[0]
            assert requirement.specifier.contains(version)
    for other in (probe, main):
        assert all(
            other[name][0] == version for name, (version, _) in tune.items() if name in other
        )


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == revealed.__version__ == PROJECT["project"]["version"]


def committed() -> list[Path]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_machine_path_and_no_registry_address_is_committed():
    # Written in pieces, so that this file does not find itself.
    forbidden = re.compile(
        "|".join(
            [
                r"(?<![\w.~$}])/" + r"(?:work|root|home/\w+|Users/\w+|opt)/",
                "file:" + "///",
                r"pypi\." + r"org/simple",
                "--(?:extra-)?index" + "-url",
                "--find" + "-links",
            ]
        )
    )
    found = []
    for path in committed():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in forbidden.finditer(text)]
    assert not found


def test_no_outputs_are_committed_in_notebooks():
    import nbformat

    for path in committed():
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            assert not any(cell.get("outputs") for cell in cells), path.name


def test_shell_scripts_parse_and_may_be_run():
    for name in (".ci/run", "workflow/install"):
        assert os.access(ROOT / name, os.X_OK)
        subprocess.run(["bash", "-n", str(ROOT / name)], check=True)
        assert "set -euo pipefail" in (ROOT / name).read_text(encoding="utf-8")


def test_publishing_needs_no_key():
    text = (ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["jobs"]["book"]["steps"]
    assert "secrets." not in text
