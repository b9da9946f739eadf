"""Statements travel without waiting for one another: who is told of an error, and what is left after it. B3, B6."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from gateway.desk.tables import Contact
from gateway.errors import StoreError
from gateway.store import migrations
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL
from gateway.store.unit import Unit
from tests.fakes import FakeClock
from tests.parts.ports import wait_for
from tests.parts.postgres import Postgres

SLOWLY_WRONG = "SELECT 1 / 0 FROM pg_sleep(0.1)"  # what follows is on its way long before the error is
OFTEN = 8  # more than it takes Psycopg to prepare a statement
on_postgresql = pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)


def put(unit: Unit, *names: str) -> None:
    for name in names:
        unit.put(Contact, email=name, email_key=name, created_at=unit.now)


def rename(unit: Unit, name: str) -> None:
    unit.change_all(Contact, "email = ?", ("a",), name=name)


def known(store: Store) -> set[str]:
    with store.reading() as unit:
        return {one.email for one in unit.rows(Contact, "1 = 1")}


def same_email_again(unit: Unit) -> None:
    put(unit, "b", "b")


def nobody_there(unit: Unit) -> None:
    unit.run("INSERT INTO agent_desk (agent_id, desk_id) VALUES (77, 77)")


def a_name_without_value(unit: Unit) -> None:
    put(unit, "b")
    unit.change_all(Contact, "1 = 1", (), email=None)


UNAWAITED = [same_email_again, nobody_there, a_name_without_value]


@pytest.mark.parametrize("wrong", UNAWAITED)
def test_an_error_that_nobody_awaits_undoes_the_unit(store: Store, wrong: Callable[[Unit], None]) -> None:
    done: list[str] = []
    with pytest.raises(Exception, match=r"(?i)unique|foreign|null") as told, store.unit() as unit:  # noqa: PT012
        unit.after_commit(lambda: done.append("it"))
        wrong(unit)
        put(unit, "c")
    assert not isinstance(told.value, StoreError), "trying again would mend nothing"
    assert known(store) == set() and done == [] and store.commits["desk"] == 0
    with store.unit() as unit:
        put(unit, "d")
    assert known(store) == {"d"}


@pytest.mark.parametrize("wrong", UNAWAITED)
def test_an_error_that_nobody_awaits_is_its_savepoints(store: Store, wrong: Callable[[Unit], None]) -> None:
    with store.unit() as unit:
        put(unit, "a")
        with unit.savepoint():
            put(unit, "x")
        with pytest.raises(Exception, match=r"(?i)unique|foreign|null"), unit.savepoint():  # noqa: PT012
            put(unit, "y")
            wrong(unit)
        with unit.savepoint():
            put(unit, "z")
    assert known(store) == {"a", "x", "z"}


@on_postgresql
@pytest.mark.parametrize("wrong", UNAWAITED)
def test_a_part_is_not_blamed_for_what_came_before(store: Store, wrong: Callable[[Unit], None]) -> None:
    """It is trouble of the unit, whoever deals with that of the part."""
    with pytest.raises(StoreError, match="before this part"), store.unit() as unit:  # noqa: PT012
        wrong(unit)
        with suppress(psycopg.Error), unit.savepoint():
            put(unit, "x")
    assert known(store) == set()


def test_savepoints_in_savepoints_fail_alone(store: Store) -> None:
    with store.unit() as unit, unit.savepoint():
        put(unit, "a")
        with pytest.raises(Exception, match=r"(?i)unique"), unit.savepoint():  # noqa: PT012
            put(unit, "b")
            with suppress(ZeroDivisionError), unit.savepoint():
                put(unit, "c")
                raise ZeroDivisionError
            put(unit, "b")
        put(unit, "d")
    assert known(store) == {"a", "d"}


@on_postgresql
def test_what_text_cannot_hold_is_told_at_once(store: Store) -> None:
    """A NUL, which SQLite keeps."""
    with store.unit() as unit:
        put(unit, "a")
        with pytest.raises(psycopg.DataError, match="NUL"), unit.savepoint():
            put(unit, "b", "\0")
        put(unit, "c")
    assert known(store) == {"a", "c"}


@on_postgresql
def test_an_error_that_was_caught_is_no_commit(store: Store) -> None:
    """The server answers such a COMMIT with a ROLLBACK, and calls that a success."""
    with pytest.raises(StoreError, match="not committed"), store.unit() as unit:  # noqa: PT012
        put(unit, "a")
        with suppress(psycopg.errors.UniqueViolation):
            put(unit, "b", "b")
            unit.number("SELECT 1")
    assert known(store) == set() and store.commits["desk"] == 0


@on_postgresql
@pytest.mark.parametrize("before", range(OFTEN))
def test_what_failed_on_the_way_to_be_prepared_is_not_taken_for_it(store: Store, before: int) -> None:
    for _ in range(before):
        with store.unit() as unit:
            rename(unit, "x")
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero), store.unit() as unit:  # noqa: PT012
            unit.run(SLOWLY_WRONG)
            rename(unit, "y")
        with store.unit() as unit:
            rename(unit, "z")


@on_postgresql
@pytest.mark.parametrize("before", range(OFTEN))
def test_nor_after_the_savepoint_it_failed_in(store: Store, before: int) -> None:
    with store.unit() as unit:
        put(unit, "a")
        for _ in range(before):
            rename(unit, "x")
        for _ in range(2):
            with pytest.raises(psycopg.errors.DivisionByZero), unit.savepoint():  # noqa: PT012
                unit.run(SLOWLY_WRONG)
                rename(unit, "y")
            rename(unit, "z")
    with store.reading() as unit:
        assert [one.name for one in unit.rows(Contact, "1 = 1")] == ["z"]


def pid_of(store: Store) -> int:
    with store.reading() as unit:
        return unit.number("SELECT pg_backend_pid()")


@on_postgresql
def test_only_the_servers_errors_cost_a_connection(store: Store) -> None:
    first = pid_of(store)
    with pytest.raises(ZeroDivisionError), store.unit() as unit:  # noqa: PT012
        put(unit, "a")
        raise ZeroDivisionError
    with store.unit() as unit, suppress(ZeroDivisionError), unit.savepoint():
        put(unit, "b")
        raise ZeroDivisionError
    assert pid_of(store) == first and known(store) == set()
    with pytest.raises(psycopg.errors.UniqueViolation), store.unit() as unit:
        put(unit, "c", "c")
    assert pid_of(store) != first


def nothing_yet(unit: Unit) -> None:
    """BEGIN is under way."""


def something_under_way(unit: Unit) -> None:
    put(unit, "a")


def something_fetched(unit: Unit) -> None:
    unit.number("SELECT 1")


def something_counted(unit: Unit) -> None:
    unit.change_where(Contact, "1 = 1", (), name="x")


def a_part_done(unit: Unit) -> None:
    with unit.savepoint():
        put(unit, "a")


STANDING = [nothing_yet, something_under_way, something_fetched, something_counted, a_part_done]


@on_postgresql
@pytest.mark.parametrize("before", STANDING)
def test_who_stands_still_inside_a_unit_loses_it(
    store: Store, postgres: Postgres, before: Callable[[Unit], None]
) -> None:
    """Wherever it stopped, the server must know that it is the one who waits."""
    pid = pid_of(store)
    with store.reading() as unit:
        unit.run("SET idle_in_transaction_session_timeout = 100")
    there = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    with pytest.raises(StoreError), store.unit() as unit:  # noqa: PT012
        before(unit)
        wait_for(lambda: postgres.query(there, pid) == [(0,)], "the server to let go")
        put(unit, "b")
    assert known(store) == set()


@pytest.mark.parametrize("when", ["under way", "in a part", "nothing more"])
def test_a_server_that_dies_inside_a_unit(
    own_postgres: Postgres, data_dir: Path, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(own_postgres.database(), data_dir, FakeClock())
    migrations.migrate(store)
    with caplog.at_level(logging.WARNING, "psycopg"):
        with pytest.raises(StoreError), store.unit() as unit:  # noqa: PT012
            put(unit, "a")
            own_postgres.restart("immediate")
            if when == "under way":
                put(unit, *"bcdefgh")
            elif when == "in a part":
                with unit.savepoint():
                    put(unit, "b")
        with store.unit() as unit:
            put(unit, "z")
    assert known(store) == {"z"} and caplog.messages == []
    store.close()


def test_rows_one_by_one_inside_a_unit(store: Store) -> None:
    with store.unit() as unit:
        put(unit, *"abc")
        assert [one.email for one in unit.each(Contact, "email < ? ORDER BY email", "c")] == ["a", "b"]
        assert unit.number("SELECT count(*) FROM contact") == 3
        put(unit, "d")
        with unit.savepoint():
            assert len(list(unit.each(Contact, "1 = 1"))) == 4
            put(unit, "e")
        with pytest.raises(Exception, match=r"(?i)unique"), unit.savepoint():  # noqa: PT012
            put(unit, "f", "f")
            list(unit.each(Contact, "1 = 1"))
        assert unit.change_where(Contact, "1 = 1", (), name="x") == 5
        put(unit, "g")
    assert known(store) == set("abcdeg")


def test_who_stops_looking_early_can_go_on(store: Store) -> None:
    with store.unit() as unit:
        put(unit, *"abc")
    for opened in (store.reading, store.unit):
        with opened() as unit:
            rows = unit.each(Contact, "1 = 1 ORDER BY email")
            assert next(rows).email == "a"
            rows.close()
            assert unit.number("SELECT count(*) FROM contact") == 3
            rename(unit, "x")
    with store.reading() as unit:
        assert unit.number("SELECT count(*) FROM contact WHERE name = 'x'") == 1


@on_postgresql
def test_what_nobody_looks_at_does_not_end_the_unit(store: Store) -> None:
    with store.unit() as unit:
        numbers = "SELECT g, g, 1 FROM generate_series(1, 50000) AS g"
        unit.run(f"INSERT INTO contact (email, email_key, created_at) {numbers}")
        rows = unit.each(Contact, "1 = 1")
        next(rows)
        rows.close()
        put(unit, "a")
    assert "a" in known(store)
