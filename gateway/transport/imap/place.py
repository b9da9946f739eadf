"""What reading a folder needs of the house, and in whose name it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.config import Imap
from gateway.desk.desks import Directory
from gateway.desk.tables import Desk
from gateway.flow.reception import Reception
from gateway.store.database import Store
from gateway.store.unit import Unit
from gateway.transport.imap.trouble import Trouble

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Place:
    """One folder of the configuration, and the house around it.

    temporary: where large mails lie while they come.  max_octets: larger ones stay where they are.
    owner: in whose name the lease of the folder is held.
    """

    settings: Imap
    store: Store
    reception: Reception
    directory: Callable[[], Directory]
    temporary: Path
    max_octets: int
    owner: str

    def find_desk(self) -> Desk:
        """The desk that the mail is for. Raises Trouble when there is none."""
        wanted = self.settings.desk.lower()
        for desk in self.directory().desks.values():
            if desk.name.lower() == wanted:
                return desk
        raise Trouble(f"there is no desk {self.settings.desk}: `helpgate desk list` shows them")

    def read(self, ask: Callable[[Unit], Found]) -> Found:
        """What the store says. Raises StoreError."""
        with self.store.reading() as unit:
            return ask(unit)

    def write(self, act: Callable[[Unit], Found]) -> Found:
        """Done in a unit of its own. Raises StoreError or LeaseLost."""
        with self.store.unit("imap") as unit:
            return act(unit)
