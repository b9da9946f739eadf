"""Who is asking: host, origin, proxies, limits, and bodies that hardly arrive."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import pytest
from starlette.datastructures import Headers

from gateway.web.guard import address_of, same_origin
from gateway.web.settings import Limits, WebSettings
from tests.web.conftest import Site
from tests.web.standin import StandInDoor

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
SETTINGS = WebSettings("https://Help.Example.org")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://help.example.org"}, False),
        ({}, True),
        ({"origin": "null"}, True),
        ({"origin": "https://help.example.org"}, True),
        ({"origin": "https://help.example.org:443"}, False),
        ({"origin": "http://help.example.org"}, False),
        ({"origin": "https://help.example.org.evil.example"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": ""}, False),
    ],
)
def test_who_may_post(headers: dict[str, str], allowed: bool) -> None:
    assert same_origin(Headers(headers), SETTINGS) is allowed


@pytest.mark.parametrize("path", ["/comments", "/read", "/unsubscribe"])
def test_posts_from_elsewhere_are_refused_everywhere(site: Site, door: StandInDoor, path: str) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = site.client.post(site.page() + path, data={"text": "x", "up_to": "1"}, headers=headers)
        assert answer.status_code == 403
    assert door.calls == []


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8::9", [], "2001:db8::/64"),
        ("", ["198.51.100.7"], "local"),
    ],
)
def test_the_address_is_the_rightmost_that_is_no_proxy(peer: str, forwarded: list[str], address: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert address_of({"client": (peer, 1), "headers": headers}, TRUSTED) == address


def test_a_local_socket_has_no_address() -> None:
    assert address_of({"client": None, "headers": []}, TRUSTED) == "local"


@pytest.mark.parametrize(
    ("base_url", "origin", "host", "prefix"),
    [
        ("http://localhost:8080", "http://localhost:8080", "localhost", ""),
        ("https://Help.example.org:443/", "https://help.example.org", "help.example.org", ""),
        ("http://[::1]:80/desk/", "http://[::1]", "::1", "/desk"),
    ],
)
def test_what_the_base_url_says(base_url: str, origin: str, host: str, prefix: str) -> None:
    settings = WebSettings(base_url)
    assert (settings.origin, settings.host, settings.prefix) == (origin, host, prefix)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "[::2]"],
)
def test_other_hosts_are_not_ours(site: Site, host: str) -> None:
    answer = site.client.get(site.page(), headers={"Host": host, "X-Forwarded-Host": "127.0.0.1"})
    assert answer.status_code == 421
    assert "evil" not in answer.text


def test_our_host_has_no_case_and_any_port(site: Site) -> None:
    for host in ("LocalHost", "localhost.:99", "[::1]:8080", f"127.0.0.1:{site.port}"):
        assert site.client.get(site.page(), headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: 127.0.0.1\r\nHost: evil.example\r\n"])
def test_one_host_is_needed(site: Site, hosts: bytes) -> None:
    request = b"GET / HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n"
    assert _spoken(site, request).startswith(b"HTTP/1.1 400 ")


class TestWrongTokensAreCounted:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(wrong_tokens=(3, 600))

    def test_then_the_address_is_shut_out(self, site: Site) -> None:
        codes = [site.client.get(site.page(f"wrong{n}")).status_code for n in range(5)]
        assert codes == [404, 404, 404, 429, 429]
        right = site.client.get(site.page())
        assert right.status_code == 429, "else right tokens could still be told from wrong ones"
        assert 0 < int(right.headers["retry-after"]) <= 601

    def test_every_route_counts(self, site: Site) -> None:
        page = site.page("wrong")
        site.client.get(page + "/attachments/a/b")
        site.client.post(page + "/read", data={"up_to": "1"})
        site.client.post(page + "/comments", data={"text": "1"})
        assert site.client.get(page + "/unsubscribe").status_code == 429

    def test_what_others_claim_in_front_of_the_proxy_changes_nothing(self, site: Site) -> None:
        codes = {
            site.client.get(
                site.page("x"), headers={"X-Forwarded-For": f"10.1.{n}.1, 198.51.100.7"}
            ).status_code
            for n in range(30)
        }
        assert codes == {404, 429}
        other = site.client.get(site.page(), headers={"X-Forwarded-For": "198.51.100.8"})
        assert other.status_code == 200


class TestFloods:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(comments=(2, 600), writes=(5, 600))

    def test_of_comments_keep_the_text(self, site: Site, door: StandInDoor) -> None:
        answers = [site.client.post(site.page() + "/comments", data={"text": f"no {n}"}) for n in range(3)]
        assert [answer.status_code for answer in answers] == [303, 303, 429]
        assert "no 2</textarea>" in answers[2].text
        assert int(answers[2].headers["retry-after"]) > 0
        assert len(door.calls) == 2

    def test_of_any_post(self, site: Site) -> None:
        codes = [site.client.post(site.page() + "/read", data={"up_to": "1"}).status_code for _ in range(6)]
        assert codes == [204] * 5 + [429]


class TestBodiesThatHardlyArrive:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(patience=0.3, body_rate=1_000_000)

    def test_end_with_408(self, site: Site, door: StandInDoor) -> None:
        head = f"POST /helpdesk/ticket/{door.READER}/comments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntext=a"
        assert _spoken(site, (head + form).encode()).startswith(b"HTTP/1.1 408 ")
        assert door.calls == []
        assert site.client.get(site.page()).status_code == 200


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_heads_that_hardly_arrive_end_the_connection(site: Site, head: bytes) -> None:
    assert _spoken(site, head) == b""
    whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert _spoken(site, whole).startswith(b"HTTP/1.1 200 ")


def _spoken(site: Site, request: bytes) -> bytes:
    """What the server says to raw octets until it closes."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))
