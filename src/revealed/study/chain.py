"""Start Snakemake on the workflow and say how far it is, in steps and time left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from revealed.foundation.errors import RevealedError

from .kernels import warm

_STEP = re.compile(r"^(\d+) of (\d+) steps \(.*\) done$")
_TOTAL = re.compile(r"^total\s+(\d+)$")
# What Snakemake says of itself; what a step says stays.
_NOISE = re.compile(
    r"Assuming unrestricted|Building DAG|Using shell:|Provided |Rules claiming|Job stats:"
    r"|job +count|-+ +-+$|(?:all|site|chapter|public|fit|elicit|follow_up|control|total) +\d+$"
    r"|Select jobs|Execute \d+ jobs|\[\w{3} \w{3} [ \d]\d |Finished jobid|Nothing to be done"
    r"|Complete log|Elapsed time|RuleException:|CalledProcessError in|Command 'set -euo"
    r"|Shutting down|Exiting because|WorkflowError:|At least one job|The book is at|\s*$"
    r"|\[IPKernelApp\] ERROR \| KeyboardInterrupt caught"  # a kernel that is told to end
)


class ChainError(RevealedError):
    """A step of the chain failed; what it said stands above."""

    exit_code = 8


def _with_config(flags: Sequence[str], setting: str) -> list[str]:
    """`flags` with one more setting; of two ``--config`` Snakemake would see the last alone."""
    for place, flag in enumerate(flags):
        if flag in ("--config", "-C"):
            return [*flags[: place + 1], setting, *flags[place + 1 :]]
    return [*flags, "--config", setting]


def run_chain(root: Path, run: str, *, cores: int, flags: Sequence[str] = ()) -> None:
    """Run ``workflow/Snakefile``; what is up to date is left alone.

    Parameters
    ----------
    root, run
        The checkout and the run to render.
    cores
        Steps at the same time.
    flags
        Further words for Snakemake (``--dry-run``, ``--profile workflow/profiles/slurm``).

    Raises
    ------
    ChainError
        If a step fails; the others that are under way are finished first.
    """
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile",
        "--cores", str(cores), "--rerun-incomplete", "--nocolor", "--quiet", "rules", "host",
        *_with_config(flags, f"run={run}"),
    ]  # fmt: skip
    # Whoever gives Snakemake words of their own gets to see its own.
    outspoken = any(flag.startswith("-") and flag != "--until" for flag in flags)
    # Steps run side by side; more threads than cores cost up to 30 times (measured).
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**threads, **os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        warm(environment) as environment,
        subprocess.Popen(
            command, cwd=root, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        ) as process,
        tqdm(desc="book", unit="step", mininterval=1, file=sys.stdout) as bar,
    ):  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                text = line.rstrip()
                if found := _TOTAL.match(text):
                    bar.reset(total=int(found[1]))
                if found := _STEP.match(text):
                    bar.total = int(found[2])
                    bar.update(int(found[1]) - bar.n)
                elif outspoken or not _NOISE.match(text):
                    bar.write(text)
        except KeyboardInterrupt:
            # Snakemake got the same signal and ends its steps; a second one would leave a lock.
            process.wait()
            raise
    if process.returncode:
        raise ChainError(
            "the book could not be made.",
            todo="The step that failed says above why; what was finished is kept.",
        )
