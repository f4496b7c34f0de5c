"""Values that a fact may have, and which of them meet a comparison: what proposals are made of."""

from __future__ import annotations

from datetime import date
from typing import Any

from rules.leaves import nearest
from rules.model import FactDef, Value
from rules.situation import LARGEST
from rules.words import NUMERIC_TYPES

MAX_CHOICES = 24
"""Most codes of a choice that are tried."""

_OTHER_TEXT = "-"


def span(fact: FactDef) -> tuple[int, int]:
    """The least and the greatest value of a number or date, as far as records may hold it."""
    if fact.type == "date":
        low, high = fact.range or (date.min.toordinal(), date.max.toordinal())
    else:
        low, high = fact.range or (0 if fact.type == "count" else -LARGEST, LARGEST)
    return max(low, -LARGEST), min(high, LARGEST)


def middling(fact: FactDef, day: int) -> int:
    """A value of a number or date that nobody would wonder about; ``day`` is the day of decision."""
    low, high = span(fact)
    if fact.type == "date":
        return max(low, min(high, day - 365))
    if fact.type == "ratio" and low <= 10**fact.decimals < high:
        return int(10**fact.decimals)  # as much as what it is held against
    return max(low, min(high, 0)) if fact.range is None or high - low > 10**12 else (low + high) // 2


def some_value(fact: FactDef, day: int) -> Value:
    """Any value of a fact."""
    return middling(fact, day) if _on_a_line(fact) else _unordered(fact, ())[0]


def meeting(fact: FactDef, op: str, operand: Any, now: Value | None, day: int, *, holds: bool) -> list[Value]:
    """Values for which a comparison holds (or does not): the nearest to ``now`` first, which is the party's own."""
    if not _on_a_line(fact):
        return [value for value in _unordered(fact, operand) if meets(op, operand, value, day) == holds]
    start = now if isinstance(now, int) else middling(fact, day)
    low, high = span(fact)
    found = [*([start] if now is None else []), *nearest(op, start, operand, day, leads_out=not holds)]
    inside = [value for value in found if low <= value <= high and meets(op, operand, value, day) == holds]
    return [*sorted(inside, key=lambda value: abs(value - start))]


def meets(op: str, operand: Any, value: Value, day: int) -> bool:
    """Whether a known value meets a comparison, as far as a proposal needs to know: the engine has the last word."""
    members = operand if isinstance(operand, tuple) else (operand,)
    match op:
        case "is" | "is_not":
            same = set(value) == set(members) if isinstance(value, tuple) else value == operand
            return same == (op == "is")
        case "one_of" | "none_of":
            shares = bool(set(value) & set(members)) if isinstance(value, tuple) else value in members
            return shares == (op == "one_of")
        case "matches":
            return value != _OTHER_TEXT
    assert isinstance(value, int)
    match op:
        case "at_least":
            return bool(value >= operand)
        case "at_most":
            return bool(value <= operand)
        case "more_than" | "after":
            return bool(value > operand)
        case "less_than" | "before":
            return bool(value < operand)
        case "within_days":
            return bool(0 <= day - value <= operand)
        case _:
            return bool(operand[0] <= value <= operand[1])


def _on_a_line(fact: FactDef) -> bool:
    return fact.type in NUMERIC_TYPES or fact.type == "date"


def _unordered(fact: FactDef, operand: Any) -> list[Value]:
    """Values of a flag, choice, set or text that may tell comparisons apart."""
    members = operand if isinstance(operand, tuple) else (operand,)
    choices = fact.choices or {}
    match fact.type:
        case "flag":
            return [1, 0]
        case "choice":
            return list(dict.fromkeys([*(each for each in members if each in choices), *choices]))[:MAX_CHOICES]
        case "choices":
            every = tuple(sorted(choices))
            rest = tuple(code for code in every if code not in members)
            own = tuple(sorted(each for each in members if each in choices))
            return [every, own, rest, (), *((code,) for code in every[:MAX_CHOICES])]
    return [*(str(each) for each in members), _OTHER_TEXT]
