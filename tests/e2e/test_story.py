"""The whole story, told by real programs: swaks writes, Chromium reads, neomutt shows, on each engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from gateway.clock import SECOND, from_rfc3339
from tests.e2e.town import PATIENCE_S, Delivered, Town
from tests.parts import neomutt
from tests.parts.chromium import Chromium, shot
from tests.parts.ports import wait_for
from tests.people import ALICE, BOB, CAROL, DESK, MALLORY

DELAY_S = 1
WINDOW_S = 8  # time enough to open a page and read it, on a slow machine, too
ANSWERS = "SELECT count(*) FROM message WHERE kind = 'agent'"
SKIPPED = "SELECT count(*) FROM notification WHERE state = 'skipped'"


@pytest.fixture
def conversation(town: Town) -> Town:
    """Carol has asked, Alice has answered, Carol has been told."""
    town.daemon.start()
    town.writes(CAROL, "Printer", "It is on fire.", proven=True)
    town.answers(ALICE, town.awaits(ALICE, "It is on fire."), "Pull the plug.")
    town.awaits(CAROL, "Pull the plug.")
    town.settle()
    return town


def delays(town: Town, seconds: int) -> None:
    """How long the desk's letters wait from now on."""
    town.daemon.run("desk", "set", "Support", f"delay_s={seconds}")


def test_the_letters_of_the_story(conversation: Town, tmp_path: Path) -> None:
    receipt, reply = conversation.mailbox(CAROL)
    assert "Printer" in receipt.text and "thank you" in receipt.text.lower()
    assert str(reply.mail["From"]).endswith(f"<{DESK}>")
    assert receipt.page == reply.page
    delays(conversation, DELAY_S)
    conversation.answers(ALICE, conversation.mailbox(ALICE)[0], "And then the cable.")
    second = conversation.awaits(CAROL, "And then the cable.")
    (ticket,) = conversation.daemon.export()
    assert str(second.mail["Subject"]) == f"Re: Printer [#{ticket['number']}]"
    said = ticket["messages"][-1]["created_at"]
    written = conversation.daemon.outbox()[-1]["created_at"]
    assert from_rfc3339(written) - from_rfc3339(said) >= DELAY_S * SECOND
    reads_well_in_neomutt(reply, tmp_path)


def reads_well_in_neomutt(reply: Delivered, folder: Path) -> None:
    head, _, body = neomutt.render(reply.octets, folder).partition("\n\n")
    assert "Subject: Re: Printer" in head
    assert body.index("Pull the plug.") < body.index("> It is on fire.")
    assert reply.page in body
    assert not [line for line in body.splitlines() if len(line) > 78 and reply.page not in line], body
    for markup in ("<p", "<div", "&nbsp;", "&gt;", "=3D", "=20"):
        assert markup not in body, body


def test_what_is_read_on_the_page_is_not_mailed(conversation: Town, chromium: Chromium) -> None:
    letters = len(conversation.mailbox(CAROL))
    with chromium.page() as page:
        page.goto(conversation.mailbox(CAROL)[0].page)
        expect(page.locator(".entry.support")).to_contain_text("Pull the plug.")
        delays(conversation, WINDOW_S)
        conversation.answers(ALICE, conversation.mailbox(ALICE)[0], "Read it on the page.")
        wait_for(lambda: conversation.number(ANSWERS) == 2, "the second answer on the ticket", PATIENCE_S)
        page.bring_to_front()
        with page.expect_response(lambda answer: answer.url.endswith("/read")) as told:
            page.reload()
            expect(page.locator(".entry.support")).to_have_count(2)
        assert told.value.status == 204
        wait_for(lambda: conversation.number(SKIPPED) == 1, "the answer that need not be mailed", PATIENCE_S)
        shot(page, f"e2e-story-{conversation.url.partition(':')[0]}")
    conversation.settle()
    assert len(conversation.mailbox(CAROL)) == letters


def test_a_comment_with_a_file_needs_no_javascript(
    conversation: Town, chromium: Chromium, tmp_path: Path
) -> None:
    file = tmp_path / "fire.txt"
    file.write_text("smoke")
    with chromium.page(javascript=False) as page:
        page.goto(conversation.mailbox(CAROL)[-1].page)
        page.fill("textarea", "The cable burns as well.")
        page.set_input_files("input[type=file]", file)
        page.click("form button")
        newest = page.locator(".entry").last
        expect(newest).to_contain_text("The cable burns as well.")
        with page.expect_download() as download:
            newest.get_by_role("link", name="fire.txt").click()
        assert download.value.path().read_text() == "smoke"
    told = conversation.awaits(ALICE, "The cable burns as well.")
    assert [part.get_filename() for part in told.mail.iter_attachments()] == ["fire.txt"]
    assert conversation.daemon.export()[0]["status"] == "open"


def test_notes_and_strangers_are_for_agents_only(conversation: Town, chromium: Chromium) -> None:
    asked = conversation.awaits(BOB, "It is on fire.")
    conversation.answers(BOB, asked, "CANARY of Bob", to=asked.note_address)
    told = conversation.awaits(ALICE, "CANARY of Bob")
    conversation.answers(ALICE, told, "CANARY of Alice")  # a notice about a note asks for notes
    conversation.awaits(BOB, "CANARY of Alice")
    reply = conversation.mailbox(CAROL)[-1]
    conversation.answers(MALLORY, reply, "CANARY of a stranger")
    conversation.awaits(ALICE, "CANARY of a stranger")
    conversation.settle()
    with chromium.page() as page:
        page.goto(reply.page)
        assert "Pull the plug." in page.content() and "CANARY" not in page.content()
        page.goto(told.page)
        for words in ("CANARY of Bob", "CANARY of Alice", "CANARY of a stranger", "Agent view, read only"):
            assert words in page.content()
    assert "CANARY" not in "".join(one.everything for one in conversation.mailbox(CAROL))
    assert conversation.mailbox(MALLORY) == []
