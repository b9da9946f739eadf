"""Promise 6 in files: attached mails and texts carry no token, no note and no agent's address to others."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest

from gateway.desk import attachments
from gateway.desk.tables import Attachment as Kept
from gateway.errors import NotFound
from gateway.flow.decision import Decision
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.leaks import NOTE_CANARY
from tests.mailbox import Got
from tests.people import ALICE, BOB, CAROL, DAVE, Attachment
from tests.plays.outcomes import ANSWER, MESSAGE, outcome
from tests.world import World, played

FILLER = "All work and no play makes a long file.\n" * 8_000  # more than 256 KiB


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol has let Dave in; Bob has left a note."""
    with played(store, clock) as world:
        world.employs(BOB)
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.replies(world.alice.only("notice"), "Which one?", quoting=False)
        world.after()
        world.bob.notes(
            world.bob.mailbox("notice")[0], f"{NOTE_CANARY}: they have a gold contract.", quoting=False
        )
        world.carol.replies(
            world.carol.only("reply"), "Hello Dave.", headers={"Cc": str(DAVE)}, quoting=False
        )
        world.after()
        yield world


def forwarded(letter: Got, encoding: str, filler: str = "") -> bytes:
    """A letter of ours as a mail program saves it, its text encoded anew."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["Subject"], mail["Date"] = "help@desk.example", letter.subject, letter.mail["Date"]
    mail["Reply-To"] = letter.reply_to
    mail.set_content(letter.text + filler, cte=encoding)
    return mail.as_bytes()


FORMS = {
    "message/rfc822": ("letter.eml", "message", "rfc822"),
    "message/global": ("letter.u8msg", "message", "global"),
    "octet-stream .eml": ("letter.eml", "application", "octet-stream"),
    "octet-stream": ("letter", "application", "octet-stream"),
    "text/plain": ("letter.txt", "text", "plain"),
}


def with_file(world: World, who: people.Person, to: str, data: bytes, form: str) -> Decision:
    name, main, sub = FORMS[form]
    mail = message_from_bytes(people.mail(who, to, "Re: Printer", "See the file."), policy=SMTP)
    assert isinstance(mail, EmailMessage)
    if form == "message/rfc822":
        mail.add_attachment(message_from_bytes(data, policy=default), filename=name)
    else:
        mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return world.receives(mail.as_bytes(), to, reverse_path=who.address)


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("filler", ["", FILLER], ids=["small", "large"])
def test_a_customers_mail_goes_on_without_tokens(world: World, form: str, encoding: str, filler: str) -> None:
    mine = world.carol.only("receipt")
    to = world.carol.newest("reply").reply_to
    assert (
        outcome(with_file(world, CAROL, to, forwarded(mine, encoding, filler), form), world.ticket())
        == MESSAGE
    )
    world.after()
    for got in (world.dave.newest("reply"), world.alice.newest("notice")):
        file = next(got.mail.iter_attachments())
        assert file.get_content_type() == "text/plain"
        data = file.get_payload(decode=True)
        assert isinstance(data, bytes)
        text = data.decode("utf-8-sig")
        assert "It is on fire" in text and "…" in text
        assert mine.link not in got.everything() and mine.reply_to not in got.everything()


def test_files_without_tokens_go_on_as_they_are(world: World) -> None:
    mail = people.mail(DAVE, CAROL, "Hello", "Between us: the plug.")
    text = "Größe &amp; Preis".encode("latin-1")
    files = [
        Attachment("hello.eml", "application/octet-stream", mail),
        Attachment("prices.txt", "text/plain", text),
        Attachment("fire.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    ]
    world.carol.writes("Re: Printer", "See.", world.carol.newest("reply").reply_to, files=files)
    world.after()
    got = [part.get_payload(decode=True) for part in world.dave.newest("reply").mail.iter_attachments()]
    assert got == [one.data for one in files]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["7bit", "base64"])
def test_an_agents_attached_mail_stays_with_agents(world: World, form: str, encoding: str) -> None:
    letter = next(one for one in world.alice.mailbox("notice") if NOTE_CANARY in one.text)
    to = world.alice.mailbox("notice")[0].reply_to
    decision = with_file(world, ALICE, to, forwarded(letter, encoding), form)
    assert outcome(decision, world.ticket()) == ANSWER
    assert decision.message is not None and "not sent to customers: letter" in decision.message.remark
    world.after()
    answer = world.carol.newest("reply")
    assert "See the file." in answer.text and not list(answer.mail.iter_attachments())
    assert not world.page(answer).messages[-1].files
    assert world.page(world.alice.newest("notice")).messages[-1].files, "agents have it"
    check_nobody_fetches(world, answer)


@pytest.mark.parametrize(
    "file",
    [
        Attachment("winmail.dat", "application/ms-tnef", b"\x78\x9f\x3e\x22" + bytes(20)),
        Attachment("notice.msg", "application/octet-stream", b"\xd0\xcf\x11\xe0" + bytes(20)),
        Attachment("why.txt", "text/plain", f"> {NOTE_CANARY}: they have a gold contract.".encode()),
        Attachment("me.html", "text/html", b"<p>Write to alice&#64;agents.example</p>"),
    ],
    ids=lambda file: file.filename,
)
def test_an_agents_internal_file_stays_with_agents(world: World, file: Attachment) -> None:
    plan = Attachment("plan.txt", "text/plain", b"First the plug.")
    to = world.alice.mailbox("notice")[0].reply_to
    world.alice.writes("Re: Printer", "See the plan.", to, files=[file, plan])
    world.after()
    answer = world.carol.newest("reply")
    assert [part.get_filename() for part in answer.mail.iter_attachments()] == ["plan.txt"]
    check_nobody_fetches(world, answer)


@pytest.mark.parametrize("who", [ALICE, CAROL])
def test_a_mail_that_was_not_read_to_the_end_is_enclosed_for_agents(world: World, who: people.Person) -> None:
    many = {f"X-A{number}": "1" for number in range(1500)}
    of = world.alice.mailbox("notice")[0] if who == ALICE else world.carol.newest("reply")
    raw = people.reply(who, of.raw, "Here it is.", many)
    decision = world.receives(raw, of.reply_to, reverse_path=who.address)
    assert outcome(decision, world.ticket()) == (ANSWER if who == ALICE else MESSAGE)
    world.after()
    other = world.dave.newest("reply")
    assert "Here it is." in other.text and not list(other.mail.iter_attachments())
    assert not world.page(other).messages[-1].files
    assert len(world.page(world.bob.newest("notice")).messages[-1].files) == 1
    check_nobody_fetches(world, other)


def check_nobody_fetches(world: World, letter: Got) -> None:
    """By its handle neither: what is for agents is not there for others, and for agents it is."""
    with world.store.reading() as unit:
        hidden = unit.rows(Kept, "audience = 'agents'")
    assert hidden
    for one in hidden:
        handle = attachments.handle_text(one)
        with pytest.raises(NotFound):
            world.door.file(letter.link, handle)
        assert world.door.file(world.alice.mailbox("notice")[0].link, handle)[0].size == one.size
