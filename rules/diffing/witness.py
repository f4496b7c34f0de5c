"""Records that two books decide differently: checked by both engines, and made as short and round as they can be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, InputError
from rules.diffing.space import NEW, OLD
from rules.evaluate import CompiledBook
from rules.model import Book, FactDef, Leaf, Table
from rules.records import Record
from rules.values import parse_fact, to_text

PARTY = "witness"
"""What the party of a witness is called."""
_MOST_TRIED = 10
_DAYS_BACK = (0, 30, 90, 180, 365, 730)


@dataclass(frozen=True, slots=True)
class Witness:
    """A party that the two books decide differently, with both decisions."""

    record: Record
    as_of: datetime
    old: Decision
    new: Decision


class Judges(ABC):
    """A rule book of each of two books, evaluated, and what of their decisions is compared."""

    def __init__(self, books: tuple[Book, Book], day: date) -> None:
        """``day``: one on which both may decide, rather than any other."""
        self.books = books
        self._compiled = (CompiledBook(books[OLD]), CompiledBook(books[NEW]))
        self._day = day

    @abstractmethod
    def decided(self, side: int, book: CompiledBook, record: Record, at: datetime) -> Decision:
        """What the rule book of that side decides. Raises ``InputError`` where it cannot take the record."""

    @abstractmethod
    def weight(self, decision: Decision) -> int:
        """What is compared: more is better for the party."""

    @abstractmethod
    def columnar(self, side: int, record: Record, at: datetime) -> int:
        """The weight of a record by the engine for populations."""

    @abstractmethod
    def constants(self) -> Mapping[str, set[int]]:
        """Fact -> numbers that it is compared with."""

    @abstractmethod
    def still(self, before: tuple[int, int], after: tuple[int, int]) -> bool:
        """Whether a record of the weights ``after`` shows what one of the weights ``before`` does."""

    def witness(self, record: Record, at: datetime, *, rises: bool) -> Witness | None:
        """The record as a witness that the weight can rise (or fall), in its shortest form; None where it is none.

        Raises ``EngineFault`` where it cannot be decided, or the engines do not agree about it.
        """
        try:
            weights = self._weights(record, at)
        except InputError as error:
            raise EngineFault(f"the solver found a record that cannot be taken: {error.message}") from error
        if (weights[NEW] - weights[OLD]) * (1 if rises else -1) <= 0:
            return None
        record, at = self._shortened(*self._dated(record, at, weights), weights)
        old, new = (self.decided(side, book, record, at) for side, book in enumerate(self._compiled))
        if [self.columnar(side, record, at) for side in (OLD, NEW)] != [self.weight(old), self.weight(new)]:
            raise EngineFault("the two engines do not agree about a record", hint="report both books")
        return Witness(record, at, old, new)

    def _weights(self, record: Record, at: datetime) -> tuple[int, int]:
        old, new = (self.weight(self.decided(side, book, record, at)) for side, book in enumerate(self._compiled))
        return old, new

    def _shows(self, record: Record, at: datetime, weights: tuple[int, int]) -> bool:
        try:
            return self.still(weights, self._weights(record, at))
        except (InputError, EngineFault):
            return False

    # --- shorter and rounder

    def _dated(self, record: Record, at: datetime, weights: tuple[int, int]) -> tuple[Record, datetime]:
        """The same on the day that is preferred, all dates moved along, or where they are; otherwise as it was."""
        local = at.astimezone(ZoneInfo(self.books[NEW].programme.time_zone)).date()
        shift = timedelta(days=(self._day - local).days)
        moved = dict(record.facts)
        for name, seen in record.facts.items():
            if seen.observed_at is not None:
                moved[name] = seen = replace(seen, observed_at=seen.observed_at + shift)
            if self._fact(name).type == "date" and seen.text is not None:
                day = date.fromisoformat(seen.text).toordinal() + shift.days
                if 1 <= day <= date.max.toordinal():
                    moved[name] = replace(seen, text=date.fromordinal(day).isoformat())
        observed = {
            name: replace(seen, text=record.facts[name].text) if self._fact(name).type == "date" else seen
            for name, seen in moved.items()
        }
        for facts in (moved, observed):
            tried = replace(record, facts=facts)
            if self._shows(tried, at + shift, weights):
                return tried, at + shift
        return record, at

    def _shortened(self, record: Record, at: datetime, weights: tuple[int, int]) -> tuple[Record, datetime]:
        """Leave out what does not matter, and make numbers round, one fact after the other."""
        facts = dict(record.facts)
        for name in list(facts):
            without = {key: seen for key, seen in facts.items() if key != name}
            if self._shows(replace(record, facts=without), at, weights):
                facts = without
        constants = self.constants()
        for name in list(facts):
            for text in _rounder(self._fact(name), facts[name].text or "", constants.get(name, set()), at):
                tried = {**facts, name: replace(facts[name], text=text)}
                if self._shows(replace(record, facts=tried), at, weights):
                    facts = tried
                    break
        return replace(record, facts=facts), at

    def _fact(self, name: str) -> FactDef:
        return next(book.facts[name] for book in self.books if name in book.facts)


def constants_of(leaves: Iterable[Leaf]) -> dict[str, set[int]]:
    """Fact -> the numbers that ``leaves`` compare it with."""
    found: dict[str, set[int]] = {}
    for leaf in leaves:
        found.setdefault(leaf.fact, set()).update(_numbers(leaf))
    return found


def _numbers(leaf: Leaf) -> Iterator[int]:
    operands: list[Any] = [leaf.operand]
    if isinstance(leaf.operand, Table):
        operands = [*leaf.operand.rows.values(), leaf.operand.default]
    for operand in operands if leaf.op != "within_days" else ():
        for number in operand if isinstance(operand, tuple) else (operand,):
            if isinstance(number, int):
                yield number


def _rounder(fact: FactDef, text: str, constants: set[int], at: datetime) -> Iterator[str]:
    """Values that read better than ``text``, the best first."""
    value = parse_fact(fact, text)
    if not isinstance(value, int) or fact.type == "flag":
        return
    if fact.type == "date":
        days = [at.astimezone(UTC).date().toordinal() - back for back in _DAYS_BACK]
        yield from (date.fromordinal(day).isoformat() for day in [*days, *constants] if day != value)
        return
    tried = {0, *constants, *(number + step for number in constants for step in (-1, 1))}
    for digits in range(1, len(str(abs(value)))):
        unit = 10**digits
        tried |= {value // unit * unit, -(-value // unit) * unit}
    low, high = fact.range or (min(tried), max(tried))
    better = [number for number in tried if _digits(number) < _digits(value) and low <= number <= high]
    better.sort(key=lambda number: (_digits(number), abs(number - value)))
    yield from (to_text(fact, number) for number in better[:_MOST_TRIED])


def _digits(number: int) -> int:
    """Digits that count."""
    return len(str(abs(number)).rstrip("0"))
