"""Letters: what is due and unread becomes one mail for each recipient. Design §7.

Participants get replies, receipts and word of the end; agents get notices (`flow.notices`). Who
gets what was decided when it happened (`desk.notifications`); here it is only said.
"""

from __future__ import annotations

from itertools import groupby

from gateway import i18n
from gateway.desk import contacts, messages, notifications, tickets
from gateway.desk.notifications import CLOSED, RECEIPT_UNPROVEN
from gateway.desk.tables import (
    AGENT,
    CLIENT,
    EVERYONE,
    SYSTEM,
    Contact,
    Desk,
    Message,
    Notification,
    Participant,
    Seat,
    Ticket,
)
from gateway.flow import envelopes, notices, passages
from gateway.flow.desktop import Desktop
from gateway.log import logger
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import Addition, LetterWords
from gateway.store.database import SQLITE, Unit

BATCH = 50
HISTORY = 60  # so many of the newest messages are looked at; References are capped anyway

log = logger("letters")


def write_due(unit: Unit, desktop: Desktop) -> int:
    """Write the letters that are due, in this unit; returns how many promises were dealt with."""
    skip = "" if unit.store.engine == SQLITE else " FOR UPDATE SKIP LOCKED"
    due = unit.rows(
        Notification, f"state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?{skip}", unit.now, BATCH
    )
    for whom, group in groupby(sorted(due, key=_recipient), key=_recipient):
        first = next(group)
        if first.kind in (notifications.RECEIPT, RECEIPT_UNPROVEN):
            _write_receipt(unit, desktop, first)
            first = next(group, None) or first
        if first.kind not in (notifications.RECEIPT, RECEIPT_UNPROVEN):
            _write_joined(unit, desktop, first, whom)
    return len(due)


def _recipient(notification: Notification) -> tuple[int, int, int, str]:
    """Who it is for; receipts before the rest."""
    order = "0" if notification.kind.startswith("receipt") else "1"
    return (notification.ticket_id, notification.participant_id or 0, notification.seat_id or 0, order)


def _write_joined(
    unit: Unit, desktop: Desktop, first: Notification, whom: tuple[int, int, int, str]
) -> None:
    """Everything that waits for this recipient and can be seen by now, in one letter."""
    column = "participant_id" if first.participant_id else "seat_id"
    waiting = unit.rows(
        Notification,
        f"state = 'waiting' AND ticket_id = ? AND {column} = ? AND kind NOT IN ('receipt', 'receipt_unproven')"
        " AND position IN (SELECT position FROM message WHERE ticket_id = ? AND visible_at <= ?) ORDER BY position",
        first.ticket_id,
        first.participant_id or first.seat_id,
        first.ticket_id,
        unit.now,
    )
    if not waiting:
        return
    ticket = tickets.by_id(unit, first.ticket_id)
    desk = _desk(unit, ticket)
    if first.seat_id is not None:
        seat = unit.row(Seat, "id = ?", first.seat_id)
        assert seat is not None
        unread = _unread(unit, desk, waiting, seat.read_to, seat.read_at)
        letter_id = notices.write(unit, desktop, desk, ticket, seat, unread)
    else:
        participant = unit.row(Participant, "id = ?", first.participant_id)
        assert participant is not None
        unread = _unread(unit, desk, waiting, participant.read_to, participant.read_at)
        letter_id = _write_reply(unit, desktop, desk, ticket, participant, unread)
    _keep_promises(unit, unread, letter_id)


def _unread(
    unit: Unit, desk: Desk, waiting: list[Notification], read_to: int, read_at: int | None
) -> list[Notification]:
    """The promises about what was not read in any door; the others are kept by saying so."""
    unread = []
    for promise in waiting:
        if promise.position <= read_to and promise.kind != CLOSED:
            when = i18n.format_moment(read_at or unit.now, desk.locale, desk.timezone)
            notifications.skip(unit, promise, f"not mailed: read on the page {when}")
            log.info("skipped: read", notification=promise.id)
        else:
            unread.append(promise)
    return unread


def _keep_promises(unit: Unit, promises: list[Notification], letter_id: int | None) -> None:
    for promise in promises:
        if letter_id is None:
            notifications.skip(unit, promise, "nothing in it was for this recipient")
        else:
            notifications.written(unit, promise, letter_id)


