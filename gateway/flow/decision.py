"""A mail with all that is known of it, and what became of it: what intake is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.clock import SECOND
from gateway.config import Settings
from gateway.desk.desks import Directory
from gateway.desk.tables import Message, Ticket
from gateway.desk.thread import Match, Proof
from gateway.desk.tickets import Rules
from gateway.flow.desktop import Desktop
from gateway.mail.authenticate import Authentication
from gateway.mail.reading import Reading
from gateway.mail.token import Keyring
from gateway.store.journal import Inbound


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail with all that is known of it, and the terms under which it is judged."""

    inbound: Inbound
    reading: Reading
    authentication: Authentication
    directory: Directory
    desktop: Desktop

    @property
    def keys(self) -> Keyring:
        """The MAC keys in use."""
        return self.desktop.keys

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.desktop.settings

    @property
    def rules(self) -> Rules:
        """When people are told."""
        return Rules(self.settings.notify.delay_s, self.settings.notify.hold_s * SECOND)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a mail, and why."""

    fate: str
    reason: str = ""
    match: Match = field(default_factory=Match)
    proof: Proof | None = None
    ticket: Ticket | None = None
    message: Message | None = None
    duplicate_of: int | None = None
