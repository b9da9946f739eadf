"""The public page in a real browser: nothing foreign runs, reading is told honestly, everybody can use it."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Dialog, Page, Request, expect

from gateway.mail.sanitize import sanitize
from tests.parts.chromium import Chromium, shot
from tests.web.conftest import Site
from tests.web.standin import StandInDoor, said

PAYLOADS = [
    "<script>alert(1)</script>",
    "</title></textarea></style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "<img src=http://tracker.example/p.gif srcset='http://tracker.example/2.gif 2x'>",
    "<img src='cid:x' onerror=alert(1)>",
    '<img src="cid:x&quot; onerror=alert(1) &quot;">',
    "<a href='javascript:alert(1)' autofocus onfocus=alert(1)>go</a>",
    "<a href='java\tscript:alert(1)'>go</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>go</a>",
    "<details open ontoggle=alert(1)>x</details>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<object data='data:text/html,<script>alert(1)</script>'></object><embed src=//tracker.example/e>",
    "<form action='//tracker.example/f'><button autofocus onfocus=alert(1)>Send comment</button></form>",
    "<style>@import '//tracker.example/s.css';*{background:url(//tracker.example/b)}</style>",
    "<p style='position:fixed;inset:0;background:url(//tracker.example/b)'>over everything</p>",
    "<link rel=stylesheet href=//tracker.example/l.css><link rel=preload as=image href=//tracker.example/l>",
    "<base href='//tracker.example/'><meta http-equiv=refresh content='0;url=//tracker.example/m'>",
    "<table background='//tracker.example/t'><td background='//tracker.example/d'>x</td></table>",
    "<video poster='//tracker.example/v' src='//tracker.example/v' autoplay></video>",
    "<audio src='//tracker.example/a' autoplay onplay=alert(1)></audio><input onfocus=alert(1) autofocus>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<svg><style><img src='</style><img src=x onerror=alert(1)>'></svg>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template><xmp><script>alert(1)</script></xmp>",
    "<div id=text name=files class=added>clobber</div><a id=added name=added>x</a>",
    "<!--><script>alert(1)</script>--><![CDATA[<script>alert(1)</script>]]>",
    "{{ 7*7 }}{% raw %}<% 7*7 %>${7*7}",
    "https://tracker.example/?'\"><script>alert(1)</script>",
    "https://tracker.example/\u202e\u0000javascript:alert(1)",
    "</div></article></li></ol></main><h1>Take-over</h1><form action=//tracker.example><button>Pay</button>",
    "<blockquote></details></div><script>alert(1)</script></blockquote>",
    "<a href=http://x/ title='<blockquote><img src=x onerror=alert(1)>'>x</a>",
    "<img src='cid:x' alt='<blockquote><img src=x onerror=alert(1)>'><abbr title='<h1><img src=\"cid:x\">'>x",
    "<blockquote title='<blockquote>'><img src='cid:x' alt='<script>alert(1)</script>'></blockquote>",
]
MESSAGES = 40


def test_nothing_foreign_runs_or_calls_home(site: Site, door: StandInDoor, chromium: Chromium) -> None:
    everything = " ".join(PAYLOADS)
    for payload in PAYLOADS:
        file = replace(door.attach(payload, b"x"), content_id="x", content_type="image/png")
        door.add(
            said(payload, author_name=payload, author_email=payload, remark=payload, files=(file,)),
            said("", "agent", html=sanitize(payload), full_text=payload, files=(file,), author_name=payload),
            said(payload, "internal", automatic=True, full_text=payload, folded_lines=1),
            said(payload, "system", author_name=""),
        )
    door.ticket = replace(
        door.ticket,
        subject=everything,
        desk_name=everything,
        reader_name=everything,
        number="<b>1",
        status="<i>",
    )
    for token in (door.READER, door.AGENT):
        with chromium.page() as page:
            dialogs, strange, said_by_console = _watched(page, site)
            page.goto(site.page(token), wait_until="networkidle")
            for summary in page.locator("summary").all()[:20]:
                summary.click()
            page.wait_for_load_state("networkidle")
            assert dialogs == []
            assert strange == []
            assert [line for line in said_by_console if "Content Security Policy" in line] == []
            assert page.locator("h1").count() == 1
            assert page.locator("form").count() == (1 if token == door.READER else 0)
            assert page.locator("main").count() == 1
            assert page.locator(".mail [style], .mail [class]:not(.folded), .mail [id]").count() == 0
            assert page.locator("script").count() == (1 if token == door.READER else 0)


def test_every_request_stays_here(site: Site, door: StandInDoor, chromium: Chromium) -> None:
    with chromium.page() as page:
        dialogs, strange, lines = _watched(page, site)
        for path in ("", "/unsubscribe", "x", "/comments"):
            page.goto(site.page() + path, wait_until="networkidle")
        assert (dialogs, strange) == ([], [])
        assert [line for line in lines if "status of 4" not in line] == []


def test_html_mail_stays_in_its_place(site: Site, door: StandInDoor, chromium: Chromium) -> None:
    picture = door.attach("wide.png", _png(), "image/png", "wide@x")
    html = (
        "<table width=5000><tr><td height=50>" + "<td>word" * 60 + "</table>"
        '<img src="cid:wide@x" width=4000 height=30><pre>' + "x" * 900 + "</pre>" + "y" * 900
        + "<blockquote>" * 30 + "deep" + "</blockquote>" * 30 + "<p dir=rtl>" + "ש" * 300
    )  # fmt: skip
    door.add(said("", html=sanitize(html), files=(picture,)), said("z" * 900), said("ends", "agent"))
    for width in (1280, 320):
        with chromium.page(size=(width, 700)) as page:
            page.goto(site.page())
            page.locator("summary").first.click()
            assert page.evaluate("document.documentElement.scrollWidth") == width
            outer = page.locator(".entry").nth(2).bounding_box()
            inner = page.locator(".mail").bounding_box()
            assert outer
            assert inner
            assert inner["x"] >= outer["x"]
            assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]


class TestReading:
    """The clock of the page stands still and is moved by hand."""

    def test_is_told_after_a_second_in_view(self, site: Site, door: StandInDoor, chromium: Chromium) -> None:
        with chromium.page() as page:
            _opened_with_a_still_clock(page, site)
            page.clock.run_for(990)
            assert door.calls == []
            with page.expect_response("**/read"):
                page.clock.run_for(200)
            assert door.read_up_to == 2

    def test_is_not_told_while_nobody_looks(self, site: Site, door: StandInDoor, chromium: Chromium) -> None:
        with chromium.page() as page:
            _opened_with_a_still_clock(page, site, visible="hidden")
            page.clock.run_for(60_000)
            _looks(page, visible="visible", focus=False)
            page.clock.run_for(60_000)
            _looks(page, visible="visible", focus=True)
            page.clock.run_for(700)
            _looks(page, visible="hidden", focus=True)
            page.clock.run_for(60_000)
            _looks(page, visible="visible", focus=True)
            page.clock.run_for(700)
            assert door.calls == [], "a second in pieces is no second"
            with page.expect_response("**/read"):
                page.clock.run_for(500)
            assert door.read_up_to == 2

    def test_goes_on_with_scrolling_and_never_back(
        self, site: Site, door: StandInDoor, chromium: Chromium
    ) -> None:
        door.add(*(said(f"message {n}\n" * 6) for n in range(MESSAGES - 3)), said("tall\n" * 400, "agent"))
        with chromium.page() as page:
            _opened_with_a_still_clock(page, site)
            with page.expect_response("**/read"):
                page.clock.run_for(1200)
            first = door.read_up_to
            assert 2 <= first < 10, "only what was in view"
            page.locator("#message-40").evaluate("e => e.scrollIntoView({behavior: 'instant'})")
            page.locator("#message-40").evaluate(_NEXT_FRAME)
            with page.expect_response("**/read"):
                page.clock.run_for(1200)
            assert door.read_up_to == MESSAGES
            page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
            page.locator("#message-1").evaluate(_NEXT_FRAME)
            page.clock.run_for(5000)
            told = [values[0] for _, values in door.calls]
            assert told == [first, MESSAGES], "one request for what came into view together"

    def test_is_never_told_without_a_script(self, site: Site, door: StandInDoor, chromium: Chromium) -> None:
        with chromium.page(javascript=False) as page:
            page.goto(site.page(), wait_until="networkidle")
        assert door.calls == []


class TestCommenting:
    def test_without_a_script(
        self, site: Site, door: StandInDoor, chromium: Chromium, tmp_path: Path
    ) -> None:
        small, large = tmp_path / "small.txt", tmp_path / "large.bin"
        small.write_bytes(b"abc")
        large.write_bytes(b"x" * 11_000_000)
        with chromium.page(javascript=False) as page:
            page.goto(site.page())
            page.get_by_label("Your comment").fill("It is green now.")
            page.get_by_label("Files").set_input_files(large)
            page.get_by_role("button", name="Send comment").click()
            expect(page.get_by_role("alert")).to_contain_text("too large")
            expect(page.get_by_label("Your comment")).to_have_value("It is green now.")
            expect(page.get_by_label("Files")).to_have_accessible_description(re.compile("too large"))
            page.get_by_label("Files").set_input_files(small)
            page.get_by_role("button", name="Send comment").click()
            expect(page.get_by_text("Your comment was added")).to_be_visible()
            expect(page.locator("#message-3")).to_contain_text("small.txt")
            expect(page).to_have_title(re.compile("press"))
        comments = [call for call in door.calls if call[0] != "read"]
        assert comments == [("comment", ("It is green now.", (("small.txt", 3),)))]

    def test_with_the_keyboard_alone(self, site: Site, door: StandInDoor, chromium: Chromium) -> None:
        with chromium.page() as page:
            page.goto(site.page())
            expect(page.get_by_text("Your comment was added")).to_be_hidden()
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the comment form")).to_be_focused()
            page.keyboard.press("Enter")
            page.keyboard.press("Tab")
            expect(page.get_by_label("Your comment")).to_be_focused()
            page.keyboard.type("Typed.")
            page.keyboard.press("Tab")
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name="Send comment")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_be_focused()
            expect(page.locator("#message-3")).to_contain_text("Typed.")

    def test_is_stopped_before_it_is_sent(
        self, site: Site, door: StandInDoor, chromium: Chromium, tmp_path: Path
    ) -> None:
        large = tmp_path / "large.bin"
        large.write_bytes(b"x" * 10_485_761)
        with chromium.page() as page:
            page.goto(site.page())
            page.get_by_role("button", name="Send comment").click()
            expect(page.get_by_role("alert")).to_have_text("Please write something first, or choose a file.")
            comment = page.get_by_label("Your comment")
            expect(comment).to_be_focused()
            expect(comment).to_have_accessible_description(re.compile("write something"))
            page.get_by_label("Files").set_input_files(large)
            expect(page.get_by_role("alert")).to_contain_text("too large")
            page.get_by_role("button", name="Send comment").click()
            assert page.url == site.page()
        assert [call for call in door.calls if call[0] != "read"] == []


def test_is_built_for_everybody(site: Site, door: StandInDoor, chromium: Chromium) -> None:
    file = door.attach("a.pdf", b"x" * 5000)
    door.add(said("see", files=(file,), folded_lines=1, full_text="see\n> that"), said("by X", "system"))
    with chromium.page() as page:
        page.goto(site.page())
        for landmark in ("banner", "main"):
            expect(page.get_by_role(landmark)).to_have_count(1)
        expect(page.get_by_role("region", name="Write a comment")).to_have_count(1)
        assert page.locator("html").get_attribute("lang") == "en"
        levels = [int(tag[1]) for tag in page.evaluate(_ALL % ("h1,h2,h3,h4,h5,h6", "e.tagName"))]
        assert levels[0] == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))
        ids = page.evaluate(_ALL % ("[id]", "e.id"))
        assert len(ids) == len(set(ids))
        described = page.evaluate(_ALL % ("[aria-describedby]", "e.getAttribute('aria-describedby')"))
        assert set(" ".join(described).split()) <= set(ids)
        for role in ("button", "link", "textbox", "article"):
            for element in page.get_by_role(role).all():
                expect(element).to_have_accessible_name(re.compile(r"\w"))
        small = page.evaluate(_ALL % ("button, summary, input, .files a", "e.offsetHeight"))
        assert min(small) >= 24
        expect(page.get_by_role("link", name="a.pdf 5 KB")).to_have_count(1)


def test_pictures_for_people(site: Site, door: StandInDoor, chromium: Chromium) -> None:
    """Kept in artifacts/, to be looked at."""
    picture = door.attach("lamp.png", _png(), "image/png", "lamp@x")
    html = '<p>It <b>blinks</b>:</p><img src="cid:lamp@x" alt="lamp"><ul><li>red<li>green</ul>'
    door.add(
        said("", html=sanitize(html), files=(picture, door.attach("log.txt", b"x" * 2000))),
        said("Hans Müller was added", "system"),
        said("שלום, המכונה עובדת שוב 🎉", mine=False, author_name="דנה כהן"),
    )
    views = (("desktop", (1100, 900), False), ("phone", (375, 812), True), ("320", (320, 640), False))
    for name, size, dark in views:
        with chromium.page(size=size, dark=dark) as page:
            page.goto(site.page(), wait_until="networkidle")
            assert shot(page, f"ticket-{name}").stat().st_size > 10_000
            assert page.evaluate("document.documentElement.scrollWidth") == size[0]


_ALL = "[...document.querySelectorAll('%s')].map(e => %s)"
_NEXT_FRAME = "element => new Promise(done => new IntersectionObserver(done).observe(element))"


def _watched(page: Page, site: Site) -> tuple[list[str], list[str], list[str]]:
    """Dialogs, requests to elsewhere, console lines; filled while the page is used."""
    dialogs: list[str] = []
    strange: list[str] = []
    lines: list[str] = []

    def dialog(shown: Dialog) -> None:
        dialogs.append(shown.message)
        shown.dismiss()

    def request(sent: Request) -> None:
        if not sent.url.startswith(site.url):
            strange.append(sent.url)

    page.on("dialog", dialog)
    page.on("request", request)
    page.on("console", lambda message: lines.append(message.text))
    return dialogs, strange, lines


def _opened_with_a_still_clock(page: Page, site: Site, visible: str = "visible") -> None:
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.add_init_script(
        f"window.seen = '{visible}'; window.focused = true;"
        "Object.defineProperty(document, 'visibilityState', {get: () => window.seen});"
        "document.hasFocus = () => window.focused;"
    )
    page.goto(site.page(), wait_until="networkidle")


def _looks(page: Page, *, visible: str, focus: bool) -> None:
    page.evaluate(
        "([seen, focused]) => { Object.assign(window, {seen, focused});"
        "document.dispatchEvent(new Event('visibilitychange'));"
        "dispatchEvent(new Event(focused ? 'focus' : 'blur')) }",
        [visible, focus],
    )


def _png() -> bytes:
    """A picture of 1200 by 300 pixels, one shade of blue."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1200, 300, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x40\x80\xd0" * 1200) * 300
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks
