"""The public page with the real desk behind it, on each engine: what `tests/web` proves of the page alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway.clock import DAY, SECOND
from gateway.desk.tables import Participant
from gateway.mail.token import Purpose, draw_handle
from gateway.store.database import Store
from gateway.web.downloads import HEADERS
from gateway.web.pages import PAGE_HEADERS
from gateway.web.settings import MEBIBYTE, Limits
from tests.fakes import FakeClock
from tests.leaks import NOTE_CANARY
from tests.people import BOB, DAVE, Attachment
from tests.web.conftest import Site, served
from tests.world import World, played

PLAN = Attachment("plan <b>.txt", "text/plain", b"First the plug, then the cable.")
PICTURE = Attachment("fire.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(64))
SECRET = Attachment("secret.txt", "text/plain", b"CANARY-FILE")

WAYS_IN = [
    ("GET", ""),
    ("HEAD", ""),
    ("GET", "/unsubscribe"),
    ("GET", "/attachments/0123456789abcdef/a.txt"),
    ("POST", "/comments"),
    ("POST", "/read"),
    ("POST", "/unsubscribe"),
]


@dataclass(frozen=True)
class Place:
    """A ticket with something for everybody, its page, and the links to it.

    carol opened it; dave was let in at the end; alice is an agent.  eve has a ticket of her own.
    """

    world: World
    site: Site
    carol: str
    dave: str
    alice: str
    eve: str

    def url(self, token: str) -> str:
        return self.site.page(token)

    def text(self, token: str) -> str:
        answer = self.site.client.get(self.url(token))
        assert answer.status_code == 200
        return answer.text

    def files(self, token: str) -> list[str]:
        return re.findall(r'href="(/helpdesk/ticket/[^"]+/attachments/[^"]+)"', self.text(token))

    def said(self) -> list[str]:
        return [one.text for one in self.world.messages(self.world.tickets()[0])]

    def place_of(self, address: str) -> Participant:
        """Somebody's row on the first ticket."""
        with self.world.store.reading() as unit:
            row = unit.row(
                Participant,
                "ticket_id = 1 AND contact_id = (SELECT id FROM contact WHERE email = ?)",
                address,
            )
        assert row is not None
        return row

    def sealed(self, purpose: Purpose, handle: int) -> str:
        return self.world.current.keys.seal(purpose, handle)


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        world.employs(BOB)
        world.carol.writes("Printer", "It is on fire.", auth="pass", files=[PLAN, PICTURE])
        world.eve.writes("Toner", "It is empty.", auth="pass", files=[SECRET])
        world.after()
        asked = next(one for one in world.bob.mailbox("notice") if "on fire" in one.text)
        world.bob.replies(asked, "Pull the plug.")
        world.after()
        world.bob.notes(asked, NOTE_CANARY)
        world.carol.replies(
            world.carol.newest("reply"), "Dave will do it.", auth="pass", headers={"Cc": DAVE.address}
        )
        world.after()
        world.bob.replies(world.bob.newest("notice"), "Well done.")
        world.after()
        yield world


@pytest.fixture
def place(world: World) -> Iterator[Place]:
    limits = Limits(wrong_tokens=(1000, 600), writes=(1000, 60))
    with served(world.door, limits) as site:
        asked = next(one for one in world.alice.mailbox("notice") if "on fire" in one.text)
        links = [one.link for one in (world.carol.newest(), world.dave.newest(), asked, world.eve.newest())]
        yield Place(world, site, *links)


def test_each_reader_sees_what_is_theirs(place: Place) -> None:
    carol, dave, alice = (place.text(one) for one in (place.carol, place.dave, place.alice))
    assert "It is on fire." in carol and "Pull the plug." in carol and "Well done." in carol
    assert "Well done." in dave and "Dave will do it." in dave
    assert "It is on fire." not in dave and "Pull the plug." not in dave, "he reads from where he was let in"
    assert NOTE_CANARY in alice and "It is on fire." in alice and "Agent view, read only" in alice
    for page in (carol, dave):
        assert NOTE_CANARY not in page and BOB.address not in page and "Toner" not in page
    assert "<form" not in alice and "<script" not in alice
    assert "plan _b_.txt" in carol and "plan" not in dave


