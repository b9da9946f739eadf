"""Writing mail as the people of the demo do: with a mail client, over SMTP. RFC 5322, RFC 5321."""

from __future__ import annotations

import secrets
import smtplib
from collections.abc import Sequence

from gateway import clock
from gateway.demo.opened import Opened
from gateway.demo.people import HOST
from gateway.errors import GatewayError
from gateway.i18n import format_moment
from gateway.mail.compose import compose
from gateway.mail.letter import Draft, File
from gateway.mail.reading import Mailbox
from gateway.mail.sandbox import quote

_PATIENCE_S = 20.0


class NotTaken(GatewayError):
    """The gateway did not take a mail; these are its words."""


def new_mail(
    from_: Mailbox, to: Mailbox, subject: str, text: str, *, now: int, files: Sequence[File] = ()
) -> bytes:
    """The octets of somebody's first mail. Raises Unsendable."""
    return compose(_draft(from_, to, subject, text, now, files=tuple(files)))


def answer(mail: Opened, to: str, text: str, *, now: int) -> bytes:
    """The octets of the recipient's answer: threaded, and with the original quoted below. Raises Unsendable.

    RFC 5322 §3.6.4 for In-Reply-To and References.
    """
    reading = mail.reading
    subject = reading.subject if reading.subject.lower().startswith("re:") else f"Re: {reading.subject}"
    draft = _draft(
        mail.recipient,
        Mailbox(to, mail.sender.name),
        subject,
        f"{text.rstrip()}\n\n{quoted(mail)}\n",
        now,
        in_reply_to=reading.message_id,
        references=(*(reading.references or reading.in_reply_to), reading.message_id),
    )
    return compose(draft)


def quoted(mail: Opened) -> str:
    """The mail as it stands below an answer."""
    when = format_moment(mail.reading.date or 0)
    who = mail.sender.name or mail.sender.email
    return f"On {when}, {who} wrote:\n{quote(mail.reading.text.rstrip())}"


def send(port: int, sender: str, recipient: str, octets: bytes) -> str:
    """Hand a mail over by SMTP; the journal id it is queued as. Blocks. Raises NotTaken."""
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


def _draft(
    from_: Mailbox,
    to: Mailbox,
    subject: str,
    text: str,
    now: int,
    *,
    in_reply_to: str = "",
    references: tuple[str, ...] = (),
    files: tuple[File, ...] = (),
) -> Draft:
    domain = from_.email.rpartition("@")[2]
    return Draft(
        message_id=f"<{secrets.token_hex(12)}@{domain}>",
        from_=from_,
        to=(to,),
        subject=subject,
        text=text,
        html="",
        date=now - now % clock.SECOND,
        in_reply_to=in_reply_to,
        references=references,
        files=files,
    )


def _taken(reply: tuple[int, bytes]) -> str:
    """The words of a reply that says yes. RFC 5321 §4.2.1."""
    code, words = reply
    if code // 100 != 2:
        raise NotTaken(_words(code, words))
    return words.decode("utf-8", "replace")


def _words(code: int, words: bytes | str) -> str:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(said.split())}"
