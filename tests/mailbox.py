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
        """All that somebody could read in it: header, source, and every part decoded."""
        parts = [self.raw.decode("latin-1"), *(str(value) for value in self.mail.values())]
        for part in self.mail.walk():
            data = part.get_payload(decode=True)
            if isinstance(data, bytes):
                parts.append(data.decode("utf-8", "replace"))
        plain = "\n".join(parts)
        return f"{plain}\n{unescape(unquote(plain))}"
