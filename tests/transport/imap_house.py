"""A house that reads folders by IMAP: a world, a place in it, and visits with or without a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.config import Imap
from gateway.flow.reception import Reception
from gateway.store import imap as ledger
from gateway.store.imap import ImapFolder, ImapMail
from gateway.store.journal import Inbound
from gateway.transport.imap.connection import Connection
from gateway.transport.imap.fleet import Way
from gateway.transport.imap.place import Place
from gateway.transport.imap.visit import Visit
from gateway.transport.imap.watch import Patience, Watch
from tests.people import CAROL, DESK, mail
from tests.world import World

QUICK = Patience(
    idle=5.0, poll=0.05, renew=0.5, elsewhere=0.05, first=0.02, most=0.1, refused=0.05, listen=0.05, mend=0.05
)
PASSWORD = "let-me-in"


class ImapHouse:
    """What reads one folder for the desk of a world. `settings` are keys of [[imap]]."""

    def __init__(
        self,
        world: World,
        port: int,
        *,
        owner: str = "this",
        max_octets: int = 10_000_000,
        reception: Reception | None = None,
        **settings: Any,
    ) -> None:
        self.world = world
        keys = {
            "desk": "Help",
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "username": DESK,
            "password": PASSWORD,
        }
        self.settings = Imap(**(keys | settings))
        self.place = Place(
            self.settings,
            world.store,
            reception or world.reception,
            lambda: world.current.directory,
            Path("/tmp"),
            max_octets,
            owner,
        )
        self.visit = Visit(self.place, lambda: None)

    def connect(self) -> Connection:
        """A connection that is logged in."""
        return Way(self.settings, self.world.store)()

    def looks(self, connect: Callable[[], Connection] | None = None) -> None:
        """One visit over a connection of its own, with the lease."""
        self.takes_lease()
        connection = (connect or self.connect)()
        try:
            self.visit.look(connection)
        finally:
            connection.close()

    def takes_lease(self) -> bool:
        """Has the folder, or gets it."""
        with self.world.store.unit() as unit:
            return ledger.lease(unit, ledger.meet(unit, self.settings.name).id, self.place.owner)

    def watch(self, patience: Patience = QUICK) -> Watch:
        """A watch that is not started yet."""
        return Watch(self.place, Way(self.settings, self.world.store), patience)

    @property
    def folder(self) -> ImapFolder:
        """What is remembered of the folder."""
        with self.world.store.reading() as unit:
            found = ledger.named(unit, self.settings.name)
        assert found is not None
        return found

    @property
    def listed(self) -> list[ImapMail]:
        """The ledger, by UID."""
        with self.world.store.reading() as unit:
            return unit.rows(ImapMail, "folder_id = ? ORDER BY uidvalidity, uid", self.folder.id)

    @property
    def journal(self) -> list[Inbound]:
        """What has come in."""
        return self.world.inbound()

    def subjects(self) -> list[str]:
        """Of all that has come in, decided; in the order of the journal."""
        for row in self.journal:
            if row.fate == "received":
                self.world.applies(row.id)
        return [row.subject for row in self.journal]


def numbered(first: int, last: int, text: str = "Good morning.") -> list[bytes]:
    """Mails with the subjects `mail 1`, `mail 2`…"""
    return [mail(CAROL, DESK, f"mail {number}", text) for number in range(first, last + 1)]
