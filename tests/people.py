"""The people of the tests and the mails they write.

alice (Sales) and bob (Support) are agents; carol and dave are customers, dave with two addresses;
mallory wants to read what is not hers, eve to be taken for somebody else.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime

DESK = "help@desk.example"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who writes mail."""

    name: str
    address: str
    second_address: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file on a mail."""

    filename: str
    content_type: str
    data: bytes


ALICE = Person("Alice Archer", "alice@agents.example")
BOB = Person("Bob Baker", "bob@agents.example")
CAROL = Person("Carol Clark", "carol@customer.example")
DAVE = Person("Dave Dunn", "dave@customer.example", "dave.dunn@home.example")
MALLORY = Person("Mallory Moss", "mallory@elsewhere.example")
EVE = Person("Eve Evans", "eve@elsewhere.example")

_EPOCH = datetime(2026, 4, 13, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def mail(
    from_: Person | str,
    to: Person | str,
    subject: str,
    text: str,
    html: str | None = None,
    attachments: Sequence[Attachment] = (),
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The octets of a mail as a mail client sends it, lines ended by CRLF.

    headers: laid over ours; an empty value takes that header out. Each mail of one test run has a
    Message-ID and a minute of its own.
    """
    number = next(_numbers)
    message = EmailMessage(policy=SMTP)
    ours = {
        "From": str(from_),
        "To": str(to),
        "Subject": subject,
        "Date": format_datetime(_EPOCH + timedelta(minutes=number)),
        "Message-ID": f"<mail-{number}@{_domain(from_)}>",
    }
    for name, value in (ours | dict(headers or {})).items():
        if value:
            message[name] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for attachment in attachments:
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(attachment.data, maintype=main, subtype=sub, filename=attachment.filename)
    return message.as_bytes()


def reply(
    from_: Person | str,
    to_mail: bytes,
    text: str,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """An answer to a mail as a mail client writes it: to Reply-To, threaded, `Re:`, the text quoted below."""
    before = message_from_bytes(to_mail, policy=default)
    body = before.get_body(("plain",))
    quoted = "".join(f"> {line}\n" for line in str(body.get_content()).splitlines()) if body else ""
    subject = str(before["Subject"])
    message_id = str(before["Message-ID"])
    threaded = {
        "In-Reply-To": message_id,
        "References": f"{before['References'] or ''} {message_id}".strip(),
    }
    return mail(
        from_,
        str(before["Reply-To"] or before["From"]),
        subject if subject.lower().startswith("re:") else f"Re: {subject}",
        f"{text}\n\nOn that day {before['From']} wrote:\n{quoted}",
        headers=threaded | dict(headers or {}),
    )


def _domain(person: Person | str) -> str:
    address = person.address if isinstance(person, Person) else person
    return address.rpartition("@")[2].rstrip(">") or "nowhere.example"
