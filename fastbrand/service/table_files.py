"""Tables in files: JSON, JSONL, CSV and Parquet as rows of cells, exactly as written.

No number goes through a binary float on the way: CSV cells are text, JSON numbers are ``int`` or ``Decimal``, and a
Parquet float is the shortest decimal that stands for it. What a cell means is the business of the reader above.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError
from rules.mistakes import shown

if TYPE_CHECKING:
    import polars as pl

Cell = str | int | Decimal | bool | date | list[Any] | dict[str, Any] | None
SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".parquet")
MAX_BYTES = 500_000_000
"""Largest file that is read as a whole, in bytes."""
MAX_ROWS = 2_000_000
"""Most rows of such a file: of what is compressed, its bytes say little."""
MAX_COLUMNS = 5_000
"""Most columns of a file."""
_LONGEST_INTEGER = 400


@dataclass(frozen=True, slots=True)
class RowMistake:
    """What is wrong in one row. ``row`` counts data rows (JSONL: lines) from 1; ``column`` is empty for a whole row."""

    row: int
    column: str
    value: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """``row 7, column `gmv`: message``; the hint is left to the presenter."""
        where = f"row {self.row}, column `{shown(self.column)}`" if self.column else f"row {self.row}"
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: ``cells`` by column; a column may be absent (JSON)."""

    row: int
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows. ``typed`` is False where every cell is text (CSV). Unreadable rows are in ``mistakes``.

    ``height`` is how many rows there are, empty and unreadable ones among them.
    """

    name: str
    columns: tuple[str, ...]
    typed: bool
    rows: Iterable[TableRow]
    mistakes: list[RowMistake] = field(default_factory=list)
    height: int = 0


def read_table(path: Path, where: Mapping[str, Sequence[str]] | None = None) -> Table:
    """Read ``path`` by its suffix: ``.json`` (object or list of objects), ``.jsonl``, ``.csv`` or ``.parquet``.

    ``where`` keeps the rows whose column, as text, is one of the values; row numbers stay those of the file. Rows that
    are empty throughout are left out. ``Table.rows`` can be iterated once. Raises ``InputError`` for a path that is no
    readable file, an unknown suffix, a file that is empty or too large, text that is not UTF-8, broken JSON, a repeated
    column, a column in ``where`` that the file does not have, and a ``where`` that keeps nothing.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"`{path}` is of no kind that can be read",
            hint="use a file that ends in .json, .jsonl, .csv or .parquet",
            code="unknown_suffix",
        )
    content = _content(path)
    readers: dict[str, Callable[[Path, bytes], Table]] = {".csv": _csv, ".parquet": _parquet, ".json": _json}
    table = readers.get(suffix, _jsonl)(path, content)
    return _filtered(table, where) if where else table


def shown_cell(cell: Cell) -> str:
    """A cell as text, for messages, filters and the error file; an empty cell is the empty text.

    Of a list the items, of what is nested in it only that it is: no fact is so deep, and a hostile file has no bottom.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, list):
        return "|".join("[...]" if isinstance(item, list) else shown_cell(item) for item in cell)
    if isinstance(cell, dict):
        return "{...}" if cell else "{}"
    return cell if isinstance(cell, str) else str(cell)


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of ``names`` that ``name`` was probably meant to be, or the empty text."""
    found = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.7)
    return found[0] if found else ""


def known_column(table: Table, column: str) -> None:
    """Raise ``InputError`` with the nearest name where ``table`` has no such column."""
    if column not in table.columns:
        close = nearest(column, table.columns)
        columns = ", ".join(f"`{shown(name)}`" for name in table.columns[:12]) + (
            ", ..." if len(table.columns) > 12 else ""
        )
        raise InputError(
            f"`{table.name}` has no column `{shown(column)}`",
            hint=f"did you mean `{shown(close)}`?" if close else f"its columns are {columns or 'none'}",
            code="unknown_column",
        )


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_large(path, f"{size:,} bytes", f"{MAX_BYTES:,}")
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file `{path}`", hint="check the path", code="unreadable") from None
    except IsADirectoryError:
        raise InputError(f"`{path}` is a directory", hint="name a file in it", code="unreadable") from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(
            f"`{path}` cannot be read: {reason}", hint="check its permissions", code="unreadable"
        ) from None
    if not content.strip():
        raise InputError(f"`{path}` is empty", hint="it needs at least one row", code="empty")
    return content


