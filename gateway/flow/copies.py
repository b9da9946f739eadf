"""One mail that came two ways and was changed on one of them: directly, and over a mailing list. B10.

Its octets differ, so it is not dropped (promise 3); but nobody needs to hear of it twice, and no ticket
is opened for it. It must be the same in three things: its Message-ID, who wrote it, and what it says, but
for what a list adds; and it brings no file that the other has not. There are programs that give all their
mails one Message-ID: those say different things, or bring different files.
"""

from __future__ import annotations

from gateway.desk import attachments, messages
from gateway.desk.tables import Message, Ticket
from gateway.mail.address import address_key
from gateway.mail.reading import Reading
from gateway.mail.token import Keyring
from gateway.store.unit import Unit

ADDED_MAX = 2000  # characters that a list writes above, below or between
REMARK = "another copy of a message on this ticket, which came a different way"


def earlier(
    unit: Unit, keys: Keyring, reading: Reading, desk_id: int, found: Ticket | None
) -> tuple[Ticket, Message] | None:
    """The message that this mail is another copy of, on the ticket that was found, or else at this desk."""
    if not reading.message_id or reading.sender is None:
        return None
    writer = address_key(reading.sender.email)
    known = [
        (ticket, message)
        for ticket in ([found] if found else _tickets(unit, reading.message_id, desk_id))
        for message in _messages(unit, ticket, reading.message_id)
        if address_key(message.author_email) == writer
    ]
    if not known:
        return None
    said = _lines(keys.neutralise(reading.text))
    return next(
        (
            one
            for one in known
            if _says_the_same(said, _lines(one[1].full_text)) and _brings_nothing(unit, reading, one[1])
        ),
        None,
    )


def _messages(unit: Unit, ticket: Ticket, message_id: str) -> list[Message]:
    return unit.rows(
        Message, "ticket_id = ? AND message_id = ? ORDER BY position LIMIT 5", ticket.id, message_id
    )


def _tickets(unit: Unit, message_id: str, desk_id: int) -> list[Ticket]:
    found = [unit.row(Ticket, "id = ?", id) for id in messages.named_by(unit, message_id)]
    return [one for one in found if one is not None and one.desk_id == desk_id]


def _says_the_same(one: list[str], other: list[str]) -> bool:
    """Whether one has all lines of the other in their order, and little else."""
    short, long = sorted((one, other), key=len)
    added = sum(map(len, long)) - sum(map(len, short))
    rest = iter(long)
    return bool(short) and abs(added) <= ADDED_MAX and all(line in rest for line in short)


def _brings_nothing(unit: Unit, reading: Reading, message: Message) -> bool:
    """Whether all files of a mail are on this message already."""
    known = attachments.of_messages(unit, [message.id], agents=True).get(message.id, [])
    return {one.sha256 for one in reading.enclosures} <= {one.sha256 for one in known}


def _lines(text: str) -> list[str]:
    """What stands in the lines that are not empty, white space aside."""
    return [words for line in text.splitlines() if (words := " ".join(line.split()))]
