"""`helpgate imap login` as somebody types it: with a code on any device, and with a browser."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from tests.parts.authorization_server import AuthorizationServer
from tests.parts.daemon import COMMAND, Daemon

YEAR_S = 365 * 86_400


@pytest.fixture
def issuer() -> Iterator[AuthorizationServer]:
    with AuthorizationServer() as server:
        server.extra["refresh_token_expires_in"] = YEAR_S
        yield server


@pytest.fixture
def reader(house: Daemon, issuer: AuthorizationServer) -> Daemon:
    """With a mailbox that is read with a token."""
    table = {
        "desk": "Support",
        "host": "127.0.0.1",
        "username": "box@mail.example",
        "oauth": "generic",
        "oauth_client_id": "helpgate",
        "oauth_authorize_url": f"{issuer.url}/authorize",
        "oauth_device_url": f"{issuer.url}/device",
        "oauth_token_url": f"{issuer.url}/token",
    }
    house.settings["imap"] = json.dumps([table])
    return house


def granted(reader: Daemon) -> bool:
    return json.loads(reader.run("imap", "list", "--json"))["grant_ends_at"] is not None


def test_with_a_code(reader: Daemon, issuer: AuthorizationServer) -> None:
    assert not granted(reader)
    said = reader.run("imap", "login")
    assert "ABCD-EFGH" in said and f"{issuer.url}/go" in said and "box@mail.example" in said
    assert "is granted" in said and issuer.good[0] not in said
    assert granted(reader)
    assert [form.get("grant_type", "").rpartition(":")[2] for form in issuer.forms] == ["", "device_code"]


def test_somebody_who_does_not_agree(reader: Daemon, issuer: AuthorizationServer) -> None:
    issuer.answers += [
        issuer.answer("/device", {}),
        (400, {"error": "access_denied", "error_description": "not\x1b[31m me"}),
    ]
    done = reader.try_run("imap", "login", "--device", "--desk", "support")
    assert done.returncode == 1
    assert done.stderr.decode() == "Error: access_denied: not [31m me\n"
    assert not granted(reader)


def test_a_desk_without_a_mailbox(reader: Daemon, issuer: AuthorizationServer) -> None:
    done = reader.try_run("imap", "login", "--desk", "Sales")
    assert done.returncode == 1 and b"0 mailboxes fit" in done.stderr and b"Support (box@mail" in done.stderr
    assert issuer.forms == []


def test_without_any_mailbox(house: Daemon) -> None:
    done = house.try_run("imap", "login")
    assert done.returncode == 1 and b"add [[imap]] to helpgate.toml" in done.stderr


def test_with_a_browser(reader: Daemon, issuer: AuthorizationServer) -> None:
    command = [*COMMAND, "imap", "login", "--browser", "--config", str(reader.folder / "helpgate.toml")]
    environment = reader.environment | {"BROWSER": "/bin/true"}  # the human is us
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        url = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
        with urllib.request.urlopen(issuer.agrees(url), timeout=10) as page:
            assert b"close this window" in page.read()
        assert "is granted" in process.stdout.read()
    assert process.returncode == 0
    assert granted(reader)