def _within(path: Path, rows: int, columns: int) -> None:
    """Refuse a table that is too large to be held. Raises ``InputError``."""
    if rows > MAX_ROWS:
        raise _too_large(path, f"{rows:,} rows", f"{MAX_ROWS:,}")
    if columns > MAX_COLUMNS:
        raise _too_large(path, f"{columns:,} columns", f"{MAX_COLUMNS:,}")


def _too_large(path: Path, has: str, limit: str) -> InputError:
    hint = "split it; `fastbrand rules backtest` streams a Parquet file of any length whose columns are facts"
    return InputError(f"`{path}` has {has}; the limit is {limit}", hint=hint, code="too_large")


def _utf8(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"`{path}` is not UTF-8 text (line {line})", hint="save it as UTF-8 and try again", code="not_utf8"
        ) from None


def _filtered(table: Table, where: Mapping[str, Sequence[str]]) -> Table:
    """``table`` with the rows that ``where`` keeps."""
    for column in where:
        known_column(table, column)
    seen: dict[str, dict[str, None]] = {column: {} for column in where}
    kept: list[TableRow] = []
    for row in table.rows:
        texts = {column: shown_cell(row.cells.get(column)) for column in where}
        for column, text in texts.items():
            if len(seen[column]) < 8:
                seen[column][text] = None
        if all(texts[column] in wanted for column, wanted in where.items()):
            kept.append(row)
    if not kept:
        asked = ", ".join(f"{shown(column)}={shown(value)}" for column, values in where.items() for value in values)
        examples = "; ".join(
            f"{shown(column)}: " + ", ".join(f"`{shown(v)}`" for v in values) for column, values in seen.items()
        )
        raise InputError(
            f"no row of `{table.name}` has `{asked}`", hint=f"among its values are {examples}", code="no_rows"
        )
    return Table(table.name, table.columns, table.typed, kept, table.mistakes, len(kept) + len(table.mistakes))


# --- CSV ----------------------------------------------------------------------------------------------------------


def _csv(path: Path, content: bytes) -> Table:
    import polars as pl

    columns, mistakes, height = _scan(path, content)
    try:
        frame = pl.read_csv(content, infer_schema=False, truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as error:
        raise _broken_csv(path, str(error).splitlines()[0]) from None
    if (frame.width, frame.height) != (len(columns), height):
        raise _broken_csv(path, "its quotes do not match")
    frame.columns = list(columns)
    rows = _frame_rows(frame, {mistake.row for mistake in mistakes})
    return Table(path.name, columns, False, rows, mistakes, height)


def _scan(path: Path, content: bytes) -> tuple[tuple[str, ...], list[RowMistake], int]:
    """Header, misshapen rows and number of rows of a CSV file.

    Polars fills a short row up and cuts a long one off; a value that slipped into its neighbour's column must not pass.
    """
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))
    mistakes: list[RowMistake] = []
    row = 0
    try:
        columns = _header(path, next((cells for cells in reader if cells), []))
        for row, cells in enumerate(reader, 1):
            if cells and len(cells) != len(columns):
                reason = f"{len(cells)} cells where the header has {len(columns)}"
                mistakes.append(RowMistake(row, "", ",".join(cells)[:200], reason, "quote a value that holds a comma"))
    except UnicodeDecodeError:
        _utf8(path, content)
        raise
    except csv.Error as error:
        raise _broken_csv(path, str(error)) from None
    _within(path, row, len(columns))
    return columns, mistakes, row


def _header(path: Path, cells: list[str]) -> tuple[str, ...]:
    """The column names of a CSV file; refused where one is repeated or empty."""
    seen: set[str] = set()
    for number, column in enumerate(cells, 1):
        if not column.strip():
            raise InputError(
                f"column {number} of `{path}` has no name", hint="name it in the first line", code="broken_csv"
            )
        if column in seen:
            raise InputError(
                f"`{path}` has the column `{shown(column)}` twice", hint="keep one of them", code="duplicate_column"
            )
        seen.add(column)
    _within(path, 0, len(cells))
    return tuple(cells)


def _broken_csv(path: Path, reason: str) -> InputError:
    hint = "look for a quote that is never closed"
    return InputError(f"`{path}` is not a CSV file: {reason}", hint=hint, code="broken_csv")


