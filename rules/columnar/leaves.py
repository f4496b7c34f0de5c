"""Leaves as Boolean columns: true passes, false fails, null is unknown."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import polars as pl

from fastbrand.domain.errors import EngineFault
from rules.columnar.moments import EPOCH_ORDINAL
from rules.columnar.situation import NUMBERS, Situation
from rules.model import FactDef, Leaf, Table

Test = Callable[[pl.Expr, Any], pl.Expr]
"""From a value's column and an operand to whether it holds (null where the value is)."""

_ORDERED: dict[str, Test] = {
    "at_least": lambda value, operand: value >= operand,
    "at_most": lambda value, operand: value <= operand,
    "more_than": lambda value, operand: value > operand,
    "less_than": lambda value, operand: value < operand,
    "before": lambda value, operand: value < operand,
    "after": lambda value, operand: value > operand,
    "is": lambda value, operand: value == operand,
    "is_not": lambda value, operand: value != operand,
}
"""Operators whose operand may as well be a column."""
_NEGATED = ("is_not", "none_of")


def passes(leaf: Leaf, situation: Situation, min_sample: int | None = None) -> pl.Expr:
    """Whether ``leaf`` holds; unknown, too, where the sample behind its fact is unknown or below ``min_sample``."""
    fact = situation.book.facts[leaf.fact]
    if isinstance(leaf.operand, Table):
        found = _by_table(leaf, leaf.operand, fact, situation)
    else:
        value = _compared(leaf.op, fact, situation)
        found = _test(leaf.op, fact)(value, _operand(fact, leaf.op, leaf.operand))
    if min_sample is None or fact.sample is None:
        return found
    enough = situation.number(fact.sample).expr >= min_sample
    return pl.when(enough).then(found)


def holds(op: str, value: pl.Expr, operand: Any) -> pl.Expr:
    """Whether a comparison of whole numbers holds (``operand`` a pair for ``between``); null where ``value`` is."""
    if op == "between":
        low, high = operand
        return _ORDERED["at_least"](value, low) & _ORDERED["at_most"](value, high)
    if op in ("one_of", "none_of"):
        found = value.is_in(list(operand))
        return ~found if op in _NEGATED else found
    return _ORDERED[op](value, operand)


def _compared(op: str, fact: FactDef, situation: Situation) -> pl.Expr:
    """The column that the leaf looks at. Dates are days since 1970 in here; for ``within_days``, days ago."""
    if fact.type in NUMBERS:
        return situation.number(fact.name).expr
    if fact.type != "date":
        return situation.value(fact.name)
    if op == "within_days":
        return situation.as_of.day.expr - situation.number(fact.name).expr
    return situation.value(fact.name).cast(pl.Int32)


def _operand(fact: FactDef, op: str, operand: Any) -> Any:
    """The operand as ``_compared`` values are."""
    if fact.type == "date" and op == "within_days":
        return 0, operand
    if fact.type == "date":
        return tuple(item - EPOCH_ORDINAL for item in operand) if op == "between" else operand - EPOCH_ORDINAL
    return operand


def _test(op: str, fact: FactDef) -> Test:
    match fact.type:
        case "flag":
            return lambda value, operand: value if (op == "is") == bool(operand) else ~value
        case "choice":
            return partial(_is_member, op in _NEGATED)
        case "text" if op == "matches":
            return _matches
        case "text":
            return partial(_is_member, op in _NEGATED)
        case "choices":
            return partial(_shares, op)
        case "date" if op == "within_days":
            return partial(holds, "between")
        case _:
            return partial(holds, op)


def _is_member(negated: bool, value: pl.Expr, operand: Any) -> pl.Expr:
    """Whether a code or a text is (one of) ``operand``."""
    members = operand if isinstance(operand, tuple) else (operand,)
    if len(members) == 1:
        same: pl.Expr = value == members[0]
        return ~same if negated else same
    found = value.is_in(list(members))
    return ~found if negated else found


def _shares(op: str, value: pl.Expr, operand: Any) -> pl.Expr:
    """Whether a set of codes shares a member with ``operand`` (``is``: has the same members)."""
    members = list(dict.fromkeys(operand if isinstance(operand, tuple) else (operand,)))
    has = [value.list.contains(code) for code in members]
    if op in ("one_of", "none_of"):
        found = pl.any_horizontal(has)
    else:
        found = pl.all_horizontal(value.list.n_unique() == len(members), *has)
    return ~found if op in _NEGATED else found


def _matches(value: pl.Expr, pattern: str) -> pl.Expr:
    """Whether ``pattern`` is found, by RE2 itself: the patterns that Polars knows differ from it in small things."""

    def run(texts: pl.Series) -> pl.Series:
        import re2

        compiled = re2.compile(pattern)
        distinct = texts.drop_nulls().unique()
        found = pl.Series([compiled.search(text) is not None for text in distinct], dtype=pl.Boolean)
        return texts.replace_strict(distinct, found, default=None, return_dtype=pl.Boolean)

    return value.map_batches(run, return_dtype=pl.Boolean, is_elementwise=True)


def _by_table(leaf: Leaf, table: Table, fact: FactDef, situation: Situation) -> pl.Expr:
    """The leaf with an operand by a choice: unknown where the choice is."""
    key, value = situation.value(table.by), _compared(leaf.op, fact, situation)
    groups: dict[Hashable, list[str]] = {}
    for code, operand in table.rows.items():
        groups.setdefault(_operand(fact, leaf.op, operand), []).append(code)
    choices = situation.book.facts[table.by].choices or {}
    others = [code for code in choices if code not in table.rows]
    if others and table.default is None:
        raise EngineFault(f"the table by `{table.by}` for `{fact.name}` has no row for `{others[0]}`")
    if others:
        groups.setdefault(_operand(fact, leaf.op, table.default), []).extend(others)
    # the operand that most codes have comes last, where no code is asked for any more
    parted = sorted(groups.items(), key=lambda item: len(item[1]))
    simple = fact.type in NUMBERS and leaf.op in _ORDERED
    test = _test(leaf.op, fact)
    branches = [
        (_is_member(False, key, tuple(codes)), pl.lit(operand, dtype=pl.Int64) if simple else test(value, operand))
        for operand, codes in parted
    ]
    found: pl.Expr = pl.when(key.is_not_null()).then(branches[-1][1])
    for here, then in reversed(branches[:-1]):
        found = pl.when(here).then(then).otherwise(found)
    return test(value, found) if simple else found
