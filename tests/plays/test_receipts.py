"""Receipts and their budgets: no cannon for other people's words. T21, T22."""

from __future__ import annotations

import pytest

from gateway.desk import notifications
from gateway.store import settings as store_settings
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import CAROL, DESK, MALLORY, Person
from tests.world import played

CANARY = "BUY-CANARY"


def test_the_proven_get_the_full_one(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        world.carol.writes(f"Subject {CANARY}1", f"Text {CANARY}2", auth="pass")
        world.after(0)
        got = world.carol.only("receipt")
        assert f"{CANARY}1" in got.text and f"> Text {CANARY}2" in got.text
        opening = world.messages()[0].message_id
        assert got.mail["In-Reply-To"] == opening
        assert str(got.mail["References"]).split()[1] == opening, "the ticket's root first"
        assert got.mail["Auto-Submitted"] == "auto-replied"


def test_a_mail_that_waited_in_a_backup_gets_no_second_one(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        (id,) = world.accepts(people.mail(CAROL, DESK, "Old", "Words."), auth="pass")
        with store.unit() as unit:
            notifications.skip_restored(unit)
        world.after(60)
        assert world.applies(id).fate == "applied"
        world.after()
        assert world.carol.mailbox() == [] and len(world.alice.mailbox("notice")) == 1
        assert {one.reason for one in world.promises() if one.state == "skipped"} == {notifications.RESTORED}
        world.dave.writes("New", "Words.", auth="pass")
        world.after()
        world.dave.only("receipt")


def test_the_unproven_get_a_fixed_one(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        spam = Person(f"{CANARY} name", "victim@elsewhere.example")
        file = people.Attachment(f"{CANARY}.txt", "text/plain", CANARY.encode())
        raw = people.mail(
            spam,
            DESK,
            f"{CANARY} subject",
            f"{CANARY} text",
            f"<p>{CANARY}</p>",
            [file],
            {"Message-ID": f"<{CANARY}@elsewhere.example>", "Cc": f"{CANARY} <cc@elsewhere.example>"},
        )
        world.receives(raw, DESK)
        world.after(0)
        got = world.mailbox(spam.address)[0]
        assert CANARY not in got.everything().replace(f"<{CANARY}@elsewhere.example>", ""), got.everything()
        assert "the address is yours" in " ".join(got.text.split())
        decision = world.receives(people.reply(spam, got.raw, "It is me."), got.reply_to)
        assert decision.proof is not None and decision.proof.strong, "answering proves the address"


def test_a_failed_authentication_gets_none(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        for number in range(5):
            world.carol.writes("Hi", f"Text {number}", auth="fail")
        world.after(0)
        assert world.carol.mailbox() == [] and len(world.tickets()) == 5


BUDGETS = {"per_address_day": 0, "per_ip_hour": 0, "per_domain_hour": 0, "total_hour": 0}


@pytest.mark.parametrize(
    ("budget", "limit", "after_s", "people_of"),
    [
        ("per_address_day", 1, 86_400, lambda n: Person("P", "p@one.example")),
        ("per_domain_hour", 3, 3600, lambda n: Person("P", f"p{n}@one.example")),
        ("per_ip_hour", 3, 3600, lambda n: Person("P", f"p@d{n}.example")),
        ("total_hour", 3, 3600, lambda n: Person("P", f"p@d{n}.example")),
    ],
)
def test_each_budget(
    store: Store, clock: FakeClock, budget: str, limit: int, after_s: int, people_of: object
) -> None:
    with played(store, clock, acknowledge=BUDGETS | {budget: limit}) as world:

        def receipts(count: int, first: int) -> int:
            before = len(world.everything())
            for number in range(first, first + count):
                who = people_of(number)  # type: ignore[operator]
                raw = people.mail(who, DESK, "Hi", f"Text {number}")
                world.receives(raw, DESK, reverse_path=who.address, peer="203.0.113.9")
            world.after(0)
            return len([one for one in world.everything()[before:] if one.kind == "receipt"])

        assert receipts(limit + 3, 0) == limit
        with world.store.reading() as unit:
            assert "receipts" in store_settings.get(unit, "summary.spent"), "the operator hears of it"
        world.clock.forward(after_s - 1)
        assert receipts(1, 100) == 0
        world.clock.forward(1)
        assert receipts(1, 200) == 1


@pytest.mark.parametrize(
    ("channel", "peer", "limited"),
    [
        ("smtp", "203.0.113.9", True),
        ("smtp", "2001:db8::1", True),
        ("smtp", "127.0.0.1", False),
        ("smtp", "::1", False),
        ("lmtp", "203.0.113.9", False),
        ("imap", "", False),
        ("pipe", "", False),
    ],
)
def test_relays_have_no_budget_by_ip(
    store: Store, clock: FakeClock, channel: str, peer: str, limited: bool
) -> None:
    with played(store, clock, acknowledge=BUDGETS | {"per_ip_hour": 1}) as world:
        for number in range(3):
            raw = people.mail(Person("P", f"p{number}@d{number}.example"), DESK, "Hi", f"Text {number}")
            world.receives(raw, DESK, channel=channel, peer=peer)
        world.after(0)
        assert len(world.everything()) == (1 if limited else 3)


def test_one_subscriber_of_ipv6_is_one_network(store: Store, clock: FakeClock) -> None:
    with played(store, clock, acknowledge=BUDGETS | {"per_ip_hour": 1}) as world:
        for number, peer in enumerate(("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1")):
            raw = people.mail(Person("P", f"p{number}@d{number}.example"), DESK, "Hi", f"Text {number}")
            world.receives(raw, DESK, peer=peer)
        world.after(0)
        assert len(world.everything()) == 2


def test_a_released_mail_gets_none(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        away = {"Auto-Submitted": "auto-replied"}
        assert world.mallory.writes("Away", "Beach.", headers=away).fate == "held"
        assert world.releases(1).fate == "applied"
        world.after()
        assert world.mailbox(MALLORY.address) == []
