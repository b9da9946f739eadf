"""From a mail that is older than Helpgate here to its fate: kept and threaded, and nobody hears of it.

The operator vouches for an archive as a whole, and for no sender in it. So its mails belong together by
their Message-IDs, whoever wrote them; but nobody is let in by what they say, and of those who are not let
in only agents see anything. What the desk or an agent wrote to somebody outside is the answer it was.

| a mail                                | on a ticket             | without a ticket           |
|---------------------------------------|-------------------------|----------------------------|
| from the desk or an agent, to outside | answer, see `_answers`  | opens, for the first of To |
| from an agent, to us alone            | note                    | opens, like anybody's      |
| from the desk, to us alone            | held                    | held                       |
| from a participant let in             | message                 | opens                      |
| from anybody else                     | message for agents only | opens                      |
| auto-reply                            | folded                  | held                       |
| delivery report, loop, letter of ours | held                    | held                       |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.clock import DAY
from gateway.desk import agents, contacts, desks, messages, notifications, participants, past, thread, tickets
from gateway.desk.messages import Words
from gateway.desk.tables import (
    AGENT,
    AGENTS_ONLY,
    CLIENT,
    EVERYONE,
    INTERNAL,
    Agent,
    Contact,
    Message,
    Ticket,
)
from gateway.desk.thread import REFERENCE, REFERENCES_READ, Carrier, Match
from gateway.flow import copies, named, shown
from gateway.flow.decision import Arrived, Decision
from gateway.flow.imports.places import EARLIEST
from gateway.mail.authenticate import FAIL
from gateway.mail.reading import AUTO_REPLY, BOUNCE, LOOP, REPORT, Mailbox
from gateway.store import journal
from gateway.store.journal import APPLIED, DROPPED, HELD
from gateway.store.unit import Unit

EVER = 100_000 * DAY
CONFLICT = "the mail names several tickets; what it answers decided"


@dataclass(frozen=True, slots=True)
class Side:
    """Who wrote a mail of an archive, and to whom besides us. `desk`: it came from one of our own addresses."""

    desk: bool
    agent: Agent | None
    outside: list[Contact]

    @property
    def is_answer(self) -> bool:
        return bool(self.outside) and (self.desk or self.agent is not None)


def decide(unit: Unit, mail: Arrived) -> Decision:
    """What becomes of a mail from before. Nothing here promises anybody a letter."""
    released = bool(mail.inbound.released)
    if (why := _is_no_correspondence(mail)) and not released:
        return Decision(HELD, why)
    match = _find(unit, mail)
    if match.ticket and (first := _copy_on(unit, mail, match.ticket)):
        return Decision(DROPPED, f"same mail as {first}", match, duplicate_of=first)
    side = _side(unit, mail)
    if side.desk and not side.outside and not released:
        return Decision(HELD, "from this desk to nobody outside: our own mail has come back", match)
    if side.desk and mail.authentication.result == FAIL and not released:
        return Decision(HELD, "it claims to be from this desk, and authentication says no", match)
    if found := copies.earlier(unit, mail.keys, mail.reading, mail.inbound.desk_id, match.ticket):
        return _another_copy(unit, mail, match, found[0])
    if match.ticket is None and mail.reading.verdict == AUTO_REPLY and not released:
        return Decision(HELD, "an automatic reply to nothing we know", match)
    return (
        _on_ticket(unit, mail, side, match, match.ticket) if match.ticket else _opens(unit, mail, side, match)
    )


def moment(mail: Arrived, now: int) -> int:
    """When it was written: its Date, else when it was delivered, else now; never in the future. RFC 5322 §3.6.1."""
    said = (mail.reading.date, mail.inbound.delivered_at)
    return next((one for one in said if one is not None and EARLIEST <= one <= now), now)


def _is_no_correspondence(mail: Arrived) -> str:
    if mail.reading.verdict in (BOUNCE, REPORT):
        return "a delivery report from before: it speaks of no letter of ours"
    if mail.reading.verdict == LOOP:
        return "it has gone in circles"
    if mail.keys.unseal(mail.reading.message_id.strip("<>").partition("@")[0]):
        return "a letter that Helpgate itself has sent"
    return ""


def _find(unit: Unit, mail: Arrived) -> Match:
    """By our own sealed signs first, as all mail; then by Message-IDs at this desk, of questions and of answers."""
    sealed = thread.find(unit, mail.keys, mail.inbound.detail, mail.reading)
    if sealed.carrier and sealed.carrier.sealed:
        return sealed
    found = _by_references(unit, mail)
    if not found:
        return Match()
    carrier = Carrier(REFERENCE, found[0].id, False)
    tried = tuple(f"{REFERENCE} -> ticket {one.id}" for one in found)
    return Match(carrier, found[0], None, len({one.id for one in found}) > 1, tried)


def _by_references(unit: Unit, mail: Arrived) -> list[Ticket]:
    """The tickets of what this mail answers, then of what answers it and was here before it."""
    reading, found = mail.reading, []
    named_ids = [*reading.in_reply_to[:1], *reversed(reading.references[-REFERENCES_READ:])]
    for one in dict.fromkeys(named_ids):
        found += _at_desk(unit, one, mail.inbound.desk_id)
    if not found and reading.message_id:
        answered = _at_desk(unit, reading.message_id, mail.inbound.desk_id)
        found = [one for one in answered if not _says(unit, one, reading.message_id)]
    return found


def _at_desk(unit: Unit, message_id: str, desk_id: int) -> list[Ticket]:
    ids = messages.named_by(unit, message_id, oldest=True)
    return [one for id in ids if (one := tickets.by_id(unit, id)).desk_id == desk_id]


def _says(unit: Unit, ticket: Ticket, message_id: str) -> bool:
    """Whether a message here has this very id: then the mail is not what the ticket answers, it shares a bad id."""
    return unit.row(Message, "ticket_id = ? AND message_id = ?", ticket.id, message_id) is not None


def _copy_on(unit: Unit, mail: Arrived, ticket: Ticket) -> int | None:
    elsewhere = journal.copies_elsewhere(unit, mail.inbound, mail.reading.fingerprint, EVER)
    return next((one.id for one in elsewhere if one.ticket_id == ticket.id), None)


def _side(unit: Unit, mail: Arrived) -> Side:
    sender = mail.reading.sender
    if sender is None or not sender.email:
        return Side(False, None, named.others(unit, mail.directory, mail.reading))
    agent = agents.with_address(unit, sender.email)
    if mail.authentication.result == FAIL:
        agent = None
    return Side(mail.directory.is_ours(sender.email), agent, named.others(unit, mail.directory, mail.reading))


def _another_copy(unit: Unit, mail: Arrived, match: Match, ticket: Ticket) -> Decision:
    words = shown.of_client(unit, mail.keys, mail, ticket, automatic=True)
    words = replace(words, remark=copies.REMARK)
    message = _say(unit, mail, ticket, words, audience=AGENTS_ONLY)
    return Decision(APPLIED, copies.REMARK, match, None, ticket, message)


def _opens(unit: Unit, mail: Arrived, side: Side, match: Match) -> Decision:
    requester = side.outside[0] if side.is_answer else _met(unit, mail)
    ticket = past.open(
        unit,
        moment(mail, unit.now),
        mail.directory.desks[mail.inbound.desk_id],
        requester,
        shown.subject(mail.keys, mail.reading),
        _linked(unit, mail),
    )
    for other in side.outside:
        participants.name(unit, ticket, other)
    if side.is_answer:
        return _answers(unit, mail, side, match, ticket)
    words = shown.of_opening(mail.keys, mail)
    message = _say(unit, mail, ticket, words, contact=requester)
    return Decision(APPLIED, "", match, None, ticket, message)


def _linked(unit: Unit, mail: Arrived) -> tuple[Ticket, str] | None:
    elsewhere = journal.copies_elsewhere(unit, mail.inbound, mail.reading.fingerprint, EVER)
    ids = [one.ticket_id for one in elsewhere if one.ticket_id is not None]
    return (tickets.by_id(unit, ids[0]), "same mail") if ids else None


def _on_ticket(unit: Unit, mail: Arrived, side: Side, match: Match, ticket: Ticket) -> Decision:
    if side.is_answer:
        return _answers(unit, mail, side, match, ticket)
    words = replace(shown.of_client(unit, mail.keys, mail, ticket), remark=CONFLICT if match.conflict else "")
    if side.agent is not None:
        message = _say(unit, mail, ticket, words, kind=INTERNAL, audience=AGENTS_ONLY, agent=side.agent)
        return Decision(APPLIED, "an agent's note", match, None, ticket, message)
    author = _met(unit, mail)
    place = participants.of(unit, ticket, author)
    let_in = place is not None and place.let_in_at is not None and mail.authentication.result != FAIL
    audience = EVERYONE if let_in else AGENTS_ONLY
    message = _say(unit, mail, ticket, words, audience=audience, contact=author)
    return Decision(APPLIED, "" if let_in else "for agents only", match, None, ticket, message)


def _answers(unit: Unit, mail: Arrived, side: Side, match: Match, ticket: Ticket) -> Decision:
    """What support wrote; for the others to read where one of them got it. Promise 6 holds as for answers of today.

    Not on a ticket that lives: who opens its page believes what stands there, and here nobody proves anything.
    """
    desk = desks.by_id(unit, ticket.desk_id)
    words: Words | None
    if side.agent is None:
        words = shown.of_client(unit, mail.keys, mail, ticket)
    else:
        words = shown.of_agent(unit, mail.keys, mail, ticket, side.agent, desk)
    readers = {one.contact_id for one in notifications.let_in(unit, ticket)}
    public = (
        words is not None and past.is_resting(unit, ticket) and any(one.id in readers for one in side.outside)
    )
    message = _say(
        unit,
        mail,
        ticket,
        words or shown.of_client(unit, mail.keys, mail, ticket),
        kind=AGENT,
        audience=EVERYONE if public else AGENTS_ONLY,
        agent=side.agent,
    )
    return Decision(APPLIED, "" if public else "for agents only", match, None, ticket, message)


def _say(
    unit: Unit,
    mail: Arrived,
    ticket: Ticket,
    words: Words,
    *,
    kind: str = CLIENT,
    audience: str = EVERYONE,
    contact: Contact | None = None,
    agent: Agent | None = None,
) -> Message:
    by = mail.reading.sender or Mailbox("", named.claimed_name(mail.reading))
    return past.say(
        unit,
        moment(mail, unit.now),
        ticket,
        words,
        Mailbox(agent.email, agent.name) if agent else by,
        kind=kind,
        audience=audience,
        contact=contact,
        agent=agent,
        leave_open=bool(mail.inbound.leave_open),
    )


def _met(unit: Unit, mail: Arrived) -> Contact | None:
    """The contact who wrote; None where nobody knows who, or where it was one of our own addresses."""
    sender = mail.reading.sender
    if sender is None or not sender.email or mail.directory.is_ours(sender.email):
        return None
    return contacts.meet(unit, sender)
