"""The same mail twice is one message. Promise 3, B10; and mail to several desks, design §6."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.clock import DAY, HOUR
from gateway.desk.tables import CLIENT
from gateway.flow import copies
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import CAROL, DESK, MALLORY
from tests.plays.archives import remembers
from tests.world import World, played

TRACE = (
    b"Return-Path: <carol@customer.example>\r\nDelivered-To: help@desk.example\r\n"
    b"Received: from relay.example by mx.example; Mon, 13 Apr 2026 09:00:00 +0000\r\n"
    b"X-Original-To: help@desk.example\r\nX-Spam-Status: No\r\nARC-Seal: i=1; a=b\r\n"
    b"Authentication-Results: other.example; spf=pass\r\n"
)
SALES = "sales@desk.example"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def written(message_id: str | None = None, text: str = "It is on fire.") -> bytes:
    headers = {} if message_id is None else {"Message-ID": message_id}
    return people.mail(
        CAROL, DESK, "Printer", text, headers=headers | {"Date": "Mon, 13 Apr 2026 09:00:00 +0000"}
    )


@pytest.mark.parametrize("again", [lambda raw: raw, lambda raw: TRACE + raw, lambda raw: raw + b"\r\n"])
def test_the_same_octets_are_one_message(world: World, again: object) -> None:
    raw = written("<one@customer.example>")
    world.receives(raw, DESK)
    decision = world.receives(again(raw), DESK)  # type: ignore[operator]
    assert (decision.fate, decision.reason) == ("dropped", "same mail as 1")
    first, second = world.inbound()
    assert (first.fate, second.fate, second.duplicate_of) == ("applied", "dropped", 1)
    assert len(world.messages()) == 1


def test_one_message_id_with_other_octets_is_two(world: World) -> None:
    """A forger who claims an id first must not make the true mail vanish."""
    forged = people.mail(MALLORY, DESK, "Printer", "Mine!", headers={"Message-ID": "<one@customer.example>"})
    world.receives(forged, DESK)
    assert world.receives(written("<one@customer.example>"), DESK).fate == "applied"


@pytest.mark.parametrize(
    ("message_id", "after", "fate"),
    [
        ("<one@customer.example>", 5 * DAY, "dropped"),
        ("<one@customer.example>", 5 * DAY + 1000, "applied"),
        ("", HOUR, "dropped"),
        ("", HOUR + 1000, "applied"),
    ],
)
def test_for_how_long(world: World, message_id: str, after: int, fate: str) -> None:
    world.receives(written(message_id), DESK)
    world.clock.forward(after / 1000)
    assert world.receives(written(message_id), DESK).fate == fate


def test_lacking_a_message_id_drops_nothing(world: World) -> None:
    assert world.receives(written("", "One."), DESK).fate == "applied"
    assert world.receives(written("", "Two."), DESK).fate == "applied"


def test_a_copy_that_was_quicker_counts(world: World) -> None:
    """The first one met trouble and is tried again, when the second has been applied already."""
    first, second = (world.accepts(written("<one@customer.example>"), DESK)[0] for _ in range(2))
    assert world.applies(second).fate == "applied"
    assert world.applies(first).fate == "dropped"
    assert len(world.messages()) == 1


def test_copies_that_are_applied_at_once(world: World) -> None:
    """B21: several processes on one database."""
    raw = written("<one@customer.example>")
    ids = [world.accepts(raw, DESK)[0] for _ in range(6)]

    def fate(id: int) -> str:
        try:
            return world.applies(id).fate
        finally:
            world.store.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(fate, ids)) == ["applied", *["dropped"] * 5]
    assert len(world.messages()) == 1


def test_two_desks_open_a_ticket_each_and_they_are_linked(world: World) -> None:
    world.opens_desk("Sales", SALES)
    decisions = world.receives_for_all(written(), DESK, SALES)
    assert [one.fate for one in decisions] == ["applied", "applied"]
    first, second = world.tickets()
    assert (first.desk_id, second.desk_id) == (1, 2)
    assert (second.linked_id, second.link_kind) == (first.id, "same mail")


def test_two_addresses_of_one_desk_are_one_row(world: World) -> None:
    world.receives(written(), DESK, auth="pass")
    world.after()
    sealed = world.carol.only("receipt").reply_to
    raw = people.mail(CAROL, DESK, "Again", "Both.")
    ids = world.accepts(raw, DESK, sealed, "HELP@desk.example", "help+x@desk.example")
    assert len(ids) == 4 and len(set(ids)) == 1
    assert world.applies(ids[0]).ticket == world.ticket(), "the sealed one says more"


def test_two_desks_and_a_carrier_are_one_message(world: World) -> None:
    """A sealed carrier decides the ticket whatever desk the mail came to; the second row names the first."""
    world.opens_desk("Sales", SALES)
    world.receives(written(), DESK, auth="pass")
    world.after()
    receipt = world.carol.only("receipt")
    raw = people.reply(CAROL, receipt.raw, "And the desk.", {"Cc": SALES})
    for order in ((receipt.reply_to, SALES), (SALES, receipt.reply_to)):
        first, second = world.receives_for_all(raw + b"." * len(order[0]), *order)
        assert first.fate == "applied" and first.ticket == world.ticket()
        assert second.fate == "dropped" and second.reason == f"same mail as {world.inbound()[-2].id}"


def test_a_sealed_carrier_decides_the_ticket_at_another_desk(world: World) -> None:
    world.opens_desk("Sales", SALES)
    world.receives(written(), DESK, auth="pass")
    world.after()
    decision = world.carol.replies(world.carol.only("receipt"), "Here, too.", to=SALES)
    assert decision.ticket is not None and decision.ticket.desk_id == 1


@pytest.mark.parametrize("to_address", [True, False])
def test_conflicting_carriers_go_to_the_address_else_to_the_newest_and_say_so(
    world: World, to_address: bool
) -> None:
    for subject in ("First", "Second"):
        world.carol.writes(subject, "Hello.", auth="pass")
        world.after()
    first, second = world.carol.mailbox("receipt")
    to = first.reply_to if to_address else DESK
    both = f"{second.mail['Message-ID']} {first.mail['Message-ID']}"
    raw = people.reply(CAROL, second.raw, "Which one?", {"To": to, "References": both})
    decision = world.receives(raw, to)
    assert decision.ticket is not None and decision.ticket.subject == ("First" if to_address else "Second")
    assert decision.message is not None and "several tickets" in decision.message.remark
    world.after()
    assert "several tickets" in repr(world.page(world.alice.newest("notice")))
    assert "several tickets" not in repr(world.page(first)) + repr(world.page(second))


LIST = "team@lists.example"
FOOTER = "\n_______________\nteam mailing list\nhttps://lists.example/team"


def over_the_list(message_id: str, text: str = "It is on fire.") -> bytes:
    """What a mailing list makes of a mail: a mark in the subject, a footer, fields of its own."""
    fields = {"Message-ID": message_id, "List-Id": f"<{LIST}>", "Precedence": "list"}
    return people.mail(CAROL, LIST, "[team] Printer", text + FOOTER, headers=fields)


@pytest.mark.parametrize("list_first", [False, True])
def test_a_direct_copy_and_one_over_a_list_are_one_ticket_and_one_notice(
    world: World, list_first: bool
) -> None:
    """Different octets with one Message-ID are two messages; the second one is folded, for agents."""
    both = [written("<one@customer.example>"), over_the_list("<one@customer.example>")]
    for raw in reversed(both) if list_first else both:
        assert world.receives(raw, DESK, auth="pass").fate == "applied"
        world.after()
    first, second = world.messages()
    assert (first.audience, first.automatic) == ("all", 0)
    assert (second.audience, second.automatic, second.remark) == ("agents", 1, copies.REMARK)
    assert len(world.alice.mailbox("notice")) == 1
    assert len(world.carol.mailbox("receipt")) == (0 if list_first else 1)


def test_an_answer_that_goes_to_the_list_as_well_is_told_once(world: World) -> None:
    world.receives(written("<one@customer.example>"), DESK, auth="pass")
    world.after()
    world.alice.replies(world.alice.only("notice"), "Pull the plug.", auth="pass")
    world.after()
    letter = world.carol.only("reply")
    mine = {"Message-ID": "<two@customer.example>", "Cc": LIST}
    raw = people.reply(CAROL, letter.raw, "It is out.", mine)
    listed = people.reply(CAROL, letter.raw, "It is out." + FOOTER, mine | {"List-Id": f"<{LIST}>"})
    world.receives(raw, letter.reply_to, auth="pass")
    world.receives(listed, DESK)
    world.after()
    assert [one.automatic for one in world.messages() if one.kind == CLIENT] == [0, 0, 1]
    assert len(world.alice.mailbox("notice")) == 2


@pytest.mark.parametrize("writer", [CAROL, MALLORY])
def test_one_message_id_for_different_words_hides_nothing(world: World, writer: people.Person) -> None:
    """Programs that give all their mails one Message-ID, and people who take somebody else's."""
    world.receives(written("<one@customer.example>"), DESK)
    other = people.mail(
        writer, DESK, "Printer", "Now it floods.", headers={"Message-ID": "<one@customer.example>"}
    )
    decision = world.receives(other, DESK)
    assert decision.message is not None and (decision.message.audience, decision.message.automatic) == (
        "all",
        0,
    )
    assert len(world.tickets()) == 2


