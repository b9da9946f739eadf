"""Octets to a relay and its replies, in the order they come: for one who asks several things at once. RFC 2920 §3.1."""

from __future__ import annotations

import asyncio
from collections import deque

from aiosmtplib import SMTPResponse

REPLY_MAX = 32_768  # octets, all lines of it: generous, and an end to what a broken server says
REPLIES_MAX = 8  # that wait: at most four commands are asked at a time


class Unreadable(ConnectionError):
    """What came is no reply: nobody knows any more which reply answers what. RFC 5321 §4.2."""


class Dialogue(asyncio.Protocol):
    """One connection, for one who waits at a time.

    It takes the transport over from whoever greeted; the connection has to be silent at that moment.
    Waiting raises OSError when the connection is lost or the time is over.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._lines: list[bytes] = []
        self._size = 0
        self._replies: deque[SMTPResponse] = deque()
        self._paused = False
        self._lost: OSError | None = None
        self._waiting: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_silent(self) -> bool:
        """Whether the connection stands and nothing has been said that nobody asked for."""
        return not (self._lost or self._transport.is_closing() or self.is_answered or self._unread)

    @property
    def is_answered(self) -> bool:
        """Whether a reply is here."""
        return bool(self._replies)

    def send(self, octets: bytes) -> None:
        """Begin to send them. Raises OSError when the connection is known to be lost."""
        if self._lost is not None or self._transport.is_closing():
            raise self._lost or ConnectionResetError("the connection is over")
        self._transport.write(octets)

    async def reply(self, seconds: float) -> SMTPResponse:
        """The next reply, also of a connection that was lost after it."""
        while not self._replies:
            await self._event(seconds)
        return self._replies.popleft()

    async def drained(self, seconds: float) -> None:
        """Until there is room for more to send, or a reply to what was sent."""
        while self._paused and not self._replies:
            await self._event(seconds)

    def abort(self) -> None:
        """End the connection now; octets not yet handed to the system are thrown away."""
        self._transport.abort()

    async def _event(self, seconds: float) -> None:
        """Until something has happened."""
        if self._lost is not None:
            raise self._lost
        self._waiting = self._loop.create_future()
        overdue = self._loop.call_later(seconds, self._wake, TimeoutError())
        try:
            await self._waiting
        finally:
            overdue.cancel()
            self._waiting = None

    def _wake(self, error: OSError | None = None) -> None:
        if self._waiting is None or self._waiting.done():
            return
        if error is None:
            self._waiting.set_result(None)
        else:
            self._waiting.set_exception(error)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._lost is not None:
            return
        self._unread += data
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            if self._lost is None:
                self._take(line)
        if self._size + len(self._unread) > REPLY_MAX:
            self._give_up("a reply without end")
        self._wake()

    def _take(self, line: bytes) -> None:
        code, mark = line[:3], line[3:4]
        self._size += len(line)
        if not code.isdigit() or mark not in b"- \r" or self._size > REPLY_MAX:
            self._give_up("not a reply")
            return
        self._lines.append(line[4:].strip())
        if mark != b"-":
            text = b"\n".join(self._lines).decode("utf-8", "surrogateescape")
            self._replies.append(SMTPResponse(int(code), text))
            self._lines.clear()
            self._size = 0
        if len(self._replies) > REPLIES_MAX:
            self._give_up("replies that nobody asked for")

    def _give_up(self, problem: str) -> None:
        """Hear no more: the server talks nonsense."""
        self._end(Unreadable(problem))
        self.abort()

    def eof_received(self) -> None:
        """See asyncio.Protocol; the transport closes."""
        self._end(ConnectionResetError("the server ended the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._end(exc if isinstance(exc, OSError) else ConnectionResetError("the connection is over"))

    def _end(self, error: OSError) -> None:
        self._lost = self._lost or error
        self._wake()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = False
        self._wake()
