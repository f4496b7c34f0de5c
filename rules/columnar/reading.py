"""Columns of facts files as a typed frame, exactly as ``rules.values`` reads their cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from fastbrand.domain.errors import InputError
from rules.columnar import plain
from rules.columnar.cells import FAULT, Notation, asked, faults, stored_reader, stored_type, typed
from rules.columnar.situation import NUMBERS, column_type
from rules.columnar.stages import Stages
from rules.model import Book, FactDef

ReadMoment = Callable[[Any], datetime | None]
"""Reads a cell as the moment that it stands for; None is none. Raises ``InputError``."""

ROW = "row"
_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a facts file, lazily.

    ``frame``: the rows without a mistake, in their order, as a typed frame; columns that are no fact are as they were.
    ``errors``: a row a mistake, with ``row`` (counted from 1), ``column``, ``value``, ``code``, ``message`` and
    ``hint``. ``ignored``: columns that are derived facts, which are computed and never read.
    """

    frame: pl.LazyFrame
    errors: pl.LazyFrame
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column read: its values, which of its cells are wrong (None: none can be), and what is wrong with them."""

    value: pl.Expr
    wrong: pl.Expr | None
    fault: pl.Expr | None


def read(book: Book, frame: pl.LazyFrame, moments: Mapping[str, ReadMoment], *, text: bool) -> Reading:
    """See ``ColumnarBook.read``."""
    columns, kept, ignored = _columns(book, frame, moments, text=text)
    stages, read_columns = columns
    outputs = {name: column.value for name, column in read_columns.items()}
    wrongs = [column.wrong for column in read_columns.values() if column.wrong is not None]
    some_wrong = stages.put(object(), pl.any_horizontal(wrongs)) if wrongs else pl.lit(False)
    flag = "".join(["wrong", *stages.schema])
    good = stages.select({**outputs, flag: some_wrong}, kept).filter(~pl.col(flag))
    good = good.select(name for name in stages.schema if name not in ignored)
    return Reading(good, _errors(book, frame, moments, text=text), ignored)


def _errors(book: Book, frame: pl.LazyFrame, moments: Mapping[str, ReadMoment], *, text: bool) -> pl.LazyFrame:
    """The mistakes of all rows: those of a row in the order of its columns."""
    number = "".join([ROW, *frame.collect_schema()])
    columns, _, _ = _columns(book, frame.with_row_index(number, offset=1), moments, text=text)
    stages, read_columns = columns
    found = [column.fault for column in read_columns.values() if column.fault is not None]
    if not found:
        return pl.LazyFrame(schema={ROW: pl.UInt32(), **FAULT.to_schema()})
    listed = stages.select({ROW: pl.col(number), "fault": pl.concat_list(found).list.drop_nulls()}, ())
    told = listed.filter(pl.col("fault").list.len() > 0).explode("fault")
    return told.select(ROW, *(pl.col("fault").struct.field(field.name) for field in FAULT.fields))


def _columns(
    book: Book, frame: pl.LazyFrame, moments: Mapping[str, ReadMoment], *, text: bool
) -> tuple[tuple[Stages, dict[str, _Column]], list[str], tuple[str, ...]]:
    """The columns that are read, those that are kept as they are, and those that are left out."""
    stages = Stages(frame)
    found: dict[str, _Column] = {}
    kept: list[str] = []
    ignored: list[str] = []
    for name, kind in stages.schema.items():
        fact = book.facts.get(name)
        if name in moments:
            found[name] = _moments(name, kind, moments[name], stages)
        elif fact is None:
            kept.append(name)
        elif fact.derivation is not None:
            ignored.append(name)
        else:
            found[name] = _read(fact, pl.col(name), kind, stages, text=text)
    missing = next((name for name in moments if name not in stages.schema), None)
    if missing is not None:
        raise InputError(f"there is no column `{missing}`", hint="name a column of moments", code="unknown_column")
    return (stages, found), kept, tuple(ignored)


def _read(fact: FactDef, column: pl.Expr, kind: pl.DataType, stages: Stages, *, text: bool) -> _Column:
    """A column of cells of one fact, of whatever type. What the plain readers do not know is asked cell by cell."""
    is_text = isinstance(kind, pl.String | pl.Categorical | pl.Enum)
    # the shortest decimal that stands for a float is what it is taken for
    as_text = kind.is_float() or kind.is_decimal()
    notation = Notation(text=is_text and text, float_text=as_text)
    cells = column.cast(pl.String) if as_text or (is_text and kind != pl.String()) else column
    value = _plain(fact, cells, kind, notation, stages)
    value = None if value is None else stages.put(("plain", fact.name), value)
    reader = stored_reader(fact, notation)
    rest = cells if value is None else pl.when(value.is_null()).then(cells)
    other = stages.put(("other", fact.name), asked(rest, reader, stored_type(fact)))
    wrong = other.struct.field("wrong").fill_null(False)
    if value is None:
        value = other.struct.field("value")
    else:
        inside = plain.in_range(fact, value)
        wrong = wrong if inside is None else wrong | ~inside.fill_null(True)
        value = pl.coalesce(value, other.struct.field("value"))
    wrong = stages.put(("wrong", fact.name), wrong)
    told = faults(pl.when(wrong).then(cells), fact.name, reader)
    return _Column(typed(fact, value, column_type(fact)), wrong, told)


def _plain(fact: FactDef, cells: pl.Expr, kind: pl.DataType, notation: Notation, stages: Stages) -> pl.Expr | None:
    """The values of cells in plain notation, null for the others; None where all have to be asked for."""
    if notation.text or (notation.float_text and fact.type in NUMBERS):
        return plain.of_text(fact, cells, stages)
    if isinstance(kind, pl.String | pl.Categorical | pl.Enum):
        # quotes round a number, a flag or a set are a mistake, which the others look for
        return plain.of_text(fact, cells, stages) if fact.type in ("choice", "date", "text") else None
    if kind.is_integer():
        return plain.of_integers(fact, cells)
    if isinstance(kind, pl.Boolean) and fact.type == "flag":
        return cells
    if isinstance(kind, pl.Date) and fact.type == "date":
        return cells.cast(pl.Int32)
    return None


def _moments(name: str, kind: pl.DataType, read_moment: ReadMoment, stages: Stages) -> _Column:
    """A column of moments."""
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return _Column(pl.col(name), None, None)
    other = stages.put(("other", name), asked(pl.col(name), read_moment, _MOMENT))
    wrong = stages.put(("wrong", name), other.struct.field("wrong").fill_null(False))
    told = faults(pl.when(wrong).then(pl.col(name)), name, read_moment)
    return _Column(other.struct.field("value"), wrong, told)
