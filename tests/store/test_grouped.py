"""Many writes, one commit: and nobody pays for another's trouble."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.desk.tables import Contact
from gateway.errors import StoreError
from gateway.store.database import Store
from gateway.store.grouped import Call, GroupCommit, one_by_one
from gateway.store.unit import Unit


@pytest.fixture
def writer(store: Store) -> Iterator[GroupCommit[Call, Any]]:
    writer = GroupCommit(store, "accept", one_by_one)
    yield writer
    writer.stop()


def meets(name: str):  # type: ignore[no-untyped-def]
    def work(unit: Unit) -> str:
        unit.insert(Contact, email=name, email_key=name, created_at=0)
        return name

    return work


def fails(unit: Unit) -> None:
    unit.insert(Contact, email="bad", email_key="bad", created_at=0)
    raise ZeroDivisionError("bad")


def test_what_has_gathered_is_one_commit(store: Store, writer: GroupCommit[Call, Any]) -> None:
    futures = [writer.submit(meets(str(number))) for number in range(50)]
    writer.start()
    assert [future.result(30) for future in futures] == [str(number) for number in range(50)]
    assert store.commits["accept"] == 1


def test_the_first_of_a_group_waits_for_company(store: Store) -> None:
    writer = GroupCommit(store, "accept", one_by_one, linger_s=1.0)
    writer.start()
    first = writer.submit(meets("first"))
    with pytest.raises(TimeoutError):
        first.result(0.05)
    second = writer.submit(meets("second"))
    writer.stop()
    assert (first.result(), second.result()) == ("first", "second")
    assert store.commits["accept"] == 1


def test_one_failing_work_hurts_no_other(store: Store, writer: GroupCommit[Call, Any]) -> None:
    work = [meets("a"), fails, meets("b"), meets("a"), meets("c")]
    futures = [writer.submit(one) for one in work]
    writer.start()
    told = [type(future.exception(30)) for future in futures]
    assert told[:3] == [type(None), ZeroDivisionError, type(None)], "a bug is not the store's trouble"
    assert told[3] not in (type(None), StoreError) and told[4] is type(None)
    with store.reading() as unit:
        assert {one.email for one in unit.rows(Contact, "1 = 1")} == {"a", "b", "c"}


def test_a_result_is_durable_when_it_is_there(store: Store, writer: GroupCommit[Call, Any]) -> None:
    writer.start()
    seen: list[int] = []
    counted = threading.Event()

    def count(_: object) -> None:
        with store.reading() as unit:
            seen.append(unit.number("SELECT count(*) FROM contact"))
        counted.set()

    for number in range(5):
        counted.clear()
        future = writer.submit(meets(str(number)))
        future.add_done_callback(count)
        assert counted.wait(30)
    assert seen == [1, 2, 3, 4, 5]


def test_stopping_writes_what_was_given(store: Store) -> None:
    writer = GroupCommit(store, "accept", one_by_one)
    futures = [writer.submit(meets(str(number))) for number in range(300)]
    writer.start()
    writer.stop()
    assert all(future.done() for future in futures)
    assert store.commits["accept"] == 5, "at most 64 in one"
