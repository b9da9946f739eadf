"""What is known of one mail, chapter by chapter: what was recorded, and what the rules say today."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway import clock
from gateway.config import Settings
from gateway.desk import desks, events, thread
from gateway.desk.tables import Event, Letter, Message, Notification, Participant, Seat, Ticket
from gateway.flow import judging
from gateway.flow.readers import Crashed, Overrun, Readers
from gateway.mail.authenticate import authenticate
from gateway.mail.reading import (
    AUTO_REPLY,
    AUTOMATIC,
    BOUNCE,
    BULK,
    HUMAN,
    LOOP,
    REPORT,
    Mailbox,
    Reading,
)
from gateway.mail.wire import Request
from gateway.store import blobs
from gateway.store import settings as kept
from gateway.store.journal import Inbound
from gateway.store.unit import Unit
from gateway.transport.dns import Dns

CARRIER_NOTE = " -> ticket "
UNKNOWN_PATH = "x"  # a reverse-path nobody told us
OF_THE_PAST = "from before Helpgate was here: kept where it belongs, and nobody is told"
EFFECTS = {
    HUMAN: "a message that opens its ticket again, or a new ticket; people are told",
    AUTOMATIC: "a message or a silent ticket; agents are told, nobody is answered",
    BULK: "a message or a silent ticket; agents are told, nobody is answered",
    AUTO_REPLY: "folded on its ticket, nobody is told; held where it belongs to none",
    BOUNCE: "the state of the letter it speaks of; held where that is none of ours",
    REPORT: "the state of the letter it speaks of; held where that is none of ours",
    LOOP: "held",
}
"""What a verdict leads to by itself, in one sentence. Design §4."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One part of the reasoning: facts by name, in the order they are told. Values are as JSON has them."""

    name: str
    facts: tuple[tuple[str, Any], ...]


def of_mail(unit: Unit, settings: Settings, inbound: Inbound) -> list[Chapter]:
    """A mail of the journal: what was found and done, and what followed from it."""
    ticket = unit.row(Ticket, "id = ?", inbound.ticket_id) if inbound.ticket_id else None
    message = unit.row(Message, "id = ?", inbound.message) if inbound.message else None
    happened = _events(unit, ticket, message)
    return [
        _envelope(unit, inbound),
        _recorded(inbound),
        _outcome(inbound, ticket, message),
        Chapter("consequences", tuple(_consequences(unit, inbound, happened).items())),
        _judged_today(unit, settings, inbound),
    ]


def of_file(unit: Unit, settings: Settings, octets: bytes) -> list[Chapter]:
    """A mail that is not in the journal: how it would be read, and where it would belong. Stores nothing."""
    reading = _judged(unit, settings, _read(octets, UNKNOWN_PATH))
    detail = _detail_of(unit, reading)
    return [
        _parse(reading),
        _verdict(reading),
        Chapter("thread", _thread(unit, settings, detail, reading, octets)),
    ]


def _read(octets: bytes, reverse_path: str) -> Reading:
    """By a parse worker, as the daemon does. Raises Overrun or Crashed."""
    readers = Readers()
    try:
        return readers.read(Request(octets, "", reverse_path)).result()
    finally:
        readers.stop()


def _judged(unit: Unit, settings: Settings, reading: Reading) -> Reading:
    """As intake would take it here."""
    return judging.judged(desks.directory(unit), kept.keyring(unit), settings.filter, reading)


def _judged_today(unit: Unit, settings: Settings, inbound: Inbound) -> Chapter:
    """What the rules would say now: what a replay would find, and what proof was missing."""
    octets = blobs.load(unit, inbound.octets)
    try:
        reading = _read(octets, inbound.reverse_path)
        reading = reading if inbound.historic else _judged(unit, settings, reading)
    except (Overrun, Crashed) as error:
        problem = "reading it takes too long" if isinstance(error, Overrun) else "the worker dies of it"
        return Chapter("judged_today", (("problem", problem),))
    found = _thread(unit, settings, inbound.detail, reading, octets)
    return Chapter("judged_today", (("verdict", reading.verdict), ("reasons", list(reading.reasons)), *found))


