"""The commands of *Rerun it*, *Fork it* and *On many machines*, executed in a copy of the checkout.

Servers on loopback stand in for a provider with a key, for Ollama and for vLLM. What *Fork it* adds
there must then pass what every change of the project has to pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import yaml
from copied_checkout import copy_checkout

from revealed.foundation.paths import project_root
from revealed.report import chapters
from revealed.respondents import public

ROOT = project_root(Path(__file__).parent)
sys.path.insert(0, str(ROOT / "tests" / "respondents"))

from stand_ins import KEY, StandIn, ollama, openai, vllm  # noqa: E402

_BLOCK = re.compile(r"^```\{code-block\} bash\n((?::[^\n]*\n)*)(.*?)^```$", re.M | re.S)


def blocks(page: str) -> list[tuple[str, str]]:
    """Options and commands of every shell block of a page."""
    return _BLOCK.findall((ROOT / "book" / f"{page}.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("page", "tested"),
    [("publish", 0), ("rerun", 4), ("fork", 4), ("scale", 2), ("answers", 4), ("compare", 1)],
)
def test_every_block_is_tested_or_says_why_not(page: str, tested: int) -> None:
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    assert "```bash" not in text
    found = blocks(page)
    assert sum(":class: tested" in options for options, _ in found) >= tested
    for options, commands in found:
        assert ":class: tested" in options or ":caption:" in options, commands


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout as a stranger would have it: tracked files, and new ones not yet committed."""
    copy_checkout(ROOT, tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", ["rerun", "fork", "scale", "answers", "compare"])
def test_the_commands_work(page: str, copy: Path) -> None:
    environment = environment_of(copy)
    for options, commands in blocks(page):
        if ":class: tested" not in options:
            continue
        if "needs-public-data" in options and not public.available(
            "cais/options_hierarchical.json"
        ):
            continue
        with stand_in(options, copy) as other:
            execute(commands, copy, environment, other)
    if page == "rerun":
        names = ("openai--gpt-4o-2024-08-06", "ollama_chat--llama3.2",
                 "hosted_vllm--Qwen--Qwen2.5-1.5B-Instruct")  # fmt: skip
        for name in names:
            page_of = copy / "_build" / "try" / name / "notebooks" / "trial" / "your_model.html"
            assert "is measurable" in page_of.read_text(encoding="utf-8")
        assert not [path for path in (copy / "data" / "runs" / "try").rglob("*")
                    if path.is_file() and KEY.encode() in path.read_bytes()]  # fmt: skip
        assert (copy / "stand-in" / "told").read_text(encoding="utf-8") == "pull llama3.2\n"
    if page == "fork":
        pass_every_check(copy, environment)


@contextmanager
def stand_in(options: str, copy: Path) -> Iterator[StandIn | None]:
    """The server in whose place a block's own would be asked."""
    (copy / "stand-in").mkdir(exist_ok=True)
    made = {"openai": openai, "vllm": vllm, "ollama": lambda: ollama(copy / "stand-in")}
    name = re.search(r"stand-in-(\w+)", options)
    with made[name[1]]() if name else nullcontext() as other:
        yield other


def environment_of(copy: Path) -> dict[str, str]:
    """No key, a home of its own, and the checkout's copy as the one there is."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
        "PATH": os.pathsep.join(
            [str(Path(sys.executable).parent), str(copy / "stand-in"), os.environ["PATH"]]
        ),
        "PYTHONPATH": str(copy / "src"),
        "REVEALED_ROOT": str(copy),
        "HOME": str(copy),
    }
    if "REVEALED_CACHE" not in os.environ:
        environment["REVEALED_CACHE"] = str(Path.home() / ".cache" / "revealed")
    return environment


def execute(
    commands: str, copy: Path, environment: dict[str, str], other: StandIn | None = None
) -> str:
    """Run a block in a shell whose input is a terminal, and return what it said."""
    other = other or StandIn(None)
    for address, instead in other.instead.items():
        assert address in commands
        commands = commands.replace(address, instead)
    typing, terminal = os.openpty()
    try:
        os.write(typing, other.typed.encode())
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=copy, stdin=terminal,
            env=environment | other.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(typing)
        os.close(terminal)
    assert done.returncode == 0, f"{commands}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def readme() -> list[str]:
    """The commands of README.md, one a line, without their remarks."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```\n(.*?)^```$", text, flags=re.M | re.S)).splitlines()
    return [line.partition(" #")[0].strip() for line in lines]


