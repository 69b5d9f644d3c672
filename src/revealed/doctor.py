"""What `revealed doctor` looks at: is everything here that the study needs, and what to do if not.

States: ``ok``; ``absent`` (something optional is not here); ``missing`` (something needed is not).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from revealed.foundation.errors import RevealedError
from revealed.foundation.paths import project_root

State = Literal["ok", "absent", "missing"]

KEYS = (
    "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "GROQ_API_KEY",
    "DEEPSEEK_API_KEY", "XAI_API_KEY", "OPENROUTER_API_KEY", "TOGETHERAI_API_KEY",
    "FIREWORKS_AI_API_KEY", "AZURE_API_KEY", "HF_TOKEN",
)  # fmt: skip
"""Environment variables in which LiteLLM looks for keys; only whether they are set is reported."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    found: str
    todo: str = ""

    @property
    def mark(self) -> str:
        """One character for the table."""
        return {"ok": "+", "absent": "-", "missing": "!"}[self.state]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def examine(root: Path | None = None) -> list[Check]:
    """Every check, in the order of the table; a check that breaks is reported, never raised."""
    try:
        folder: Path | None = project_root(root)
    except RevealedError:
        folder = None
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", _python),
        ("packages", _packages),
        ("checkout", lambda: _checkout(folder)),
        ("kernel", _kernel),
        ("gpu", _gpu),
        ("keys", lambda: _keys(folder)),
        ("ollama", _ollama),
        ("cache", lambda: _cache(folder)),
        ("browser", _browser),
    ]
    results = []
    for name, check in checks:
        try:
            results.append(check())
        except Exception as error:  # a doctor must survive what it examines
            results.append(Check(name, "missing", f"{type(error).__name__}: {error}"))
    return results


def _python() -> Check:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", "ok", text)


def _packages() -> Check:
    missing, found = [], []
    for line in requires("revealed") or []:
        if "extra ==" in line:
            continue
        name = re.split(r"[\s<>=!~;\[]", line, maxsplit=1)[0]
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", "missing", f"not installed: {', '.join(missing)}", "make install")
    shown = [f for f in found if f.split()[0] in ("numpy", "litellm", "jupyter-book", "snakemake")]
    return Check("packages", "ok", f"revealed {version('revealed')}, {', '.join(shown)}")


def _checkout(root: Path | None) -> Check:
    if root is None:
        return Check(
            "checkout", "missing", "no folder with study.yaml and data/instruments around here",
            "Change into the checkout, or set REVEALED_ROOT.",
        )  # fmt: skip
    from revealed.study import load_study

    try:
        study = load_study(root / "study.yaml")
        cells = len(study.cells())
    except RevealedError as error:
        return Check("checkout", "missing", "study.yaml cannot be used", str(error))
    return Check(
        "checkout", "ok", f"study.yaml: {len(study.respondents)} respondents, {cells} cells"
    )


def _kernel() -> Check:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Check("kernel", "missing", "no Jupyter kernel python3", "pip install ipykernel")
    program = spec.argv[0] if spec.argv else ""
    if os.path.isabs(program) and not os.access(program, os.X_OK):
        return Check(
            "kernel", "missing", "the kernel python3 names a program that is not there",
            f"{Path(sys.executable).name} -m ipykernel install --sys-prefix",
        )  # fmt: skip
    return Check("kernel", "ok", f"python3 (ipykernel {version('ipykernel')})")


def _gpu() -> Check:
    try:
        found = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return Check("gpu", "absent", "no NVIDIA GPU: fits run on NumPy, which is enough here")
    from revealed.foundation.backend import get_backend

    if get_backend("auto").name == "cupy":
        return Check("gpu", "ok", f"{found}, used through CuPy")
    return Check(
        "gpu", "absent", f"{found}, but CuPy cannot use it",
        "pip install '.[gpu]' (CUDA 12) or '.[gpu13]' (CUDA 13); fits run on NumPy until then.",
    )  # fmt: skip


def _keys(root: Path | None) -> Check:
    names = set(KEYS)
    if root is not None:
        from revealed.study import load_study

        try:
            entries = load_study(root / "study.yaml").respondents
            names |= {e.spec.api_key_env for e in entries if e.spec.api_key_env}
        except RevealedError:
            pass
    present = sorted(name for name in names if os.environ.get(name))
    if present:
        return Check("keys", "ok", f"set (values not read): {', '.join(present)}")
    return Check(
        "keys", "absent", "none set: simulated respondents and public data only",
        "To look at a hosted model: export OPENAI_API_KEY=..., then revealed try openai/...",
    )  # fmt: skip


def _ollama() -> Check:
    from revealed.respondents.check import ollama_models

    try:
        known = ollama_models()
    except ValueError as error:
        return Check("ollama", "absent", f"{error}")
    if known is None:
        return Check("ollama", "absent", "does not answer: needed only to ask models through it")
    if not known:
        return Check("ollama", "absent", "answers, and has no model yet", "ollama pull llama3.2")
    name = known[0].removesuffix(":latest")
    return Check(
        "ollama", "ok", f"{len(known)} models, {', '.join(known[:3])}",
        f"To look at one: revealed try ollama_chat/{name}",
    )  # fmt: skip


def _cache(root: Path | None) -> Check:
    from revealed.respondents import public

    folder = os.environ.get("REVEALED_CACHE")
    where = f"{folder} (REVEALED_CACHE)" if folder else "the user's cache folder"
    wanted = [source.file for source in public.list_sources(root) if not source.optional]
    cached, total = sum((public.cache_folder() / f).is_file() for f in wanted), len(wanted)
    text = f"{cached} of {total} public sources in {where}"
    if cached < total:
        return Check(
            "cache", "absent", text, "revealed fetch (chapters on sources not there will say so)."
        )
    return Check("cache", "ok", text)


def _browser() -> Check:
    for name in BROWSERS:
        if path := shutil.which(name):
            with tempfile.TemporaryDirectory() as profile:
                done = subprocess.run(
                    [path, "--version", f"--user-data-dir={profile}"],
                    capture_output=True, text=True, timeout=30, check=False,
                )  # fmt: skip
            return Check("browser", "ok", done.stdout.strip() or name)
    return Check(
        "browser", "absent", "no Chromium: only the tests of the rendered book need one",
        "apt-get install chromium (or any Chromium on the PATH).",
    )  # fmt: skip
