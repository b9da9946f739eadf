"""A letter as it lies in somebody's mailbox, and all that can be read in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from urllib.parse import unquote

from gateway.desk.tables import Letter

LEVELS = 5  # mails in mails
_LINK = re.compile(r"/helpdesk/ticket/([a-z2-7]{46})")


@dataclass(frozen=True)
class Got:
    """A letter as it lies in somebody's mailbox."""

    raw: bytes
    recipient: str
    reverse_path: str
    row: Letter

    @property
    def mail(self) -> EmailMessage:
        """It, parsed."""
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def kind(self) -> str:
        """receipt, notice, reply, closed, confirmation or summary."""
        return self.row.kind

    @property
    def subject(self) -> str:
        """As shown."""
        return str(self.mail["Subject"])

    @property
    def text(self) -> str:
        """The plain text."""
        body = self.mail.get_body(("plain",))
        return "" if body is None else str(body.get_content())

    @property
    def html(self) -> str:
        """The HTML, as source."""
        body = self.mail.get_body(("html",))
        return "" if body is None else str(body.get_content())

    @property
    def reply_to(self) -> str:
        """Where an answer goes."""
        return str(self.mail["Reply-To"] or "")

    @property
    def link(self) -> str:
        """The token of the ticket page."""
        found = _LINK.search(self.text)
        assert found, f"no link in:\n{self.text}"
        return found[1]

    @property
    def note_address(self) -> str:
        """Where an agent's note goes."""
        found = re.search(r"internal note instead:\s*(\S+)", self.text)
        assert found, f"no address for notes in:\n{self.text}"
        return found[1].strip("<>")

    def everything(self) -> str:
        """All that somebody could read in it: header, source, and every part decoded, mails in it too."""
        return readable(self.raw)


def readable(octets: bytes) -> str:
    """All that somebody could read in a file or mail: as it is, decoded, and with broken lines joined."""
    plain = "\n".join(_layers(octets, LEVELS))
    seen = f"{plain}\n{unescape(unquote(unquote(plain)))}"
    return f"{seen}\n{_BREAK.sub('', seen)}"


_BREAK = re.compile(r"=?\r?\n[> \t]*")


def _layers(octets: bytes, levels: int) -> list[str]:
    """The octets as text, and as the mail they may be, whatever they are called."""
    found = [octets.decode("utf-8", "replace")]
    if b"\0" in octets or not levels:
        return found
    mail = message_from_bytes(octets, policy=default)
    if len(mail.keys()) < 2:
        return found
    found += [str(value) for value in mail.values()]
    for part in mail.walk():
        found += [str(value) for value in part.values()]
        data = part.get_payload(decode=True)
        if isinstance(data, bytes) and data != octets:
            found += _layers(data, levels - 1)
    return found
