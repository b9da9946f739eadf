"""Mail that no human wrote: the table of design §4, loops, robots and delivery reports. Promise 4; T19, T23, T24."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gateway.flow import judging
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.mailbox import Got
from tests.people import ALICE, CAROL, DAVE, DESK, Person
from tests.plays.outcomes import AGENTS, HELD, MESSAGE, NEW, outcome
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.replies(world.alice.newest(), "Pull the plug.")
        world.after()
        yield world


HUMAN: dict[str, str] = {}
AUTOMATIC = {"Auto-Submitted": "auto-generated"}
AUTO_REPLY = {"Auto-Submitted": "auto-replied"}
BULK = {"List-Id": "<news.customer.example>"}
VERDICTS = {
    "human": (HUMAN, MESSAGE, "open", True, False),
    "automatic": (AUTOMATIC, MESSAGE, "pending", True, False),
    "bulk": (BULK, MESSAGE, "pending", True, False),
    "auto-reply": (AUTO_REPLY, MESSAGE, "pending", False, True),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_on_a_ticket(world: World, verdict: str) -> None:
    headers, effect, status, told, folded = VERDICTS[verdict]
    before = len(world.letters())
    decision = world.carol.replies(world.carol.only("reply"), "I am away.", headers=headers)
    assert outcome(decision, world.ticket()) == effect
    assert decision.message is not None and bool(decision.message.automatic) == folded
    assert world.ticket().status == status
    world.after()
    assert [one.kind for one in world.letters()[before:]] == (["notice"] if told else [])


@pytest.mark.parametrize(
    ("headers", "effect", "letters"),
    [
        (HUMAN, NEW, ["receipt", "notice"]),
        (AUTOMATIC, NEW, ["notice"]),
        (BULK, NEW, ["notice"]),
        (AUTO_REPLY, HELD, []),
        ({"From": DESK}, HELD, []),
    ],
)
def test_without_a_ticket(world: World, headers: dict[str, str], effect: str, letters: list[str]) -> None:
    before = len(world.letters())
    decision = world.dave.writes("News", "Something happened.", headers=headers, auth="pass")
    assert outcome(decision, world.ticket() if effect == HELD else world.tickets()[0]) == effect
    world.after()
    assert [one.kind for one in world.letters()[before:]] == letters


@pytest.mark.parametrize("verdict", ["automatic", "bulk", "auto-reply"])
def test_a_program_opens_no_closed_ticket_again(world: World, verdict: str) -> None:
    """T24: and however long ago it was closed, there is no new one for it."""
    world.closes()
    world.after()
    for seconds in (0, 40 * 86_400):
        world.clock.forward(seconds)
        decision = world.carol.replies(
            world.carol.only("reply"), f"Away {seconds}.", headers=VERDICTS[verdict][0]
        )
        assert outcome(decision, world.ticket()) == MESSAGE
        assert world.ticket().status == "closed"


@pytest.mark.parametrize("to_note", [False, True])
@pytest.mark.parametrize("headers", [AUTOMATIC, AUTO_REPLY, BULK])
def test_an_agents_robot_never_answers_the_customer(
    world: World, headers: dict[str, str], to_note: bool
) -> None:
    """T24, freescout#4035."""
    notice = world.alice.newest("notice")
    to = notice.note_address if to_note else notice.reply_to
    before = len(world.letters())
    decision = world.alice.replies(
        notice, "CANARY-NOTE: I am at the beach.", to=to, headers=headers, auth="pass"
    )
    expected = AGENTS if headers == AUTO_REPLY else HELD  # what may be an answer after all is a human's
    assert outcome(decision, world.ticket()) == expected
    assert world.ticket().status == "pending"
    world.after()
    assert len(world.letters()) == before


def test_an_agents_robot_elsewhere_is_asked_nothing(world: World) -> None:
    headers = AUTO_REPLY | {"In-Reply-To": str(world.alice.newest("notice").mail["Message-ID"])}
    before = len(world.letters())
    decision = world.alice.writes("Out of office", "Beach.", headers=headers, auth="pass")
    assert outcome(decision, world.ticket()) in (AGENTS, HELD)
    world.after()
    assert len(world.letters()) == before


def test_our_own_mail_that_comes_back_is_held(world: World) -> None:
    for got in world.everything():
        assert world.receives(got.raw, DESK).fate == HELD
        assert world.receives(got.raw, got.reply_to or DESK).fate in (HELD, "dropped")
    world.opens_desk("Sales", "sales@desk.example")
    assert world.receives(world.carol.newest().raw, "sales@desk.example").fate == HELD, "mailbox A to B"
    before = len(world.letters())
    world.after()
    assert len(world.letters()) == before


