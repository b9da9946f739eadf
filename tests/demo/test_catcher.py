"""What the mailboxes of the demo say of a mail before it is opened."""

from __future__ import annotations

from pathlib import Path

from gateway.demo.catcher import Caught
from gateway.mail.envelope import Envelope
from gateway.mail.quote import REPLY_MARK
from tests.people import ALICE, CAROL, mail


def test_a_preview_begins_with_what_is_new(tmp_path: Path) -> None:
    caught = Caught(tmp_path)
    letter = mail(ALICE, CAROL.address, "Printer", f"{REPLY_MARK}\n\nCarol wrote:\n  It burns.\n")
    caught.keep(Envelope("smtp", ALICE.address, (CAROL.address,)), letter)
    (heading,) = caught.headings()
    assert heading.preview == "Carol wrote: It burns."
