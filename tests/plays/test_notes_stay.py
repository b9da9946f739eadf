"""Promise 6 where agents quote: a note stays with agents, whatever their mail program makes of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

import pytest

from gateway.desk.tables import AGENT
from gateway.flow.decision import Decision
from gateway.mail.quote import REPLY_MARK
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.leaks import NOTE_CANARY
from tests.mailbox import Got
from tests.people import ALICE, BOB
from tests.plays.outcomes import AGENTS, ANSWER, HELD, outcome
from tests.world import World, played

NOTE = (
    f"{NOTE_CANARY}: they have a gold contract and must never hear that we lost it.\n"
    "pw:x9\nAsk Bob about the rest of it."
)
STRANGE = "I am the neighbour and I know why it burns, but do not tell them that I said so."
ANSWER_TEXT = "Please pull the plug."


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Bob has left a note, and a stranger a mail that only agents may read."""
    with played(store, clock) as world:
        world.employs(BOB)
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.replies(world.alice.only("notice"), "Which printer?", quoting=False)
        world.after()
        world.bob.notes(world.bob.mailbox("notice")[0], NOTE, quoting=False)
        world.after()
        receipt = world.carol.only("receipt")
        stranger = world.mallory.writes("Re: Printer", STRANGE, receipt.reply_to)
        assert outcome(stranger, world.ticket()) == AGENTS
        world.after()
        yield world


def quoted(text: str, mark: str = "> ") -> str:
    return "".join(f"{mark}{line}\n" for line in text.splitlines())


def in_between(text: str, mark: str = "> ") -> str:
    quote = f"On 1 Jan 2026 Help wrote:\n{quoted(text, mark)}"
    return f"{ANSWER_TEXT}\n\n{quote}\nDone, please try.\n\n{mark}the end\n"


def without_mark(text: str) -> str:
    return text.partition(REPLY_MARK)[2]


def outlook(text: str) -> str:
    header = (
        "Van: Help <help@desk.example>\nVerzonden: maandag\nAan: Alice <alice@agents.example>\nOnderwerp: x"
    )
    return f"{ANSWER_TEXT}\n\n________________\n{header}\n\n{text}"


def rewrapped(text: str) -> str:
    return "\n".join(textwrap.fill(line, 30, break_long_words=False) for line in text.splitlines())


QUOTINGS: dict[str, Callable[[str], str]] = {
    "in between": in_between,
    "in between, without our mark": lambda text: in_between(without_mark(text)),
    "twice quoted": lambda text: f"{ANSWER_TEXT}\n\n{quoted(without_mark(text), '> > ')}\nDone.",
    "wrapped anew behind blanks": lambda text: in_between(rewrapped(without_mark(text)), "  > "),
    "wrapped anew with a wide mark": lambda text: in_between(rewrapped(without_mark(text)), "＞ "),
    "wrapped anew": lambda text: in_between(rewrapped(without_mark(text))),
    "Dutch Outlook": outlook,
    "Dutch Outlook, without our mark": lambda text: outlook(without_mark(text)),
}


@pytest.mark.parametrize("quoting", QUOTINGS)
@pytest.mark.parametrize("what", [NOTE_CANARY, STRANGE])
def test_what_is_quoted_stays(world: World, quoting: str, what: str) -> None:
    text = QUOTINGS[quoting](notice_with(world, what).text)
    assert outcome(answers(world, text), world.ticket()) == ANSWER
    check(world)


def test_what_only_the_html_quotes_stays(world: World) -> None:
    for what in (NOTE_CANARY, STRANGE):
        for cut in (str, without_mark):
            quote = cut(notice_with(world, what).text).replace("\n", "<br>")
            html = f"<p>{ANSWER_TEXT}</p><blockquote>{quote}</blockquote>"
            assert outcome(answers(world, ANSWER_TEXT, html), world.ticket()) == ANSWER
            check(world)


def test_html_without_a_quote_goes_out(world: World) -> None:
    answers(world, ANSWER_TEXT, f"<p><b>{ANSWER_TEXT}</b></p>")
    world.after()
    assert f"<b>{ANSWER_TEXT}</b>" in world.carol.newest("reply").html


def test_what_says_nothing_of_its_own_waits_and_the_agent_hears(world: World) -> None:
    notice = notice_with(world, NOTE_CANARY)
    for text in (quoted(notice.text), quoted(without_mark(notice.text)), notice.text):
        decision = answers(world, text)
        assert outcome(decision, world.ticket()) == HELD
        assert world.releases(world.inbound()[-1].id).fate == HELD, "releasing it makes nobody say anything"
        world.after()
        assert REPLY_MARK in " ".join(world.alice.newest("confirmation").text.split())
    assert len(world.carol.mailbox("reply")) == 1


def test_an_answer_below_the_quote_goes_out_alone(world: World) -> None:
    assert (
        outcome(
            answers(world, f"{quoted(notice_with(world, NOTE_CANARY).text)}\n{ANSWER_TEXT}"), world.ticket()
        )
        == ANSWER
    )
    check(world)
    assert world.messages()[-1].text == ANSWER_TEXT


def test_agents_keep_the_whole_text(world: World) -> None:
    answers(world, in_between(notice_with(world, NOTE_CANARY).text))
    world.after()
    said = world.page(world.alice.newest("notice")).messages[-1]
    assert NOTE_CANARY in said.full_text and "Done, please try." in said.full_text


def test_what_customers_know_already_may_be_repeated(world: World) -> None:
    world.bob.notes(
        world.bob.mailbox("notice")[0], "It is on fire, she says: really.\nWhich printer?", quoting=False
    )
    answers(world, "Once more:\nWhich printer?")
    world.after()
    assert "Which printer?" in world.carol.newest("reply").text


def test_no_letter_about_a_note_leads_to_the_customer(world: World) -> None:
    letter = notice_with(world, NOTE_CANARY)
    public = world.alice.mailbox("notice")[0].reply_to
    assert public.partition("@")[0] not in letter.everything()
    for got in world.alice.mailbox("notice"):
        assert got.text.startswith(REPLY_MARK)
        assert got.html.index(REPLY_MARK) < got.html.index("display:none")


def notice_with(world: World, words: str) -> Got:
    return next(one for one in reversed(world.alice.mailbox("notice")) if words in one.text)


def answers(world: World, text: str, html: str | None = None) -> Decision:
    """Alice answers the customer, whatever she quotes."""
    to = world.alice.mailbox("notice")[0].reply_to
    raw = people.mail(ALICE, to, "Re: Printer", text, html)
    return world.receives(raw, to, reverse_path=ALICE.address)


def check(world: World) -> None:
    """The answer arrived and nothing else did; the page says the same."""
    world.after()
    newest = world.carol.newest("reply")
    assert ANSWER_TEXT in newest.text
    assert world.messages()[-1].kind == AGENT
    for said in (newest.everything(), repr(world.page(newest))):
        for secret in (NOTE_CANARY, "gold contract", "pw:x9", "Ask Bob", STRANGE, "neighbour", ALICE.address):
            assert secret not in said, secret
