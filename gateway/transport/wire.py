"""One connection as lines and pieces: what the peer sends, and what we say back.

Replies gather until we would wait for the peer, and then leave in one write. RFC 2920 §3.2.
"""

from __future__ import annotations

import asyncio

LONGEST_LINE = 1024
"""Octets of a command. RFC 5321 §4.5.3.1.4 asks for 512, extensions add some."""
_PIECE = 128 * 1024


class Wire:
    """Reads ahead, so that a mail can be taken in large pieces and the commands after it are still there."""

    __slots__ = ("_ahead", "_at", "_clock", "_reader", "_said", "_writer", "received", "waiting_since")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = asyncio.get_running_loop().time
        self._ahead = b""
        self._at = 0
        self._said: list[str] = []
        self.received = 0
        """Octets that came in, from the beginning."""
        self.waiting_since: float | None = None
        """Since when the peer's next line or piece is awaited (loop time); None while we are at work."""

    async def line(self) -> bytes:
        """The next command line without its end; of one over `LONGEST_LINE` just enough to tell that it is.

        Raises EOFError when the peer has nothing more to say.
        """
        self.waiting_since = self._clock()
        line = b""
        while (end := self._ahead.find(b"\n", self._at)) < 0:
            line = (line + self._ahead[self._at :])[: LONGEST_LINE + 2]
            self._ahead, self._at = await self._more(), 0
        line += self._ahead[self._at : end]
        self._at = end + 1
        self.waiting_since = None
        return line.removesuffix(b"\r")

    async def piece(self) -> bytes:
        """What the peer sends next, as it comes. Raises EOFError when that is nothing."""
        rest = self._ahead[self._at :]
        self._ahead, self._at = b"", 0
        if rest:
            return rest
        self.waiting_since = self._clock()
        piece = await self._more()
        self.waiting_since = None
        return piece

    def unread(self, rest: bytes) -> None:
        """Put back what belongs to the next command; the last piece must have been used up."""
        self._ahead, self._at = rest, 0

    def discard(self) -> None:
        """Forget what was read ahead: it was said in the clear and TLS begins. RFC 3207 §4.2."""
        self._ahead, self._at = b"", 0

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

    async def _more(self) -> bytes:
        await self.flush()
        piece = await self._reader.read(_PIECE)
        if not piece:
            raise EOFError
        self.received += len(piece)
        return piece
