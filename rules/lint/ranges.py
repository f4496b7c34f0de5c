"""What facts can be: the range a base fact declares, and what a derived fact can come to within its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from rules.model import Derivation, FactDef
from rules.situation import LARGEST
from rules.words import NUMERIC_TYPES

Span = tuple[int, int]
"""The least and the greatest stored value, both possible."""

_DAYS: Span = (date.min.toordinal(), date.max.toordinal())


def spans(facts: Mapping[str, FactDef]) -> dict[str, Span | None]:
    """Number and date facts -> what they can be, a superset where arguments depend on each other.

    None: the fact is never known, for its range has nothing that its arguments can come to.
    """
    found: dict[str, Span | None] = {}

    def span(name: str) -> Span | None:
        if name not in found:
            fact = facts[name]
            found[name] = _derived(fact, fact.derivation) if fact.derivation is not None else _given(fact)
        return found[name]

    def _derived(fact: FactDef, derivation: Derivation) -> Span | None:
        args = [span(arg) for arg in derivation.args]
        known = [arg for arg in args if arg is not None]
        if len(known) < len(args):
            return None
        image = _image(derivation, known, [10 ** facts[arg].decimals for arg in derivation.args], 10**fact.decimals)
        declared = _given(fact)
        if image is None:
            return None
        low, high = max(image[0], declared[0]), min(image[1], declared[1])
        return (low, high) if low <= high else None

    for name, fact in facts.items():
        if fact.type in NUMERIC_TYPES or fact.type == "date":
            span(name)
    return found


def _given(fact: FactDef) -> Span:
    low, high = fact.range or (_DAYS if fact.type == "date" else (-LARGEST, LARGEST))
    return max(low, -LARGEST), min(high, LARGEST)


def _image(derivation: Derivation, args: list[Span], scales: list[int], scale: int) -> Span | None:
    """What the derivation makes of arguments within ``args``; every one of them is monotone piece by piece."""
    if derivation.op == "age_in_days":
        return _DAYS[0] - args[0][1], _DAYS[1] - args[0][0]
    ends = [(Fraction(low, own), Fraction(high, own)) for (low, high), own in zip(args, scales, strict=True)]
    match derivation.op:
        case "quotient":
            values = [
                of / by for of in ends[0] for low, high in _without_zero(args[1]) for by in _pair(low, high, scales)
            ]
        case "difference":
            values = [ends[0][0] - ends[1][1], ends[0][1] - ends[1][0]]
        case "sum":
            values = [sum((low for low, _ in ends), Fraction(0)), sum((high for _, high in ends), Fraction(0))]
        case "minimum":
            values = [min(low for low, _ in ends), min(high for _, high in ends)]
        case _:
            values = [max(low for low, _ in ends), max(high for _, high in ends)]
    if not values:
        return None
    floors = [value * scale // 1 for value in values]
    return min(floors), max(floors)


def _without_zero(span: Span) -> list[Span]:
    """The parts of ``span`` below and above zero: by zero nothing is divided."""
    low, high = span
    return [part for part in ((low, min(high, -1)), (max(low, 1), high)) if part[0] <= part[1]]


def _pair(low: int, high: int, scales: list[int]) -> tuple[Fraction, Fraction]:
    return Fraction(low, scales[1]), Fraction(high, scales[1])