def test_a_forged_copy_does_not_fold_the_true_mail(world: World) -> None:
    """Somebody writes in her name on her ticket, for agents only; what she proves to have written is shown."""
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    receipt = world.carol.only("receipt")
    mine = {"Message-ID": "<two@customer.example>"}
    forged = people.reply(CAROL, receipt.raw, "It is out.", mine | {"To": DESK, "X-Other": "octets"})
    true = people.reply(CAROL, receipt.raw, "It is out.", mine)
    assert world.receives(forged, DESK, auth="fail").message.audience == "agents"  # type: ignore[union-attr]
    assert world.receives(true, receipt.reply_to, auth="pass").message.audience == "all"  # type: ignore[union-attr]


def test_cc_and_bcc_to_two_desks_one_after_the_other(world: World) -> None:
    """Two transactions, as an MTA makes them for two domains or for a blind copy."""
    world.opens_desk("Sales", SALES)
    raw = written("<one@customer.example>")
    for desk in (DESK, SALES, SALES, DESK):
        world.receives(TRACE.replace(b"help@desk.example", desk.encode()) + raw, desk)
    assert [one.fate for one in world.inbound()] == ["applied", "applied", "dropped", "dropped"]
    first, second = world.tickets()
    assert (second.linked_id, second.link_kind) == (first.id, "same mail")
    assert [one.duplicate_of for one in world.inbound()] == [None, None, 2, 1]


