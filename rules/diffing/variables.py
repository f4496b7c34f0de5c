"""Base facts of two books as variables of the solver, and how a model of them reads as what a record holds.

A record gives facts as text, so a fact that both books have is one variable, as long as both read its text as the same
value. Where they round it differently (other decimals, another unit) the text itself is the variable and each book has
its reading of it. Where the two have nothing in common (a choice that became a date) it is left unknown in what is
shown, and taken for two independent facts in what is proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import z3

from rules.comparisons import UNKNOWN_VALUE
from rules.decimals import plain_text
from rules.diffing.numbers import Number, Term
from rules.diffing.patterns import Sorts
from rules.durations import UNIT_MS
from rules.model import FactDef
from rules.records import Observed
from rules.situation import LARGEST
from rules.values import NONE_OF_THEM, to_text
from rules.words import NUMERIC_TYPES

TEXT_DIGITS = 12
"""Digits after the point of a number as text: enough for every way in which two scales can round one text."""
OLD, NEW = 0, 1

Model = Callable[[Term], Any]
"""From a term to its value in a model: an int or a bool."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A fact as a book sees it: whether it is known, and by its type its number (numbers, dates, flags as 0 and 1; of
    a text its place among ``sorts``) or a flag for each code (choice, choices)."""

    known: Term
    number: Number | None = None
    codes: Mapping[str, Term] | None = None
    sorts: Sorts | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A base fact: as both books see it (None: the book has no such fact), and what a record holds in a model."""

    sides: tuple[Seen | None, Seen | None]
    observed: Callable[[Model, datetime], Observed | None]


class Home(Protocol):
    """Where variables live."""

    @property
    def wider(self) -> Term:
        """Whether models may be no records, see ``rules.diffing.space.Space``."""

    def tell(self, axiom: Term) -> None:
        """Let ``axiom`` hold of every record."""

    def widen(self, name: str, why: str) -> None:
        """Note that ``wider`` makes a difference for the fact ``name``."""

    def sorts(self, name: str) -> Sorts:
        """The sorts of texts of the fact ``name``."""


def variable(home: Home, name: str, old: FactDef | None, new: FactDef | None) -> Variable:
    """The variable of the base fact ``name`` as the books declare it; at least one of them does."""
    facts = [fact for fact in (old, new) if fact is not None]
    given = z3.Bool(f"given {name}")
    types = {fact.type for fact in facts}
    write: Callable[[Model], str]
    if types <= set(NUMERIC_TYPES) and len({factor(fact) for fact in facts}) > 1:
        seen, write = _two_readings(home, name, given, facts)
    elif types <= set(NUMERIC_TYPES) or types in ({"date"}, {"flag"}):
        seen, write = _one_number(home, name, given, facts)
    elif types in ({"choice"}, {"choices"}):
        seen, write = _codes(home, name, given, facts)
    elif types == {"text"}:
        seen, write = _text(home, name, given)
    else:
        return _apart(home, name, old, new)
    sides = [None if fact is None else seen[place if len(seen) > 1 else 0] for place, fact in enumerate((old, new))]
    return _with_ages(name, given, (old, new), (sides[OLD], sides[NEW]), write)


def factor(fact: FactDef) -> int:
    """By how much a number in a facts file is multiplied to be stored."""
    return UNIT_MS[fact.unit or "days"] if fact.type == "duration" else 10**fact.decimals


def bounds(fact: FactDef) -> tuple[int, int]:
    """The least and the greatest stored value of a number, date or flag."""
    if fact.type == "flag":
        return 0, 1
    least, most = (1, date.max.toordinal()) if fact.type == "date" else (-LARGEST, LARGEST)
    low, high = fact.range or (least, most)
    return max(low, least), min(high, most)


Made = tuple[list[Seen], Callable[[Model], str]]
"""One view for both books or one for each, and the text of a value."""


