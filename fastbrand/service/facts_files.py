"""Facts files: what somebody knows about parties, checked value by value against the vocabulary of a book.

A facts file is JSON (an object or a list of objects), JSONL, CSV or Parquet whose columns are fact names. ``party_id``
is the row's key where present, ``observed_at`` says when the row was true (a day, or a moment with its offset). A row
with a mistake is reported and left out; the others go on.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError
from fastbrand.domain.names import check_party_id
from fastbrand.service.table_files import Cell, RowMistake, Table, TableRow, nearest, read_table, shown_cell
from rules.mistakes import shown
from rules.model import FactDef, Value
from rules.values import from_json, parse_fact, to_text

__all__ = ["FactsFile", "FactsRow", "RowMistake", "read_facts_file", "write_errors"]

PARTY_COLUMN = "party_id"
TIME_COLUMN = "observed_at"
_NAMED_COLUMNS = 50
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FactsRow:
    """One party's facts: name -> canonical text in facts-file notation, None where the file leaves it empty.

    ``row`` counts data rows from 1 (JSONL: lines). ``party_id`` is None where the file has no such column;
    ``observed_at`` (UTC) is None where the file does not say.
    """

    row: int
    party_id: str | None
    facts: Mapping[str, str | None]
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FactsFile:
    """What was read: good rows, mistakes of the others, and columns that are no fact (each named once).

    ``suggestions`` names, for an ignored column that looks like a misspelt fact, the fact. ``track`` is what a mapping
    says the parties are (None: a plain facts file does not say).
    """

    rows: list[FactsRow]
    mistakes: list[RowMistake] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    suggestions: Mapping[str, str] = field(default_factory=dict)
    track: str | None = None

    @property
    def notices(self) -> list[str]:
        """What its reader should know: which columns were ignored."""
        return ignored_notices(self.ignored_columns)


def ignored_notices(columns: Sequence[str]) -> list[str]:
    """One line that names ``columns``, which are no facts; none where there are none."""
    if not columns:
        return []
    named = ", ".join(shown(name) for name in columns[:_NAMED_COLUMNS])
    more = f" and {len(columns) - _NAMED_COLUMNS:,} more" if len(columns) > _NAMED_COLUMNS else ""
    return [f"columns that are no fact, ignored: {named}{more}"]


CellReader = Callable[[Cell], Value | None]
"""Reads one cell as a value of its fact; None is unknown. Raises ``InputError``."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a fact comes from: its column, and how a cell of it is read."""

    fact: FactDef
    name: str
    read: CellReader


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows of a table become facts: key, time, and a column a fact. ``prefix`` goes before every key.

    A row that was observed after ``not_after`` has a mistake (None: no such limit).
    """

    columns: tuple[Column, ...]
    party: str | None
    prefix: str
    observed_at: str | None
    read_time: Callable[[Cell], datetime | None]
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose rows are yet to be read: ``ignored`` are columns that are no fact, the rest as in ``FactsFile``."""

    table: Table
    layout: Layout
    ignored: list[str]
    suggestions: Mapping[str, str] = field(default_factory=dict)
    track: str | None = None

    @property
    def notices(self) -> list[str]:
        """What its reader should know: which columns were ignored, and which fact was perhaps meant."""
        meant = [f"did you mean `{fact}` by `{shown(name)}`?" for name, fact in self.suggestions.items()]
        return ignored_notices(self.ignored) + meant


def read_facts_file(
    path: Path,
    facts: Mapping[str, FactDef],
    *,
    time_zone: str = "UTC",
    history: bool = False,
    not_after: datetime | None = None,
) -> FactsFile:
    """Read a facts file against ``facts``, the vocabulary of a book.

    ``time_zone`` is the programme's: a plain day in ``observed_at`` begins at its midnight. A second row for the same
    party is a mistake of that row; with ``history``, only where its ``observed_at`` is the same as well. So is a row
    that was observed after ``not_after``. Derived facts are computed, never read: a column of that name is ignored.
    Raises ``InputError`` where nothing can be read: see ``read_table``, and no column being a fact.
    """
    return read_whole(open_facts_file(path, facts, time_zone=time_zone, not_after=not_after), history=history)


