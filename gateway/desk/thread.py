"""Which ticket a mail belongs to, and how sure we are who wrote it. Design §6.

Carriers in rank: sealed reply address, our sealed Message-ID in In-Reply-To or References, ticket
link in the quoted body, foreign Message-IDs stored on a ticket, `[#NUMBER]` in the subject. A
sealed one says "received our mail", not "is this person"; the other two count only for participants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.desk import agents, contacts, messages
from gateway.desk.tables import Agent, Contact, Letter, Participant, Seat, Ticket
from gateway.mail.authenticate import Authentication
from gateway.mail.reading import Reading
from gateway.mail.token import Keyring, Purpose, Token
from gateway.store.unit import Unit

ADDRESS, MESSAGE_ID, LINK, REFERENCE, SUBJECT = "address", "message-id", "link", "reference", "subject"
AGENT, PARTICIPANT, CLAIMED = "agent", "participant", "claimed"
REFERENCES_READ = 30
TOKENS_READ = 20


@dataclass(frozen=True, slots=True)
class Carrier:
    """One thing in a mail that points to a ticket. `sealed`: only who received our mail can have it."""

    kind: str
    ticket_id: int
    sealed: bool
    purpose: Purpose | None = None
    newest: int = 0
    participant: Participant | None = None
    seat: Seat | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Where a mail belongs. `maybe` is a ticket it may belong to, where nothing proves it."""

    carrier: Carrier | None = None
    ticket: Ticket | None = None
    maybe: Ticket | None = None
    conflict: bool = False
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """Who wrote, and how sure. `missing` names what would have made it certain.

    unverified: a participant by their address alone, over a sealed carrier of the ticket.
    strong: own token with From, or an aligned authentication result; never after an explicit fail.
    """

    level: str
    contact: Contact | None = None
    agent: Agent | None = None
    participant: Participant | None = None
    strong: bool = False
    failed: bool = False
    missing: tuple[str, ...] = ()

    @property
    def recorded(self) -> str:
        """What is kept with the message: `unverified` tells agents that the address alone speaks.

        A proven sender of a mail that opens a ticket is its first participant.
        """
        if self.level == CLAIMED and self.strong:
            return PARTICIPANT
        return "unverified" if self.level == PARTICIPANT and not self.strong else self.level


def find(unit: Unit, keys: Keyring, detail: str, reading: Reading) -> Match:
    """The ticket this mail belongs to, by the strongest carrier that holds."""
    sealed = list(_sealed_carriers(unit, keys, detail, reading))
    tried = tuple(f"{one.kind} -> ticket {one.ticket_id}" for one in sealed)
    if sealed:
        chosen, conflict = _choose(sealed)  # they come strongest kind first
        return Match(chosen, _ticket(unit, chosen.ticket_id), None, conflict, tried)
    maybe: Ticket | None = None
    for kind, ticket in _unsealed_tickets(unit, reading):
        tried += (f"{kind} -> ticket {ticket.id}",)
        sender = contacts.with_address(unit, reading.sender.email) if reading.sender else None
        if (place := _place(unit, ticket.id, sender)) is not None:
            return Match(Carrier(kind, ticket.id, False, participant=place), ticket, None, False, tried)
        maybe = maybe or ticket
    return Match(maybe=maybe, tried=tried)


def prove(
    unit: Unit, match: Match, reading: Reading, authentication: Authentication, *, agents_need_all: bool
) -> Proof:
    """How sure we are who wrote this mail. The one place that decides it."""
    failed = authentication.result == "fail"
    if reading.sender is None:
        return Proof(CLAIMED, failed=failed, missing=("one readable From",))
    passed = authentication.result == "pass"
    contact = contacts.with_address(unit, reading.sender.email)
    agent = agents.with_address(unit, reading.sender.email)
    place = _place(unit, match.ticket.id, contact) if match.ticket else None
    if agent is not None and agent.active and (place is None or (match.carrier and match.carrier.seat)):
        return _prove_agent(match, agent, contact, passed, failed, agents_need_all)
    return _prove_participant(match, place, contact, passed, failed)


def _prove_agent(
    match: Match,
    agent: Agent,
    contact: Contact | None,
    passed: bool,
    failed: bool,
    need_all: bool,
) -> Proof:
    """Promise 7: own token, own address, and (when configured) an aligned result; a fail never counts."""
    seat = match.carrier.seat if match.carrier else None
    own_token = seat is not None and seat.agent_id == agent.id
    note = match.carrier is not None and match.carrier.purpose == Purpose.AGENT_NOTE
    enough = own_token and not failed and (passed or note or not need_all)
    if enough:
        return Proof(AGENT, contact, agent, strong=True)
    missing = [] if own_token else ["the agent's own reply address"]
    if failed:
        missing.append("authentication that does not fail")
    elif not passed and need_all:
        missing.append("an aligned authentication result")
    return Proof(CLAIMED, contact, agent, None, passed, failed, tuple(missing))


