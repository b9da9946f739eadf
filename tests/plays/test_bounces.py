"""Delivery reports and what follows: the letter they belong to, and addresses that get no more of them. T19."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.clock import DAY, HOUR
from gateway.desk import outbox, suppression
from gateway.desk.tables import Letter
from gateway.flow import summary
from gateway.flow.bounces import blame_refused
from gateway.store.database import Store
from tests.fakes import FakeClock
from tests.mailbox import Got
from tests.people import CAROL, DAVE
from tests.world import World, played

GONE = "smtp; 550 5.1.1 no such customer"
OPERATOR = "root@desk.example.net"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol asked, Alice answered."""
    with played(store, clock, operator={"address": OPERATOR}) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.replies(world.alice.newest("notice"), "Pull the plug.")
        world.after()
        yield world


def bounces(
    world: World,
    letter: Got,
    diagnostic: str = GONE,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    recipient: str = CAROL.address,
) -> str:
    """A report comes to the return path of a letter; returns the fate."""
    raw = (
        "From: MAILER-DAEMON@relay.example\r\nTo: x@desk.example\r\nSubject: Undelivered\r\n"
        f"Message-ID: <report-{letter.row.id}-{action}@relay.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: {diagnostic}\r\n\r\n--b--\r\n"
    )
    return world.receives(raw.encode(), letter.reverse_path, reverse_path="").fate


def answers(world: World, text: str) -> Got:
    """One more answer of Alice that leaves for Carol."""
    world.alice.replies(world.alice.newest("notice"), text)
    world.after()
    return world.carol.newest("reply")


def bounces_thrice(world: World, hours: float = 13, **how: str) -> None:
    """Three answers come back, so many hours apart."""
    assert bounces(world, world.carol.newest("reply"), **how) == "applied"
    for text in ("Again.", "And again."):
        world.clock.forward(hours * HOUR / 1000)
        assert bounces(world, answers(world, text), **how) == "applied"


def suppressed(world: World) -> list[str]:
    with world.store.reading() as unit:
        return [one.address for one in suppression.everyone(unit)]


def newest_reply(world: World) -> Letter:
    return [one for one in world.letters() if one.kind == "reply" and one.recipient == CAROL.address][-1]


def test_three_letters_that_come_back_over_a_day_suppress_the_address(world: World) -> None:
    bounces_thrice(world)
    assert suppressed(world) == [CAROL.address]
    before = len(world.carol.mailbox())
    world.alice.replies(world.alice.newest("notice"), "Are you there?")
    world.after()
    assert len(world.carol.mailbox()) == before
    dropped = newest_reply(world)
    assert dropped.state == outbox.DROPPED
    assert "3 letters" in dropped.last_reply and "no such customer" in dropped.last_reply


def test_the_author_hears_of_it_once_on_a_ticket(world: World) -> None:
    bounces_thrice(world)
    world.after()
    told = len(world.alice.mailbox("confirmation"))
    for text in ("Are you there?", "Hello?"):
        world.alice.replies(world.alice.newest("notice"), text)
        world.after()
    fresh = world.alice.mailbox("confirmation")[told:]
    assert len(fresh) == 1
    assert CAROL.address in fresh[0].text and "not sent" in fresh[0].text


def test_the_operator_hears_of_it_once(world: World) -> None:
    bounces_thrice(world)
    for _ in range(2):
        world.clock.forward(2 * HOUR / 1000)
        with world.store.unit() as unit:
            summary.write_when_due(unit, world.desktop, "")
    world.after(0)
    texts = [one.text for one in world.mailbox(OPERATOR)]
    assert sum("get no more letters" in text for text in texts) == 1
    assert "helpgate outbox suppressed" in texts[0] and CAROL.address in texts[0]


def test_letters_that_wait_for_it_are_dropped_too(world: World) -> None:
    bounces(world, world.carol.newest("reply"))
    world.clock.forward(13 * HOUR / 1000)
    bounces(world, answers(world, "Again."))
    world.clock.forward(13 * HOUR / 1000)
    last = answers(world, "And again.")
    world.courier.misbehave(CAROL.address, "retry")
    world.alice.replies(world.alice.newest("notice"), "This one waits.")
    world.after()
    assert newest_reply(world).state == outbox.DEFERRED
    bounces(world, last)
    assert newest_reply(world).state == outbox.DROPPED


