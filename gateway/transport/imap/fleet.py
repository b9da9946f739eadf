"""Every folder of the configuration, each watched by a thread of its own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.config import Imap, Settings
from gateway.desk.desks import Directory
from gateway.flow.reception import Reception
from gateway.store.database import Store
from gateway.store.unit import Unit
from gateway.transport.imap.connection import Connection
from gateway.transport.imap.grants import Grants
from gateway.transport.imap.place import Place
from gateway.transport.imap.sasl import Login
from gateway.transport.imap.trouble import LoginRefused
from gateway.transport.imap.watch import Patience, Watch

CROWDED = 1000  # mails that wait to be decided
GRACE_S = 8.0


class Fleet:
    """All watches of one daemon. Constructing it connects to nobody."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        reception: Reception,
        directory: Callable[[], Directory],
        temporary: Path,
        patience: Patience | None = None,
    ) -> None:
        owner = secrets.token_hex(8)
        most = settings.smtp.max_message_octets
        places = [Place(one, store, reception, directory, temporary, most, owner) for one in settings.imap]
        self.watches: Sequence[Watch] = [
            Watch(place, Way(place.settings, store), patience, lambda: _is_crowded(store)) for place in places
        ]

    def start(self) -> None:
        """Begin to read."""
        for watch in self.watches:
            watch.start()

    def stop(self) -> None:
        """Finish what is in hand and go. Mail that has come is in the journal before this returns."""
        for watch in self.watches:
            watch.stop()
        until = time.monotonic() + GRACE_S
        for watch in self.watches:
            watch.join(max(0.1, until - time.monotonic()))


class Way:
    """The way into one mailbox: calling it gives a connection that is logged in. Raises Trouble."""

    def __init__(self, settings: Imap, store: Store) -> None:
        self._settings = settings
        self._grants = Grants(settings, store) if settings.oauth else None

    def __call__(self) -> Connection:
        settings = self._settings
        if self._grants is None:
            return Connection(settings, Login(settings.username, settings.password))
        token = self._grants.access_token()
        try:
            return Connection(settings, Login(settings.username, access_token=token))
        except LoginRefused:  # a token may be taken back before its time
            token = self._grants.access_token(fresh=True)
            return Connection(settings, Login(settings.username, access_token=token))


def _is_crowded(store: Store) -> bool:
    """Whether intake has more than enough to do, so that mail sent to us directly need not wait behind a mailbox."""
    with store.reading() as unit:
        return _waiting(unit) >= CROWDED


def _waiting(unit: Unit) -> int:
    return unit.number("SELECT count(*) FROM inbound WHERE fate = 'received'")
