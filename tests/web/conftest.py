"""The public page on a real port, with a door behind it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network

import httpx2
import pytest
import uvicorn

from gateway.web.app import build
from gateway.web.patience import PatientHttp
from gateway.web.public import TicketDoor
from gateway.web.settings import Limits, WebSettings
from tests.web.standin import StandInDoor, plain_ticket


class Hurried(PatientHttp):
    """Waits less for the head of a request than a real server should."""

    head_seconds = 2.0


@dataclass(frozen=True)
class Site:
    """A running page. url: its base.  client: asks without following redirects."""

    url: str
    client: httpx2.Client
    port: int

    def page(self, token: str = StandInDoor.READER) -> str:
        return f"{self.url}/helpdesk/ticket/{token}"


@pytest.fixture
def door() -> StandInDoor:
    return StandInDoor(plain_ticket())


@pytest.fixture
def limits() -> Limits:
    """Overridden by tests that need others."""
    return Limits()


@pytest.fixture
def site(door: StandInDoor, limits: Limits) -> Iterator[Site]:
    with served(door, limits) as running:
        yield running


@contextmanager
def served(door: TicketDoor, limits: Limits) -> Iterator[Site]:
    """The page under uvicorn, in a thread with a loop of its own."""
    # Named TCP, or asyncio would let Nagle's delay stand.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who comes before the server does is let wait, not refused
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    app = build(door, WebSettings(url, (ip_network("127.0.0.1/32"),), limits))
    config = uvicorn.Config(app, http=Hurried, log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        with httpx2.Client(base_url=url, timeout=20) as client:
            yield Site(url, client, port)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
