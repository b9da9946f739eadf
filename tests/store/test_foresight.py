"""What a unit knows without asking stays true, whatever the unit writes, and after what is undone."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from gateway.desk import desks, tickets
from gateway.desk.tables import Agent, Contact, Event, Reference, Ticket
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL, SQLITE
from gateway.store.unit import Unit

BOTH = ("a", "b")
CONTACT = ("email", "email_key", "created_at")


def values(name: str) -> dict[str, str | int]:
    return {"email": name, "email_key": name, "created_at": 1}


def row(name: str) -> tuple[str | int, ...]:
    return tuple(values(name).values())


def make(unit: Unit, name: str) -> Contact:
    return unit.make(Contact, name="", **values(name))


def names(unit: Unit, key: str) -> list[str]:
    return [one.name for one in unit.having(Contact, "email_key", key)]


def foresee(unit: Unit, *keys: str) -> None:
    unit.foresee(Contact, "email_key", keys or BOTH)


def unnoticed(unit: Unit) -> None:
    """What `run` writes is not seen by foresight, and so shows whether somebody asked."""
    unit.run("UPDATE contact SET name = 'unnoticed'")


def test_what_was_foreseen_is_not_asked_again(store: Store) -> None:
    with store.unit() as unit:
        unit.put(Contact, **values("a"))
        foresee(unit, "a", "b", "a")
        unnoticed(unit)
        assert names(unit, "a") == [""] and names(unit, "b") == []
        foresee(unit)
        assert names(unit, "a") == [""]
        assert unit.nobody_has(Contact, "email_key", "b")
        assert not unit.nobody_has(Contact, "email_key", "a")


def test_what_was_not_foreseen_is_asked_for(store: Store) -> None:
    with store.unit() as unit:
        assert names(unit, "a") == [] and not unit.nobody_has(Contact, "email_key", "a")
        unit.put(Contact, **values("a"))
        assert names(unit, "a") == [""]
        foresee(unit, "b")
        unnoticed(unit)
        assert names(unit, "a") == ["unnoticed"]
        foresee(unit, *())
        unit.foresee_none(Contact, "email_key", [])


WRITES: list[Callable[[Unit], object]] = [
    lambda unit: unit.insert(Contact, **values("a")),
    lambda unit: unit.insert_all(Contact, CONTACT, [row("a"), row("c")]),
    lambda unit: unit.add(Contact, **values("a")),
    lambda unit: unit.add_all(Contact, CONTACT, [row("a"), row("c")]),
    lambda unit: unit.put(Contact, **values("a")),
    lambda unit: make(unit, "a"),
    lambda unit: unit.obtain(Contact, ("email_key",), **values("a")),
]


@pytest.mark.parametrize("write", WRITES)
def test_what_the_unit_adds_is_there(store: Store, write: Callable[[Unit], object]) -> None:
    with store.unit() as unit:
        foresee(unit)
        unit.foresee_none(Contact, "email", BOTH)
        write(unit)
        assert not unit.nobody_has(Contact, "email_key", "a") and not unit.nobody_has(Contact, "email", "a")
        [found] = unit.having(Contact, "email_key", "a")
        assert (found.email, found.created_at) == ("a", 1)
        assert found.id == unit.number("SELECT id FROM contact WHERE email_key = 'a'")
        assert unit.nobody_has(Contact, "email_key", "b"), "which the write does not concern"


def change(unit: Unit, id: int, **columns: str) -> None:
    unit.change(Contact, id, **columns)


def change_where(unit: Unit, id: int, **columns: str) -> None:
    assert unit.change_where(Contact, "id = ?", (id,), **columns) == 1


def change_all(unit: Unit, id: int, **columns: str) -> None:
    unit.change_all(Contact, "id = ?", (id,), **columns)


@pytest.mark.parametrize("how", [change, change_where, change_all])
def test_what_the_unit_changes_is_changed(store: Store, how: Callable[..., None]) -> None:
    with store.unit() as unit:
        id = make(unit, "a").id
        foresee(unit, "a", "b", "c")
        how(unit, id, name="Ann")
        assert names(unit, "a") == ["Ann"] and unit.nobody_has(Contact, "email_key", "b")
        foresee(unit)
        how(unit, id, email_key="b")
        assert names(unit, "a") == [] and names(unit, "b") == ["Ann"]
        assert unit.nobody_has(Contact, "email_key", "c")


def test_what_nobody_has_is_found_out_together(store: Store) -> None:
    with store.unit() as unit:
        ticket = open_ticket(unit)
        unit.put(Reference, message_id="<1>", ticket_id=ticket.id)
        unit.foresee_none(Reference, "message_id", ["<1>", "<2>", "<2>", "<3>"])
        known = [unit.nobody_has(Reference, "message_id", one) for one in ("<1>", "<2>", "<3>", "<4>")]
        assert known == [False, True, True, False]
        unit.add_all(Reference, ("message_id", "ticket_id"), [("<2>", ticket.id), ("<5>", ticket.id)])
        assert not unit.nobody_has(Reference, "message_id", "<2>")
        assert unit.nobody_has(Reference, "message_id", "<3>")


def open_ticket(unit: Unit) -> Ticket:
    desk = desks.add(unit, "Help", "help@desk.example")
    return tickets.begin(unit, desk, None, "Printer", "mail", None)


@pytest.mark.parametrize("known", ["foreseen", "once", "new"])
def test_what_is_undone_is_known_no_more(store: Store, known: str) -> None:
    with store.unit() as unit:
        foresee(unit)
        made = []
        with suppress(ZeroDivisionError), unit.savepoint():
            made.append(make(unit, "a"))
            assert unit.once(Contact, "how many", lambda: count(unit)) == 1
            assert names(unit, "a") == [""] and unit.is_new(Contact, made[0].id)
            raise ZeroDivisionError
        assert known != "foreseen" or names(unit, "a") == []
        assert known != "once" or unit.once(Contact, "how many", lambda: count(unit)) == 0
        assert known != "new" or not unit.is_new(Contact, made[0].id)


def count(unit: Unit) -> int:
    return unit.number("SELECT count(*) FROM contact")


@pytest.mark.parametrize("write", WRITES)
def test_once_lasts_until_the_unit_writes_there(store: Store, write: Callable[[Unit], object]) -> None:
    with store.unit() as unit:
        assert unit.once(Contact, "how many", lambda: count(unit)) == 0
        unit.run("INSERT INTO contact (email, email_key, created_at) VALUES ('z', 'z', 1)")
        assert unit.once(Contact, "how many", lambda: count(unit)) == 0
        assert unit.once(Contact, "otherwise", lambda: count(unit)) == 1
        unit.insert(Agent, email="x", email_key="x", created_at=1)
        assert unit.once(Contact, "how many", lambda: count(unit)) == 0
        write(unit)
        assert unit.once(Contact, "how many", lambda: count(unit)) == count(unit) >= 2
        unit.change_all(Contact, "1 = 1", (), name="x")
        assert unit.once(Contact, "how many", lambda: 77) == 77


def test_only_what_the_unit_made_is_new(store: Store) -> None:
    with store.unit() as unit:
        unit.put(Contact, **values("a"))
        old = unit.obtain(Contact, ("email_key",), **values("a"))
        obtained = unit.obtain(Contact, ("email_key",), **values("b"))
        made = make(unit, "c")
        assert not unit.is_new(Contact, old.id)
        assert unit.is_new(Contact, obtained.id) and unit.is_new(Contact, made.id)
        assert not unit.is_new(Ticket, made.id)
        unit.no_longer_new(Contact, made.id)
        assert not unit.is_new(Contact, made.id) and unit.is_new(Contact, obtained.id)
    with store.unit() as unit:
        assert not unit.is_new(Contact, obtained.id)


def test_what_was_made_is_what_is_in_the_store(store: Store) -> None:
    with store.unit() as unit:
        made = open_ticket(unit)
    with store.reading() as unit:
        assert [one.__data__ for one in unit.rows(Ticket, "1 = 1")] == [made.__data__]


def test_a_unit_at_another_time_knows_the_same(store: Store) -> None:
    """`desk.past` writes with the clock of then."""
    done: list[str] = []
    with store.unit() as unit:
        foresee(unit)
        unit.draw_ids(2, Contact)
        then = copy.copy(unit)
        made = make(then, "a")
        then.after_commit(lambda: done.append("a"))
        assert names(unit, "a") == [""] and unit.is_new(Contact, made.id)
        assert make(unit, "b").id == made.id + 1 and names(then, "b") == [""]
    assert done == ["a"]


def test_ids_are_drawn_in_the_order_in_which_they_are_used(store: Store) -> None:
    with store.unit() as unit:
        unit.draw_ids(0, Contact)
        unit.draw_ids(3, Contact, Event)
        with suppress(ZeroDivisionError), unit.savepoint():
            undone = make(unit, "a")
            raise ZeroDivisionError
        ids = [make(unit, name).id for name in "abcd"]
        ids += [unit.insert(Contact, **values("e"))]
    assert ids == sorted(set(ids)) and (store.engine == SQLITE or undone.id < ids[0])
    with store.unit() as unit:
        assert make(unit, "f").id > ids[-1], "what was drawn before is lost"
        assert [one.id for one in unit.rows(Contact, "email < 'f' ORDER BY email")] == ids


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
def test_whom_somebody_else_met_meanwhile_is_known_once_obtained(store: Store) -> None:
    """Or the second mail of a batch would not know who wrote the first."""

    def elsewhere() -> None:
        with store.unit() as unit:
            unit.put(Contact, **values("a") | {"name": "Ann"})
        store.close()

    with store.unit() as unit:
        foresee(unit)
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        assert names(unit, "a") == [], "as if it came just after"
        found = unit.obtain(Contact, ("email_key",), **values("a"))
        assert found.name == "Ann" and not unit.is_new(Contact, found.id)
        assert names(unit, "a") == ["Ann"] and unit.nobody_has(Contact, "email_key", "b")
