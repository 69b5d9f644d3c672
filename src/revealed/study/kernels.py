"""Kernels that start warm: a process that has imported what notebooks need forks one for each.

A notebook of this study runs for a second or two; starting Python, pandas, matplotlib, scipy and
our own rooms takes four. `warm` keeps a process that has done so once, and says in the environment
where it listens; `fork_kernel` asks it for a kernel there. Forking is sound only from a process
with a single thread, so the process looks at itself first and declines otherwise; it exists on
Linux alone. Whoever gets no kernel here starts an ordinary one.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ADDRESS = "REVEALED_KERNELS"
"""The environment variable that holds the socket of the process that forks."""

_WANTED = ("ipykernel.kernelapp", "statsmodels.api", "seaborn")
_ROOMS = ("figures", "measures", "utilities", "instruments")
_SETTINGS = {
    # Else the allocator that Arrow brings along starts a thread.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # What a kernel would set before matplotlib is imported.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
_PATIENCE = 60.0
"""Seconds for the imports, which the first to ask wait for."""


@contextlib.contextmanager
def warm(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Keep a process that forks kernels.

    Yields `environment`, with what notebooks find the process by; as it is where kernels cannot be
    forked. The process ends with the block, and by itself should its parent be killed.
    """
    if not sys.platform.startswith("linux"):
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="revealed-") as folder:
        address = str(Path(folder) / "kernels")
        # Bound before the process starts: who asks early waits in line, and who asks when the
        # process is gone is told at once.
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(address)
            line.listen(64)
            process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve({line.fileno()})"],
                env={**environment, **_SETTINGS},
                stdin=subprocess.DEVNULL,
                pass_fds=[line.fileno()],
            )
        try:
            yield {**environment, ADDRESS: address}
        finally:
            process.terminate()
            process.wait()


class Forked:
    """A kernel that is nobody's child here: what a kernel manager needs of a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """None as long as the kernel lives; the process that forked it clears it away."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            self.returncode = 0
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the kernel has ended."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout or 0.0)
            time.sleep(0.01)
        return 0

    def send_signal(self, number: int) -> None:
        """Signal the kernel, which may have ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the kernel."""
        self.send_signal(signal.SIGKILL)


def fork_kernel(
    connection_file: str, folder: str | None, environment: dict[str, str] | None
) -> int | None:
    """The process id of a new kernel that reads `connection_file`; None if nobody forks any."""
    address = (environment or os.environ).get(ADDRESS, "")
    if not address:
        return None
    asked = {"file": connection_file, "folder": folder or os.getcwd(), "environment": environment}
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_PATIENCE)
            line.connect(address)
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = line.makefile().readline()
    except OSError:
        return None
    return int(answer) if answer.strip().isdigit() else None


def serve(listening: int) -> None:
    """Import what notebooks need, then fork a kernel for whoever asks, until the parent is gone.

    `listening` is the file descriptor of the socket.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever runs the chain
    for name in (*_WANTED, *_modules()):
        # A room that cannot be imported is the notebook's to tell.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels that have ended leave no trace
    with socket.socket(fileno=listening) as line:
        line.settimeout(1.0)
        while os.getppid() == parent:
            try:
                caller, _ = line.accept()
            except TimeoutError:
                continue
            with caller, contextlib.suppress(OSError, ValueError):
                caller.settimeout(_PATIENCE)
                asked = json.loads(caller.makefile().readline())
                if len(os.listdir("/proc/self/task")) > 1:
                    caller.sendall(b"no\n")
                    continue
                pid = os.fork()
                if pid == 0:
                    line.close()
                    caller.close()
                    _be_kernel(asked)
                caller.sendall(f"{pid}\n".encode())


def _modules() -> list[str]:
    rooms = [f"{__package__.rpartition('.')[0]}.{room}" for room in _ROOMS]
    found = ["revealed.study"]
    for room in rooms:
        path = importlib.import_module(room).__path__
        found += [part.name for part in pkgutil.walk_packages(path, f"{room}.")]
    return found


def _be_kernel(asked: dict[str, Any]) -> None:
    """What the fork does: become the kernel of one notebook, and end with it."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if asked["environment"] is not None:
            os.environ.clear()
            os.environ.update(asked["environment"])
        os.chdir(asked["folder"])
        sys.path[0] = ""  # an ordinary kernel finds modules beside its notebook
        sys.argv = ["ipykernel_launcher", "-f", asked["file"]]

        from ipykernel.kernelapp import IPKernelApp

        # It ends when the process that forks does.
        application = IPKernelApp.instance(parent_handle=os.getppid())
        application.initialize(["-f", asked["file"]])  # type: ignore[no-untyped-call]
        application.start()  # type: ignore[no-untyped-call]
        status = 0
    finally:
        os._exit(status)
