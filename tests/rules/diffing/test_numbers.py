"""Quotients in the solver: what is told of them is true, and enough of it soon."""

from __future__ import annotations

from typing import Any

import pytest
import z3

from rules.diffing.numbers import Number, Quotient, Term

ROUNDS = 40
"""Times that a model may be wrong about a quotient before one is right."""


class Divided:
    """``of * 10 / by`` in a solver of its own."""

    def __init__(self, low: int, high: int) -> None:
        self.of, self.by = z3.Ints("of by")
        self.solver: Any = z3.SolverFor("QF_LIA")
        self.solver.add(self.of >= -1000, self.of <= 1000, self.by >= low, self.by <= high, self.by != 0)
        self.quotient = Quotient(Number(self.of), Number(self.by), 10, 1, self.solver.add, "quotient")

    def first(self, *goals: Term) -> tuple[int, int, int] | None:
        """Dividend, divisor and quotient of the first model that is right; None: there is none."""
        for _ in range(ROUNDS):
            if self.solver.check(*goals) == z3.unsat:
                return None
            model = self.solver.model()

            def value(term: Term, model: Any = model) -> int:
                return int(model.eval(term, model_completion=True).as_long())

            if not self.quotient.refine(value):
                return value(self.of), value(self.by), value(self.quotient.term())
        raise AssertionError(f"no right model in {ROUNDS} rounds")


@pytest.mark.parametrize(("low", "high"), [(1, 500), (-500, -1), (-500, 500)])
def test_what_only_the_value_itself_tells_is_found_soon(low: int, high: int) -> None:
    """No constant to compare it with: the value is 13 more than a multiple of 97, and tied to dividend and divisor."""
    divided = Divided(low, high)
    term = divided.quotient.term()
    found = divided.first(term % 97 == 13, term > 100, divided.of + term + divided.by != 0)
    assert found is not None
    of, by, quotient = found
    assert of * 10 // by == quotient
    assert quotient % 97 == 13
    assert quotient > 100


@pytest.mark.parametrize("by", [-7, -1, 1, 7])
def test_told_by_a_divisor_the_value_is_just_what_it_is(by: int) -> None:
    divided = Divided(-10, 10)
    term = divided.quotient.term()
    for of in (-1000, -21, -1, 0, 1, 20, 21, 999):
        true = of * 10 // by
        pinned = (divided.of == of, divided.by == by)
        assert divided.first(*pinned) == (of, by, true)
        assert divided.solver.check(*pinned, term != true) == z3.unsat


def test_what_cannot_be_is_not_found() -> None:
    """Above every quotient of these bounds, by however many cuts it takes."""
    divided = Divided(100, 500)
    assert divided.first(divided.quotient.term() > 100) is None
