"""How a cell of a foreign file becomes a value of a fact: translated, converted, or brought into the fact's unit.

All arithmetic is exact on decimal text; the one rounding, half to even, is that of the fact's own scale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError
from fastbrand.service.facts_files import CellReader, midnight
from fastbrand.service.table_files import Cell, shown_cell
from rules.decimals import half_even, plain_text, read_decimal
from rules.durations import UNIT_MS
from rules.mistakes import shown
from rules.model import MAX_INT, FactDef, Value
from rules.values import UNKNOWN_TEXTS, from_json, parse_fact, to_text

_QUARTER = re.compile(r"(\d{4})-?[Qq]([1-4])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Other:
    """What a value that the table does not name becomes; a mistake where that is not ``allowed``."""

    allowed: bool
    value: Value | None


def translated(fact: FactDef, table: Mapping[str, Value | None], other: Other) -> CellReader:
    """Reads cells by a table of their values and ours."""

    def read(cell: Cell) -> Value | None:
        text = shown_cell(cell).strip()
        if text in table:
            return table[text]
        if text in UNKNOWN_TEXTS:
            return None
        if not other.allowed:
            raise InputError(
                f"`{shown(text)}` has no row in the values of `{fact.name}`",
                hint="add it to the mapping, or write `other: unknown` there",
                code="unknown_value",
            )
        return other.value

    return read


def _number(fact: FactDef, cell: Cell, typed: bool) -> tuple[int, int] | None:
    """A number cell as (mantissa, exponent of ten), None for unknown; ``InputError`` for what is no number."""
    if typed and not (isinstance(cell, int | Decimal) and not isinstance(cell, bool)):
        from_json(fact, cell.isoformat() if isinstance(cell, date) else cell)
        return None
    text = shown_cell(cell).strip()
    if text in UNKNOWN_TEXTS:
        return None
    parts = read_decimal(text)
    if parts is None:
        raise InputError(f"`{shown(text)}` is not a number", hint="write a decimal like `1234.56`", code="wrong_type")
    return parts


def converted(fact: FactDef, rate: tuple[int, int], typed: bool) -> CellReader:
    """Money in another currency: the exact product, rounded once, half to even, to the programme's minor unit."""

    def read(cell: Cell) -> Value | None:
        parts = _number(fact, cell, typed)
        if parts is None:
            return None
        return parse_fact(fact, _decimal_text(parts[0] * rate[0], parts[1] + rate[1]))

    return read


def in_unit(fact: FactDef, unit: str, typed: bool) -> CellReader:
    """Reads a ratio given in percent, or a duration given in another unit than the fact's."""

    def read(cell: Cell) -> Value | None:
        parts = _number(fact, cell, typed)
        if parts is None:
            return None
        if unit == "percent":
            return parse_fact(fact, _decimal_text(parts[0], parts[1] - 2))
        ms = half_even(*parts, UNIT_MS[unit])
        if ms is None or abs(ms) > MAX_INT:
            return parse_fact(fact, _decimal_text(*parts))
        return parse_fact(fact, to_text(fact, ms))

    return read


def _decimal_text(mantissa: int, exponent: int) -> str:
    return plain_text(mantissa, -exponent) if -400 < exponent < 0 else f"{mantissa}e{exponent}"


def quarter_end_reader(time_zone: str) -> Callable[[Cell], datetime | None]:
    """Reads ``2018Q2`` as the moment that quarter ends: midnight of 1 July in ``time_zone``, in UTC."""
    zone = ZoneInfo(time_zone)

    def read(cell: Cell) -> datetime | None:
        if cell is None or cell == "":
            return None
        found = _QUARTER.fullmatch(cell.strip()) if isinstance(cell, str) else None
        if found is None:
            raise InputError(
                f"`{shown(shown_cell(cell))}` is not a quarter", hint="write it like 2018Q2", code="wrong_type"
            )
        year, quarter = int(found[1]), int(found[2])
        if not 1 < year < 9999:
            raise InputError(f"the year {year} is not possible", hint="write it like 2018Q2", code="wrong_type")
        return midnight(date(year + quarter // 4, quarter % 4 * 3 + 1, 1), zone)

    return read
