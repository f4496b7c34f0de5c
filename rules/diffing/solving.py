"""Questions to the solver within a limit of work: a record that is so, none at all, or no answer within it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import z3

from fastbrand.domain.errors import EngineFault
from rules.diffing.meaning import Answer, Found
from rules.diffing.numbers import Term
from rules.diffing.space import Space
from rules.diffing.variables import Model
from rules.records import Record

Take = Callable[[Record, datetime], Found | None]
"""What to make of a record; None: it is not as the solver says, for something was only approximated."""


UNITS_A_SECOND = 1_000_000
"""Steps as the solver counts them: an idle machine does so many in 0.5 to 1 second."""
CLOCK_FACTOR = 6
"""So many times as long as its work should take, the solver may take by the clock: a machine that is busy does not
change the answer, and one that stands still does not keep anybody waiting for ever."""


class Budget:
    """How much the solver may do in all, in ``seconds`` of an idle machine: it is counted in steps of the solver, so
    that two people get the same answer whatever else their machines do."""

    def __init__(self, seconds: float) -> None:
        self._units = int(seconds * UNITS_A_SECOND)
        self._seconds = seconds * CLOCK_FACTOR

    def limits(self, share: int) -> dict[str, int]:
        """The solver's parameters for that part of what is left; empty where nothing is."""
        units, milliseconds = self._units // share, int(self._seconds * 1000) // share
        most = 2**32 - 1  # of a parameter of the solver
        return {"rlimit": min(units, most), "timeout": min(milliseconds, most)} if units > 0 < milliseconds else {}

    @contextmanager
    def spent(self, solver: Any) -> Iterator[None]:
        """Count what ``solver`` does meanwhile."""
        begun, before = time.monotonic(), _units(solver)
        yield
        self._seconds -= time.monotonic() - begun
        self._units -= _units(solver) - before


def _units(solver: Any) -> int:
    """The solver's count of its steps so far; it never begins anew."""
    return int(solver.statistics().get_key_value("rlimit count"))


class Solver:
    """The solver over the records of a space.

    It works on copies of the terms in a context of its own: in one that others worked in before it begins elsewhere,
    took twenty times the steps, and found another witness. So it does the same whatever the process did.
    """

    def __init__(self, space: Space, budget: Budget) -> None:
        self._space, self._budget = space, budget
        self._own = z3.Context()
        self._solver: Any = z3.SolverFor("QF_LIA", ctx=self._own)
        self._told = 0

    def ask(self, goal: Term, take: Take[Found]) -> Answer[Found]:
        """Whether there is a record that ``goal`` holds for and that ``take`` makes something of."""
        space = self._space
        answer = self.first(goal, take)
        if answer is None:
            raise EngineFault("the solver and the evaluator do not agree about a record", hint="report both books")
        if answer.said != "no" or not space.reasons:
            return answer
        # no record of those that we can write down; to say that there is none, look at more than there are
        if self.none(goal):
            return answer
        return Answer("undecided", why=self.reasons())

    def none(self, goal: Term, *, share: int = 1) -> bool:
        """Whether it is proven that ``goal`` holds for no record; ``share``: within that part of what is left."""
        return bool(self._check(goal, share) == z3.unsat)

    def reasons(self) -> str:
        """Why something may be neither shown nor proven; empty where nothing stands in the way."""
        return "; ".join(self._space.reasons.values())

    def first(self, goal: Term, take: Take[Found]) -> Answer[Found] | None:
        """What ``take`` makes of a first record that ``goal`` holds for; None: of that one nothing, others may be."""
        while True:
            said = self._look(z3.And(goal, z3.Not(self._space.wider)))
            if said != z3.sat:
                return Answer("no") if said == z3.unsat else TOO_LATE
            model = self._reader(self._solver.model())
            found = take(*self._space.record(model))
            if found is not None:
                return Answer("yes", found)
            if not self._space.refine(model):
                return None

    def _look(self, goal: Term) -> Any:
        """First where what was approximated is exact by now: a record found there is no near miss, of which there may
        be hundreds in a row."""
        exact = self._space.exact()
        if exact is not None and self._check(z3.And(goal, exact), share=4) == z3.sat:
            return z3.sat
        return self._check(goal)

    def _check(self, goal: Term, share: int = 1) -> Any:
        for axiom in self._space.axioms[self._told :]:
            self._solver.add(axiom.translate(self._own))
        self._told = len(self._space.axioms)
        limits = self._budget.limits(share)
        if not limits:
            return z3.unknown
        self._solver.set(**limits)
        with self._budget.spent(self._solver):
            return self._solver.check(goal.translate(self._own))

    def _reader(self, model: Any) -> Model:
        """Values of terms in ``model``; what it leaves open is 0 or false."""

        def value(term: Term) -> Any:
            found = model.eval(term.translate(self._own), model_completion=True)
            return z3.is_true(found) if z3.is_bool(found) else found.as_long()

        return value


TOO_LATE: Answer[Any] = Answer("undecided", why="the limit was reached; `--limit` gives more")
