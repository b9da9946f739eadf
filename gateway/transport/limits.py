"""What a listener is told, and how much one peer may ask of it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may take, in seconds. Relays are only held to `idle`.

    idle: for the next whole command, or the next octet of a mail (5 minutes: RFC 5321 §4.5.3.2.7).
    session: for everything.  data: for one mail.
    grace, rate: a mail may come as slowly as it likes for `grace` seconds, then at `rate` octets a second.
    tick: how often all this is looked at.
    """

    idle: float = 300.0
    session: float = 600.0
    data: float = 300.0
    grace: float = 30.0
    rate: int = 1024
    tick: float = 5.0


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One listener. Sizes in octets.

    listen: `127.0.0.1:2525`, `[::1]:2525`, or `unix:PATH` (LMTP only).  socket_mode: of that path.
    folder: where mails over 256 KiB wait while they arrive.
    relays: peers that speak for others: no cap per address, no cap on the length of a session.
    tls_certificate, tls_key: PEM files; STARTTLS is offered when both are given.
    """

    protocol: Literal["smtp", "lmtp"]
    listen: str
    hostname: str
    folder: Path
    max_message_octets: int = 26_214_400
    relays: tuple[Network, ...] = ()
    max_connections: int = 100
    max_connections_per_ip: int = 10
    max_recipients: int = 100
    max_bad_commands: int = 20
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    socket_mode: int = 0o660
    patience: Patience = field(default_factory=Patience)


class Doorkeeper:
    """Counts who is in. All connections count; per address, relays and local sockets do not.

    An IPv6 address stands for its /64, which is what one subscriber has.
    """

    def __init__(self, relays: tuple[Network, ...], most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._inside = 0
        self._per_address: Counter[str] = Counter()
        self._relays = relays
        self.is_relay = lru_cache(maxsize=1024)(self._is_relay)

    def let_in(self, peer: str) -> bool:
        """Whether there is room for one more of `peer` (an IP address, empty for a local socket)."""
        if self._inside >= self._most:
            return False
        if not self.is_relay(peer):
            subscriber = _subscriber(peer)
            if self._per_address[subscriber] >= self._most_per_address:
                return False
            self._per_address[subscriber] += 1
        self._inside += 1
        return True

    def let_out(self, peer: str) -> None:
        """A connection that was let in has ended."""
        self._inside -= 1
        if self.is_relay(peer):
            return
        subscriber = _subscriber(peer)
        self._per_address[subscriber] -= 1
        if not self._per_address[subscriber]:
            del self._per_address[subscriber]

    def _is_relay(self, peer: str) -> bool:
        if not peer:
            return True
        address = ipaddress.ip_address(peer)
        return any(address in network for network in self._relays)


def plain_address(peername: object) -> str:
    """The IP address in a peer name: a mapped one as IPv4, without zone; empty for a local socket."""
    if not isinstance(peername, tuple) or not peername:
        return ""
    host = str(peername[0])
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.partition("%")[0])
    return str(address.ipv4_mapped or address)


@lru_cache(maxsize=1024)
def _subscriber(peer: str) -> str:
    if ":" not in peer:
        return peer
    return str(ipaddress.IPv6Network((peer, 64), strict=False))
