"""IMAP and TLS: certificates and names are verified, and nothing is said in the clear instead. Threat T33."""

from __future__ import annotations

import datetime
import ssl
from functools import partial
from pathlib import Path

import pytest
import trustme

from gateway.config import Imap
from gateway.transport.imap.connection import Connection
from gateway.transport.imap.sasl import Login
from gateway.transport.imap.trouble import Trouble
from tests.parts.dovecot import PASSWORD, Dovecot, Dovecots
from tests.parts.scripted_imap import ScriptedIMAP
from tests.people import DESK

SECURITIES = ("tls", "starttls")
YEARS_AGO = (
    datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certificate(
    authority: trustme.CA, folder: Path, name: str = "localhost", *, expired: bool = False
) -> Path:
    issue = partial(authority.issue_cert, name)
    issued = issue(not_before=YEARS_AGO[0], not_after=YEARS_AGO[1]) if expired else issue()
    file = folder / "certificate.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    return file


def connect(port: int, security: str, authority: trustme.CA) -> Connection:
    """As our program does it, but that it trusts the authority of the test."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    settings = Imap(
        desk="Help",
        host="localhost",
        port=port,
        security=security,
        username=DESK,
        password=PASSWORD,  # type: ignore[arg-type]
    )
    return Connection(settings, Login(DESK, PASSWORD), tls=context)


def port_of(dovecot: Dovecot, security: str) -> int:
    return dovecot.tls_port if security == "tls" else dovecot.port


@pytest.mark.parametrize("security", SECURITIES)
def test_everything_goes_through_tls(
    new_dovecot: Dovecots, authority: trustme.CA, tmp_path: Path, security: str
) -> None:
    settings = {"disable_plaintext_auth": "yes", "login_trusted_networks": "192.0.2.1", "ssl": "required"}
    dovecot = new_dovecot([DESK], settings=settings, certificate=certificate(authority, tmp_path))
    dovecot.put([b"Subject: hello\r\n\r\nHello.\r\n"])
    connection = connect(port_of(dovecot, security), security, authority)
    selected = connection.select("INBOX", read_only=True)
    assert b"Hello." in connection.fetch([selected.newest])[selected.newest]
    connection.leave()


@pytest.mark.parametrize("security", SECURITIES)
def test_a_certificate_that_is_not_good(
    new_dovecot: Dovecots, authority: trustme.CA, tmp_path: Path, security: str
) -> None:
    """Of another name, of yesterday, by somebody we do not know: told in one line, and no password goes there."""
    for wrong, told in (
        ("name", "not valid for 'localhost'"),
        ("expired", "expired"),
        ("authority", "issuer"),
    ):
        issuer = trustme.CA() if wrong == "authority" else authority
        name = "other.example" if wrong == "name" else "localhost"
        file = certificate(issuer, tmp_path, name, expired=wrong == "expired")
        dovecot = new_dovecot([DESK], certificate=file)
        with pytest.raises(Trouble, match=f"certificate of the server is not good: .*{told}"):
            connect(port_of(dovecot, security), security, authority)
        assert "user=" not in dovecot.log_text().replace("user=<>", "")


@pytest.mark.parametrize(
    ("capabilities", "answer", "greeting"),
    [
        ("IMAP4rev1 AUTH=PLAIN", None, "OK"),
        ("IMAP4rev1 AUTH=PLAIN STARTTLS", b"%t NO not now\r\n", "OK"),
        ("IMAP4rev1 AUTH=PLAIN STARTTLS", b"%t BAD what\r\n", "OK"),
        ("IMAP4rev1 AUTH=PLAIN STARTTLS", None, "PREAUTH"),
    ],
    ids=["not offered", "refused", "not known", "already in"],
)
def test_without_starttls_nothing_is_said(
    authority: trustme.CA, capabilities: str, answer: bytes | None, greeting: str
) -> None:
    """Somebody on the way who takes STARTTLS out gets no password. RFC 8314 §3.1."""
    with ScriptedIMAP({}, capabilities=capabilities, greeting=greeting) as server:
        if answer:
            server.instead["STARTTLS"] = answer
        with pytest.raises(Trouble, match="no STARTTLS, and nothing is said to the server without it"):
            connect(server.port, "starttls", authority)
    assert {line.split()[1] for line in server.lines} <= {b"CAPABILITY", b"STARTTLS"}


def test_a_server_without_tls_is_none(authority: trustme.CA) -> None:
    with ScriptedIMAP({}) as server, pytest.raises(Trouble):
        connect(server.port, "tls", authority)
