"""Criteria that no rule test sees failing: what a test never fails, it does not hold to anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import Book, Criterion, Eligibility, Incentive


class Coverage(Protocol):
    """What the rule tests of a book saw."""

    def verdicts(self, rulebook: str, criterion: str) -> Collection[str]:
        """The verdicts that a criterion (or gate) of a rule book had in any test: ``pass``, ``fail``, ``unknown``."""


def untested(book: Book, coverage: Coverage) -> list[Mistake]:
    """A warning for every criterion and gate that can fail and is seen failing by no test, sorted by place.

    One that cannot fail at all has the warning ``never_fails`` and none of these.
    """
    return sorted(_untested(Study(book), coverage))


def _untested(study: Study, coverage: Coverage) -> Iterator[Mistake]:
    for book in study.rulebooks():
        criteria: tuple[Criterion, ...] = ()
        if isinstance(book, Eligibility | Incentive):
            criteria = book.criteria if isinstance(book, Eligibility) else book.gates
        for criterion in criteria:
            if "fail" in coverage.verdicts(book.head.name, criterion.id):
                continue
            if "fail" in study.survey(criterion).verdicts():
                message = f"no test sees `{criterion.id}` failing"
                hint = "add a case to the book's tests in which it fails"
                yield warning(criterion.mark, "untested", message, hint)