CHANNELS = ("smtp", "lmtp", "imap", "pipe", "import")
FROM_MBOX = b"X-Mozilla-Status: 0001\r\nStatus: RO\r\nX-UID: 7\r\n"


@pytest.mark.parametrize("first", CHANNELS)
@pytest.mark.parametrize("second", CHANNELS)
def test_the_same_mail_by_two_ways_in_is_one_message(world: World, first: str, second: str) -> None:
    raw = written("<one@customer.example>")
    for number, channel in enumerate((first, second)):
        octets = {"imap": TRACE + raw, "import": (FROM_MBOX + raw).replace(b"\r\n", b"\n")}.get(channel, raw)
        if channel == "import":
            remembers(world, octets, delivered_at=number)
        else:
            world.receives(octets, DESK, channel=channel)
    assert [one.fate for one in world.inbound()] == ["applied", "dropped"]
    assert len(world.messages()) == 1


def test_an_archive_is_compared_with_all_that_ever_came(world: World) -> None:
    world.receives(written("<one@customer.example>"), DESK)
    world.clock.forward(400 * DAY / 1000)
    assert remembers(world, written("<one@customer.example>")).fate == "dropped"
    assert remembers(world, written("<one@customer.example>", "Other words.")).fate == "applied"


def test_a_retry_after_a_lost_250_while_the_first_one_waits(world: World) -> None:
    """B11 the other way round: the sender never heard that we have it, and sends it again, twice."""
    ids = [world.accepts(written("<one@customer.example>"), DESK)[0] for _ in range(3)]
    assert [world.applies(id).fate for id in ids] == ["applied", "dropped", "dropped"]
    world.after()
    assert len(world.alice.mailbox("notice")) == 1
