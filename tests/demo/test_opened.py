"""Caught mails: kept as a mailbox keeps them, read and answered as a mail client does."""

from __future__ import annotations

import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from gateway.demo import writing
from gateway.demo.catcher import Catcher, Caught
from gateway.demo.opened import Choice, Opened, open_mail
from gateway.mail.compose import compose
from gateway.mail.envelope import Envelope
from gateway.mail.quote import fold
from tests.parts import programs
from tests.people import ALICE, CAROL, DESK, Attachment, mail
from tests.source import ROOT

NOTE = "help+note@desk.example"
HTML = f'<p>Hi <script>x</script><a href="mailto:{NOTE}?subject=Re%3A%20Lamp">Leave a note &amp; more</a></p>'


def caught(octets: bytes, recipient: str = ALICE.address) -> Opened:
    return open_mail(1, f"Return-Path: <x@desk.example>\r\nDelivered-To: {recipient}\r\n".encode() + octets)


def letter(**headers: str) -> bytes:
    fields = {"Reply-To": "help+token@desk.example", "Message-ID": "<2@desk.example>"} | headers
    files = [Attachment("list.txt", "text/plain", b"one lamp")]
    return mail(f'"Carol (Support)" <{DESK}>', ALICE, "Lamp", "It is broken.\n", HTML, files, fields)


def test_owner_sender_and_files_are_found() -> None:
    opened = caught(letter())
    assert (opened.recipient.email, opened.recipient.name) == (ALICE.address, ALICE.name)
    assert (opened.sender.email, opened.sender.name) == (DESK, "Carol (Support)")
    assert [(file.filename, file.data) for file in opened.files] == [("list.txt", b"one lamp")]
    assert opened.fields[1] == ("Delivered-To", ALICE.address)


def test_html_is_shown_as_it_was_sent() -> None:
    assert "<script>x</script>" in caught(letter()).html


def test_answers_go_to_reply_to_and_where_the_mail_offers() -> None:
    assert caught(letter()).choices == (
        Choice("Answer", "help+token@desk.example"),
        Choice("Leave a note & more", NOTE),
    )


def test_answers_go_to_from_without_reply_to() -> None:
    assert caught(letter(**{"Reply-To": ""})).choices[0].address == DESK


def test_an_answer_is_threaded_and_quotes() -> None:
    opened = caught(letter(References="<0@desk.example> <1@desk.example>"))
    octets = compose(writing.answer(opened, "help+token@desk.example", "Send it back.", 1_790_000_000_000))
    said = message_from_bytes(octets, policy=default)
    assert (said["From"], said["Subject"]) == (str(ALICE), "Re: Lamp")
    assert said["To"].addresses[0].addr_spec == "help+token@desk.example"
    assert said["In-Reply-To"] == "<2@desk.example>"
    assert said["References"].split() == ["<0@desk.example>", "<1@desk.example>", "<2@desk.example>"]
    lines = said.get_content().splitlines()
    assert lines[0] == "Send it back."
    assert lines[2].startswith("On ") and lines[2].endswith(", Carol (Support) wrote:")
    assert lines[3] == "> It is broken."
    assert fold("\n".join(lines)).ranges == ((2, 4),), "our own reader knows it for a quote"


def test_an_answer_to_an_answer_keeps_one_re() -> None:
    assert writing.answer(caught(mail(DESK, CAROL, "RE: Lamp", "x")), DESK, "y", 0).subject == "RE: Lamp"


def test_each_recipient_has_a_copy_that_outlives_the_process(tmp_path: Path) -> None:
    first = Caught(tmp_path)
    envelope = Envelope("smtp", "x@desk.example", (ALICE.address, CAROL.address))
    assert first.keep(envelope, letter()) == ("1", "2")
    again = Caught(tmp_path)
    assert [one.recipient.email for one in again.headings()] == [CAROL.address, ALICE.address]
    assert again.keep(envelope, letter()) == ("3", "4")
    assert again.open(5) is None


def test_a_mailbox_has_the_fullest_name_of_its_owner(tmp_path: Path) -> None:
    box = Caught(tmp_path)
    for to in (CAROL.address, str(CAROL)):
        box.keep(Envelope("smtp", "", (CAROL.address,)), mail(DESK, to, "Lamp", "x"))
    opened = box.open(1)
    assert opened and opened.recipient.name == CAROL.name


def test_the_catcher_takes_everything_over_smtp(tmp_path: Path) -> None:
    box = Caught(tmp_path)
    draft = writing.new_mail(
        caught(letter()).recipient, caught(letter(), CAROL.address).recipient, "Ą", "x", 0
    )
    with Catcher(box) as catcher:
        port = catcher.port
        assert writing.send(port, draft) == "1"
        opened = box.wait_for(CAROL.address, lambda one: one.reading.subject == "Ą", 10)
    assert opened and opened.octets.startswith(b"Return-Path: <alice@agents.example>\r\nDelivered-To: carol@")
    assert box.wait_for(CAROL.address, lambda one: False, 0) is None
    with pytest.raises(writing.NotTaken):
        writing.send(port, draft)


def test_nothing_of_the_demo_is_loaded_by_the_daemon() -> None:
    look = "import gateway.cli.run, gateway.daemon.serve, sys; print([m for m in sys.modules if 'gateway.demo' in m])"
    assert programs.run([sys.executable, "-c", look], cwd=ROOT).stdout.strip() == "[]"
