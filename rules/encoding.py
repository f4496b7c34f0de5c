"""Leaves as flat comparisons of integers.

What is not a number becomes one first: a choice its place among the fact's choices, a set or a text the number of its
hits. A threshold from a table is chosen for the record and goes along with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastbrand.domain.errors import EngineFault
from rules.comparisons import MAX_MEMBERS, UNKNOWN_VALUE, Comparison, Relation
from rules.model import FactDef, Leaf, Table
from rules.network import Source
from rules.situation import Facts

RELATIONS: Mapping[str, Relation] = {
    "at_least": "ge",
    "at_most": "le",
    "more_than": "gt",
    "less_than": "lt",
    "between": "between",
    "before": "lt",
    "after": "gt",
    "is": "eq",
    "is_not": "ne",
    "one_of": "in",
    "none_of": "not_in",
    "within_days": "between",
}

_COUNTED_AS: Mapping[str, str] = {"is_not": "is", "none_of": "one_of"}
"""Operators that count the same hits as another, and want none."""


def compared(leaf: Leaf, fact: FactDef) -> tuple[Comparison, tuple[Source, ...]]:
    """The comparison that ``leaf`` is, and its sources (which are given ``Facts``)."""
    table = leaf.operand if isinstance(leaf.operand, Table) else None
    many = leaf.op in ("one_of", "none_of") and (table is not None or len(set(leaf.operand)) > MAX_MEMBERS)
    if many or fact.type in ("choices", "text"):
        wanted = leaf.op not in ("is_not", "none_of")
        return Comparison("ge" if wanted else "lt", (1,)), (_hits_source(leaf, fact),)
    number = _number(leaf, fact)
    if table is None:
        operands = _operands(leaf.op, fact, leaf.operand)
        return Comparison(RELATIONS[leaf.op], operands), (number,)
    return Comparison(RELATIONS[leaf.op], by_record=True), tuple(_table_sources(leaf.op, fact, table, number))


def number_source(name: str) -> Source:
    """The value of a fact that is a number, a date or a flag."""

    def number(facts: Facts) -> int:
        value: int | None = facts.values[name]
        return UNKNOWN_VALUE if value is None else value

    return Source(name, number, name)


def _number(leaf: Leaf, fact: FactDef) -> Source:
    """The number that the value of ``leaf``'s fact is compared as."""
    name = fact.name
    codes = {code: place for place, code in enumerate(fact.choices or {})}

    def code(facts: Facts) -> int:
        value = facts.values[name]
        return UNKNOWN_VALUE if value is None else codes[value]

    def days_ago(facts: Facts) -> int:
        value: int | None = facts.values[name]
        return UNKNOWN_VALUE if value is None else facts.moment.day - value

    if fact.type == "choice":
        return Source(name, code)
    return Source(("days ago", name), days_ago) if leaf.op == "within_days" else number_source(name)


def _operands(op: str, fact: FactDef, operand: Any) -> tuple[int, ...]:
    """The integers of an operand."""
    if op == "within_days":
        return 0, operand
    items = operand if isinstance(operand, tuple) else (operand,)
    if fact.type == "choice":
        codes = {code: place for place, code in enumerate(fact.choices or {})}
        return tuple(codes[item] for item in items)
    return tuple(items)


def _table_sources(op: str, fact: FactDef, table: Table, number: Source) -> Iterator[Source]:
    """Value and thresholds, these by a choice fact; all of them unknown where that is."""
    by = table.by
    rows = {code: _operands(op, fact, operand) for code, operand in table.rows.items()}
    default = None if table.default is None else _operands(op, fact, table.default)

    def value(facts: Facts) -> int:
        return UNKNOWN_VALUE if facts.values[by] is None else number.read(facts)

    def limit_of(end: int) -> Source:
        limits = {code: operands[end] for code, operands in rows.items()}
        other = None if default is None else default[end]

        def limit(facts: Facts) -> int:
            key = facts.values[by]
            found = UNKNOWN_VALUE if key is None else limits.get(key, other)
            if found is None:
                raise EngineFault(f"the table by `{by}` for `{fact.name}` has no row for `{key}`")
            return found

        return Source(("limit", by, tuple(limits.items()), other), limit)

    yield Source((number.key, "by", by), value)
    yield from (limit_of(end) for end in range(2 if RELATIONS[op] == "between" else 1))


def _hits_source(leaf: Leaf, fact: FactDef) -> Source:
    """How many of the wanted members (codes, texts) the value has; of a pattern: whether it is found, 1 or 0."""
    name = fact.name
    if not isinstance(leaf.operand, Table):
        count = _counter(leaf.op, fact, leaf.operand)

        def hits(facts: Facts) -> int:
            value = facts.values[name]
            return UNKNOWN_VALUE if value is None else count(value)

        return Source(("hits", name, _COUNTED_AS.get(leaf.op, leaf.op), leaf.operand), hits)

    table = leaf.operand
    rows = {code: _counter(leaf.op, fact, operand) for code, operand in table.rows.items()}
    default = None if table.default is None else _counter(leaf.op, fact, table.default)

    def chosen(facts: Facts) -> int:
        value, key = facts.values[name], facts.values[table.by]
        if value is None or key is None:
            return UNKNOWN_VALUE
        counter = rows.get(key, default)
        if counter is None:
            raise EngineFault(f"the table by `{table.by}` for `{name}` has no row for `{key}`")
        return counter(value)

    how = _COUNTED_AS.get(leaf.op, leaf.op)
    return Source(("hits", name, how, table.by, tuple(table.rows.items()), table.default), chosen)


def _counter(op: str, fact: FactDef, operand: Any) -> Callable[[Any], int]:
    if op == "matches":
        import re2

        pattern = re2.compile(operand)
        return lambda value: int(pattern.search(value) is not None)
    if op in ("is", "is_not"):
        wanted = tuple(sorted(operand)) if fact.type == "choices" else operand
        return lambda value: int(value == wanted)
    members = frozenset(operand if isinstance(operand, tuple) else (operand,))
    if fact.type == "choices":
        return lambda value: len(members.intersection(value))
    return lambda value: int(value in members)
