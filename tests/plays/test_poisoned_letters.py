"""A letter that cannot be written stops no other; words that are too many are clipped; nobody is told twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gateway.desk import notifications
from gateway.flow import letters, summary
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL
from tests import people
from tests.fakes import REFUSE, FakeClock
from tests.people import CAROL, DAVE, DESK, Attachment
from tests.world import World, played

OPERATOR = "operator@elsewhere.example"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock, operator={"address": OPERATOR}) as world:
        yield world


def poison(world: World, address: str) -> None:
    """No letter to them can be composed from now on."""
    with world.store.unit() as unit:
        unit.run("UPDATE contact SET email = 'no address' WHERE email = ?", address)


def sums_up(world: World) -> list[str]:
    with world.store.unit() as unit:
        summary.write_when_due(unit, world.desktop, "")
    world.after(0)
    return [got.text for got in world.mailbox(OPERATOR)]


def test_a_letter_that_cannot_be_written_stops_no_other(world: World) -> None:
    world.dave.writes("Scanner", "It is wet.", auth="pass")
    poison(world, DAVE.address)
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    assert [one.kind for one in world.carol.mailbox()] == ["receipt"]
    assert len(world.alice.mailbox("notice")) == 2
    poisoned = [one for one in world.promises() if one.attempts]
    assert [(one.kind, one.state) for one in poisoned] == [("receipt", "waiting")]
    world.after(599)
    assert [one.attempts for one in world.promises() if one.attempts] == [1], "later"
    world.after(1)
    (failed,) = [one for one in world.promises() if one.state == "failed"]
    assert "could not be written" in failed.reason and "no address" not in failed.reason
    (told,) = sums_up(world)
    assert "1 letter could not be delivered" in told and failed.reason[:40] in told.replace("\r\n", " ")
    world.clock.forward(7200)
    assert len(sums_up(world)) == 1, "once"


def test_a_human_has_it_tried_again(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    poison(world, CAROL.address)
    world.after()
    world.after(600)
    with world.store.unit() as unit:
        unit.run("UPDATE contact SET email = ? WHERE email = 'no address'", CAROL.address)
        assert notifications.write_again(unit) == 1
    world.after(0)
    assert [one.kind for one in world.carol.mailbox()] == ["receipt"]
    with world.store.unit() as unit:
        assert notifications.write_again(unit) == 0


def test_what_could_be_mended_meanwhile_is_sent_after_all(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.only("notice"), "Pull the plug.")
    world.alice.replies(world.alice.only("notice"), "And the other one.")
    poison(world, CAROL.address)
    world.after()
    assert world.carol.mailbox("reply") == []
    with world.store.unit() as unit:
        unit.run("UPDATE contact SET email = ?", CAROL.address)
    world.after(600)
    assert len(world.carol.mailbox("reply")) == 2, "each by itself"
    assert {one.state for one in world.promises()} == {"written"}


def test_hundreds_of_files_are_listed_in_part(world: World) -> None:
    files = [Attachment("漢" * 110 + f"{number}.txt", "text/plain", b"x") for number in range(300)]
    world.mallory.writes("Files", "All of them.", auth="pass", files=files)
    world.after()
    notice = world.alice.only("notice")
    assert notice.text.count("File to fetch") == 50 and "more files are on the ticket page" in notice.text
    assert list(notice.mail.iter_attachments()) == []


def test_words_that_grow_are_clipped(world: World) -> None:
    world.mallory.writes("Words", "Text.", auth="pass", html="<p>" + "a " * 49_000 + "</p>")
    world.after(10)
    world.mallory.replies(world.mallory.only("receipt"), '"' * 39_000, quoting=False)
    world.after()
    notice = world.alice.only("notice")
    assert "The rest of this message is on the ticket page" in notice.text and '"""' in notice.text


def test_two_daemons_tell_nobody_twice(world: World) -> None:
    """While one daemon writes to a recipient, another leaves them to it, whatever has come since."""
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    notice = world.alice.only("notice")
    world.alice.replies(notice, "FIRST answer.", quoting=False)
    world.clock.forward(81)
    if world.store.engine != POSTGRESQL:
        world.writes_due()
    else:
        other = Store(world.store.url, world.store.file.parent, world.clock)
        done: list[int] = []

        def writes() -> None:
            with other.unit("letters") as unit:
                done.append(letters.write_due(unit, world.desktop))
            other.close()

        with world.store.unit("letters") as unit:
            assert letters.write_due(unit, world.desktop) == 1
            second = threading.Thread(target=writes)
            second.start()
            second.join(30)
            assert done == [0], "it neither waits nor writes"
    world.alice.replies(notice, "SECOND answer.", quoting=False)
    world.after()
    first, second_letter = world.carol.mailbox("reply")
    assert "FIRST" in first.text and "FIRST" not in second_letter.text.partition("SECOND")[0]


def test_the_author_hears_whom_an_answer_did_not_reach(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass", headers={"Cc": str(DAVE)})
    world.after()
    world.carol.replies(world.carol.only("receipt"), "Dave, look.", headers={"Cc": str(DAVE)})
    world.after()
    world.courier.misbehave(DAVE.address, REFUSE)
    raw = people.mail("alice@agents.example", DESK, "Re", "Pull the plug.")
    world.receives(raw, world.alice.newest("notice").reply_to, reverse_path="alice@agents.example")
    world.after()
    told = world.alice.only("confirmation")
    words = " ".join(told.text.split())
    assert f"Your answer on ticket {world.ticket().number} did not reach {DAVE.address}." in words
    assert "550 5.1.1 nobody here" in words and f"It did reach: {CAROL.address}." in words
    assert "held" not in words and told.subject.startswith("Did not arrive: Printer")


def test_a_letter_has_failed_even_when_its_author_cannot_be_told(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.only("notice"), "Pull the plug.")
    with world.store.unit() as unit:
        unit.run("UPDATE agent SET email = 'no address'")
    world.courier.misbehave(CAROL.address, REFUSE)
    world.after()
    assert [(one.kind, one.state) for one in world.letters() if one.state != "sent"] == [("reply", "failed")]
    with world.store.unit() as unit:  # the search for leaks knows letters by their recipients
        unit.run("UPDATE agent SET email = 'alice@agents.example'")
