"""What was promised and what came of it: the books of one test, compared with store and smarthost.

Every mail carries a mark of its own, in its subject, text and sender. A mail that was answered 250 is owed one
journal row, one ticket, a receipt to its sender and a notice to the agent.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from gateway import clock
from gateway.errors import StoreError
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from tests.parts.daemon import Daemon, Daemons
from tests.parts.ports import LOOPBACK, wait_for
from tests.parts.scripted_smtp import ScriptedSMTP

DESK = "help@desk.example"
AGENT = "alice@agents.example"
UNLIMITED = {
    "acknowledge.per_address_day": "0",
    "acknowledge.per_ip_hour": "0",
    "acknowledge.per_domain_hour": "0",
    "acknowledge.total_hour": "0",
}
"""Budgets for receipts are not what these tests are about."""
QUICK = {"notify.retry_s": "[1]", "notify.uncertain_retry_s": "1", "smtp.max_connections": "200"} | UNLIMITED

_MARK = re.compile(rb"mark-\d{5}")
_ENDED = "('sent', 'failed', 'dropped')"
_WAITING = f"""SELECT (SELECT count(*) FROM inbound WHERE fate = 'received')
    + (SELECT count(*) FROM notification WHERE state = 'waiting')
    + (SELECT count(*) FROM outbox WHERE state NOT IN {_ENDED})"""


def letter_of(mark: str, text: str = "My printer is on fire.", sender: str = "") -> bytes:
    """A customer's mail."""
    return (
        f"From: <{sender or sender_of(mark)}>\r\nTo: <{DESK}>\r\nSubject: {mark} fire\r\n"
        f"Date: Mon, 13 Apr 2026 09:00:00 +0000\r\nMessage-ID: <{mark}@customer.example>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{mark}\r\n{text}\r\n"
    ).encode()


def sender_of(mark: str) -> str:
    return f"{mark}@customer.example"


@dataclass(slots=True)
class Ledger:
    """The books. Safe to write in from many threads.

    promised: mark of each mail that was answered 250, and the journal id it was given.
    resent: marks that were sent more than once, because a first answer never came.
    refusals: every reply that was no 2xx.
    comments: what else was said on a ticket, by the mark of its mail.
    """

    promised: dict[str, str] = field(default_factory=dict)
    resent: set[str] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)
    comments: Counter[str] = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def marks(self, how_many: int) -> list[str]:
        """Fresh marks."""
        return [f"mark-{next(self._numbers):05}" for _ in range(how_many)]

    def send(self, port: int, mark: str, octets: bytes = b"") -> str:
        """One mail over a connection of its own: the reply to the final dot, or "" when none came."""
        try:
            with smtplib.SMTP(LOOPBACK, port, timeout=60) as client:
                return self.hand_over(client, mark, octets)
        except (OSError, smtplib.SMTPException):
            return ""

    def hand_over(self, client: smtplib.SMTP, mark: str, octets: bytes = b"") -> str:
        """One mail over an open connection: the last reply. Raises OSError or SMTPServerDisconnected."""
        client.ehlo_or_helo_if_needed()
        code, words = client.mail(sender_of(mark))
        if code == 250:
            code, words = client.rcpt(DESK)
        if code == 250:
            code, words = client.data(octets or letter_of(mark))
        reply = f"{code} {words.decode()}"
        if code == 250:
            self.promised[mark] = reply.split()[-1]
        else:
            self.refusals.append(reply)
            client.rset()
        return reply

    @property
    def refused_for_good(self) -> list[str]:
        """Replies that would make a sender give up: there must be none for trouble of our own."""
        return [reply for reply in self.refusals if not reply.startswith(("451", "452", "421"))]


