"""Notices: what an agent is told, with an address to answer the customer and one for notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from gateway.desk import messages
from gateway.desk.tables import (
    AGENT,
    CLIENT,
    EVERYONE,
    INTERNAL,
    Agent,
    Desk,
    Message,
    Notification,
    Seat,
    Ticket,
)
from gateway.flow import envelopes, passages
from gateway.flow.desktop import Desktop
from gateway.flow.passages import Enclosed
from gateway.flow.round import Round
from gateway.mail.address import address_key
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.template import bare_subject
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords

EARLIER = 20


def write(round: Round, seat: Seat, promises: Sequence[Notification]) -> int | None:
    """Letters to one agent about everything new; the last one's id, or None when nothing is left to say.

    Notes come in a letter of their own: what is answered to the customer may be quoted to the customer.
    """
    ticket, agent = round.ticket(seat), round.agent(seat)
    positions = [promise.position for promise in promises]
    if not positions or agent is None:
        return None
    unit = round.unit
    history = messages.of_ticket(
        unit, ticket.id, "position >= ? AND visible_at <= ?", min(positions) - EARLIER, unit.now
    )
    news = [one for one in history if one.position in positions and not _wrote(agent, one)]
    letter_id = None
    for internal in (True, False):
        if part := [one for one in news if (one.kind == INTERNAL) == internal]:
            newest = part[-1].position
            sealed = _sealed(round.desktop, round.desk(ticket), seat, newest, internal=internal)
            earlier = [one for one in history if one.position < newest]
            letter_id = _post(round, sealed, ticket, agent, part, earlier)
    return letter_id


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What is sealed for one notice: its handle, where answers and notes go, and the agent's view."""

    seat: Seat
    desk: Desk
    letter: int
    answer: str
    note: str
    view: str

    @property
    def reply_to(self) -> str:
        """A notice of a note is answered by a note."""
        return self.answer or self.note


def _sealed(desktop: Desktop, desk: Desk, seat: Seat, newest: int, *, internal: bool) -> _Sealed:
    def address(purpose: Purpose) -> str:
        return envelopes.reply_address(desktop, desk, purpose, seat.handle, newest)

    return _Sealed(
        seat,
        desk,
        draw_handle(),
        answer="" if internal else address(Purpose.AGENT_REPLY),
        note=address(Purpose.AGENT_NOTE),
        view=envelopes.link(desktop, Purpose.AGENT_LINK, seat.handle),
    )


def _post(
    round: Round,
    sealed: _Sealed,
    ticket: Ticket,
    agent: Agent,
    news: Sequence[Message],
    earlier: Sequence[Message],
) -> int:
    return envelopes.post(
        round.unit,
        round.desktop,
        sealed.desk,
        _draft(round, sealed, ticket, agent, news, earlier),
        kind="notice",
        recipient=agent.email,
        handle=sealed.letter,
        ticket_id=ticket.id,
        seat_id=sealed.seat.id,
        position=news[-1].position,
        cause=next((one.inbound_id for one in news if one.inbound_id), None),
    )


def _draft(
    round: Round,
    sealed: _Sealed,
    ticket: Ticket,
    agent: Agent,
    news: Sequence[Message],
    earlier: Sequence[Message],
) -> Draft:
    unit, desktop, desk = round.unit, round.desktop, sealed.desk
    enclosed = passages.enclosed(unit, news, agents=True)
    written = desktop.stationery.write("notice", _words(sealed, ticket, news, enclosed), desk.locale)
    return Draft(
        message_id=envelopes.message_id(desktop, desk, Purpose.LETTER, sealed.letter),
        from_=Mailbox(desk.address, f"{_author(news[-1])} ({desk.name})"),
        to=(Mailbox(agent.email, agent.name),),
        subject=written.subject,
        text=written.text,
        html=written.html,
        date=unit.now,
        reply_to=sealed.reply_to,
        references=envelopes.references(desktop, desk, ticket, earlier, before=news[-1].position),
        automatic=True,
        files=passages.files(unit, news, enclosed),
    )


def _words(sealed: _Sealed, ticket: Ticket, news: Sequence[Message], enclosed: Enclosed) -> LetterWords:
    desk = sealed.desk
    return LetterWords(
        desk_name=desk.name,
        ticket_url=sealed.view,
        ticket_number=ticket.number,
        subject=ticket.subject,
        status=ticket.status,
        author_name=_author(news[-1]),
        is_internal=news[0].kind == INTERNAL,
        messages=passages.of(desk, news, enclosed, sealed.view),
        answer_mailto=_mailto(desk, ticket, sealed.answer),
        note_mailto=_mailto(desk, ticket, sealed.note),
    )


def _mailto(desk: Desk, ticket: Ticket, address: str) -> str:
    """A link that begins a mail to it; empty where the desk has no sealed addresses. RFC 6068."""
    if not desk.reply or not address:
        return ""
    subject = f"Re: {bare_subject(ticket.subject)} [#{ticket.number}]"
    return f"mailto:{quote(address, safe='@+')}?subject={quote(subject, safe='')}"


def _wrote(agent: Agent, message: Message) -> bool:
    """Nobody is told their own words: an agent's answers, and tickets of their own."""
    own = message.audience == EVERYONE and address_key(message.author_email) == agent.email_key
    return own or message.agent_id == agent.id


def _author(message: Message) -> str:
    if message.kind in (AGENT, INTERNAL):
        return message.author_name or "a colleague"
    if message.kind == CLIENT:
        return message.author_name or message.author_email or "somebody unknown"
    return "Helpgate"
