"""Files of providers and talents: row by row into the register, rows with mistakes left out and told."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from fastbrand.domain.errors import InputError, Refused
from fastbrand.service.commands import Envelope
from fastbrand.service.facts_files import write_errors
from fastbrand.service.office import Office
from fastbrand.service.provider_rows import Cells, RowError
from fastbrand.service.table_files import RowMistake, Table, nearest, read_table, shown_cell

_CHUNK = 200
T = TypeVar("T")

Put = Callable[[Connection, Cells], str]
"""Puts one row into the register: ``added``, ``changed`` or ``unchanged``. Raises ``InputError``, ``Refused``."""


@dataclass(slots=True)
class Brought:
    """What came of a file: ``counts`` of ``added``, ``changed``, ``unchanged``, and the rows that were left out."""

    rows: int
    counts: Counter[str] = field(default_factory=Counter)
    mistakes: list[RowMistake] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "rows": self.rows,
            **{name: self.counts[name] for name in ("added", "changed", "unchanged")},
            "mistakes": len(self.mistakes),
            "errors": [f"{each}" + (f" ({each.hint})" if each.hint else "") for each in self.mistakes],
            "ignored_columns": self.ignored,
        }


def digest(path: Path) -> str:
    """Hash of a file's content: what makes an import the same command. Raises ``InputError``."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}", hint="name a file that can be"
        ) from None


def bring_in(office: Office, path: Path, columns: Sequence[str], put: Put, errors: Path | None) -> Brought:
    """Put every row of ``path`` into the register, some hundred a transaction.

    A row with a mistake, or one that the register refuses, is left out; the others go on. ``errors``: where those rows
    are written. Raises ``InputError`` where the file cannot be read, or lacks the column of ids (the first).
    """
    table = read_table(path)
    key = columns[0]
    _check_columns(table, columns)
    found = Brought(0, mistakes=list(table.mistakes))
    found.ignored = [name for name in table.columns if name not in columns]
    seen: dict[str, int] = {}
    rows = list(table.rows)
    for start in range(0, len(rows), _CHUNK):
        with office.db.write() as conn:
            for row in rows[start : start + _CHUNK]:
                found.rows += 1
                cells = {name: cell for name, cell in row.cells.items() if name in columns}
                name = shown_cell(cells.get(key))
                try:
                    first = seen.setdefault(name, row.row)
                    if first != row.row:
                        raise RowError(key, InputError(f"`{name}` is in row {first} already", hint="keep one"))
                    with conn.begin_nested():  # a row that is refused leaves nothing behind, and the others go on
                        done = put(conn, cells)
                    found.counts[done] += 1
                except RowError as error:
                    found.mistakes.append(_mistake(row.row, error.column, cells, error))
                except (InputError, Refused) as error:
                    found.mistakes.append(_mistake(row.row, "", cells, error))
    found.mistakes.sort(key=lambda each: each.row)
    if errors is not None and found.mistakes:
        write_errors(errors, found.mistakes)
    return found


def read_rows(path: Path, columns: Sequence[str], read: Callable[[Cells], T]) -> tuple[list[T], list[RowMistake]]:
    """Every row of ``path`` as ``read`` gives it, and the mistakes of the others. Raises as ``bring_in`` does."""
    table = read_table(path)
    _check_columns(table, columns)
    found: list[T] = []
    mistakes = list(table.mistakes)
    for row in table.rows:
        cells = {name: cell for name, cell in row.cells.items() if name in columns}
        try:
            found.append(read(cells))
        except RowError as error:
            mistakes.append(_mistake(row.row, error.column, cells, error))
    return found, sorted(mistakes, key=lambda each: each.row)


def _check_columns(table: Table, columns: Sequence[str]) -> None:
    key = columns[0]
    if key in table.columns:
        return
    close = next((name for name in table.columns if nearest(name, [key])), None)
    hint = f"is it `{close}`? call it `{key}`" if close else f"its columns can be {', '.join(columns)}"
    raise InputError(f"`{table.name}` has no column `{key}`", hint=hint, code="unknown_column")


def _mistake(row: int, column: str, cells: Cells, error: InputError | Refused) -> RowMistake:
    return RowMistake(row, column, shown_cell(cells.get(column)), error.message, error.hint)


def import_params(path: Path) -> dict[str, Any]:
    """What makes an import this command: the file's content."""
    return {"file": digest(path)}


def result(found: Brought, envelope: Envelope) -> dict[str, Any]:
    """What an import tells."""
    return {**found.told(), "command_id": envelope.command_id}
