"""A copy of the checkout in which a scaffold is tried before anything is written.

What only adds data is read by this process. What adds code is imported and read by another one,
from the copy, so that the trial is the very code that will stand in the checkout.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from revealed.foundation.errors import ConfigError, RevealedError
from revealed.instruments import list_arms, load_arm, load_instrument

_COPIED = ("data/instruments", "study.yaml", "_toc.yml", "pyproject.toml")
_LINKED = ("data/published", "data/sources.yaml")


@contextmanager
def copy(root: Path, files: Mapping[str, str], *, code: bool = False) -> Iterator[Path]:
    """A folder that passes for the checkout at `root` with `files` written in it."""
    with tempfile.TemporaryDirectory(prefix="revealed-trial-") as folder:
        scratch = Path(folder)
        for name in (*_COPIED, *(["src/revealed"] if code else [])):
            source, target = root / name, scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.is_file():
                shutil.copyfile(source, target)
        for name in _LINKED:
            if (root / name).exists():
                (scratch / name).symlink_to((root / name).resolve())
        for name, text in files.items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_text(text, encoding="utf-8", newline="")
        yield scratch


def examine(
    root: Path,
    instruments: Sequence[str] = (),
    respondents: Sequence[str] = (),
    modules: Sequence[str] = (),
) -> None:
    """Read what a scaffold adds, as the study would.

    Parameters
    ----------
    root
        The copy of the checkout.
    instruments, respondents
        Names that must load, and must be planned.
    modules
        Modules that must be importable (`revealed.measures.mine`).

    Raises
    ------
    RevealedError
        Whatever the study's own checks refuse.
    """
    from revealed.study import load_study, plan

    for name in list_arms(root):
        load_arm(name, root)
    for name in instruments:
        load_instrument(name, root)
    for name in modules:
        importlib.import_module(name)
    study = load_study(root / "study.yaml")
    specs = [entry.spec for entry in study.respondents if entry.spec.name in respondents]
    if len(specs) != len(respondents):
        raise ConfigError("the new respondents are not in the study.", where=root / "study.yaml")
    study.cells()
    if specs:
        plan(study, specs)


def examine_apart(
    root: Path,
    instruments: Sequence[str] = (),
    respondents: Sequence[str] = (),
    modules: Sequence[str] = (),
) -> None:
    """`examine` with the code of the copy, in a process of its own.

    Raises
    ------
    ConfigError
        With the last lines of what went wrong there.
    """
    arguments = (list(instruments), list(respondents), list(modules))
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from revealed.foundation.errors import RevealedError\n"
        "from revealed.study.scaffold import trial\n"
        f"try:\n    trial.examine(Path.cwd(), *{arguments!r})\n"
        "except RevealedError as error:\n    sys.exit(str(error))\n"
    )
    environment = {
        **os.environ, "PYTHONPATH": str(root / "src"), "REVEALED_ROOT": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise ConfigError(
            "what would be written does not work in this checkout; nothing was changed.\n"
            + "\n".join(done.stderr.replace(f"{root}/", "").strip().splitlines()[-6:])
        )


def formatted(root: Path, names: Sequence[str]) -> dict[str, str]:
    """The files `names` of a copy in the project's format, where ruff is installed.

    Raises
    ------
    ConfigError
        If the linter finds something that it cannot mend.
    """
    if find_spec("ruff") is not None and names:
        for command in (
            ["format", "--quiet"],
            ["check", "--fix", "--quiet"],
            ["format", "--quiet"],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *command, "--no-cache", *names], cwd=root,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise ConfigError(f"the linter refuses what would be written.\n{done.stdout}")
    return {name: (root / name).read_text(encoding="utf-8") for name in names}


@contextmanager
def spoken(root: Path, scratch: Path) -> Iterator[None]:
    """Errors that name a file of the copy name the one of the checkout instead."""
    try:
        yield
    except RevealedError as error:
        if error.where is not None:
            error.where = str(error.where).replace(str(scratch), str(root))
        raise
