"""From database rows to the small frozen dataclasses that this room hands out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection, Executable, Select, Table, select

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RowT = TypeVar("RowT", bound="DataclassInstance")


class RowReader(Generic[RowT]):
    """Reads rows of ``table`` as ``shape``, a dataclass whose fields are named as the columns.

    ``select`` is the statement to narrow with ``where`` and ``order_by``; build it once where a path is hot.
    """

    def __init__(self, table: Table, shape: type[RowT]) -> None:
        self._shape = shape
        self.select: Select[Any] = select(*(table.c[item.name] for item in fields(shape)))

    def first(self, conn: Connection, statement: Executable, values: Mapping[str, Any] | None = None) -> RowT | None:
        """The first row, or None where there is none. ``statement`` gives the columns of ``select``."""
        row = conn.execute(statement, values).first()
        return None if row is None else self._shape(*row)

    def all(self, conn: Connection, statement: Select[Any], values: Mapping[str, Any] | None = None) -> list[RowT]:
        """Every row, in the statement's order."""
        return [self._shape(*row) for row in conn.execute(statement, values)]

    def stream(self, conn: Connection, statement: Select[Any], batch: int = 500) -> Iterator[RowT]:
        """Every row, ``batch`` in memory at a time; only while the connection's transaction is open."""
        for row in conn.execute(statement.execution_options(yield_per=batch)):
            yield self._shape(*row)
