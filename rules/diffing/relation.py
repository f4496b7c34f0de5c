"""What a changed eligibility rule book means: whether any party's outcome can fall or rise, proven or shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

import z3

from fastbrand.domain.decision import Decision
from rules.criteria import leaves_of
from rules.diffing.logic import Outcome, outcome_of
from rules.diffing.meaning import Answer, Meaning
from rules.diffing.solving import Budget, Solver
from rules.diffing.space import NEW, OLD, Space, Texts, View, days_of, texts_of
from rules.diffing.witness import Judges, Witness, constants_of
from rules.evaluate import CompiledBook
from rules.model import Book, Criterion, Leaf, Table
from rules.records import Record

LEVELS = ("ineligible", "refer", "eligible")
"""Outcomes, from the lowest."""


def meaning(books: tuple[Book, Book], names: tuple[str, str], budget: Budget) -> Meaning:
    """Compare the newest editions of an eligibility rule book, called ``names`` in the old and in the new book.

    Over every record that both books take, on every day on which the new one is in force. Raises ``EngineFault`` where
    the solver and the evaluators do not agree.
    """
    rulebooks = tuple(book.eligibility[name] for book, name in zip(books, names, strict=True))
    days = days_of([rulebooks[NEW].head])
    space = Space(books, days, text_uses(books, [rulebook.criteria for rulebook in rulebooks]))
    old, new = (outcome_of(rulebooks[side], View(space, side)) for side in (OLD, NEW))
    solver = Solver(space, budget)
    judges = _Outcomes(books, names, days[0])
    return Meaning(names, _moves(solver, judges, old, new, rises=False), _moves(solver, judges, new, old, rises=True))


def _moves(solver: Solver, judges: Judges, high: Outcome, low: Outcome, *, rises: bool) -> Answer[Witness]:
    """Whether ``high`` can be above ``low``: first with somebody eligible, which is the plainest witness."""
    undecided: Answer[Witness] | None = None
    for goal in (z3.And(high.eligible, z3.Not(low.eligible)), z3.And(high.possible, z3.Not(low.possible))):
        answer = solver.ask(goal, lambda record, at: judges.witness(record, at, rises=rises))
        if answer.said == "yes":
            return answer
        if answer.said == "undecided":
            undecided = answer
    return undecided or Answer("no")


class _Outcomes(Judges):
    """Outcomes of an eligibility rule book."""

    def __init__(self, books: tuple[Book, Book], names: tuple[str, str], day: date) -> None:
        super().__init__(books, day)
        self._names = names

    def decided(self, side: int, book: CompiledBook, record: Record, at: datetime) -> Decision:
        return book.decide(self._names[side], book.ask(record, book.moment(at)))

    def weight(self, decision: Decision) -> int:
        return LEVELS.index(decision.outcome)

    def columnar(self, side: int, record: Record, at: datetime) -> int:
        from rules.columnar import outcome_of

        return LEVELS.index(outcome_of(self.books[side], self._names[side], record, at))

    def constants(self) -> dict[str, set[int]]:
        rulebooks = [book.eligibility[name] for book, name in zip(self.books, self._names, strict=True)]
        return constants_of(leaf for rulebook in rulebooks for each in rulebook.criteria for leaf in leaves(each))

    def still(self, before: tuple[int, int], after: tuple[int, int]) -> bool:
        return before == after


def leaves(criterion: Criterion) -> Iterator[Leaf]:
    """The comparisons of a criterion or gate."""
    yield from leaves_of(criterion.require)
    if criterion.when is not None:
        yield from leaves_of(criterion.when)


def text_uses(books: Iterable[Book], criteria: Iterable[Iterable[Criterion]]) -> Texts:
    """What the text facts of each book are compared with by its criteria."""
    return texts_of(
        (leaf.fact, leaf.op, operand)
        for book, own in zip(books, criteria, strict=True)
        for criterion in own
        for leaf in leaves(criterion)
        if book.facts[leaf.fact].type == "text"
        for operand in _operands(leaf)
    )


def _operands(leaf: Leaf) -> Iterator[Any]:
    if isinstance(leaf.operand, Table):
        yield from (operand for operand in (*leaf.operand.rows.values(), leaf.operand.default) if operand is not None)
    else:
        yield leaf.operand
