"""A smarthost at its worst, with a running daemon: every letter once, others unharmed, the operator told."""

from __future__ import annotations

import pytest

from tests.faults.ledger import AGENT, House, Ledger, new_house, sender_of, until
from tests.parts.daemon import Daemons
from tests.parts.scripted_smtp import (
    DROP,
    HANG,
    OK,
    Act,
    ScriptedSMTP,
    closing,
    permanent,
    temporary,
)

OPERATOR = "operator@desk.example"


def send(house: House, ledger: Ledger, how_many: int = 1) -> list[str]:
    """So many mails, all taken."""
    marks = ledger.marks(how_many)
    assert all(ledger.send(house.daemon.smtp_port, mark).startswith("250") for mark in marks)
    return marks


def await_state(house: House, state: str, recipient: str, words: str = "") -> None:
    """Until the letter to this recipient is in this state and the relay's last words are in it."""

    def there() -> bool:
        letters = [one for one in house.daemon.outbox() if one["to"] == recipient]
        return any(one["state"] == state and words in one["last_reply"] for one in letters)

    until(there, f"{state} for {recipient}")


@pytest.mark.parametrize(
    ("stage", "act", "words"),
    [
        ("greeting", closing(), "421"),
        ("greeting", permanent("5.3.2 go away", 554), "554"),
        ("mail", permanent("5.7.1 not you", 550), "550"),
        ("mail", temporary(), "451"),
        ("rcpt", temporary("4.2.1 later", 450), "450"),
        ("data", temporary(), "451"),
        ("dot", temporary("4.2.2 full", 452), "452"),
        ("ehlo", DROP, ""),
        ("data", DROP, ""),
    ],
)
def test_what_it_refuses_for_now_waits_and_arrives(
    house: House, ledger: Ledger, sink: ScriptedSMTP, stage: str, act: Act, words: str
) -> None:
    sink.at(stage, act)
    house.daemon.start()
    (mark,) = send(house, ledger)
    await_state(house, "deferred", sender_of(mark), words)
    sink.at(stage, OK)
    house.settle()
    assert house.daemon.stop() == 0
    assert house.audit(ledger).doubles == 0


def test_greylisting_is_waited_for(house: House, ledger: Ledger, sink: ScriptedSMTP) -> None:
    sink.greylist = True
    house.daemon.start()
    send(house, ledger, 5)
    house.settle()
    assert house.daemon.stop() == 0
    assert house.audit(ledger).doubles == 0


def test_connection_lost_after_the_dot_is_tried_once_more(
    house: House, ledger: Ledger, sink: ScriptedSMTP
) -> None:
    sink.at("dot", [DROP, DROP])
    house.daemon.start()
    send(house, ledger)
    house.settle()
    assert [(one["state"], one["attempts"]) for one in house.daemon.outbox()] == [("sent", 2), ("sent", 2)]
    assert house.daemon.stop() == 0
    assert house.audit(ledger).doubles == 0


def test_connection_lost_twice_after_the_dot_is_left_to_a_human(
    house: House, ledger: Ledger, sink: ScriptedSMTP
) -> None:
    sink.at("dot", DROP)
    house.daemon.start()
    send(house, ledger)
    doubted = "SELECT count(*) FROM outbox WHERE state = 'uncertain' AND doubts = 2"
    until(lambda: house.number(doubted) == 2, "two letters in doubt")
    sink.at("dot", OK)
    (second,) = send(house, ledger)
    until(lambda: house.has_told(second), "the letters after them")
    assert house.number(doubted) == 2
    assert sink.verbs().count("DATA") == 6
    for letter in house.daemon.outbox():
        if letter["state"] == "uncertain":
            house.daemon.run("outbox", "retry", str(letter["id"]))
    house.settle()
    assert house.daemon.stop() == 0
    house.audit(ledger)


def test_hanging_at_the_dot_stops_neither_mail_nor_the_end(
    house: House, ledger: Ledger, sink: ScriptedSMTP
) -> None:
    sink.at("dot", HANG)
    house.daemon.start()
    marks = send(house, ledger)
    sink.await_that(lambda: "DATA" in sink.verbs())
    marks += send(house, ledger, 5)
    until(lambda: len(house.daemon.journal("--fate", "applied")) == len(marks), "tickets meanwhile")
    assert house.daemon.stop(30) == 0
    sink.at("dot", OK)
    house.daemon.start()
    house.settle()
    assert house.daemon.stop() == 0
    assert house.audit(ledger).doubles == 0


def test_a_letter_that_hangs_holds_up_no_other(house: House, ledger: Ledger, sink: ScriptedSMTP) -> None:
    """B11: the reply to a final dot may take ten minutes; other letters leave meanwhile, time and again."""
    sink.at("dot", [HANG])
    house.daemon.start()
    send(house, ledger)
    sink.await_that(lambda: "DATA" in sink.verbs())
    for _ in range(3):
        marks = send(house, ledger, 2)
        until(lambda sent=marks: all(house.has_told(mark) for mark in sent), "letters beside one that hangs")  # type: ignore[misc]
    hanging = "SELECT count(*) FROM outbox WHERE state = 'sending'"
    until(lambda: house.number(hanging) == 1, "what became of the others, written down")
    assert house.daemon.stop(30) == 0


@pytest.mark.timeout(150)
def test_refused_recipient_hurts_nobody_else_and_the_operator_hears_of_it(
    new_daemon: Daemons, ledger: Ledger, sink: ScriptedSMTP
) -> None:
    house = new_house(new_daemon, sink, {"operator.address": OPERATOR})
    never, later, *well = ledger.marks(6)
    sink.recipients[sender_of(never)] = permanent("5.1.1 unknown")
    sink.recipients[sender_of(later)] = temporary("4.2.2 full")
    house.daemon.start()
    for mark in (never, later, *well):
        assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    await_state(house, "failed", sender_of(never), "5.1.1")
    until(lambda: all(house.has_told(mark) for mark in well), "the others")
    await_state(house, "deferred", sender_of(later), "4.2.2")
    del sink.recipients[sender_of(later)]
    until(lambda: house.has_told(later), "the patient one")
    until(lambda: any(OPERATOR in caught.recipients for caught in sink.mails), "the summary", 90)
    (summary,) = [caught for caught in sink.mails if OPERATOR in caught.recipients]
    assert b"5.1.1 unknown" in summary.octets.replace(b"=\r\n", b"")
    assert AGENT not in summary.octets.decode()
    assert house.daemon.stop() == 0


def test_wrong_password_stops_the_queue_and_is_not_hammered(new_daemon: Daemons, ledger: Ledger) -> None:
    with ScriptedSMTP(users={"desk": "right"}) as relay:
        house = new_house(new_daemon, relay)
        house.daemon.smarthost(relay.port, username="desk", password="wrong")
        house.daemon.start()
        send(house, ledger)
        until(lambda: b"helpgate_smarthost_stopped 1.0" in house.daemon.get("/metrics")[1], "a stopped queue")
        send(house, ledger, 5)
        house.daemon.run("outbox", "list")
        assert relay.verbs().count("AUTH") == 1
        assert house.daemon.stop() == 0
        assert relay.verbs().count("AUTH") == 1
        house.daemon.smarthost(relay.port, username="desk", password="right")
        house.daemon.start()
        house.settle()
        assert house.daemon.stop() == 0
        assert house.audit(ledger).doubles == 0
