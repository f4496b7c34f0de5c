"""Whole numbers in columns, each with the interval that its values are proven to lie in.

Polars multiplies and adds without noticing an overflow: a product beyond 64 bits comes out as some other number. So no
arithmetic is done here before interval arithmetic says which type holds every value it can have: ``Int64``, where that
does not do ``Int128``, and where that does not do either, Python's own integers (slow, and no shipped book needs them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

NARROW = pl.Int64()
WIDE = pl.Int128()
_NARROW_END = 2**63
_WIDE_END = 2**127


class TooWide(ArithmeticError):
    """No integer type of a column holds every value that this arithmetic can come to."""


@dataclass(frozen=True, slots=True)
class Num:
    """An integer column (null: unknown) whose known values are within ``low`` and ``high``, both included.

    ``wide``: its type is ``Int128``; otherwise it is ``Int64``.
    """

    expr: pl.Expr
    low: int
    high: int
    wide: bool = False


def dtype_for(*values: int) -> pl.Int64 | pl.Int128:
    """The narrowest type for all of ``values``. Raises ``TooWide``."""
    if all(-_NARROW_END <= value < _NARROW_END for value in values):
        return NARROW
    if all(-_WIDE_END <= value < _WIDE_END for value in values):
        return WIDE
    raise TooWide


def literal(value: int, wide: bool) -> pl.Expr:
    """``value`` as a literal of type ``Int128`` or ``Int64``."""
    return pl.lit(value, dtype=WIDE if wide else NARROW)


def unknown(wide: bool) -> pl.Expr:
    """Unknown as a literal of type ``Int128`` or ``Int64``."""
    return pl.lit(None, dtype=WIDE if wide else NARROW)


def widened(number: Num) -> Num:
    """``number`` as ``Int128``."""
    return number if number.wide else Num(number.expr.cast(WIDE), number.low, number.high, wide=True)


def narrowed(number: Num) -> Num:
    """``number`` as ``Int64``. Raises ``TooWide`` where its values do not fit."""
    if not number.wide:
        return number
    if dtype_for(number.low, number.high) != NARROW:
        raise TooWide
    return Num(number.expr.cast(NARROW), number.low, number.high)


def times(number: Num, factor: int) -> Num:
    """``number x factor``. Raises ``TooWide``."""
    if factor == 1:
        return number
    low, high = sorted((number.low * factor, number.high * factor))
    taken = _roomy(number, low, high, factor)
    return Num(taken.expr * literal(factor, taken.wide), low, high, taken.wide)


def product(first: Num, second: Num) -> Num:
    """The product of two columns. Raises ``TooWide``."""
    corners = [one * other for one in (first.low, first.high) for other in (second.low, second.high)]
    low, high = min(corners), max(corners)
    first, second = _alike(_roomy(first, low, high), second)
    return Num(first.expr * second.expr, low, high, first.wide)


def total(numbers: Sequence[Num]) -> Num:
    """The sum of columns. Raises ``TooWide``."""
    low, high = sum(number.low for number in numbers), sum(number.high for number in numbers)
    found = numbers[0]
    ends = low, high, *(number.low for number in numbers), *(number.high for number in numbers)
    wide = dtype_for(*ends, sum(abs(end) for end in ends)) == WIDE or any(number.wide for number in numbers)
    found = widened(found) if wide else found
    for number in numbers[1:]:
        found = Num(found.expr + (widened(number) if wide else number).expr, low, high, wide)
    return Num(found.expr, low, high, wide)


def negative(number: Num) -> Num:
    """``-number``. Raises ``TooWide``."""
    return times(number, -1)


def floored(number: Num, divisor: int) -> Num:
    """``number / divisor``, rounded toward minus infinity; ``divisor`` is above 0. Raises ``TooWide``."""
    if divisor == 1:
        return number
    taken = _roomy(number, divisor)
    return Num(taken.expr // literal(divisor, taken.wide), number.low // divisor, number.high // divisor, taken.wide)


def quotient(over: Num, under: Num) -> Num:
    """``over / under``, rounded toward minus infinity; null where ``under`` is 0. Raises ``TooWide``."""
    over, under = _alike(over, under)
    if under.low > 0 or under.high < 0:
        corners = [one // other for one in (over.low, over.high) for other in (under.low, under.high)]
        low, high = min(corners), max(corners)
    else:
        high = max(abs(over.low), abs(over.high))
        low = -high
    return Num(over.expr // under.expr, low, high, over.wide)


def extreme(numbers: Sequence[Num], *, greatest: bool) -> Num:
    """The least or greatest of columns; null where any of them is."""
    pick: Callable[..., int] = max if greatest else min
    wide = any(number.wide for number in numbers)
    exprs = [(widened(number) if wide else number).expr for number in numbers]
    # of all columns, null where one is: what Polars picks from skips nulls
    known = pl.all_horizontal(expr.is_not_null() for expr in exprs)
    found = pl.max_horizontal(exprs) if greatest else pl.min_horizontal(exprs)
    low, high = pick(number.low for number in numbers), pick(number.high for number in numbers)
    return Num(pl.when(known).then(found), low, high, wide)


def within(number: Num, low: int, high: int, *, but: int | None = None) -> tuple[Num, pl.Expr | None]:
    """``number`` with null in place of values outside ``low`` to ``high`` (and of ``but``), as ``Int64``; and whether
    a value was outside (null: unknown), None where none can be."""
    checks = []
    if number.low < low:
        checks.append(number.expr >= literal(low, number.wide))
    if number.high > high:
        checks.append(number.expr <= literal(high, number.wide))
    if but is not None and number.low <= but <= number.high and low <= but <= high:
        checks.append(number.expr != literal(but, number.wide))
    ends = max(number.low, low), min(number.high, high)
    if not checks:
        return narrowed(number), None
    inside = pl.all_horizontal(checks) if len(checks) > 1 else checks[0]
    kept = pl.when(inside).then(number.expr)
    return Num(kept.cast(NARROW) if number.wide else kept, min(ends), max(ends)), ~inside


def exactly(columns: Sequence[pl.Expr], compute: Callable[..., int]) -> pl.Expr:
    """``compute`` of the columns in Python's integers, row by row, as ``Int64``; null where any of them is."""

    def run(rows: pl.Series) -> pl.Series:
        found = [None if None in row else compute(*row) for row in rows.struct.unnest().iter_rows()]
        return pl.Series(rows.name, found, dtype=NARROW)

    fields = [column.alias(f"f{place}") for place, column in enumerate(columns)]
    return pl.struct(fields).map_batches(run, return_dtype=NARROW, is_elementwise=True)


def _roomy(number: Num, *values: int) -> Num:
    """``number`` in a type that holds ``values``, too. Raises ``TooWide``."""
    return widened(number) if dtype_for(*values) == WIDE else number


def _alike(first: Num, second: Num) -> tuple[Num, Num]:
    """Both of one type."""
    return (widened(first), widened(second)) if first.wide or second.wide else (first, second)
