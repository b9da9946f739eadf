"""What every mail needs and rarely changes: the directory of desks and the keys, read again each second."""

from __future__ import annotations

from gateway.desk import desks
from gateway.desk.desks import Directory
from gateway.mail.token import Keyring
from gateway.store import settings
from gateway.store.database import Store


class Current:
    """The newest values; `refresh` replaces them whole, so that readers need no lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._values = self._read()

    @property
    def directory(self) -> Directory:
        """Every desk by its addresses."""
        return self._values[0]

    @property
    def keys(self) -> Keyring:
        """The MAC keys in use."""
        return self._values[1]

    def refresh(self) -> None:
        """Read again: commands change desks and keys beside a running daemon."""
        self._values = self._read()

    def _read(self) -> tuple[Directory, Keyring]:
        with self._store.reading() as unit:
            return desks.directory(unit), settings.keyring(unit)