def _prove_participant(
    match: Match, place: Participant | None, contact: Contact | None, passed: bool, failed: bool
) -> Proof:
    if match.carrier is None:
        return Proof(CLAIMED, contact, strong=passed, failed=failed)
    if place is None:
        return Proof(CLAIMED, contact, strong=passed, failed=failed, missing=("a participant's address",))
    own = match.carrier.participant
    own_token = match.carrier.sealed and own is not None and own.id == place.id
    if own_token or passed:
        missing = ("authentication that does not fail",) if failed else ()
        return Proof(PARTICIPANT, contact, None, place, not failed, failed, missing)
    if match.carrier.sealed and not failed:
        return Proof(PARTICIPANT, contact, None, place, False, failed, ("their own token",))
    if not match.carrier.sealed:
        return Proof(CLAIMED, contact, None, place, False, failed, ("a sealed carrier or an aligned result",))
    return Proof(CLAIMED, contact, None, place, False, failed, ("authentication that does not fail",))


def _sealed_carriers(unit: Unit, keys: Keyring, detail: str, reading: Reading) -> Iterator[Carrier]:
    yield from _by_token(unit, keys, detail, ADDRESS)
    ids = [*reversed(reading.references[-REFERENCES_READ:]), *reading.in_reply_to[:REFERENCES_READ]]
    for one in dict.fromkeys([*reading.in_reply_to[:1], *ids]):
        yield from _by_token(unit, keys, one.strip("<>").partition("@")[0], MESSAGE_ID)
    for text in _link_tokens(reading):
        yield from _by_token(unit, keys, text, LINK)


def _by_token(unit: Unit, keys: Keyring, text: str, kind: str) -> Iterator[Carrier]:
    """A token that verifies and whose row still has that handle. A forged one is no token."""
    token = keys.unseal(text) if text else None
    if token is None or token.purpose not in _ALLOWED[kind]:
        return
    carrier = _ROWS[token.purpose](unit, kind, token)
    if carrier is not None:
        yield carrier


def _of_participant(unit: Unit, kind: str, token: Token) -> Carrier | None:
    row = unit.row(Participant, "handle = ?", token.handle)
    if row is None:
        return None
    return Carrier(kind, row.ticket_id, True, token.purpose, token.newest, participant=row)


def _of_seat(unit: Unit, kind: str, token: Token) -> Carrier | None:
    row = unit.row(Seat, "handle = ?", token.handle)
    if row is None:
        return None
    speaks = row if kind == ADDRESS else None  # an agent's link is a view: it proves nobody, promise 7
    return Carrier(kind, row.ticket_id, True, token.purpose, token.newest, seat=speaks)


def _of_ticket(unit: Unit, kind: str, token: Token) -> Carrier | None:
    row = unit.row(Ticket, "handle = ?", token.handle)
    return None if row is None else Carrier(kind, row.id, True, token.purpose, token.newest)


def _of_letter(unit: Unit, kind: str, token: Token) -> Carrier | None:
    row = unit.row(Letter, "handle = ?", token.handle)
    if row is None or row.ticket_id is None:
        return None
    return Carrier(kind, row.ticket_id, True, token.purpose, token.newest)


_ROWS = {
    Purpose.REPLY: _of_participant,
    Purpose.LINK: _of_participant,
    Purpose.AGENT_REPLY: _of_seat,
    Purpose.AGENT_NOTE: _of_seat,
    Purpose.AGENT_LINK: _of_seat,
    Purpose.MESSAGE: _of_ticket,
    Purpose.ROOT: _of_ticket,
    Purpose.LETTER: _of_letter,
}
_ALLOWED = {
    ADDRESS: {Purpose.REPLY, Purpose.AGENT_REPLY, Purpose.AGENT_NOTE},
    MESSAGE_ID: {Purpose.MESSAGE, Purpose.ROOT, Purpose.LETTER},
    LINK: {Purpose.LINK, Purpose.AGENT_LINK},
}


def _choose(carriers: list[Carrier]) -> tuple[Carrier, bool]:
    """The strongest kind wins, among one kind the newest ticket; where any names another ticket, say so.

    What a text mentions never takes a mail away from the ticket whose address it was sent to.
    """
    strongest = [one for one in carriers if one.kind == carriers[0].kind]
    newest = max(one.ticket_id for one in strongest)
    chosen = next(one for one in strongest if one.ticket_id == newest)
    return chosen, len({one.ticket_id for one in carriers}) > 1


def _unsealed_tickets(unit: Unit, reading: Reading) -> Iterator[tuple[str, Ticket]]:
    ids = [*reading.in_reply_to[:1], *reversed(reading.references[-REFERENCES_READ:])]
    for one in dict.fromkeys(ids):
        for id in messages.named_by(unit, one):
            if ticket := _ticket(unit, id):
                yield REFERENCE, ticket
    for number in _NUMBER.findall(reading.subject)[:3]:
        if ticket := unit.row(Ticket, "number = ?", number):
            yield SUBJECT, ticket


_NUMBER = re.compile(r"\[#(\d{4}-\d{1,9})\]")
_LINK = re.compile(r"/helpdesk/ticket/([a-z2-7]{46})(?![a-z2-7])", re.IGNORECASE | re.ASCII)


def _link_tokens(reading: Reading) -> list[str]:
    """What looks like a token of ours in a link of the text or the HTML."""
    found = dict.fromkeys(_LINK.findall(reading.text))
    if reading.html:
        found |= dict.fromkeys(_LINK.findall(reading.html))
    return list(found)[:TOKENS_READ]


def _ticket(unit: Unit, id: int) -> Ticket | None:
    return unit.row(Ticket, "id = ?", id)


def _place(unit: Unit, ticket_id: int, contact: Contact | None) -> Participant | None:
    if contact is None:
        return None
    return unit.row(Participant, "ticket_id = ? AND contact_id = ?", ticket_id, contact.id)
