"""Questions to a name server on loopback that answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from gateway.mail.authenticate import Lookup
from gateway.transport.dns import Dns, MailHosts

ZONE = {
    ("two.example.", "TXT"): ['"v=DMARC1; " "p=reject"', '"second"'],
    ("mail.example.", "MX"): ["20 b.mail.example.", "10 a.mail.example."],
    ("nomail.example.", "MX"): ["0 ."],
    ("a.example.", "A"): ["127.0.0.1"],
}


class NameServer:
    """Answers from ZONE over UDP; `failing` makes it answer SERVFAIL."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.asked: list[str] = []
        self.failing = False
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def client(self, now: list[float]) -> Dns:
        """A resolver that asks this server; `now` holds its clock."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self.socket.getsockname()[1]
        return Dns(resolver, lambda: now[0])

    def close(self) -> None:
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()

    def _answer(self) -> None:
        while True:
            octets, peer = self.socket.recvfrom(4096)
            if not octets:
                return
            query = dns.message.from_wire(octets)
            question = query.question[0]
            name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append(f"{name} {kind}")
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.RA
            if self.failing:
                reply.set_rcode(dns.rcode.SERVFAIL)
            elif (name.lower(), kind) in ZONE:
                reply.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, ZONE[name.lower(), kind]))
            elif name.lower() not in {known for known, _ in ZONE}:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(reply.to_wire(), peer)


@pytest.fixture
def server() -> Iterator[NameServer]:
    running = NameServer()
    yield running
    running.close()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


def test_the_strings_of_a_record_are_joined(server: NameServer, now: list[float]) -> None:
    lookup: Lookup = server.client(now).txt
    assert sorted(lookup("two.example")) == ["second", "v=DMARC1; p=reject"]  # a set of records has no order


@pytest.mark.parametrize(
    "name", ["none.example", "a.example", b"two.example\xff", "x" * 70 + ".example", "", ".."]
)
def test_a_name_without_records_has_none(server: NameServer, now: list[float], name: str | bytes) -> None:
    found = server.client(now).txt(name)
    assert found == []
    assert not found.temporary


def test_a_failing_server_is_temporary(server: NameServer, now: list[float]) -> None:
    server.failing = True
    client = server.client(now)
    assert client.txt("two.example") == []
    assert client.txt("two.example").temporary
    assert client.mx("mail.example") == MailHosts((), temporary=True)
    server.failing = False
    now[0] = 16.0
    assert client.mx("mail.example").hosts


def test_answers_are_kept_for_a_while(server: NameServer, now: list[float]) -> None:
    client = server.client(now)
    for name in ("two.example", "Two.Example.", b"two.example"):
        assert len(client.txt(name)) == 2
    assert len(server.asked) == 1
    now[0] = 301.0
    client.txt("two.example")
    assert len(server.asked) == 2


def test_mail_hosts_come_best_first(server: NameServer, now: list[float]) -> None:
    assert server.client(now).mx("mail.example") == MailHosts(("a.mail.example", "b.mail.example"))
    assert server.client(now).mx("nomail.example") == MailHosts((), refuses=True)
    assert server.client(now).mx("a.example") == MailHosts(())


def test_a_system_without_name_servers_answers_nothing() -> None:
    client = Dns(dns.resolver.Resolver(configure=False))
    assert client.txt("two.example") == []