# Commands of README.md that the test executes, with what is added to ask little.
README = {
    "revealed plan --respondent openai/gpt-4o-2024-08-06": "--instrument calibration",
    "revealed run  --respondent openai/gpt-4o-2024-08-06 --max-cost 20": "--instrument calibration",
    "revealed status": "",
}


def test_every_command_of_the_readme_is_tested_somewhere() -> None:
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    address = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    known = {
        *README, "cd revealed", "source .venv/bin/activate", f"git clone {address['url']}",
        # Executed by a test with two repositories.
        f"revealed upstream check {address['url']}",
        *(line for page in ("rerun", "fork") for options, commands in blocks(page)
          if ":class: tested" in options for line in commands.splitlines()),
    }  # fmt: skip
    found = readme()
    assert len(found) > 10
    for line in found:
        target = re.fullmatch(r"make (\w+)( MODEL=\S+)?", line)
        if target:
            assert re.search(rf"^{target[1]}:", make, flags=re.M), line
        else:
            assert line in known, line


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_of_the_readme_work(copy: Path) -> None:
    environment = environment_of(copy) | {"OPENAI_API_KEY": KEY}
    said = []
    with openai() as other:
        for line, added in README.items():
            said.append(execute(f"{line} {added}", copy, environment, other))
        assert other.server.keys == {f"bearer {KEY}": other.server.total}
    assert "openai/gpt-4o-2024-08-06" in said[-1]


def pass_every_check(copy: Path, environment: dict[str, str]) -> None:
    """Linter, types, the tests of what was added, and a book of the new chapter."""
    chapter = "notebooks/own/early_or_late"
    assert f"{chapter}.ipynb" in chapters(copy)
    if (ROOT / ".mypy_cache").is_dir():  # by the content of files, so good for a copy of them
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache", dirs_exist_ok=True)
    added = [
        "src/revealed/instruments/experiments", "src/revealed/respondents/simulated",
        "src/revealed/measures/early_or_late.py", "src/revealed/figures/early_or_late.py",
        "notebooks/own",
        *(str(path.relative_to(copy)) for path in (copy / "tests").glob("*/test_*")
          if re.search("early_or_late|tea_or_coffee|bold", path.name)),
    ]  # fmt: skip
    assert len(added) == 11
    stage = copy / "_build" / "stage"
    (stage / "extra").mkdir(parents=True, exist_ok=True)
    (stage / chapter).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(copy / "book", stage / "book", dirs_exist_ok=True)
    shutil.copyfile(copy / "_config.yml", stage / "_config.yml")
    shutil.copyfile(copy / "_build" / "early_or_late.ipynb", stage / f"{chapter}.ipynb")
    (stage / "_toc.yml").write_text(f"format: jb-book\nroot: {chapter}\n", encoding="utf-8")
    build = "from revealed.report import build_site; print(build_site('mine', stage=False))"
    python = sys.executable
    for command in (
        [python, "-m", "ruff", "check", "--no-cache", *added],
        [python, "-m", "ruff", "format", "--check", "--no-cache", *added],
        [python, "-m", "mypy"],
        [python, "-m", "pytest", "-q", "tests/instruments/test_forking.py",
         "tests/instruments/test_arms.py", "tests/respondents/test_simulated.py",
         "tests/study/test_study_config.py", "tests/study/test_study_plan.py",
         # The condition that the page adds is rated by every judge, which is no small study.
         "--deselect", "tests/study/test_study_plan.py::test_study_as_shipped_stays_small"],
        [python, "-c", build],
    ):  # fmt: skip
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    shown = (copy / "_build" / "html" / f"{chapter}.html").read_text(encoding="utf-8")
    assert "Early or late" in shown
    assert "Share of answers for side a. early or late leaning in arm forced 0." in shown
    assert "By respondent and wording" in shown
