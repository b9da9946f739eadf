"""What a unit knows without asking: rows that were read together beforehand, and rows it has added itself.

A statement costs PostgreSQL a round trip. A batch of mails asks the same few questions again and again: who
has this address, does any ticket name this Message-ID. `Unit.foresee` and `foresee_none` ask for all of them
at once, and the answers hold until the unit itself writes something that makes them untrue. What others commit
meanwhile is not seen, as if it came just after: `obtain` finds it all the same, and nothing that must be seen
is foreseen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

Rows = dict[Any, list[Any]]


class Foresight:
    """By table and column the rows for each value that was asked for, in the order of their keys."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Any, str], Rows] = {}
        self._added: set[tuple[Any, int]] = set()
        self._answers: dict[Any, dict[Any, Any]] = {}

    def keep(self, table: Any, column: str, values: Collection[Any], rows: Collection[Any]) -> None:
        """These are all the rows of the table with one of these values in this column."""
        known = self._rows.setdefault((table, column), {})
        known.update((value, []) for value in values)
        for row in rows:
            known[getattr(row, column)].append(row)

    def concerns(self, table: Any) -> bool:
        """Whether anything is known of this table."""
        return table in self._answers or any(one is table for one, _ in self._rows)

    def lacks(self, table: Any, column: str, values: Collection[Any]) -> list[Any]:
        """Those of the values whose rows are not known, each once."""
        known = self._rows.get((table, column), {})
        return [value for value in dict.fromkeys(values) if value not in known]

    def rows(self, table: Any, column: str, value: Any) -> list[Any] | None:
        """The rows with this value, or None where they are not known."""
        known = self._rows.get((table, column))
        found = None if known is None else known.get(value)
        return None if found is None else list(found)

    def once(self, table: Any, key: Any, ask: Callable[[], Any]) -> Any:
        """What `ask` says of a table, asked for once under this key."""
        answers = self._answers.setdefault(table, {})
        if key not in answers:
            answers[key] = ask()
        return answers[key]

    def added(self, table: Any, columns: Mapping[str, Any], row: Any | None = None) -> None:
        """A row with these columns was added; `row` where all of it is known."""
        self._answers.pop(table, None)
        if row is not None:
            self._added.add((table, row.id))
        for (of_table, column), known in self._rows.items():
            if of_table is not table or columns.get(column) not in known:
                continue
            if row is None:
                del known[columns[column]]
            else:
                known[columns[column]].append(row)

    def is_new(self, table: Any, id: int) -> bool:
        """Whether the row with this id was made in this unit."""
        return (table, id) in self._added

    def no_longer_new(self, table: Any, id: int) -> None:
        """From now on it is asked about like any other."""
        self._added.discard((table, id))

    def changed(self, table: Any, columns: Mapping[str, Any]) -> None:
        """Rows of this table, nobody says which, were given these columns. What nobody has only those may have now."""
        self._answers.pop(table, None)
        for (of_table, column), known in self._rows.items():
            if of_table is table:
                known.pop(columns.get(column), None)
                for value in [value for value, rows in known.items() if rows]:
                    del known[value]

    def forget(self) -> None:
        """A part was undone: know nothing any more."""
        self._rows.clear()
        self._answers.clear()
        self._added.clear()
