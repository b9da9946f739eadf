"""What the connections of one listener share: handing a mail to the house, and the words when that fails."""

from __future__ import annotations

import logging
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from gateway.clock import Clock
from gateway.errors import StoreFull
from gateway.flow.accept import Acceptance
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.transport.certificate import Certificate
from gateway.transport.limits import Doorkeeper, ListenerSettings

log = logging.getLogger("helpgate.smtp")

_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9.:_\[\]-]")


class Reception:
    """Between the connections of one listener and the house."""

    def __init__(self, settings: ListenerSettings, acceptance: Acceptance, clock: Clock) -> None:
        self.settings = settings
        self.acceptance = acceptance
        self.door = Doorkeeper(settings.relays, settings.max_connections, settings.max_connections_per_ip)
        self.certificate: Certificate | None = None
        if settings.tls_certificate and settings.tls_key:
            self.certificate = Certificate(settings.tls_certificate, settings.tls_key)
        self._clock = clock

    async def keep(self, envelope: Envelope, octets: Octets) -> tuple[str, ...]:
        """Hand a mail over; the reply for each recipient, in order. Takes `octets`.

        When the peer leaves, its connection is cancelled, and what has begun is finished all the same. The
        sender tries again, and the second copy is told by its content.
        """
        try:
            ids = await self.acceptance.accept(envelope, octets)
            pairs = zip(envelope.recipients, ids, strict=True)
            return tuple(f"250 2.6.0 queued as {journal_id}" for _, journal_id in pairs)
        except Exception as error:  # the boundary: whatever the trouble, the sender must keep its mail
            return (sorry(error),) * len(envelope.recipients)

    def received(self, envelope: Envelope, protocol: str) -> bytes:
        """The trace field that goes on top of the mail. RFC 5321 §4.4.

        It never names a recipient: not one of several (that would tell them of each other), and not a single
        one either, whose address may carry a token.
        """
        name = _UNSAFE_IN_NAME.sub("_", envelope.helo)
        moment = _written(self._clock() // 1000)
        field = (
            f"Received: from {name} ({_literal(envelope.peer)})\r\n"
            f"\tby {self.settings.hostname} with {protocol};\r\n\t{moment}\r\n"
        )
        return field.encode("ascii", "replace")


@lru_cache(maxsize=1)  # many mails in a second
def _written(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def sorry(error: Exception) -> str:
    """The reply for trouble of our own: transient, and without a word of what it was (RFC 5321 §4.2.1, 4yz).

    The id in it is logged with the error.
    """
    number = secrets.token_hex(5)
    if isinstance(error, StoreFull):
        log.error("error %s: no room for a mail: %s", number, error)
        return f"452 4.3.1 no room for mail at the moment, please try again later (error {number})"
    log.error("error %s", number, exc_info=error)
    return f"451 4.3.0 trouble on our side, please try again later (error {number})"


def _literal(peer: str) -> str:
    """The peer as an address literal. RFC 5321 §4.1.3."""
    if not peer:
        return "local socket"
    return f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"
