"""From an archive into the journal: in small groups, each durable at once, and nothing twice.

A mail that is here already, of the same octets from the same place of time at the same desk, is passed
over: that is how an import that was killed goes on where it was. What reaches the desk another way as
well (SMTP, IMAP, another copy of the archive) is told apart when it is applied: promise 3.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from gateway.desk.tables import Desk
from gateway.flow.imports.places import UNKNOWN
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.store import blobs, journal
from gateway.store.database import Store
from gateway.store.journal import Arrival
from gateway.store.unit import Unit

CHANNEL = "import"
GROUP = 32
GROUP_OCTETS = 4 << 20
SENDER = "unknown@import.helpgate.invalid"  # not the null path, which would make every mail a robot's


@dataclass(frozen=True, slots=True)
class Gathered:
    """A mail that is about to be written down."""

    octets: Octets
    delivered_at: int | None


class Feeder:
    """Writes mails of an archive down for one desk.

    written, known, empty: how many are new, were here, and are none.  first: the journal id of the first new one.

    leave_open: the tickets they open stay open where the last word was a customer's.
    """

    def __init__(self, store: Store, desk: Desk, *, leave_open: bool = False) -> None:
        self.written = self.known = self.empty = 0
        self.first = 0
        self._store = store
        self._desk = desk
        self._leave_open = leave_open
        self._folder = Path(tempfile.gettempdir())
        self._group: list[Gathered] = []

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._group:
            one.octets.close()
        self._group = []

    def feed(self, pieces: Iterable[bytes], delivered: int = UNKNOWN) -> None:
        """Take a mail in; it is durable after the next `flush`, which may be now."""
        octets = Octets(self._folder)
        try:
            for piece in pieces:
                octets.write(piece)
        except BaseException:
            octets.close()
            raise
        if octets.size == 0:
            self.empty += 1
            return
        self._group.append(Gathered(octets, None if delivered == UNKNOWN else delivered))
        if len(self._group) == GROUP or sum(one.octets.size for one in self._group) >= GROUP_OCTETS:
            self.flush()

    def flush(self) -> None:
        """Write down what was gathered, in one unit. Raises StoreError or StoreFull, and nothing was."""
        if not self._group:
            return
        with self._store.unit("import") as unit:
            ids = [id for one in self._group if (id := self._write(unit, one))]
        self.first = self.first or min(ids, default=0)
        self.written += len(ids)
        self.known += len(self._group) - len(ids)
        for one in self._group:
            one.octets.close()
        self._group = []

    def _write(self, unit: Unit, mail: Gathered) -> int:
        """The journal id, or 0 for what is here already."""
        octets, name = mail.octets, mail.octets.sha256.hex()
        address = self._desk.address
        envelope = Envelope(CHANNEL, SENDER, (address,), delivered_at=mail.delivered_at)
        arrival = Arrival(
            self._desk.id, address, "", envelope, octets.size, name, unit.now, True, self._leave_open
        )
        if journal.is_imported(unit, arrival):
            return 0
        if octets.size > blobs.PIECE:
            blobs.keep_pieces(unit, name, octets.size, iter(octets))
        else:
            blobs.keep(unit, name, octets.size, bytes(octets))
        return journal.record(unit, [arrival])[0]
