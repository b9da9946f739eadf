"""One look into a folder: what is new is taken, once each, and then what the operator wants is done with it.

The order is always the same: the mail and its row in our ledger are durable in one commit; then the cursor
moves; then the folder is touched. Whatever breaks in between, the next visit goes on from there (threats B8, B9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain

from gateway.clock import DAY, from_rfc3339
from gateway.log import logger, step
from gateway.store import imap as ledger
from gateway.store.imap import ImapFolder
from gateway.transport.imap.connection import PIECE, Connection, Listed, Selected
from gateway.transport.imap.keep import await_all, keep, leave
from gateway.transport.imap.place import Place
from gateway.transport.imap.trouble import NotDone, Trouble

DESCRIBED = 500  # mails whose size is asked for at a time
TOGETHER = 50  # small mails fetched at a time, `PIECE` octets in all
SETTLED = 500  # mails that are moved or marked at a time
VANISHED = "the server says OK and sends nothing"

log = logger("imap")


class Visit:
    """Looks into one folder, again and again, over whatever connection there is.

    pause: called between commands; it keeps the lease, and raises what ends a visit early.
    taken: mails kept so far.  careful: the last connection ended over a mail, so they come one by one.
    """

    def __init__(self, place: Place, pause: Callable[[], None]) -> None:
        self._place = place
        self._pause = pause
        self._after, _, self._target = place.settings.after.partition(":")
        self._careful = False
        self._has_past = False
        self._compared_at = 0
        self.taken = 0

    def look(self, connection: Connection) -> None:
        """Take what is there. Raises Trouble, StoreError or LeaseLost; what was done until then is done."""
        place = self._place
        place.find_desk()
        selected = connection.select(place.settings.folder, read_only=self._after == "keep")
        folder = self._agreed(selected.uidvalidity, selected.newest)
        self._has_past = place.read(lambda unit: ledger.has_past(unit, folder))
        self._retry(connection, folder)
        for uids in connection.above(folder.cursor, selected):
            for some in _lots(uids, DESCRIBED):
                self._take(connection, folder, some)
                last = some[-1]
                place.write(lambda unit, last=last: ledger.advance(unit, folder, place.owner, last))  # type: ignore[misc]
        self._careful = False
        self._compare(connection, folder, selected)  # before we take mails away, while its numbers hold
        self._settle(connection, folder)

    def _agreed(self, uidvalidity: int, newest: int) -> ImapFolder:
        """The folder as we remember it, brought in line with what the server says it is."""
        place = self._place
        folder = place.write(lambda unit: ledger.meet(unit, place.settings.name))
        if folder.uidvalidity == uidvalidity:
            return folder
        if folder.began_at:
            log.warning("folder made anew, its mails are told by their content", folder=folder.id)
            begin = partial(ledger.begin_again, newest=newest)
        else:
            log.info("first connect", folder=folder.id, since=place.settings.since, newest=newest)
            begin = partial(ledger.begin, newest=newest, since=_moment(place.settings.since))
        place.write(lambda unit: begin(unit=unit, folder=folder, owner=place.owner, uidvalidity=uidvalidity))
        return place.read(lambda unit: ledger.meet(unit, place.settings.name))

    def _retry(self, connection: Connection, folder: ImapFolder) -> None:
        """Mails that could not be had before, each by itself."""
        for uid in self._place.read(lambda unit: ledger.due_again(unit, folder)):
            if connection.has(uid):
                self._take_all(connection, folder, [uid])
            else:
                self._place.write(partial(ledger.gone, folder=folder, uid=uid))

    def _take(self, connection: Connection, folder: ImapFolder, uids: Sequence[int]) -> None:
        known = self._place.read(lambda unit: ledger.listed(unit, folder, uids))
        if fresh := [uid for uid in uids if uid not in known]:
            self._take_all(connection, folder, fresh)

    def _take_all(self, connection: Connection, folder: ImapFolder, uids: Sequence[int]) -> None:
        """Have every one of these mails kept, or written down as one that is left."""
        place = self._place
        described = self._described(connection, uids)
        small: list[Listed] = []
        for uid in uids:
            one = described.get(uid)
            if one is None:
                self._missing(connection, folder, Listed(uid, 0, 0))
            elif uid <= folder.present_to and 0 < one.arrived < folder.taken_from:
                continue  # it was there before we were asked to read the folder
            elif one.size > place.max_octets:
                leave(place, folder, one, ledger.TOO_LARGE, f"it has {one.size} octets")
                log.warning("too large, left in the folder", folder=folder.id, uid=uid, size=one.size)
            elif one.size > PIECE:
                self._fetch(connection, folder, [one])
            else:
                small.append(one)
        for lot in _lots_by_size(small, 1 if self._careful else TOGETHER):
            self._fetch(connection, folder, lot)

    def _described(self, connection: Connection, uids: Sequence[int]) -> dict[int, Listed]:
        """Sizes and dates; where the answer makes no sense, one by one, and that one is nothing to go by."""
        self._pause()
        try:
            return connection.describe(uids)
        except NotDone:
            if len(uids) == 1:
                return {uids[0]: Listed(uids[0], 0, 0)}
            return {uid: one for each in uids for uid, one in self._described(connection, [each]).items()}

    def _fetch(self, connection: Connection, folder: ImapFolder, lot: Sequence[Listed]) -> None:
        """Several mails by one command. When that fails they come one by one, and the bad one fails alone."""
        self._pause()
        try:
            self._keep(connection, folder, lot)
        except NotDone as error:
            if len(lot) == 1:
                self._failed(folder, lot[0], str(error))
            else:
                self._take_each(connection, folder, lot)
        except Trouble as error:  # next time they come one by one, and one that does it again is to wait
            if self._careful and len(lot) == 1:
                self._failed(folder, lot[0], str(error))
            self._careful = True
            raise

    def _take_each(self, connection: Connection, folder: ImapFolder, lot: Sequence[Listed]) -> None:
        known = self._place.read(lambda unit: ledger.listed(unit, folder, [one.uid for one in lot]))
        for one in lot:
            if one.uid not in known:
                self._fetch(connection, folder, [one])

    def _keep(self, connection: Connection, folder: ImapFolder, lot: Sequence[Listed]) -> None:
        if len(lot) == 1 and lot[0].size > PIECE:
            found = {lot[0].uid: connection.fetch_pieces(lot[0].uid)}
        else:
            found = {
                uid: iter((octets,)) for uid, octets in connection.fetch([one.uid for one in lot]).items()
            }
        kept = []
        try:
            for one in lot:
                if one.uid in found and (
                    mail := keep(self._place, folder, one, found[one.uid], self._has_past)
                ):
                    kept.append(mail)
        finally:
            await_all(kept)
            self.taken += len(kept)
        for one in lot:
            if one.uid not in found:
                self._missing(connection, folder, one)

    def _missing(self, connection: Connection, folder: ImapFolder, one: Listed) -> None:
        """The server says OK and gives nothing (threat 9): the mail is gone, or there and cannot be had."""
        if connection.has(one.uid):
            self._failed(folder, one, VANISHED)

    def _failed(self, folder: ImapFolder, one: Listed, problem: str) -> None:
        place = self._place
        place.write(lambda unit: ledger.failed(unit, folder, place.owner, one.uid, one.size, problem))
        log.warning("a mail cannot be fetched", folder=folder.id, uid=one.uid)

    def _settle(self, connection: Connection, folder: ImapFolder) -> None:
        """Do with the mails in the folder what the operator wants, now that they are safe here."""
        place = self._place
        while uids := place.read(lambda unit: ledger.unsettled(unit, folder, SETTLED)):
            self._pause()
            step("imap.settling")
            if self._after == "seen":
                connection.mark_seen(uids)
            elif self._after == "move":
                connection.move(uids, self._target)
            elif self._after == "delete":
                connection.delete(uids)
            step("imap.touched")
            place.write(partial(ledger.settle, folder=folder, uids=uids))

    def _compare(self, connection: Connection, folder: ImapFolder, selected: Selected) -> None:
        """Once a day: which mails have gone from the folder. The ledger need not know them for ever."""
        place, now = self._place, self._place.store.clock()
        if now < self._compared_at + DAY:
            return
        compare, above = partial(ledger.compare, folder=folder, owner=place.owner), 0
        for uids in chain(connection.above(0, selected), [()]):
            self._pause()
            to = uids[-1] if uids else selected.newest
            place.write(partial(compare, above=above, to=to, present=frozenset(uids)))
            above = to
        place.write(partial(ledger.forget, folder=folder, owner=place.owner))
        self._compared_at = now


def _moment(since: str) -> int | None:
    """From when on mail is taken on the first connect; None: from now."""
    if since == "new":
        return None
    return 0 if since == "all" else from_rfc3339(since)


def _lots(uids: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), most):
        yield uids[start : start + most]


def _lots_by_size(mails: Sequence[Listed], most: int) -> Iterator[list[Listed]]:
    """At most so many, and `PIECE` octets in all."""
    lot: list[Listed] = []
    for one in mails:
        if lot and (len(lot) == most or sum(each.size for each in lot) + one.size > PIECE):
            yield lot
            lot = []
        lot.append(one)
    if lot:
        yield lot
