"""Tokens: asked for, kept, renewed in time, and a clear word when a human has to come again."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from gateway.clock import DAY
from gateway.flow import mailboxes
from gateway.store import imap_grants
from gateway.store.database import Store
from gateway.transport.imap.granting import begin_on_device, finish_on_device, in_browser
from gateway.transport.imap.grants import Grants
from gateway.transport.imap.trouble import LoginRefused, Trouble
from tests.fakes import FakeClock
from tests.parts.authorization_server import AuthorizationServer
from tests.parts.scripted_imap import ScriptedIMAP
from tests.transport.imap_house import ImapHouse, numbered
from tests.world import World, played

FRESH = {"access_token": "access-0", "refresh_token": "refresh-1", "expires_in": 3600}


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


@pytest.fixture
def issuer() -> Iterator[AuthorizationServer]:
    with AuthorizationServer() as server:
        yield server


def reader(world: World, issuer: AuthorizationServer, port: int = 1, **settings: str) -> ImapHouse:
    keys = {
        "password": "",
        "oauth": "generic",
        "oauth_client_id": "helpgate",
        "oauth_client_secret": "hush",
        "oauth_token_url": f"{issuer.url}/token",
        "oauth_device_url": f"{issuer.url}/device",
        "oauth_authorize_url": f"{issuer.url}/authorize?tenant=1",
        "oauth_scope": "mail",
    }
    return ImapHouse(world, port, **(keys | settings))


def test_a_token_lives_until_shortly_before_its_end(world: World, issuer: AuthorizationServer) -> None:
    grants = Grants(reader(world, issuer).settings, world.store)
    with pytest.raises(LoginRefused, match="imap login"):
        grants.access_token()
    grants.keep(FRESH)
    assert grants.access_token() == "access-0" and issuer.forms == []
    world.clock.forward(3541)
    assert grants.access_token() == "access-1"
    assert issuer.forms[0] == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        "client_id": "helpgate",
        "client_secret": "hush",
    }
    assert grants.access_token() == "access-1" and len(issuer.forms) == 1
    assert grants.access_token(fresh=True) == "access-2", "with the new refresh token"


def test_a_grant_that_has_ended_needs_a_human(world: World, issuer: AuthorizationServer) -> None:
    grants = Grants(reader(world, issuer).settings, world.store)
    grants.keep(FRESH | {"refresh_token": "of yesterday", "expires_in": 1})
    with pytest.raises(LoginRefused, match=r"has ended.*imap login"):
        grants.access_token()


@pytest.mark.parametrize(
    "answer", [(503, b"<html>"), (200, [1]), (500, {}), (400, {"error": "temporarily_unavailable"})]
)
def test_a_provider_in_trouble_is_asked_again(
    world: World, issuer: AuthorizationServer, answer: tuple[int, object]
) -> None:
    grants = Grants(reader(world, issuer).settings, world.store)
    grants.keep(FRESH)
    issuer.answers.append(answer)
    with pytest.raises(Trouble) as caught:
        grants.access_token(fresh=True)
    assert not isinstance(caught.value, LoginRefused)
    assert grants.access_token(fresh=True)


def test_the_operator_hears_before_a_grant_ends(world: World, issuer: AuthorizationServer) -> None:
    house = reader(world, issuer)
    Grants(house.settings, world.store).keep(FRESH | {"refresh_token_expires_in": 20 * DAY // 1000})

    def told() -> tuple[str, ...]:
        with world.store.unit() as unit:
            return mailboxes.news(unit)

    assert told() == ()
    world.clock.forward(7 * DAY / 1000)
    (line,) = told()
    assert "grant ends 2026-05-03" in line and "imap login" in line
    assert told() == (), "once"
    with world.store.reading() as unit:
        assert len(imap_grants.ending(unit)) == 1


def test_with_a_code_on_any_device(world: World, issuer: AuthorizationServer) -> None:
    house = reader(world, issuer)
    code = begin_on_device(house.settings)
    assert (code.user_code, code.every_s) == ("ABCD-EFGH", 1)
    issuer.answers += [(400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})]
    waited: list[float] = []
    answer = finish_on_device(house.settings, code, waited.append)
    assert waited == [1, 1, 6]
    grants = Grants(house.settings, world.store)
    grants.keep(answer)
    assert grants.access_token() in issuer.good
    issuer.answers.append((400, {"error": "access_denied"}))
    with pytest.raises(LoginRefused):
        finish_on_device(house.settings, code, waited.append)


def test_in_a_browser_that_comes_back(world: World, issuer: AuthorizationServer) -> None:
    """RFC 7636, RFC 8252: a wrong state is somebody else's, and is not heard."""
    house = reader(world, issuer)
    statuses: list[int] = []

    def browse(url: str) -> None:
        for back in (issuer.agrees(url, state="forged"), issuer.agrees(url)):
            try:
                with urllib.request.urlopen(back, timeout=10) as page:
                    statuses.append(page.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
                error.close()

    threads: list[threading.Thread] = []

    def show(url: str) -> None:
        assert url.startswith(f"{issuer.url}/authorize?tenant=1&response_type=code")
        threads.append(threading.Thread(target=browse, args=(url,)))
        threads[0].start()

    answer = in_browser(house.settings, show)
    threads[0].join()
    assert statuses == [404, 200]
    Grants(house.settings, world.store).keep(answer)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_logging_in_with_a_token(world: World, issuer: AuthorizationServer, mechanism: str) -> None:
    """A token that was taken back before its time is renewed at once."""
    mails = dict(enumerate(numbered(1, 1), 1))
    with ScriptedIMAP(
        mails,
        capabilities=f"IMAP4rev1 UIDPLUS AUTH={mechanism}",
        token_is_good=lambda token: token in issuer.good,
    ) as server:
        house = reader(world, issuer, server.port, since="all")
        Grants(house.settings, world.store).keep(FRESH)
        house.looks()
        assert house.subjects() == ["mail 1"]
        assert len(issuer.forms) == 1
        issuer.good.clear()
        issuer.answers.append((200, {"access_token": "no good either"}))
        with pytest.raises(LoginRefused, match="invalid_token"):
            house.looks()


def test_secrets_go_by_https_only(world: World, issuer: AuthorizationServer) -> None:
    house = reader(world, issuer, oauth_token_url="http://elsewhere.example/token")
    grants = Grants(house.settings, world.store)
    grants.keep(FRESH)
    with pytest.raises(Trouble, match="not https"):
        grants.access_token(fresh=True)
