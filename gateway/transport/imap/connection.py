"""One connection to an IMAP server; the only place that knows imapclient. Used by one thread at a time. RFC 3501.

Everything is asked for by UID, as numbers: nothing that stands in a mail ever becomes part of a command (T74).
"""

from __future__ import annotations

import imaplib
import re
import select
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import imapclient

from gateway.config import Imap
from gateway.transport.imap.sasl import Login, log_in
from gateway.transport.imap.trouble import LoginRefused, NotDone, Trouble

CONNECT_S = 20.0
READ_S = 60.0
WINDOW = 5000  # UIDs in one answer, so that no line comes near the million octets imaplib reads
PIECE = 1 << 20
_CHANGE = re.compile(rb"\* (\d{1,10}) (EXISTS|EXPUNGE)\b", re.IGNORECASE)
_GOODBYE = re.compile(rb"\* BYE\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selected:
    """A folder as the server shows it. `newest`: no mail in it has a higher UID."""

    uidvalidity: int
    newest: int
    exists: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail in the folder: its UID, octets and arrival there (milliseconds UTC; 0 where the server says nothing)."""

    uid: int
    size: int
    arrived: int


class _Client(imapclient.IMAPClient):  # type: ignore[misc]
    """The library's client, which also hears what a server says beside its answers."""

    def told_meanwhile(self) -> list[tuple[int, bytes]]:
        """Mails that came and went since the folder was opened, by number."""
        said = [(name, self._imap.response(name)[1]) for name in ("EXISTS", "EXPUNGE")]
        return [(int(number), name.encode()) for name, numbers in said for number in numbers if number]

    def idle_lines(self, seconds: float) -> Iterator[bytes]:
        """The whole lines that are here, or come within so many seconds; one that has begun is heard to its end.

        `idle_check` does not see what has been read already, along with an answer, and loses half a line.
        """
        is_here = self._has_line() or self._has_octets(seconds)
        while is_here:
            line = self._imap.readline()
            if not line.endswith(b"\n"):
                raise Trouble("the server has closed the connection")
            yield line
            is_here = self._has_line()

    def _has_line(self) -> bool:
        """Whether one has been read, or can be at once."""
        sock = self.socket()
        seconds = sock.gettimeout()
        sock.setblocking(False)
        try:
            return b"\n" in self._imap.file.peek(1)
        except OSError:  # TLS says so when nothing is there; a connection that is lost shows it again
            return False
        finally:
            sock.settimeout(seconds)

    def _has_octets(self, seconds: float) -> bool:
        sock = self.socket()
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return True
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


class Connection:
    """Connected and logged in when it is made. Raises Trouble, LoginRefused or NotDone from every call."""

    def __init__(
        self,
        settings: Imap,
        login: Login,
        *,
        tls: ssl.SSLContext | None = None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
    ) -> None:
        self._idles = False
        self._exists = 0
        context = tls or ssl.create_default_context()
        with _translated():
            self._client = _Client(
                settings.host,
                settings.port,
                ssl=settings.security == "tls",
                ssl_context=context,
                timeout=imapclient.SocketTimeout(connect_s, read_s),
            )
        try:
            with _translated():
                self._client.normalise_times = False
                if settings.security == "starttls":
                    with _translated("no STARTTLS, and nothing is said to the server without it"):
                        self._client.starttls(context)
                log_in(self._client, login)
                self.can_idle = self._has("IDLE")
                self._moves, self._expunges_by_uid = self._has("MOVE"), self._has("UIDPLUS")
        except NotDone as error:
            self.close()
            raise Trouble(str(error)) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it, without another word to the server."""
        with suppress(OSError, imaplib.IMAP4.error):
            self._client.shutdown()

    def leave(self) -> None:
        """Say goodbye, which a server that idles hears only after the end of that. RFC 2177 §3."""
        with suppress(Trouble, NotDone), _translated():
            if self._idles:
                self.end_idle()
            self._client.logout()
        self.close()

    def interrupt(self) -> None:
        """From another thread: whatever it waits for ends now."""
        with suppress(OSError):
            self._client.socket().shutdown(2)

    def select(self, folder: str, *, read_only: bool) -> Selected:
        """Open the folder anew, so that its numbers are of now. Raises Trouble, for nothing works without it."""
        try:
            with _translated(f"the folder {folder} cannot be opened"):
                told = self._client.select_folder(folder, readonly=read_only)
                uidvalidity, exists = int(told.get(b"UIDVALIDITY", 0)), int(told.get(b"EXISTS", 0))
                next_uid = int(told.get(b"UIDNEXT", 0))
        except NotDone as error:
            raise Trouble(str(error)) from error
        if not uidvalidity:
            raise Trouble(
                "the server gives no UIDVALIDITY, without which mails cannot be told from one another"
            )
        self._exists = exists
        newest = next_uid - 1 if next_uid else max(self._search("UID", "*"), default=0)
        return Selected(uidvalidity, newest, exists)

    def above(self, uid: int, selected: Selected) -> Iterator[list[int]]:
        """The UIDs above one, ascending, in lists of at most `WINDOW`; `n:*` names the last mail in any case.

        Numbers of mails go down when others are taken away meanwhile: asked for from the end, none slips through.
        """
        if selected.newest - uid <= WINDOW:
            found = self._search("UID", f"{uid + 1}:*")
            if fresh := sorted(one for one in found if one > uid):
                yield fresh
            return
        windows = [
            sorted(self._search(f"{max(1, last - WINDOW + 1)}:{last}", "UID", f"{uid + 1}:*"))
            for last in range(selected.exists, 0, -WINDOW)
        ]
        while windows:
            if fresh := [one for one in windows.pop() if one > uid]:
                yield fresh
                uid = fresh[-1]

    def has(self, uid: int) -> bool:
        """Whether the mail is still in the folder."""
        return uid in self._search("UID", str(uid))

    def describe(self, uids: Sequence[int]) -> dict[int, Listed]:
        """What the server says of mails before they are fetched; some may be missing."""
        with _translated():
            rows = self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
        return {uid: listed for uid, row in rows.items() if (listed := _listed(uid, row)) is not None}

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The octets of small mails; some may be missing. Marks none as read."""
        with _translated():
            rows = self._client.fetch(uids, ["BODY.PEEK[]"])
        found = {uid: row.get(b"BODY[]") for uid, row in rows.items()}
        return {uid: octets for uid, octets in found.items() if isinstance(octets, bytes) and octets}

    def fetch_pieces(self, uid: int) -> Iterator[bytes]:
        """The octets of a large mail, `PIECE` at a time, whatever size the server claims. RFC 3501 §6.4.5."""
        start, piece = 0, b"begin"
        while piece:
            with _translated():
                row = self._client.fetch([uid], [f"BODY.PEEK[]<{start}.{PIECE}>"]).get(uid, {})
            piece = row.get(f"BODY[]<{start}>".encode()) or b""
            if not isinstance(piece, bytes) or len(piece) > PIECE:
                raise NotDone("the server sent something else than the piece that was asked for")
            if piece:
                yield piece
            if len(piece) < PIECE:
                return
            start += len(piece)

    def mark_seen(self, uids: Sequence[int]) -> None:
        """RFC 3501 §2.3.2."""
        with _translated():
            self._client.add_flags(uids, [imapclient.SEEN], silent=True)

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Into another folder of the mailbox, which is made when it is missing. RFC 6851."""
        with suppress(NotDone):
            self._move(uids, folder)
            return
        with suppress(NotDone), _translated():
            self._client.create_folder(folder)
        self._move(uids, folder)

    def delete(self, uids: Sequence[int]) -> None:
        """For good, and nothing else with them; a server without UIDPLUS only marks them. RFC 4315 §2.1."""
        with _translated():
            self._client.add_flags(uids, [imapclient.DELETED], silent=True)
            if self._expunges_by_uid:
                self._client.uid_expunge(uids)

    def begin_idle(self) -> bool:
        """Have the server tell what happens; whether it has told of news already, since `select`. RFC 2177."""
        with _translated():
            self._client.idle()
        self._idles = True
        return self._is_news(self._client.told_meanwhile()) or self.hears(0)

    def hears(self, seconds: float) -> bool:
        """Whether the server has told of mails that came or went within so many seconds."""
        with _translated():
            lines = list(self._client.idle_lines(seconds))
        if any(_GOODBYE.match(line) for line in lines):
            raise Trouble("the server says goodbye")
        found = [_CHANGE.match(line) for line in lines]
        return self._is_news([(int(one[1]), one[2].upper()) for one in found if one])

    def end_idle(self) -> None:
        """Have the server listen again."""
        self._idles = False
        with _translated():
            self._client.idle_done()

    def _is_news(self, told: Sequence[tuple[int, bytes]]) -> bool:
        """Not so what some say again and again: how many there are."""
        return any(one != (self._exists, b"EXISTS") for one in told)

    def _move(self, uids: Sequence[int], folder: str) -> None:
        with _translated():
            if self._moves:
                self._client.move(uids, folder)
                return
            self._client.copy(uids, folder)
        self.delete(uids)

    def _search(self, *criteria: str) -> list[int]:
        with _translated():
            return [int(uid) for uid in self._client.search(list(criteria))]

    def _has(self, capability: str) -> bool:
        return bool(self._client.has_capability(capability))


def _listed(uid: int, row: dict[bytes, Any]) -> Listed | None:
    size, moment = row.get(b"RFC822.SIZE"), row.get(b"INTERNALDATE")
    if not isinstance(size, int):
        return None
    arrived = int(moment.timestamp() * 1000) if isinstance(moment, datetime) else 0
    return Listed(uid, size, arrived)


@contextmanager
def _translated(problem: str = "") -> Iterator[None]:
    """Whatever a server can make the library raise, in our words.

    imaplib does not call a line that is too long fatal, though it stops in the middle of it; and a login that
    breaks off looks like one that is refused.
    """
    try:
        yield
    except (Trouble, NotDone):
        raise
    except (imaplib.IMAP4.abort, OSError) as error:
        raise Trouble(_words(problem, error)) from error
    except imaplib.IMAP4.error as error:
        if "got more than" in str(error):
            raise Trouble(_words(problem, error)) from error
        kind = LoginRefused if isinstance(error, imapclient.exceptions.LoginError) else NotDone
        raise kind(_words(problem, error)) from error
    except Exception as error:  # what the library's parser makes of an answer that no server should give
        raise NotDone(_words(problem, error)) from error


def _words(problem: str, error: Exception) -> str:
    """One short printable line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        problem, error = "the certificate of the server is not good", Exception(error.verify_message)
    said = " ".join(str(error).split()) or type(error).__name__
    told = f"{problem}: {said}" if problem else said
    return "".join(one if one.isprintable() else " " for one in told)[:300]
