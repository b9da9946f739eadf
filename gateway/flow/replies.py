"""Replies: what agents and other participants said, and word of the end, to one participant. Design §7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.desk import contacts, messages, notifications
from gateway.desk.notifications import CLOSED
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
    Ticket,
)
from gateway.flow import confirmations, envelopes, passages
from gateway.flow.desktop import Desktop
from gateway.flow.passages import Enclosed
from gateway.flow.round import Round
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import Addition, LetterWords
from gateway.store.unit import Unit

HISTORY = 60  # so many messages before the news are looked at; References are capped anyway


@dataclass(frozen=True, slots=True)
class _Content:
    """What one letter is about: the news oldest first, what they answer, all that came before."""

    news: list[Message]
    quoted: Message | None
    history: list[Message]
    newest: int

    @property
    def first(self) -> int:
        """The position that this letter begins at; what lies before it is answered."""
        return self.news[0].position if self.news else self.newest + 1

    @property
    def kind(self) -> str:
        """Only word of the end, or an answer that may have that word in it."""
        return notifications.REPLY if self.news else CLOSED


def write(round: Round, participant: Participant, promises: Sequence[Notification]) -> int | None:
    """One letter about everything new; its id, or None when nothing is left to say to them."""
    if participant.let_in_at is None or participant.unsubscribed_at is not None or not promises:
        return None
    unit, desktop, ticket = round.unit, round.desktop, round.ticket(participant)
    content = _content(unit, ticket, participant, promises)
    if not content.news and CLOSED not in {promise.kind for promise in promises}:
        return None
    desk, handle = round.desk(ticket), draw_handle()
    draft = _draft(round, desk, ticket, participant, content, handle)
    told_to = max(participant.told_to, content.newest)
    unit.change(Participant, participant.id, told_to=told_to)
    last = content.news[-1] if content.news else None
    letter_id = envelopes.post(
        unit,
        desktop,
        desk,
        draft,
        kind=content.kind,
        recipient=round.contact(participant).email,
        handle=handle,
        ticket_id=ticket.id,
        participant_id=participant.id,
        author_id=next((one.agent_id for one in reversed(content.news) if one.kind == AGENT), None),
        position=content.newest,
        cause=last.inbound_id if last and last.kind == CLIENT else None,
    )
    participant.told_to = told_to  # for another letter of this round
    confirmations.tell_if_suppressed(unit, desktop, letter_id)
    return letter_id


def _content(
    unit: Unit, ticket: Ticket, participant: Participant, promises: Sequence[Notification]
) -> _Content:
    oldest = min(promise.position for promise in promises)
    history = _visible(unit, ticket, participant, oldest)
    positions = {promise.position for promise in promises if promise.kind != CLOSED}
    news = [one for one in history if one.position in positions and one.kind in (AGENT, CLIENT)]
    newest = max(promise.position for promise in promises)
    return _Content(news, _answered(history, news), history, newest)


def _draft(
    round: Round, desk: Desk, ticket: Ticket, participant: Participant, content: _Content, handle: int
) -> Draft:
    """Everyone let in stands in To and Cc; the address to answer to is this participant's own."""
    unit, desktop = round.unit, round.desktop
    addressed = tuple(map(_mailbox, round.readers(ticket)))
    link = envelopes.link(desktop, Purpose.LINK, participant.handle)
    enclosed = passages.enclosed(unit, content.news, agents=False)
    words = _words(unit, desk, ticket, participant, content, enclosed, link)
    written = desktop.stationery.write(content.kind, words, desk.locale)
    return Draft(
        message_id=_message_id(desktop, desk, ticket, content, handle),
        from_=Mailbox(desk.address, _shown_name(content.news, desk)),
        to=addressed[:1],
        cc=addressed[1:],
        subject=written.subject,
        text=written.text,
        html=written.html,
        date=unit.now,
        reply_to=envelopes.reply_address(desktop, desk, Purpose.REPLY, participant.handle, content.newest),
        in_reply_to=envelopes.outward_id(desktop, desk, ticket, content.quoted) if content.quoted else "",
        references=envelopes.references(desktop, desk, ticket, content.history, before=content.first),
        automatic=not content.news,
        unsubscribe="" if participant.requester else f"{link}/unsubscribe",
        files=passages.files(unit, content.news, enclosed),
    )


def _words(
    unit: Unit,
    desk: Desk,
    ticket: Ticket,
    participant: Participant,
    content: _Content,
    enclosed: Enclosed,
    link: str,
) -> LetterWords:
    news, quoted = content.news, content.quoted
    return LetterWords(
        desk_name=desk.name,
        ticket_url=link,
        ticket_number=ticket.number,
        subject=ticket.subject,
        status=ticket.status,
        author_name=passages.name(desk, news[-1]) if news else desk.name,
        messages=passages.of(desk, news, enclosed, link),
        quoted=passages.quoted(unit, desk, quoted, participant) if quoted else None,
        added_people=_additions(content.history, participant.told_to, content.newest),
    )


def _message_id(desktop: Desktop, desk: Desk, ticket: Ticket, content: _Content, handle: int) -> str:
    """Those who get the same news share an id; word of the end is machine mail and has one of its own."""
    if content.news:
        return envelopes.message_id(desktop, desk, Purpose.MESSAGE, ticket.handle, content.newest)
    return envelopes.message_id(desktop, desk, Purpose.LETTER, handle)


def _visible(unit: Unit, ticket: Ticket, participant: Participant, oldest: int) -> list[Message]:
    """What this participant may see by now. Promise 6: a note is never among it."""
    return messages.of_ticket(
        unit,
        ticket.id,
        f"audience = '{EVERYONE}' AND kind <> 'internal' AND position >= ? AND visible_at <= ?",
        max(participant.reads_from, min(oldest, ticket.last_position) - HISTORY),
        unit.now,
    )


def _answered(history: list[Message], news: list[Message]) -> Message | None:
    """The message that the news answer: the last one before them."""
    first = news[0].position if news else 1 << 62
    earlier = [
        one for one in history if one.position < first and one.kind in (AGENT, CLIENT) and not one.automatic
    ]
    return earlier[-1] if earlier else None


def _additions(history: list[Message], told_to: int, newest: int) -> tuple[Addition, ...]:
    return tuple(
        Addition(one.remark, one.text)
        for one in history
        if one.kind == SYSTEM and one.remark and told_to < one.position <= newest
    )


def _shown_name(news: list[Message], desk: Desk) -> str:
    """From is always the desk's address; its display name says who wrote, and nobody there looks like an agent."""
    if not news or not news[-1].author_name:
        return desk.name
    name = news[-1].author_name
    return f"{name} ({desk.name})" if news[-1].kind == AGENT else f"{name} via {desk.name}"


def _mailbox(contact: Contact) -> Mailbox:
    return Mailbox(contact.email, contacts.shown_name(contact))
