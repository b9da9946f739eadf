"""One unit of work: the statements of one transaction. See `store.database`.

The few statements of the hot path are kept as text and their rows hydrated by hand, because building them
anew costs ten times what the database does (docs/decisions/0001).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TypeVar, cast

import peewee

from gateway.store import statements
from gateway.store.engines import POSTGRESQL, SQLITE
from gateway.store.foresight import Foresight
from gateway.store.lines import Line
from gateway.store.statements import Kept
from gateway.store.wakes import CHANNEL

Row = TypeVar("Row", bound=peewee.Model)
Answer = TypeVar("Answer")
Value = str | int | bytes | None
Translated = Callable[[], AbstractContextManager[None]]


class Unit:
    """The statements of one transaction. Columns and tables are the Peewee models'."""

    def __init__(self, line: Line, kept: Kept, now: int, translated: Translated) -> None:
        self.engine = line.engine
        self.now = now
        self.after: list[Callable[[], None]] = []
        self._line = line
        self._kept = kept
        self._translated = translated
        self._foresight = Foresight()
        self._ids: dict[type[peewee.Model], list[int]] = {}

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the unit is durable; never when it is rolled back."""
        self.after.append(call)

    def announce(self) -> None:
        """There will be work that only other processes can know of by looking: tell them, once this is durable.

        For commands and such. A commit that tells takes its turn behind all others of the cluster that tell, so
        the units of a mail's path must not: their own process wakes the next stage without it.
        """
        if self.engine == POSTGRESQL:
            self._line.execute(f"NOTIFY {CHANNEL}")

    def run(self, sql: str, *values: Value) -> Any:
        """Run one statement with `?` placeholders; returns what has `fetchone` and `fetchall`."""
        return self._line.execute(self._kept.text(sql, lambda: sql), values)

    def touch(self, sql: str, *values: Value) -> int:
        """Run one statement that writes; returns how many rows it wrote."""
        return self._line.count(self.run(sql, *values))

    def insert(self, table: type[peewee.Model], **columns: Value) -> int:
        """Add a row; returns its id."""
        self._foresight.added(table, columns)
        return self._insert(table, columns)

    def _insert(self, table: type[peewee.Model], columns: Mapping[str, Value]) -> int:
        if ids := self._ids.get(table):
            id = ids.pop()
            columns = {"id": id, **columns}
            sql = self._kept.text(("insert", table, *columns), lambda: statements.insert(table, columns))
            self._line.execute(sql, tuple(columns.values()))
            return id
        key = ("insert-told", table, *columns)
        if self.engine == SQLITE:  # which tells the id anyway, in a quarter of the time of RETURNING
            sql = self._kept.text(key, lambda: statements.insert(table, columns))
            return int(self._line.execute(sql, tuple(columns.values())).lastrowid)
        sql = self._kept.text(key, lambda: statements.insert(table, columns) + " RETURNING id")
        return int(self._line.execute(sql, tuple(columns.values())).fetchone()[0])

    def put(self, table: type[peewee.Model], **columns: Value) -> None:
        """Add a row whose id nobody asks for."""
        self._foresight.added(table, columns)
        sql = self._kept.text(("insert", table, *columns), lambda: statements.insert(table, columns))
        self._line.execute(sql, tuple(columns.values()))

    def make(self, table: type[Row], **columns: Value) -> Row:
        """Add a row, and have it. All its columns but the id are named here."""
        row: Row = statements.named(table, columns)
        row.id = self._insert(table, columns)  # type: ignore[attr-defined]
        self._foresight.added(table, columns, row)
        return row

    def draw_ids(self, count: int, *tables: type[peewee.Model]) -> None:
        """Have so many ids for each of these tables, so that rows can be added without waiting to be told theirs.

        Not in SQLite, where nobody waits. Ids that are not used are lost, as those of a unit that is rolled back.
        """
        if self.engine == POSTGRESQL and count:
            drawn = self.run(statements.draw(tables), count).fetchall()
            for table, ids in zip(tables, zip(*drawn, strict=True), strict=True):
                self._ids[table] = sorted(ids, reverse=True)

    def insert_all(
        self, table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> list[int]:
        """Add many rows by one statement; returns their ids in the order of the rows."""
        self._is_adding(table, columns, rows)
        key, values = ("insert-all", table, len(rows), *columns), [value for row in rows for value in row]
        if self.engine == SQLITE:  # which has one writer: what a statement adds is numbered without a gap
            sql = self._kept.text(key, lambda: statements.insert_all(table, columns, len(rows)))
            last = int(self._line.execute(sql, values).lastrowid)
            return list(range(last - len(rows) + 1, last + 1))
        sql = self._kept.text(key, lambda: statements.insert_all(table, columns, len(rows)) + " RETURNING id")
        found = self._line.execute(sql, values).fetchall()
        return sorted(int(one[0]) for one in found)  # drawn in the order of the rows, told in any

    def add_all(
        self, table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """Add many rows by one statement, but those that a unique key has already."""
        self._is_adding(table, columns, rows)
        key = ("add-all", table, len(rows), *columns)
        sql = self._kept.text(
            key, lambda: statements.insert_all(table, columns, len(rows)) + " ON CONFLICT DO NOTHING"
        )
        self._line.execute(sql, [value for row in rows for value in row])

    def add(self, table: type[peewee.Model], **columns: Value) -> bool:
        """Add a row unless a unique key has it already; True when it was added."""
        self._foresight.added(table, columns)
        key = ("add", table, *columns)
        sql = self._kept.text(key, lambda: statements.insert(table, columns) + " ON CONFLICT DO NOTHING")
        return self._line.count(self._line.execute(sql, tuple(columns.values()))) == 1

    def obtain(self, table: type[Row], unique: Sequence[str], **columns: Value) -> Row:
        """The row with these values in the columns of a unique key, added now where there was none."""
        sql = self._kept.text(
            ("obtain", table, *columns),
            lambda: (
                f"{statements.insert(table, columns)} ON CONFLICT DO NOTHING"
                f" RETURNING {', '.join(statements.columns(table))}"
            ),
        )
        if added := self._line.execute(sql, tuple(columns.values())).fetchone():
            row = cast(Row, statements.hydrate(table, added))
            self._foresight.added(table, columns, row)
            return row
        self._foresight.added(table, columns)  # by somebody else meanwhile
        where = " AND ".join(f"{column} = ?" for column in unique)
        found = self.row(table, where, *(columns[column] for column in unique))
        assert found is not None
        return found

    def change(self, table: type[peewee.Model], id: int, **columns: Value) -> None:
        """Set columns of the row with this id."""
        self._update(table, "id = ?", (id,), columns)

    def change_where(
        self, table: type[peewee.Model], where: str, values: Sequence[Value], **columns: Value
    ) -> int:
        """Set columns of the rows that match; returns how many there were."""
        return self._line.count(self._update(table, where, values, columns))

    def change_all(
        self, table: type[peewee.Model], where: str, values: Sequence[Value], **columns: Value
    ) -> None:
        """Set columns of the rows that match, however many."""
        self._update(table, where, values, columns)

    def row(self, table: type[Row], where: str, *values: Value) -> Row | None:
        """The first row that matches, or None."""
        found = self._select(table, where, values).fetchone()
        return None if found is None else statements.hydrate(table, found)

    def rows(self, table: type[Row], where: str, *values: Value) -> list[Row]:
        """The rows that match; `where` may end in ORDER BY and LIMIT."""
        return [statements.hydrate(table, found) for found in self._select(table, where, values).fetchall()]

    def by_ids(self, table: type[Row], ids: Collection[int]) -> dict[int, Row]:
        """The rows with these ids, by id."""
        marks, values = statements.among(ids)
        return {row.id: row for row in self.rows(table, f"id IN ({marks})", *values)}  # type: ignore[attr-defined]

    def foresee(self, table: type[peewee.Model], column: str, values: Collection[Value]) -> None:
        """Read together what `having` will be asked for, of a unique column.

        See `store.foresight`. What `run` writes goes unnoticed.
        """
        if lacking := self._foresight.lacks(table, column, values):
            marks, asked = statements.among(lacking)
            self._foresight.keep(table, column, lacking, self.rows(table, f"{column} IN ({marks})", *asked))

    def foresee_none(self, table: type[peewee.Model], column: str, values: Collection[Value]) -> None:
        """Find out together which values no row has, for `nobody_has`."""
        if lacking := self._foresight.lacks(table, column, values):
            sql = statements.present(table, column, len(lacking))
            present = {one[0] for one in self.run(sql, *lacking).fetchall()}
            self._foresight.keep(table, column, [one for one in lacking if one not in present], ())

    def nobody_has(self, table: type[peewee.Model], column: str, value: Value) -> bool:
        """Whether it is known that no row has this value, without asking."""
        return self._foresight.rows(table, column, value) == []

    def once(self, table: type[peewee.Model] | str, key: Hashable, ask: Callable[[], Answer]) -> Answer:
        """What `ask` says of this table, asked for once until the unit itself writes there."""
        return cast(Answer, self._foresight.once(table, key, ask))

    def having(self, table: type[Row], column: str, value: Value) -> list[Row]:
        """The rows with this value, in any order."""
        known = self._foresight.rows(table, column, value)
        return self.rows(table, f"{column} = ?", value) if known is None else known

    def is_new(self, table: type[peewee.Model], id: int) -> bool:
        """Whether this unit has made the row with this id, by `make` or `obtain`: only what it wrote points there."""
        return self._foresight.is_new(table, id)

    def no_longer_new(self, table: type[peewee.Model], id: int) -> None:
        """It has got something that others will ask for."""
        self._foresight.no_longer_new(table, id)

    def each(self, table: type[Row], where: str, *values: Value) -> Generator[Row, None, None]:
        """The rows that match, one after the other; who closes it early has never had the rest in memory."""
        with closing(self._line.stream(self._selecting(table, where), values)) as found:
            for one in found:
                yield statements.hydrate(table, one)

    def number(self, sql: str, *values: Value) -> int:
        """The one number a statement gives back; 0 for NULL or no row."""
        found = self.run(sql, *values).fetchone()
        return 0 if found is None or found[0] is None else int(found[0])

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail alone, inside the unit. Raises StoreError or StoreFull, which is the unit's."""
        with self._translated():
            try:
                self._line.execute("SAVEPOINT part")
                yield
                self._line.settle()
                self._line.execute("RELEASE SAVEPOINT part")
            except BaseException:
                self._foresight.forget()
                self._line.undo_part()
                raise

    def _is_adding(
        self, table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        if not self._foresight.concerns(table):
            return
        for row in rows:
            self._foresight.added(table, dict(zip(columns, row, strict=True)))

    def _update(
        self,
        table: type[peewee.Model],
        where: str,
        values: Sequence[Value],
        columns: Mapping[str, Value],
    ) -> Any:
        self._foresight.changed(table, columns)
        key = ("change", table, where, *columns)
        sql = self._kept.text(key, lambda: statements.update(table, columns, where))
        return self._line.execute(sql, (*columns.values(), *values))

    def _select(self, table: type[peewee.Model], where: str, values: Sequence[Value]) -> Any:
        return self._line.execute(self._selecting(table, where), tuple(values))

    def _selecting(self, table: type[peewee.Model], where: str) -> str:
        return self._kept.text(("select", table, where), lambda: statements.select(table, where))
