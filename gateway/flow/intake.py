"""From an inbound mail to its fate: one page, read downwards. Design §4 and §6.

A mail has been accepted (`flow.reception`) and read in a worker (`flow.readers`). Here it becomes
verbs on the desk, inside the caller's unit, and ends applied, dropped or held. Nothing else does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from gateway.clock import DAY, HOUR
from gateway.desk import agents, contacts, desks, participants, receipts, thread, tickets
from gateway.desk.messages import Words
from gateway.desk.notifications import RECEIPT, RECEIPT_UNPROVEN, WITHHELD
from gateway.desk.tables import EVERYONE, Agent, Contact, Desk, Ticket
from gateway.desk.thread import Match, Proof
from gateway.desk.tickets import Telling
from gateway.flow import bounces, confirmations, copies, historic, judging, named, shown, summary
from gateway.flow.decision import Arrived, Decision
from gateway.log import logger, step
from gateway.mail.address import address_key
from gateway.mail.authenticate import NONE, Authentication
from gateway.mail.quote import mark_in
from gateway.mail.reading import AUTO_REPLY, BOUNCE, HUMAN, LOOP, REPORT, Mailbox, Reading
from gateway.mail.token import Purpose
from gateway.store import journal
from gateway.store.journal import APPLIED, DROPPED, HELD
from gateway.store.unit import Unit

SAME_WITHIN = 5 * DAY
SAME_WITHOUT_ID_WITHIN = HOUR
CONFLICT = "the mail names several tickets; the address it was sent to decided, else the newest of them"
CLAIMS_AGENT = "the mail says it is from an agent, and nothing proves that"

log = logger("intake")


def apply(unit: Unit, mail: Arrived) -> Decision:
    """Bring one mail to its fate, and write the fate down in the same unit."""
    step("apply.begun")
    desk = mail.directory.desks[mail.inbound.desk_id]
    if (customer := named.by_form(desk, mail.reading)) is not None:
        unproven = Authentication(NONE, "a contact form says who wrote")
        mail = replace(mail, reading=replace(mail.reading, from_=(customer,)), authentication=unproven)
    if not mail.inbound.historic:
        judged = judging.judged(mail.directory, mail.keys, mail.settings.filter, mail.reading)
        mail = mail if judged is mail.reading else replace(mail, reading=judged)
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
    if mail.inbound.historic:
        return historic.decide(unit, mail)
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
    if match.ticket and (first := _copy_on(unit, mail, match.ticket)):
        return Decision(DROPPED, f"same mail as {first}", match, proof, duplicate_of=first)
    if reading.verdict == LOOP and not released:
        return Decision(HELD, "our own mail has come back", match, proof)
    if (known := _earlier_message(unit, mail, match, proof)) and not released:
        return _another_copy(unit, mail, match, proof, known)
    if reading.filter_marks and mail.settings.filter.effect == "hold" and not released:
        return Decision(HELD, judging.warning(reading), match, proof)
    if match.carrier and match.carrier.seat:
        return _at_agents_address(unit, mail, match, proof)
    if match.ticket:
        return _on_ticket(unit, mail, match, proof, match.ticket)
    if reading.verdict == AUTO_REPLY and not released:
        return Decision(HELD, "an automatic reply to nothing we know", match, proof)
    return _opens(unit, mail, match, proof)


def _earlier_copy(unit: Unit, mail: Arrived) -> int | None:
    """Promise 3: these very octets at this desk, not long ago."""
    return journal.copy_at_desk(unit, mail.inbound, mail.reading.fingerprint, _same_within(mail))


def _copy_on(unit: Unit, mail: Arrived, ticket: Ticket) -> int | None:
    """This very mail came to several desks, and the ticket it belongs to has it already."""
    copies = journal.copies_elsewhere(unit, mail.inbound, mail.reading.fingerprint, _same_within(mail))
    return next((one.id for one in copies if one.ticket_id == ticket.id), None)


def _earlier_message(unit: Unit, mail: Arrived, match: Match, proof: Proof) -> Ticket | None:
    """The ticket that has this mail as a list or a forwarder changed it, for as many to read as might read this one."""
    known = copies.earlier(unit, mail.keys, mail.reading, mail.inbound.desk_id, match.ticket)
    if known is None or (known[1].audience != EVERYONE and proof.strong):
        return None
    return known[0]


def _same_within(mail: Arrived) -> int:
    if mail.inbound.historic and (mail.reading.message_id or mail.reading.date is not None):
        return historic.EVER
    return SAME_WITHIN if mail.reading.message_id else SAME_WITHOUT_ID_WITHIN


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
    if writes and mail.reading.verdict == AUTO_REPLY:
        return _for_agents_only(unit, mail, match, proof, ticket, automatic=True)
    if writes and mail.reading.verdict != HUMAN and not released:
        return Decision(HELD, "an agent's program wrote this, or it looks like it", match, proof, ticket)
    if writes and (proof.level == thread.AGENT or released):
        return _from_agent(unit, mail, match, proof, ticket, owner)
    if not released and (writes or _is_strong_agent(mail, proof)):
        return _ask_agent(unit, mail, match, proof, ticket)
    if not owner.active and _is_from(mail.reading, owner.email) and not released:
        return Decision(HELD, "this agent is disabled", match, proof, ticket)
    if proof.level == thread.PARTICIPANT and not note:
        return _on_ticket(unit, mail, match, proof, ticket)
    return _for_agents_only(unit, mail, match, proof, ticket)


def _from_agent(
    unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket, agent: Agent
) -> Decision:
    """A note, or an answer to the customer; one that says nothing of its own waits, and the agent hears why."""
    if not agents.works_at(unit, agent, ticket.desk_id):
        return Decision(HELD, "this agent does not work at this desk", match, proof, ticket)
    desk = desks.by_id(unit, ticket.desk_id)
    if match.carrier is not None and match.carrier.purpose == Purpose.AGENT_NOTE:
        note = tickets.note(unit, mail.rules, ticket, agent, shown.of_note(mail.keys, mail, agent, desk))
        return Decision(APPLIED, "", match, proof, ticket, note)
    said = shown.of_agent(unit, mail.keys, mail, ticket, agent, desk)
    if said is None:
        above = f"an answer above the line “{mark_in(desk.locale)}”"
        return _ask_agent(unit, mail, match, replace(proof, missing=(above,)), ticket)
    answer = tickets.reply(unit, mail.rules, ticket, agent, said)
    return Decision(APPLIED, "", match, proof, ticket, answer)


def _on_ticket(unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket) -> Decision:
    """Mail that belongs to a ticket, from one of its participants or from a stranger."""
    reading = mail.reading
    if _is_strong_agent(mail, proof) and not mail.inbound.released:
        return _ask_agent(unit, mail, match, proof, ticket)
    author = proof.contact
    sealed = match.carrier is not None and match.carrier.sealed
    if (
        author is None
        or proof.participant is None
        or (proof.failed and sealed and proof.level == thread.CLAIMED)
    ):
        return _for_agents_only(unit, mail, match, proof, ticket)
    if proof.level == thread.CLAIMED and (proof.failed or _is_guessable(match)):
        return _opens(unit, mail, Match(None, None, ticket, match.conflict, match.tried), proof)
    if proof.participant.let_in_at is None:
        return _for_agents_only(unit, mail, match, proof, ticket)
    said = _said(unit, mail, match, proof, ticket)
    if reading.verdict != HUMAN:
        message = tickets.receive_silently(
            unit, mail.rules, ticket, author, said, proof=proof.recorded, notice=reading.verdict != AUTO_REPLY
        )
        return Decision(APPLIED, "", match, proof, ticket, message)
    if tickets.is_long_closed(unit, ticket):
        return _opens(unit, mail, match, proof, continues=ticket)
    others = named.others(unit, mail.directory, reading)
    telling = Telling(knows=frozenset(one.id for one in others))
    message = tickets.receive(unit, mail.rules, ticket, author, said, telling=telling, proof=proof.recorded)
    if proof.strong and proof.level == thread.PARTICIPANT:
        named.let_in(unit, ticket, author, others, message.position)
    return Decision(APPLIED, "carriers disagreed" if match.conflict else "", match, proof, ticket, message)


def _for_agents_only(
    unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket, *, automatic: bool = False
) -> Decision:
    """Promise 5: writing to a ticket does not grant reading it, nor being read by customers."""
    sender = mail.reading.sender or Mailbox("", named.claimed_name(mail.reading))
    author = proof.contact
    if author is None and proof.agent is None:
        author = _met(unit, mail)
    said = _said(unit, mail, match, proof, ticket, automatic=automatic)
    message = tickets.receive_from_stranger(
        unit,
        mail.rules,
        ticket,
        author,
        sender,
        said,
        notice=not said.automatic,
        human=mail.reading.verdict == HUMAN,
    )
    return Decision(APPLIED, "for agents only", match, proof, ticket, message)


def _another_copy(unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket) -> Decision:
    """Folded, for agents only; everybody has been told of the first one."""
    said = replace(_said(unit, mail, match, proof, ticket, automatic=True), remark=copies.REMARK)
    sender = mail.reading.sender or Mailbox("")
    author = proof.contact
    message = tickets.receive_from_stranger(
        unit, mail.rules, ticket, author, sender, said, notice=False, human=True
    )
    return Decision(APPLIED, copies.REMARK, match, proof, ticket, message)


def _ask_agent(unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket) -> Decision:
    """Promise 7: two of three are no public answer; the mail waits, and the agent hears why."""
    assert proof.agent is not None
    seat = agents.seat(unit, ticket, proof.agent.id)
    confirmations.ask_agent(unit, mail.desktop, proof.agent, seat, proof.missing)
    why = "agent not proven" if proof.level != thread.AGENT else "nothing for the customer"
    return Decision(HELD, f"{why}: {', '.join(proof.missing)} missing", match, proof, ticket)


def _said(
    unit: Unit, mail: Arrived, match: Match, proof: Proof, ticket: Ticket, *, automatic: bool = False
) -> Words:
    """What the mail says, and what agents should know about it."""
    said = shown.of_client(unit, mail.keys, mail, ticket, automatic=automatic)
    remarks = [CONFLICT] if match.conflict else []
    if proof.agent is not None and proof.level != thread.AGENT:
        remarks.append(CLAIMS_AGENT)
    if warning := judging.warning(mail.reading):
        remarks.append(warning)
    return replace(said, remark="; ".join(remarks))


def _opens(
    unit: Unit, mail: Arrived, match: Match, proof: Proof, *, continues: Ticket | None = None
) -> Decision:
    """A new ticket; silent for what no human wrote."""
    reading, desk = mail.reading, mail.directory.desks[mail.inbound.desk_id]
    author = _met(unit, mail)
    human = reading.verdict == HUMAN
    ticket, message = tickets.open(
        unit,
        mail.rules,
        desk,
        author,
        shown.subject(mail.keys, reading),
        replace(shown.of_opening(mail.keys, mail), remark=judging.warning(reading)),
        telling=Telling(receipt=_receipt(unit, mail, proof, author, desk) if human else ""),
        proof=proof.recorded,
        written_as=reading.sender or Mailbox("", named.claimed_name(reading)),
        linked=(continues, "continues") if continues else _linked(unit, mail, match),
    )
    for other in named.others(unit, mail.directory, reading):
        participants.name(unit, ticket, other)
    return Decision(APPLIED, "", match, proof, ticket, message)


def _linked(unit: Unit, mail: Arrived, match: Match) -> tuple[Ticket, str] | None:
    """A ticket that this one has to do with, and how."""
    if match.maybe:
        return match.maybe, "may belong to"
    copies = journal.copies_elsewhere(unit, mail.inbound, mail.reading.fingerprint, _same_within(mail))
    ids = [one.ticket_id for one in copies if one.ticket_id is not None]
    return (tickets.by_id(unit, ids[0]), "same mail") if ids else None


def _receipt(unit: Unit, mail: Arrived, proof: Proof, author: Contact | None, desk: Desk) -> str:
    """Which receipt the sender may have: the full one for the proven, a fixed one within the budgets, or none."""
    if author is None or proof.failed or mail.inbound.released or mail.reading.filter_marks:
        return ""
    budgets = mail.settings.acknowledge
    if proof.strong:
        granted, whom = receipts.is_total_left(unit, budgets), "people who have proven who they are"
    else:
        peer = "" if receipts.is_relayed(mail.inbound, mail.settings.smtp.relays) else mail.inbound.peer
        granted, whom = (
            receipts.grant(unit, budgets, author.email_key, peer),
            "people who have proven nothing",
        )
    if not granted:
        log.info("no receipt: budget spent", inbound=mail.inbound.id)
        summary.note_spent(unit, f"receipts to {whom}: see [acknowledge]")
        return WITHHELD
    return RECEIPT if proof.strong else RECEIPT_UNPROVEN


def _met(unit: Unit, mail: Arrived) -> Contact | None:
    """The contact who wrote; None where nobody knows who, or where it was one of our own addresses."""
    sender = mail.reading.sender
    if sender is None or not sender.email or mail.directory.is_ours(sender.email):
        return None
    return contacts.meet(unit, sender)


def _is_from(reading: Reading, email: str) -> bool:
    return reading.sender is not None and address_key(reading.sender.email) == address_key(email)


def _is_strong_agent(mail: Arrived, proof: Proof) -> bool:
    """An agent's own address with an aligned result, and no robot: nobody asks those anything, promise 4."""
    own = proof.agent is not None and proof.participant is None
    return own and proof.strong and proof.level != thread.AGENT and mail.reading.verdict == HUMAN


def _is_guessable(match: Match) -> bool:
    """A ticket number in the subject: anybody can count. T03."""
    return match.carrier is not None and match.carrier.kind == thread.SUBJECT


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
        reasons=_json(reading.reasons),
        carrier=carrier.kind if carrier else None,
        proof=decision.proof.level if decision.proof else None,
        bounce=json.dumps(asdict(report)) if report else None,
        notes=_json([*reading.notes, *decision.match.tried, mail.authentication.why]),
        ticket_id=decision.ticket.id if decision.ticket else None,
        message=decision.message.id if decision.message else None,
        duplicate_of=decision.duplicate_of,
    )


def _json(sentences: Sequence[str]) -> str:
    return json.dumps(sentences) if sentences else "[]"
