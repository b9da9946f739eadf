"""Notices: what an agent is told, with an address to answer the customer and one for notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from gateway.desk import agents, messages
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
from gateway.mail.address import address_key
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.template import bare_subject
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords
from gateway.store.database import Unit

EARLIER = 20


def write(
    unit: Unit,
    desktop: Desktop,
    desk: Desk,
    ticket: Ticket,
    seat: Seat,
    promises: Sequence[Notification],
) -> int | None:
    """Letters to one agent about everything new; the last one's id, or None when nothing is left to say.

    Notes come in a letter of their own: what is answered to the customer may be quoted to the customer.
    """
    agent = agents.by_id(unit, seat.agent_id)
    positions = [promise.position for promise in promises]
    if not positions or not agents.works_at(unit, agent, ticket.desk_id):
        return None
    history = messages.of_ticket(
        unit, ticket.id, "position >= ? AND visible_at <= ?", min(positions) - EARLIER, unit.now
    )
    news = [one for one in history if one.position in positions and not _wrote(agent, one)]
    letter_id = None
    for internal in (True, False):
        if part := [one for one in news if (one.kind == INTERNAL) == internal]:
            sealed = _Sealed(desktop, desk, ticket, seat, part[-1].position, draw_handle())
            letter_id = _post(unit, sealed, agent, part, history)
    return letter_id


def _post(
    unit: Unit, sealed: _Sealed, agent: Agent, news: Sequence[Message], history: Sequence[Message]
) -> int:
    draft = _draft(unit, sealed, agent, news, [one for one in history if one.position < sealed.newest])
    return envelopes.post(
        unit,
        sealed.desktop,
        sealed.desk,
        draft,
        kind="notice",
        recipient=agent.email,
        handle=sealed.letter,
        ticket_id=sealed.ticket.id,
        seat_id=sealed.seat.id,
        position=sealed.newest,
        cause=next((one.inbound_id for one in news if one.inbound_id), None),
    )


def _draft(
    unit: Unit, sealed: _Sealed, agent: Agent, news: Sequence[Message], earlier: Sequence[Message]
) -> Draft:
    desktop, desk, ticket = sealed.desktop, sealed.desk, sealed.ticket
    internal = news[0].kind == INTERNAL
    written = desktop.stationery.write("notice", _words(unit, sealed, news, internal), desk.locale)
    return Draft(
        message_id=envelopes.message_id(desktop, desk, Purpose.LETTER, sealed.letter),
        from_=Mailbox(desk.address, f"{_author(news[-1])} ({desk.name})"),
        to=(Mailbox(agent.email, agent.name),),
        subject=written.subject,
        text=written.text,
        html=written.html,
        date=unit.now,
        reply_to=sealed.address(Purpose.AGENT_NOTE if internal else Purpose.AGENT_REPLY),
        references=envelopes.references(desktop, desk, ticket, earlier, before=sealed.newest),
        automatic=True,
        files=passages.files(unit, news, agents=True),
    )


@dataclass(frozen=True, slots=True)
class _Sealed:
    """Where an agent's answers to one notice go; `letter` is the handle of the notice itself."""

    desktop: Desktop
    desk: Desk
    ticket: Ticket
    seat: Seat
    newest: int
    letter: int

    def address(self, purpose: Purpose) -> str:
        """The agent's own address for a public answer or for a note."""
        return envelopes.reply_address(self.desktop, self.desk, purpose, self.seat.handle, self.newest)

    def mailto(self, purpose: Purpose) -> str:
        """A link that begins a mail to it; empty where the desk has no sealed addresses. RFC 6068."""
        if not self.desk.reply:
            return ""
        subject = f"Re: {bare_subject(self.ticket.subject)} [#{self.ticket.number}]"
        return f"mailto:{quote(self.address(purpose), safe='@+')}?subject={quote(subject, safe='')}"


def _words(unit: Unit, sealed: _Sealed, news: Sequence[Message], internal: bool) -> LetterWords:
    desktop, desk, ticket = sealed.desktop, sealed.desk, sealed.ticket
    return LetterWords(
        desk_name=desk.name,
        ticket_url=envelopes.link(desktop, Purpose.AGENT_LINK, sealed.seat.handle),
        ticket_number=ticket.number,
        subject=ticket.subject,
        status=ticket.status,
        author_name=_author(news[-1]),
        is_internal=internal,
        messages=passages.of(unit, desk, news, desktop, Purpose.AGENT_LINK, sealed.seat.handle),
        answer_mailto="" if internal else sealed.mailto(Purpose.AGENT_REPLY),
        note_mailto=sealed.mailto(Purpose.AGENT_NOTE),
    )


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
