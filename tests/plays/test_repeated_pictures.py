"""Complaint 18: a signature's logo comes with every mail; it is kept, and shown as news only once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.store.database import Store
from tests.fakes import FakeClock
from tests.people import Attachment
from tests.world import World, played

LOGO = Attachment("logo.png", "image/png", b"\x89PNG\r\n\x1a\nlogo")
PLAN = Attachment("plan.png", "image/png", b"\x89PNG\r\n\x1a\nplan")
TERMS = Attachment("terms.pdf", "application/pdf", b"%PDF-1")


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def test_a_picture_is_news_once(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass", files=[LOGO, TERMS])
    world.after()
    receipt = world.carol.only("receipt")
    world.carol.writes(
        "Re: Printer",
        "Here is a plan.",
        to=receipt.reply_to,
        auth="pass",
        files=[LOGO, PLAN, TERMS],
    )
    first, second = world.page(receipt).messages
    assert [(file.name, file.repeated) for file in first.files] == [("logo.png", False), ("terms.pdf", False)]
    assert [(file.name, file.repeated) for file in second.files] == [
        ("logo.png", True),
        ("plan.png", False),
        ("terms.pdf", False),
    ]


def test_one_picture_twice_in_one_mail_is_no_repetition(world: World) -> None:
    world.carol.writes("Printer", "Twice.", auth="pass", files=[LOGO, LOGO])
    world.after()
    (message,) = world.page(world.carol.only("receipt")).messages
    assert [file.repeated for file in message.files] == [False, False]
