"""The plain notation of facts files, read column by column: what most cells are written in.

``12.50``, ``-3``, ``8.33%``, ``true``, a code, ``2022-05-13``. Numbers with more digits than their fact has are rounded
half to even, exactly. A reader gives null for a cell in any other notation, whatever that is worth.
"""

from __future__ import annotations

import polars as pl

from rules.columnar.moments import EPOCH_ORDINAL, FIRST_DAY
from rules.columnar.situation import NUMBERS
from rules.columnar.stages import Stages
from rules.comparisons import UNKNOWN_VALUE
from rules.durations import UNIT_MS
from rules.model import FactDef
from rules.situation import LARGEST
from rules.values import MAX_TEXT, UNKNOWN_TEXTS

_DIGITS = 18
"""A number of so many digits is always within 64 bits."""
_FRACTION = 6
"""Most digits after the point of a duration that is read here."""
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_BIGGEST = 2**60
"""Whole numbers beyond this are out of range at every scale."""


def of_text(fact: FactDef, text: pl.Expr, stages: Stages) -> pl.Expr | None:
    """The values, of ``cells.stored_type``, of cells that are text; None where the type has no plain notation."""
    if fact.type in NUMBERS:
        return _number(fact, text, stages)
    match fact.type:
        case "flag":
            return pl.when(text == "true").then(pl.lit(True)).when(text == "false").then(pl.lit(False))
        case "choice":
            return pl.when(text.is_in(list(fact.choices or {}))).then(text)
        case "date":
            day = pl.when(text.str.contains(_DATE)).then(text).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32)
            return pl.when(day >= FIRST_DAY - EPOCH_ORDINAL).then(day)
        case "text":
            strange = text.str.contains(_CONTROL) | text.is_in(sorted(UNKNOWN_TEXTS))
            return pl.when(~strange & (text.str.len_chars() <= MAX_TEXT)).then(text)
        case _:
            return None


def of_integers(fact: FactDef, column: pl.Expr) -> pl.Expr | None:
    """The values of cells that are whole numbers; None where the fact is no number. Null beyond all ranges."""
    if fact.type not in NUMBERS:
        return None
    factor = pl.lit(UNIT_MS[fact.unit or "days"] if fact.type == "duration" else 10**fact.decimals, dtype=pl.Int128)
    wide = column.cast(pl.Int128)
    product = pl.when(wide.is_between(-_BIGGEST, _BIGGEST)).then(wide * factor)
    return pl.when(product.is_between(-LARGEST, LARGEST)).then(product).cast(pl.Int64)


def in_range(fact: FactDef, value: pl.Expr) -> pl.Expr | None:
    """Whether a value of ``cells.stored_type`` may be had; None where all may."""
    if fact.type == "date":
        if fact.range is None:
            return None
        return value.is_between(fact.range[0] - EPOCH_ORDINAL, fact.range[1] - EPOCH_ORDINAL)
    if fact.type not in NUMBERS:
        return None
    low, high = fact.range or (-LARGEST, LARGEST)
    inside = value.is_between(max(low, -LARGEST), min(high, LARGEST))
    return inside & (value != UNKNOWN_VALUE) if low <= UNKNOWN_VALUE <= high else inside


def _number(fact: FactDef, text: pl.Expr, stages: Stages) -> pl.Expr:
    if fact.type == "count":
        digits = pl.when(text.str.contains(rf"^[+-]?[0-9]{{1,{_DIGITS}}}$")).then(text)
        return digits.str.strip_prefix("+").cast(pl.Int64)
    if fact.type == "duration":
        return _duration(fact, text, stages)
    unit = "%?" if fact.type == "ratio" else ""
    parts = _parts(fact, text, stages, _DIGITS - fact.decimals, unit=unit)
    if not unit:
        return _rounded(parts, fact.decimals)
    # as a percentage it has two digits fewer behind the point
    return _rounded(parts, pl.when(text.str.ends_with("%")).then(fact.decimals - 2).otherwise(fact.decimals))


def _parts(
    fact: FactDef, text: pl.Expr, stages: Stages, whole: int, fraction: int = 40, unit: str = ""
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Whether it is negative, its digits before the point, and those behind it; null where it is not of that form."""
    pattern = rf"^([+-]?)([0-9]{{1,{whole}}})(?:\.([0-9]{{1,{fraction}}}))?{unit}$"
    parts = stages.put(("parts", fact.name), text.str.extract_groups(pattern))
    sign, before, behind = (parts.struct.field(str(place)) for place in (1, 2, 3))
    return sign == "-", before, behind.fill_null("")


def _rounded(parts: tuple[pl.Expr, pl.Expr, pl.Expr], decimals: int | pl.Expr) -> pl.Expr:
    """The number scaled by its decimals, rounded half to even."""
    negative, before, behind = parts
    size = pl.concat_str(before, behind.str.pad_end(decimals, "0").str.head(decimals)).cast(pl.Int64)
    rest = behind.str.slice(decimals).str.strip_chars_end("0")
    # digits compare as text where none of them is cut off: above 5, 51, 6 and so on
    up = (rest > "5") | ((rest == "5") & (size % 2 == 1))
    size = size + up.cast(pl.Int64)
    return pl.when(negative).then(-size).otherwise(size)


def _duration(fact: FactDef, text: pl.Expr, stages: Stages) -> pl.Expr:
    """Milliseconds, rounded half to even."""
    factor, one = UNIT_MS[fact.unit or "days"], 10**_FRACTION
    whole = len(str(2**63 // (factor * one))) - 1
    negative, before, behind = _parts(fact, text, stages, whole, _FRACTION)
    size = pl.concat_str(before, behind.str.pad_end(_FRACTION, "0")).cast(pl.Int64) * factor
    milliseconds, rest = size // one, size % one
    up = (rest * 2 > one) | ((rest * 2 == one) & (milliseconds % 2 == 1))
    milliseconds = milliseconds + up.cast(pl.Int64)
    return pl.when(negative).then(-milliseconds).otherwise(milliseconds)
