"""The public page's door to the desk: `web.public.TicketDoor` over the verbs, a unit for each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gateway.clock import SECOND
from gateway.config import Settings
from gateway.desk import pages
from gateway.desk.tickets import Rules
from gateway.desk.views import FileView, TicketView, Upload
from gateway.errors import NotFound
from gateway.flow.current import Current
from gateway.flow.files import neutral
from gateway.log import logger
from gateway.mail.reading import Enclosure
from gateway.store import blobs
from gateway.store.blobs import name_of
from gateway.store.database import Store
from gateway.store.engines import SQLITE

log = logger("page")


class Door:
    """What somebody with a link can do. Synchronous; any thread."""

    def __init__(
        self, store: Store, settings: Settings, current: Current, changed: Callable[[], None]
    ) -> None:
        self._store = store
        self._current = current
        self._changed = changed
        self._rules = Rules(settings.notify.delay_s, settings.notify.hold_s * SECOND)

    def glance(self, token: str) -> TicketView | None:
        """A small ticket, which an embedded store answers in less time than a thread takes to be woken."""
        if self._store.engine != SQLITE:
            return None
        with self._store.reading() as unit:
            ticket = pages.see(unit, self._current.keys, token, pages.SMALL)
        return None if ticket.older else ticket

    def see(self, token: str) -> TicketView:
        """The ticket as this reader may see it."""
        with self._store.reading() as unit:
            return pages.see(unit, self._current.keys, token)

    def comment(self, token: str, text: str, files: Sequence[Upload]) -> str:
        """A message by this reader, durable when this returns; the token of the ticket it is on."""
        enclosures = tuple(neutral(self._current.keys, _enclosure(one)) for one in files)
        with self._store.unit("page") as unit:
            said = pages.comment(unit, self._current.keys, self._rules, token, text, enclosures)
        log.info("comment", ticket=said.ticket.number, message=said.message.id)
        self._changed()
        return said.link

    def read(self, token: str, up_to: int) -> None:
        """This reader has seen the messages up to this position."""
        with self._store.unit("page") as unit:
            pages.mark_read(unit, self._current.keys, token, up_to)

    def unsubscribe(self, token: str) -> None:
        """No more mail about this ticket."""
        with self._store.unit("page") as unit:
            pages.unsubscribe(unit, self._current.keys, token)

    def file(self, token: str, handle: str) -> tuple[FileView, Iterator[bytes]]:
        """A file this reader may have, and its octets piece by piece."""
        with self._store.reading() as unit:
            view, sha256 = pages.file(unit, self._current.keys, token, handle)
        if view.size > blobs.PIECE:
            return view, self._pieces(sha256, view.size)
        with self._store.reading() as unit:
            return view, iter((blobs.load(unit, sha256),))

    def _pieces(self, sha256: str, size: int) -> Iterator[bytes]:
        """Each piece on the connection of whichever thread asks for it."""
        for position in range(-(-size // blobs.PIECE)):
            with self._store.reading() as unit:
                piece = blobs.piece(unit, sha256, position)
            if piece is None:
                raise NotFound("page.not_found")
            yield piece


def _enclosure(upload: Upload) -> Enclosure:
    """An upload as the verbs take files. The limit of 10 MB bounds what is in memory here."""
    source = upload.path_or_bytes
    data = source.read_bytes() if isinstance(source, Path) else source
    return Enclosure(upload.filename, upload.content_type, len(data), name_of(data), data)
