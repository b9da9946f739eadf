"""The courier and TLS: certificates and names are verified, and nothing is said in the clear instead."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.transport.relay import Relay
from tests.parts.delivery import deliver, parcel, relay_to
from tests.parts.scripted_smtp import DROP, HANG, Act, ScriptedSMTP, permanent, temporary

# asyncio of 3.11 may leave a socket of a failed handshake to the collector, on either side of the test.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SHORT_S = 0.4


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def authorities(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


def certified(authority: trustme.CA, name: str = "localhost", *, expired: bool = False) -> ssl.SSLContext:
    start = datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC)
    end = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    if expired:
        certificate = authority.issue_cert(name, not_before=start, not_after=end)
    else:
        certificate = authority.issue_cert(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def tls_relay(server: ScriptedSMTP, security: str, authorities: Path, **settings: object) -> Relay:
    values: dict[str, object] = {"security": security, "authorities": str(authorities), **settings}
    return Relay("localhost", server.port, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_login_and_letter_go_through_tls(security: str, authority: trustme.CA, authorities: Path) -> None:
    big = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20_000
    with ScriptedSMTP(
        tls=certified(authority), implicit=security == "tls", users={"desk": "secret"}
    ) as server:
        relay = tls_relay(server, security, authorities, username="desk", password="secret")
        flow = deliver(relay, [parcel(1, octets=big)])
        assert flow.states == ["sent"]
        assert (server.mails[0].tls, server.mails[0].login) == (True, "desk")
        assert server.mails[0].octets == big


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["name", "expired", "authority"])
def test_a_certificate_that_does_not_verify_stops(
    security: str, wrong: str, authority: trustme.CA, authorities: Path
) -> None:
    issuer = trustme.CA() if wrong == "authority" else authority
    name = "other.example" if wrong == "name" else "localhost"
    context = certified(issuer, name, expired=wrong == "expired")
    with ScriptedSMTP(tls=context, implicit=security == "tls", users={"desk": "secret"}) as server:
        relay = tls_relay(server, security, authorities, username="desk", password="secret")
        flow = deliver(relay, [parcel(1), parcel(2)])
        assert flow.states == ["retry", "untried"]
        assert [outcome.stop for outcome in flow.told if outcome.id == 1] == [True]
        assert not {"AUTH", "MAIL"} & set(server.verbs())


@pytest.mark.parametrize("fault", [temporary("4.7.0 no TLS now", 454), permanent("5.5.1 what", 502)])
def test_refused_starttls_never_falls_back(fault: Act, authority: trustme.CA, authorities: Path) -> None:
    with ScriptedSMTP({"starttls": fault}, tls=certified(authority)) as server:
        flow = deliver(tls_relay(server, "starttls", authorities), [parcel(1)])
        assert [(outcome.state, outcome.stop) for outcome in flow.told] == [("retry", True)]
        assert "MAIL" not in server.verbs()


def test_a_server_without_starttls_gets_no_password() -> None:
    with ScriptedSMTP(users={"desk": "secret"}) as server:
        relay = relay_to(server, security="starttls", username="desk", password="secret")
        flow = deliver(relay, [parcel(1)])
        assert [(outcome.state, outcome.stop) for outcome in flow.told] == [("retry", True)]
        assert server.verbs() == ["EHLO"]


@pytest.mark.parametrize("fault", [DROP, HANG])
def test_a_lost_starttls_is_only_a_retry(fault: Act, authority: trustme.CA, authorities: Path) -> None:
    with ScriptedSMTP({"starttls": fault}, tls=certified(authority)) as server:
        flow = deliver(tls_relay(server, "starttls", authorities, command_s=SHORT_S), [parcel(1)])
        assert [(outcome.state, outcome.stop) for outcome in flow.told] == [("retry", False)]
