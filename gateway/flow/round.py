"""One round of writing letters: who gets one, and the rows that many letters share, read together."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.desk import agents, notifications, suppression
from gateway.desk.tables import Agent, Contact, Desk, Letter, Notification, Participant, Seat, Ticket
from gateway.flow.desktop import Desktop
from gateway.store.unit import Unit

Recipient = Participant | Seat


class Round:
    """What the letters of one unit are written from. Only small rows are kept: no words, no files."""

    def __init__(
        self, unit: Unit, desktop: Desktop, participants: Sequence[Participant], seats: Sequence[Seat]
    ) -> None:
        self.unit = unit
        self.desktop = desktop
        self.recipients: list[Recipient] = [*participants, *seats]
        self._promises = {
            Participant: notifications.waiting(unit, "participant_id", participants),
            Seat: notifications.waiting(unit, "seat_id", seats),
        }
        self._tickets = unit.by_ids(Ticket, {one.ticket_id for one in self.recipients})
        self._desks = unit.by_ids(Desk, {one.desk_id for one in self._tickets.values()})
        self._contacts = unit.by_ids(Contact, {one.contact_id for one in participants})
        suppression.foresee(unit, [one.email for one in self._contacts.values()])
        unit.draw_ids(len(self.recipients), Letter)
        self._staff: dict[int, dict[int, Agent]] = {}
        self._readers: dict[int, list[Contact]] = {}

    def promises(self, recipient: Recipient) -> list[Notification]:
        """What this recipient waits for and can see by now, oldest message first."""
        return self._promises[type(recipient)].get(recipient.id, [])

    def ticket(self, recipient: Recipient) -> Ticket:
        """The ticket that the recipient is at."""
        return self._tickets[recipient.ticket_id]

    def desk(self, ticket: Ticket) -> Desk:
        """The desk that the ticket is at."""
        return self._desks[ticket.desk_id]

    def contact(self, participant: Participant) -> Contact:
        """Who the recipient is."""
        return self._contacts[participant.contact_id]

    def agent(self, seat: Seat) -> Agent | None:
        """Who the recipient is; None for somebody who does not work at the ticket's desk now."""
        desk_id = self.ticket(seat).desk_id
        if desk_id not in self._staff:
            self._staff[desk_id] = {one.id: one for one in agents.of_desk(self.unit, desk_id)}
        return self._staff[desk_id].get(seat.agent_id)

    def readers(self, ticket: Ticket) -> list[Contact]:
        """Whom a letter to participants shows as its readers: everyone let in who has not left, the requester first."""
        if ticket.id not in self._readers:
            let_in = notifications.readers(self.unit, ticket)
            people = self.unit.by_ids(Contact, {one.contact_id for one in let_in})
            self._readers[ticket.id] = [people[one.contact_id] for one in let_in]
        return self._readers[ticket.id]
