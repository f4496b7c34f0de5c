"""Write once, the first write wins: how every idempotent insert is made on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam, exists, insert, select


class InsertOnce:
    """An insert that does nothing where a row with the same ``key`` is already there.

    SQLite asks first, inside the statement: append-only tables have a trigger that refuses any insert over an existing
    key, so that ``INSERT OR REPLACE`` cannot rewrite history, and the trigger speaks before ``ON CONFLICT`` would.
    There is one writer, so nobody comes in between. PostgreSQL has many writers and uses ``ON CONFLICT DO NOTHING``,
    which waits for a concurrent insert of the same key to end.

    The statements are built once a table: building one costs more than running it. ``generated`` names columns that the
    database fills.
    """

    def __init__(self, table: Table, key: Sequence[str], generated: Sequence[str] = ()) -> None:
        columns = [column for column in table.columns if column.name not in generated]
        self._names = [column.name for column in columns]
        unless = exists().where(*(table.c[name] == bindparam(f"key_{name}", type_=table.c[name].type) for name in key))
        values = select(*(bindparam(column.name, type_=column.type) for column in columns)).where(~unless)
        self._table, self._columns, self._key = table, columns, tuple(key)
        self._asking: Insert = (
            insert(table)
            .from_select(self._names, values, include_defaults=False)
            .execution_options(preserve_rowcount=True)
        )

    @cached_property
    def _conflicting(self) -> Insert:
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        values = {column.name: bindparam(column.name, type_=column.type) for column in self._columns}
        # inline: no RETURNING of the row's number, with which the count of rows written would be lost
        first = insert_postgresql(self._table).values(values).inline().execution_options(preserve_rowcount=True)
        return first.on_conflict_do_nothing(index_elements=list(self._key))

    def __call__(self, conn: Connection, row: Mapping[str, Any]) -> bool:
        """Insert ``row`` (absent columns are NULL). True where it was written, False where the key was there."""
        return self.many(conn, [row]) == 1

    def many(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Insert those of ``rows`` whose key is not there yet, in order; returns how many that were."""
        asking = conn.dialect.name == "sqlite"
        values = [self._values(row, asking) for row in rows]
        if not values:
            return 0
        statement = self._asking if asking else self._conflicting
        return conn.execute(statement, values if len(values) > 1 else values[0]).rowcount

    def _values(self, row: Mapping[str, Any], asking: bool) -> dict[str, Any]:
        values = {name: row.get(name) for name in self._names}
        if asking:
            values.update({f"key_{name}": row[name] for name in self._key})
        return values
