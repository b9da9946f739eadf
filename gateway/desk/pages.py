"""A ticket as the holder of a link sees it, and what they may do there. Promises 5, 6 and 9.

A participant's link shows what they may read and takes comments; an agent's link shows everything
and takes nothing. A wrong, foreign or revoked link is one and the same NotFound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.desk import agents, attachments, contacts, desks, messages, participants, tickets
from gateway.desk.messages import Words
from gateway.desk.tables import (
    AGENT,
    AGENTS_ONLY,
    INTERNAL,
    SYSTEM,
    Attachment,
    Contact,
    Desk,
    Message,
    Participant,
    Seat,
    Ticket,
)
from gateway.desk.tickets import Rules, Telling
from gateway.desk.views import FileView, MessageView, TicketView
from gateway.errors import Denied, Invalid, NotFound
from gateway.mail.charset import scrub
from gateway.mail.reading import Enclosure
from gateway.mail.token import Keyring, Purpose
from gateway.store.unit import Unit

COMMENT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a ticket is shown; of one with more the newest. `characters` of text and HTML in all."""

    messages: int = 500
    characters: int = 2_000_000


WHOLE = Bounds()  # has room for the largest message there can be
SMALL = Bounds(30, 48_000)  # is read and drawn in less time than a thread takes to be woken


@dataclass(frozen=True, slots=True)
class Reader:
    """Who holds a link: a participant, or an agent at their seat."""

    ticket: Ticket
    participant: Participant | None
    seat: Seat | None


@dataclass(frozen=True, slots=True)
class Commented:
    """Where a comment went. link: its author's to that ticket."""

    ticket: Ticket
    message: Message
    link: str


def reader(unit: Unit, keys: Keyring, link: str) -> Reader:
    """Whose link this is. Raises NotFound."""
    token = keys.unseal(link)
    if token is not None and token.purpose == Purpose.LINK:
        row = unit.row(Participant, "handle = ?", token.handle)
        if row is not None and row.let_in_at is not None:
            return Reader(tickets.by_id(unit, row.ticket_id), row, None)
    elif token is not None and token.purpose == Purpose.AGENT_LINK:
        seat = unit.row(Seat, "handle = ?", token.handle)
        if seat is not None:
            ticket = tickets.by_id(unit, seat.ticket_id)
            if agents.works_at(unit, agents.by_id(unit, seat.agent_id), ticket.desk_id):
                return Reader(ticket, None, seat)
    raise NotFound("page.not_found")


def see(unit: Unit, keys: Keyring, link: str, bounds: Bounds = WHOLE) -> TicketView:
    """The ticket as the holder of this link sees it. Changes nothing. Raises NotFound."""
    who = reader(unit, keys, link)
    ticket = who.ticket
    desk = desks.by_id(unit, ticket.desk_id)
    shown, older = _shown(unit, who, bounds)
    files = attachments.of_messages(unit, [one.id for one in shown], agents=who.participant is None)
    first = _first_pictures(unit, who, files)
    me = contacts.by_id(unit, who.participant.contact_id) if who.participant else None
    return TicketView(
        number=ticket.number,
        subject=ticket.subject,
        status=ticket.status,
        desk_name=desk.name,
        opened_at=ticket.created_at,
        updated_at=max((one.created_at for one in shown), default=ticket.created_at),
        reader="participant" if me else "agent",
        reader_name=contacts.display_name(me) if me else "",
        messages=tuple(
            _message_view(desk, one, _file_views(files.get(one.id, []), first), who, me) for one in shown
        ),
        newest=max((one.position for one in shown), default=0),
        locale=desk.locale,
        timezone=desk.timezone,
        may_unsubscribe=_may_unsubscribe(who.participant),
        older=older,
    )


def comment(
    unit: Unit, keys: Keyring, rules: Rules, link: str, text: str, files: tuple[Enclosure, ...]
) -> Commented:
    """What a participant wrote on the page: the same verb as their mail. Raises NotFound, Denied or Invalid."""
    who = reader(unit, keys, link)
    if who.participant is None:
        raise Denied("page.agents_only_read")
    said = keys.neutralise(scrub(text)).strip()
    if not said and not files:
        raise Invalid("text", "page.empty_comment")
    if len(said) > COMMENT_MAX:
        raise Invalid("text", "page.long_comment", limit=COMMENT_MAX)
    author = contacts.by_id(unit, who.participant.contact_id)
    words = Words(text=said, files=files)
    if tickets.is_long_closed(unit, who.ticket):
        desk = desks.by_id(unit, who.ticket.desk_id)
        opened, message = tickets.open(
            unit,
            rules,
            desk,
            author,
            who.ticket.subject,
            words,
            telling=Telling(receipt="receipt"),
            source="page",
            proof="participant",
            linked=(who.ticket, "continues"),
        )
        requester = participants.of(unit, opened, author)
        assert requester is not None
        return Commented(opened, message, keys.seal(Purpose.LINK, requester.handle))
    message = tickets.receive(unit, rules, who.ticket, author, words, telling=Telling(), proof="participant")
    participants.mark_read(unit, who.participant, min(message.position - 1, _readable_to(unit, who.ticket)))
    return Commented(who.ticket, message, link)


def mark_read(unit: Unit, keys: Keyring, link: str, position: int) -> None:
    """The holder of this link has had everything up to here before their eyes. Raises NotFound."""
    who = reader(unit, keys, link)
    where, *values = _visible(unit, who)
    newest = unit.number(
        f"SELECT max(position) FROM message WHERE ticket_id = ? AND {where}", who.ticket.id, *values
    )
    position = min(position, _readable_to(unit, who.ticket), newest)
    if who.participant is not None:
        participants.mark_read(unit, who.participant, position)
    elif who.seat is not None:
        participants.mark_seen_by_agent(unit, who.seat, position)


