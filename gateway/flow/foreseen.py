"""What a batch of mails has in common to ask the store, asked for all of them at once. See `store.foresight`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.desk import agents, contacts, messages
from gateway.desk.tables import Event, Message, Participant, Seat, Ticket
from gateway.flow.decision import Arrived
from gateway.store.unit import Unit


def look_ahead(unit: Unit, mails: Sequence[Arrived]) -> None:
    """Senders and whom they name, Message-IDs: what nearly every mail asks for."""
    readings = [one.reading for one in mails]
    unit.draw_ids(len(mails), Ticket, Participant, Seat, Message, Event)
    people = [email for mail in mails for email in _people(mail)]
    contacts.foresee(unit, people)
    agents.foresee(unit, people)
    messages.foresee(unit, [one.message_id for one in readings if one.message_id])


def _people(mail: Arrived) -> Iterator[str]:
    reading = mail.reading
    for mailbox in (*reading.from_[:1], *reading.to[:1], *reading.cc[:1]):
        if mailbox.email and not mail.directory.is_ours(mailbox.email):
            yield mailbox.email
