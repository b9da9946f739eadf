"""Promise 6 from outside: what is for agents, or for somebody else, is nowhere in what left; the log has nobody's."""

from __future__ import annotations

import re
import sys
from itertools import permutations

import pytest

from tests.e2e.told import (
    AGENTS_ONLY,
    NOTE,
    NOTE_ANSWER,
    OTHER_SUBJECT,
    STRANGER,
    SUBJECT,
    ask,
    post,
    tell,
    tokens,
)
from tests.e2e.town import PATIENCE_S, SETTINGS, Delivered, Town
from tests.parts import swaks
from tests.parts.daemon import Daemons
from tests.parts.ports import wait_for
from tests.parts.scripted_smtp import ScriptedSMTP, permanent
from tests.people import ALICE, BOB, CAROL, DAVE, DESK, EVE, MALLORY, mail

CUSTOMERS = (CAROL, DAVE, EVE)
EVERYBODY = (*CUSTOMERS, ALICE, BOB)
VERBOSE = "import sys; from gateway.cli import main; sys.argv.append('--verbose'); main()"
PASSWORD, LOGIN = "CANARYPASSWORD", "CANARYLOGIN"


@pytest.fixture
def told(town: Town) -> Town:
    """A town in which the story has happened."""
    town.daemon.start()
    tell(town)
    return town


def test_nothing_of_agents_reaches_a_customer(told: Town) -> None:
    assert told.mailbox(MALLORY) == [], "a stranger gets nothing"
    for who in CUSTOMERS:
        letters = told.mailbox(who)
        assert letters, who
        for letter in letters:
            leaked = [one for one in AGENTS_ONLY if one.lower() in letter.everything.lower()]
            assert leaked == [], letter.everything
    assert any(NOTE_ANSWER in one.everything for one in told.mailbox(BOB)), "the search finds what is there"
    assert any(STRANGER in one.everything for one in told.mailbox(BOB))


def test_nobody_gets_somebody_elses_token(told: Town) -> None:
    owned = {who: capabilities(told.mailbox(who)) for who in EVERYBODY}
    paths = {token for one in told.delivered for token in tokens(one.reverse_path)}
    for who, other in permutations(EVERYBODY, 2):
        assert not owned[who] & owned[other], (who, other)
        for letter in told.mailbox(who):
            assert not tokens(letter.everything) & owned[other], f"{who} got what is {other}'s"
    for who in EVERYBODY:
        assert owned[who], who
        assert not [one for one in told.mailbox(who) if tokens(one.everything) & paths], (
            "return paths are for relays"
        )


def capabilities(letters: list[Delivered]) -> set[str]:
    """The links and addresses in somebody's letters; not their ids, which a conversation shares."""
    found: set[str] = set()
    for letter in letters:
        found |= (
            tokens(letter.text) | tokens(letter.reply_to) | tokens(str(letter.mail["List-Unsubscribe"] or ""))
        )
    return found


def test_no_page_shows_a_customer_what_is_not_theirs(told: Town) -> None:
    links = {who: told.mailbox(who)[-1].page for who in EVERYBODY}
    owned = {who: capabilities(told.mailbox(who)) for who in EVERYBODY}
    for who in CUSTOMERS:
        foreign = set().union(*(owned[other] for other in EVERYBODY if other != who))
        for answer in visits(links[who]):
            leaked = [one for one in AGENTS_ONLY if one.lower() in answer.lower()]
            assert leaked == [] and not tokens(answer) & foreign, answer
    assert "Pull the plug." in visits(links[CAROL])[0] and "Pull the plug." not in visits(links[DAVE])[0]
    assert NOTE in visits(links[BOB])[0], "the search finds what is there"


def visits(page: str) -> list[str]:
    """All answers one gets with one link: the page, its files, its forms and its refusals."""
    given = [ask("GET", page), ask("GET", f"{page}/unsubscribe"), ask("GET", f"{page}x")]
    paths = re.findall(r'href="(/helpdesk/ticket/[^"]+/attachments/[^"]+)"', given[0].everything)
    base = page.partition("/helpdesk")[0]
    given += [ask("GET", base + path) for path in paths]
    given += [
        post(f"{page}/comments", text=" "),
        post(f"{page}/read", up_to="1"),
        post(f"{page}/read", up_to="x"),
    ]
    return [answer.everything for answer in given]


def test_the_log_names_nobody(new_daemon: Daemons, store_url: str) -> None:
    """With every step told, and with a relay and senders that give reasons to complain."""
    with ScriptedSMTP(users={LOGIN: PASSWORD}) as smarthost:
        launcher = (sys.executable, "-c", VERBOSE)
        town = Town(new_daemon(SETTINGS | {"store.url": store_url}, launcher=launcher), smarthost, store_url)
        town.daemon.smarthost(smarthost.port, username=LOGIN, password=PASSWORD)
        town.furnish()
        smarthost.recipients[EVE.address] = permanent(f"5.1.1 <{EVE.address}> is unknown here")
        quarrel(town)
        tell(town)
        page = town.mailbox(CAROL)[-1].page
        visits(page)
        assert town.daemon.stop() == 0
        said = town.daemon.log_text()
        assert said.count('"event": "decided"') > 5 and "apply.committed" in said, "it says what happened"
        people = [one.address for one in (*EVERYBODY, MALLORY)]
        people += [one.name.split()[1] for one in (*EVERYBODY, MALLORY)]
        secrets = [*people, DESK, "CANARY", SUBJECT, OTHER_SUBJECT, "on fire", "plan.txt", "unknown here"]
        assert [one for one in secrets if one.lower() in said.lower()] == []
        known = set().union(*(tokens(one.everything + one.reverse_path) for one in town.delivered))
        assert len(known) > 20 and not tokens(said) & known


def quarrel(town: Town) -> None:
    """Trouble with a relay that knows no login, with senders and with visitors; then the relay thinks better."""
    town.smarthost.at("auth", permanent("5.7.8 authentication failed", 535))
    town.daemon.start()
    town.writes(CAROL, SUBJECT, "Hello.")
    wait_for(
        lambda: "the smarthost cannot be used" in town.daemon.log_text(), "word of the login", PATIENCE_S
    )
    for to in ("nobody@desk.example", "not an address"):
        refused = swaks.send(mail(CAROL, DESK, SUBJECT, "x"), from_=CAROL.address, to=[to], port=town.port)
        assert refused.code != 0
    base = town.daemon.settings["web.base_url"]
    ask("GET", f"{base}/helpdesk/ticket/{'a' * 46}")
    ask("GET", f"{base}/{CAROL.address}")
    assert town.daemon.stop() == 0
    town.smarthost.at("auth", [])
    town.daemon.start()