def _with_ages(
    name: str,
    given: Term,
    facts: tuple[FactDef | None, FactDef | None],
    sides: tuple[Seen | None, Seen | None],
    write: Callable[[Model], str],
) -> Variable:
    """Where one book lets the fact grow older than the other, there is an age between the two."""
    old, new = facts
    aged: Term | None = None
    if old is not None and new is not None and old.max_age_ms != new.max_age_ms:
        aged = z3.Bool(f"aged {name}")
        ages = [fact.max_age_ms for fact in (old, new) if fact.max_age_ms is not None]
        short = OLD if old.max_age_ms == min(ages) else NEW
        fresh = replace(sides[short], known=z3.And(given, z3.Not(aged)))  # type: ignore[type-var]  # both are there
        sides = (fresh, sides[NEW]) if short == OLD else (sides[OLD], fresh)
        # as old as the longer age allows; where there is only one, a day past it
        age = timedelta(milliseconds=max(ages) + (86_400_000 if len(ages) == 1 else 0))

    def observed(model: Model, at: datetime) -> Observed | None:
        if not model(given):
            return None
        return Observed(write(model), at - age if aged is not None and model(aged) else None)

    return Variable(sides, observed)


def _one_number(home: Home, name: str, given: Term, facts: list[FactDef]) -> Made:
    term = z3.Int(name)
    for fact in facts:
        home.tell(z3.Implies(given, _inside(term, *bounds(fact))))
    return [Seen(given, Number(term))], lambda model: to_text(facts[0], int(model(term)))


def _inside(term: Term, low: int, high: int) -> Term:
    """``term`` is a value: in its range, and not the number that stands for unknown."""
    inside = z3.And(term >= low, term <= high)
    return z3.And(inside, term != UNKNOWN_VALUE) if low <= UNKNOWN_VALUE <= high else inside


def _two_readings(home: Home, name: str, given: Term, facts: list[FactDef]) -> Made:
    """Each book rounds the text half to even in its own way; a count takes whole numbers only."""
    text = z3.Int(f"text {name}")
    unit = 10**TEXT_DIGITS
    if any(fact.type == "count" for fact in facts):
        home.tell(z3.Implies(given, text % unit == 0))
    seen = []
    for place, fact in enumerate(facts):
        value = z3.Int(f"{name} {place}")
        rest = 2 * (text * factor(fact) - value * unit)
        tie = z3.And(z3.Or(rest == unit, rest == -unit), value % 2 == 0)
        rounded = z3.Or(z3.And(rest > -unit, rest < unit), tie)
        home.tell(z3.Implies(given, z3.And(rounded, _inside(value, *bounds(fact)))))
        seen.append(Seen(given, Number(value)))
    return seen, lambda model: plain_text(int(model(text)), TEXT_DIGITS)


def _codes(home: Home, name: str, given: Term, facts: list[FactDef]) -> Made:
    """Codes that all know; a record with another is refused by one of the books."""
    codes = [code for code in facts[0].choices or {} if all(code in (fact.choices or {}) for fact in facts)]
    if facts[0].type == "choice":
        place = z3.Int(name)
        home.tell(z3.Implies(given, z3.And(place >= 0, place < len(codes))))
        flags = {code: place == number for number, code in enumerate(codes)}
    else:
        flags = {code: z3.Bool(f"{name} {code}") for code in codes}

    def write(model: Model) -> str:
        return "|".join(sorted(code for code, flag in flags.items() if model(flag))) or NONE_OF_THEM

    return [Seen(given, codes=flags)], write


def _text(home: Home, name: str, given: Term) -> Made:
    """A place among the sorts of texts; where they may be incomplete, one more place for all the others."""
    sorts = home.sorts(name)
    place = z3.Int(name)
    home.tell(z3.Implies(given, z3.And(place >= 0, place < len(sorts.sorts) + (0 if sorts.complete else 1))))
    if not sorts.complete:
        home.widen(name, f"a pattern over `{name}` is beyond what can be analysed")
        home.tell(z3.Implies(place == len(sorts.sorts), home.wider))
    return [Seen(given, Number(place), sorts=sorts)], lambda model: sorts.sorts[int(model(place))].example


def _apart(home: Home, name: str, old: FactDef | None, new: FactDef | None) -> Variable:
    """Nothing in common: unknown to both, or, to be on the safe side, anything in each."""
    assert old is not None
    assert new is not None
    home.widen(name, f"`{name}` was a {old.type} and is a {new.type}: no text is surely both")
    sides = [variable(home, f"{name} as {fact.type}", fact, None).sides[OLD] for fact in (old, new)]
    for side in sides:
        assert side is not None
        home.tell(z3.Implies(side.known, home.wider))
    return Variable((sides[OLD], sides[NEW]), lambda _model, _at: None)
