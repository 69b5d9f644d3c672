"""A real HTTP server on loopback that speaks the OpenAI chat-completions protocol, and misbehaves.

Runs in a thread of the test's process, so that a client in another process can be killed while the
server lives and counts. Also run by ``benchmarks/elicitation.py``, as a process of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """What goes over the wire, and what is done to it on the way."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None
    """Send only so many bytes of the body, then close; the length still promises all of it."""
    drop: bool = False
    """Close without a word."""
    reset: bool = False
    """Send what `cut` leaves, then break the connection off (TCP RST)."""
    drip: float = 0.0
    """Send the body in ten pieces, so many seconds apart."""
    mark: str = ""
    """Noted in `Server.delivered` once the whole reply was handed to the network."""


Behaviour = Callable[[dict[str, Any], int], Reply]
"""From a request's body and how often the same body came before to a reply."""


def completion(text: str | None, body: dict[str, Any] | None = None, **message: Any) -> Reply:
    """A well-formed answer; with log-probabilities if the request asks for them."""
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": message.pop("finish_reason", "stop"),
        "message": {"role": "assistant", "content": text, **message},
        "logprobs": None,
    }
    if body and body.get("logprobs") and text:
        choice["logprobs"] = {"content": [position({text: 0.7, "B" if text == "A" else "A": 0.3})]}
    content = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": f"{(body or {}).get('model', 'm')}-0613",
        "choices": [choice],
        "usage": {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101},
    }
    return Reply(body=json.dumps(content).encode())


def position(chances: dict[str, float]) -> dict[str, Any]:
    """One token's log-probabilities in the protocol's form, the sampled token first."""
    tops = [{"token": t, "logprob": math.log(p), "bytes": None} for t, p in chances.items()]
    return {**tops[0], "top_logprobs": tops}


def error(status: int, text: str = "told to fail", **headers: str) -> Reply:
    """An error in the protocol's form; ``retry_after="3"`` becomes a header."""
    content = {"error": {"message": text, "type": "test", "param": None, "code": None}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(content).encode(), named)


def choose(body: dict[str, Any]) -> str:
    """A or B, by the question alone: whoever asks, whenever, gets the same answer."""
    return "AB"[hashlib.sha256(repr(body["messages"]).encode()).digest()[0] % 2]


def faithful(body: dict[str, Any], seen: int) -> Reply:
    """The well-behaved server."""
    return completion(choose(body), body)


class Server:
    """The server: `url` is its ``api_base``. Use as a context manager."""

    def __init__(self, behave: Behaviour = faithful, models: tuple[str, ...] = ("m",)):
        self.behave, self.models = behave, models
        self.asked: Counter[str] = Counter()
        """Requests by question (digest of the body)."""
        self.answered: Counter[str] = Counter()
        """Requests whose whole reply with status 200 was handed to the network."""
        self.delivered: list[str] = []
        """Marks of replies that were handed over whole."""
        self.keys: Counter[str] = Counter()
        """Requests by Authorization header."""
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.in_flight = self.most_in_flight = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def total(self) -> int:
        """Questions asked, in all."""
        return sum(self.asked.values())

    def __enter__(self) -> Server:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method = head[0].split(" ", 1)[0]
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "GET":
            rows = [{"id": name, "object": "model"} for name in self.models]
            reply = Reply(body=json.dumps({"object": "list", "data": rows}).encode())
            return await self._send(writer, reply)
        body = json.loads(raw)
        digest = hashlib.sha256(raw).hexdigest()
        seen = self.asked[digest]
        self.asked[digest] += 1
        self.keys[headers.get("authorization", "")] += 1
        self.times.append(self._loop.time())
        if len(self.bodies) < 1000:
            self.bodies.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = self.behave(body, seen)
            if reply.delay:
                await asyncio.sleep(reply.delay)
            going_on = await self._send(writer, reply)
        finally:
            self.in_flight -= 1
        if reply.status == 200 and reply.cut is None and not reply.drop and not reply.reset:
            self.answered[digest] += 1
            if reply.mark:
                self.delivered.append(reply.mark)
        return going_on

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        if reply.drop:
            return False
        named = {"content-type": "application/json", **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Status", f"content-length: {len(reply.body)}"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        head, body = "\r\n".join(lines).encode() + b"\r\n\r\n", reply.body[: reply.cut]
        if reply.drip:
            size = -(-len(body) // 10)
            for at in range(0, len(body) - size, size):
                writer.write(head + body[at : at + size])
                head = b""
                await writer.drain()
                await asyncio.sleep(reply.drip)
            body = body[-(len(body) - at - size) :]
        writer.write(head + body)
        await writer.drain()
        if reply.reset:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        return reply.cut is None


if __name__ == "__main__":
    # For benchmarks: print the address, serve until standard input closes.
    wait = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0

    def slow(body: dict[str, Any], seen: int) -> Reply:
        reply = faithful(body, seen)
        reply.delay = wait
        return reply

    with Server(slow) as server:
        print(server.url, flush=True)
        sys.stdin.read()
