"""An SMTP server that misbehaves to order, on a free loopback port, in threads of its own.

    with ScriptedSMTP() as server:
        server.at("rcpt", permanent("5.1.1 unknown"))      # always
        server.at("dot", [temporary(), OK])                # once, then well
        server.recipients["bob@example.net"] = permanent()
        ...
        assert [mail.recipients for mail in server.mails] == [("eve@example.net",)]

Stages: connect, greeting, ehlo, starttls, auth, mail, rcpt, data, body, dot, rset, quit. `body` is reached
when the first line of a letter's text has come. Beside its script the server behaves as RFC 5321 says.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType

from tests.parts.smtp_conversation import Conversation, Over
from tests.parts.smtp_script import (
    DROP,
    EXTENSIONS,
    GARBAGE,
    HANG,
    LIE,
    MULTILINE,
    OK,
    Act,
    Caught,
    Script,
    closing,
    permanent,
    temporary,
)

__all__ = [
    "DROP",
    "EXTENSIONS",
    "GARBAGE",
    "HANG",
    "LIE",
    "MULTILINE",
    "OK",
    "Act",
    "Caught",
    "ScriptedSMTP",
    "closing",
    "permanent",
    "temporary",
]

_AWAIT_S = 10.0


class ScriptedSMTP(Script):
    """The server, which does what its `Script` says; `host` and `port` say where.

    It listens from construction on; `close` (or leaving the `with`) ends it.
    """

    def __init__(
        self,
        script: Mapping[str, Act | Iterable[Act]] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        extensions: tuple[str, ...] = EXTENSIONS,
        greylist: bool = False,
        on_stage: Callable[[str, str], None] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(
            script,
            tls=tls,
            implicit=implicit,
            users=users,
            extensions=extensions,
            greylist=greylist,
            on_stage=on_stage,
        )
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=self._family)
        self.host, self.port = self._listener.getsockname()[:2]
        self._spawn(self._accept)

    def __enter__(self) -> ScriptedSMTP:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self.closing.set()
        self._listener.close()
        with socket.socket(self._family) as knock:  # an accept() under way does not notice a close
            knock.connect_ex((self.host, self.port))
        for connection in list(self._connections):
            _cut(connection)
        for thread in self._threads:
            thread.join(_AWAIT_S)

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.closing.is_set():
                connection.close()
                return
            self._connections.add(connection)
            self.note(self._count)
            self._spawn(functools.partial(self._serve, connection, self.sessions))

    def _count(self) -> None:
        self.sessions += 1
        self.open_sessions += 1
        self.most_open_sessions = max(self.most_open_sessions, self.open_sessions)

    def _serve(self, connection: socket.socket, number: int) -> None:
        conversation = Conversation(self, connection, number)
        try:
            conversation.run()
        except (OSError, Over):
            pass
        finally:
            self._connections.discard(connection)
            conversation.lines.close()
            _cut(conversation.connection)
            self.note(self._uncount)

    def _uncount(self) -> None:
        self.open_sessions -= 1


def _cut(connection: socket.socket) -> None:
    """Close now, also under a thread that reads."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
