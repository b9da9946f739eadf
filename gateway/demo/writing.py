"""Writing mail as the people of the demo do: with a mail client, over SMTP. RFC 5322, RFC 5321."""

from __future__ import annotations

import secrets
import smtplib
from dataclasses import replace

from gateway.demo.opened import Opened
from gateway.demo.people import HOST
from gateway.errors import GatewayError
from gateway.i18n import format_moment
from gateway.mail.compose import compose
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.sandbox import quote

_PATIENCE_S = 20.0


class NotTaken(GatewayError):
    """The gateway did not take a mail; these are its words."""


def new_mail(from_: Mailbox, to: Mailbox, subject: str, text: str, now: int) -> Draft:
    """Somebody's first mail."""
    return Draft(
        message_id=f"<{secrets.token_hex(12)}@{from_.email.rpartition('@')[2]}>",
        from_=from_,
        to=(to,),
        subject=subject,
        text=text,
        html="",
        date=now,
    )


def answer(mail: Opened, to: str, text: str, now: int) -> Draft:
    """The recipient's answer: threaded, and with the original quoted below. RFC 5322 §3.6.4."""
    reading = mail.reading
    subject = reading.subject if reading.subject.lower().startswith("re:") else f"Re: {reading.subject}"
    words = f"{text.rstrip()}\n\n{quoted(mail)}\n"
    return replace(
        new_mail(mail.recipient, Mailbox(to, mail.sender.name), subject, words, now),
        in_reply_to=reading.message_id,
        references=(*(reading.references or reading.in_reply_to), reading.message_id),
    )


def quoted(mail: Opened) -> str:
    """The mail as it stands below an answer."""
    when = format_moment(mail.reading.date or 0)
    who = mail.sender.name or mail.sender.email
    return f"On {when}, {who} wrote:\n{quote(mail.reading.text.rstrip())}"


def send(port: int, draft: Draft) -> str:
    """Hand a mail over by SMTP; the journal id it is queued as. Blocks. Raises NotTaken or Unsendable."""
    octets = compose(draft)
    sender, recipient = draft.from_.email, draft.to[0].email
    options = () if (sender + recipient).isascii() else ("SMTPUTF8",)
    try:
        with smtplib.SMTP("127.0.0.1", port, f"client.{HOST}", timeout=_PATIENCE_S) as client:
            client.ehlo()
            _taken(client.mail(sender, options))
            _taken(client.rcpt(recipient))
            return _taken(client.data(octets)).rpartition(" ")[2]
    except smtplib.SMTPResponseException as error:
        raise NotTaken(_words(error.smtp_code, error.smtp_error)) from error
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotTaken(str(error)) from error


def _taken(reply: tuple[int, bytes]) -> str:
    """The words of a reply that says yes. RFC 5321 §4.2.1."""
    code, words = reply
    if code // 100 != 2:
        raise NotTaken(_words(code, words))
    return words.decode("utf-8", "replace")


def _words(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(said.split())}"
