"""Many small writes, one fsync: what has gathered while the last commit ran goes into the next.

Each item gets its result only once it is durable. When one of a group fails, the group is rolled back
and each is tried alone, so that nobody pays for another's trouble; when the store itself is in trouble,
all hear of it at once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from gateway.errors import StoreError, StoreFull
from gateway.store.database import Store
from gateway.store.unit import Unit

Item = TypeVar("Item")
Result = TypeVar("Result")
Call = Callable[[Unit], object]
GROUP_MAX = 64
CROWD = 3  # so many in one group: they come faster than they can be committed one by one
CROWDED_S = 0.05


class GroupCommit(Generic[Item, Result]):
    """One thread that writes for everybody who cannot wait for a commit of their own.

    write: puts a whole group into a unit; its results in the order of the items.
    linger_s: how long the first of a group waits for others to come along.
    """

    def __init__(
        self,
        store: Store,
        kind: str,
        write: Callable[[Unit, Sequence[Item]], Sequence[Result]],
        linger_s: float = 0.0,
    ) -> None:
        self._store = store
        self._kind = kind
        self._write_all = write
        self._linger_s = linger_s
        self._queue: queue.SimpleQueue[tuple[Item, Future[Result]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"{kind}-writer", daemon=True)
        self._crowded_at = -CROWDED_S

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what has been given, then end."""
        self._queue.put(None)
        self._thread.join()

    def submit(self, item: Item) -> Future[Result]:
        """Have an item written soon; the future is done when that is committed."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()  # nobody can take back what may be written already
        self._queue.put((item, future))
        return future

    def is_crowded(self) -> bool:
        """Whether work has been coming in crowds just now, so that others had better wait their turn."""
        return time.monotonic() - self._crowded_at < CROWDED_S

    def _run(self) -> None:
        ended = False
        while not ended:
            group, ended = self._gather()
            if len(group) >= CROWD:
                self._crowded_at = time.monotonic()
            if group:
                self._write(group)
        self._store.close()

    def _gather(self) -> tuple[list[tuple[Item, Future[Result]]], bool]:
        group = []
        item = self._queue.get()
        if self._linger_s:
            time.sleep(self._linger_s)
        while item is not None:
            group.append(item)
            if len(group) == GROUP_MAX or self._queue.empty():
                return group, False
            item = self._queue.get()
        return group, True

    def _write(self, group: list[tuple[Item, Future[Result]]]) -> None:
        try:
            with self._store.unit(self._kind) as unit:
                results = self._write_all(unit, [item for item, _ in group])
        except Exception as error:  # boundary of the thread: the callers hear of it through their futures
            if len(group) > 1 and not _is_everybodys(error):
                for item in group:
                    self._write([item])
                return
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)


def one_by_one(unit: Unit, calls: Sequence[Call]) -> list[object]:
    """The `write` of a group whose items are what is to be done, each with a result of its own."""
    return [call(unit) for call in calls]


def _is_everybodys(error: Exception) -> bool:
    """A locked or absent store fails all alike, and slowly; a full one may have room for the small."""
    return isinstance(error, StoreError) and not isinstance(error, StoreFull)
