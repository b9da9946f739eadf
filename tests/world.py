"""A small world for plays: desks, agents, customers, a clock and a courier, in one thread and without sockets.

    world = World(store, clock)
    world.carol.writes("Printer", "It is on fire.")
    world.after(80)
    notice = world.alice.newest()
    world.alice.replies(notice, "Pull the plug.")

Mail goes the way it goes in the daemon: `flow.reception`, the parser, `flow.intake`, `flow.letters`,
the outbox and a courier. At the end of a play `tests.leaks` looks through everything that left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.config import Settings, build
from gateway.desk import agents, desks, messages, outbox, tickets
from gateway.desk.outbox import Ladder
from gateway.desk.tables import Agent, Desk, Letter, Message, Notification, Ticket
from gateway.desk.tickets import Rules
from gateway.desk.views import TicketView, Upload
from gateway.flow import confirmations, intake, letters
from gateway.flow.current import Current
from gateway.flow.decision import Arrived, Decision
from gateway.flow.desktop import Desktop
from gateway.flow.dispatch import ladder
from gateway.flow.door import Door
from gateway.flow.reception import Handed, Reception, write_down
from gateway.mail.authenticate import TxtRecords, authenticate
from gateway.mail.envelope import Envelope
from gateway.mail.letter import Outcome, Parcel
from gateway.mail.octets import Octets
from gateway.mail.parse import read
from gateway.mail.template import Stationery
from gateway.store import blobs, journal
from gateway.store import settings as store_settings
from gateway.store.database import Store
from gateway.store.grouped import GroupCommit
from gateway.store.journal import Inbound
from tests import leaks, people
from tests.fakes import FakeClock, FakeCourier
from tests.leaks import NOTE_CANARY
from tests.mailbox import Got
from tests.people import ALICE, BOB, CAROL, DAVE, DESK, EVE, MALLORY, Attachment, Person

AUTHSERV = "mx.desk.example"
SOMEBODY = "somebody@elsewhere.example"
HELD_BACK_S = 80  # hold and delay, as they are by default
_STATIONERY = Stationery(None)


class CommitsAtOnce(GroupCommit[Handed, tuple[str, ...]]):
    """The writer of a world without threads."""

    def submit(self, item: Handed) -> Future[tuple[str, ...]]:
        """Do it now."""
        future: Future[tuple[str, ...]] = Future()
        with self._store.unit("accept") as unit:
            [result] = write_down(unit, [item])
        future.set_result(result)
        return future


class Actor:
    """Somebody of the play."""

    def __init__(self, world: World, person: Person) -> None:
        self.world, self.person = world, person

    @property
    def address(self) -> str:
        """Where they are reached."""
        return self.person.address

    def writes(
        self,
        subject: str,
        text: str,
        to: str = DESK,
        *,
        auth: str = "",
        headers: dict[str, str] | None = None,
        files: Sequence[Attachment] = (),
        html: str | None = None,
        **envelope: str,
    ) -> Decision:
        """Writes a mail; `auth` is what the mail server in front says of it: pass, fail or nothing."""
        raw = people.mail(self.person, to, subject, text, html, files, headers)
        return self.world.receives(raw, to, auth=auth, **({"reverse_path": self.address} | envelope))

    def replies(
        self,
        letter: Got,
        text: str,
        *,
        to: str = "",
        auth: str = "",
        from_: Person | str | None = None,
        headers: dict[str, str] | None = None,
        quoting: bool = True,
        threaded: bool = True,
        **envelope: str,
    ) -> Decision:
        """Answers a letter as a mail program does."""
        bare = {} if threaded else {"In-Reply-To": "", "References": ""}
        recipient = to or letter.reply_to or str(letter.mail["From"].addresses[0].addr_spec)
        laid_over = {"To": recipient} | bare | (headers or {})
        who = from_ or self.person
        if quoting:
            raw = people.reply(who, letter.raw, text, laid_over)
        else:
            mail = letter.mail
            own = {"In-Reply-To": str(mail["Message-ID"]), "References": str(mail["Message-ID"])}
            raw = people.mail(who, recipient, f"Re: {letter.subject}", text, headers=own | laid_over)
        return self.world.receives(raw, recipient, auth=auth, **({"reverse_path": self.address} | envelope))

    def notes(self, notice: Got, text: str = NOTE_CANARY, **how: Any) -> Decision:
        """Answers a notice at the address for notes."""
        return self.replies(notice, text, to=notice.note_address, **how)

    def mailbox(self, kind: str = "") -> list[Got]:
        """What they got, oldest first."""
        return [one for one in self.world.mailbox(self.address) if not kind or one.kind == kind]

    def newest(self, kind: str = "") -> Got:
        """The last letter they got."""
        return self.mailbox(kind)[-1]

    def only(self, kind: str) -> Got:
        """The one letter of this kind."""
        found = self.mailbox(kind)
        assert len(found) == 1, [one.subject for one in found]
        return found[0]


class World:
    """One installation, its people, and everything that went out of it."""

    def __init__(self, store: Store, clock: FakeClock, *, desk: str = DESK, **sections: Any) -> None:
        """`sections`: tables of the configuration, such as `notify={"hold_s": 0}`."""
        self.store, self.clock = store, clock
        tree = {"web": {"base_url": "https://desk.example"}, "authentication": {"authserv_id": AUTHSERV}}
        for name, table in sections.items():
            tree[name] = tree.get(name, {}) | table
        self.settings: Settings = build(tree, store.file.parent)
        self.courier = FakeCourier()
        self.views: list[TicketView] = []
        with store.unit() as unit:
            store_settings.add_key(unit)
            desks.add(unit, "Help", desk)
            agents.add(unit, ALICE.address, ALICE.name)
        self.current = Current(store)
        self.reception = Reception(
            CommitsAtOnce(store, "accept", write_down), lambda: self.current.directory, lambda: None
        )
        self.door = Door(store, self.settings, self.current, lambda: None)
        self.alice, self.bob = Actor(self, ALICE), Actor(self, BOB)
        self.carol, self.dave = Actor(self, CAROL), Actor(self, DAVE)
        self.mallory, self.eve = Actor(self, MALLORY), Actor(self, EVE)

    @property
    def desktop(self) -> Desktop:
        """What writing needs."""
        return Desktop(self.settings, self.current.keys, _STATIONERY)

    @property
    def ladder(self) -> Ladder:
        """The configured retries."""
        return ladder(self.settings)

    @property
    def rules(self) -> Rules:
        """When people are told."""
        return Rules(self.settings.notify.delay_s, self.settings.notify.hold_s * 1000)

    def employs(self, person: Person, *at: str) -> Agent:
        """One more agent, at these desks or at all."""
        with self.store.unit() as unit:
            return agents.add(unit, person.address, person.name, tuple(desks.named(unit, one) for one in at))

    def opens_desk(self, name: str, address: str) -> Desk:
        """One more desk."""
        with self.store.unit() as unit:
            desk = desks.add(unit, name, address)
        self.current.refresh()
        return desk

    def sets(self, name: str = "Help", **values: str) -> None:
        """`helpgate desk set`."""
        with self.store.unit() as unit:
            desks.change(unit, desks.named(unit, name), values)
        self.current.refresh()

    def receives(
        self,
        raw: bytes,
        *rcpt: str,
        auth: str = "",
        reverse_path: str = SOMEBODY,
        channel: str = "smtp",
        **peer: str,
    ) -> Decision:
        """A mail comes in, for these recipients; returns what became of its first row."""
        return self.receives_for_all(
            raw, *rcpt, auth=auth, reverse_path=reverse_path, channel=channel, **peer
        )[0]

    def receives_for_all(
        self,
        raw: bytes,
        *rcpt: str,
        auth: str = "",
        reverse_path: str = SOMEBODY,
        channel: str = "smtp",
        **peer: str,
    ) -> list[Decision]:
        """The same; what became of each row."""
        ids = self.accepts(raw, *rcpt, auth=auth, reverse_path=reverse_path, channel=channel, **peer)
        return [self.applies(id) for id in sorted(set(ids))]

    def accepts(
        self,
        raw: bytes,
        *rcpt: str,
        auth: str = "",
        reverse_path: str = SOMEBODY,
        channel: str = "smtp",
        **peer: str,
    ) -> list[int]:
        """A mail is written down; returns the journal ids."""
        octets = Octets(Path("/tmp"))
        octets.write(_authenticated(raw, auth))
        recipients = rcpt or (DESK,)
        assert not any(self.reception.refuses(one) for one in recipients), recipients
        envelope = Envelope(channel, reverse_path, recipients, **peer)
        ids = self.reception.keep(envelope, octets).result()
        octets.close()
        return [int(id) for id in ids]

    def applies(self, id: int) -> Decision:
        """A mail of the journal is read and brought to its fate."""
        with self.store.reading() as unit:
            row = journal.by_id(unit, id)
            assert row is not None
            octets = blobs.load(unit, row.octets)
        reading = read(octets, reverse_path=row.reverse_path)
        told = authenticate(
            reading, octets, authserv_id=AUTHSERV, lookup=lambda name: TxtRecords(), verify=False
        )
        with self.store.unit("apply") as unit:
            return intake.apply(unit, Arrived(row, reading, told, self.current.directory, self.desktop))

    def releases(self, id: int) -> Decision:
        """`helpgate release`."""
        with self.store.unit() as unit:
            row = journal.by_id(unit, id)
            assert row is not None
            journal.reconsider(unit, row, released=True)
        return self.applies(id)

    def after(self, seconds: float = HELD_BACK_S) -> None:
        """Time goes by; then what is due is written and carried away."""
        self.clock.forward(seconds)
        self.writes_due()
        while self.carries():
            pass

    def writes_due(self) -> None:
        """Letters for all that is due now; it must come to an end."""
        for _ in range(100):
            with self.store.unit("letters") as unit:
                if not letters.write_due(unit, self.desktop):
                    return
        raise AssertionError("writing letters does not come to an end")

    def carries(self) -> int:
        """One round of the courier; returns how many letters it was given."""
        with self.store.unit("claim") as unit:
            claimed = {one.id: one for one in outbox.claim(unit, 16, self.ladder)}
            parcels = outbox.parcels(unit, list(claimed.values()))

        def sending(id: int) -> Future[bool]:
            allowed: Future[bool] = Future()
            with self.store.unit("sending") as unit:
                allowed.set_result(outbox.sending(unit, claimed[id]))
            return allowed

        self.courier.deliver(parcels, sending, lambda outcome: self._settle(claimed[outcome.id], outcome))
        return len(claimed)

    def _settle(self, claimed: Letter, outcome: Outcome) -> None:
        with self.store.unit("settle") as unit:
            failed = outbox.settle(unit, claimed, outcome, self.ladder)
            if failed is not None:
                confirmations.tell_author(unit, self.desktop, failed)

    def mailbox(self, address: str) -> list[Got]:
        """What was delivered to an address, oldest first."""
        return [self._got(parcel) for parcel in self.courier.delivered if parcel.recipient == address]

    def everything(self) -> list[Got]:
        """All that was delivered to anybody."""
        return [self._got(parcel) for parcel in self.courier.delivered]

    def _got(self, parcel: Parcel) -> Got:
        with self.store.reading() as unit:
            row = unit.row(Letter, "id = ?", parcel.id)
        assert row is not None
        return Got(parcel.octets, parcel.recipient, parcel.reverse_path, row)

    def page(self, letter: Got | str) -> TicketView:
        """Somebody opens the link of a letter."""
        view = self.door.see(letter if isinstance(letter, str) else letter.link)
        self.views.append(view)
        return view

    def comments(self, letter: Got, text: str, *files: Upload) -> None:
        """Somebody writes on the page."""
        self.door.comment(letter.link, text, files)

    def reads(self, letter: Got) -> TicketView:
        """Somebody has the whole page before their eyes."""
        view = self.page(letter)
        self.door.read(letter.link, view.newest)
        return view

    def ticket(self, number: str = "") -> Ticket:
        """A ticket by its number, or the only one."""
        with self.store.reading() as unit:
            found = unit.rows(Ticket, "1 = 1 ORDER BY id")
        chosen = [one for one in found if not number or one.number == number]
        assert len(chosen) == 1, [one.subject for one in chosen]
        return chosen[0]

    def tickets(self) -> list[Ticket]:
        """All of them."""
        with self.store.reading() as unit:
            return unit.rows(Ticket, "1 = 1 ORDER BY id")

    def messages(self, ticket: Ticket | None = None) -> list[Message]:
        """What was said on a ticket."""
        with self.store.reading() as unit:
            return messages.of_ticket(unit, (ticket or self.ticket()).id)

    def participants(self, *, let_in: bool = True) -> set[str]:
        """Addresses of those let in to any ticket, or of everybody with a place."""
        where = "WHERE let_in_at IS NOT NULL" if let_in else ""
        with self.store.reading() as unit:
            rows = unit.run(
                f"SELECT email FROM contact WHERE id IN (SELECT contact_id FROM participant {where})"
            )
            return {row[0] for row in rows.fetchall()}

    def promises(self) -> list[Notification]:
        """Every notification."""
        with self.store.reading() as unit:
            return unit.rows(Notification, "1 = 1 ORDER BY id")

    def letters(self) -> list[Letter]:
        """The outbox."""
        with self.store.reading() as unit:
            return unit.rows(Letter, "1 = 1 ORDER BY id")

    def inbound(self) -> list[Inbound]:
        """The journal."""
        with self.store.reading() as unit:
            return unit.rows(Inbound, "1 = 1 ORDER BY id")

    def closes(self, ticket: Ticket | None = None) -> None:
        """An agent ends it."""
        with self.store.unit() as unit:
            tickets.close(unit, self.rules, tickets.by_id(unit, (ticket or self.ticket()).id))


def _authenticated(raw: bytes, auth: str) -> bytes:
    """As the mail server in front hands it on."""
    if not auth:
        return raw
    domain = re.search(rb"^From:.*@([a-z.]+)", raw, re.MULTILINE)
    name = domain[1].decode() if domain else "nowhere.example"
    return f"Authentication-Results: {AUTHSERV}; dmarc={auth} header.from={name}\r\n".encode() + raw


@contextmanager
def played(store: Store, clock: FakeClock, **sections: Any) -> Iterator[World]:
    """A world, and at its end the check that nothing has leaked."""
    world = World(store, clock, **sections)
    yield world
    leaks.search(store, world.current.keys, world.everything(), world.views)
