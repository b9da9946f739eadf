"""The mails that the load is made of: ordinary ones, each with its own sender and Message-ID."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import parseaddr

_WORDS = (
    "Hello, since this morning the invoice page shows last month's total instead of this one's. "
    "I signed out and in again, tried another browser and asked a colleague, who sees the same. "
    "The order itself is right; only the sum below the table is not, and the PDF repeats it. "
)
_QUOTED = (
    b"\r\n\r\nOn Mon, 16 Nov 2026 at 10:15, Support wrote:\r\n"
    b"> We have received your mail.\r\n> Thank you.\r\n"
)
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail for the load generator: its envelope, and its octets with CRLF (RFC 5322 §2.1)."""

    sender: str
    recipient: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What the sink noted of a letter that a helpdesk sent."""

    to: str
    reply_to: str
    message_id: str
    subject: str


def new_mails(run: str, count: int | None, size: int, desk: str) -> Iterator[Outgoing]:
    """`count` (None: endless) mails of about `size` octets from senders nobody has seen before.

    `run` keeps the senders and ids of one run apart from every other's.
    """
    body = _body(size - 420)
    for number in itertools.count() if count is None else range(count):
        sender = f"customer-{run}-{number}@example.net"
        head = _head(sender, desk, f"{run}.{number}", f"Wrong total on invoice {run}-{number}")
        yield Outgoing(sender, desk, head + b"\r\n" + body)


def replies(run: str, letters: Iterable[Letter], size: int) -> Iterator[Outgoing]:
    """One answer to each letter, as its recipient's mail client would write it."""
    body = _body(size - 620) + _QUOTED
    for number, letter in enumerate(letters):
        head = _head(letter.to, letter.reply_to, f"{run}.{number}", f"Re: {letter.subject}")
        thread = f"In-Reply-To: {letter.message_id}\r\nReferences: {letter.message_id}\r\n"
        yield Outgoing(letter.to, letter.reply_to, head + thread.encode() + b"\r\n" + body)


def large_mail(run: str, size: int, desk: str) -> Outgoing:
    """One mail of about `size` octets: a line of text and one attachment in base64."""
    sender = f"customer-{run}@example.net"
    line = base64.b64encode(bytes(range(57))) + b"\r\n"
    head = _head(sender, desk, run, f"The export you asked for {run}", 'multipart/mixed; boundary="part"')
    parts = (
        b"\r\n--part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHere it is.\r\n"
        b"--part\r\nContent-Type: application/octet-stream\r\n"
        b'Content-Disposition: attachment; filename="export.bin"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    lines = max(1, (size - len(head) - len(parts) - 12) // len(line))
    return Outgoing(sender, desk, head + parts + line * lines + b"--part--\r\n")


def addresses(letters: Iterable[Letter], domain: str) -> list[Letter]:
    """Those letters that went to somebody at `domain`, with bare addresses."""
    bare = (
        Letter(parseaddr(one.to)[1], parseaddr(one.reply_to)[1], one.message_id, one.subject)
        for one in letters
    )
    return [letter for letter in bare if letter.to.endswith("@" + domain)]


def _head(sender: str, to: str, identity: str, subject: str, kind: str = _TEXT) -> bytes:
    return (
        f"Received: from laptop.example.net (laptop.example.net [192.0.2.7])\r\n"
        f"\tby mx.example.com with ESMTP id {identity}; Mon, 16 Nov 2026 10:20:00 +0000\r\n"
        f"From: A Customer <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n"
        f"Date: Mon, 16 Nov 2026 10:20:00 +0000\r\nMessage-ID: <{identity}@client.example.net>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n"
    ).encode()


def _body(size: int) -> bytes:
    """About `size` octets of text, at least one line, never a line that starts with a dot."""
    words = itertools.cycle(_WORDS.split())
    lines: list[str] = []
    room = max(size, 76)
    while room > 0:
        line = " ".join(itertools.islice(words, 12))
        lines.append(line)
        room -= len(line) + 2
    return ("\r\n".join(lines) + "\r\n").encode()
