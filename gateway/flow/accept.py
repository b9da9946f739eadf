"""What a listener asks of the house: who is known here, and to keep a mail."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a recipient is not taken, as an SMTP reply: 550, `5.1.1 no such desk`. RFC 5321 §4.2, RFC 3463."""

    code: int
    text: str


class Acceptance(Protocol):
    """Takes mails in."""

    def refuses(self, recipient: str) -> Refusal | None:
        """None when the recipient is ours. Called in the event loop: answers at once, from memory.

        `recipient` is a mailbox as RFC 5321 writes it, or the bare word `postmaster` (§4.5.1).
        """
        ...

    def accept(self, envelope: Envelope, octets: Octets) -> Awaitable[tuple[str, ...]]:
        """Journal ids, one for each recipient of the envelope in its order, once the mail is durable.

        Two recipients of one desk share an id. Raises StoreFull or StoreError when nothing was kept.
        What has begun is finished, also when the peer leaves and nobody awaits it any more. Takes `octets` and
        closes them.
        """
        ...
