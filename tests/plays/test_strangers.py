"""Strangers and newcomers: writing to a ticket does not grant reading it. Promise 5; T01, T02, T06, T18, T25."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gateway.desk import agents, contacts, participants
from gateway.mail.reading import Mailbox
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import BOB, CAROL, DAVE, DESK, EVE, Person
from tests.plays.outcomes import AGENTS, MESSAGE, NEW, outcome
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        world.carol.writes("Printer", "Our secret is 4711.", auth="pass")
        world.after()
        yield world


VERIFY = Person("Slack", "verify@slack.example")


@pytest.mark.parametrize("headers", [{}, {"Auto-Submitted": "auto-generated"}, {"Precedence": "bulk"}])
def test_the_ticket_trick(store: Store, clock: FakeClock, headers: dict[str, str]) -> None:
    """T01: Eve registers somewhere with her ticket's reply address, and must not read what comes."""
    with played(store, clock) as world:
        world.eve.writes("Hi", "Hello.", auth="pass")
        world.after()
        receipt = world.eve.only("receipt")
        raw = people.mail(VERIFY, receipt.reply_to, "Confirm your account", "Code 123456.", headers=headers)
        decision = world.receives(raw, receipt.reply_to, auth="pass", reverse_path=VERIFY.address)
        assert outcome(decision, world.ticket()) == AGENTS
        world.after()
        view = world.page(receipt)
        assert "123456" not in repr(view) and "Confirm" not in repr(view)
        assert len(world.eve.mailbox()) == 1
        assert "123456" in world.alice.newest("notice").text, "agents are told"
        world.alice.replies(world.alice.newest("notice"), "What is this?")
        world.after()
        assert "123456" not in world.eve.newest().everything()


def test_guessing_addresses_gives_nothing(world: World) -> None:
    """T02: support+1 … with Cc to somebody who would like to read."""
    for number in range(1, 40):
        to = f"help+{number}@desk.example"
        raw = people.mail(CAROL, to, "Re: Printer", f"Try {number}.", headers={"Cc": str(EVE)})
        assert outcome(world.receives(raw, to), world.tickets()[0]) == NEW
    world.after()
    assert world.eve.mailbox() == [] and EVE.address not in world.participants()


@pytest.mark.parametrize(
    ("auth", "own", "added"),
    [("", False, False), ("fail", False, False), ("pass", False, True), ("", True, True)],
)
def test_only_the_proven_let_others_in(world: World, auth: str, own: bool, added: bool) -> None:
    receipt = world.carol.only("receipt")
    to = receipt.reply_to if own else DESK
    headers = {"Cc": f"{EVE}, {DESK}, alice@agents.example, CAROL@customer.example"}
    headers["References"] = str(receipt.mail["Message-ID"])
    raw = people.mail(CAROL, to, "Re: Printer", "Eve, look.", headers=headers)
    decision = world.receives(raw, to, auth=auth)
    assert outcome(decision, world.ticket()) == (AGENTS if auth == "fail" else MESSAGE)
    assert world.participants() == {CAROL.address, *([EVE.address] if added else [])}
    world.after()
    world.alice.replies(world.alice.newest("notice"), "Good.")
    world.after()
    assert len(world.eve.mailbox()) == added
    for got in world.eve.mailbox():
        assert "4711" not in got.everything() and "4711" not in repr(world.page(got))
        assert "Carol Clark added Eve" in got.text


def test_a_stranger_with_a_leaked_address_is_heard_by_agents_only(world: World) -> None:
    """T06: the token proves the thread, not the person."""
    world.closes()
    world.after()
    decision = world.mallory.replies(world.carol.only("receipt"), "I want this, too.", auth="pass")
    assert outcome(decision, world.ticket()) == AGENTS
    assert decision.message is not None
    assert decision.message.author_email == "mallory@elsewhere.example"
    assert world.ticket().status == "closed"
    assert world.participants() == {CAROL.address}
    world.after()
    assert world.mallory.mailbox() == []
    assert "too." not in repr(world.page(world.carol.only("receipt")))
    assert "I want this" in world.alice.newest("notice").text


