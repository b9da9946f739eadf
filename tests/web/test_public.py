"""The public ticket page over real HTTP: what it shows, what it takes, and what it never does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gateway.mail.sanitize import sanitize
from gateway.web.pages import PAGE_HEADERS
from gateway.web.settings import Limits
from tests.web.conftest import Site
from tests.web.standin import StandInDoor, said

READER, AGENT = StandInDoor.READER, StandInDoor.AGENT
STRANGE = ["x", "a" * 46, StandInDoor.REVOKED, "%00", "%F0%9F%94%91", "..", "A" * 3000, "a b", "'--"]
SCANNERS = ["Mozilla/5.0", "SafeLinks", "Barracuda", "python-requests/2", ""]


def test_shows_the_ticket(site: Site) -> None:
    page = site.client.get(site.page()).text
    assert '<h1 dir="auto">The press does not start</h1>' in page
    assert "2647-3" in page
    assert '<span class="badge pending">Waiting for your answer</span>' in page
    assert '<time datetime="2026-11-18T11:06:40.000Z" dir="auto">18 Nov 2026, 11:06 UTC</time>' in page
    assert 'class="entry client" id="message-1"' in page
    assert 'class="entry support" id="message-2"' in page
    assert '<bdi>Grace</bdi> <span class="label">Support</span>' in page
    assert '<bdi>Ada Byron</bdi> <span class="label">You</span>' in page
    assert page.count("<textarea") == 1


def test_moments_are_in_the_time_zone_of_the_desk(site: Site, door: StandInDoor) -> None:
    door.ticket = replace(door.ticket, timezone="Europe/Warsaw")
    assert "18 Nov 2026, 12:06 CET" in site.client.get(site.page()).text


@pytest.mark.parametrize(
    ("status", "words"), [("solved", "opens again"), ("closed", "we take the matter up again")]
)
def test_says_that_a_comment_reopens(site: Site, door: StandInDoor, status: str, words: str) -> None:
    assert words not in site.client.get(site.page()).text
    door.ticket = replace(door.ticket, status=status)
    assert words in site.client.get(site.page()).text


def test_names_its_language_as_html_does(site: Site, door: StandInDoor) -> None:
    door.ticket = replace(door.ticket, locale="pt_BR")
    assert '<html lang="pt-BR">' in site.client.get(site.page()).text


def test_agents_view_is_read_only(site: Site, door: StandInDoor) -> None:
    door.add(said("Ask Tom.", "internal"), said("Who?", unverified=True, author_email="eve@example.net"))
    page = site.client.get(site.page(AGENT)).text
    assert "Agent view, read only" in page
    assert 'class="entry internal"' in page
    assert '<span class="label">Internal</span>' in page
    assert "Unverified" in page
    assert "eve@example.net" in page
    for forbidden in ("<form", "<textarea", "<script", "/read"):
        assert forbidden not in page
    assert site.client.post(site.page(AGENT) + "/comments", data={"text": "x"}).status_code == 403
    assert site.client.post(site.page(AGENT) + "/read", data={"up_to": "1"}).status_code == 403
    assert door.calls == []


def test_automatic_replies_and_quotes_are_folded(site: Site, door: StandInDoor) -> None:
    door.add(
        said("I am away.", automatic=True),
        said("Short.", folded_lines=2, full_text="Short.\n> long\n> ago"),
        said("", html=sanitize("<p>New</p><blockquote>Old<blockquote>Older</blockquote></blockquote>")),
        said("Only new", html=sanitize("<p>New and old in one</p>"), folded_lines=1, full_text="x"),
    )
    page = re.sub(r"\s+", " ", site.client.get(site.page()).text)
    assert '<summary>Automatic reply</summary> <div class="text" dir="auto">I am away.</div>' in page
    assert '<div class="text" dir="auto">Short. &gt; long &gt; ago</div>' in page
    assert page.count("<summary>Show quoted text</summary><blockquote>") == 1
    assert "Older</blockquote></blockquote></details>" in page
    assert '<div class="text" dir="auto">Only new</div>' in page
    assert '<div class="mail" dir="auto"><p>New and old in one</p></div> </details>' in page


def test_says_who_let_whom_in(site: Site, door: StandInDoor) -> None:
    door.add(said("<Hans>", "system", remark="Ada Byron"))
    page = site.client.get(site.page()).text
    assert '<div class="text" dir="auto">Ada Byron added &lt;Hans&gt; to this conversation.</div>' in page


def test_pictures_in_place_are_only_the_messages_own(site: Site, door: StandInDoor) -> None:
    mine = door.attach("a.png", b"\x89PNG\r\n\x1a\n", "image/png", "one@x")
    other = door.attach("b.png", b"\x89PNG\r\n\x1a\n", "image/png", "two@x")
    drawing = door.attach("c.svg", b"<svg/>", "image/svg+xml", "three@x")
    html = sanitize(
        '<img src="cid:one@x" alt="1"><img src="cid:two@x" alt="&lt;b&gt;2"><img src="cid:three@x">'
    )
    door.add(said("", html=html, files=(mine, drawing)), said("", files=(other,)))
    page = site.client.get(site.page()).text
    url = f"/helpdesk/ticket/{READER}/attachments/{mine.handle}/a.png"
    assert f'<img src="{url}" alt="1" loading="lazy">' in page
    assert page.count("<img") == 1
    assert "&lt;b&gt;2" in page
    assert page.count("download>") == 2, "the picture in place is not listed, the others are"


def test_every_answer_about_a_ticket_has_the_headers(site: Site, door: StandInDoor) -> None:
    door.ticket = replace(door.ticket, may_unsubscribe=True)
    page = site.page()
    answers = [
        site.client.get(page),
        site.client.head(page),
        site.client.get(page + "/unsubscribe"),
        site.client.post(page + "/read", data={"up_to": "1"}),
        site.client.post(page + "/comments", data={"text": ""}),
        site.client.post(page + "/comments", data={"text": "x"}),
        site.client.post(page + "/comments", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"}),
        site.client.post(page + "/unsubscribe"),
        site.client.get(page + "/comments"),
        site.client.get(page + "/attachments/none/x"),
        site.client.options(page),
        site.client.get(site.page("x")),
        site.client.get(site.url + "/helpdesk/ticket/"),
        site.client.get(page + "/"),
        site.client.get(site.url + "/"),
        site.client.get(site.url + "/helpdesk/assets/none.css"),
    ]
    expected = [200, 200, 200, 204, 422, 303, 403, 200, 405, 404, 405, 404, 404, 404, 200, 404]
    assert [answer.status_code for answer in answers] == expected
    for answer in answers:
        assert {name: answer.headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS, answer.url
        assert "set-cookie" not in answer.headers
    assert PAGE_HEADERS["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def test_pages_have_nothing_inline_and_nothing_from_elsewhere(site: Site, door: StandInDoor) -> None:
    door.ticket = replace(door.ticket, messages=door.ticket.messages[:1], may_unsubscribe=True)
    for path in ("", "/unsubscribe", "x"):
        page = site.client.get(site.page() + path).text
        assert not re.search(r"<style|<script(?! src)|\sstyle=|\son[a-z]+=|javascript:", page)
        assert set(re.findall(r'(?:src|href|action)="([^"/#]*)', page)) <= {""}


def test_assets_may_be_kept_for_ever(site: Site) -> None:
    paths = set(re.findall(r'"(/helpdesk/assets/[^"]+)"', site.client.get(site.page()).text))
    assert {path.rpartition(".")[2] for path in paths} == {"css", "js", "svg"}
    for path in paths:
        asset = site.client.get(path)
        assert asset.status_code == 200
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["x-content-type-options"] == "nosniff"


class TestNothingChangesByLooking:
    def test_get_head_and_options(self, site: Site, door: StandInDoor) -> None:
        file = door.attach("a.txt", b"abc")
        door.add(said("here", files=(file,)))
        door.ticket = replace(door.ticket, may_unsubscribe=True)
        before = door.ticket
        page = site.page()
        paths = [page, page + "/comments", page + "/read?up_to=3", page + "/unsubscribe"]
        paths += [page + f"/attachments/{file.handle}/a.txt", page + "?text=hello&List-Unsubscribe=One-Click"]
        for agent in SCANNERS:
            for method in ("GET", "HEAD", "OPTIONS"):
                for path in paths:
                    site.client.request(method, path, headers={"User-Agent": agent})
        assert door.calls == []
        assert door.ticket is before

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
    def test_other_methods_are_refused(self, site: Site, door: StandInDoor, method: str) -> None:
        headers = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
        for path in ("", "/comments", "/read", "/unsubscribe"):
            assert site.client.request(method, site.page() + path, headers=headers).status_code == 405
        assert door.calls == []


class TestWrongTokens:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(wrong_tokens=(1000, 600))

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("HEAD", ""),
            ("GET", "/unsubscribe"),
            ("GET", "/attachments/f000000000000001/a.txt"),
            ("POST", "/comments"),
            ("POST", "/read"),
            ("POST", "/unsubscribe"),
        ],
    )
    def test_all_get_one_and_the_same_answer(self, site: Site, method: str, path: str) -> None:
        data = {"text": "x", "up_to": "1"} if method == "POST" else None
        answers = [site.client.request(method, site.page(token) + path, data=data) for token in STRANGE]
        for answer in answers:
            answer.headers.pop("date")
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert len({tuple(answer.headers.items()) for answer in answers}) == 1

    def test_a_file_of_nobody_is_no_other_404(self, site: Site) -> None:
        assert (
            site.client.get(site.page() + "/attachments/x/y").content
            == site.client.get(site.page("x")).content
        )

    def test_what_was_asked_for_is_never_repeated(self, site: Site) -> None:
        answer = site.client.get(site.page("%3Cb%3Ehello") + "?q=%3Cb%3Ehello", headers={"Referer": "hello"})
        assert "hello" not in answer.text


class TestReading:
    def test_takes_a_position(self, site: Site, door: StandInDoor) -> None:
        answer = site.client.post(site.page() + "/read", data={"up_to": "2"})
        assert (answer.status_code, answer.content) == (204, b"")
        assert door.read_up_to == 2

    @pytest.mark.parametrize("value", ["", "-1", "1.5", "x", "٣", "9" * 20, "1e3"])
    def test_takes_nothing_else(self, site: Site, door: StandInDoor, value: str) -> None:
        assert site.client.post(site.page() + "/read", data={"up_to": value}).status_code == 400
        assert site.client.post(site.page() + "/read", content=b"x" * 5000).status_code == 413
        assert door.calls == []


class TestUnsubscribing:
    def test_is_a_button_and_a_post(self, site: Site, door: StandInDoor) -> None:
        assert "/unsubscribe" not in site.client.get(site.page()).text
        assert site.client.get(site.page() + "/unsubscribe").status_code == 403
        door.ticket = replace(door.ticket, may_unsubscribe=True)
        assert f"/helpdesk/ticket/{READER}/unsubscribe" in site.client.get(site.page()).text
        assert '<form method="post"' in site.client.get(site.page() + "/unsubscribe").text
        one_click = {"List-Unsubscribe": "One-Click"}
        assert site.client.post(site.page() + "/unsubscribe", data=one_click).status_code == 200
        assert door.calls == [("unsubscribe", ())]

    def test_names_the_ticket_and_leads_back_to_it(self, site: Site, door: StandInDoor) -> None:
        door.ticket = replace(door.ticket, may_unsubscribe=True, subject="Hot & loud")
        where = site.page() + "/unsubscribe"
        asked, done, again = site.client.get(where), site.client.post(where), site.client.get(where)
        assert [answer.status_code for answer in (asked, done, again)] == [200, 200, 403]
        for page in (asked.text, done.text, again.text):
            assert "Hot &amp; loud" in page and door.ticket.number in page
            assert f'<a href="/helpdesk/ticket/{READER}">Back to the ticket</a>' in page
        assert "You stopped them before" in again.text
        assert "<form" not in done.text + again.text

    def test_also_as_a_multipart_post_of_a_mail_provider(self, site: Site, door: StandInDoor) -> None:
        door.ticket = replace(door.ticket, may_unsubscribe=True)
        body = {"List-Unsubscribe": (None, "One-Click")}
        answer = site.client.post(site.page() + "/unsubscribe", files=body)
        assert answer.status_code == 200
        assert door.calls == [("unsubscribe", ())]