def _frame_rows(frame: pl.DataFrame, skip: set[int]) -> Iterator[TableRow]:
    """Rows of a Polars frame, without those in ``skip`` and those that are empty throughout."""
    for number, cells in enumerate(frame.iter_rows(named=True), 1):
        if number not in skip and any(cell is not None and cell != "" for cell in cells.values()):
            yield TableRow(number, cells)


# --- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(path: Path, content: bytes) -> Table:
    import polars as pl

    from fastbrand.service.parquet_files import look_through

    found = look_through(path, content, most_rows=MAX_ROWS)
    _within(path, found.rows, len(found.columns))
    frame = pl.read_parquet(content)
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    # Polars writes the shortest decimal that reads back to the same float, of the column's own width
    frame = frame.with_columns(pl.col(name).cast(pl.String) for name in floats)
    return Table(path.name, tuple(frame.columns), True, _parquet_rows(frame, set(floats)), height=frame.height)


def _parquet_rows(frame: pl.DataFrame, floats: set[str]) -> Iterator[TableRow]:
    for row in _frame_rows(frame, set()):
        cells = {
            name: Decimal(cell) if name in floats and isinstance(cell, str) else cell
            for name, cell in row.cells.items()
        }
        yield TableRow(row.row, cells)


# --- JSON ---------------------------------------------------------------------------------------------------------


def _json(path: Path, content: bytes) -> Table:
    text = _utf8(path, content)
    try:
        document = _parse(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"`{path}` is not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}",
            hint="mend that line; a file with one object a line must end in .jsonl",
            code="broken_json",
        ) from None
    except (_Repeated, RecursionError) as error:
        reason = str(error) if isinstance(error, _Repeated) else "it is nested too deeply"
        raise InputError(
            f"`{path}` cannot be taken: {reason}", hint="write a list of flat objects", code="broken_json"
        ) from None
    if not isinstance(document, dict | list):
        raise InputError(f"`{path}` holds no objects", hint="write one object or a list of objects", code="broken_json")
    return _objects(path, enumerate([document] if isinstance(document, dict) else document, 1), [])


def _jsonl(path: Path, content: bytes) -> Table:
    mistakes: list[RowMistake] = []
    documents: list[tuple[int, Any]] = []
    for number, line in enumerate(_utf8(path, content).split("\n"), 1):
        if not line.strip():
            continue
        try:
            documents.append((number, _parse(line)))
        except json.JSONDecodeError as error:
            reason = f"not JSON: {error.msg.lower()} at line {number}, column {error.colno}"
            mistakes.append(RowMistake(number, "", line[:200], reason, "write one object a line"))
        except (_Repeated, RecursionError) as error:
            reason = str(error) if isinstance(error, _Repeated) else "nested too deeply"
            mistakes.append(RowMistake(number, "", line[:200], reason, "write one flat object a line"))
    return _objects(path, documents, mistakes)


def _objects(path: Path, documents: Iterable[tuple[int, Any]], mistakes: list[RowMistake]) -> Table:
    """A table of the JSON objects in ``documents``; its columns are all their keys, in the order met."""
    columns: dict[str, None] = {}
    rows: list[TableRow] = []
    for number, document in documents:
        if not isinstance(document, dict):
            told = shown_cell(document)[:200]
            mistakes.append(RowMistake(number, "", told, "not an object", "write {fact: value, ...}"))
            continue
        columns.update(dict.fromkeys(document))
        rows.append(TableRow(number, document))
    _within(path, len(rows), len(columns))
    return Table(path.name, tuple(columns), True, rows, mistakes, len(rows) + len(mistakes))


class _Repeated(ValueError):
    """A key that an object has twice."""


def _parse(text: str) -> Any:
    """JSON with exact numbers; ``NaN`` is null, an infinity stays one (and is then of the wrong type everywhere)."""
    return json.loads(
        text, parse_float=_decimal, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_unique
    )


def _integer(text: str) -> int | Decimal:
    # the interpreter refuses to read integers of thousands of digits; as a Decimal it is simply out of range
    return int(text) if len(text) <= _LONGEST_INTEGER else Decimal(text)


def _decimal(text: str) -> Decimal:
    # an exponent of twenty digits is beyond a Decimal, too: whatever its sign, no fact is so large or so fine
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def _constant(text: str) -> Decimal | None:
    return None if text == "NaN" else Decimal(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(f"the key `{shown(key)}` is there twice")
        found[key] = value
    return found
