"""An independent evaluation of rule books: slow, plain, in fractions of display units, with no engine under it.

Written from the description of the language and not from the evaluator; it shares the model of a book with it and
nothing else. In here are facts, criteria and scores; ``reference_kinds`` has the kinds of rule books.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import re2

from fastbrand.domain.errors import InputError
from rules.model import (
    All,
    AnyOf,
    Book,
    Criterion,
    FactDef,
    Leaf,
    Node,
    Not,
    Table,
)
from rules.records import Observed, Record

T, F, U = "pass", "fail", "unknown"
MS = {"seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000, "weeks": 604_800_000}
RESERVED = -(2**52)  # the one number that cannot be used: it stands for unknown in the engine
NUMBERS = ("money", "ratio", "count", "score", "duration")


class Bad(Exception):
    """The record cannot be taken as it is."""


class World:
    """A record seen by a book at a moment: fact -> display value (Fraction, bool, str, frozenset, date) or None."""

    def __init__(self, book: Book, record: Record, as_of: datetime) -> None:
        self.book = book
        self.today = as_of.astimezone(ZoneInfo(book.programme.time_zone)).date()
        self.strange: list[str] = []
        self.values: dict[str, Any] = {}
        for name, fact in book.facts.items():
            if fact.derivation is None:
                self.values[name] = _given(fact, record.facts.get(name), as_of)
        for name, fact in book.facts.items():
            if fact.derivation is not None:
                self.value(name)

    def value(self, name: str) -> Any:
        if name not in self.values:
            self.values[name] = self._derived(self.book.facts[name])
        return self.values[name]

    def _derived(self, fact: FactDef) -> Any:
        assert fact.derivation is not None
        args = [self.value(arg) for arg in fact.derivation.args]
        if any(arg is None for arg in args):
            return None
        op = fact.derivation.op
        if op == "age_in_days":
            raw = Fraction((self.today - args[0]).days)
        elif op == "quotient":
            if args[1] == 0:
                return None
            raw = args[0] / args[1]
        elif op == "difference":
            raw = args[0] - args[1]
        else:
            raw = sum(args, Fraction(0)) if op == "sum" else min(args) if op == "minimum" else max(args)
        scale = 10**fact.decimals
        found = Fraction(math.floor(raw * scale), scale)
        low, high = fact.range or (-(2**53) + 1, 2**53 - 1)
        if not low <= found * scale <= high or found * scale == RESERVED:
            self.strange.append(fact.name)
            return None
        return found


def _given(fact: FactDef, observed: Observed | None, as_of: datetime) -> Any:
    if observed is None or observed.text is None:
        return None
    text = observed.text if fact.type == "text" else observed.text.strip()
    if text in ("", "NaN", "nan", "NAN", "null", "NULL", "Null"):
        return None
    value = _read(fact, text)
    at = observed.observed_at or as_of
    if fact.max_age_ms is not None and as_of - at > timedelta(milliseconds=fact.max_age_ms):
        return None
    return value


def _read(fact: FactDef, text: str) -> Any:
    if fact.type in NUMBERS:
        return _number(fact, text)
    if fact.type == "flag":
        if text not in ("true", "false"):
            raise Bad(text)
        return text == "true"
    if fact.type == "choice":
        if text not in (fact.choices or {}):
            raise Bad(text)
        return text
    if fact.type == "choices":
        members = [] if text == "|" else text.split("|")
        if any(member not in (fact.choices or {}) for member in members):
            raise Bad(text)
        return frozenset(members)
    if fact.type == "date":
        try:
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            raise Bad(text) from None
        if len(text) != 10 or (fact.range and not fact.range[0] <= day.toordinal() <= fact.range[1]):
            raise Bad(text)
        return day
    if len(text) > 4096 or any(ord(c) < 32 and c not in "\t\n" for c in text) or "\x7f" in text:
        raise Bad(text)
    return text


def _number(fact: FactDef, text: str) -> Fraction:
    percent = fact.type == "ratio" and text.endswith("%")
    digits = text[:-1].rstrip() if percent else text
    if not digits or not set(digits) <= set("0123456789.eE+-") or digits.startswith(".") or digits.endswith("."):
        raise Bad(text)
    if fact.type == "count" and not digits.lstrip("+-").isdigit():
        raise Bad(text)
    try:
        number = Fraction(digits)
    except (ValueError, ZeroDivisionError):
        raise Bad(text) from None
    number = number / 100 if percent else number
    scale = MS[fact.unit or "days"] if fact.type == "duration" else 10**fact.decimals
    stored = round(number * scale)
    low, high = fact.range or (-(2**53), 2**53)
    if not low <= stored <= high or abs(stored) >= 2**53 or stored == RESERVED:
        raise Bad(text)
    return Fraction(stored, 1 if fact.type == "duration" else 10**fact.decimals)


# --- comparisons --------------------------------------------------------------------------------------------------


def display(fact: FactDef, stored: Any) -> Any:
    """An operand of the model as a display value."""
    if isinstance(stored, str):
        return stored
    if fact.type == "flag":
        return bool(stored)
    if fact.type == "date":
        return date.fromordinal(stored)
    return Fraction(stored, 10**fact.decimals)


def holds(op: str, value: Any, operand: Any, fact: FactDef, today: date) -> bool:
    """Whether a known value meets a comparison."""
    if op == "matches":
        return bool(re2.search(operand, value))
    if op == "within_days":
        return bool(0 <= (today - value).days <= operand)
    if op in ("one_of", "none_of"):
        wanted = {display(fact, item) for item in operand}
        shares: bool = bool(wanted & value) if fact.type == "choices" else value in wanted
        return shares == (op == "one_of")
    if op in ("is", "is_not"):
        same = value == (frozenset(operand) if fact.type == "choices" else display(fact, operand))
        return bool(same == (op == "is"))
    if op == "between":
        return bool(display(fact, operand[0]) <= value <= display(fact, operand[1]))
    limit = display(fact, operand)
    if op == "at_least":
        return bool(value >= limit)
    if op == "at_most":
        return bool(value <= limit)
    if op in ("more_than", "after"):
        return bool(value > limit)
    assert op in ("less_than", "before"), op
    return bool(value < limit)


def chosen(world: World, leaf: Leaf) -> Any:
    """The operand of a leaf for this party; None where its table's key is unknown."""
    if not isinstance(leaf.operand, Table):
        return leaf.operand
    key = world.value(leaf.operand.by)
    if key is None:
        return None
    return leaf.operand.rows.get(key, leaf.operand.default)


