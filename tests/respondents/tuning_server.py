"""A real HTTP server on loopback that speaks the OpenAI files and fine-tuning API, and misbehaves.

Faults are taken from a list by route, one a request: a status to answer with, ``drop`` (close
without doing anything), ``lose`` (do it, then close without an answer), ``slow`` (do it, answer
late), ``garbage`` (do it, answer with half a body).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter, defaultdict
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

STEPS = ("validating_files", "queued", "running", "running")


class TuningServer:
    """Use as a context manager; `url` is its ``api_base``."""

    def __init__(self) -> None:
        self.files: list[dict[str, Any]] = []
        self.contents: dict[str, bytes] = {}
        self.jobs: list[dict[str, Any]] = []
        self.looks: Counter[str] = Counter()
        self.faults: dict[str, list[Any]] = defaultdict(list)
        self.asked: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.key: str | None = None
        self.end = "succeeded"
        self.delay = 1.0
        self.hides_suffix = False
        self.first_page_alone = False
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                server.serve(self, b"")

            def do_POST(self) -> None:
                server.serve(self, self.rfile.read(int(self.headers.get("content-length", 0))))

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"

    def __enter__(self) -> TuningServer:
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def serve(self, request: Any, body: bytes) -> None:
        parts = urlsplit(request.path)
        path = parts.path.removeprefix("/v1")
        route = f"{request.command} {re.sub(r'(ftjob|file)-[0-9]+', 'ID', path)}"
        with self.lock:
            self.asked[route] += 1
            self.keys[request.headers.get("authorization", "")] += 1
            fault = self.faults[route].pop(0) if self.faults[route] else None
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return self.send(request, 401, self.error("Incorrect API key provided", "invalid"))
        if fault == "drop":
            return self.close(request)
        if isinstance(fault, int):
            return self.send(request, fault, self.error("told to fail", "server_error"))
        with self.lock:
            status, answer = self.act(route, path, parse_qs(parts.query), request, body)
        if fault == "lose":
            return self.close(request)
        if fault == "slow":
            time.sleep(self.delay)
        return self.send(request, status, answer, cut=fault == "garbage")

    def act(
        self, route: str, path: str, query: dict[str, list[str]], request: Any, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        if route == "GET /files":
            return 200, {"object": "list", "data": list(self.files), "has_more": False}
        if route == "POST /files":
            head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
            fields = BytesParser().parsebytes(head + body).get_payload()
            sent = next(f for f in fields if f.get_filename())
            row = {
                "id": f"file-{len(self.files) + 1}", "object": "file", "created_at": 1,
                "bytes": len(sent.get_payload(decode=True)), "filename": sent.get_filename(),
                "purpose": "fine-tune", "status": "processed",
            }  # fmt: skip
            self.files.append(row)
            self.contents[row["id"]] = sent.get_payload(decode=True)
            return 200, row
        if route == "GET /fine_tuning/jobs":
            rows = [self.shown(job) for job in reversed(self.jobs)]
            after, limit = query.get("after", [""])[0], int(query.get("limit", ["20"])[0])
            if after and not self.first_page_alone:
                rows = rows[1 + [row["id"] for row in rows].index(after) :]
            return 200, {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit}
        if route == "POST /fine_tuning/jobs":
            asked = json.loads(body)
            if asked["training_file"] not in {row["id"] for row in self.files}:
                return 400, self.error("no such file", "invalid_request_error")
            job = {
                "id": f"ftjob-{len(self.jobs) + 1}", "object": "fine_tuning.job", "created_at": 1,
                "model": asked["model"], "training_file": asked["training_file"],
                "hyperparameters": asked.get("hyperparameters", {}),
                "user_provided_suffix": asked.get("suffix"), "status": STEPS[0], "error": None,
                "fine_tuned_model": None, "finished_at": None, "organization_id": "o",
                "seed": asked.get("seed", 1),
                "result_files": [], "trained_tokens": None, "validation_file": None,
            }  # fmt: skip
            self.jobs.append(job)
            return 200, self.shown(job)
        job = next((j for j in self.jobs if j["id"] in path.split("/")), None)
        if job is None:
            return 404, self.error("no such job", "invalid_request_error")
        if path.endswith("/events"):
            events = [{"id": "e", "object": "fine_tuning.job.event", "created_at": 1,
                       "level": "info", "message": job["status"], "type": "message"}]  # fmt: skip
            return 200, {"object": "list", "data": events, "has_more": False}
        if path.endswith("/cancel"):
            job["status"] = "cancelled"
            return 200, self.shown(job)
        self.go_on(job)
        return 200, self.shown(job)

    def go_on(self, job: dict[str, Any]) -> None:
        if job["status"] in ("succeeded", "failed", "cancelled"):
            return
        self.looks[job["id"]] += 1
        if self.looks[job["id"]] < len(STEPS):
            job["status"] = STEPS[self.looks[job["id"]]]
        elif self.end == "failed":
            message = f"The file is wrong (sk-{'a' * 20})\nand more"
            job["status"] = "failed"
            job["error"] = {"code": "invalid", "message": message, "param": "training_file"}
        else:
            number = job["id"].removeprefix("ftjob-")
            job |= {"status": "succeeded", "fine_tuned_model": f"ft:{job['model']}:o::{number}",
                    "trained_tokens": 12_345}  # fmt: skip

    def shown(self, job: dict[str, Any]) -> dict[str, Any]:
        return {**job, "user_provided_suffix": None} if self.hides_suffix else dict(job)

    @staticmethod
    def error(message: str, kind: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    @staticmethod
    def close(request: Any) -> None:
        request.close_connection = True
        request.connection.close()

    @staticmethod
    def send(request: Any, status: int, answer: dict[str, Any], cut: bool = False) -> None:
        body = json.dumps(answer).encode()
        try:
            request.send_response(status)
            request.send_header("content-type", "application/json")
            request.send_header("content-length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                request.close_connection = True
        except OSError:  # the other side is gone, as the tests mean it to be
            request.close_connection = True
