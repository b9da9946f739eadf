"""From an inbound mail to its fate: one page, read downwards. Design §4 and §6.

A mail has been accepted (`flow.reception`) and read in a worker (`flow.readers`). Here it becomes
verbs on the desk, inside the caller's unit, and ends applied, dropped or held. Nothing else does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from gateway.clock import DAY, HOUR, SECOND
from gateway.config import Settings
from gateway.desk import agents, contacts, desks, participants, receipts, thread, tickets
from gateway.desk.desks import Directory
from gateway.desk.notifications import RECEIPT, RECEIPT_UNPROVEN
from gateway.desk.tables import Contact, Desk, Message, Ticket
from gateway.desk.thread import Match, Proof
from gateway.desk.tickets import Rules, Telling
from gateway.flow import bounces, confirmations, shown
from gateway.flow.desktop import Desktop
from gateway.log import logger, step
from gateway.mail.authenticate import Authentication
from gateway.mail.reading import AUTO_REPLY, BOUNCE, HUMAN, LOOP, REPORT, Mailbox, Reading
from gateway.mail.token import Keyring, Purpose
from gateway.store import journal
from gateway.store.database import Unit
from gateway.store.journal import APPLIED, DROPPED, HELD, Inbound

SAME_WITHIN = 5 * DAY
SAME_WITHOUT_ID_WITHIN = HOUR
ADDED_MAX = 20

log = logger("intake")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail with all that is known of it, and the terms under which it is judged."""

    inbound: Inbound
    reading: Reading
    authentication: Authentication
    directory: Directory
    desktop: Desktop

    @property
    def keys(self) -> Keyring:
        """The MAC keys in use."""
        return self.desktop.keys

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.desktop.settings

    @property
    def rules(self) -> Rules:
        """When people are told."""
        return Rules(self.settings.notify.delay_s, self.settings.notify.hold_s * SECOND)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a mail, and why."""

    fate: str
    reason: str = ""
    match: Match = field(default_factory=Match)
    proof: Proof | None = None
    ticket: Ticket | None = None
    message: Message | None = None
    duplicate_of: int | None = None


def apply(unit: Unit, mail: Arrived) -> Decision:
    """Bring one mail to its fate, and write the fate down in the same unit."""
    step("apply.begun")
    decision = _decide(unit, mail)
    _write_down(unit, mail, decision)
    step("apply.decided")
    log.info(
        "decided",
        inbound=mail.inbound.id,
        fate=decision.fate,
        reason=decision.reason,
        verdict=mail.reading.verdict,
        carrier=decision.match.carrier.kind if decision.match.carrier else None,
        proof=decision.proof.level if decision.proof else None,
        ticket=decision.ticket.number if decision.ticket else None,
    )
    return decision


def _decide(unit: Unit, mail: Arrived) -> Decision:
    reading, released = mail.reading, bool(mail.inbound.released)
    if first := _earlier_copy(unit, mail):
        return Decision(DROPPED, f"same mail as {first}", duplicate_of=first)
    if (settled := _as_report(unit, mail)) and not (settled.fate == HELD and released):
        return settled
    match = thread.find(unit, mail.keys, mail.inbound.detail, reading)
    proof = thread.prove(
        unit,
        match,
        reading,
        mail.authentication,
        agents_need_all=mail.settings.authentication.agents != "token+from",
    )
    if reading.verdict == LOOP and not released:
        return Decision(HELD, "our own mail has come back", match, proof)
    if match.carrier and match.carrier.seat:
        return _at_agents_address(unit, mail, match, proof)
    if match.ticket:
        return _on_ticket(unit, mail, match, proof, match.ticket)
    if reading.verdict == AUTO_REPLY and not released:
        return Decision(HELD, "an automatic reply to nothing we know", match, proof)
    return _opens(unit, mail, match, proof)


def _earlier_copy(unit: Unit, mail: Arrived) -> int | None:
    """Promise 3: these very octets at this desk, not long ago."""
    within = SAME_WITHIN if mail.reading.message_id else SAME_WITHOUT_ID_WITHIN
    since = mail.inbound.received_at - within
    return journal.earlier_copy(unit, mail.inbound, mail.reading.fingerprint, since)


def _as_report(unit: Unit, mail: Arrived) -> Decision | None:
    """What comes to a return path, and what reports on delivery: the state of a letter, nothing else."""
    token = mail.keys.unseal(mail.inbound.detail)
    at_return_path = token is not None and token.purpose == Purpose.PATH
    if not at_return_path and mail.reading.verdict not in (BOUNCE, REPORT):
        return None
    settled = bounces.settle(unit, mail.keys, token if at_return_path else None, mail.reading)
    if settled.failed is not None:
        confirmations.tell_author(unit, mail.desktop, settled.failed)
    return Decision(APPLIED if settled.letter else HELD, settled.reason, ticket=settled.ticket)


def _at_agents_address(unit: Unit, mail: Arrived, match: Match, proof: Proof) -> Decision:
    """Mail to an address that was made for one agent and one ticket."""
    assert match.carrier is not None and match.carrier.seat is not None and match.ticket is not None
    ticket, seat = match.ticket, match.carrier.seat
    owner = agents.by_id(unit, seat.agent_id)
    note = match.carrier.purpose == Purpose.AGENT_NOTE
    writes = proof.agent is not None and proof.agent.id == owner.id
    released = bool(mail.inbound.released)
    if writes and mail.reading.verdict != HUMAN:
        return _for_agents_only(unit, mail, match, proof, ticket, automatic=True)
    if writes and (proof.level == thread.AGENT or released):
        if not agents.works_at(unit, owner, ticket.desk_id):
            return Decision(HELD, "this agent does not work at this desk", match, proof, ticket)
        said = shown.of_agent(mail.keys, mail.reading, mail.inbound, owner, desks.by_id(unit, ticket.desk_id))
        verb = tickets.note if note else tickets.reply
        message = verb(unit, mail.rules, ticket, owner, said)
        return Decision(APPLIED, "", match, proof, ticket, message)
    if writes:
        confirmations.ask_agent(unit, mail.desktop, owner, seat, proof.missing)
        return Decision(HELD, f"agent not proven: {', '.join(proof.missing)} missing", match, proof, ticket)
    if not owner.active and _is_from(mail.reading, owner.email) and not released:
        return Decision(HELD, "this agent is disabled", match, proof, ticket)
    if proof.level == thread.PARTICIPANT and not note:
        return _on_ticket(unit, mail, match, proof, ticket)
    return _for_agents_only(unit, mail, match, proof, ticket, automatic=mail.reading.verdict != HUMAN)


def _on_ticket(unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket) -> Decision:
    """Mail that belongs to a ticket, from one of its participants or from a stranger."""
    reading = mail.reading
    if proof.agent is not None and proof.participant is None and proof.strong and not mail.inbound.released:
        confirmations.ask_agent(
            unit, mail.desktop, proof.agent, agents.seat(unit, ticket.id, proof.agent.id), proof.missing
        )
        return Decision(HELD, f"agent not proven: {', '.join(proof.missing)} missing", match, proof, ticket)
    author = proof.contact
    sealed = match.carrier is not None and match.carrier.sealed
    if (
        author is None
        or proof.participant is None
        or (proof.failed and sealed and proof.level == thread.CLAIMED)
    ):
        return _for_agents_only(unit, mail, match, proof, ticket, automatic=reading.verdict != HUMAN)
    if proof.failed and proof.level == thread.CLAIMED:
        return _opens(unit, mail, Match(None, None, ticket, match.conflict, match.tried), proof)
    if proof.participant.let_in_at is None:
        return _for_agents_only(unit, mail, match, proof, ticket, automatic=reading.verdict != HUMAN)
    said = shown.of_client(unit, mail.keys, reading, mail.inbound, ticket)
    if reading.verdict != HUMAN:
        message = tickets.receive_silently(
            unit, mail.rules, ticket, author, said, proof=proof.recorded, notice=reading.verdict != AUTO_REPLY
        )
        return Decision(APPLIED, "", match, proof, ticket, message)
    if tickets.is_long_closed(unit, ticket):
        return _opens(unit, mail, match, proof, continues=ticket)
    named = _others(unit, mail)
    telling = Telling(knows=frozenset(one.id for one in named))
    message = tickets.receive(unit, mail.rules, ticket, author, said, telling=telling, proof=proof.recorded)
    if proof.strong and proof.level == thread.PARTICIPANT:
        _let_in(unit, ticket, author, named, message.position)
    return Decision(APPLIED, "carriers disagreed" if match.conflict else "", match, proof, ticket, message)


def _for_agents_only(
    unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket, *, automatic: bool
) -> Decision:
    """Promise 5: writing to a ticket does not grant reading it, nor being read by customers."""
    sender = mail.reading.sender or Mailbox("", _claimed_name(mail.reading))
    author = proof.contact
    if author is None and mail.reading.sender is not None and proof.agent is None:
        author = contacts.meet(unit, mail.reading.sender)
    said = shown.of_client(unit, mail.keys, mail.reading, mail.inbound, ticket, automatic=automatic)
    message = tickets.receive_from_stranger(
        unit, mail.rules, ticket, author, sender, said, notice=not automatic
    )
    return Decision(APPLIED, "for agents only", match, proof, ticket, message)


def _opens(
    unit: Unit, mail: Arrived, match: Match, proof: Proof, *, continues: Ticket | None = None
) -> Decision:
    """A new ticket; silent for what no human wrote."""
    reading, desk = mail.reading, mail.directory.desks[mail.inbound.desk_id]
    author = contacts.meet(unit, reading.sender) if reading.sender and reading.sender.email else None
    human = reading.verdict == HUMAN
    linked = (
        (continues, "continues") if continues else (match.maybe, "may belong to") if match.maybe else None
    )
    ticket, message = tickets.open(
        unit,
        mail.rules,
        desk,
        author,
        shown.subject(mail.keys, reading),
        shown.of_opening(mail.keys, reading, mail.inbound),
        telling=Telling(receipt=_receipt(unit, mail, proof, author, desk) if human else ""),
        proof=proof.recorded,
        written_as=reading.sender or Mailbox("", _claimed_name(reading)),
        linked=linked,
    )
    for other in _others(unit, mail):
        participants.name(unit, ticket, other)
    return Decision(APPLIED, "", match, proof, ticket, message)


def _receipt(unit: Unit, mail: Arrived, proof: Proof, author: Contact | None, desk: Desk) -> str:
    """Which receipt the sender may have: the full one for the proven, a fixed one within the budgets, or none."""
    if author is None or proof.failed or mail.inbound.released:
        return ""
    if proof.strong:
        return RECEIPT
    peer = "" if receipts.is_relayed(mail.inbound, mail.settings.smtp.relays) else mail.inbound.peer
    granted = receipts.grant(unit, mail.settings.acknowledge, author.email_key, peer)
    if not granted:
        log.info("no receipt: budget spent", inbound=mail.inbound.id)
    return RECEIPT_UNPROVEN if granted else ""


def _let_in(unit: Unit, ticket: Ticket, author: Contact, named: list[Contact], position: int) -> None:
    """A proven participant's To and Cc: these people may read from this message on."""
    present = unit.number("SELECT count(*) FROM participant WHERE ticket_id = ?", ticket.id)
    for other in named[: max(0, ADDED_MAX - present)]:
        place = participants.of(unit, ticket, other)
        if place is None or place.let_in_at is None:
            participants.let_in(
                unit, ticket, other, reads_from=position, added_by=contacts.display_name(author)
            )


