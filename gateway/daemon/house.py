"""Every part of a running gateway, made from the configuration and put together."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway import clock
from gateway.config import Settings
from gateway.daemon.acceptance import Acceptance
from gateway.desk import outbox, receipts
from gateway.errors import ConfigError
from gateway.flow import summary
from gateway.flow.courier import Courier
from gateway.flow.current import Current
from gateway.flow.delivery import writer_for
from gateway.flow.desktop import Desktop
from gateway.flow.dispatch import Dispatch, ladder
from gateway.flow.door import Door
from gateway.flow.drain import Drain
from gateway.flow.readers import Readers
from gateway.flow.reception import Reception, write_down
from gateway.flow.schedule import Tick
from gateway.mail.template import Stationery, check_templates
from gateway.store import imap, journal
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL, SQLITE
from gateway.store.grouped import GroupCommit
from gateway.store.migrations import migrate
from gateway.store.wakes import Wakes
from gateway.transport.dns import Dns
from gateway.transport.limits import ListenerSettings
from gateway.transport.listener import Listener
from gateway.transport.relay import Relay
from gateway.transport.submission import Submission

if TYPE_CHECKING:
    from gateway.transport.imap.fleet import Fleet

TEMPORARY = "tmp"
COURIER_GRACE_S = 8.0
SESSIONS = 4  # connections to the smarthost at a time; what one waits for, the others share a commit with
LOCK = "daemon.lock"


class House:
    """The parts that work in threads. `start` and `stop` are called from any one thread."""

    def __init__(self, settings: Settings, now: clock.Clock = clock.now) -> None:
        """Raises ConfigError or StoreError when something cannot be used as it is."""
        self.settings = settings
        self.folder = data_folder(settings)
        self.store = open_store(settings, now)
        self._lock = _only_daemon(self.folder) if self.store.engine == SQLITE else None
        migrate(self.store)
        self._clear_away()
        templates = settings.path(settings.templates.folder) if settings.templates.folder else None
        check_templates(templates)
        self.stationery = Stationery(templates)
        self.current = Current(self.store)
        self.readers = Readers()
        self.arrivals = GroupCommit(self.store, "accept", write_down)
        self.deliveries = writer_for(self.store)
        self.courier = courier(settings)
        self.drain = Drain(
            self.store,
            settings,
            self.current,
            self.stationery,
            self.readers,
            Dns().txt,
            self.folder / TEMPORARY,
            self.arrivals,
        )
        self.dispatch = Dispatch(
            self.store,
            settings,
            self.current,
            self.stationery,
            self.courier,
            self.deliveries,
            self.drain.pace,
        )
        self.drain.on_decided.append(self.dispatch.wake)
        self.reception = Reception(self.arrivals, lambda: self.current.directory, self.drain.wake)
        self.fleet = self._fleet()
        self.wakes = Wakes(self.store.url, self._wake) if self.store.engine == POSTGRESQL else None
        self._told_of = 0
        self.door = Door(self.store, settings, self.current, self.dispatch.wake.set)

    def start(self) -> None:
        """Begin to work on whatever an earlier process left."""
        if self.store.engine == SQLITE:
            with self.store.unit("recover") as unit:
                journal.recover(unit)
                outbox.recover(unit, ladder(self.settings))
                imap.recover(unit)
        self.arrivals.start()
        self.deliveries.start()
        self.drain.start()
        self.dispatch.start()
        if self.fleet is not None:
            self.fleet.start()
        if self.wakes is not None:
            self.wakes.start()

    def stop(self) -> None:
        """Finish what is in hand; what waits is in the store."""
        if self.wakes is not None:
            self.wakes.stop()
        if self.fleet is not None:
            self.fleet.stop()
        self.arrivals.stop()
        self.drain.stop()
        self.readers.stop()
        self.dispatch.finish()
        if isinstance(self.courier, Submission):
            self.courier.close(COURIER_GRACE_S)  # a relay that hangs must not keep us from ending
        self.dispatch.stop()
        self.deliveries.stop()
        self.store.close_all()
        if self._lock is not None:
            self._lock.close()

    def listeners(self) -> list[Listener]:
        """The SMTP and LMTP listeners that are configured."""
        acceptance = Acceptance(self.reception)
        return [Listener(one, acceptance) for one in listener_settings(self.settings, self.folder)]

    def ticks(self) -> Sequence[Tick]:
        """What happens again and again."""
        return (
            Tick("refresh", 1.0, self.current.refresh),
            Tick("tidy", 1.0, self.store.tidy),
            Tick("summary", 60.0, self._summary),
            Tick("forget", 3600.0, self._forget),
        )

    def _fleet(self) -> Fleet | None:
        """Who reads the configured folders by IMAP."""
        if not self.settings.imap:
            return None
        # imapclient takes room that an idle daemon without mailboxes has not to spare
        from gateway.transport.imap.fleet import Fleet

        return Fleet(
            self.settings,
            self.store,
            self.reception,
            lambda: self.current.directory,
            self.folder / TEMPORARY,
        )

    def _wake(self) -> None:
        """Another process made work; without being told each stage looks for itself once a second."""
        self.drain.wake()
        self.dispatch.look()

    def _summary(self) -> None:
        total = self.reception.postponed
        postponed = f"{total - self._told_of}: {self.reception.trouble}" if total > self._told_of else ""
        with self.store.unit("summary") as unit:
            desktop = Desktop(self.settings, self.current.keys, self.stationery)
            told = summary.write_when_due(unit, desktop, self.dispatch.stopped_because, postponed)
        if told:
            self._told_of = total

    def _forget(self) -> None:
        with self.store.unit("forget") as unit:
            receipts.forget_old(unit)

    def _clear_away(self) -> None:
        """Temporary files of a process that was killed."""
        folder = self.folder / TEMPORARY
        if self._lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def data_folder(settings: Settings) -> Path:
    """The data folder, made for nobody but us."""
    folder = settings.data_folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("data_dir", f"cannot make {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        why = "its file system is read-only" if read_only else "it belongs to somebody else"
        raise ConfigError("data_dir", f"cannot write in {folder}: {why}")
    return folder


def open_store(settings: Settings, now: clock.Clock = clock.now) -> Store:
    """The configured store, connected. Raises StoreError."""
    store = Store(settings.store.url, data_folder(settings), now)
    store.open()
    return store


def courier(settings: Settings) -> Courier | None:
    """Who delivers, or None while no smarthost is configured: letters wait in the outbox."""
    smarthost = settings.smarthost
    if not smarthost.host:
        return None
    return Submission(
        Relay(
            smarthost.host,
            smarthost.port,
            smarthost.security,
            smarthost.username,
            smarthost.password,
            helo_name=settings.smtp.hostname,
        ),
        sessions=SESSIONS,
    )


def listener_settings(settings: Settings, folder: Path) -> list[ListenerSettings]:
    """One value for each listener that is configured."""
    smtp, found = settings.smtp, []
    temporary = folder / TEMPORARY
    if smtp.listen:
        found.append(
            ListenerSettings(
                protocol="smtp",
                listen=smtp.listen,
                hostname=smtp.hostname,
                folder=temporary,
                max_message_octets=smtp.max_message_octets,
                relays=smtp.relays,
                max_connections=smtp.max_connections,
                max_connections_per_ip=smtp.max_connections_per_ip,
                tls_certificate=settings.path(smtp.tls_certificate) if smtp.tls_certificate else None,
                tls_key=settings.path(smtp.tls_key) if smtp.tls_key else None,
            )
        )
    if settings.lmtp.listen:
        found.append(
            ListenerSettings(
                protocol="lmtp",
                listen=lmtp_address(settings),
                hostname=smtp.hostname,
                folder=temporary,
                max_message_octets=smtp.max_message_octets,
                relays=smtp.relays,
                max_connections=smtp.max_connections,
            )
        )
    return found


def lmtp_address(settings: Settings) -> str:
    """Where LMTP listens; a socket's path made absolute."""
    listen = settings.lmtp.listen
    if listen.startswith("unix:"):
        return f"unix:{settings.path(listen.removeprefix('unix:'))}"
    return listen


def _only_daemon(folder: Path) -> IO[str]:
    """Hold the lock that says: this daemon owns the embedded store. Commands do not need it."""
    lock = (folder / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(
            "data_dir", f"another daemon works in {folder}: stop it, or use PostgreSQL for several"
        ) from None
    return lock
