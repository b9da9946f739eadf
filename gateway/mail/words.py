"""All that the templates of letters may say, as values: strings, numbers and sanitised HTML."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that travels with the letter; `size` is for people: `1.2 MB`."""

    name: str
    size: str


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file too large to travel: where to fetch it."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Addition:
    """Somebody was let in: `by_name` added `name`."""

    by_name: str
    name: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One message as a letter shows it.

    kind: client, agent, internal or system.  written_at: for people, see `i18n.format_moment`.
    text: the words as they were written.  html: made by `mail.sanitize`, or None to show `text`.
    skipped_note: why this one was not mailed when it was written, or empty.
    is_clipped, more_files: set by Stationery where the letter does not hold all of it.
    """

    author_name: str
    kind: str
    written_at: str
    text: str
    html: Markup | None = None
    attachments: tuple[Attached, ...] = ()
    files_as_links: tuple[FileLink, ...] = ()
    skipped_note: str = ""
    is_clipped: bool = False
    more_files: int = 0


@dataclass(frozen=True, slots=True)
class LetterWords:
    """The words of one letter to one person.

    ticket_url: that person's own link (of a confirmation: where the held mail can be decided).
    subject: as stored; templates see it without `Re:` and `[#NUMBER]`.
    status: open, pending, onhold, solved or closed; templates see its name in their language.
    author_name: who wrote.  messages: what is new, oldest first.
    more_messages: set by Stationery where the letter does not hold all of them.
    quoted: what they answer, shown once below the mark, or None.
    is_internal: notice of a note; its Reply-To must be the agent's note address.
    answer_mailto, note_mailto: `mailto:` links for a public answer and for a note, or empty.
    unproven: the recipient's address is not proven yet.
    reason: why a mail was held, or what the mail server said of one that did not arrive.
    recipient: whom that one did not reach.  reached: who else got it.  is_answer: the reader wrote it.
    held, failed, suppressed, stopped, mailboxes, postponed, spent: lines of the operator's summary.
    held_total, failed_total: how many there are, listed or not.
    """

    desk_name: str
    ticket_url: str = ""
    ticket_number: str = ""
    subject: str = ""
    status: str = "open"
    author_name: str = ""
    is_internal: bool = False
    messages: tuple[Passage, ...] = ()
    more_messages: int = 0
    quoted: Passage | None = None
    added_people: tuple[Addition, ...] = ()
    answer_mailto: str = ""
    note_mailto: str = ""
    unproven: bool = False
    reason: str = ""
    recipient: str = ""
    reached: tuple[str, ...] = ()
    is_answer: bool = False
    held: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    postponed: tuple[str, ...] = ()
    spent: tuple[str, ...] = ()
    held_total: int = 0
    failed_total: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A letter in words; `html` is empty for letters in plain text only."""

    subject: str
    text: str
    html: str