class Crowd:
    """Senders that work at the same time, and give each mail again, octet for octet, until it is taken.

    mails: how many; None for as many as can be sent until the block ends, where a test waits for what only load brings.
    """

    def __init__(
        self, ledger: Ledger, ports: Sequence[int], mails: int | None = None, senders: int = 4
    ) -> None:
        self._ledger = ledger
        self._ports = ports
        self._is_endless = mails is None
        self._waiting = ledger.marks(mails or 0)
        self._is_over = threading.Event()
        self._begun = threading.Semaphore(0)
        self._given_up = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(one,), daemon=True) for one in range(senders)
        ]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_over.set()
        if kind is not None:
            self._given_up.set()
        for thread in self._threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in self._threads), "a sender is stuck"

    def await_answers(self, how_many: int) -> None:
        """Wait until so many more mails were answered 250."""
        for _ in range(how_many):
            assert self._begun.acquire(timeout=60), "no mail was taken for a minute"

    def _work(self, number: int) -> None:
        while not self._given_up.is_set() and (mark := self._next()):
            self._deliver(mark, number)
            self._begun.release()

    def _next(self) -> str:
        """The mark of one more mail; empty when there are none."""
        if self._is_endless and not self._is_over.is_set():
            return self._ledger.marks(1)[0]
        try:
            return self._waiting.pop()
        except IndexError:
            return ""

    def _deliver(self, mark: str, number: int) -> None:
        for attempt in count():
            port = self._ports[(number + attempt) % len(self._ports)]
            if attempt:
                self._ledger.resent.add(mark)
            if self._ledger.send(port, mark).startswith("250") or self._given_up.wait(0.05):
                return


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test's letters came to: those owed, and those that came twice with one Message-ID."""

    letters: int
    doubles: int


