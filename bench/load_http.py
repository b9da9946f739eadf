"""The page load: GETs over kept connections, raw asyncio, in a process of its own.

    python -m bench.load_http --port 8080 --path /helpdesk/ticket/TOKEN --seconds 3

writes one JSON object: requests, failures, seconds, rate, p50_ms, p99_ms, octets (of the last page).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from bench.rounds import percentile

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pages:
    """What came of a run."""

    requests: int
    failures: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    octets: int


@dataclass(slots=True)
class _Tally:
    until: float
    waits: list[float] = field(default_factory=list)
    failures: int = 0
    octets: int = 0


def main(arguments: list[str]) -> None:
    """The command."""
    options = argparse.ArgumentParser(prog="python -m bench.load_http", description="GETs a page.")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--path", required=True)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--seconds", type=float, default=3.0)
    given = options.parse_args(arguments)
    pages = uvloop.run(load(given.port, given.path, given.connections, given.seconds))
    print(json.dumps(asdict(pages)))


async def load(port: int, path: str, connections: int, seconds: float) -> Pages:
    """GETs the page for so many seconds, `connections` requests in flight."""
    started = time.perf_counter()
    tally = _Tally(started + seconds)
    await asyncio.gather(*(_keep_asking(port, path, tally) for _ in range(connections)))
    took = time.perf_counter() - started
    done = len(tally.waits)
    return Pages(
        done,
        tally.failures,
        took,
        done / took,
        percentile(tally.waits, 0.50) * 1000 if done else 0.0,
        percentile(tally.waits, 0.99) * 1000 if done else 0.0,
        tally.octets,
    )


async def _keep_asking(port: int, path: str, tally: _Tally) -> None:
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/html\r\n\r\n".encode()
    while time.perf_counter() < tally.until:
        over = loop.create_future()
        await loop.create_connection(lambda: _Client(request, tally, over), "127.0.0.1", port)  # noqa: B023
        await over


class _Client(asyncio.Protocol):
    """One connection: asks again as soon as it has been answered, until the time is over."""

    def __init__(self, request: bytes, tally: _Tally, over: asyncio.Future[None]) -> None:
        self._request = request
        self._tally = tally
        self._over = over
        self._answer = bytearray()
        self._whole: int | None = None
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._whole is None:
            self._whole = _whole_length(self._answer)
        if self._whole is None:
            ended = _CHUNKED.search(self._answer) and self._answer.endswith(b"\r\n0\r\n\r\n")
            self._whole = len(self._answer) if ended else None
        if self._whole is not None and len(self._answer) >= self._whole:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        # HTTP/1.1 without a length: the end of the connection ends the page (RFC 9112 §6.3).
        if self._answer:
            self._note()
        self._over.set_result(None)

    def _ask(self) -> None:
        self._answer.clear()
        self._whole = None
        self._asked = time.perf_counter()
        self._transport.write(self._request)

    def _answered(self) -> None:
        self._note()
        self._answer.clear()
        if time.perf_counter() < self._tally.until:
            self._ask()
        else:
            self._transport.close()

    def _note(self) -> None:
        if b" 200 " in self._answer[:16]:
            self._tally.waits.append(time.perf_counter() - self._asked)
            self._tally.octets = len(self._answer)
        else:
            self._tally.failures += 1


def _whole_length(answer: bytearray) -> int | None:
    """Octets of head and page, once the head is there and names the page's length."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return None
    length = _LENGTH.search(answer, 0, head + 2)
    return head + 4 + int(length[1]) if length else None


if __name__ == "__main__":
    main(sys.argv[1:])
