"""What rows over a screening look at: which effects its criteria had, its scores, its outcome, notes, and facts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

from rules.criteria import facts_of_criterion
from rules.lint.cells import PASS, Asked, begins
from rules.lint.possible import answer, asks
from rules.lint.states import Axes, State, taken
from rules.lint.study import Study
from rules.model import (
    Atom,
    Criterion,
    Eligibility,
    FactAtom,
    FailedAtom,
    Leaf,
    Row,
    Score,
    ScoreAtom,
    ScreeningAtom,
    Table,
    UnknownAtom,
    WarningsAtom,
)
from rules.scores import curve_at
from rules.situation import facts_behind

NOTES: Hashable = ("notes",)
Options = frozenset[frozenset[Hashable]]
"""For each verdict that a sort of criterion can have: the flags that it puts up."""


class Screened:
    """The states of a screening by one eligibility book (None: there was none).

    ``pairs``: criteria of it, two by two, of which no party can meet both.
    """

    def __init__(
        self, study: Study, book: Eligibility | None, pairs: Sequence[tuple[Criterion, Criterion]] = ()
    ) -> None:
        self.study = study
        self.book = book
        self._pairs = pairs
        criteria = book.criteria if book is not None else ()
        self._verdicts = [(criterion, study.survey(criterion).verdicts()) for criterion in criteria]
        self._options: dict[frozenset[Hashable], frozenset[Options]] = {}
        self._lacking: dict[frozenset[Hashable], list[Options]] = {}

    # --- axes ---------------------------------------------------------------------------------------------------

    def axes(self, rows: Sequence[Row]) -> Axes:
        """Flags for effects and notes, cells of scores and facts. The outcome follows from those of its own rows."""
        atoms = [atom for row in rows for atom in row.when]
        if self.book is not None and any(isinstance(atom, ScreeningAtom) for atom in atoms):
            atoms += [atom for row in self.book.outcomes for atom in row.when]
        found: dict[Hashable, Sequence[Any]] = {}
        for atom in atoms:
            if isinstance(atom, FailedAtom | UnknownAtom | WarningsAtom):
                found[axis_of(atom)] = (False,) if self.book is None else (False, True)
        scores = [atom for atom in atoms if isinstance(atom, ScoreAtom)]
        for name in dict.fromkeys(atom.score for atom in scores):
            found["score", name] = self._score_cells(name, [atom for atom in scores if atom.score == name])
        return {**found, **fact_axes(self.study, [atom.leaf for atom in atoms if isinstance(atom, FactAtom)])}

    def _score_cells(self, name: str, atoms: Iterable[ScoreAtom]) -> list[int | None]:
        score = self.book.scores.get(name) if self.book is not None else None
        span = None if score is None else score_span(self.study, score)
        if span is None:
            return [None]
        starts = {start for atom in atoms for start in begins(atom.op, atom.operand)}
        return [span[0], *sorted(start for start in starts if span[0] < start <= span[1]), None]

    def looks_at(self, row: Row) -> frozenset[Hashable]:
        """Sorts of effects, scores and facts by name."""
        return frozenset(_kind(atom) for atom in row.when)

    # --- states -------------------------------------------------------------------------------------------------

    def valid(self, state: State) -> bool:
        """Whether verdicts of the criteria, each possible for it alone, come to the flags of ``state``."""
        flags = frozenset(axis for axis in state if _is_flag(axis))
        up = frozenset(axis for axis in flags if state[axis])
        reached: set[Hashable] = set()
        for options in self._sorts(flags):
            fitting = [option for option in options if option <= up]
            if not fitting:
                return False
            reached.update(axis for option in fitting for axis in option)
        if any(not any(option <= up for option in options) for options in self._one_of_two(flags)):
            return False
        return up <= reached or (up - {NOTES} <= reached and self._may_warn())

    def _sorts(self, flags: frozenset[Hashable]) -> frozenset[Options]:
        """The sorts of criteria that ``flags`` tell apart."""
        found = self._options.get(flags)
        if found is None:
            found = self._options[flags] = frozenset(
                frozenset(
                    frozenset(axis for axis in flags if puts_up(criterion, verdict, axis)) for verdict in verdicts
                )
                for criterion, verdicts in self._verdicts
            )
        return found

    def _one_of_two(self, flags: frozenset[Hashable]) -> list[Options]:
        """For each pair that nobody meets: what a fail or an unknown of either puts up."""
        if flags not in self._lacking:
            self._lacking[flags] = [
                frozenset(option for criterion in pair for option in self._unmet(criterion, flags))
                for pair in self._pairs
            ]
        return self._lacking[flags]

    def _unmet(self, criterion: Criterion, flags: frozenset[Hashable]) -> Options:
        return _options(criterion, self.study.survey(criterion).verdicts() & {"fail", "unknown"}, flags)

    def _may_warn(self) -> bool:
        """Whether the screening may warn of a derived fact that left its range."""
        return any(self.study.facts[name].derivation is not None for name in self._facts_read)

    @cached_property
    def _facts_read(self) -> frozenset[str]:
        criteria, scores = (self.book.criteria, self.book.scores.values()) if self.book is not None else ((), ())
        read = {part.fact for score in scores for part in score.parts}
        for criterion in criteria:
            read |= facts_of_criterion(criterion, self.study.facts)
        return facts_behind(self.study.facts, read)

    def holds(self, atom: Atom, state: State) -> bool:
        """Whether ``atom`` certainly holds. Without a screening nothing about one does."""
        if isinstance(atom, FactAtom):
            return fact_holds(self.study, atom.leaf, state)
        if self.book is None:
            return False
        if isinstance(atom, ScreeningAtom):
            row = taken(self, self.book.outcomes, state)
            return row is not None and self.book.outcomes[row].then["outcome"] in atom.outcomes
        if isinstance(atom, ScoreAtom):
            value = state["score", atom.score]
            return value is not None and compares(atom.op, atom.operand, value)
        assert isinstance(atom, FailedAtom | UnknownAtom | WarningsAtom)
        up = bool(state[axis_of(atom)])
        return up == (
            atom.wanted if isinstance(atom, UnknownAtom) else atom.any if isinstance(atom, WarningsAtom) else True
        )


def _options(criterion: Criterion, verdicts: Iterable[str], flags: frozenset[Hashable]) -> Options:
    return frozenset(frozenset(axis for axis in flags if puts_up(criterion, verdict, axis)) for verdict in verdicts)


def puts_up(criterion: Criterion, verdict: str, axis: Hashable) -> bool:
    """Whether this verdict of ``criterion`` makes the flag ``axis`` hold."""
    effect = {"fail": criterion.otherwise, "unknown": criterion.unknown}.get(verdict)
    if effect is None or not isinstance(axis, tuple):
        return False
    if axis == NOTES:
        return effect == "note"
    kind, wanted, group, name = axis
    if (group is not None and group != criterion.group) or (name is not None and name != criterion.id):
        return False
    if kind == "unknown":
        return verdict == "unknown" and effect == "refer"
    return effect == wanted and (verdict == "fail" or wanted == "reject")


def compares(op: str, operand: Any, value: int) -> bool:
    """Whether a number meets a comparison of a score or a count."""
    match op:
        case "at_least":
            return bool(value >= operand)
        case "at_most":
            return bool(value <= operand)
        case "more_than":
            return bool(value > operand)
        case "less_than":
            return bool(value < operand)
        case "is":
            return bool(value == operand)
        case "is_not":
            return bool(value != operand)
        case _:
            return bool(operand[0] <= value <= operand[1])


# --- facts --------------------------------------------------------------------------------------------------------


def fact_axes(study: Study, leaves: Sequence[Leaf]) -> dict[Hashable, Sequence[Any]]:
    """The facts that ``leaves`` ask for, with their cells; a leaf over a fact that cannot be cut holds or not."""
    asked: dict[str, Asked] = {}
    for leaf in leaves:
        asked.setdefault(leaf.fact, Asked()).leaves.append(leaf)
        if isinstance(leaf.operand, Table):
            asked.setdefault(leaf.operand.by, Asked()).tables.append(leaf.operand)
    cells = {name: study.vocabulary.cut(name, each) for name, each in asked.items()}
    found: dict[Hashable, Sequence[Any]] = {("fact", name): each for name, each in cells.items() if each is not None}
    for leaf in leaves:
        if any(cells[name] is None for name in asks(leaf, study.facts, None)):
            found["leaf", id(leaf)] = (False, True)
    return found


def fact_holds(study: Study, leaf: Leaf, state: State) -> bool:
    """Whether ``leaf`` certainly holds in ``state``."""
    if ("leaf", id(leaf)) in state:
        return bool(state["leaf", id(leaf)])
    env = {name: state["fact", name] for name in asks(leaf, study.facts, None)}
    return answer(leaf, study.facts, None, env) == PASS


# --- scores -------------------------------------------------------------------------------------------------------


def score_span(study: Study, score: Score) -> tuple[int, int] | None:
    """The least and the greatest that ``score`` can be, scaled by its decimals; None where it is never known."""
    low = high = Fraction(0)
    for part in score.parts:
        ends = part_ends(study, part.fact, part.curve)
        if ends is None:
            return None
        low, high = low + part.weight / 100 * ends[0], high + part.weight / 100 * ends[1]
    return math.floor(low * 10**score.decimals), math.floor(high * 10**score.decimals)


def part_ends(study: Study, fact: str, curve: Any) -> tuple[Fraction, Fraction] | None:
    """The least and the greatest points that a curve over ``fact`` gives, over what the fact can be."""
    span = study.spans.get(fact)
    if span is None:
        return None
    first, last = (Fraction(end, 10 ** study.facts[fact].decimals) for end in span)
    if curve is None:
        return first, last
    points = [curve_at(curve, first), curve_at(curve, last), *(y for x, y in curve if first <= x <= last)]
    return min(points), max(points)


def _is_flag(axis: Hashable) -> bool:
    return isinstance(axis, tuple) and axis[0] in ("failed", "unknown", "notes")


def axis_of(atom: FailedAtom | UnknownAtom | WarningsAtom) -> Hashable:
    """The flag that ``atom`` looks at."""
    if isinstance(atom, FailedAtom):
        return "failed", atom.effect, atom.group, atom.criterion
    return NOTES if isinstance(atom, WarningsAtom) else ("unknown", None, atom.group, atom.criterion)


def _kind(atom: Atom) -> Hashable:
    match atom:
        case FailedAtom():
            return "failed", atom.effect
        case UnknownAtom():
            return "unknown"
        case WarningsAtom():
            return NOTES
        case ScoreAtom():
            return "score", atom.score
        case FactAtom():
            return "fact", atom.leaf.fact
        case _:
            return "screening"