def _write_reply(
    unit: Unit,
    desktop: Desktop,
    desk: Desk,
    ticket: Ticket,
    participant: Participant,
    promises: list[Notification],
) -> int | None:
    """A letter to a participant: the news, who was let in meanwhile, and once what it answers."""
    if participant.let_in_at is None or participant.unsubscribed_at is not None or not promises:
        return None
    contact = contacts.by_id(unit, participant.contact_id)
    history = _visible(unit, ticket, participant)
    kinds = {promise.kind for promise in promises}
    positions = {promise.position for promise in promises if promise.kind != CLOSED}
    news = [one for one in history if one.position in positions and one.kind in (AGENT, CLIENT)]
    if not news and CLOSED not in kinds:
        return None
    newest = max([promise.position for promise in promises])
    quoted = _answered(history, news)
    written = desktop.stationery.write(
        "reply" if news else "closed",
        LetterWords(
            desk_name=desk.name,
            ticket_url=envelopes.link(desktop, Purpose.LINK, participant.handle),
            ticket_number=ticket.number,
            subject=ticket.subject,
            status=ticket.status,
            author_name=_author(news[-1], desk) if news else desk.name,
            messages=passages.of(unit, desk, news, desktop, Purpose.LINK, participant.handle),
            quoted=passages.quoted(unit, desk, quoted, participant) if quoted else None,
            added_people=_additions(history, participant.told_to, newest),
        ),
        desk.locale,
    )
    unit.change(Participant, participant.id, told_to=newest)
    everyone = [one for one in notifications.let_in(unit, ticket) if one.unsubscribed_at is None]
    addressed = [contacts.by_id(unit, one.contact_id) for one in everyone]
    agent_id = next((one.agent_id for one in reversed(news) if one.kind == AGENT), None)
    sealed = envelopes.message_id(desktop, desk, Purpose.MESSAGE, ticket.handle, newest)
    draft = Draft(
        message_id=sealed,
        from_=Mailbox(desk.address, _shown_name(news, desk)),
        to=tuple(_mailbox(one) for one in addressed[:1]),
        cc=tuple(_mailbox(one) for one in addressed[1:]),
        subject=written.subject,
        text=written.text,
        html=written.html,
        date=unit.now,
        reply_to=envelopes.reply_address(desktop, desk, Purpose.REPLY, participant.handle, newest),
        in_reply_to=envelopes.outward_id(desktop, desk, ticket, quoted) if quoted else "",
        references=envelopes.references(desktop, desk, ticket, history, before=newest),
        automatic=not news,
        unsubscribe="" if participant.requester or news else _unsubscribe(desktop, participant),
        files=passages.files(unit, news),
    )
    cause = news[-1].inbound_id if news and news[-1].kind == CLIENT else None
    return envelopes.post(
        unit,
        desktop,
        desk,
        draft,
        kind="reply" if news else "closed",
        recipient=contact.email,
        handle=draw_handle(),
        ticket_id=ticket.id,
        participant_id=participant.id,
        author_id=agent_id,
        position=newest,
        cause=cause,
    )


def _write_receipt(unit: Unit, desktop: Desktop, promise: Notification) -> None:
    """Word to the requester of a new ticket that it is here; nothing they wrote, where nobody proved who they are."""
    ticket = tickets.by_id(unit, promise.ticket_id)
    desk = _desk(unit, ticket)
    participant = unit.row(Participant, "id = ?", promise.participant_id)
    assert participant is not None
    contact = contacts.by_id(unit, participant.contact_id)
    opening = messages.of_ticket(unit, ticket.id, "position = ?", promise.position)[0]
    unproven = promise.kind == RECEIPT_UNPROVEN
    reply_to = envelopes.reply_address(desktop, desk, Purpose.REPLY, participant.handle, opening.position)
    words = LetterWords(
        desk_name=desk.name,
        ticket_url=envelopes.link(desktop, Purpose.LINK, participant.handle),
        ticket_number=ticket.number,
        subject="" if unproven else ticket.subject,
        author_name="" if unproven else contacts.display_name(contact),
        quoted=None if unproven else passages.quoted(unit, desk, opening, participant),
        answer_mailto=f"mailto:{reply_to}",
        unproven=unproven,
    )
    written = desktop.stationery.write(promise.kind, words, desk.locale)
    handle = draw_handle()
    root = envelopes.message_id(desktop, desk, Purpose.ROOT, ticket.handle)
    draft = Draft(
        message_id=envelopes.message_id(desktop, desk, Purpose.LETTER, handle),
        from_=Mailbox(desk.address, desk.name),
        to=(Mailbox(contact.email, "" if unproven else contact.name),),
        subject=written.subject,
        text=written.text,
        html=written.html,
        date=unit.now,
        reply_to=reply_to,
        in_reply_to=opening.message_id,
        references=tuple(filter(None, (root, opening.message_id))),
        automatic=True,
        auto_submitted="auto-replied",
    )
    letter_id = envelopes.post(
        unit,
        desktop,
        desk,
        draft,
        kind="receipt",
        recipient=contact.email,
        handle=handle,
        ticket_id=ticket.id,
        participant_id=participant.id,
        position=promise.position,
        cause=opening.inbound_id,
    )
    notifications.written(unit, promise, letter_id)


def _visible(unit: Unit, ticket: Ticket, participant: Participant) -> list[Message]:
    """What this participant may see by now. Promise 6: a note is never among it."""
    return messages.of_ticket(
        unit,
        ticket.id,
        f"audience = '{EVERYONE}' AND kind <> 'internal' AND position >= ? AND visible_at <= ?",
        max(participant.reads_from, ticket.last_position - HISTORY),
        unit.now,
    )


def _answered(history: list[Message], news: list[Message]) -> Message | None:
    """The message that the news answer: the last one before them."""
    first = news[0].position if news else 1 << 62
    earlier = [one for one in history if one.position < first and one.kind in (AGENT, CLIENT) and not one.automatic]
    return earlier[-1] if earlier else None


def _additions(history: list[Message], told_to: int, newest: int) -> tuple[Addition, ...]:
    return tuple(
        Addition(one.remark, one.text)
        for one in history
        if one.kind == SYSTEM and one.remark and told_to < one.position <= newest
    )


def _author(message: Message, desk: Desk) -> str:
    return message.author_name or (desk.name if message.kind == AGENT else message.author_email.partition("@")[0])


def _shown_name(news: list[Message], desk: Desk) -> str:
    """From is always the desk's address; its display name says who wrote."""
    if not news or not news[-1].author_name:
        return desk.name
    return f"{news[-1].author_name} ({desk.name})"


def _mailbox(contact: Contact) -> Mailbox:
    return Mailbox(contact.email, contact.name)


def _unsubscribe(desktop: Desktop, participant: Participant) -> str:
    link = envelopes.link(desktop, Purpose.LINK, participant.handle)
    return f"{link}/unsubscribe"


def _desk(unit: Unit, ticket: Ticket) -> Desk:
    desk = unit.row(Desk, "id = ?", ticket.desk_id)
    assert desk is not None
    return desk

