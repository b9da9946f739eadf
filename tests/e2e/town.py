"""A running installation among its neighbours: people with mailboxes, a smarthost, browsers.

Nothing here knows how the gateway works inside, but `Town.dump`, which reads all its tables.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from pathlib import Path

from gateway import clock
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from tests import people
from tests.parts import swaks
from tests.parts.daemon import Daemon
from tests.parts.ports import wait_for
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.parts.swaks import Transcript
from tests.people import ALICE, BOB, DESK, Attachment, Person

AUTHSERV = "mx.desk.example"
SETTINGS = {"authentication.authserv_id": AUTHSERV, "notify.retry_s": "[1]"}
TOKEN = re.compile(r"(?<![a-z2-7])(?:[a-z2-7]{46}|[a-z2-7]{36})(?![a-z2-7])", re.IGNORECASE)
PATIENCE_S = 30
_URL = re.compile(r"""https?://[^\s<>"']+""")
_WAITING = """SELECT (SELECT count(*) FROM inbound WHERE fate = 'received')
    + (SELECT count(*) FROM notification WHERE state = 'waiting')
    + (SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'failed', 'dropped'))"""
_TABLES = {
    True: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1",
    False: "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
}

Dump = dict[str, list[str]]


@dataclass(frozen=True)
class Delivered:
    """A letter as it lies in somebody's mailbox."""

    octets: bytes
    recipient: str
    reverse_path: str

    @cached_property
    def mail(self) -> EmailMessage:
        """It, parsed."""
        message = message_from_bytes(self.octets, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def text(self) -> str:
        """The plain text."""
        body = self.mail.get_body(("plain",))
        return "" if body is None else str(body.get_content())

    @property
    def reply_to(self) -> str:
        """Where an answer goes."""
        return str(self.mail["Reply-To"])

    @property
    def note_address(self) -> str:
        """Where an agent's note goes."""
        found = re.search(r"internal note instead:\s*<?([^\s<>]+)", self.text)
        assert found, f"no address for notes in:\n{self.text}"
        return found[1]

    @property
    def page(self) -> str:
        """The address of the ticket page."""
        return next(url for url in self.urls if "/helpdesk/ticket/" in url)

    @property
    def urls(self) -> list[str]:
        """Everything in it that a mail scanner would fetch, the header included."""
        return list(dict.fromkeys(html.unescape(url) for url in _URL.findall(self.decoded)))

    @property
    def everything(self) -> str:
        """All that somebody could find in it: its source, and what that means."""
        return self.octets.decode("latin-1") + self.decoded

    @cached_property
    def decoded(self) -> str:
        """Every header field and every part, decoded."""
        said = [str(value) for value in self.mail.values()]
        for part in self.mail.walk():
            data = part.get_payload(decode=True)
            if isinstance(data, bytes):
                said.append(data.decode("utf-8", "replace"))
        return "\n".join(said)


class Town:
    """One installation, its smarthost, and what people do. `port`: where the world's mail goes in."""

    def __init__(self, daemon: Daemon, smarthost: ScriptedSMTP, url: str = SQLITE) -> None:
        self.daemon = daemon
        self.smarthost = smarthost
        self.url = url
        self.port = daemon.smtp_port

    def furnish(self) -> None:
        """One desk, and Alice and Bob who work at it."""
        self.daemon.init(address=DESK, agent=ALICE.address)
        self.daemon.run("agent", "add", BOB.address, "--name", BOB.name)

    def sends(self, octets: bytes, from_: str, *to: str) -> Transcript:
        """A mail goes in by swaks and is taken."""
        sent = swaks.send(octets, from_=from_, to=to or (DESK,), port=self.port)
        assert sent.code == 0, sent.text
        return sent

    def writes(
        self,
        who: Person,
        subject: str,
        text: str,
        *,
        html: str | None = None,
        files: Sequence[Attachment] = (),
        proven: bool = False,
        **headers: str,
    ) -> None:
        """Somebody writes to the desk; `proven`: the mail server in front vouches for the sender."""
        laid_over = headers | (vouching(who) if proven else {})
        self.sends(people.mail(who, DESK, subject, text, html, files, laid_over), who.address)

    def answers(
        self, who: Person, letter: Delivered, text: str, *, to: str = "", proven: bool = False, **headers: str
    ) -> None:
        """Somebody answers a letter as a mail program does."""
        recipient = to or letter.reply_to
        laid_over = {"To": recipient} | headers | (vouching(who) if proven else {})
        self.sends(people.reply(who, letter.octets, text, laid_over), who.address, recipient)

    def mailbox(self, who: Person | str) -> list[Delivered]:
        """What somebody got, oldest first."""
        address = who if isinstance(who, str) else who.address
        return [one for one in self.delivered if one.recipient == address]

    def awaits(self, who: Person, text: str) -> Delivered:
        """The first letter to somebody with these words in it, once it is there."""

        def found() -> list[Delivered]:
            return [one for one in self.mailbox(who) if text in one.text]

        try:
            wait_for(lambda: bool(found()), f"a letter to {who} with {text!r}", PATIENCE_S)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {[one.text for one in self.mailbox(who)]}") from error
        return found()[0]

    @property
    def delivered(self) -> list[Delivered]:
        """All that has left, to anybody."""
        caught = list(self.smarthost.mails)
        return [Delivered(one.octets, who, one.reverse_path) for one in caught for who in one.recipients]

    def settle(self) -> None:
        """Wait until every mail has its fate, every promise its letter, every letter its end."""
        with self.store() as store:
            wait_for(lambda: _number(store, _WAITING) == 0, "nothing waits", PATIENCE_S)

    def number(self, statement: str) -> int:
        """The one number a statement gives."""
        with self.store() as store:
            return _number(store, statement)

    def dump(self) -> Dump:
        """Every row of every table."""
        with self.store() as store, store.reading() as unit:
            names = [str(row[0]) for row in unit.run(_TABLES[self.url == SQLITE]).fetchall()]
            rows = {name: unit.run(f'SELECT * FROM "{name}"').fetchall() for name in names}
        return {name: sorted(repr(tuple(row)) for row in found) for name, found in rows.items()}

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, beside whatever runs."""
        store = Store(self.url, Path(self.daemon.settings["data_dir"]), clock.now)
        try:
            yield store
        finally:
            store.close()


def vouching(who: Person) -> dict[str, str]:
    """The header by which the mail server in front says that this is really them. RFC 8601 §2.2."""
    domain = who.address.rpartition("@")[2]
    return {"Authentication-Results": f"{AUTHSERV}; dmarc=pass header.from={domain}"}


def _number(store: Store, statement: str) -> int:
    with store.reading() as unit:
        return unit.number(statement)
