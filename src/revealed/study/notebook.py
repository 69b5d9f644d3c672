"""Run one notebook: checked parameters, a kernel of its own, a whole output or none.

papermill does the running. Around it stand the things that bit us: unknown parameters only warn,
tuples and paths silently become strings, kernels over TCP race for ports, a failure leaves a
plausible output file, and the metadata carries clock times, so that no two runs are alike.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from revealed.foundation.errors import ConfigError, DataError, RevealedError
from revealed.foundation.paths import atomic_write
from revealed.foundation.provenance import record

from .config import nearest
from .kernels import Forked, fork_kernel

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class NotebookError(RevealedError):
    """A cell of a notebook failed; the message is the error that the cell showed."""

    exit_code = 8


def execute_notebook(
    source: Path,
    output: Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    root: Path,
    seed: int,
    inputs: Mapping[str, Path] | None = None,
    timeout: int = 1800,
) -> None:
    """Execute `source` in its own folder and write the executed copy to `output`.

    The copy records parameters, versions, commit, seed and input checksums in its metadata
    (``revealed``); clock times are taken out, so a second run gives the same bytes.

    Parameters
    ----------
    source, output
        The committed notebook and the executed copy; `output` appears only on success.
    parameters
        Values for the cell tagged ``parameters``; JSON types only.
    root, seed, inputs
        What `revealed.foundation.provenance.record` writes down.
    timeout
        Seconds that one cell may take.

    Raises
    ------
    ConfigError
        If a parameter is unknown to the notebook or not of a JSON type.
    NotebookError
        If a cell fails; nothing is written.
    """
    # A grammar of addresses that jsonschema would build for a check that no notebook needs: most of
    # a second in every process.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

    import papermill
    from papermill.exceptions import PapermillExecutionError

    values = dict(parameters or {})
    if not source.is_file():
        raise DataError("the notebook is not there.", where=source)
    _check_parameters(source, values)
    made = record(root, seed=seed, inputs={"notebook": source, **(inputs or {})})
    # A socket's path may have 107 characters at most, so it cannot lie below the checkout.
    sockets = Path(tempfile.mkdtemp(prefix="revealed-"))
    try:
        with atomic_write(output) as temporary:
            try:
                papermill.execute_notebook(
                    str(source),
                    str(temporary),
                    values,
                    cwd=str(source.parent),
                    kernel_name="python3",
                    progress_bar=False,
                    log_output=False,
                    execution_timeout=timeout,
                    kernel_manager_class=_kernel_manager(sockets),
                )
            except PapermillExecutionError as error:
                raise NotebookError(
                    f"cell {error.exec_count} failed.\n{_shown(error)}", where=source
                ) from None
            except Exception as error:  # a dead kernel or a time-out has no common class
                raise NotebookError(
                    f"could not be executed ({type(error).__name__}: {error}).", where=source
                ) from error
            _finish(temporary, values, made, root)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def _check_parameters(source: Path, values: dict[str, Any]) -> None:
    import papermill

    known = papermill.inspect_notebook(str(source))
    for name, value in values.items():
        if name not in known:
            raise ConfigError(
                f"the notebook has no parameter {name!r}.",
                where=source,
                todo=nearest(name, known) or f"It has: {', '.join(known) or 'none'}.",
            )
        try:
            same = json.loads(json.dumps(value)) == value
        except (TypeError, ValueError):
            same = False
        if not same:
            raise ConfigError(
                f"parameter {name!r} is a {type(value).__name__}, which JSON does not have.",
                where=source,
                todo="Pass text, a number, true, false, null, a list or a mapping.",
            )


def _kernel_manager(sockets: Path) -> type:
    """A kernel manager that talks over sockets in a folder of this execution alone.

    It takes a warm kernel where there is one.
    """
    from jupyter_client.manager import AsyncKernelManager

    class IpcKernelManager(AsyncKernelManager):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            if os.name != "nt":  # Windows has no such sockets; one kernel at a time is safe there
                self.transport = "ipc"
                self.ip = str(sockets / "kernel")

        async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
            pid = fork_kernel(self.connection_file, options.get("cwd"), options.get("env"))
            provisioner: Any = self.provisioner
            if pid is None:
                await super()._async_launch_kernel(kernel_cmd, **options)
                return
            provisioner.process, provisioner.pid, provisioner.pgid = Forked(pid), pid, pid
            self._reconcile_connection_info(provisioner.connection_info)

        _launch_kernel = _async_launch_kernel

    return IpcKernelManager


def _shown(error: Any) -> str:
    """The end of the traceback as the notebook shows it, without colours."""
    lines = _ANSI.sub("", "\n".join(error.traceback)).splitlines()
    return "\n".join(lines[-25:])


def _finish(path: Path, values: dict[str, Any], made: dict[str, Any], root: Path) -> None:
    """Take clock times out and write the record in."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("papermill", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            # papermill draws this cell's id at random
            cell["id"] = "injected-parameters"
        if cell.cell_type == "code":
            # Progress bars write to the error stream, with rates that differ from run to run.
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    notebook.metadata.pop("papermill", None)
    notebook.metadata["revealed"] = {"parameters": values, **made}
    text = nbformat.writes(notebook) + "\n"  # type: ignore[no-untyped-call]
    # Paths of the machine it ran on are nobody's business and differ between machines.
    path.write_text(text.replace(str(root.resolve()) + os.sep, ""), encoding="utf-8")
