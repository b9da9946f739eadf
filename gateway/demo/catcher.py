"""Where the demo's letters end: an SMTP listener that takes everything, and what it took."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

from gateway.demo.opened import DELIVERED_TO, Opened, open_mail
from gateway.demo.people import HOST
from gateway.flow.accept import Refusal
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.mail.quote import has_mark
from gateway.mail.reading import Mailbox
from gateway.transport.limits import ListenerSettings
from gateway.transport.listener import Listener

LOOPBACK = "127.0.0.1"
_PREVIEW = 140
_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Heading:
    """One line of a mailbox. date: milliseconds UTC, as the mail says.  ticket_path: see `Opened`."""

    number: int
    recipient: Mailbox
    sender: Mailbox
    subject: str
    preview: str
    date: int
    ticket_path: str


class Caught:
    """Every mail that was caught, a file each in `folder`, numbered from 1. For any thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._changed = threading.Condition()
        numbers = sorted(int(file.stem) for file in folder.glob("*.eml"))
        self._headings = [_heading(self._opened(number)) for number in numbers]

    @property
    def newest(self) -> int:
        """The number of the last mail; 0 when there is none."""
        with self._changed:
            return self._headings[-1].number if self._headings else 0

    def headings(self) -> tuple[Heading, ...]:
        """All of them, the newest first."""
        with self._changed:
            return tuple(reversed(self._headings))

    def open(self, number: int) -> Opened | None:
        """One mail, or None when there is no such number."""
        if not any(one.number == number for one in self.headings()):
            return None
        mail = self._opened(number)
        return replace(mail, recipient=self.named(mail.recipient))

    def named(self, recipient: Mailbox) -> Mailbox:
        """The recipient by the fullest name anybody wrote to them: a fixed receipt names nobody."""
        known = (one.recipient for one in self.headings() if one.recipient.email == recipient.email)
        return max(known, key=lambda box: len(box.name), default=recipient)

    def keep(self, envelope: Envelope, octets: bytes) -> tuple[str, ...]:
        """Put a mail in the mailbox of each recipient; its numbers in their order."""
        return tuple(str(self._keep(envelope.reverse_path, one, octets)) for one in envelope.recipients)

    def wait_for(self, recipient: str, wanted: Callable[[Opened], bool], seconds: float) -> Opened | None:
        """The newest mail to somebody that is wanted, as soon as it is there; None when it does not come."""

        def found() -> Opened | None:
            mine = (one for one in reversed(self._headings) if one.recipient.email == recipient)
            opened = (self._opened(one.number) for one in mine)
            return next(filter(wanted, opened), None)

        with self._changed:
            return self._changed.wait_for(found, seconds)

    def _keep(self, reverse_path: str, recipient: str, octets: bytes) -> int:
        """What a delivery agent adds comes on top: RFC 5321 §4.4 for Return-Path."""
        trace = f"Return-Path: <{reverse_path}>\r\n{DELIVERED_TO}: {recipient}\r\n".encode()
        with self._changed:
            number = self._headings[-1].number + 1 if self._headings else 1
            self._file(number).write_bytes(trace + octets)
            self._headings.append(_heading(open_mail(number, trace + octets)))
            self._changed.notify_all()
        return number

    def _opened(self, number: int) -> Opened:
        return open_mail(number, self._file(number).read_bytes())

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.eml"


class Catcher:
    """The listener, on a free port and in a thread of its own: it is there before the daemon and after it.

    A context manager; `port` is known inside.
    """

    def __init__(self, caught: Caught) -> None:
        settings = ListenerSettings(
            protocol="smtp",
            listen=f"{LOOPBACK}:0",
            hostname=f"catcher.{HOST}",
            folder=caught.folder,
            max_message_octets=1 << 26,
            relays=(ip_network("127.0.0.0/8"),),
        )
        self._listener = Listener(settings, _TakesEverything(caught))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="catcher", daemon=True)

    def __enter__(self) -> Catcher:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listener.start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._listener.stop(_GRACE_S), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        """Where letters are taken, on 127.0.0.1."""
        return self._listener.address[1]


class _TakesEverything:
    """`flow.accept.Acceptance` of somebody who knows everybody."""

    def __init__(self, caught: Caught) -> None:
        self._caught = caught

    def refuses(self, recipient: str) -> Refusal | None:
        return None

    async def accept(self, envelope: Envelope, octets: Octets) -> tuple[str, ...]:
        return await asyncio.to_thread(self._caught.keep, envelope, bytes(octets))


def _heading(mail: Opened) -> Heading:
    reading = mail.reading
    said = (line for line in reading.text.split("\n") if not has_mark(line))
    preview = " ".join(" ".join(said).split())[:_PREVIEW]
    return Heading(
        mail.number,
        mail.recipient,
        mail.sender,
        reading.subject,
        preview,
        reading.date or 0,
        mail.ticket_path,
    )
