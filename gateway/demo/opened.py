"""A caught mail as the mail client of its recipient shows it. RFC 5322, RFC 2045-2047."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from gateway.mail import charset, header, structure
from gateway.mail.parse import read
from gateway.mail.reading import Enclosure, Mailbox, Reading
from gateway.mail.structure import Part

DELIVERED_TO = "Delivered-To"
"""Whose mailbox a mail lies in: the catcher writes it on top, as delivery agents do."""

_TICKET = re.compile(r"/helpdesk/ticket/[a-z2-7]{30,60}")
_MAILTO = re.compile(r'<a href="mailto:([^"?]{3,320})[^"]*"[^>]*>([^<]{1,100})</a>')


@dataclass(frozen=True, slots=True)
class Choice:
    """One address an answer may go to, and what answering there means."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail of one recipient.

    html: as it was sent, or empty.  fields: the header unfolded and decoded, in its order.
    octets: everything, what the catcher added on top included.
    """

    number: int
    recipient: Mailbox
    reading: Reading
    html: str
    fields: tuple[tuple[str, str], ...]
    octets: bytes

    @property
    def sender(self) -> Mailbox:
        return self.reading.from_[0] if self.reading.from_ else Mailbox("", "nobody")

    @property
    def files(self) -> tuple[Enclosure, ...]:
        return self.reading.enclosures

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Where an answer can go: Reply-To or else From, then what the mail itself offers (RFC 6068)."""
        answer = (*self.reading.reply_to, self.sender)[0].email
        offered = [
            Choice(unescape(label).strip(), unquote(unescape(address)))
            for address, label in _MAILTO.findall(self.html)
        ]
        return (Choice("Answer", answer), *(one for one in offered if one.address != answer))

    @property
    def ticket_path(self) -> str:
        """The path of the ticket's page that this mail links to, or empty."""
        found = _TICKET.search(self.reading.text)
        return found[0] if found else ""


def open_mail(number: int, octets: bytes) -> Opened:
    """The mail in these octets. Never raises."""
    root, _ = structure.parse(octets)
    reading = read(octets)
    email = header.text(root.value(DELIVERED_TO.lower()))
    named = (box for box in (*reading.to, *reading.cc) if box.email == email)
    return Opened(number, next(named, Mailbox(email)), reading, _html(root), _fields(octets), octets)


def _html(root: Part) -> str:
    """The first HTML that is no attachment. The sanitised one is `reading.html`; mail clients get this one."""
    for part in root.walk():
        if part.content_type == "text/html" and part.disposed[0] != "attachment":
            return charset.decode(part.decoded(), part.typed[1].get("charset", ""))
    return ""


def _fields(octets: bytes) -> tuple[tuple[str, str], ...]:
    head = octets.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    lines = re.sub(rb"\n[ \t]+", b" ", head).split(b"\n")
    pairs = (line.partition(b":") for line in lines if b":" in line)
    return tuple((name.decode("ascii", "replace"), header.text(value)) for name, _, value in pairs)