def test_a_stranger_let_in_reads_from_there_on(world: World) -> None:
    world.mallory.replies(world.carol.only("receipt"), "May I?", auth="pass")
    with world.store.unit() as unit:
        mallory = contacts.meet(unit, Mailbox("mallory@elsewhere.example"))
        ticket = world.ticket()
        participants.let_in(unit, ticket, mallory, reads_from=ticket.last_position + 1, added_by="Alice")
    world.alice.replies(world.alice.mailbox("notice")[0], "Welcome.")
    world.after()
    got = world.mallory.only("reply")
    assert "Welcome." in got.text and "4711" not in got.everything() + repr(world.page(got))
    decision = world.mallory.replies(got, "Thanks.")
    assert outcome(decision, world.ticket()) == MESSAGE


def test_people_in_cc_of_the_first_mail_are_named_not_let_in(world: World) -> None:
    opened = world.carol.writes("Second", "With Dave.", headers={"Cc": str(DAVE)}, auth="pass")
    assert opened.ticket is not None and opened.message is not None
    world.after()
    assert world.dave.mailbox() == [] and DAVE.address in world.participants(let_in=False)
    raw = people.mail(
        DAVE, DESK, "Re: Second", "I agree.", headers={"In-Reply-To": opened.message.message_id}
    )
    assert outcome(world.receives(raw, DESK), opened.ticket) == AGENTS
    world.after()
    world.alice.replies(world.alice.newest("notice"), "Fine.")
    world.after()
    assert world.dave.mailbox() == []
    assert "I agree" not in world.carol.newest("reply").everything()
    answer = world.carol.replies(world.carol.newest("reply"), "Dave, too.", headers={"Cc": str(DAVE)})
    assert answer.proof is not None and answer.proof.strong
    assert DAVE.address in world.participants()


def test_nobody_names_somebody_else(world: World) -> None:
    """A contact that is there already gets no name from another one's Cc; one's own From may give it."""
    nameless = Person("", "erin@customer.example")
    world.receives(people.mail(nameless, DESK, "Mine", "My words."))
    grandma = f"Grandma <{nameless.address}>"
    world.carol.writes("Printer", "It burns.", auth="pass", headers={"Cc": grandma})
    with world.store.reading() as unit:
        erin = contacts.with_address(unit, nameless.address)
        assert erin is not None and erin.name == ""
    world.receives(people.mail(Person("Erin", nameless.address), DESK, "Again", "More."))
    with world.store.reading() as unit:
        erin = contacts.with_address(unit, nameless.address)
        assert erin is not None and erin.name == "Erin"


def test_so_many_are_let_in_and_no_more(world: World) -> None:
    """T25. People named by the first mail do not use up the places."""
    crowd = ", ".join(f"p{number}@crowd.example" for number in range(19))
    world.carol.writes("Party", "All come.", headers={"Cc": crowd}, auth="pass")
    world.after()
    both = {"Cc": f"{DAVE}, " + ", ".join(f"q{number}@crowd.example" for number in range(30))}
    world.carol.replies(world.carol.newest("receipt"), "More.", headers=both)
    assert DAVE.address in world.participants() and len(world.participants()) == 20


def test_own_tokens_in_bodies_hand_nothing_on(world: World) -> None:
    """T18: quoted, forwarded, attached; in text, HTML and subject."""
    world.carol.replies(world.carol.only("receipt"), "Dave, look.", headers={"Cc": str(DAVE)})
    receipt, notice = world.carol.only("receipt"), world.alice.mailbox("notice")[0]
    spilled = f"{receipt.reply_to} {receipt.link} {notice.reply_to.upper()} {notice.link}"
    raw = people.mail(
        CAROL, receipt.reply_to, f"Re: {notice.reply_to}", f"See\n{spilled}\nbelow.", f"<p>{spilled}</p>"
    )
    world.receives(raw, receipt.reply_to)
    answer = people.mail("Alice Archer <alice@agents.example>", notice.reply_to, "Re", f"Quoting {spilled}.")
    assert world.receives(answer, notice.reply_to).fate == "applied"
    world.after()
    got = world.dave.newest("reply")
    assert "See" in got.text and "Quoting" in got.text
    assert not re.search(re.escape(receipt.link), got.everything(), re.IGNORECASE)
    world.page(got)