def test_our_own_mail_with_another_from_is_held(world: World) -> None:
    """T23: a mailing list puts its own address into From (DMARC), and keeps the Message-ID."""
    for got in world.everything():
        raw = got.raw.replace(f"<{DESK}>".encode(), b"<list@lists.example>")
        assert raw != got.raw
        decision = world.receives(raw, DESK, auth="pass")
        assert (decision.fate, world.inbound()[-1].verdict) == (HELD, "loop")
        assert judging.OWN_MESSAGE_ID in world.inbound()[-1].reasons


def test_two_robots_come_to_an_end(world: World) -> None:
    """T23: a rude responder without headers answers everything it gets; carol's address proves nothing."""
    rude = Person("Robot", "robot@rude.example")
    world.receives(people.mail(rude, DESK, "Hi", "Beep."), DESK, reverse_path=rude.address)
    for _ in range(10):
        world.after()
        for got in world.mailbox(rude.address):
            raw = people.mail(rude, got.reply_to, "Thanks for your mail", f"Beep beep {got.row.id}.")
            world.receives(raw, got.reply_to, reverse_path=rude.address)
    assert len(world.mailbox(rude.address)) == 1
    assert len([one for one in world.tickets() if one.subject != "Printer"]) == 1


def test_every_machine_mail_says_so_and_no_answer_does(world: World) -> None:
    world.alice.replies(world.alice.newest("notice"), "x", auth="fail")
    world.closes()
    world.after()
    kinds = {one.kind for one in world.everything()}
    assert kinds == {"receipt", "notice", "reply", "closed", "confirmation"}
    for got in world.everything():
        marked = got.mail["X-Auto-Response-Suppress"] == "All" and bool(got.mail["Auto-Submitted"])
        assert marked == (got.kind != "reply"), got.kind
        assert not {"precedence", "list-id", "bcc"} & {name.lower() for name in got.mail}
        assert got.reverse_path.startswith("help+")
    assert len({str(one.mail["Message-ID"]) for one in world.everything()}) == len(world.everything())


def report(
    got: Got, recipient: str = CAROL.address, *, action: str = "failed", original: bytes = b""
) -> bytes:
    """A delivery report on a letter. RFC 3464."""
    returned = original or got.raw.partition(b"\r\n\r\n")[0]
    return (
        b"From: MAILER-DAEMON@relay.example\r\nTo: x@desk.example\r\nSubject: Undelivered\r\n"
        b"Message-ID: <report-" + str(len(returned)).encode() + action.encode() + b"@relay.example>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; " + recipient.encode() + b"\r\n"
        b"Action: " + action.encode() + b"\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 gone\r\n\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + returned + b"\r\n--b--\r\n"
    )


def test_a_report_is_the_state_of_its_letter_and_nothing_else(world: World) -> None:
    reply = world.carol.only("reply")
    said, status = len(world.messages()), world.ticket().status
    assert world.receives(report(reply), reply.reverse_path, reverse_path="").fate == "applied"
    assert [one.state for one in world.letters() if one.kind == "reply"] == ["failed"]
    assert [one.state for one in world.letters() if one.kind in ("receipt", "notice")] == ["sent"] * 2
    assert (len(world.messages()), world.ticket().status) == (said, status)
    world.after(0)
    told = world.alice.only("confirmation")
    assert "carol@customer.example" in told.text and "550 gone" in told.text
    world.receives(
        report(reply, action="failed", original=b"Message-ID: <x@y>"), reply.reverse_path, reverse_path=""
    )
    world.after(0)
    assert len(world.alice.mailbox("confirmation")) == 1, "the author hears it once"


def test_by_message_id_a_report_is_only_noted(world: World) -> None:
    """Everybody on a ticket knows the id of everybody's letter: another participant may have made it up."""
    reply = world.carol.only("reply")
    decision = world.receives(report(reply), DESK, reverse_path="")
    assert (decision.fate, "return path" in decision.reason) == (HELD, True)
    row = next(one for one in world.letters() if one.id == reply.row.id)
    assert (row.state, row.last_reply) == ("sent", "perhaps failed: 550 gone")
    world.after()
    assert not world.alice.mailbox("confirmation")


def test_a_report_on_a_letter_we_are_handing_over_waits(world: World) -> None:
    reply = world.carol.only("reply")
    with world.store.unit() as unit:
        unit.run("UPDATE outbox SET state = 'sending', doubts = 1 WHERE id = ?", reply.row.id)
    assert world.receives(report(reply), reply.reverse_path, reverse_path="").fate == HELD
    assert "sending" in {one.state for one in world.letters()}
    with world.store.unit() as unit:
        unit.run("UPDATE outbox SET state = 'sent' WHERE id = ?", reply.row.id)
    assert world.releases(world.inbound()[-1].id).fate == "applied"
    assert "failed" in {one.state for one in world.letters()}


