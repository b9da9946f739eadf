"""An outgoing mail, before it is octets. RFC 5322."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.mail.reading import Mailbox


@dataclass(frozen=True, slots=True)
class File:
    """One file to send along."""

    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything a letter will say.

    message_id, in_reply_to, references: with angle brackets; references oldest first.
    to, cc: what the header shows, not who it is handed to.
    reply_to: plain address, or empty for no Reply-To.
    date: milliseconds UTC.
    automatic: machine mail; gets `Auto-Submitted` and `X-Auto-Response-Suppress: All` (RFC 3834 §5).
    auto_submitted: the value, `auto-replied` or `auto-generated`.
    unsubscribe: URL for `List-Unsubscribe`, or empty (RFC 2369, RFC 8058).
    """

    message_id: str
    from_: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    text: str
    html: str
    date: int
    cc: tuple[Mailbox, ...] = ()
    reply_to: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    automatic: bool = False
    auto_submitted: str = "auto-generated"
    unsubscribe: str = ""
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One letter on its way: composed octets and the envelope of one SMTP transaction.

    id: the outbox row.  reverse_path: empty for the null reverse-path.  recipient: one address.
    """

    id: int
    reverse_path: str
    recipient: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one parcel.

    state: sent, retry, refused, uncertain or untried (the session ended before its turn).
    stop: the relay itself cannot be used (login, TLS, name): the whole queue should wait.
    reply: the relay's last words, bounded, for people.
    """

    id: int
    state: str
    reply: str
    stop: bool = False


def has_longer_line(octets: bytes, most: int, ending: bytes) -> bool:
    """Whether a line that ends so has more than `most` octets, its ending not counted. Looks at few of the lines."""
    at, room = 0, most + len(ending)
    while len(octets) - at > most:
        end = octets.rfind(ending, at, at + room)
        if end < 0:
            return True
        at = end + len(ending)
    return False
