"""The screens beside the conversation, and a conversation at its worst: nothing spills, nobody is stuck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from gateway.errors import StoreFull
from gateway.web.settings import Limits
from tests.parts.chromium import Chromium, shot
from tests.web.conftest import Site
from tests.web.standin import StandInDoor, said

NARROW = (320, 640)
ENDLESS = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 5


@pytest.fixture
def limits() -> Limits:
    return Limits(wrong_tokens=(2, 600), files=3)


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def narrow(request: pytest.FixtureRequest, chromium: Chromium) -> Iterator[Page]:
    with chromium.page(size=NARROW, dark=request.param) as page:
        yield page


def test_the_worst_ticket_fits_a_small_screen(site: Site, door: StandInDoor, narrow: Page) -> None:
    file = door.attach(f"{ENDLESS}.pdf", b"x")
    door.add(
        said(ENDLESS, author_name=ENDLESS, author_email=f"{ENDLESS}@x.example", files=(file,) * 9),
        said(f"https://x.example/{ENDLESS}", "agent", remark=ENDLESS, unverified=True),
        said(ENDLESS, "system", remark=ENDLESS),
        said("שלום 🎉", "internal", automatic=True),
    )
    door.ticket = replace(
        door.ticket, subject=ENDLESS, desk_name=ENDLESS, status="closed", older=True, may_unsubscribe=True
    )
    for name, path in (("reader", site.page()), ("agent", site.page(door.AGENT))):
        narrow.goto(path)
        assert fits(narrow, f"worst-{name}")


def test_marks_piled_on_letters_stay_in_their_message(site: Site, door: StandInDoor, narrow: Page) -> None:
    door.add(said("a" + "\u0316\u0301" * 60), said("below"))
    narrow.goto(site.page())
    assert narrow.locator(".text").nth(2).evaluate("e => getComputedStyle(e).overflowY") == "clip"


def test_mails_are_stopped_and_the_ticket_is_found_again(site: Site, door: StandInDoor, narrow: Page) -> None:
    door.ticket = replace(door.ticket, may_unsubscribe=True, subject=ENDLESS)
    narrow.goto(site.page())
    narrow.get_by_role("link", name="Stop mails about this ticket").click()
    assert fits(narrow, "unsubscribe")
    narrow.keyboard.press("Tab")
    expect(narrow.get_by_role("button", name="Stop these mails")).to_be_focused()
    narrow.keyboard.press("Enter")
    expect(narrow.get_by_role("heading", name="No more mail about this ticket")).to_be_visible()
    assert fits(narrow, "unsubscribed")
    narrow.get_by_role("link", name="Back to the ticket").click()
    assert narrow.url == site.page()


def test_words_that_could_not_be_stored_are_sent_again(site: Site, door: StandInDoor, narrow: Page) -> None:
    door.failing_to_store = StoreFull()
    narrow.goto(site.page())
    narrow.get_by_label("Your comment").fill(f"Kept.\n{ENDLESS}")
    narrow.get_by_role("button", name="Send comment").click()
    expect(narrow.get_by_role("alert")).to_contain_text("could not store")
    assert fits(narrow, "unsent")
    with narrow.expect_popup() as opened:
        narrow.get_by_role("link", name="Open the ticket in a new tab").click()
    assert opened.value.url == site.page()
    expect(narrow.get_by_label("Your comment")).to_have_value(f"Kept.\n{ENDLESS}")
    door.failing_to_store = None
    narrow.get_by_role("button", name="Send again").click()
    expect(narrow.get_by_text("Your comment was added")).to_be_visible()


def test_too_many_files_are_told_before_they_are_sent(
    site: Site, door: StandInDoor, chromium: Chromium
) -> None:
    with chromium.page() as page:
        page.goto(site.page())
        files = [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"x"} for n in range(4)]
        page.get_by_label("Files").set_input_files(files)  # type: ignore[arg-type]
        expect(page.get_by_role("alert")).to_contain_text("Up to 3 files")
        page.get_by_role("button", name="Send comment").click()
        assert page.url == site.page()
    assert [call for call in door.calls if call[0] != "read"] == []


def test_wrong_links_and_too_many_of_them(site: Site, narrow: Page) -> None:
    for heading in ("This page does not exist",) * 2 + ("Too many requests",):
        narrow.goto(site.page("wrong"))
        expect(narrow.get_by_role("heading", name=heading)).to_be_visible()
        assert fits(narrow, "refused")


def test_paper_is_white(site: Site, chromium: Chromium) -> None:
    with chromium.page(dark=True) as page:
        page.goto(site.page())
        ground = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(ground) != "rgb(255, 255, 255)"
        page.emulate_media(media="print")
        assert page.evaluate(ground) == "rgb(255, 255, 255)"


def fits(page: Page, name: str) -> bool:
    """Nothing lies beside the screen; a picture is kept to be looked at."""
    shot(page, f"screen-{name}")
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
