"""A folder of a mailbox as an archive: looked at, and left as it is. RFC 3501."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import Imap
from gateway.flow.imports.places import UNKNOWN, Place
from gateway.store.database import Store
from gateway.transport.imap.connection import PIECE, Connection
from gateway.transport.imap.grants import Grants
from gateway.transport.imap.sasl import Login
from gateway.transport.imap.trouble import NotDone, Trouble

AT_ONCE = 500  # mails described by one answer


class ImapArchive:
    """`settings` name the folder; `mailbox` is the configured one, whose grant is used. `at` is the UID.

    Trouble with the server is told as OSError, which an import takes for an archive that cannot be read.
    """

    def __init__(self, settings: Imap, mailbox: Imap, store: Store) -> None:
        self.name = settings.name
        self._settings = settings
        self._mailbox = mailbox
        self._store = store
        self._connection: Connection | None = None

    def places(self) -> Iterator[Place]:
        """Every mail with its time of arrival there, which stands for its Date: no header is fetched for it."""
        try:
            connection = self._connected()
            selected = connection.select(self._settings.folder, read_only=True)
            for uids in connection.above(0, selected):
                for start in range(0, len(uids), AT_ONCE):
                    told = connection.describe(uids[start : start + AT_ONCE])
                    for uid, one in sorted(told.items()):
                        yield Place(uid, one.size, UNKNOWN, one.arrived or UNKNOWN)
        except (Trouble, NotDone) as error:
            raise OSError(str(error)) from error

    def pieces(self, place: Place) -> Iterator[bytes]:
        """The octets; a connection that was lost is made anew once."""
        if place.size > PIECE:
            yield from self._large(place.at)
            return
        try:
            yield self._fetch(place.at)
        except Trouble:
            self._let_go()
            try:
                yield self._fetch(place.at)
            except (Trouble, NotDone) as error:
                raise OSError(str(error)) from error
        except NotDone as error:
            raise OSError(str(error)) from error

    def _large(self, uid: int) -> Iterator[bytes]:
        try:
            yield from self._opened().fetch_pieces(uid)
        except (Trouble, NotDone) as error:
            self._let_go()
            raise OSError(str(error)) from error

    def _fetch(self, uid: int) -> bytes:
        octets = self._opened().fetch([uid]).get(uid)
        if octets is None:
            raise NotDone("the mail is no longer there")
        return octets

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connected().select(self._settings.folder, read_only=True)
        assert self._connection is not None
        return self._connection

    def _connected(self) -> Connection:
        token = Grants(self._mailbox, self._store).access_token() if self._mailbox.oauth else ""
        login = Login(self._mailbox.username, self._mailbox.password, token)
        self._connection = Connection(self._settings, login)
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
