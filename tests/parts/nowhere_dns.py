"""A name server that knows nobody: every name it is asked for does not exist. RFC 1035 §4.1.

with NowhereDns() as server:
    ...a resolver whose resolv.conf says `nameserver {server.host}`
"""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress
from types import TracebackType

_PORT = 53  # a resolv.conf names no port
_HEADER = 12  # octets before the question
_NO_SUCH_NAME = b"\x85\x83\x00\x01\x00\x00\x00\x00\x00\x00"
"""Flags (an answer, authoritative, recursion asked for and there, code 3), then one question and no record."""


class NowhereDns:
    """Answers by UDP on an address of the loopback network that nobody else has. Root only: its port is 53."""

    def __init__(self) -> None:
        self._socket = _bound()
        self.host: str = self._socket.getsockname()[0]
        self._thread = threading.Thread(target=self._answer, name="nowhere-dns", daemon=True)

    def __enter__(self) -> NowhereDns:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # it says so, of a socket without a peer, and wakes the thread all the same
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    def _answer(self) -> None:
        while True:
            asked, client = self._socket.recvfrom(4096)
            if not asked:
                return
            self._socket.sendto(asked[:2] + _NO_SUCH_NAME + _question(asked), client)


def _question(asked: bytes) -> bytes:
    """The labels of the name up to the empty one, its type and its class."""
    end = asked.index(b"\x00", _HEADER) + 5
    return asked[_HEADER:end]


def _bound() -> socket.socket:
    """A socket on a free one of sixteen million addresses."""
    while True:
        host = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.bind((host, _PORT))
        except OSError as error:
            found.close()
            if isinstance(error, PermissionError):
                raise
        else:
            return found
