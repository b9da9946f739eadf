"""Mail from before Helpgate: it becomes tickets of its time, and nobody hears of it. T72, B19."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from gateway import clock as clocks
from gateway.clock import DAY, HOUR
from gateway.desk.tables import AGENT, AGENTS_ONLY, CLIENT, CLOSED, EVERYONE, INTERNAL, OPEN, PENDING, Message
from gateway.flow import summary
from gateway.flow.imports.places import UNKNOWN
from gateway.store import journal
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import ALICE, BOB, CAROL, DAVE, DESK, EVE, Person
from tests.plays.archives import notes_down, remembers
from tests.world import World, played

YEARS_AGO = "2019-03-04T10:00:00Z"
BEGAN = clocks.from_rfc3339(YEARS_AGO)


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """At the end of every play nothing has been promised to anybody, and nothing has left, but where it is asked."""
    with played(store, clock) as world:
        yield world


def at(hours: int) -> int:
    return BEGAN + hours * HOUR


def old(
    from_: Person | str,
    to: Person | str,
    text: str,
    *,
    hours: int,
    id: str = "",
    answers: str = "",
    subject: str = "Printer",
    **headers: str,
) -> bytes:
    """A mail of years ago; `id` and `answers` are local parts of Message-IDs."""
    date = format_datetime(datetime.fromtimestamp(at(hours) / 1000, UTC))
    fields = {"Date": date, "Message-ID": f"<{id}@old.example>" if id else ""}
    if answers:
        fields |= {"In-Reply-To": f"<{answers}@old.example>", "References": f"<{answers}@old.example>"}
    return people.mail(from_, to, subject, text, headers=fields | headers)


def question(hours: int = 0) -> bytes:
    return old(CAROL, DESK, "It is on fire.", hours=hours, id="question")


def answer(hours: int = 1) -> bytes:
    return old(f"Help <{DESK}>", CAROL, "Pull the plug.", hours=hours, id="answer", answers="question")


def thanks(hours: int = 2) -> bytes:
    return old(CAROL, DESK, "It is out, thank you.", hours=hours, id="thanks", answers="answer")


def said(world: World) -> list[tuple[str, str, str]]:
    return [(one.kind, one.audience, one.text.strip()) for one in world.messages()]


CONVERSATION = [
    (CLIENT, EVERYONE, "It is on fire."),
    (AGENT, EVERYONE, "Pull the plug."),
    (CLIENT, EVERYONE, "It is out, thank you."),
]


def nobody_hears(world: World) -> bool:
    world.after(DAY // 1000)
    return world.promises() == [] and world.letters() == [] and world.everything() == []


def test_a_conversation_becomes_a_closed_ticket_of_its_time_and_nobody_hears(world: World) -> None:
    for mail in (question(), answer(), thanks()):
        assert remembers(world, mail).fate == "applied"
    ticket = world.ticket()
    assert said(world) == CONVERSATION
    assert (ticket.number, ticket.status, ticket.subject) == ("1910-1", CLOSED, "Printer")
    assert (ticket.created_at, ticket.updated_at, ticket.closed_at) == (at(0), at(2), at(2))
    assert [one.created_at for one in world.messages()] == [at(0), at(1), at(2)]
    assert [one.visible_at for one in world.messages()] == [at(0), at(1), at(2)]
    assert nobody_hears(world)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_the_archive_does_not_matter(world: World, order: tuple[int, ...]) -> None:
    mails = [question(), answer(), thanks()]
    mails[2] = mails[2].replace(
        b"References: <answer@old.example>", b"References: <question@old.example> <answer@old.example>"
    )
    for one in order:
        remembers(world, mails[one])
    assert said(world) == CONVERSATION
    assert [one.position for one in world.messages()] == [1, 2, 3]
    assert (world.ticket().created_at, world.ticket().closed_at) == (at(0), at(2))
    assert world.participants() == {CAROL.address}
    assert nobody_hears(world)


@pytest.mark.parametrize(("mails", "status"), [(1, OPEN), (2, PENDING), (3, OPEN)])
def test_open_tickets_wait_for_whoever_did_not_have_the_last_word(
    world: World, mails: int, status: str
) -> None:
    for mail in (question(), answer(), thanks())[:mails]:
        remembers(world, mail, leave_open=True)
    assert (world.ticket().status, world.ticket().closed_at) == (status, None)
    assert nobody_hears(world)


def test_what_an_agent_wrote_from_their_own_address_is_the_answer(world: World) -> None:
    remembers(world, question())
    text = f"Pull the plug.\n\n-- \nAlice, {ALICE.address}"
    remembers(world, old(ALICE, CAROL, text, hours=1, answers="question", Cc=DESK))
    kind, audience, shown = said(world)[1]
    assert (kind, audience) == (AGENT, EVERYONE)
    assert "Pull the plug." in shown and ALICE.address not in shown
    assert world.messages()[1].agent_id == 1


def test_what_an_agent_wrote_to_the_desk_alone_is_a_note(world: World) -> None:
    remembers(world, question())
    remembers(world, old(ALICE, DESK, "She is a rich customer.", hours=1, answers="question"))
    assert said(world)[1] == (INTERNAL, AGENTS_ONLY, "She is a rich customer.")


def test_a_conversation_that_support_began(world: World) -> None:
    remembers(world, old(DESK, CAROL, "Your printer is ready.", hours=0, id="question"))
    remembers(world, old(CAROL, DESK, "I shall come.", hours=1, answers="question"))
    assert [one[:2] for one in said(world)] == [(AGENT, EVERYONE), (CLIENT, EVERYONE)]
    assert world.participants() == {CAROL.address}


def test_an_archive_lets_nobody_in(world: World) -> None:
    """Who asked may read; others threaded by their references are for agents, and so is what they were told."""
    remembers(world, question())
    remembers(world, old(EVE, DESK, "What did she say?", hours=1, id="eve", answers="question"))
    remembers(world, old(DESK, EVE, "It is on fire, she says.", hours=2, answers="eve"))
    assert [one[:2] for one in said(world)] == [
        (CLIENT, EVERYONE),
        (CLIENT, AGENTS_ONLY),
        (AGENT, AGENTS_ONLY),
    ]
    assert world.participants() == {CAROL.address}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (old(DESK, DESK, "Buy now.", hours=0), "our own mail has come back"),
        (old(CAROL, DESK, "I am away.", hours=0, **{"Auto-Submitted": "auto-replied"}), "automatic reply"),
        (old("MAILER-DAEMON@mx.example", DESK, "Sorry.", hours=0, subject="Undelivered"), "delivery report"),
    ],
)
def test_what_is_no_correspondence_is_held(world: World, raw: bytes, reason: str) -> None:
    decision = remembers(world, raw)
    assert decision.fate == "held" and reason in decision.reason
    assert world.tickets() == [] and nobody_hears(world)


def test_an_automatic_reply_on_a_ticket_is_folded_and_says_nothing_of_who_is_to_answer(world: World) -> None:
    remembers(world, question(), leave_open=True)
    remembers(world, answer(), leave_open=True)
    away = old(CAROL, DESK, "I am away.", hours=2, answers="answer", **{"Auto-Submitted": "auto-replied"})
    remembers(world, away, leave_open=True)
    assert [one.automatic for one in world.messages()] == [0, 0, 1]
    assert world.ticket().status == PENDING


@pytest.mark.parametrize(
    ("date", "delivered_at", "wanted"),
    [
        ("Mon, 04 Mar 2019 10:00:00 +0000", UNKNOWN, at(0)),
        ("Mon, 04 Mar 2019 10:00:00 +0000", at(5), at(0)),
        ("", at(5), at(5)),
        ("Thu, 01 Jan 1970 00:00:00 +0000", at(5), at(5)),
        ("Mon, 04 Mar 2069 10:00:00 +0000", at(5), at(5)),
        ("the day before yesterday", UNKNOWN, None),
        ("Mon, 04 Mar 2069 10:00:00 +0000", UNKNOWN, None),
    ],
)
def test_times_are_the_mails_own_and_never_in_the_future(
    world: World, date: str, delivered_at: int, wanted: int | None
) -> None:
    raw = people.mail(CAROL, DESK, "When", "Was it?", headers={"Date": ""})
    remembers(world, (f"Date: {date}\r\n".encode() if date else b"") + raw, delivered_at=delivered_at)
    assert world.ticket().created_at == (world.clock() if wanted is None else wanted)


def test_an_old_mail_on_a_ticket_of_today_comes_last_and_wakes_nobody(world: World) -> None:
    today = people.mail(CAROL, DESK, "Printer", "Again.", headers={"References": "<question@old.example>"})
    world.receives(today, DESK, auth="pass")
    world.after()
    world.closes()
    world.after()
    before, promised = len(world.everything()), len(world.promises())
    remembers(world, question())
    ticket = world.ticket()
    assert [one.text.strip() for one in world.messages()] == ["Again.", "It is on fire."]
    assert ticket.status == CLOSED and ticket.updated_at > at(0)
    world.after(DAY // 1000)
    assert (len(world.everything()), len(world.promises())) == (before, promised)


def test_the_customer_goes_on_with_an_old_conversation(world: World) -> None:
    """A mail of today that answers one of an archive: long closed, so it opens a ticket that continues it."""
    for mail in (question(), answer()):
        remembers(world, mail)
    live = people.mail(
        CAROL, DESK, "Re: Printer", "It burns again.", headers={"References": "<answer@old.example>"}
    )
    decision = world.receives(live, DESK, auth="pass")
    first, second = world.tickets()
    assert decision.ticket is not None and decision.ticket.id == second.id
    assert (second.linked_id, second.link_kind, second.status) == (first.id, "continues", OPEN)
    assert first.status == CLOSED
    world.after()
    assert world.carol.mailbox("receipt") and world.alice.mailbox("notice")


def test_an_open_one_goes_on_as_the_ticket_it_is(world: World) -> None:
    for mail in (question(), answer()):
        remembers(world, mail, leave_open=True)
    live = people.mail(
        CAROL, DESK, "Re: Printer", "It burns again.", headers={"References": "<answer@old.example>"}
    )
    assert world.receives(live, DESK, auth="pass").ticket == world.ticket()
    assert world.ticket().status == OPEN
    world.after()
    notice = world.alice.only("notice")
    world.alice.replies(notice, "Water, then.")
    world.after()
    assert "Water, then." in world.carol.only("reply").text


def test_an_old_copy_never_takes_the_place_of_mail_that_nobody_has_heard_of(world: World) -> None:
    """The archive was written down first and waits; the same mail comes by SMTP and is applied first."""
    old_id = notes_down(world, question())
    assert world.receives(question(), DESK).fate == "applied"
    decision = world.applies(old_id)
    assert (decision.fate, decision.duplicate_of) == ("dropped", old_id + 1)
    world.after()
    assert world.alice.mailbox("notice")


def test_what_was_held_of_an_archive_is_no_copy_of_mail_of_today(world: World) -> None:
    bounce = old("MAILER-DAEMON@mx.example", DESK, "Sorry.", hours=0, subject="Undelivered")
    assert remembers(world, bounce).fate == "held"
    decision = world.receives(bounce, DESK)
    assert decision.fate == "held" and decision.duplicate_of is None
    assert remembers(world, bounce, delivered_at=at(1)).duplicate_of == 1


def test_mail_of_today_is_claimed_first(world: World) -> None:
    for mail in (question(), answer(), thanks()):
        notes_down(world, mail)
    [today] = world.accepts(question(), DESK)
    with world.store.unit("claim") as unit:
        assert next(row.id for row in journal.claim(unit, 2, HOUR)) == today


def test_a_program_with_one_message_id_for_all_its_mails_has_a_ticket_for_each(world: World) -> None:
    for number in range(3):
        remembers(
            world, old(BOB.address.replace("bob", "form"), DESK, f"Order {number}", hours=number, id="same")
        )
    assert len(world.tickets()) == 3


def test_a_list_copy_in_the_archive_is_folded(world: World) -> None:
    direct = old(CAROL, DESK, "It is on fire, and smoke comes out.", hours=0, id="question")
    listed = old(
        CAROL,
        "team@lists.example",
        "It is on fire, and smoke comes out.\n_____\nteam mailing list",
        hours=0,
        id="question",
        subject="[team] Printer",
        **{"List-Id": "<team.lists.example>"},
    )
    remembers(world, direct)
    remembers(world, listed)
    first, second = world.messages()
    assert (first.automatic, first.audience) == (0, EVERYONE)
    assert (second.automatic, second.audience) == (1, AGENTS_ONLY)


def test_those_in_cc_are_named_and_their_own_mail_belongs_here(world: World) -> None:
    remembers(world, old(CAROL, DESK, "It is on fire.", hours=0, id="question", Cc=DAVE.address))
    remembers(world, old(DAVE, DESK, "I smell it.", hours=1, answers="question"))
    assert [one.audience for one in world.messages()] == [EVERYONE, AGENTS_ONLY]
    assert world.participants(let_in=False) == {CAROL.address, DAVE.address}


def test_a_held_one_can_be_released(world: World) -> None:
    remembers(world, old(CAROL, DESK, "I am away.", hours=0, **{"Auto-Submitted": "auto-replied"}))
    assert world.releases(1).fate == "applied"
    assert world.ticket().created_at == at(0) and nobody_hears(world)


def test_the_desks_own_can_be_released_and_the_desk_becomes_nobodys_customer(world: World) -> None:
    assert remembers(world, old(DESK, DESK, "To ourselves.", hours=0)).fate == "held"
    assert world.releases(1).fate == "applied"
    assert world.participants(let_in=False) == set() and nobody_hears(world)


def test_events_of_a_ticket_keep_with_their_messages(world: World) -> None:
    remembers(world, answer())
    remembers(world, question())
    with world.store.reading() as unit:
        rows = unit.run("SELECT kind, position FROM event ORDER BY position").fetchall()
        assert [tuple(row) for row in rows] == [("received", 1), ("answered", 2)]
        assert unit.row(Message, "position < 1") is None


def test_the_operators_summary_says_nothing_of_what_an_archive_left_held(
    store: Store, clock: FakeClock
) -> None:
    """Whoever imports is told at once; the mail of today that is held stands out."""
    away = {"Auto-Submitted": "auto-replied"}
    with played(store, clock, operator={"address": "operator@desk-owner.example"}) as world:
        remembers(world, old(CAROL, DESK, "I am away.", hours=0, **away))
        with store.unit("summary") as unit:
            assert not summary.write_when_due(unit, world.desktop, "")
        world.receives(people.mail(DAVE, DESK, "Away", "I am away.", headers=away), DESK)
        with store.unit("summary") as unit:
            assert summary.write_when_due(unit, world.desktop, "")