def _envelope(unit: Unit, inbound: Inbound) -> Chapter:
    desk = desks.by_id(unit, inbound.desk_id)
    return Chapter(
        "envelope",
        (
            ("id", str(inbound.id)),
            ("received_at", clock.rfc3339(inbound.received_at)),
            ("channel", inbound.channel),
            ("desk", desk.name),
            ("from", f"<{inbound.reverse_path}>"),
            ("to", json.loads(inbound.recipients)),
            ("detail", _detail(unit, inbound.detail)),
            ("peer", inbound.peer),
            ("helo", inbound.helo),
            ("tls", inbound.tls),
            ("login", inbound.login),
            ("size", inbound.size),
            ("sha256", inbound.octets),
            ("octets_kept", next(blobs.pieces(unit, inbound.octets), None) is not None),
        ),
    )


def _detail(unit: Unit, detail: str) -> str:
    """What stood in the address beside the desk's name, without repeating a token that opens something."""
    if not detail:
        return "the desk's plain address"
    token = kept.keyring(unit).unseal(detail)
    if token is None:
        return f"{detail}: no token that verifies, taken as the plain address"
    return f"a token that verifies: {token.purpose.name.lower().replace('_', ' ')}"


def _recorded(inbound: Inbound) -> Chapter:
    """What reading, matching and proving found at the time."""
    notes = [str(note) for note in json.loads(inbound.notes)]
    carriers = [note for note in notes if CARRIER_NOTE in note]
    decided = bool(inbound.verdict)
    return Chapter(
        "reading",
        (
            ("message_id", inbound.message_id),
            ("author", _person(inbound.from_email, inbound.from_name)),
            ("subject", inbound.subject),
            ("notes", [note for note in notes[:-1] if note not in carriers]),
            ("verdict", inbound.verdict or None),
            ("effect", OF_THE_PAST if inbound.historic else EFFECTS.get(inbound.verdict or "")),
            ("reasons", json.loads(inbound.reasons)),
            ("report", json.loads(inbound.bounce) if inbound.bounce else None),
            ("fingerprint", inbound.fingerprint),
            ("carriers_tried", carriers),
            ("carrier", inbound.carrier),
            ("proof", inbound.proof),
            ("authentication", notes[-1] if decided and notes else None),
        ),
    )


def _outcome(inbound: Inbound, ticket: Ticket | None, message: Message | None) -> Chapter:
    return Chapter(
        "outcome",
        (
            ("fate", inbound.fate),
            ("reason", inbound.fate_reason),
            ("attempts", inbound.attempts),
            ("released", bool(inbound.released)),
            ("seconds", (inbound.final_at - inbound.received_at) / 1000 if inbound.final_at else None),
            ("duplicate_of", str(inbound.duplicate_of) if inbound.duplicate_of else None),
            ("ticket", ticket.number if ticket else None),
            ("status", ticket.status if ticket else None),
            ("message", message.position if message else None),
            ("kind", message.kind if message else None),
            ("audience", message.audience if message else None),
            ("remark", message.remark if message else None),
            ("what_to_do", _advice(inbound)),
        ),
    )


def _advice(inbound: Inbound) -> str | None:
    if inbound.fate != "held":
        return None
    return (
        f"helpgate release {inbound.id} lets it in, helpgate replay {inbound.id} runs it by the rules again"
    )


def _events(unit: Unit, ticket: Ticket | None, message: Message | None) -> list[Event]:
    if ticket is None or message is None:
        return []
    return [event for event in events.of_ticket(unit, ticket) if event.position == message.position]


def _consequences(unit: Unit, inbound: Inbound, happened: Sequence[Event]) -> dict[str, Any]:
    """Events, promises and letters that this mail led to."""
    marks = ", ".join("?" * len(happened)) or "NULL"
    promises = unit.rows(
        Notification, f"event_id IN ({marks}) ORDER BY id", *[event.id for event in happened]
    )
    told = sorted({one.letter_id for one in promises if one.letter_id})
    marks = ", ".join("?" * len(told)) or "NULL"
    letters = unit.rows(Letter, f"cause = ? OR id IN ({marks}) ORDER BY id", inbound.id, *told)
    return {
        "events": [_event(event) for event in happened],
        "notifications": [_promise(unit, one) for one in promises],
        "letters": [_letter(one) for one in letters],
    }