def test_an_agents_interleaved_answer_shows_no_address_of_theirs(world: World) -> None:
    """A quote with an answer below it is not folded: what stands in it must be fit for customers."""
    notice = world.alice.mailbox("notice")[0]
    quoted = "> To: Alice Archer <alice@agents.example>\n> Our secret is 4711."
    text = f"Hello\n\n{quoted}\n\nChange it.\n--\nALICE@agents.example"
    raw = people.mail(
        "Alice Archer <alice@agents.example>",
        notice.reply_to,
        "Re",
        text,
        '<p>Hello <a href="mailto:alice%40agents.example">me</a> alice&#64;agents.example</p>',
    )
    assert world.receives(raw, notice.reply_to).fate == "applied"
    world.after()
    reply = world.carol.only("reply")
    assert "Change it." in reply.text
    world.page(reply)


def test_an_agents_html_shows_no_address_of_theirs(world: World) -> None:
    notice = world.alice.mailbox("notice")[0]
    html = '<p>Ask <a href="mailto:Alice%40agents.example">me</a>, alice&#64;agents.example.</p>'
    raw = people.mail("alice@agents.example", notice.reply_to, "Re", "Ask me, alice@agents.example.", html)
    assert world.receives(raw, notice.reply_to).fate == "applied"
    world.after()
    reply = world.carol.only("reply")
    assert "mailto:help@desk.example" in reply.html
    world.page(reply)


def test_nobody_gets_a_letter_after_unsubscribing(world: World) -> None:
    world.carol.replies(world.carol.only("receipt"), "Dave, look.", headers={"Cc": str(DAVE)})
    world.alice.replies(world.alice.mailbox("notice")[0], "One.")
    world.after()
    got = world.dave.only("reply")
    assert got.mail["List-Unsubscribe"].strip("<>").endswith(f"{got.link}/unsubscribe")
    world.door.unsubscribe(got.link)
    with pytest.raises(Exception, match="requester_stays"):
        world.door.unsubscribe(world.carol.only("receipt").link)
    world.alice.replies(world.alice.mailbox("notice")[0], "Two.")
    world.after()
    assert len(world.dave.mailbox()) == 1 and len(world.carol.mailbox("reply")) == 2


def test_an_agents_link_is_a_view(world: World) -> None:
    notice = world.alice.only("notice")
    assert world.page(notice).reader == "agent"
    with pytest.raises(Exception, match="agents_only_read"):
        world.comments(notice, "I am Alice.")
    with world.store.unit() as unit:
        agents.disable(unit, "alice@agents.example")
    with pytest.raises(Exception, match=r"page\.not_found"):
        world.page(notice)


def test_a_note_never_lies_in_a_notice_that_is_answered_to_the_customer(world: World) -> None:
    """Whoever answers between the quoted lines would send the note on: a quote with an answer below it stays."""
    world.employs(BOB)
    world.alice.replies(world.alice.mailbox("notice")[0], "Pull the plug.")
    world.after()
    world.carol.replies(world.carol.only("reply"), "Hello?")
    world.after()
    world.bob.notes(world.bob.only("notice"), "CANARY-NOTE: she never knows.")
    world.carol.replies(world.carol.only("reply"), "Which plug do you mean?")
    world.after()
    seen = len(world.alice.mailbox("notice"))
    for notice in world.alice.mailbox("notice")[2:]:
        quoted = "".join(f"> {line}\n" for line in notice.text.splitlines())
        text = f"{quoted}\nThe red one, {notice.row.id}."
        raw = people.mail("Alice Archer <alice@agents.example>", notice.reply_to, "Re", text)
        assert world.receives(raw, notice.reply_to).fate == "applied"
    assert seen == 4, "a note comes by itself"
    world.after()
    reply = world.carol.newest("reply")
    assert "The red one" in reply.text and "Which plug do you mean?" in reply.text
    world.page(reply)
