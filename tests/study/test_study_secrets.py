"""A key that is set appears nowhere in what a run or the book leaves on disk."""

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def holding(folder: Path, secret: str) -> list[str]:
    """Files below `folder` whose bytes contain the secret."""
    wanted = secret.encode()
    files = (path for path in folder.rglob("*") if path.is_file())
    return [str(path.relative_to(folder)) for path in files if wanted in path.read_bytes()]


class Talkative(http.server.BaseHTTPRequestHandler):
    """Answers A, and repeats the caller's key wherever a provider could."""

    def do_GET(self):
        self.reply({"data": [{"id": "own"}]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        self.server.keys.add(key)
        if len(self.server.keys) and self.server.served % 5 == 0:
            self.server.served += 1
            return self.reply({"error": {"message": f"Incorrect key {key}"}}, status=500)
        self.server.served += 1
        message = {"role": "assistant", "content": f"A {key}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body = {"id": key, "object": "chat.completion", "created": 1, "model": f"own {key}"}
        return self.reply(body | {"choices": [choice], "usage": usage})

    def reply(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words):
        pass


def test_a_key_is_in_no_file_of_a_run(checkout):
    secret = "sk-very-secret-0123456789abcdef"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Talkative)
    server.keys, server.served = set(), 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "revealed.cli", "run", "--respondent", "openai/own",
                "--api-base", f"http://127.0.0.1:{server.server_port}/v1",
                "--api-key-env", "OWN_KEY", "--mode", "sample",
            ],
            cwd=checkout, capture_output=True, text=True, check=False, timeout=240,
            env={**os.environ, "OWN_KEY": secret, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
    finally:
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert server.keys == {secret}, "the test did not show its key to the server"
    assert (checkout / "data" / "runs" / "default" / "ledger.sqlite").is_file()
    assert holding(checkout, secret) == []
    assert secret not in done.stdout + done.stderr


@pytest.mark.browser
def test_keys_of_the_environment_are_in_no_file_of_the_book():
    keys = {v for k, v in os.environ.items() if k.endswith("_API_KEY") and len(v) >= 8}
    if not keys or not (ROOT / "_build" / "html").is_dir():
        pytest.skip("needs a built book and a key in the environment (.ci/run sets one)")
    for key in keys:
        assert holding(ROOT / "data" / "runs", key) == []
        assert holding(ROOT / "_build", key) == []
