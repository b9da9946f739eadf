"""Reports and archives that somebody made up, and reports that people only pass on. T19, T24, T72."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.clock import DAY
from gateway.desk import suppression
from gateway.desk.tables import AGENTS_ONLY
from gateway.mail import reading as verdicts
from gateway.mail.parse import read
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import ALICE, CAROL, DESK
from tests.plays.archives import remembers
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol asked, Alice answered."""
    with played(store, clock) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.replies(world.alice.newest("notice"), "Pull the plug.", auth="pass")
        world.after()
        yield world


def suppress(world: World, address: str) -> None:
    for hours in (0, 24, 0):
        world.clock.forward(hours * 3600)
        with world.store.unit() as unit:
            suppression.came_back(unit, address, "550 5.1.1 gone")
    world.clock.forward(1)


@pytest.mark.parametrize(
    "headers", [{"List-Id": "<news.customer.example>"}, {"Auto-Submitted": "auto-generated"}]
)
def test_a_machine_at_the_address_does_not_prove_that_it_lives(world: World, headers: dict[str, str]) -> None:
    suppress(world, CAROL.address)
    world.carol.writes("News", "The printer is full.", headers=headers)
    with world.store.reading() as unit:
        assert suppression.reason(unit, CAROL.address)


def test_an_agent_who_was_a_customer_hears_of_mail_all_the_same(world: World) -> None:
    suppress(world, ALICE.address)
    world.clock.forward(DAY / 1000)
    world.carol.replies(world.carol.newest("reply"), "Thanks.")
    world.after()
    assert "Thanks." in world.alice.newest("notice").text


def test_an_archive_puts_no_answer_on_a_ticket_that_lives(world: World) -> None:
    """Its From is anybody's: on the page it would speak for us."""
    raw = people.reply(
        ALICE, world.carol.newest("reply").raw, "Pay to this account.", {"To": CAROL.address, "Cc": DESK}
    )
    decision = remembers(world, raw)
    assert decision.message is not None and decision.message.audience == AGENTS_ONLY
    assert "Pay to" not in repr(world.page(world.carol.newest("reply")))


def test_a_read_receipt_that_a_person_forwards_is_the_persons_mail() -> None:
    raw = (
        "From: carol@customer.example\nSubject: Fwd: What is this?\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nI got this.\n"
        "--b\nContent-Type: message/disposition-notification\n\nDisposition: x; displayed\n--b--\n"
    )
    assert read(raw.encode()).verdict == verdicts.HUMAN


def test_a_customer_of_a_company_called_mailer_is_no_postmaster() -> None:
    raw = (
        b"From: Carol <carol@mailer.example>\nSubject: Delivery problem with my order\n\n"
        b"You sent it to the wrong address, jo@customer.example does not exist.\n"
    )
    assert read(raw).verdict == verdicts.HUMAN


def test_a_verdict_behind_a_long_beginning_counts() -> None:
    """Exchange writes where the mail came from first."""
    field = f"X-Forefront-Antispam-Report: CIP:2001:db8::{'1:' * 40}1;CTRY:;LANG:en;SCL:5;SFV:SPM;"
    [mark] = read(f"From: carol@customer.example\n{field}\n\nHello.\n".encode()).filter_marks
    assert mark.verdict == "spam" and len(mark.said) == 80


@pytest.mark.parametrize("sign", ["&#xfdd2;", "&#64978", "&#x000FDD1;", "&#&#xfdd2;xfdd2;"])
def test_nobody_but_us_marks_what_is_folded(sign: str) -> None:
    """The signs that folding reads are noncharacters; a mail may write them as references."""
    words = f"<p>One.{sign}</p><p>{sign} Two.</p>"
    raw = f"From: carol@customer.example\nContent-Type: text/html\n\n{words}\n"
    assert read(raw.encode()).folded == ()
