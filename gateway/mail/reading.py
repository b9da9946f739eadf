"""What a mail says, as one value: the answer of the parse worker. RFC 5322, RFC 2045-2047."""

from __future__ import annotations

from dataclasses import dataclass

HUMAN = "human"
AUTOMATIC = "automatic"
AUTO_REPLY = "auto-reply"
BULK = "bulk"
BOUNCE = "bounce"
REPORT = "report"
LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with its display name, both decoded; `email` is empty where none could be read."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One attachment, inline picture or attached mail, decoded.

    filename: made safe to show, never empty.  content_type: as declared, lower case.
    data: the octets, or None when they are large: then `path` names a file that holds them,
    which whoever receives this value deletes.  sha256: lower-case hex of the octets.
    content_id: without angle brackets, empty when there is none.
    inline: shown in place by the HTML (RFC 2392).
    whole_mail: it is the mail itself, enclosed because a limit was reached; for agents only.
    """

    filename: str
    content_type: str
    size: int
    sha256: str
    data: bytes | None
    path: str = ""
    content_id: str = ""
    inline: bool = False
    whole_mail: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery status notification, read. RFC 3464.

    kind: permanent or temporary, after the cause.  recipients: plain addresses, lower case.
    original_id: Message-ID of the mail it speaks of, empty when it does not say.
    reply: the diagnostic text of the first recipient, bounded.
    final: nobody tries to deliver it any more; also when the cause was a temporary one for too long.
    """

    kind: str
    recipients: tuple[str, ...]
    original_id: str = ""
    reply: str = ""
    final: bool = True


@dataclass(frozen=True, slots=True)
class FilterMark:
    """A field in which a filter in front speaks against a mail.

    field: its name as it is usually written.  verdict: what the mail is to it, in words.  said: its value, bounded.
    """

    field: str
    verdict: str
    said: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A parsed mail. Every text is NFC, without NUL, surrogates or controls but tab and newline.

    message_id, in_reply_to, references: with angle brackets, in the order of the header.
    from_: every mailbox of every From field; exactly one or nobody knows who wrote.
    ambiguous_sender: two From fields, several mailboxes, or none that could be read.
    text: the whole text, nothing folded, lines ended by \\n.
    folded: half-open ranges of line numbers of `text` that are quotes or a signature.
    signature: those of them that are no quote; all that is folded of a mail that opens a ticket.
    html: sanitised, or None.
    verdict, reasons: what classification found, and every rule that hit.
    filter_marks: what filters in front say against it, whoever wrote those fields.
    fingerprint: hash of the octets without trace fields, hex (design §5.3).
    authentication_results: the raw values of the topmost run of Authentication-Results fields.
    notes: repairs made, things found and limits reached, for `explain`.
    sealed: the system that it, or a part of it, is encrypted with (OpenPGP, S/MIME), or empty; `text` says so.
    """

    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: tuple[Mailbox, ...] = ()
    ambiguous_sender: bool = False
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    subject: str = ""
    date: int | None = None
    text: str = ""
    folded: tuple[tuple[int, int], ...] = ()
    signature: tuple[tuple[int, int], ...] = ()
    html: str | None = None
    enclosures: tuple[Enclosure, ...] = ()
    verdict: str = HUMAN
    reasons: tuple[str, ...] = ()
    filter_marks: tuple[FilterMark, ...] = ()
    report: Report | None = None
    fingerprint: str = ""
    authentication_results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sealed: str = ""

    @property
    def sender(self) -> Mailbox | None:
        """The one mailbox this mail is from, or None where that is not certain."""
        return None if self.ambiguous_sender or not self.from_ else self.from_[0]
