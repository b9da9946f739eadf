"""An IMAP server that misbehaves to order, on a free loopback port. RFC 3501.

with ScriptedIMAP({1: b"...", 2: b"..."}) as server:
    server.fetches[2] = b"* 2 FETCH (UID 2)\\r\\n"     # instead of what it would say
    ...
    server.lines is every line that the client has sent
"""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType

DROP = b"\x00drop"
_AWAIT_S = 10.0
_NUMBERS = re.compile(r"UID SEARCH (\d+):(\d+) ")


class ScriptedIMAP:
    """One folder with these mails by UID. It speaks just enough for one client.

    fetches: what it says for the octets of a UID instead of them; DROP ends the connection.  instead: the whole
    answer to a command, by its first word (`SELECT`, `UID SEARCH`…), tagged `%t`.  at_idle: says what comes in one
    piece with the answer to IDLE; `say` says more.  at_search: called after each search.  token_is_good: tells by a
    bearer token whether to let somebody in.  greeting: its first word, `PREAUTH` for somebody who is in already.
    """

    def __init__(
        self,
        mails: Mapping[int, bytes],
        *,
        uidvalidity: int = 7,
        capabilities: str = "IMAP4rev1 UIDPLUS MOVE AUTH=PLAIN",
        greeting: str = "OK",
        token_is_good: Callable[[str], bool] = lambda token: False,
    ) -> None:
        self.mails = dict(mails)
        self.uidvalidity = uidvalidity
        self.capabilities = capabilities
        self.greeting = greeting
        self.token_is_good = token_is_good
        self.fetches: dict[int, bytes] = {}
        self.instead: dict[str, bytes] = {}
        self.at_idle: Callable[[], bytes] = bytes
        self.at_search: Callable[[], object] = bytes
        self._idling = b""
        self.lines: list[bytes] = []
        self.connections = 0
        self._client: socket.socket | None = None
        self._closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> ScriptedIMAP:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join(_AWAIT_S)
        self._listener.close()

    def say(self, octets: bytes) -> None:
        """Beside any answer, to whoever is connected."""
        assert self._client is not None
        self._client.sendall(octets)

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing:
                client.close()
                return
            self._client = client
            self.connections += 1
            client.settimeout(_AWAIT_S)
            try:
                with client, client.makefile("rwb") as file:
                    self._converse(file)
            except OSError:  # also where closing would say what nobody hears any more
                continue

    def _converse(self, file: object) -> None:
        say, hear = file.write, file.readline  # type: ignore[attr-defined]
        flush = file.flush  # type: ignore[attr-defined]
        say(f"* {self.greeting} [CAPABILITY {self.capabilities}] ready\r\n".encode())
        flush()
        while line := hear():
            self.lines.append(line)
            tag, _, command = line.strip().partition(b" ")
            if command.upper().startswith(b"AUTHENTICATE"):
                answer = self._authenticate(tag, command, say, hear, flush)
            else:
                answer = self._answer(tag, command.decode("latin-1"))
            body, drops, _ = answer.partition(DROP)
            say(body)
            flush()
            if drops:
                return

    def _authenticate(
        self,
        tag: bytes,
        command: bytes,
        say: Callable[[bytes], object],
        hear: Callable[[], bytes],
        flush: Callable[[], object],
    ) -> bytes:
        say(b"+ \r\n")
        flush()
        told = base64.b64decode(hear().strip())
        if b"PLAIN" in command.upper():
            return tag + b" OK in\r\n"
        token = re.search(rb"Bearer ([^\x01]+)", told)
        if token and self.token_is_good(token[1].decode()):
            return tag + b" OK in\r\n"
        say(b"+ " + base64.b64encode(b'{"status":"invalid_token"}') + b"\r\n")
        flush()
        assert base64.b64decode(hear().strip()) == b"\x01"
        return tag + b" NO [AUTHENTICATIONFAILED] no\r\n"

    def _answer(self, tag: bytes, command: str) -> bytes:
        for word, answer in self.instead.items():
            if command.upper().startswith(word):
                return answer.replace(b"%t", tag)
        verb = command.upper()
        if verb == "IDLE":
            self._idling = tag
            return b"+ idling\r\n" + self.at_idle()
        if tag == b"DONE":
            return self._idling + b" OK done\r\n"
        if verb.startswith("CAPABILITY"):
            return f"* CAPABILITY {self.capabilities}\r\n".encode() + tag + b" OK done\r\n"
        if verb.startswith(("SELECT", "EXAMINE")):
            newest = max(self.mails, default=0)
            return (
                (
                    f"* {len(self.mails)} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {self.uidvalidity}] ok\r\n"
                    f"* OK [UIDNEXT {newest + 1}] ok\r\n"
                ).encode()
                + tag
                + b" OK [READ-WRITE] done\r\n"
            )
        if verb.startswith("UID MOVE"):
            return self._moved(command) + tag + b" OK done\r\n"
        if verb.startswith("UID SEARCH"):
            if self._asks_beyond(command):
                return tag + b" BAD no mail has this number\r\n"
            said = self._searched(command)
            self.at_search()
            return said + tag + b" OK done\r\n"
        if verb.startswith("UID FETCH"):
            return self._fetched(tag, command)
        return tag + b" OK done\r\n"

    def _asks_beyond(self, command: str) -> bool:
        """Whether it names a number that no mail has. RFC 3501 §9, seq-number."""
        numbers = _NUMBERS.match(command)
        return numbers is not None and int(numbers[2]) > len(self.mails)

    def _searched(self, command: str) -> bytes:
        """`UID SEARCH UID 3:*`, or `UID SEARCH 1:5 UID 3:*` of the first five; `n:*` names the last in any case."""
        first, _, last = command.rpartition(" ")[2].partition(":")
        numbers = _NUMBERS.match(command)
        among = sorted(self.mails)
        if numbers:
            among = among[int(numbers[1]) - 1 : int(numbers[2])]
        found = [uid for uid in among if uid >= int(first)] if last else [int(first)]
        found = found or among[-1:]
        return f"* SEARCH {' '.join(str(uid) for uid in found if uid in self.mails)}\r\n".encode()

    def _moved(self, command: str) -> bytes:
        said = b""
        for uid in map(int, command.split(" ")[2].split(",")):
            said += b"* %d EXPUNGE\r\n" % (sorted(self.mails).index(uid) + 1)
            del self.mails[uid]
        return said

    def _fetched(self, tag: bytes, command: str) -> bytes:
        uids = [int(one) for one in command.split(" ")[2].split(",")]
        said = b""
        for number, uid in enumerate(sorted(self.mails), 1):
            if uid not in uids:
                continue
            octets = self.mails[uid]
            if "BODY" not in command.upper():
                size = f"RFC822.SIZE {len(octets)} INTERNALDATE " + '"21-Nov-2026 04:00:00 +0000"'
                said += f"* {number} FETCH (UID {uid} {size})\r\n".encode()
            elif uid in self.fetches:
                said += self.fetches[uid]
            else:
                said += (
                    f"* {number} FETCH (UID {uid} BODY[] {{{len(octets)}}}\r\n".encode() + octets + b")\r\n"
                )
            if DROP in said:
                return said
        return said + tag + b" OK done\r\n"
