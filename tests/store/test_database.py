"""Units, savepoints and the store's trouble in our own words, on both engines. B3, B5, B6; ⚑18, ⚑25."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peewee
import psycopg
import pytest

from gateway.desk import tables
from gateway.desk.tables import Contact
from gateway.errors import StoreError, StoreFull
from gateway.store import blobs, journal, migrations, settings
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL, SQLITE
from gateway.store.statements import among
from gateway.store.unit import Unit
from tests.fakes import FakeClock
from tests.parts.ports import wait_for
from tests.parts.postgres import Postgres
from tests.parts.proxy import Proxy

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ~ '^test_'"


def meet(unit: Unit, name: str) -> int:
    return unit.insert(Contact, email=name, email_key=name, created_at=unit.now)


def known(store: Store) -> set[str]:
    with store.reading() as unit:
        return {one.email for one in unit.rows(Contact, "1 = 1")}


def test_a_unit_is_whole_or_not_at_all(store: Store) -> None:
    done: list[str] = []
    with store.unit() as unit:
        meet(unit, "a")
        unit.after_commit(lambda: done.append("a"))
        assert done == []
    with pytest.raises(ZeroDivisionError), store.unit() as unit:  # noqa: PT012
        meet(unit, "b")
        unit.after_commit(lambda: done.append("b"))
        raise ZeroDivisionError
    assert known(store) == {"a"} and done == ["a"]
    assert store.commits["desk"] == 1


def test_rows_by_their_ids_with_few_statements(store: Store) -> None:
    with store.unit() as unit:
        ids = [meet(unit, str(number)) for number in range(9)]
        for count in range(10):
            found = unit.by_ids(Contact, ids[:count])
            assert {id: one.email for id, one in found.items()} == {
                id: str(number) for number, id in enumerate(ids[:count])
            }
    assert [among(ids[:count])[0].count("?") for count in range(10)] == [0, 1, 2, 4, 4, 8, 8, 8, 8, 16]


def test_a_savepoint_fails_alone(store: Store) -> None:
    with store.unit() as unit:
        meet(unit, "a")
        with pytest.raises(ZeroDivisionError), unit.savepoint():  # noqa: PT012
            meet(unit, "b")
            raise ZeroDivisionError
        with unit.savepoint():
            meet(unit, "c")
    assert known(store) == {"a", "c"}


def test_a_broken_statement_in_a_savepoint_breaks_no_unit(store: Store) -> None:
    with store.unit() as unit:
        meet(unit, "a")
        with pytest.raises(Exception, match=r"(?i)unique"), unit.savepoint():
            meet(unit, "a")
        meet(unit, "b")
    assert known(store) == {"a", "b"}


def test_adding_what_is_there_says_so(store: Store) -> None:
    with store.unit() as unit:
        values = {"email": "a", "email_key": "a", "created_at": 0}
        assert unit.add(Contact, **values) and not unit.add(Contact, **values)
        assert unit.change_where(Contact, "email = ?", ("a",), name="100% ?") == 1
        assert unit.change_where(Contact, "email = ?", ("z",), name="x") == 0
        found = unit.row(Contact, "email = ?", "a")
        assert found is not None and found.name == "100% ?"
        assert unit.row(Contact, "email = ?", "z") is None
        assert unit.number("SELECT max(id) FROM contact WHERE email = ?", "z") == 0


def test_a_row_is_obtained_once(store: Store) -> None:
    with store.unit() as unit:
        first = unit.obtain(Contact, ("email_key",), email="A@b", email_key="a@b", name="Ann", created_at=1)
        again = unit.obtain(Contact, ("email_key",), email="a@B", email_key="a@b", name="Bob", created_at=2)
        assert (again.id, again.email, again.name, again.created_at) == (first.id, "A@b", "Ann", 1)
        assert unit.number("SELECT count(*) FROM contact WHERE email_key = ?", "a@b") == 1


def test_programming_errors_stay_what_they_are(store: Store) -> None:
    for sql in ("SELECT * FROM nowhere", "SELEKT"):
        with pytest.raises(Exception) as told, store.unit() as unit:
            unit.run(sql)
        assert not isinstance(told.value, StoreFull)
    assert known(store) == set(), "the store is as good as before"


def test_writers_wait_for_one_another(store: Store) -> None:
    """⚑18: read, then write, from many threads."""

    def once(number: int) -> None:
        with store.unit() as unit:
            unit.number("SELECT count(*) FROM contact")
            meet(unit, str(number))
        store.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(40)))
    assert len(known(store)) == 40


def test_two_programs_at_one_file_wait_for_one_another(data_dir: Path) -> None:
    """A command beside a running daemon: what it read inside a unit is still so when it writes. ⚑18."""
    migrations.migrate(Store(SQLITE, data_dir, FakeClock()))
    read = threading.Barrier(2)

    def once(number: int) -> None:
        store = Store(SQLITE, data_dir, FakeClock())
        read.wait()
        for step in range(20):
            with store.unit() as unit:
                unit.number("SELECT count(*) FROM contact")
                meet(unit, f"{number} {step}")
        store.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(once, range(2)))
    store = Store(SQLITE, data_dir, FakeClock())
    assert len(known(store)) == 40
    store.close()


def test_a_locked_file_is_trouble_that_passes(data_dir: Path) -> None:
    store = Store(SQLITE, data_dir, FakeClock())
    migrations.migrate(store)
    with store.reading() as unit:
        unit.run("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(store.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"), store.unit() as unit:
        meet(unit, "a")
    other.execute("ROLLBACK")
    other.close()
    with store.unit() as unit:
        meet(unit, "a")
    store.close()


def test_a_full_disk_is_said_to_be_full(data_dir: Path) -> None:
    store = Store(SQLITE, data_dir, FakeClock())
    migrations.migrate(store)
    with store.reading() as unit:
        pages = unit.number("PRAGMA page_count")
        unit.run(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StoreFull), store.unit() as unit:
        blobs.keep(unit, "x", 500_000, bytes(500_000))
    with store.reading() as unit:
        unit.run("PRAGMA max_page_count = 100000")
    with store.unit() as unit:
        blobs.keep(unit, "x", 500_000, bytes(500_000))
    store.close()


def test_a_restarted_server_is_found_again(own_postgres: Postgres, data_dir: Path) -> None:
    """⚑25."""
    store = Store(own_postgres.database(), data_dir, FakeClock())
    migrations.migrate(store)
    with store.unit() as unit:
        meet(unit, "a")
        unit.run("SELECT 1")
    with pytest.raises(StoreError), store.unit() as unit:
        unit.run("SELECT pg_terminate_backend(pg_backend_pid())")
    with store.unit() as unit:
        meet(unit, "b")
    with pytest.raises(StoreError), store.reading() as unit:
        unit.run("SELECT pg_terminate_backend(pg_backend_pid())")
    assert known(store) == {"a", "b"}
    store.close()


@pytest.mark.parametrize("when", ["between", "inside", "reading"])
def test_a_connection_that_is_cut_is_trouble_that_passes(
    own_postgres: Postgres, data_dir: Path, when: str
) -> None:
    """B6."""
    with Proxy("127.0.0.1", own_postgres.port) as proxy:
        url = own_postgres.url(own_postgres.database().rpartition("/")[2], proxy.port)
        store = Store(url, data_dir, FakeClock())
        migrations.migrate(store)
        if when == "between":
            own_postgres.query(CUT)
        with pytest.raises(StoreError), store.unit() if when != "reading" else store.reading() as unit:  # noqa: PT012
            own_postgres.query(CUT)
            meet(unit, "a")
        with store.unit() as unit:
            meet(unit, "b")
        assert known(store) == {"b"}
        store.close()


def test_no_connection_left_is_trouble_that_passes(own_postgres: Postgres, data_dir: Path) -> None:
    """B6: max_connections."""
    url = own_postgres.database()
    store = Store(url, data_dir, FakeClock())
    migrations.migrate(store)
    store.close()
    taken = []
    with pytest.raises(psycopg.OperationalError, match="too many clients"):  # noqa: PT012
        while True:
            taken.append(psycopg.connect(url))
    with pytest.raises(StoreError, match="too many clients"), store.unit() as unit:
        meet(unit, "a")
    for one in taken:
        one.close()
    wait_for(lambda: _opens(store), "a connection")
    with store.unit() as unit:
        meet(unit, "b")
    assert known(store) == {"b"}
    store.close()


def _opens(store: Store) -> bool:
    try:
        store.open()
    except StoreError:
        return False
    return True


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
@pytest.mark.parametrize(
    ("sqlstate", "passes"),
    [
        ("40P01", True), ("53200", True), ("55P03", True), ("57014", True), ("58030", True), ("25006", True),
        ("54000", False), ("22021", False), ("23505", False), ("42P01", False), ("XX000", False),
    ],
)  # fmt: skip
def test_what_passes_is_told_by_the_sqlstate(store: Store, sqlstate: str, passes: bool) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(StoreError if passes else psycopg.Error), store.unit() as unit:
        unit.run(raising)
    assert known(store) == set()


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
def test_a_full_store_is_one_on_either_engine(store: Store) -> None:
    with pytest.raises(StoreFull), store.unit() as unit:
        unit.run("DO $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = '53100'; END $$")


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
def test_patience_is_set_after_connecting(store: Store) -> None:
    """PgBouncer refuses a client that sends options at the start."""
    with store.reading() as unit:
        assert unit.run("SHOW idle_in_transaction_session_timeout").fetchone()[0] == "20s"
    assert "options" not in store.database.connect_params


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
def test_the_end_closes_what_idle_threads_have_open(store: Store, postgres: Postgres) -> None:
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    alone = [(1,)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: known(store), range(8)))
        assert postgres.query(ours, url=store.url) != alone
        store.close_all()
        wait_for(lambda: postgres.query(ours, url=store.url) == alone, "the server without us")
        assert known(store) == set(), "whoever needs one again gets one"


def test_nobody_there_is_trouble_that_passes(data_dir: Path) -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/nothing", data_dir, FakeClock())
    with pytest.raises(StoreError):
        store.open()


def test_octets_come_back_as_they_were(store: Store) -> None:
    for size in (0, 1, blobs.PIECE, blobs.PIECE + 1, 3 * blobs.PIECE):
        data = bytes(range(256)) * (size // 256 + 1)
        data = data[:size]
        name = blobs.name_of(data)
        for _ in range(2):
            with store.unit() as unit:
                blobs.keep(unit, name, size, data)
        with store.reading() as unit:
            assert blobs.load(unit, name) == data
    with store.reading() as unit:
        assert blobs.load(unit, "nothing") == b""


MODELS = [
    model
    for module in (tables, journal, blobs, settings, migrations)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, peewee.Model) and model is not peewee.Model
]


def test_models_are_the_schema(store: Store) -> None:
    """Every column of every table, and which may be NULL."""
    assert len(MODELS) >= 20
    for model in set(MODELS):
        name = model._meta.table_name
        wanted = {field.column_name: bool(field.null) for field in model._meta.sorted_fields}
        assert columns(store, name) == wanted, name


def columns(store: Store, table: str) -> dict[str, bool]:
    with store.reading() as unit:
        if store.engine == POSTGRESQL:
            found = unit.run(
                "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns WHERE table_name = ?",
                table,
            )
            return {str(name): bool(null) for name, null in found.fetchall()}
        found = unit.run(f"PRAGMA table_info({table})")
        return {row[1]: not row[3] and not row[5] for row in found.fetchall()}


def test_a_reader_sees_nothing_half_done(store: Store) -> None:
    seen: list[set[str]] = []
    with store.unit() as unit:
        meet(unit, "a")
        thread = threading.Thread(target=lambda: (seen.append(known(store)), store.close()))
        thread.start()
        thread.join()
    assert seen == [set()] and known(store) == {"a"}


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
def test_a_thread_that_ends_leaves_no_connection(store: Store, postgres: Postgres) -> None:
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    before = postgres.query(ours, url=store.url)
    for _ in range(3):
        thread = threading.Thread(target=known, args=(store,))
        thread.start()
        thread.join()
    del thread
    wait_for(lambda: postgres.query(ours, url=store.url) == before, "the server alone with us again")
