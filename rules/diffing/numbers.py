"""Whole numbers of the solver: terms with exact comparisons, also for quotients, which no linear term can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3

Term = Any
"""An expression of the solver."""


class Number:
    """A whole number that is a linear term."""

    def __init__(self, term: Term) -> None:
        self._term = term

    def term(self) -> Term:
        """The number itself."""
        return self._term

    def at_least(self, bound: int) -> Term:
        """Whether it is ``bound`` or more."""
        return self._term >= bound

    def equals(self, value: int) -> Term:
        """Whether it is ``value``."""
        return self._term == value

    def within(self, low: int, high: int) -> Term:
        """Whether it is from ``low`` to ``high``, both included."""
        return z3.And(self.at_least(low), z3.Not(self.at_least(high + 1)))


class Quotient(Number):
    """``of * factor`` divided by ``by * divisor``, floored; ``factor`` and ``divisor`` are above 0.

    Compared with a constant it is a linear condition on ``of`` and ``by``. Where its value itself counts it is a number
    of its own, of which the solver knows on which side of each *cut* it lies, and, for some divisors, just what it is.
    Wherever that is too little there is another of both: cuts prove that something cannot be, divisors find what can.
    Where ``by`` is 0 it may be anything: whoever uses it asks for that first. ``name`` is the number's own.
    """

    def __init__(
        self, of: Number, by: Number, factor: int, divisor: int, tell: Callable[[Term], None], name: str
    ) -> None:
        super().__init__(None)
        self._name = name
        self._of, self._by, self._factor, self._divisor = of, by, factor, divisor
        self._tell = tell
        self._cuts: set[int] = set()
        self._divisors: set[int] = set()
        self._plain: set[int] = set()

    def term(self) -> Term:
        """A number of its own, tied to the quotient by the cuts."""
        if self._term is None:
            self._term = z3.Int(self._name)
            for bound in self._cuts:
                self._tie(bound)
        return self._term

    def at_least(self, bound: int) -> Term:
        """Exactly: by the sign of the divisor a linear condition."""
        over, under = self._of.term() * self._factor, self._by.term() * (bound * self._divisor)
        if bound not in self._cuts:
            self._cuts.add(bound)
            if self._term is not None:
                self._tie(bound)
        return z3.If(self._by.term() > 0, over >= under, over <= under)

    def equals(self, value: int) -> Term:
        """Whether it is ``value``."""
        return self.within(value, value)

    def refine(self, value: Callable[[Term], int]) -> bool:
        """Tell more where the model ``value`` takes the number for another than the quotient is. False: it does not."""
        by = value(self._by.term())
        if self._term is None or by == 0:
            return False
        taken = value(self._term)
        true = value(self._of.term()) * self._factor // (by * self._divisor)
        if taken == true:
            return False
        plain = _round(by)
        self._plain |= plain
        for divisor in sorted({by, *plain} - self._divisors):
            self._divisors.add(divisor)
            self._tell(z3.Implies(self._by.term() == divisor, self._divided(divisor)))
        middle = (taken + true) // 2
        for bound in (taken, taken + 1, true, true + 1, middle):
            self.at_least(bound)
        return True

    def plain(self) -> Term | None:
        """Whether the divisor is one of the round ones by which just what the quotient is was told; None: none was."""
        return z3.Or([self._by.term() == by for by in sorted(self._plain)]) if self._plain else None

    def _divided(self, by: int) -> Term:
        """The quotient by this divisor: what is left of the dividend is between nothing and the divisor."""
        under = by * self._divisor
        rest = self._of.term() * self._factor - self._term * under
        return z3.And(rest >= 0, rest < under) if under > 0 else z3.And(rest <= 0, rest > under)

    def _tie(self, bound: int) -> None:
        apart = z3.If(self._by.term() > 0, *self._sides(bound))
        self._tell(z3.Implies(self._by.term() != 0, (self._term >= bound) == apart))

    def _sides(self, bound: int) -> tuple[Term, Term]:
        over, under = self._of.term() * self._factor, self._by.term() * (bound * self._divisor)
        return over >= under, over <= under


def _round(value: int) -> set[int]:
    """The nearest numbers of one digit and zeros, and the one that begins with 1: by such ones division is easy."""
    unit = 10 ** (len(str(abs(value))) - 1) * (1 if value > 0 else -1)
    return {unit, value // unit * unit, (value // unit + 1) * unit}


def floored(term: Term, by: int) -> Term:
    """``term / by`` floored; ``by`` is above 0."""
    # the solver's division by a positive number is the floor
    return term if by == 1 else term / by


def least(terms: list[Term]) -> Term:
    """The least of them."""
    found = terms[0]
    for term in terms[1:]:
        found = z3.If(term < found, term, found)
    return found


def greatest(terms: list[Term]) -> Term:
    """The greatest of them."""
    found = terms[0]
    for term in terms[1:]:
        found = z3.If(term > found, term, found)
    return found
