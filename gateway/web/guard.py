"""Who is asking, and whether they may ask at all: host, origin, address, pace and number of requests."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import anyio
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clock import SECOND, now
from gateway.web.settings import MEBIBYTE, Limits, WebSettings

Networks = tuple[IPv4Network | IPv6Network, ...]
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MODEST = 64 * MEBIBYTE
HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})


class Gate:
    """Lets through only requests for our own host whose bodies keep arriving (T31, T52)."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._limits = settings.limits
        self._hosts = {settings.host} | (LOOPBACK if settings.host in LOOPBACK else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (refusal := self._host_refusal(scope)) is not None:
            await refusal(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        else:
            await self._at_pace(scope, receive, send)

    def _host_refusal(self, scope: Scope) -> PlainTextResponse | None:
        """What to answer to a request that names another host. RFC 9112 §3.2, RFC 9110 §15.5.20."""
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1:
            return _plain(400, "The request must name one host.")
        name = _host_name(given[0].decode("latin-1"))
        if name in self._hosts or (name in LOOPBACK and scope["path"] in HEALTH):
            return None
        return _plain(421, "This server does not answer for that host.")

    async def _at_pace(self, scope: Scope, receive: Receive, send: Send) -> None:
        paced = _PacedBody(receive, self._limits)
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            if not begun and not paced.complete and not _is_modest(scope):
                # The rest would be read and thrown away; of a modest body that is what browsers need.
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            begun = True
            await send(message)

        try:
            await self._app(scope, paced, watched_send)
        except TooSlow:
            if not begun:
                await _plain(408, "The request took too long to arrive.")(scope, receive, send)


class TooSlow(Exception):
    """The body of a request stopped arriving, or only trickles."""


class _PacedBody:
    """A `receive` that gives a body `patience` seconds plus one second for every `body_rate` octets."""

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._rate = limits.body_rate
        self._deadline = time.monotonic() + limits.patience
        self.complete = False

    async def __call__(self) -> Message:
        if self.complete:
            return await self._receive()
        with anyio.move_on_after(self._deadline - time.monotonic()):
            message = await self._receive()
            self._deadline += len(message.get("body", b"")) / self._rate
            self.complete = not message.get("more_body", False)
            return message
        raise TooSlow


def same_origin(headers: Headers, settings: WebSettings) -> bool:
    """Whether a POST comes from our own page, or from something that is no browser at all.

    `Sec-Fetch-Site` decides when there is one. Without it a foreign Origin is refused; `null` and
    none pass, because under `no-referrer` browsers send `null` even for our own page.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return headers.get("origin", "null").lower() in ("null", settings.origin)


def address_of(scope: Scope, trusted: Networks) -> str:
    """The address of the person asking: of the peer, or the rightmost untrusted one behind our proxies.

    An entry that is no address ends the walk at the hop before it. IPv6 is cut to its /64,
    since one customer of a provider has at least that many.
    """
    peer = _address((scope.get("client") or ("",))[0])
    if peer is None:
        return "local"
    if trusted and _is_in(peer, trusted):
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        for hop in reversed(b",".join(lines).decode("latin-1").split(",")):
            if (address := _address(hop.strip())) is None:
                break
            peer = address
            if not _is_in(address, trusted):
                break
    return str(peer) if peer.version == 4 else str(ip_network((peer, 64), strict=False))


class Quotas:
    """Counts what each address and each token did lately, in memory (T55)."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._wrong_tokens = _item(limits.wrong_tokens, "wrong-token")
        self._writes = _item(limits.writes, "write")
        self._comments = _item(limits.comments, "comment")

    def closed(self, address: str) -> int:
        """Seconds for which an address that tried too many tokens must wait; 0 when it need not."""
        if self._limiter.test(self._wrong_tokens, address):
            return 0
        return self._wait(self._wrong_tokens, address)

    def wrong_token(self, address: str) -> None:
        self._limiter.hit(self._wrong_tokens, address)

    def write(self, address: str) -> int:
        """Counts a POST; seconds to wait before it may be tried again, 0 when it may go on."""
        return 0 if self._limiter.hit(self._writes, address) else self._wait(self._writes, address)

    def comment(self, token: str) -> int:
        """Counts a comment; seconds to wait, 0 when it may go on."""
        return 0 if self._limiter.hit(self._comments, token) else self._wait(self._comments, token)

    def _wait(self, item: RateLimitItem, who: str) -> int:
        reset = self._limiter.get_window_stats(item, who).reset_time
        return max(1, round(reset - now() / SECOND + 0.5))


def _item(limit: tuple[int, int], namespace: str) -> RateLimitItem:
    count, seconds = limit
    return RateLimitItemPerSecond(count, seconds, namespace)


def _host_name(host: str) -> str:
    """`Example.org.:8080` -> `example.org`, `[::1]:80` -> `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _is_modest(scope: Scope) -> bool:
    """Whether the body has an end that can be waited for. RFC 9112 §6.3."""
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    return "transfer-encoding" not in headers and length.isdecimal() and int(length) <= MODEST


def _plain(status: int, sentence: str) -> PlainTextResponse:
    headers = {"Connection": "close", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return PlainTextResponse(sentence + "\n", status, headers)
