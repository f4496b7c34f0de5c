"""One book as its analyses see it: facts and what they can be, the editions of its rule books, places and literals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from fastbrand.domain.decision import JsonValue
from rules.lint.surveys import Survey, survey
from rules.lint.vocabulary import Vocabulary
from rules.mistakes import Mistake
from rules.model import (
    Book,
    Criterion,
    Eligibility,
    Head,
    Incentive,
    Leaf,
    Maintenance,
    Mark,
    Matching,
    Routing,
    RuleBook,
    Table,
    Value,
)
from rules.situation import FactReader, Moment
from rules.values import to_literal

_FIRST_DAY = "2022-01-01"  # for a book that is always in force any day does: let it be one


class Study:
    """What all analyses of ``book`` need."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.facts = book.facts
        self.vocabulary = Vocabulary(book.facts)
        self.spans = self.vocabulary.spans
        self.reader = FactReader(book)
        self._zone = ZoneInfo(book.programme.time_zone)
        self._surveys: dict[int, tuple[Criterion, Survey]] = {}  # by identity, which lasts as long as the criterion

    def survey(self, criterion: Criterion) -> Survey:
        """What ``criterion`` (of this book) can come to over all parties."""
        found = self._surveys.get(id(criterion))
        if found is None:
            found = self._surveys[id(criterion)] = criterion, survey(criterion, self.vocabulary)
        return found[1]

    def rulebooks(self) -> Iterator[RuleBook]:
        """Every edition of every rule book."""
        for name, newest in self.book.rulebooks.items():
            yield from self.book.editions.get(name, (newest,))

    def eligibility(self) -> list[Eligibility]:
        """The eligibility books."""
        return [book for book in self.rulebooks() if isinstance(book, Eligibility)]

    def routing(self) -> list[Routing]:
        """The routing books."""
        return [book for book in self.rulebooks() if isinstance(book, Routing)]

    def maintenance(self) -> list[Maintenance]:
        """The maintenance books."""
        return [book for book in self.rulebooks() if isinstance(book, Maintenance)]

    def incentive(self) -> list[Incentive]:
        """The incentive books."""
        return [book for book in self.rulebooks() if isinstance(book, Incentive)]

    def matching(self) -> list[Matching]:
        """The matching books."""
        return [book for book in self.rulebooks() if isinstance(book, Matching)]

    def moment(self, head: Head) -> Moment:
        """A moment at which the rule book is in force: noon of its first day."""
        first = head.effective_from or datetime.fromisoformat(_FIRST_DAY).date()
        return Moment.of(datetime.combine(first, time(12), self._zone).astimezone(UTC), self._zone)

    def literal(self, name: str, value: Value | None) -> JsonValue:
        """A value of the fact ``name`` for a witness: as a rule file writes it; flags and counts as JSON has them."""
        fact = self.facts[name]
        if value is None or fact.type == "count":
            return value if isinstance(value, int) else None
        if fact.type == "flag":
            return bool(value)
        return list(value) if isinstance(value, tuple) else to_literal(fact, value)

    def operand(self, leaf: Leaf) -> str:
        """The operand of ``leaf`` in words, for messages."""
        if isinstance(leaf.operand, Table):
            return f"its threshold by `{leaf.operand.by}`"
        if leaf.op in ("within_days", "matches"):
            return f"`{leaf.operand}`"
        if isinstance(leaf.operand, tuple):
            parts = ", ".join(self._text(leaf.fact, item) for item in leaf.operand)
            return f"`[{parts}]`"
        return f"`{self._text(leaf.fact, leaf.operand)}`"

    def _text(self, name: str, value: Any) -> str:
        return value if isinstance(value, str) else to_literal(self.facts[name], value)

    def range_text(self, name: str) -> str:
        """What the fact ``name`` can be, in words; empty where it has no ends."""
        span, fact = self.spans.get(name), self.facts[name]
        if span is None or (fact.range is None and fact.derivation is None):
            return ""
        low, high = (to_literal(fact, end) for end in span)
        return f"`{name}` is {low} to {high}"


def warning(mark: Mark, code: str, message: str, hint: str, witness: Mapping[str, JsonValue] | None = None) -> Mistake:
    """A warning at ``mark``."""
    return Mistake(mark.path, mark.line, mark.column, code, message, hint, "warning", witness)