def _event(event: Event) -> dict[str, Any]:
    return {"event": event.kind, "at": clock.rfc3339(event.at), "detail": event.detail}


def _promise(unit: Unit, one: Notification) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "to": _whom(unit, one),
        "state": one.state,
        "reason": one.reason,
        "due_at": clock.rfc3339(one.due_at),
        "letter": str(one.letter_id) if one.letter_id else None,
    }


def _whom(unit: Unit, one: Notification) -> str:
    if one.seat_id:
        seat = unit.row(Seat, "id = ?", one.seat_id)
        return _text(unit, "SELECT email FROM agent WHERE id = ?", seat.agent_id if seat else 0)
    participant = unit.row(Participant, "id = ?", one.participant_id)
    return _text(unit, "SELECT email FROM contact WHERE id = ?", participant.contact_id if participant else 0)


def _text(unit: Unit, sql: str, id: int) -> str:
    found = unit.run(sql, id).fetchone()
    return str(found[0]) if found else ""


def _letter(letter: Letter) -> dict[str, Any]:
    return {
        "id": str(letter.id),
        "kind": letter.kind,
        "to": letter.recipient,
        "state": letter.state,
        "attempts": letter.attempts,
        "last_reply": letter.last_reply,
    }


def _parse(reading: Reading) -> Chapter:
    return Chapter(
        "parse",
        (
            ("message_id", reading.message_id),
            ("from", [_person(one.email, one.name) for one in reading.from_]),
            ("one_sender", reading.sender is not None),
            ("to", _people(reading.to)),
            ("cc", _people(reading.cc)),
            ("reply_to", _people(reading.reply_to)),
            ("subject", reading.subject),
            ("date", clock.rfc3339(reading.date) if reading.date is not None else None),
            ("in_reply_to", list(reading.in_reply_to)),
            ("references", list(reading.references)),
            ("text_lines", len(reading.text.splitlines())),
            ("folded_lines", sum(end - start for start, end in reading.folded)),
            ("html", reading.html is not None),
            (
                "files",
                [f"{one.filename} ({one.content_type}, {one.size} octets)" for one in reading.enclosures],
            ),
            ("notes", list(reading.notes)),
            ("fingerprint", reading.fingerprint),
        ),
    )


def _verdict(reading: Reading) -> Chapter:
    report = reading.report
    told = (
        {
            "kind": report.kind,
            "final": report.final,
            "recipients": list(report.recipients),
            "reply": report.reply,
        }
        if report
        else None
    )
    return Chapter(
        "verdict",
        (
            ("verdict", reading.verdict),
            ("effect", EFFECTS[reading.verdict]),
            ("reasons", list(reading.reasons)),
            ("report", told),
        ),
    )


def _thread(
    unit: Unit, settings: Settings, detail: str, reading: Reading, octets: bytes
) -> tuple[tuple[str, Any], ...]:
    """Where it would belong if it came now, and how sure we would be who wrote it."""
    match = thread.find(unit, kept.keyring(unit), detail, reading)
    terms = settings.authentication
    known = authenticate(
        reading, octets, authserv_id=terms.authserv_id, lookup=Dns().txt, verify=terms.verify
    )
    proof = thread.prove(unit, match, reading, known, agents_need_all=terms.agents != "token+from")
    return (
        ("carriers_tried", list(match.tried)),
        ("carrier", match.carrier.kind if match.carrier else None),
        ("ticket", match.ticket.number if match.ticket else None),
        ("may_belong_to", match.maybe.number if match.maybe else None),
        ("carriers_disagree", match.conflict),
        ("proof", proof.level),
        ("missing", list(proof.missing)),
        ("authentication", f"{known.result}: {known.why}"),
    )


def _detail_of(unit: Unit, reading: Reading) -> str:
    """A file has no envelope: the first desk address in To or Cc stands for it."""
    directory = desks.directory(unit)
    found = (directory.find(one.email) for one in (*reading.to, *reading.cc) if one.email)
    return next((one.detail for one in found if one is not None), "")


def _people(mailboxes: Sequence[Mailbox]) -> list[str]:
    return [_person(one.email, one.name) for one in mailboxes]


def _person(email: str, name: str) -> str:
    return f"{name} <{email}>" if name else email
