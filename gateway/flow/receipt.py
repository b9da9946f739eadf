"""The receipt: word to the requester of a new ticket that it is here. Threats T21.

To somebody who proved nothing it says nothing they wrote: no subject, no name, no text.
"""

from __future__ import annotations

from gateway.desk import messages
from gateway.desk.notifications import RECEIPT_UNPROVEN
from gateway.desk.tables import Desk, Message, Notification, Participant, Ticket
from gateway.flow import envelopes, passages
from gateway.flow.desktop import Desktop
from gateway.flow.round import Round
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords, Written
from gateway.store.unit import Unit


def write(round: Round, participant: Participant, promise: Notification) -> int:
    """The letter that keeps this promise; returns its id."""
    unit, desktop = round.unit, round.desktop
    ticket, contact = round.ticket(participant), round.contact(participant)
    desk = round.desk(ticket)
    opening = messages.of_ticket(unit, ticket.id, "position = ?", promise.position)[0]
    unproven = promise.kind == RECEIPT_UNPROVEN
    reply_to = envelopes.reply_address(desktop, desk, Purpose.REPLY, participant.handle, opening.position)
    words = _words(unit, desktop, desk, ticket, participant, None if unproven else opening, reply_to)
    written = desktop.stationery.write(promise.kind, words, desk.locale)
    handle = draw_handle()
    addressee = Mailbox(contact.email, "" if unproven else contact.name)
    return envelopes.post(
        unit,
        desktop,
        desk,
        _draft(unit, desktop, desk, ticket, opening, addressee, reply_to, written, handle),
        kind="receipt",
        recipient=contact.email,
        handle=handle,
        ticket_id=ticket.id,
        participant_id=participant.id,
        position=promise.position,
        cause=opening.inbound_id,
    )


def _words(
    unit: Unit,
    desktop: Desktop,
    desk: Desk,
    ticket: Ticket,
    participant: Participant,
    opening: Message | None,
    reply_to: str,
) -> LetterWords:
    """`opening` is None for somebody unproven."""
    return LetterWords(
        desk_name=desk.name,
        ticket_url=envelopes.link(desktop, Purpose.LINK, participant.handle),
        ticket_number=ticket.number,
        subject=ticket.subject if opening else "",
        author_name=passages.name(desk, opening) if opening else "",
        quoted=passages.quoted(unit, desk, opening, participant) if opening else None,
        answer_mailto=f"mailto:{reply_to}",
        unproven=opening is None,
    )


def _draft(
    unit: Unit,
    desktop: Desktop,
    desk: Desk,
    ticket: Ticket,
    opening: Message,
    addressee: Mailbox,
    reply_to: str,
    written: Written,
    handle: int,
) -> Draft:
    root = envelopes.message_id(desktop, desk, Purpose.ROOT, ticket.handle)
    return Draft(
        message_id=envelopes.message_id(desktop, desk, Purpose.LETTER, handle),
        from_=Mailbox(desk.address, desk.name),
        to=(addressee,),
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
