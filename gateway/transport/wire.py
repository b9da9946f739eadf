"""One connection as lines and pieces: what the peer sends, and what we say back.

Replies gather until we would wait for the peer, and then leave in one write. RFC 2920 §3.2.
"""

from __future__ import annotations

import asyncio
from typing import cast

LONGEST_LINE = 1024
"""Octets of a command. RFC 5321 §4.5.3.1.4 asks for 512, extensions add some."""
_MOST_AHEAD = 128 * 1024


class Wire:
    """Keeps what has come until it is asked for, and asks for no more while much of it waits.

    A mail is taken in the pieces it came in. A stream reader would copy each of them twice more, and cost a
    command as much again as its answer does.
    """

    __slots__ = (
        "_ahead",
        "_at",
        "_clock",
        "_coming",
        "_ended",
        "_held_up",
        "_loop",
        "_said",
        "_writer",
        "received",
        "waiting_since",
    )

    def __init__(self, writer: asyncio.StreamWriter, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop
        self._clock = loop.time
        self._ahead = b""
        self._at = 0
        self._said: list[str] = []
        self._coming: asyncio.Future[None] | None = None
        self._ended = False
        self._held_up = False
        self.received = 0
        """Octets that came in, from the beginning."""
        self.waiting_since: float | None = None
        """Since when the peer's next line or piece is awaited (loop time); None while we are at work."""

    # ---- what the event loop tells ----

    def feed(self, data: bytes) -> None:
        """The peer has sent this."""
        self.received += len(data)
        self._ahead = self._ahead[self._at :] + data if self._ahead else data
        self._at = 0
        if len(self._ahead) > _MOST_AHEAD and not self._held_up:
            # Also while somebody waits: more may come before their task runs.
            self._held_up = True
            self._reading.pause_reading()
        self._wake()

    def end(self) -> None:
        """The peer will send no more."""
        self._ended = True
        self._wake()

    def restart(self) -> None:
        """TLS begins: forget what came before it, for it was said in the clear. RFC 3207 §4.2."""
        self._ahead, self._at = b"", 0
        self._let_go_on()

    # ---- what the conversation asks ----

    async def line(self) -> bytes:
        """The next command line without its end; of one over `LONGEST_LINE` just enough to tell that it is.

        Raises EOFError when the peer has nothing more to say.
        """
        self.waiting_since = self._clock()
        line = b""
        while (end := self._ahead.find(b"\n", self._at)) < 0:
            line = (line + self._ahead[self._at :])[: LONGEST_LINE + 2]
            self._ahead, self._at = b"", 0
            await self._more()
        line += self._ahead[self._at : end]
        self._at = end + 1
        self.waiting_since = None
        return line.removesuffix(b"\r")

    async def piece(self) -> bytes:
        """What the peer sends next, as it comes. Raises EOFError when that is nothing."""
        if self._at == len(self._ahead):
            self._ahead, self._at = b"", 0
            self.waiting_since = self._clock()
            await self._more()
            self.waiting_since = None
        piece = self._ahead[self._at :]
        self._ahead, self._at = b"", 0
        return piece

    def unread(self, rest: bytes) -> None:
        """Put back what belongs to the next command; the last piece must have been used up."""
        self._ahead, self._at = rest, 0

    def say(self, reply: str) -> None:
        """Answer with one reply, or several joined by CRLF."""
        self._said.append(reply)

    async def flush(self) -> None:
        """Send what was said; waits while the peer does not read."""
        if not self._said:
            return
        if self.waiting_since is None:
            self.waiting_since = self._clock()
        said = "\r\n".join(self._said) + "\r\n"
        self._said.clear()
        self._writer.write(said.encode("ascii", "replace"))
        await self._writer.drain()

    async def _more(self) -> None:
        """Returns when something has come. Raises EOFError when nothing will."""
        await self.flush()
        if self._ahead:
            return
        if self._ended:
            raise EOFError
        self._let_go_on()
        self._coming = self._loop.create_future()
        try:
            await self._coming
        finally:
            self._coming = None
        if not self._ahead:
            raise EOFError

    def _let_go_on(self) -> None:
        if self._held_up:
            self._held_up = False
            self._reading.resume_reading()

    def _wake(self) -> None:
        if self._coming is not None and not self._coming.done():
            self._coming.set_result(None)

    @property
    def _reading(self) -> asyncio.ReadTransport:
        return cast(asyncio.ReadTransport, self._writer.transport)