def _others(unit: Unit, mail: Arrived) -> list[Contact]:
    """People in To and Cc who are neither desks nor agents nor the sender."""
    found: dict[int, Contact] = {}
    sender = mail.reading.sender
    for mailbox in (*mail.reading.to, *mail.reading.cc)[: 2 * ADDED_MAX]:
        if not mailbox.email or mail.directory.is_ours(mailbox.email):
            continue
        if agents.with_address(unit, mailbox.email) or (sender and mailbox.email == sender.email):
            continue
        contact = contacts.meet(unit, mailbox)
        found[contact.id] = contact
    return list(found.values())


def _is_from(reading: Reading, email: str) -> bool:
    return reading.sender is not None and reading.sender.email.lower() == email.lower()


def _claimed_name(reading: Reading) -> str:
    """Who it says it is from, where that is not one readable address."""
    return reading.from_[0].name if reading.from_ else ""


def _write_down(unit: Unit, mail: Arrived, decision: Decision) -> None:
    reading, carrier = mail.reading, decision.match.carrier
    sender = reading.from_[0] if reading.from_ else Mailbox("")
    report = reading.report
    journal.conclude(
        unit,
        mail.inbound,
        decision.fate,
        decision.reason,
        message_id=reading.message_id,
        fingerprint=reading.fingerprint,
        from_email=sender.email,
        from_name=sender.name,
        subject=reading.subject,
        verdict=reading.verdict,
        reasons=json.dumps(reading.reasons),
        carrier=carrier.kind if carrier else None,
        proof=decision.proof.level if decision.proof else None,
        bounce=json.dumps(asdict(report)) if report else None,
        notes=json.dumps([*reading.notes, *decision.match.tried, mail.authentication.why]),
        ticket_id=decision.ticket.id if decision.ticket else None,
        message=decision.message.id if decision.message else None,
        duplicate_of=decision.duplicate_of,
    )
