"""The main story: Carol writes, Alice answers from her mail program, and both hear what they should."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.clock import DAY
from gateway.mail.token import Purpose
from gateway.store.database import Store
from tests.fakes import FakeClock
from tests.people import BOB, CAROL, DAVE, DESK
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def test_a_mail_makes_a_ticket_a_receipt_and_a_notice(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after(0)
    receipt = world.carol.only("receipt")
    assert "Printer" in receipt.text and "Thank you" in receipt.text
    assert world.alice.mailbox() == []
    world.after(60)
    notice = world.alice.only("notice")
    assert "It is on fire." in notice.text
    assert world.ticket().status == "open" and world.ticket().subject == "Printer"
    assert [one.position for one in world.messages()] == [1]


def test_an_agents_mail_becomes_one_letter_to_the_customer(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    decision = world.alice.replies(world.alice.only("notice"), "Pull the plug.")
    assert decision.fate == "applied" and decision.message is not None
    assert world.ticket().status == "pending"
    assert "Pull the plug." not in repr(world.page(world.carol.only("receipt"))), "it is held for 20 s"
    world.after(79)
    assert world.carol.mailbox("reply") == []
    assert "Pull the plug." in repr(world.page(world.carol.only("receipt")))
    world.after(1)
    reply = world.carol.only("reply")
    assert reply.text.count("It is on fire.") == 1 and "> It is on fire." in reply.text
    assert reply.text.index("Pull the plug.") < reply.text.index("It is on fire.")
    assert str(reply.mail["From"]) == '"Alice Archer (Help)" <help@desk.example>'
    assert str(reply.mail["To"]) == "Carol Clark <carol@customer.example>"
    answer = world.current.keys.unseal(reply.reply_to.partition("+")[2].partition("@")[0])
    path = world.current.keys.unseal(reply.reverse_path.partition("+")[2].partition("@")[0])
    assert answer is not None and answer.purpose == Purpose.REPLY and answer.newest == 2
    assert path is not None and path.purpose == Purpose.PATH and path.handle == reply.row.handle
    assert world.page(reply).messages[-1].text == "Pull the plug."


def test_the_customer_answers_by_mail_and_on_the_page(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.after()
    decision = world.carol.replies(world.carol.only("reply"), "The plug is on fire, too.")
    assert decision.proof is not None and decision.proof.strong
    assert world.ticket().status == "open"
    world.after()
    assert "The plug is on fire, too." in world.alice.newest("notice").text
    world.comments(world.carol.only("reply"), "And now the desk.")
    world.after()
    assert "And now the desk." in world.alice.newest("notice").text
    assert [one.text for one in world.messages()] == [
        "It is on fire.",
        "Pull the plug.",
        "The plug is on fire, too.",
        "And now the desk.",
    ]
    assert len(world.carol.mailbox()) == 2, "nobody is told their own words"


def test_follow_ups_inside_the_window_join_one_letter(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    notice = world.alice.newest()
    world.alice.replies(notice, "First thought.")
    world.clock.forward(30)
    world.alice.replies(notice, "Second thought.")
    world.after(50)
    reply = world.carol.only("reply")
    assert "First thought." in reply.text and "Second thought." in reply.text
    world.after(1000)
    assert len(world.carol.mailbox("reply")) == 1


def test_a_follow_up_still_held_comes_by_itself(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    notice = world.alice.newest()
    world.alice.replies(notice, "First thought.")
    world.clock.forward(70)
    world.alice.replies(notice, "Second thought.")
    world.after(10)
    assert "Second thought." not in world.carol.only("reply").everything()
    world.after()
    first, second = world.carol.mailbox("reply")
    assert "Second thought." in second.text
    assert second.mail["In-Reply-To"] == first.mail["Message-ID"]


def test_what_was_read_on_the_page_is_not_mailed_and_says_so(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.clock.forward(30)
    world.reads(world.carol.only("receipt"))
    world.after(50)
    assert world.carol.mailbox("reply") == []
    skipped = [one for one in world.promises() if one.state == "skipped"]
    assert len(skipped) == 1 and skipped[0].reason.startswith("not mailed: read on the page")
    world.alice.replies(world.alice.newest(), "And the cable.")
    world.after()
    reply = world.carol.only("reply")
    assert "> Pull the plug." in reply.text, "what was not mailed is quoted in the next letter"


def test_looking_at_the_page_is_not_reading_it(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.clock.forward(30)
    world.page(world.carol.only("receipt"))
    world.after(50)
    assert len(world.carol.mailbox("reply")) == 1, "a mail scanner's GET changes nothing"


def test_an_answer_still_held_is_not_read_by_who_reads_around_it(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    receipt = world.carol.only("receipt")
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.clock.forward(5)
    world.comments(receipt, "Are you there?")
    assert "Pull the plug." not in repr(world.reads(receipt))
    world.after()
    assert "Pull the plug." in world.carol.only("reply").text


def test_instantly_means_at_once_after_the_hold(world: World) -> None:
    world.sets(instantly="yes")
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after(0)
    world.alice.replies(world.alice.only("notice"), "Pull the plug.")
    world.after(19)
    assert world.carol.mailbox("reply") == []
    world.after(1)
    assert "Pull the plug." in world.carol.only("reply").text


def test_a_desk_has_its_own_delay(world: World) -> None:
    world.sets(delay_s="300")
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after(0)
    assert len(world.carol.mailbox("receipt")) == 1, "receipts never wait"
    world.after(299)
    assert world.alice.mailbox() == []
    world.after(1)
    assert len(world.alice.mailbox()) == 1


def test_the_end_joins_the_answer_of_the_same_window(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.closes()
    world.after()
    assert [one.kind for one in world.carol.mailbox()] == ["receipt", "reply"]
    world.after(1000)
    assert len(world.carol.mailbox()) == 2


def test_the_end_alone_is_a_letter_with_an_id_of_its_own(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.after()
    world.closes()
    world.after()
    closed, reply = world.carol.only("closed"), world.carol.only("reply")
    assert "closed" in closed.text
    assert closed.mail["Message-ID"] != reply.mail["Message-ID"], "else mail programs show only one of them"
    assert reply.mail["Message-ID"] in str(closed.mail["References"])
    assert closed.mail["Auto-Submitted"] == "auto-generated"


def test_closing_while_an_instant_answer_is_held_comes_to_an_end(world: World) -> None:
    world.sets(instantly="yes")
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after(0)
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    world.closes()
    world.after(1)
    assert len(world.carol.mailbox()) == 1
    world.after(19)
    assert [one.kind for one in world.carol.mailbox()] == ["receipt", "reply"]


@pytest.mark.parametrize(("days", "reopened"), [(29, True), (31, False)])
def test_a_ticket_closed_for_long_goes_on_in_a_new_one(world: World, days: int, reopened: bool) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.closes()
    world.after()
    world.after(days * DAY / 1000)
    world.carol.replies(world.carol.only("receipt"), "It burns again.")
    first, *others = world.tickets()
    assert (first.status, len(others)) == (("open", 0) if reopened else ("closed", 1))
    if others:
        assert (others[0].linked_id, others[0].link_kind) == (first.id, "continues")


def test_a_desk_says_what_an_answer_makes_of_a_ticket(world: World) -> None:
    world.sets(answered_status="solved", closed_letter="no")
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Pull the plug.")
    assert world.ticket().status == "solved"
    world.after()
    world.closes()
    world.after()
    assert world.carol.mailbox("closed") == []


def test_an_agents_note_is_for_agents_who_took_part(world: World) -> None:
    world.employs(BOB)
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.bob.replies(world.bob.only("notice"), "Pull the plug.")
    world.after()
    decision = world.alice.notes(world.alice.only("notice"), "CANARY-NOTE: he is wrong.")
    assert decision.fate == "applied" and world.messages()[-1].kind == "internal"
    assert world.ticket().status == "pending"
    world.after()
    note = world.bob.newest("notice")
    assert "CANARY-NOTE" in note.text and "INTERNAL NOTE" in note.text
    assert len(world.carol.mailbox()) == 2
    world.bob.replies(note, "CANARY-NOTE: she is not.")
    assert world.messages()[-1].kind == "internal", "an answer to a note is a note"
    world.page(world.carol.only("reply"))


def test_people_in_cc_of_a_proven_mail_are_let_in_and_told(world: World) -> None:
    world.carol.writes("Printer", "Our secret is 4711.", auth="pass")
    world.after()
    both = {"Cc": str(DAVE)}
    world.carol.replies(world.carol.only("receipt"), "Dave should know.", headers=both, quoting=False)
    world.after()
    assert world.participants() == {CAROL.address, DAVE.address}
    assert world.dave.mailbox() == [], "he has that mail already"
    world.alice.replies(world.alice.newest(), "Good.")
    world.after()
    for got in (world.carol.only("reply"), world.dave.only("reply")):
        assert {CAROL.address, DAVE.address} <= set(re_addresses(got.mail, "To", "Cc"))
        assert "Carol Clark added" in got.text
    assert world.dave.only("reply").mail["Message-ID"] == world.carol.only("reply").mail["Message-ID"]
    assert world.dave.only("reply").reply_to != world.carol.only("reply").reply_to
    assert "4711" not in world.dave.only("reply").everything()
    assert "4711" not in repr(world.page(world.dave.only("reply")))
    assert "List-Unsubscribe" in world.dave.only("reply").mail
    assert "List-Unsubscribe" not in world.carol.only("reply").mail


def re_addresses(mail: object, *names: str) -> list[str]:
    """The plain addresses of some fields."""
    return [one.addr_spec for name in names for one in mail[name].addresses if mail[name]]  # type: ignore[index]


def test_every_letter_is_from_the_desk(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest(), "Write to alice@agents.example or alice%40agents.example.")
    world.after()
    world.closes()
    world.after()
    assert {one.mail["From"].addresses[0].addr_spec for one in world.everything()} == {DESK}