@pytest.mark.parametrize("form", ["plain", "in capitals", "beside another", "detail", "sealed"])
def test_mail_from_an_address_of_ours_is_a_loop(world: World, form: str) -> None:
    receipt = world.carol.only("receipt")
    from_ = {
        "plain": f"Help <{DESK}>",
        "in capitals": f"Help <{DESK.upper()}>",
        "beside another": f"{CAROL}, Help <{DESK}>",
        "detail": "Help <help+x@desk.example>",
        "sealed": f"Help <{receipt.reply_to}>",
    }[form]
    people_before, letters = world.participants(let_in=False), len(world.letters())
    for to in (DESK, receipt.reply_to):
        assert world.receives(people.mail(from_, to, "Loop", "Hello."), to).fate == HELD
        back = world.inbound()[-1]
        assert (back.verdict, json.loads(back.reasons)) == ("loop", [judging.OWN_ADDRESS])
        assert world.releases(world.inbound()[-1].id).fate == "applied"
    world.after()
    assert {one.kind for one in world.letters()[letters:]} <= {"notice"}
    assert world.participants(let_in=False) == people_before


def test_a_delay_is_no_failure(world: World) -> None:
    reply = world.carol.only("reply")
    assert (
        world.receives(report(reply, action="delayed"), reply.reverse_path, reverse_path="").fate == "applied"
    )
    assert {one.state for one in world.letters()} == {"sent"}


def test_forged_reports_change_nothing(world: World) -> None:
    """T19."""
    reply = world.carol.only("reply")
    token, _, host = str(reply.mail["Message-ID"]).strip("<>").partition("@")
    path = reply.reverse_path
    at = path.index("+") + 5
    flipped = path[:at] + ("a" if path[at] != "a" else "b") + path[at + 1 :]
    forged = [
        (
            report(
                reply,
                original=f"Message-ID: <{token[:-1]}{'a' if token[-1] != 'a' else 'q'}@{host}>".encode(),
            ),
            DESK,
        ),
        (report(reply, original=b"Message-ID: <made-up@desk.example>"), DESK),
        (report(reply, original=b"Subject: nothing"), DESK),
        (report(reply, DAVE.address), DESK),
        (report(reply, original=b"Message-ID: <flip@x>"), flipped),
        (
            report(
                reply, original=str(reply.mail["References"]).split()[0].join(["Message-ID: ", ""]).encode()
            ),
            DESK,
        ),
    ]
    for raw, to in forged:
        assert world.receives(raw, to, reverse_path="").fate == HELD, to
    world.after(0)
    assert {one.state for one in world.letters()} == {"sent"}
    assert world.alice.mailbox("confirmation") == []


def test_nobody_can_report_on_a_letter_that_has_not_left(world: World) -> None:
    """A participant knows the Message-ID that the others' letters will have."""
    world.carol.replies(world.carol.only("reply"), "Dave, look.", headers={"Cc": str(DAVE)})
    world.alice.replies(world.alice.newest("notice"), "Both of you.")
    world.courier.misbehave(DAVE.address, "retry")
    world.after()
    reply = world.carol.newest("reply")
    assert world.receives(report(reply, DAVE.address), DESK, reverse_path="").fate == HELD
    world.after(600)
    assert len(world.dave.mailbox("reply")) == 1


def test_what_comes_to_a_return_path_is_a_report_an_automatic_reply_or_held(world: World) -> None:
    path = world.carol.only("reply").reverse_path
    before = len(world.letters())
    away = people.mail(CAROL, path, "Out of office: Printer", "Beach.", headers=AUTO_REPLY)
    assert world.receives(away, path, reverse_path="").fate == "applied"
    for who in (CAROL, ALICE):
        assert world.receives(people.mail(who, path, "Hello", "I am human."), path, auth="pass").fate == HELD
    world.after()
    assert len(world.letters()) == before and len(world.messages()) == 2


def test_a_letter_to_a_machine_may_have_the_null_path(store: Store, clock: FakeClock) -> None:
    with played(store, clock, smarthost={"machine_sender": "null"}) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.notes(world.alice.newest("notice"))
        world.alice.replies(world.alice.newest("notice"), "Pull the plug.")
        world.after()
        paths = {one.kind: one.reverse_path for one in world.everything()}
        assert paths["receipt"] == paths["notice"] == "" and paths["reply"].startswith("help+")
        assert [one.kind for one in world.messages()][1] == "internal"