def test_every_answer_has_the_headers(place: Place) -> None:
    carol, get, post = place.url(place.carol), place.site.client.get, place.site.client.post
    answers = {
        200: [get(carol), place.site.client.head(carol), get(place.url(place.dave) + "/unsubscribe")],
        204: [post(carol + "/read", data={"up_to": "1"})],
        303: [post(carol + "/comments", data={"text": "x"})],
        403: [get(carol + "/unsubscribe"), post(place.url(place.alice) + "/comments", data={"text": "x"})],
        404: [get(place.url("x")), get(carol + "/attachments/0123456789abcdef/x")],
        422: [post(carol + "/comments", data={"text": " "})],
    }
    for status, given in answers.items():
        for answer in given:
            assert answer.status_code == status
            assert {name: answer.headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS
            assert "set-cookie" not in answer.headers


def test_all_wrong_links_get_one_and_the_same_answer(place: Place) -> None:
    row = place.place_of(DAVE.address)
    foreign = [
        place.sealed(Purpose.REPLY, row.handle),
        place.sealed(Purpose.ROOT, row.handle),
        place.sealed(Purpose.LINK, draw_handle()),
        place.sealed(Purpose.AGENT_LINK, row.handle),
        place.carol[:-1] + ("a" if place.carol[-1] != "a" else "b"),
        place.carol[:36],
    ]
    with place.world.store.unit() as unit:
        unit.change(Participant, row.id, handle=draw_handle())
    revoked = place.dave
    wrong = [*foreign, revoked, "x", "a" * 46, "%00", "..", "A" * 3000, "'--"]
    for method, path in WAYS_IN:
        data = {"text": "x", "up_to": "1"} if method == "POST" else None
        answers = [place.site.client.request(method, place.url(one) + path, data=data) for one in wrong]
        for answer in answers:
            answer.headers.pop("date")
        assert {answer.status_code for answer in answers} == {404}, (method, path)
        assert len({answer.content for answer in answers}) == 1, (method, path)
        assert len({tuple(answer.headers.items()) for answer in answers}) == 1, (method, path)


def test_links_die_with_what_they_stand_for(place: Place) -> None:
    row = place.place_of(DAVE.address)
    with place.world.store.unit() as unit:
        unit.change(Participant, row.id, let_in_at=None)
        unit.run("UPDATE agent SET active = 0 WHERE email = 'alice@agents.example'")
    gone = [place.site.client.get(place.url(one)) for one in (place.dave, place.alice, "x")]
    assert {answer.status_code for answer in gone} == {404}
    assert len({answer.content for answer in gone}) == 1
    assert place.text(place.carol), "hers is another one"


class TestFiles:
    def test_are_as_they_were_sent(self, place: Place) -> None:
        plan, picture = place.files(place.carol)
        answer = place.site.client.get(plan)
        assert answer.content == PLAN.data
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == 'attachment; filename="plan _b_.txt"'
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        head = place.site.client.head(plan)
        assert (head.content, head.headers["content-length"]) == (b"", str(len(PLAN.data)))
        assert place.site.client.get(picture).headers["content-type"] == "image/png"
        assert place.site.client.get(place.files(place.alice)[0]).content == PLAN.data

    def test_are_for_readers_of_their_message_only(self, place: Place) -> None:
        nothing = place.site.client.get(place.url("x"))
        (secret,) = place.files(place.eve)
        assert place.site.client.get(secret).content == SECRET.data
        handles = [one.split("/attachments/")[1] for one in (*place.files(place.carol), secret)]
        for handle in handles:
            answer = place.site.client.get(f"{place.url(place.dave)}/attachments/{handle}")
            assert (answer.status_code, answer.content) == (404, nothing.content)
        foreign = place.site.client.get(f"{place.url(place.alice)}/attachments/{handles[-1]}")
        assert foreign.status_code == 404, "an agent's link is for one ticket"


class TestComments:
    @pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
    def test_are_stored_and_shown(self, place: Place, kind: str) -> None:
        files = {"files": ("", b"", "application/octet-stream")} if kind == "multipart" else None
        answer = place.site.client.post(
            place.url(place.carol) + "/comments", data={"text": "Grün\r\nand ☃ \0"}, files=files
        )
        assert answer.status_code == 303
        assert place.said()[-1].startswith("Grün\nand ☃")
        assert "\0" not in place.said()[-1]
        assert "Grün\nand ☃" in place.text(place.carol)
        assert place.world.tickets()[0].status == "open"
        place.world.after()
        assert "and ☃" in place.world.bob.newest("notice").text

    def test_on_a_ticket_closed_long_ago_lead_to_the_one_that_goes_on(self, place: Place) -> None:
        first = place.world.tickets()[0]
        place.world.closes(first)
        place.world.after(31 * DAY / SECOND)
        answer = place.site.client.post(
            place.url(place.carol) + "/comments", data={"text": "It burns again."}
        )
        assert answer.status_code == 303
        token = answer.headers["Location"].rpartition("/")[2].removesuffix("#added")
        assert token != place.carol
        page = place.text(token)
        assert "It burns again." in page and place.world.tickets()[-1].number in page
        assert "It burns again." not in place.text(place.carol)

    def test_bring_files_up_to_ten_mebibyte(self, place: Place) -> None:
        where, half = place.url(place.carol) + "/comments", bytes(range(256)) * (5 * MEBIBYTE // 256)
        files = [("files", ("../../1\u200b.bin", half)), ("files", ("2.bin", half))]
        assert place.site.client.post(where, data={"text": ""}, files=files).status_code == 303
        stored = place.files(place.carol)[-2:]
        assert [one.rpartition("/")[2] for one in stored] == ["1.bin", "2.bin"]
        assert [place.site.client.get(one).content for one in stored] == [half, half]
        before = place.said()
        answer = place.site.client.post(
            where, data={"text": "<kept>"}, files=[*files, ("files", ("3", b"x"))]
        )
        assert answer.status_code == 413 and "&lt;kept&gt;</textarea>" in answer.text
        assert place.said() == before

    def test_are_refused_with_what_was_written(self, place: Place) -> None:
        where, before = place.url(place.carol) + "/comments", place.said()
        long = place.site.client.post(where, data={"text": "é" * 100_001})
        assert long.status_code == 422 and "100000 characters" in long.text and "é" * 1000 in long.text
        assert place.site.client.post(where, data={"text": "\r\n "}).status_code == 422
        cross = place.site.client.post(where, data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert cross.status_code == 403
        assert (
            place.site.client.post(place.url(place.alice) + "/comments", data={"text": "x"}).status_code
            == 403
        )
        assert place.said() == before

    def test_hand_on_no_token(self, place: Place) -> None:
        place.site.client.post(place.url(place.carol) + "/comments", data={"text": f"my link: {place.carol}"})
        assert place.carol not in place.said()[-1]
        assert place.carol not in place.text(place.dave)


class TestReading:
    def test_goes_forward_and_not_too_far(self, place: Place) -> None:
        who = place.place_of("carol@customer.example")
        newest = place.world.tickets()[0].last_position
        marks = []
        for up_to in ("3", "1", "999999999"):
            answer = place.site.client.post(place.url(place.carol) + "/read", data={"up_to": up_to})
            assert (answer.status_code, answer.content) == (204, b"")
            marks.append(place.place_of("carol@customer.example").read_to)
        assert marks == [max(3, who.read_to), max(3, who.read_to), newest]
        assert place.place_of(DAVE.address).read_to < newest, "it counts for herself"

    def test_of_an_agent_is_no_customers_reading(self, place: Place) -> None:
        place.site.client.post(place.url(place.alice) + "/read", data={"up_to": "9"})
        assert place.place_of("carol@customer.example").read_to < place.world.tickets()[0].last_position


class TestUnsubscribing:
    def test_is_for_those_who_were_let_in(self, place: Place) -> None:
        where = place.url(place.dave) + "/unsubscribe"
        assert f"{place.dave}/unsubscribe" in place.text(place.dave)
        assert "/unsubscribe" not in place.text(place.carol)
        assert '<form method="post"' in place.site.client.get(where).text
        assert place.place_of(DAVE.address).unsubscribed_at is None, "a GET changes nothing"
        assert place.site.client.post(where, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert place.place_of(DAVE.address).unsubscribed_at is not None
        assert "/unsubscribe" not in place.text(place.dave)

    def test_is_refused_to_the_requester_and_to_agents(self, place: Place) -> None:
        for token in (place.carol, place.alice):
            assert place.site.client.post(place.url(token) + "/unsubscribe").status_code == 403
        assert place.place_of("carol@customer.example").unsubscribed_at is None
