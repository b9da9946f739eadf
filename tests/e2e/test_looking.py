"""Promise 9: whatever mail scanners and browsers fetch, nothing changes and nobody is told. T56."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin, urlsplit

from starlette.routing import Route

from gateway.web import health
from gateway.web.app import build
from gateway.web.settings import WebSettings
from tests.e2e.told import Answer, ask, tell
from tests.e2e.town import Dump, Town
from tests.people import ALICE, CAROL, DAVE
from tests.web.standin import StandInDoor, plain_ticket

SCANNERS: dict[str, dict[str, str]] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinks": {},
    "BarracudaCentral/1.0": {"Purpose": "prefetch"},
    "Mozilla/5.0 (compatible; Googlebot/2.1)": {"Sec-Purpose": "prefetch;prerender"},
    "Slackbot-LinkExpanding 1.0": {"Sec-Fetch-Site": "cross-site"},
    "python-requests/2.32": {"Cookie": "seen=1", "X-HTTP-Method-Override": "POST"},
}
NEUTRAL = "…"  # where a link of ours stood in a quoted mail: a wrong one, of which 20 are too many
METHODS = ("GET", "HEAD", "OPTIONS")
TIMES = 3
KINDS = {
    "/attachments/",
    "/unsubscribe",
    "/comments",
    "/read",
    "/helpdesk/assets/",
    "/healthz",
    "/readyz",
    "/metrics",
}
_REFERENCE = re.compile(r'(?:href|src|action|data-read)="([^"]+)"')


def test_looking_changes_nothing(town: Town) -> None:
    town.daemon.start()
    tell(town)
    before, letters = town.dump(), len(town.smarthost.mails)
    urls = everything_linked(town)
    assert {kind for kind in KINDS if any(kind in url for url in urls)} == KINDS, urls
    paths = [urlsplit(url).path or "/" for url in urls]
    assert [route.path for route in gets() if not any(map(route.path_regex.match, paths))] == []
    seen = [answer for agent, headers in SCANNERS.items() for answer in fetched(urls, agent, headers)]
    assert {answer.status for answer in seen} == {200, 405}, "nobody was sent away before the end"
    assert sum(answer.status == 200 for answer in seen) > len(seen) / 3
    town.settle()
    assert changes(before, town.dump()) == []
    assert len(town.smarthost.mails) == letters
    assert town.daemon.stop() == 0
    assert changes(before, town.dump()) == []


def gets() -> list[Route]:
    """Whatever a browser can be led to, by the routes the daemon has."""
    for_monitors = health.routes(lambda: True, lambda: None, bytes)
    app = build(StandInDoor(plain_ticket()), WebSettings("http://desk.example"), for_monitors)
    return [one for one in app.routes if isinstance(one, Route) and "GET" in (one.methods or ())]


def everything_linked(town: Town) -> list[str]:
    """Every address of ours in any letter, in any page they lead to, and those for monitors; and what a
    scanner might make of them."""
    base = town.daemon.settings["web.base_url"]
    waiting = [url for letter in town.delivered for url in letter.urls if url.startswith(base)]
    assert {len(town.mailbox(one)) > 0 for one in (ALICE, CAROL, DAVE)} == {True}
    waiting += [base + path for path in ("/", "/healthz", "/readyz", "/metrics")]
    found: dict[str, None] = {}
    while waiting:
        url = waiting.pop().partition("#")[0]
        if url in found:
            continue
        found[url] = None
        page = ask("GET", url).body.decode("utf-8", "replace")
        links = [urljoin(url, html.unescape(one)) for one in _REFERENCE.findall(page)]
        waiting += [link for link in links if link.startswith(base) and NEUTRAL not in link]
    tricks = [f"{url}?up_to=99&text=hello&List-Unsubscribe=One-Click" for url in found]
    return [*found, *tricks]


def fetched(urls: list[str], agent: str, headers: dict[str, str]) -> list[Answer]:
    return [ask(method, url, agent, **headers) for url in urls for method in METHODS for _ in range(TIMES)]


def changes(before: Dump, after: Dump) -> list[str]:
    """The tables that are not as they were, and their rows that are new or gone."""
    assert before.keys() == after.keys() and len(before) > 15
    return [
        f"{name}: {set(before[name]) ^ set(after[name])}" for name in before if before[name] != after[name]
    ]
