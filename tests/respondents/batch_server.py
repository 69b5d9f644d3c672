"""A real HTTP server on loopback that speaks the OpenAI files and batches API, and misbehaves.

Answers are those of the chat server beside it, from the bodies in the file. Faults of calls are
taken from a list by route, as in the tuning server; `spoil` changes what the result files hold, and
`end` is how batches end.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from server import Reply, faithful

STEPS = ("validating", "in_progress", "in_progress", "finalizing")
ENDS = ("completed", "failed", "expired", "cancelled")


class BatchServer:
    """Use as a context manager; `url` is its ``api_base``."""

    def __init__(self) -> None:
        self.files: list[dict[str, Any]] = []
        self.contents: dict[str, bytes] = {}
        self.batches: list[dict[str, Any]] = []
        self.looks: Counter[str] = Counter()
        self.faults: dict[str, list[Any]] = defaultdict(list)
        self.asked: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.worked: Counter[str] = Counter()
        """Requests that were worked off, by custom_id: each is on the bill."""
        self.at_once: list[bytes] = []
        """Bodies of questions that were asked at once."""
        self.key: str | None = None
        self.ends: list[str] = []
        """How batches end, one after another; then completed."""
        self.answers: Callable[[dict[str, Any], int], Reply] = faithful
        self.share = 1.0
        """Share of a batch's requests that are worked off before it expires or is cancelled."""
        self.spoil: Callable[[list[bytes], list[bytes]], tuple[list[bytes], list[bytes]]] | None
        self.spoil = None
        self.delay = 1.0
        self.hides_metadata = False
        self.expires = 86_400.0
        self.lock = threading.RLock()
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

    def __enter__(self) -> BatchServer:
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def lines(self, number: int = 0) -> list[dict[str, Any]]:
        """The lines of a batch's file."""
        content = self.contents[self.batches[number]["input_file_id"]]
        return [json.loads(line) for line in content.splitlines()]

    def serve(self, request: Any, body: bytes) -> None:
        parts = urlsplit(request.path)
        path = parts.path.removeprefix("/v1")
        route = f"{request.command} {re.sub(r'(batch|file|out|err)-[0-9]+', 'ID', path)}"
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
    ) -> tuple[int, Any]:
        name = next(iter(re.findall(r"(?:batch|file|out|err)-[0-9]+", path)), "")
        if route == "GET /models":
            return 200, {"object": "list", "data": [{"id": "m", "object": "model"}]}
        if route == "POST /chat/completions":
            self.at_once.append(body)
            reply = self.answers(json.loads(body), 0)
            return reply.status, reply.body
        if route == "GET /files":
            return 200, {"object": "list", "data": list(self.files), "has_more": False}
        if route == "POST /files":
            return 200, self.keep(request, body)
        if route == "GET /files/ID/content":
            if name not in self.contents:
                return 404, self.error("no such file", "invalid_request_error")
            return 200, self.contents[name]
        if route == "GET /batches":
            rows = [self.shown(batch) for batch in reversed(self.batches)]
            after, limit = query.get("after", [""])[0], int(query.get("limit", ["20"])[0])
            if after:
                rows = rows[1 + [row["id"] for row in rows].index(after) :]
            more = len(rows) > limit
            return 200, {"object": "list", "data": rows[:limit], "has_more": more}
        if route == "POST /batches":
            return self.begin(json.loads(body))
        batch = next((b for b in self.batches if b["id"] == name), None)
        if batch is None:
            return 404, self.error("no such batch", "invalid_request_error")
        if path.endswith("/cancel"):
            if batch["status"] in ENDS:
                return 409, self.error("it has ended", "invalid_request_error")
            self.finish(batch, "cancelled")
        else:
            self.go_on(batch)
        return 200, self.shown(batch)

    def keep(self, request: Any, body: bytes) -> dict[str, Any]:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        fields = BytesParser().parsebytes(head + body).get_payload()
        sent = next(f for f in fields if f.get_filename())
        content = sent.get_payload(decode=True)
        row = {
            "id": f"file-{len(self.files) + 1}", "object": "file", "created_at": int(time.time()),
            "bytes": len(content), "filename": sent.get_filename(), "purpose": "batch",
            "status": "processed",
        }  # fmt: skip
        self.files.append(row)
        self.contents[row["id"]] = content
        return row

    def begin(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if asked["input_file_id"] not in {row["id"] for row in self.files}:
            return 400, self.error("no such file", "invalid_request_error")
        now = int(time.time())
        batch = {
            "id": f"batch-{len(self.batches) + 1}", "object": "batch", "created_at": now,
            "endpoint": asked["endpoint"], "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"], "metadata": asked.get("metadata"),
            "status": STEPS[0], "errors": None, "output_file_id": None, "error_file_id": None,
            "expires_at": int(now + self.expires),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }  # fmt: skip
        self.batches.append(batch)
        return 200, self.shown(batch)

    def go_on(self, batch: dict[str, Any]) -> None:
        if batch["status"] in ENDS:
            return
        self.looks[batch["id"]] += 1
        if self.looks[batch["id"]] < len(STEPS):
            batch["status"] = STEPS[self.looks[batch["id"]]]
        else:
            self.finish(batch, self.ends.pop(0) if self.ends else "completed")

    def finish(self, batch: dict[str, Any], end: str) -> None:
        batch["status"] = end
        if end == "failed":
            message = f"Enqueued token limit reached (sk-{'a' * 20})\nand more"
            batch["errors"] = {"object": "list", "data": [
                {"code": "token_limit_exceeded", "message": message, "line": None, "param": None}
            ]}  # fmt: skip
            return
        rows = [json.loads(r) for r in self.contents[batch["input_file_id"]].splitlines()]
        done = round(len(rows) * (1.0 if end == "completed" else self.share))
        good, bad = [], []
        for number, row in enumerate(rows):
            key = row["custom_id"]
            line: dict[str, Any] = {"id": f"req-{number}", "custom_id": key, "error": None}
            if number >= done:
                code = f"batch_{end}"
                line |= {"response": None, "error": {"code": code, "message": "Not executed."}}
                bad.append(json.dumps(line).encode())
                continue
            reply = self.answers(row["body"], self.worked[key])
            self.worked[key] += 1
            body = json.loads(reply.body)
            line["response"] = {"status_code": reply.status, "request_id": "r", "body": body}
            (good if reply.status == 200 else bad).append(json.dumps(line).encode())
        batch["request_counts"] = {"total": len(rows), "completed": len(good), "failed": len(bad)}
        if self.spoil is not None:
            good, bad = self.spoil(good, bad)
        number = batch["id"].removeprefix("batch-")
        for kind, name, lines in (("output", "out", good), ("error", "err", bad)):
            if lines:
                self.contents[f"{name}-{number}"] = b"\n".join(lines)
                batch[f"{kind}_file_id"] = f"{name}-{number}"

    def shown(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "metadata": None} if self.hides_metadata else dict(batch)

    @staticmethod
    def error(message: str, kind: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    @staticmethod
    def close(request: Any) -> None:
        request.close_connection = True
        request.connection.close()

    @staticmethod
    def send(request: Any, status: int, answer: Any, cut: bool = False) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
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
