"""What the facts in a frame are worth at a moment: aged and derived, each a typed column; unknown is null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from fastbrand.domain.errors import InputError
from rules.columnar import bounds
from rules.columnar.bounds import Num
from rules.columnar.moments import EPOCH_ORDINAL, FIRST_DAY, LAST_DAY, AsOf, check_moments
from rules.columnar.stages import Stages
from rules.comparisons import UNKNOWN_VALUE
from rules.model import Book, FactDef
from rules.situation import LARGEST

Observed = str | Mapping[str, str] | None
"""Where a frame says when its facts were observed: one column of moments for all facts, or fact -> column."""

NUMBERS = frozenset({"money", "ratio", "count", "score", "duration"})
_SET = pl.List(pl.String)


class Situation:
    """The facts of a frame at a moment. ``stages`` holds the query's columns."""

    def __init__(self, book: Book, frame: pl.LazyFrame, as_of: datetime | str, observed_at: Observed) -> None:
        self.book = book
        self.stages = Stages(frame)
        self.screened: dict[int, Any] = {}
        """What eligibility rule books made of it, by the id of their plan."""
        schema = self.stages.schema
        self.as_of = AsOf.of(as_of, book.programme.time_zone, schema)
        named = observed_at if isinstance(observed_at, Mapping) else dict.fromkeys(book.facts, observed_at)
        self._observed = {fact: column for fact, column in named.items() if column is not None}
        for column in set(self._observed.values()):
            check_moments(column, schema)
        self._given: dict[str, FactDef] = {
            name: fact for name, fact in book.facts.items() if fact.derivation is None and name in schema
        }

    def value(self, name: str) -> pl.Expr:
        """The fact as a column: ``Int64`` for numbers, ``Boolean`` for flags, the fact's own ``Enum`` for choices,
        lists of codes for choices, ``Date``, ``String``."""
        found = self.stages.find(("fact", name))
        if found is not None:
            return found
        fact = self.book.facts[name]
        if fact.derivation is not None:
            return self.number(name).expr
        kind = column_type(fact)
        if name not in self._given:
            return self.stages.put(("fact", name), pl.lit(None, dtype=kind))
        given = pl.col(name)
        column = _as_kind(fact, given, self.stages.schema[name], kind)
        observed = self._observed.get(name)
        if fact.max_age_ms is not None and observed is not None:
            stale = self.as_of.stale(observed, self.stages.schema, fact.max_age_ms)
            stale = self.stages.put(("stale", observed, fact.max_age_ms), stale)
            # where there is no moment, it was observed just now
            column = pl.when(stale).then(None).otherwise(column)
        elif column is given:
            return given
        return self.stages.put(("fact", name), column)

    def number(self, name: str) -> Num:
        """The fact as a whole number (a date as its ordinal, a flag as 0 or 1) with its bounds."""
        fact = self.book.facts[name]
        if fact.derivation is not None:
            return self._derived(fact)[0]
        value = self.value(name)
        if fact.type == "date":
            return Num(value.cast(pl.Int32).cast(pl.Int64) + EPOCH_ORDINAL, FIRST_DAY, LAST_DAY)
        if fact.type == "flag":
            return Num(value.cast(pl.Int64), 0, 1)
        return Num(value, *(fact.range or (-LARGEST, LARGEST)))

    def outside(self, name: str) -> pl.Expr | None:
        """Whether a derived fact left its range, which is a warning (null: it is unknown); None where it cannot."""
        return self._derived(self.book.facts[name])[1]

    def _derived(self, fact: FactDef) -> tuple[Num, pl.Expr | None]:
        raw = self._raw(fact)
        low, high = fact.range or (-LARGEST, LARGEST)
        low, high = max(low, -LARGEST), min(high, LARGEST)
        number, outside = bounds.within(raw, low, high, but=UNKNOWN_VALUE)
        return Num(self.stages.put(("fact", fact.name), number.expr), number.low, number.high), outside

    def _raw(self, fact: FactDef) -> Num:
        """What is computed, floored once to the fact's own scale, before its range is looked at."""
        derivation = fact.derivation
        assert derivation is not None
        args = [self.number(arg) for arg in derivation.args]
        scales = [10 ** self.book.facts[arg].decimals for arg in derivation.args]
        scale = 10**fact.decimals
        if derivation.op == "age_in_days":
            days = bounds.total([self.as_of.day, bounds.negative(args[0])])
            raw = bounds.times(days, scale)
        elif derivation.op == "quotient":
            of, by = _lowest(scales[1] * scale, scales[0])
            raw = bounds.quotient(bounds.times(args[0], of), bounds.times(args[1], by))
        else:
            finest = max(scales)
            even = [bounds.times(arg, finest // own) for arg, own in zip(args, scales, strict=True)]
            if derivation.op in ("minimum", "maximum"):
                found = bounds.extreme(even, greatest=derivation.op == "maximum")
            else:
                found = bounds.total([even[0], bounds.negative(even[1])] if derivation.op == "difference" else even)
            of, by = _lowest(scale, finest)
            raw = bounds.floored(bounds.times(found, of), by)
        return Num(self.stages.put(("raw", fact.name), raw.expr), raw.low, raw.high, raw.wide)


def _lowest(over: int, under: int) -> tuple[int, int]:
    """A ratio in lowest terms."""
    by = math.gcd(over, under)
    return over // by, under // by


def column_type(fact: FactDef) -> pl.DataType:
    """The type of the fact's column in a typed frame."""
    match fact.type:
        case "flag":
            return pl.Boolean()
        case "choice":
            return pl.Enum(list(fact.choices or {}))
        case "choices":
            return _SET
        case "date":
            return pl.Date()
        case "text":
            return pl.String()
        case _:
            return pl.Int64()


def _as_kind(fact: FactDef, column: pl.Expr, given: pl.DataType, kind: pl.DataType) -> pl.Expr:
    """``column``, of the type ``given``, as ``kind``. Raises ``InputError`` where that is no matter of notation."""
    if given == kind:
        return column
    if given == pl.Null():
        return column.cast(kind)
    if fact.type == "date" and given.is_integer():
        return (column.cast(pl.Int32) - EPOCH_ORDINAL).cast(kind)
    fits = {
        "flag": given.is_integer(),
        "choice": isinstance(given, pl.String | pl.Categorical | pl.Enum),
        "choices": isinstance(given, pl.List) and isinstance(given.inner, pl.String | pl.Categorical | pl.Enum),
        "text": isinstance(given, pl.Categorical | pl.Enum),
    }.get(fact.type, fact.type in NUMBERS and given.is_integer())
    if not fits:
        raise InputError(
            f"the column `{fact.name}` ({given}) is no column of {fact.type} values",
            hint=f"make it {kind}, or read the file with `ColumnarBook.read`",
            code="wrong_type",
        )
    return column.cast(kind)
