"""A listener: the socket that SMTP or LMTP connections come in by."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path

from gateway.clock import Clock, now
from gateway.errors import ConfigError
from gateway.flow.accept import Acceptance
from gateway.transport.limits import ListenerSettings
from gateway.transport.reception import Reception
from gateway.transport.smtp import LEAVING, Connection

_BACKLOG = 512
_LAST_WORDS_S = 1.0


class Listener:
    """Listens from `start` to `stop`, in the event loop that calls them."""

    def __init__(self, settings: ListenerSettings, acceptance: Acceptance, clock: Clock = now) -> None:
        """Raises ConfigError when the certificate cannot be used."""
        self.settings = settings
        self._reception = Reception(settings, acceptance, clock)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._rounds: asyncio.Task[None] | None = None
        self._path: Path | None = None
        self._inode: tuple[int, int] | None = None

    async def start(self) -> None:
        """Begin to accept connections. Raises ConfigError when the place is taken or makes no sense."""
        loop = asyncio.get_running_loop()
        try:
            if self.settings.listen.startswith("unix:"):
                sock = self._local_socket(Path(self.settings.listen.removeprefix("unix:")))
                self._server = await loop.create_unix_server(self._connection, sock=sock, backlog=_BACKLOG)
            else:
                host, port = self._host_and_port()
                self._server = await loop.create_server(self._connection, host, port, backlog=_BACKLOG)
        except OSError as error:
            reason = error.strerror or error
            raise self._wrong(f"cannot listen on {self.settings.listen} ({reason})") from error
        self._rounds = asyncio.create_task(self._go_round())

    async def stop(self, grace: float) -> None:
        """Accept nobody any more, let mails under way finish for `grace` seconds, tell the others 421."""
        if self._server is None:
            return
        self._server.close()
        self._remove_path()
        if self._rounds is not None:
            self._rounds.cancel()
        for connection in tuple(self._connections):
            connection.finish()
        await self._wait(grace)
        for connection in tuple(self._connections):
            connection.dismiss(LEAVING)
        await self._wait(_LAST_WORDS_S)
        for connection in tuple(self._connections):
            connection.abort()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), _LAST_WORDS_S)
        self._server = None

    @property
    def accepting(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None and self._server.is_serving()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that a TCP listener really has (port 0 asks for any)."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def _connection(self) -> Connection:
        return Connection(self._reception, self._connections)

    async def _go_round(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.settings.patience.tick)
            for connection in tuple(self._connections):
                connection.tick(loop.time())

    async def _wait(self, seconds: float) -> None:
        under_way = {connection.task for connection in self._connections}
        if under_way:
            await asyncio.wait(under_way, timeout=seconds)

    def _host_and_port(self) -> tuple[str | None, int]:
        host, colon, port = self.settings.listen.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise self._wrong(f"{self.settings.listen!r} is neither HOST:PORT nor unix:PATH")
        return host.strip("[]") or None, int(port)

    def _local_socket(self, path: Path) -> socket.socket:
        """Bound to `path` with its mode set: nobody can connect before the server listens on it."""
        self._clear(path)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.bind(str(path))
            path.chmod(self.settings.socket_mode)
        except OSError:
            sock.close()
            raise
        found = path.stat()
        self._path, self._inode = path, (found.st_dev, found.st_ino)
        return sock

    def _clear(self, path: Path) -> None:
        """Remove the socket file of a process that is gone; one that still answers is somebody's."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise self._wrong(f"{path} is there already and is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
                return
            except BlockingIOError:
                pass  # a full queue is a process that listens, too
        raise self._wrong(f"{path} belongs to a process that is running")

    def _remove_path(self) -> None:
        """Remove our socket file, not one that another process put in its place."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            found = self._path.lstat()
            if (found.st_dev, found.st_ino) == self._inode:
                os.unlink(self._path)

    def _wrong(self, problem: str) -> ConfigError:
        return ConfigError(f"[{self.settings.protocol}] listen", problem)