class House:
    """An installation with its smarthost: started, harmed and looked into."""

    def __init__(self, daemon: Daemon, sink: ScriptedSMTP, url: str = SQLITE) -> None:
        self.daemon = daemon
        self.sink = sink
        self.url = url

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """The store, beside whatever runs."""
        store = Store(self.url, Path(self.daemon.settings["data_dir"]), clock.now)
        try:
            yield store
        finally:
            store.close()

    def number(self, statement: str) -> int:
        """The one number a statement gives."""
        with self.store() as store, store.reading() as unit:
            return unit.number(statement)

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """The rows of one statement."""
        with self.store() as store, store.reading() as unit:
            return [tuple(row) for row in unit.run(statement).fetchall()]

    def settle(self, seconds: float = 30) -> None:
        """Wait until nothing waits. Raises AssertionError that says what is stuck."""
        try:
            with self.store() as store:
                wait_for(lambda: _is_settled(store), "a settled house", seconds)
        except TimeoutError as error:
            stuck = self.rows("SELECT id, fate, attempts, fate_reason FROM inbound WHERE fate = 'received'")
            letters = self.rows(
                f"SELECT id, kind, state, attempts, doubts, last_reply FROM outbox WHERE state NOT IN {_ENDED}"
            )
            raise AssertionError(f"{error}: {stuck} {letters}\n{self.daemon.log_text()[-8000:]}") from error

    def retry_by_hand(self, seconds: float = 30) -> int:
        """What a human does for letters that were in doubt twice; how many there were."""
        twice = "state = 'uncertain' AND doubts > 1"
        with self.store() as store:
            wait_for(lambda: _is_settled(store, twice), "a house that waits for a human only", seconds)
        left = self.rows(f"SELECT id FROM outbox WHERE {twice}")
        for (id,) in left:
            self.daemon.run("outbox", "retry", str(id))
        return len(left)

    def bury(self) -> None:
        """After a kill: the server has noticed, and minutes pass. On SQLite claims end with their daemon."""
        if self.url != SQLITE:
            others = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            until(lambda: self.number(others) == 0, "the end of the dead daemon's connections")
            self.leases_run_out()

    def leases_run_out(self) -> None:
        """What minutes do to the claims of a daemon that has gone, on PostgreSQL."""
        with self.store() as store, store.unit("test") as unit:
            # A row that is locked in this moment belongs to somebody at work.
            for table, mine in (
                ("inbound", "fate = 'received'"),
                ("outbox", "state IN ('claimed', 'sending')"),
            ):
                unit.run(
                    f"UPDATE {table} SET lease_until = 1 WHERE lease_until > 0 AND id IN"
                    f" (SELECT id FROM {table} WHERE {mine} FOR UPDATE SKIP LOCKED)"
                )

    def has_told(self, mark: str) -> bool:
        """Whether sender and agent have got their letters about this mail."""
        told = {caught.recipients[0] for caught in list(self.sink.mails) if mark.encode() in caught.octets}
        return told >= {sender_of(mark), AGENT}

    def audit(self, ledger: Ledger, copies: int = 2) -> Outcome:
        """Compare the books with the store and the smarthost. Fails on the first thing lost or doubled.

        copies: how often a letter may have come, the same octet for octet.
        """
        assert ledger.refused_for_good == []
        self.audit_store(ledger)
        return self._audit_letters(ledger, copies)

    def audit_store(self, ledger: Ledger) -> None:
        """Compare the books with the store alone."""
        self._audit_journal(ledger)
        self._audit_tickets(ledger)
        self._audit_integrity()

    def _audit_journal(self, ledger: Ledger) -> None:
        fates: dict[str, Counter[str]] = defaultdict(Counter)
        for id, subject, fate in self.rows("SELECT id, subject, fate FROM inbound"):
            assert fate in ("applied", "dropped"), (id, fate)
            fates[_mark(subject)][str(fate)] += 1
        for mark in ledger.promised:
            assert fates[mark]["applied"] == 1, (mark, fates[mark])
            assert mark in ledger.resent or fates[mark]["dropped"] == 0, (mark, fates[mark])
        assert all(found["applied"] == 1 for found in fates.values())
        ids = {str(row[0]) for row in self.rows("SELECT id FROM inbound")}
        assert set(ledger.promised.values()) <= ids
        assert len(set(ledger.promised.values())) == len(ledger.promised)

    def _audit_tickets(self, ledger: Ledger) -> None:
        tickets = Counter(_mark(row[0]) for row in self.rows("SELECT subject FROM ticket"))
        texts = Counter(
            str(row[0]).split()[0] for row in self.rows("SELECT text FROM message WHERE kind = 'client'")
        )
        for mark in ledger.promised:
            assert (tickets[mark], texts[mark]) == (1, 1 + ledger.comments[mark]), mark
        assert set(tickets.values()) <= {1}

    def _audit_integrity(self) -> None:
        if self.url == SQLITE:
            assert self.rows("PRAGMA integrity_check") == [("ok",)]
            assert self.rows("PRAGMA foreign_key_check") == []

    def _audit_letters(self, ledger: Ledger, most: int) -> Outcome:
        """Each letter once, or more often with the same Message-ID and the same octets."""
        arrived: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        for caught in list(self.sink.mails):
            (recipient,) = caught.recipients
            arrived[recipient, mark_in(caught.octets)].append(caught.octets)
        owed = {(who, mark) for mark in ledger.promised for who in (sender_of(mark), AGENT)}
        missing = owed - arrived.keys()
        assert not missing, missing
        for letter, copies in arrived.items():
            if letter[1] not in ledger.comments:
                assert len(copies) <= most and len(set(copies)) == 1, letter
        assert {mark for _, mark in arrived} <= self._applied()
        return Outcome(len(arrived), sum(len(copies) - 1 for copies in arrived.values()))

    def _applied(self) -> set[str]:
        """Marks that became tickets; a mail whose 250 never reached its sender may be among them."""
        return {_mark(row[0]) for row in self.rows("SELECT subject FROM ticket")}


def new_house(
    daemons: Daemons,
    sink: ScriptedSMTP,
    settings: dict[str, str] | None = None,
    *,
    url: str = SQLITE,
    launcher: Sequence[str] = (),
    agent: str = AGENT,
) -> House:
    """An installation that is set up and not yet started."""
    values = QUICK | {"store.url": url} | (settings or {})
    daemon = daemons(values, launcher=launcher) if launcher else daemons(values)
    daemon.smarthost(sink.port)
    daemon.init(address=DESK, agent=agent)
    return House(daemon, sink, url)


def _is_settled(store: Store, but: str = "1 = 0") -> bool:
    """Every mail has its fate, every promise its letter, every letter its end, but for some."""
    try:
        with store.reading() as unit:
            return unit.number(_WAITING) == unit.number(f"SELECT count(*) FROM outbox WHERE {but}")
    except StoreError:
        return False  # it is being harmed just now


def until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for what no event tells."""
    wait_for(holds, what, seconds)


def mark_in(octets: bytes) -> str:
    """The mark that a letter of ours speaks of."""
    found = _MARK.search(octets)
    assert found, octets[:2000]
    return found[0].decode()


def _mark(subject: object) -> str:
    return str(subject).split()[0]