def leaf_verdict(world: World, leaf: Leaf, min_sample: int | None) -> str:
    fact = world.book.facts[leaf.fact]
    value, operand = world.value(leaf.fact), chosen(world, leaf)
    if value is None or operand is None:
        return U
    if min_sample is not None and fact.sample is not None:
        sample = world.value(fact.sample)
        if sample is None or sample < min_sample:
            return U
    return T if holds(leaf.op, value, operand, fact, world.today) else F


def node_verdict(world: World, node: Node, min_sample: int | None) -> str:
    if isinstance(node, Leaf):
        return leaf_verdict(world, node, min_sample)
    if isinstance(node, Not):
        return {T: F, F: T, U: U}[node_verdict(world, node.node, min_sample)]
    found = [node_verdict(world, child, min_sample) for child in node.nodes]
    if isinstance(node, All):
        return F if F in found else U if U in found else T
    assert isinstance(node, AnyOf)
    return T if T in found else U if U in found else F


def leaves(node: Node) -> list[Leaf]:
    if isinstance(node, Leaf):
        return [node]
    children = (node.node,) if isinstance(node, Not) else node.nodes
    return [leaf for child in children for leaf in leaves(child)]


def criterion_found(world: World, criterion: Criterion) -> dict[str, Any]:
    applies = T if criterion.when is None else node_verdict(world, criterion.when, None)
    verdict, effect = "not_applicable", "none"
    if applies == U:
        verdict = U
    elif applies == T:
        verdict = node_verdict(world, criterion.require, criterion.min_sample)
    if verdict == F:
        effect = criterion.otherwise
    elif verdict == U:
        effect = criterion.unknown
    return {
        "criterion": criterion.id,
        "verdict": verdict,
        "effect": effect,
        "leaves": [leaf_verdict(world, leaf, criterion.min_sample) for leaf in leaves(criterion.require)],
        "when": [leaf_verdict(world, leaf, None) for leaf in leaves(criterion.when)] if criterion.when else [],
    }


# --- scores -------------------------------------------------------------------------------------------------------


def on_curve(points: Any, x: Fraction) -> Fraction:
    if x <= points[0][0]:
        return Fraction(points[0][1])
    if x >= points[-1][0]:
        return Fraction(points[-1][1])
    place = max(n for n, (at, _) in enumerate(points) if at <= x)
    (x0, y0), (x1, y1) = points[place], points[place + 1]
    return Fraction(y0 + (y1 - y0) * (x - x0) / (x1 - x0))


def score_value(world: World, score: Any) -> Fraction | None:
    total = Fraction(0)
    for part in score.parts:
        value = world.value(part.fact)
        if value is None:
            return None
        total += part.weight / 100 * (on_curve(part.curve, value) if part.curve else value)
    return Fraction(math.floor(total * 10**score.decimals), 10**score.decimals)


def score_text(score: Any, value: Fraction | None) -> str | None:
    if value is None:
        return None
    digits = f"{abs(int(value * 10**score.decimals)):0{score.decimals + 1}}"
    whole, rest = digits[: len(digits) - score.decimals], digits[len(digits) - score.decimals :]
    return ("-" if value < 0 else "") + whole + ("." + rest if rest else "")


def world_of(book: Book, record: Record, as_of: datetime) -> World | None:
    """The record as the book sees it; None where it cannot be taken as it is."""
    try:
        return World(book, record, as_of)
    except (Bad, InputError):
        return None
