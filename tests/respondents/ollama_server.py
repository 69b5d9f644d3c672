"""A stand-in for Ollama on loopback, with its own paths and forms, by both names LiteLLM knows.

Written after Ollama's description of its API: ``GET /api/tags`` lists what was pulled, ``POST
/api/show`` describes a model, ``POST /api/chat`` and ``POST /api/generate`` answer, at once or line
by line. A model that was not pulled is an error 404, as there.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from server import choose


class Ollama:
    """The server: `url` is its address. Use as a context manager."""

    def __init__(
        self,
        models: tuple[str, ...] = ("llama3.2:latest",),
        say: Callable[[dict[str, Any]], str] = choose,
        delay: float = 0.0,
    ):
        self.models, self.say, self.delay = models, say, delay
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """Paths with bodies, of answers that were asked for."""
        self.most_at_once = 0
        self._now, self._lock = 0, threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path != "/api/tags":
                    return self.reply(404, {"error": "not found"})
                rows = [{"name": name, "model": name, "size": 1} for name in outer.models]
                return self.reply(200, {"models": rows})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                name = str(body.get("model") or body.get("name"))
                if not {name, f"{name}:latest"} & set(outer.models):
                    return self.reply(404, {"error": f"model '{name}' not found"})
                if self.path == "/api/show":
                    return self.reply(200, {"details": {"family": "llama"}, "model_info": {}})
                if self.path not in ("/api/chat", "/api/generate"):
                    return self.reply(404, {"error": "not found"})
                outer.enter(self.path, body)
                time.sleep(outer.delay)
                try:
                    return self.reply(200, outer.answer(self.path, name, body))
                finally:
                    outer.leave()

            def reply(self, status: int, content: dict[str, Any]) -> None:
                raw = json.dumps(content).encode() + b"\n"
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, path: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """The whole reply; a single line where lines were asked for."""
        told = body if "messages" in body else {"messages": body["prompt"]}
        said = self.say(told)
        kind = {"response": said}
        if path == "/api/chat":
            kind = {"message": {"role": "assistant", "content": said}}  # type: ignore[dict-item]
        return {
            "model": name, "created_at": "2026-01-01T00:00:00Z", **kind, "done": True,
            "done_reason": "stop", "prompt_eval_count": 100, "eval_count": 1,
        }  # fmt: skip

    def enter(self, path: str, body: dict[str, Any]) -> None:
        """A request for an answer begins."""
        with self._lock:
            self.asked.append((path, body))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)

    def leave(self) -> None:
        """It is over."""
        with self._lock:
            self._now -= 1

    def __enter__(self) -> Ollama:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