@pytest.mark.parametrize(
    "how",
    [
        {"hours": 1},
        {"status": "5.7.1", "diagnostic": "smtp; 550 5.7.1 your mail looks like spam"},
        {"status": "5.3.4", "diagnostic": "smtp; 552 5.3.4 too large"},
        {"status": "4.4.7", "diagnostic": "X-Postfix; connection timed out"},
        {"action": "delayed", "status": "4.4.1"},
    ],
    ids=["within-hours", "policy", "size", "timed-out", "delayed"],
)
def test_what_does_not_blame_the_address_for_long_suppresses_nothing(
    world: World, how: dict[str, str]
) -> None:
    bounces_thrice(world, **how)  # type: ignore[arg-type]
    assert suppressed(world) == []
    assert answers(world, "Still there.").text.count("Still there.")


def test_the_same_letter_counts_once(world: World) -> None:
    reply = world.carol.newest("reply")
    for diagnostic in ("smtp; 550 5.1.1 one", "smtp; 550 5.1.1 two", "smtp; 550 5.1.1 three"):
        bounces(world, reply, diagnostic)
        world.clock.forward(DAY / 1000)
    assert suppressed(world) == []


def test_a_report_suppresses_nobody_but_the_letters_own_recipient(world: World) -> None:
    """T19: who holds the return path of a letter to them cannot make us forget another."""
    bounces_thrice(world, recipient=DAVE.address)
    assert suppressed(world) == [CAROL.address]


def test_a_mail_from_the_address_proves_that_it_lives(world: World) -> None:
    bounces_thrice(world)
    world.clock.forward(1)
    world.carol.replies(world.carol.newest(), "I am back.")
    assert suppressed(world) == []
    assert "Good." in answers(world, "Good.").text
    assert bounces(world, world.carol.newest("reply")) == "applied"
    assert suppressed(world) == [], "counting begins anew"


def test_an_operator_allows_it_again(world: World) -> None:
    bounces_thrice(world)
    world.alice.replies(world.alice.newest("notice"), "Are you there?")
    world.after()
    dropped = newest_reply(world)
    with world.store.unit() as unit:
        assert suppression.allow(unit, CAROL.address.upper())
        assert not suppression.allow(unit, CAROL.address)
        assert outbox.retry(unit, dropped.id)
    world.after()
    assert "Are you there?" in world.carol.newest().text
    assert "Once more." in answers(world, "Once more.").text


def test_agents_are_never_suppressed(world: World) -> None:
    for _ in range(4):
        world.carol.replies(world.carol.newest(), "More.")
        world.after()
        bounces(world, world.alice.newest("notice"), recipient=world.alice.address)
        world.clock.forward(DAY / 1000)
    assert suppressed(world) == []


@pytest.mark.parametrize(("reply", "ends"), [("550 5.1.1 no such customer", True), ("554 go away", False)])
def test_our_own_relay_is_believed_where_it_names_the_address(world: World, reply: str, ends: bool) -> None:
    """A relay that refuses everything for a while must not end all letters to everybody."""
    letter = newest_reply(world)
    letter.last_reply = reply
    for _ in range(3):
        with world.store.unit() as unit:
            blame_refused(unit, letter)
        world.clock.forward(DAY / 1000)
    assert bool(suppressed(world)) is ends


def test_given_up_for_a_passing_cause_is_a_failed_letter(world: World) -> None:
    reply = world.carol.newest("reply")
    assert bounces(world, reply, "X-Postfix; connection timed out", status="4.4.7") == "applied"
    assert newest_reply(world).state == outbox.FAILED
    world.after(0)
    assert "timed out" in world.alice.only("confirmation").text


def test_a_delay_is_noted_and_the_letter_stays_sent(world: World) -> None:
    reply = world.carol.newest("reply")
    assert bounces(world, reply, "smtp; 450 4.2.0 later", status="4.2.0", action="delayed") == "applied"
    letter = newest_reply(world)
    assert (letter.state, letter.last_reply) == (outbox.SENT, "450 4.2.0 later")
