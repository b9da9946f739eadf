"""Who gets which letter, and what stands on its outside: the tables of design §7; T47, T51."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gateway.desk import notifications
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import BOB, CAROL, DAVE, DESK, Attachment
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol and Dave are on a ticket; Alice and Bob are agents, Alice has answered."""
    with played(store, clock) as world:
        world.employs(BOB)
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.carol.replies(world.carol.only("receipt"), "Dave, look.", headers={"Cc": str(DAVE)})
        world.alice.replies(world.alice.mailbox("notice")[0], "Pull the plug.")
        world.after()
        yield world


def told(world: World) -> list[tuple[str, str]]:
    """Who got what since the last time."""
    begun = getattr(world, "seen", 0)
    everything = world.everything()
    world.seen = len(everything)  # type: ignore[attr-defined]
    return sorted((one.recipient.partition("@")[0], one.kind) for one in everything[begun:])


def test_a_new_ticket(world: World) -> None:
    told(world)
    world.mallory.writes("Hi", "Hello.", auth="pass")
    world.after()
    assert told(world) == [("alice", "notice"), ("bob", "notice"), ("mallory", "receipt")]


def test_a_ticket_with_an_assignee(world: World) -> None:
    with world.store.unit() as unit:
        unit.run("UPDATE ticket SET assignee_id = 2")
    told(world)
    world.carol.replies(world.carol.newest(), "More.")
    world.after()
    assert told(world) == [("bob", "notice"), ("dave", "reply")]


def test_a_participants_message(world: World) -> None:
    told(world)
    world.carol.replies(world.carol.newest(), "More.")
    world.after()
    assert told(world) == [("alice", "notice"), ("bob", "notice"), ("dave", "reply")]
    assert str(world.dave.newest().mail["From"]) == "Carol Clark via Help <help@desk.example>"
    world.carol.replies(world.carol.newest(), "For both.", headers={"Cc": str(DAVE)})
    world.after()
    assert told(world) == [("alice", "notice"), ("bob", "notice")], "Dave has it already"


def test_an_agents_answer(world: World) -> None:
    world.bob.replies(world.bob.newest("notice"), "And the cable.")
    world.after()
    told(world)
    world.alice.replies(world.alice.newest("notice"), "And the desk.")
    world.after()
    assert told(world) == [("bob", "notice"), ("carol", "reply"), ("dave", "reply")]


def test_a_note(world: World) -> None:
    told(world)
    world.bob.notes(world.bob.newest("notice"))
    world.after()
    assert told(world) == [("alice", "notice")], "she took part"
    world.page(world.carol.newest())
    world.page(world.dave.newest())


def test_the_end(world: World) -> None:
    told(world)
    world.closes()
    world.closes()
    world.after()
    assert told(world) == [("carol", "closed")]


@pytest.mark.parametrize("assigned", [False, True])
def test_a_letter_that_failed(world: World, assigned: bool) -> None:
    """Its author hears of it, else the assignee; else it is in the operator's summary."""
    if assigned:
        with world.store.unit() as unit:
            unit.run("UPDATE ticket SET assignee_id = 2")
    world.courier.misbehave(DAVE.address, "refuse", "refuse")
    world.alice.replies(world.alice.newest("notice"), "And the desk.")
    world.after()
    told(world)
    world.after(0)
    assert told(world) == [], "once"
    assert len(world.alice.mailbox("confirmation")) == 1
    world.carol.replies(world.carol.newest("reply"), "More.")
    world.after()
    assert len(world.alice.mailbox("confirmation")) == 1
    assert len(world.bob.mailbox("confirmation")) == assigned


def test_everyone_is_shown_and_each_has_their_own(world: World) -> None:
    carol, dave = world.carol.only("reply"), world.dave.only("reply")
    for got in (carol, dave):
        shown = [one.addr_spec for name in ("To", "Cc") for one in got.mail[name].addresses]
        assert shown == [CAROL.address, DAVE.address]
        assert got.mail["From"].addresses[0].addr_spec == DESK
        assert "Bcc" not in got.mail
    assert carol.mail["Message-ID"] == dave.mail["Message-ID"]
    assert carol.link != dave.link
    assert len({carol.reply_to, dave.reply_to, carol.reverse_path, dave.reverse_path}) == 4
    assert "Carol Clark added Dave Dunn" in dave.text


def test_references_begin_with_the_root_and_name_what_came_before(world: World) -> None:
    world.carol.replies(world.carol.newest(), "More.")
    world.after()
    world.alice.replies(world.alice.newest("notice"), "Less.")
    world.after()
    root = str(world.carol.only("receipt").mail["References"]).split()[0]
    first, newest = world.carol.mailbox("reply")[0], world.carol.newest("reply")
    references = str(newest.mail["References"]).split()
    assert references[0] == root and str(first.mail["Message-ID"]) in references
    assert str(newest.mail["In-Reply-To"]) == world.messages()[-2].message_id == references[-1]
    own = str(world.messages()[-1].message_id)
    assert "agents.example" in own and own not in newest.everything()
    for got in world.everything():
        assert str(got.mail["References"]).split()[0] == root


