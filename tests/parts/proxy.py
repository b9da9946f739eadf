"""A TCP proxy that cuts, stalls or half-closes a connection after so many octets.

with Proxy(server.host, server.port, upstream=Limit(4000, CUT)) as proxy:
    ...connect to proxy.host, proxy.port
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from types import TracebackType

PASS = "pass"
CUT = "cut"
STALL = "stall"
HALF_CLOSE = "half-close"
_AWAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What happens to one direction after `octets`: cut (both ways), stall (nothing moves) or half-close."""

    octets: int
    then: str


NO_LIMIT = Limit(0, PASS)


class Proxy:
    """Between a client and `host`:`port`. Listens on `self.host`, `self.port` until closed.

    upstream: client to server.  downstream: server to client.  Both count per connection and may be
    changed between connections.  reached: set once a limit was reached.
    """

    def __init__(
        self, host: str, port: int, *, upstream: Limit = NO_LIMIT, downstream: Limit = NO_LIMIT
    ) -> None:
        self.upstream, self.downstream = upstream, downstream
        self.connections = 0
        self.reached = threading.Event()
        self._target = (host, port)
        self._closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._start(self._accept)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cut(self) -> None:
        """Cut every connection now."""
        for end in list(self._sockets):
            _cut(end)

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self._closing.set()
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), 1).close()  # wakes accept()
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(_AWAIT_S)

    def _start(self, work: object, *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing.is_set():
                client.close()
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            self.connections += 1
            self._sockets += [client, server]
            self._start(self._carry, client, server, self.upstream)
            self._start(self._carry, server, client, self.downstream)

    def _carry(self, source: socket.socket, target: socket.socket, limit: Limit) -> None:
        left = limit.octets
        try:
            while piece := source.recv(65536):
                if limit.then == PASS:
                    target.sendall(piece)
                    continue
                target.sendall(piece[:left])
                left -= len(piece[:left])
                if left == 0:
                    self._act(limit.then, source, target)
                    return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            _cut(source)
            _cut(target)

    def _act(self, then: str, source: socket.socket, target: socket.socket) -> None:
        self.reached.set()
        if then == CUT:
            _cut(source)
            _cut(target)
        elif then == HALF_CLOSE:
            target.shutdown(socket.SHUT_WR)
        else:
            self._closing.wait()


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
