"""The mail in what follows DATA: found end, dots undone. RFC 5321 §4.1.1.4 and §4.5.2."""

from __future__ import annotations

import re

from gateway.errors import StoreError
from gateway.mail.octets import Octets
from gateway.transport.commands import TOO_BIG
from gateway.transport.reception import sorry
from gateway.transport.wire import Wire

END = b"\r\n.\r\n"
_BEGINNINGS = (END[:4], END[:3], END[:2], END[:1])
_DOT = re.compile(rb"\r\n\.")  # most mails have none but the last, and one look finds that


async def take_in(wire: Wire, octets: Octets, trace: bytes, most: int) -> str | None:
    """Fill `octets` with the trace field and a mail of at most `most` octets. The reply that refuses it, if any.

    Whatever comes, it is read up to the final dot: the connection stays in step. Raises EOFError without one.
    """
    room = most + len(trace)
    reader = DataReader()
    refusal = _append(octets, trace, room)
    while not reader.ended:
        content = reader.feed(await wire.piece())
        if refusal is None:
            refusal = _append(octets, content, room)
    wire.unread(reader.rest)
    return refusal


class DataReader:
    """Turns the octets after `354` into the mail, in whatever pieces they come.

    The mail ends at CRLF "." CRLF and nowhere else; the CRLF of the DATA command counts as the first one.
    A bare CR or LF is content like any other octet: SMTP smuggling lives from ending a mail there.
    """

    __slots__ = ("_held", "_skip", "ended", "rest")

    def __init__(self) -> None:
        self.ended = False
        self.rest = b""
        """What followed the end: the next commands."""
        self._held = END[:2]
        self._skip = len(self._held)

    def feed(self, piece: bytes) -> bytes:
        """The part of the mail that is certain now; after `ended` there is nothing more to feed."""
        text = self._held + piece
        dot = _DOT.search(text)
        end = text.find(END, dot.start()) if dot else -1
        if end >= 0:
            self.ended = True
            self.rest = text[end + len(END) :]
            certain = end + 2
        else:
            self._held = next((start for start in _BEGINNINGS if text.endswith(start)), b"")
            certain = len(text) - len(self._held)
        doubled = dot is not None and dot.start() != end
        return self._plain(text[:certain], doubled)

    def _plain(self, text: bytes, doubled: bool) -> bytes:
        """`text` without the borrowed first CRLF and, where there are any, with the doubled dots undone."""
        if not text:
            return b""
        content = (text.replace(b"\r\n.", b"\r\n") if doubled else text)[self._skip :]
        self._skip = 0
        return content


def _append(octets: Octets, content: bytes, room: int) -> str | None:
    """Add to a mail that may have `room` octets in all; if that fails, let it go and say why."""
    if octets.size + len(content) > room:
        octets.close()
        return TOO_BIG
    try:
        octets.write(content)
    except StoreError as error:
        octets.close()
        return sorry(error)
    return None
