"""What the web needs to know of the configuration, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one visitor may ask for. Sizes in octets, times in seconds.

    wrong_tokens, writes: per address.  comments: per token.  Each is (count, seconds).
    body_rate: octets a second that a request body must bring, after `patience` seconds of grace.
    """

    wrong_tokens: tuple[int, int] = (20, 600)
    writes: tuple[int, int] = (120, 60)
    comments: tuple[int, int] = (20, 600)
    file_octets: int = 10 * MEBIBYTE
    files: int = 20
    text_octets: int = 256 * 1024
    patience: float = 10.0
    body_rate: int = 1024


@dataclass(frozen=True)
class WebSettings:
    """base_url: the address people see in links; decides the accepted Host and Origin.

    trusted_proxies: whose X-Forwarded-For is believed.  locale: of pages that belong to no desk.
    """

    base_url: str
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    limits: Limits = field(default_factory=Limits)
    locale: str = "en"

    @cached_property
    def host(self) -> str:
        """The host name of `base_url`, lower case, without a port."""
        return urlsplit(self.base_url).hostname or ""

    @cached_property
    def origin(self) -> str:
        """`scheme://host[:port]` of `base_url`, as browsers write it. RFC 6454 §6.2."""
        parts = urlsplit(self.base_url.lower())
        default = {"http": 80, "https": 443}.get(parts.scheme)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, default) else "")

    @cached_property
    def prefix(self) -> str:
        """The path of `base_url`, which a reverse proxy takes away again; mostly empty."""
        return urlsplit(self.base_url).path.rstrip("/")
