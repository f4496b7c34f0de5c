"""One cell of a facts file as ``rules.values`` reads it, and columns of cells that are read by asking it.

This is the authority of ``reading`` for everything but the plain notation, which it reads column by column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from fastbrand.domain.errors import EngineFault, InputError
from rules.columnar.moments import EPOCH_ORDINAL
from rules.columnar.situation import NUMBERS
from rules.comparisons import UNKNOWN_VALUE
from rules.mistakes import shown
from rules.model import FactDef, Value
from rules.situation import LARGEST
from rules.values import NONE_OF_THEM, from_json, parse_fact, to_text

FAULT = pl.Struct(
    {"column": pl.String(), "value": pl.String(), "code": pl.String(), "message": pl.String(), "hint": pl.String()}
)
"""What is wrong with a cell."""

_Cell = Callable[[Any], Any]
"""Reads one cell; None is unknown. Raises ``InputError``."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How the cells of a column are written: as text in facts-file notation, as text that stands for a binary float, or
    (neither) as values with a type of their own, like those of JSON."""

    text: bool = False
    float_text: bool = False

    def read(self, fact: FactDef, cell: Any) -> Value | None:
        """The value of a cell. Raises ``InputError`` where the cell cannot be taken as it is."""
        if self.text:
            value = parse_fact(fact, cell)
        elif self.float_text:
            value = from_json(fact, Decimal(cell))
        else:
            value = from_json(fact, cell.isoformat() if isinstance(cell, date) else cell)
        if type(value) is int and fact.type in NUMBERS and (abs(value) > LARGEST or value == UNKNOWN_VALUE):
            raise InputError(
                f"`{shown(str(cell))}` cannot be used for the fact `{fact.name}`",
                hint="give a smaller number",
                code="out_of_range",
            )
        return value


def stored_type(fact: FactDef) -> pl.DataType:
    """The type in which ``asked`` and the plain readers give the values of ``fact``, before they are typed."""
    if fact.type in NUMBERS:
        return pl.Int64()
    return {"flag": pl.Boolean(), "date": pl.Int32()}.get(fact.type, pl.String())


def typed(fact: FactDef, stored: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Values of ``stored_type`` as those of a typed frame."""
    if fact.type == "choices":
        members = pl.when(stored == NONE_OF_THEM).then(pl.lit([], dtype=kind)).otherwise(stored.str.split("|"))
        return pl.when(stored.is_not_null()).then(members)
    return stored if stored_type(fact) == kind else stored.cast(kind)


def asked(column: pl.Expr, read: _Cell, kind: pl.DataType) -> pl.Expr:
    """Each distinct cell read by itself: a struct of ``value`` (of type ``kind``) and ``wrong``; null for null."""

    def run(cells: pl.Series) -> pl.Series:
        values: list[Any] = []
        wrongs: list[bool | None] = []
        known: dict[str, tuple[Any, bool]] = {}
        if cells.null_count() == len(cells):
            values, wrongs = [None] * len(cells), [None] * len(cells)
        else:
            for cell in cells.to_list():
                value, wrong = (None, None) if cell is None else _once(known, cell, read)
                values.append(value)
                wrongs.append(wrong)
        found = pl.DataFrame({"value": pl.Series(values, dtype=kind), "wrong": pl.Series(wrongs, dtype=pl.Boolean)})
        return found.to_struct(cells.name)

    found = pl.Struct({"value": kind, "wrong": pl.Boolean()})
    return column.map_batches(run, return_dtype=found, is_elementwise=True)


def faults(column: pl.Expr, name: str, read: _Cell) -> pl.Expr:
    """What is wrong with each cell; null for null. Only for cells that are wrong."""

    def run(cells: pl.Series) -> pl.Series:
        found = [None if cell is None else _fault(name, cell, read) for cell in cells.to_list()]
        return pl.Series(cells.name, found, dtype=FAULT)

    return column.map_batches(run, return_dtype=FAULT, is_elementwise=True)


def stored_reader(fact: FactDef, notation: Notation) -> _Cell:
    """Reads cells of ``fact`` as ``stored_type`` values."""

    def read(cell: Any) -> Any:
        value = notation.read(fact, cell)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, tuple):
            return to_text(fact, value)
        return bool(value) if fact.type == "flag" else value - EPOCH_ORDINAL if fact.type == "date" else value

    return read


def _once(known: dict[str, tuple[Any, bool]], cell: Any, read: _Cell) -> tuple[Any, bool]:
    key = cell if isinstance(cell, str) else repr(cell)
    found = known.get(key)
    if found is None:
        try:
            found = read(cell), False
        except InputError:
            found = None, True
        known[key] = found
    return found


def _fault(name: str, cell: Any, read: _Cell) -> dict[str, str]:
    try:
        read(cell)
    except InputError as error:
        value = "|".join(map(str, cell)) if isinstance(cell, list) else str(cell)
        code = error.instance_code
        return {"column": name, "value": value, "code": code, "message": error.message, "hint": error.hint}
    raise EngineFault(
        f"the cell `{shown(str(cell))}` of `{name}` was refused, and there is nothing wrong with it",
        hint="report this with the file",
    )