def open_facts_file(
    path: Path, facts: Mapping[str, FactDef], *, time_zone: str, not_after: datetime | None = None
) -> Opened:
    """``read_facts_file`` up to its rows. Raises as it does."""
    table = read_table(path)
    readable = {name: fact for name, fact in facts.items() if fact.derivation is None}
    columns = tuple(
        Column(readable[name], name, plain_reader(readable[name], typed=table.typed))
        for name in table.columns
        if name in readable
    )
    if not columns and table.columns:
        raise _no_facts(table, readable)
    ignored = [name for name in table.columns if name not in readable and name not in (PARTY_COLUMN, TIME_COLUMN)]
    layout = Layout(
        columns=columns,
        party=PARTY_COLUMN if PARTY_COLUMN in table.columns else None,
        prefix="",
        observed_at=TIME_COLUMN if TIME_COLUMN in table.columns else None,
        read_time=moment_reader(time_zone),
        not_after=not_after,
    )
    close = {name: nearest(name, readable) for name in ignored if name not in facts}
    suggestions = {name: fact for name, fact in close.items() if fact and fact not in table.columns}
    return Opened(table, layout, ignored, suggestions)


def write_errors(path: Path, mistakes: Iterable[RowMistake]) -> None:
    """Write ``mistakes`` as CSV with the columns row, column, value, reason. Raises ``InputError`` where it cannot."""
    with error_file(path) as write:
        for item in mistakes:
            write(item)


@contextmanager
def error_file(path: Path) -> Iterator[Callable[[RowMistake], None]]:
    """``write_errors`` one by one, for who does not hold all mistakes at once."""
    try:
        # half a character, which JSON can hold, is written out
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            out = csv.writer(file)
            out.writerow(("row", "column", "value", "reason"))

            def write(item: RowMistake) -> None:
                reason = f"{item.message}; {item.hint}" if item.hint else item.message
                out.writerow((item.row, item.column, item.value, reason))

            yield write
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(
            f"`{path}` cannot be written: {reason}", hint="choose another place for the error file", code="unwritable"
        ) from None


# --- rows ---------------------------------------------------------------------------------------------------------


def read_whole(file: Opened, *, history: bool) -> FactsFile:
    """Every row of ``file``; good rows and mistakes, both in the order of the file."""
    rows: list[FactsRow] = []
    mistakes: list[RowMistake] = []
    for row, wrong in each_row(file.table, file.layout, history=history):
        mistakes.extend(wrong)
        if row is not None:
            rows.append(row)
    return FactsFile(rows, mistakes, file.ignored, file.suggestions, file.track)


def each_row(table: Table, layout: Layout, *, history: bool) -> Iterator[tuple[FactsRow | None, Sequence[RowMistake]]]:
    """The rows of ``table`` one by one as ``layout`` reads them: a row, or None and what is wrong with it."""
    seen: dict[tuple[str, datetime | None], int] = {}
    misshapen = deque(sorted(table.mistakes, key=lambda mistake: mistake.row))
    for raw in table.rows:
        while misshapen and misshapen[0].row < raw.row:
            yield None, [misshapen.popleft()]
        row, wrong = _read_row(raw, layout)
        if row is not None and row.party_id is not None:
            key = (row.party_id, row.observed_at if history else None)
            first = seen.setdefault(key, row.row)
            if first != row.row:
                wrong = [_repeated(row, first, layout, history=history)]
                row = None
        yield row, wrong
    for mistake in misshapen:
        yield None, [mistake]