def test_a_notice_names_its_agent_and_the_desk_only(world: World) -> None:
    for got in (*world.alice.mailbox("notice"), *world.bob.mailbox("notice")):
        addresses = [
            one.addr_spec for name in ("From", "To", "Cc") for one in getattr(got.mail[name], "addresses", ())
        ]
        assert addresses == [DESK, got.recipient]
    assert "bob@" not in world.alice.newest().everything()


@pytest.mark.parametrize("where", ["subject", "name", "filename"])
def test_nobody_writes_headers_for_us(world: World, where: str) -> None:
    """T47: encoded line ends in subject, name and file name."""
    word = "=?UTF-8?Q?x=0D=0ABcc=3A_eve=40elsewhere.example=0A=0AHello?="
    raw = people.mail(
        CAROL, DESK, "SUBJECT", "Text.", attachments=[Attachment("FILE.txt", "text/plain", b"x")]
    )
    spoilt = {
        "subject": (b"SUBJECT", word),
        "name": (b"Carol Clark", word),
        "filename": (b"FILE.txt", "a%0D%0ABcc: eve"),
    }
    old, new = spoilt[where]
    ticket = world.receives(raw.replace(old, new.encode()), DESK, auth="pass").ticket
    assert ticket is not None
    world.after()
    world.alice.replies(world.alice.newest("notice"), "Yes.")
    world.after()
    for got in world.everything():
        assert "bcc" not in {name.lower() for name in got.mail}
        assert b"\n" not in got.raw.replace(b"\r\n", b"") and b"\nBcc:" not in got.raw
    assert world.eve.mailbox() == []


@pytest.mark.parametrize(("octets", "travels"), [(9_000_000, True), (11_000_000, False)])
def test_large_files_become_links(world: World, octets: int, travels: bool) -> None:
    data = b"0123456789" * (octets // 10)
    file = Attachment("plan.bin", "application/octet-stream", data)
    notice = world.alice.newest("notice")
    raw = people.mail("alice@agents.example", notice.reply_to, "Re", "The plan.", attachments=[file])
    assert world.receives(raw, notice.reply_to).fate == "applied"
    world.after()
    reply = world.carol.newest("reply")
    attached = [part.get_payload(decode=True) for part in reply.mail.iter_attachments()]
    assert attached == ([data] if travels else [])
    if not travels:
        handle = re.search(r"/attachments/([0-9a-f]{16})/plan\.bin", reply.text)
        assert handle
        view, pieces = world.door.file(reply.link, handle[1])
        assert view.size == octets and b"".join(pieces) == data
        with pytest.raises(Exception, match=r"page\.not_found"):
            world.door.file(reply.link, "0" * 16)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", ""),
        (notifications.RESTORED, "nicht gemailt: wiederhergestellt"),
        ("not mailed: read on the page 14:02", "nicht gemailt: auf der Seite gelesen, 14:02"),
    ],
)
def test_why_something_was_not_mailed_is_told_in_the_readers_language(reason: str, told: str) -> None:
    catalogue = {
        notifications.RESTORED: "nicht gemailt: wiederhergestellt",
        notifications.READ: "nicht gemailt: auf der Seite gelesen, %(when)s",
    }
    assert notifications.why_not_mailed(reason, catalogue.__getitem__) == told


def test_more_news_than_a_page_of_history(world: World) -> None:
    """Seventy comments in a minute are one letter, and every one of them is in it."""
    for number in range(70):
        world.comments(world.carol.newest(), f"Comment {number}.")
    world.after()
    letters = world.dave.mailbox("reply")[1:]
    assert len(letters) == 1
    assert [number for number in range(70) if f"Comment {number}." not in letters[0].text] == []


def test_a_host_without_sub_addresses(store: Store, clock: FakeClock) -> None:
    """`reply = ""`: Message-ID, References and link carry; no agent is proven by those, promise 7."""
    with played(store, clock) as world:
        world.sets(reply="", bounce="")
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        receipt, notice = world.carol.only("receipt"), world.alice.only("notice")
        assert receipt.reply_to == receipt.reverse_path == DESK
        for quoting, threaded in ((True, True), (False, True), (True, False)):
            text = f"More {quoting} {threaded}."
            decision = world.carol.replies(receipt, text, quoting=quoting, threaded=threaded)
            assert decision.ticket == world.ticket() and decision.match.carrier is not None
        assert world.alice.replies(notice, "CANARY-NOTE or answer?", auth="pass").fate == "held"
        assert world.alice.replies(notice, "CANARY-NOTE?", auth="pass", threaded=False).fate == "held"
        assert [one.kind for one in world.messages()] == ["client"] * 4
        world.after()


def test_a_desk_with_other_patterns(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        world.sets(reply="{local}-{token}@{domain}", bounce="bounce+{token}@{domain}")
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        receipt = world.carol.only("receipt")
        assert receipt.reply_to.startswith("help-") and receipt.reverse_path.startswith("bounce+")
        assert world.carol.replies(receipt, "More.").ticket == world.ticket()
        away = people.mail(CAROL, DESK, "Away", "Beach.", headers={"Auto-Submitted": "auto-replied"})
        assert world.receives(away, receipt.reverse_path.upper(), reverse_path="").fate == "applied"
