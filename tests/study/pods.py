"""As much of the Kubernetes API as Snakemake's executor calls; a job's pod is a process here.

Not a cluster: nothing is scheduled, pulled or mounted. What it shows is that the profile is
understood, that jobs are sent with their claims and resources, and that their commands work in an
empty folder that shares nothing with the caller but the volume.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Pods(ThreadingHTTPServer):
    """The server; ``jobs`` are the bodies that were sent, by name."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path = path
        self.jobs: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.ended: dict[str, int] = {}
        self.said: dict[str, str] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def config(self, path: Path) -> Path:
        """Write what clients find this server by."""
        address = f"http://127.0.0.1:{self.server_address[1]}"
        made = {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": address}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        }  # fmt: skip
        path.write_text(json.dumps(made), encoding="utf-8")
        return path

    def start(self, name: str) -> None:
        """Run a job's container as a process, in a folder of its own."""
        container = self.jobs[name]["spec"]["template"]["spec"]["containers"][0]
        environment = {"PATH": self.path, "HOME": os.environ.get("HOME", "/")}
        for variable in container.get("env") or []:
            chosen = variable["valueFrom"]["secretKeyRef"]
            value = self.secrets[chosen["name"]][chosen["key"]]
            environment[variable["name"]] = base64.b64decode(value).decode()
        folder = tempfile.mkdtemp(prefix="pod-")
        done = subprocess.run(
            [*container["command"], *container["args"]], cwd=folder, env=environment,
            check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
        self.said[name], self.ended[name] = done.stdout, done.returncode


class _Handler(BaseHTTPRequestHandler):
    server: Pods

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, body: Any, code: int = 200) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def _status(self, name: str) -> dict[str, Any]:
        code = self.server.ended.get(name)
        status = {} if code is None else {"failed": 1} if code else {"succeeded": 1}
        return {"metadata": {"name": name}, "status": status}

    def do_POST(self) -> None:
        body = self._body()
        name = body["metadata"]["name"]
        if self.path.endswith("/secrets"):
            self.server.secrets[name] = body.get("data") or {}
        else:
            self.server.jobs[name] = body
            threading.Thread(target=self.server.start, args=(name,), daemon=True).start()
        self._answer({"metadata": {"name": name}}, 201)

    def do_DELETE(self) -> None:
        self._body()
        self._answer({"status": "Success"})

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        last = path.rpartition("/")[2]
        if last == "pods":
            name = query.partition("job-name%3D")[2].partition("&")[0]
            code = self.server.ended.get(name)
            state = {} if code is None else {"terminated": {"exitCode": code}}
            container = {
                "name": "snakemake", "state": state, "ready": False, "restartCount": 0,
                "image": "x", "imageID": "x",
            }  # fmt: skip
            pod = {"metadata": {"name": name}, "status": {"containerStatuses": [container]}}
            self._answer({"items": [pod]})
        elif last == "log":
            self._answer(self.server.said.get(path.split("/")[-2], ""))
        else:
            self._answer(self._status(last))
