"""The catcher in a real browser: new mail by itself, a mail as it was sent, an answer; with and without a script."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.demo.conftest import Demo
from tests.parts.chromium import Chromium, shot

SMALL = (375, 800)


def test_a_customer_and_an_agent_write_to_each_other(demo: Demo, chromium: Chromium) -> None:
    with chromium.page() as page:
        page.goto(f"{demo.url}/demo")
        shot(page, "demo-list")
        page.get_by_role("link", name="Write a new mail").click()
        page.get_by_label("Your name").fill("Frank Fox")
        page.get_by_label("Your address").fill("frank@customers.helpgate.test")
        page.get_by_label("Subject").fill("Opening hours")
        page.get_by_label("Text").fill("Are you open on Sunday?")
        shot(page, "demo-write")
        page.get_by_role("button", name="Send the mail").click()
        expect(page.get_by_role("status")).to_contain_text("is in the journal as number")
        alice = page.get_by_role("region", name="Alice Archer")
        alice.get_by_role("link", name="Are you open on Sunday?").click()  # it appears without a reload

        expect(page.frame_locator("iframe").get_by_text("Are you open on Sunday?").last).to_be_visible()
        shot(page, "demo-mail")
        page.get_by_label("Your answer").fill("We are, from ten.")
        page.get_by_role("button", name="Send the answer").click()
        frank = page.get_by_role("region", name="Frank Fox")
        frank.get_by_role("link", name="We are, from ten.").click()
        expect(page.frame_locator("iframe").get_by_text("We are, from ten.").first).to_be_visible()
        with page.expect_popup() as opened:
            page.frame_locator("iframe").get_by_role("link").first.click()
        expect(opened.value.get_by_role("heading", name="Opening hours")).to_be_visible()
        expect(opened.value.get_by_text("We are, from ten.")).to_be_visible()
        assert opened.value.evaluate("window.opener") is None
    assert chromium.log_text() == ""


def test_a_phone_in_the_dark(demo: Demo, chromium: Chromium) -> None:
    notice = demo.mails("Alice Archer")[-1][0]
    pages = {"list": "/demo", "write": "/demo/write", "mail": f"/demo/mail/{notice}"}
    pages |= {view: f"/demo/mail/{notice}?view={view}" for view in ("text", "headers", "raw")}
    with chromium.page(size=SMALL, dark=True) as page:
        for name, path in pages.items():
            page.goto(demo.url + path)
            shot(page, f"demo-{name}-phone")
            assert page.evaluate("document.documentElement.scrollWidth") <= SMALL[0], name
            if name in ("text", "raw"):
                expect(page.locator(".view pre")).to_have_attribute("tabindex", "0")  # scrolled by keys


def test_everything_works_without_a_script(demo: Demo, chromium: Chromium) -> None:
    notice = demo.mails("Alice Archer")[-1][0]
    with chromium.page(javascript=False) as page:
        page.goto(f"{demo.url}/demo/mail/{notice}")
        page.get_by_label("Leave an internal note instead").check()
        page.get_by_label("Your answer").fill("A note without a script.")
        page.get_by_role("button", name="Send the answer").click()
        expect(page.get_by_role("status")).to_be_visible()