def unsubscribe(unit: Unit, keys: Keyring, link: str) -> None:
    """No more letters about this ticket to this participant; the requester keeps theirs. Raises NotFound or Denied."""
    who = reader(unit, keys, link)
    if who.participant is None or who.participant.requester:
        raise Denied("page.requester_stays")
    unit.change_where(
        Participant, "id = ? AND unsubscribed_at IS NULL", (who.participant.id,), unsubscribed_at=unit.now
    )


def file(unit: Unit, keys: Keyring, link: str, handle: str) -> tuple[FileView, str]:
    """One attachment the holder of this link may have, and the SHA-256 of its octets. Raises NotFound."""
    who = reader(unit, keys, link)
    row = unit.row(Attachment, "handle = ?", _handle(handle))
    message = unit.row(Message, "id = ?", row.message_id) if row else None
    if (
        row is None
        or message is None
        or message.ticket_id != who.ticket.id
        or not _may_see(unit, who, message)
        or (row.audience == AGENTS_ONLY and who.participant is not None)
    ):
        raise NotFound("page.not_found")
    return _file_view(row), row.sha256


def _shown(unit: Unit, who: Reader, bounds: Bounds) -> tuple[list[Message], bool]:
    """The newest messages this reader may see, and whether there are older ones that do not fit."""
    where, first, now = _visible(unit, who)
    start = max(first, who.ticket.last_position - bounds.messages + 1)
    shown, more = messages.newest(unit, who.ticket.id, bounds.characters, where, start, now)
    return shown, more or start > first


def _visible(unit: Unit, who: Reader) -> tuple[str, int, int]:
    """What this reader may see: a condition, and its values, the first position and the moment."""
    condition = "position >= ? AND visible_at <= ?"
    if who.participant is None:
        return condition, 1, unit.now
    public = f"audience <> '{AGENTS_ONLY}' AND kind <> '{INTERNAL}' AND {condition}"
    return public, who.participant.reads_from, unit.now


def _readable_to(unit: Unit, ticket: Ticket) -> int:
    """The position before the first message still held: nobody has read that one by reading what is behind it."""
    held = unit.number(
        "SELECT min(position) FROM message WHERE ticket_id = ? AND visible_at > ?", ticket.id, unit.now
    )
    return held - 1 if held else ticket.last_position


def _may_unsubscribe(participant: Participant | None) -> bool:
    return participant is not None and not participant.requester and participant.unsubscribed_at is None


def _may_see(unit: Unit, who: Reader, message: Message) -> bool:
    if message.visible_at > unit.now:
        return False
    if who.participant is None:
        return True
    public = message.audience != AGENTS_ONLY and message.kind != INTERNAL
    return public and message.position >= who.participant.reads_from


def _message_view(
    desk: Desk, message: Message, files: tuple[FileView, ...], who: Reader, me: Contact | None
) -> MessageView:
    """Quotes under somebody else's words may show what this reader must not see: only agents and authors unfold."""
    agent = who.participant is None
    mine = me is not None and message.contact_id == me.id
    unfolds = message.folded_lines and (agent or mine)
    return MessageView(
        position=message.position,
        kind=message.kind,
        mine=mine,
        author_name=_author(desk, message, agent),
        written_at=message.created_at,
        text=message.text,
        full_text=_bounded(message.full_text) if unfolds else message.text,
        folded_lines=message.folded_lines if unfolds else 0,
        html=None if message.folded_lines else message.html,
        files=files,
        automatic=bool(message.automatic),
        unverified=agent and message.proof in ("unverified", "claimed"),
        author_email=message.author_email if agent else "",
        remark=message.remark if agent or message.kind == SYSTEM else "",
    )


def _bounded(text: str) -> str:
    return text if len(text) <= messages.FOLDED_MAX else f"{text[: messages.FOLDED_MAX]}\n[…]"


def _author(desk: Desk, message: Message, agent: bool) -> str:
    if message.author_name:
        return message.author_name
    if message.kind in (AGENT, INTERNAL):
        return desk.name
    return message.author_email if agent else message.author_email.partition("@")[0]


def _first_pictures(unit: Unit, who: Reader, files: dict[int, list[Attachment]]) -> dict[str, int]:
    """The message that first brought each picture, of those this reader may see: also of those not shown here."""
    if not any(one.content_type.startswith("image/") for of_one in files.values() for one in of_one):
        return {}
    where, *values = _visible(unit, who)
    agents = who.participant is None
    return attachments.first_pictures(
        unit, f"ticket_id = ? AND {where}", who.ticket.id, *values, agents=agents
    )


def _file_views(files: list[Attachment], first: dict[str, int]) -> tuple[FileView, ...]:
    return tuple(
        replace(_file_view(one), repeated=first.get(one.sha256, one.message_id) < one.message_id)
        for one in files
    )


def _file_view(row: Attachment) -> FileView:
    return FileView(
        attachments.handle_text(row),
        row.filename,
        row.content_type,
        row.size,
        row.content_id,
        bool(row.inline),
    )


def _handle(text: str) -> int:
    """A handle from a URL. Raises NotFound."""
    if len(text) != 16 or not set(text) <= set("0123456789abcdef"):
        raise NotFound("page.not_found")
    number = int(text, 16)
    return number - (1 << 64) if number >> 63 else number