def _read_row(raw: TableRow, layout: Layout) -> tuple[FactsRow | None, list[RowMistake]]:
    wrong: list[RowMistake] = []
    party: str | None = None
    observed_at: datetime | None = None
    if layout.party is not None:
        try:
            party = _party(raw.cells.get(layout.party), layout.prefix)
        except InputError as error:
            wrong.append(_mistake(raw, layout.party, error))
    if layout.observed_at is not None:
        try:
            observed_at = layout.read_time(raw.cells.get(layout.observed_at))
            if observed_at is not None and layout.not_after is not None and observed_at > layout.not_after:
                raise InputError("it is observed in the future", hint="a fact is observed before it is brought in")
        except InputError as error:
            wrong.append(_mistake(raw, layout.observed_at, error))
    facts: dict[str, str | None] = {}
    for column in layout.columns:
        if column.name not in raw.cells:
            continue
        try:
            value = column.read(raw.cells[column.name])
        except InputError as error:
            wrong.append(_mistake(raw, column.name, error))
        else:
            facts[column.fact.name] = None if value is None else to_text(column.fact, value)
    return (None if wrong else FactsRow(raw.row, party, facts, observed_at)), wrong


def _party(cell: Cell, prefix: str) -> str:
    if isinstance(cell, bool) or not isinstance(cell, str | int) or cell == "":
        raise InputError(
            "no party id" if cell in (None, "") else f"`{shown(shown_cell(cell))}` is not a party id",
            hint="give every row its party id",
        )
    return check_party_id(f"{prefix}{cell}")


def _mistake(raw: TableRow, column: str, error: InputError) -> RowMistake:
    return RowMistake(raw.row, column, shown_cell(raw.cells.get(column)), error.message, error.hint)


def _repeated(row: FactsRow, first: int, layout: Layout, *, history: bool) -> RowMistake:
    timed = history and layout.observed_at is not None
    return RowMistake(
        row.row,
        layout.party or "",
        row.party_id or "",
        f"party `{row.party_id}` is in row {first} already" + (", observed at the same moment" if timed else ""),
        "keep one of them" if timed else "keep one row a party, or choose rows with `--where COLUMN=VALUE`",
    )


def _no_facts(table: Table, facts: Mapping[str, FactDef]) -> InputError:
    close = next(((name, near) for name in table.columns if (near := nearest(name, facts))), None)
    hint = (
        f"did you mean `{close[1]}` by `{shown(close[0])}`?"
        if close
        else "name its columns after facts, or give a mapping"
    )
    if not table.typed and len(table.columns) == 1 and any(mark in table.columns[0] for mark in ";\t|"):
        hint = "separate its columns with commas"
    return InputError(f"no column of `{table.name}` is a fact", hint=hint, code="no_facts")


# --- cells --------------------------------------------------------------------------------------------------------


def plain_reader(fact: FactDef, *, typed: bool) -> CellReader:
    """Reads cells that are in facts-file notation already: text (CSV), or JSON and Parquet scalars."""

    def read(cell: Cell) -> Value | None:
        if cell is None:
            return None
        if not typed:
            return parse_fact(fact, shown_cell(cell))
        return from_json(fact, cell.isoformat() if isinstance(cell, date) else cell)

    return read


def moment_reader(time_zone: str) -> Callable[[Cell], datetime | None]:
    """Reads ``2022-07-01`` (midnight in ``time_zone``) and ``2022-07-01T08:00:00+08:00`` as a moment in UTC."""
    zone = ZoneInfo(time_zone)

    def read(cell: Cell) -> datetime | None:
        if cell is None or cell == "":
            return None
        try:
            moment = _moment(cell, zone)
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            raise InputError(
                f"`{shown(shown_cell(cell))}` is not a time",
                hint="write a day like `2022-07-01`, or a moment with its offset like `2022-07-01T08:00:00+08:00`",
                code="wrong_type",
            )
        return moment

    return read


def _moment(cell: Cell, zone: ZoneInfo) -> datetime | None:
    """A cell as a moment in UTC; None or ``ValueError`` where it is none."""
    if isinstance(cell, str):
        cell = date.fromisoformat(cell) if _DAY.fullmatch(cell) else datetime.fromisoformat(cell)
    if isinstance(cell, datetime):
        return cell.astimezone(UTC) if cell.tzinfo is not None else None
    return midnight(cell, zone) if isinstance(cell, date) else None


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which ``day`` begins in ``zone``, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
