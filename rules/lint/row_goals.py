"""Conditions of rows as goals of a search: that a row holds over a screening, that a screening has an outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rules.lint.cells import FAIL, PASS, UNKNOWN
from rules.lint.goals import Answers, Both, Either, ScoreWithin, Verdict
from rules.lint.screened import axis_of, puts_up
from rules.lint.seeking import Goal
from rules.lint.study import Study
from rules.model import (
    MAX_INT,
    Atom,
    Criterion,
    Eligibility,
    FactAtom,
    FailedAtom,
    Row,
    ScoreAtom,
    ScreeningAtom,
    UnknownAtom,
    WarningsAtom,
)
from rules.scores import ScorePlan

_VERDICTS = ("pass", "fail", "not_applicable", "unknown")


class RowGoals:
    """Goals for the rows that look at a screening by ``book`` (None: there is none)."""

    def __init__(self, study: Study, book: Eligibility | None) -> None:
        self.study = study
        self.book = book
        self._plans: dict[str, ScorePlan] = {}

    def holds(self, row: Row) -> Goal:
        """``row`` certainly holds."""
        return Both([self.atom(atom) for atom in row.when])

    def atom(self, atom: Atom, *, wanted: bool = True) -> Goal:
        """A condition certainly holds, or does not."""
        match atom:
            case FactAtom(leaf):
                answers = [PASS] if wanted else [FAIL, UNKNOWN]
                return Either([Answers(self.study, leaf, answer) for answer in answers])
            case ScoreAtom():
                return self._score(atom, wanted=wanted)
            case ScreeningAtom(outcomes):
                return self._outcome(outcomes, wanted=wanted)
            case UnknownAtom():
                return self._put_up(atom, wanted=wanted == atom.wanted)
            case WarningsAtom():
                return self._put_up(atom, wanted=wanted == atom.any)
            case FailedAtom():
                return self._put_up(atom, wanted=wanted)
            case _:
                return Either([])

    def _put_up(self, atom: FailedAtom | UnknownAtom | WarningsAtom, *, wanted: bool) -> Goal:
        """Some criterion puts the flag of ``atom`` up, or none does."""
        criteria = self.book.criteria if self.book is not None else ()
        axis = axis_of(atom)
        goals = [
            Either([Verdict(self.study, criterion, verdict) for verdict in _split(criterion, axis, wanted)])
            for criterion in criteria
            if any(puts_up(criterion, verdict, axis) for verdict in _VERDICTS)
        ]
        return Either(goals) if wanted else Both(goals)

    def _score(self, atom: ScoreAtom, *, wanted: bool) -> Goal:
        score = self.book.scores.get(atom.score) if self.book is not None else None
        if score is None:
            return Either([]) if wanted else Both([])
        plan = self._plans.setdefault(atom.score, ScorePlan(score, self.study.facts))
        spans = bounds(atom.op, atom.operand) if wanted else _outside(bounds(atom.op, atom.operand))
        return Either([ScoreWithin(self.study, score, plan, low, high) for low, high in spans])

    def _outcome(self, outcomes: Sequence[str], *, wanted: bool) -> Goal:
        """The first outcome row that holds says one of ``outcomes`` (or another)."""
        goals: list[Goal] = []
        rows = self.book.outcomes if self.book is not None else ()
        for place, row in enumerate(rows):
            if (row.then["outcome"] in outcomes) == wanted:
                goals.append(Both([self.holds(row), *map(self._fails, rows[:place])]))
        return Either(goals)

    def _fails(self, row: Row) -> Goal:
        """``row`` does not certainly hold."""
        return Either([self.atom(atom, wanted=False) for atom in row.when])


def bounds(op: str, operand: object) -> list[tuple[int, int]]:
    """The numbers that meet a comparison of a score or a count, as closed intervals."""
    if isinstance(operand, tuple):
        return [(operand[0], operand[1])]
    assert isinstance(operand, int)
    match op:
        case "at_least":
            return [(operand, MAX_INT)]
        case "more_than":
            return [(operand + 1, MAX_INT)]
        case "at_most":
            return [(-MAX_INT, operand)]
        case "less_than":
            return [(-MAX_INT, operand - 1)]
        case "is":
            return [(operand, operand)]
        case _:
            return _outside([(operand, operand)])


def _outside(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [part for low, high in spans for part in ((-MAX_INT, low - 1), (high + 1, MAX_INT)) if part[0] <= part[1]]


def _split(criterion: Criterion, axis: object, wanted: bool) -> list[str]:
    """The verdicts of ``criterion`` that put ``axis`` up, or do not."""
    return [verdict for verdict in _VERDICTS if puts_up(criterion, verdict, axis) == wanted]
