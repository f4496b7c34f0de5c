"""What a search for a party can be after: verdicts, conditions, scores, and these together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from rules.lint.cells import FAIL, PASS, UNKNOWN, Asked, Cell, operands
from rules.lint.possible import Env, answer, asks
from rules.lint.seeking import FAR, Goal, Party
from rules.lint.study import Study
from rules.model import All, AnyOf, Criterion, Curve, Leaf, Node, Not, Score, Table, Value
from rules.scores import ScorePlan, curve_at
from rules.situation import Facts, facts_behind

_UPWARD = ("at_least", "more_than", "after")
_DOWNWARD = ("at_most", "less_than", "before")
_OPPOSITE = {PASS: FAIL, FAIL: PASS, UNKNOWN: UNKNOWN}
_WHOLE: Curve = ((Fraction(0), Fraction(0)), (Fraction(100), Fraction(100)))
_STEPS = 100  # a score out of its bounds is as far as this many facts, at most


@dataclass(frozen=True, slots=True)
class Answers:
    """A condition is ``wanted``: PASS, FAIL or UNKNOWN of ``rules.lint.cells``."""

    study: Study
    node: Node
    wanted: int
    min_sample: int | None = None

    def distance(self, party: Party) -> int:
        """How many leaves are not as they would have to be; one that is not known counts half."""
        return self._distance(self.node, self.wanted, party)

    def _distance(self, node: Node, wanted: int, party: Party) -> int:
        if isinstance(node, Not):
            return self._distance(node.node, _OPPOSITE[wanted], party)
        if isinstance(node, Leaf):
            found = truth(self.study, node, self.min_sample, party)
            return 0 if found == wanted else 1 if UNKNOWN in (found, wanted) else 2
        if wanted == UNKNOWN:
            return self._from_unknown(node, party)
        all_needed = isinstance(node, All) == (wanted == PASS)
        distances = [self._distance(child, wanted, party) for child in node.nodes]
        return sum(distances) if all_needed else min(distances)

    def _from_unknown(self, node: All | AnyOf, party: Party) -> int:
        """One child unknown, and none of those that would decide."""
        deciding = FAIL if isinstance(node, All) else PASS
        decided = sum(1 for child in node.nodes if self._distance(child, deciding, party) == 0)
        return decided + min(self._distance(child, UNKNOWN, party) for child in node.nodes)

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """Values on both sides of every threshold, every choice and flag, and samples that are large enough."""
        derived: dict[str, None] = {}
        for leaf, wanted in _leaves(self.node, self.wanted):
            for name in reversed(asks(leaf, self.study.facts, self.min_sample)):
                for value in _values(self.study, leaf, name, wanted, self.min_sample, party.moment.day):
                    yield name, value
                if self.study.facts[name].derivation is not None:
                    derived[name] = None
        behind = facts_behind(self.study.facts, set(derived))
        yield from Known(self.study, sorted(name for name in behind if name not in derived)).wishes(party)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A criterion has this verdict: pass, fail, unknown or not_applicable."""

    study: Study
    criterion: Criterion
    wanted: str

    def distance(self, party: Party) -> int:
        """How far its conditions are from it."""
        when = self.criterion.when
        if self.wanted == "not_applicable":
            return FAR if when is None else self._when(FAIL, party)
        applies = 0 if when is None else self._when(PASS, party)
        if self.wanted != "unknown":
            return applies + self._require(PASS if self.wanted == "pass" else FAIL, party)
        unknown = applies + self._require(UNKNOWN, party)
        return unknown if when is None else min(unknown, self._when(UNKNOWN, party))

    def _when(self, wanted: int, party: Party) -> int:
        assert self.criterion.when is not None
        return Answers(self.study, self.criterion.when, wanted).distance(party)

    def _require(self, wanted: int, party: Party) -> int:
        return Answers(self.study, self.criterion.require, wanted, self.criterion.min_sample).distance(party)

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """Those of its conditions."""
        wanted = {"fail": FAIL, "not_applicable": FAIL, "unknown": UNKNOWN}.get(self.wanted, PASS)
        if self.criterion.when is not None:
            when = wanted if self.wanted == "not_applicable" else PASS
            yield from Answers(self.study, self.criterion.when, when).wishes(party)
        yield from Answers(self.study, self.criterion.require, wanted, self.criterion.min_sample).wishes(party)


@dataclass(frozen=True, slots=True)
class ScoreWithin:
    """A score is known and within ``low`` and ``high`` (scaled by its decimals, both allowed)."""

    study: Study
    score: Score
    plan: ScorePlan
    low: int
    high: int

    def distance(self, party: Party) -> int:
        """A step for each unknown part; else how far out of its bounds, in some steps."""
        value = self.value(party)
        if value is None:
            return _STEPS + sum(1 for part in self.score.parts if party.facts[part.fact] is None)
        out = max(self.low - value, value - self.high, 0)
        return 0 if out == 0 else min(_STEPS, 1 + out // 10**self.score.decimals)

    def value(self, party: Party) -> int | None:
        """The score of ``party``, scaled by its decimals."""
        return self.plan.value(Facts(party.moment, party.facts, {}, ()))

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """What would bring the score to either bound by one part alone, and the corners of every part's curve."""
        value = self.value(party)
        for part in self.score.parts:
            fact, curve = self.study.facts[part.fact], part.curve or _WHOLE
            scale = 10**fact.decimals
            own = party.facts[part.fact]
            if value is not None and isinstance(own, int):
                for bound in (self.low, self.high):
                    missing = Fraction(bound - value, 10**self.score.decimals) * 100 / part.weight
                    for x in _where(curve, curve_at(curve, Fraction(own, scale)) + missing):
                        yield part.fact, -(-x.numerator * scale // x.denominator)
                        yield part.fact, x.numerator * scale // x.denominator
            for x, _ in curve:
                yield part.fact, int(x * scale)


@dataclass(frozen=True, slots=True)
class Both:
    """All of some goals at once."""

    goals: Sequence[Goal]

    def distance(self, party: Party) -> int:
        """All distances together."""
        return sum(goal.distance(party) for goal in self.goals)

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """Those of the goals that do not hold yet."""
        for goal in self.goals:
            if goal.distance(party):
                yield from goal.wishes(party)


@dataclass(frozen=True, slots=True)
class Either:
    """One of some goals; of none, nothing."""

    goals: Sequence[Goal]

    def distance(self, party: Party) -> int:
        """The least of all distances."""
        return min((goal.distance(party) for goal in self.goals), default=FAR)

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """Those of all goals, the nearest first."""
        for goal in sorted(self.goals, key=lambda goal: goal.distance(party)):
            yield from goal.wishes(party)


@dataclass(frozen=True, slots=True)
class Known:
    """Facts are known, whatever they are."""

    study: Study
    names: Sequence[str]

    def distance(self, party: Party) -> int:
        """How many are not."""
        return sum(1 for name in self.names if party.facts[name] is None)

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """Any value: the ends of a range, all choices, today."""
        for name in self.names:
            if self.study.facts[name].type == "date":
                yield name, party.moment.day
            for cell in self.study.vocabulary.cut(name, Asked()) or ():
                if cell.value is not None:
                    yield name, cell.value or ("another text" if cell.found is not None else cell.value)
                if cell.top is not None:
                    yield name, cell.top


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the context is within ``low`` and ``high``."""

    name: str
    low: int
    high: int

    def distance(self, party: Party) -> int:
        """0 or 1."""
        return 0 if self.low <= party.context.get(self.name, 0) <= self.high else 1

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:  # noqa: ARG002 - a goal is asked this way
        """Its least."""
        yield self.name, self.low


def truth(study: Study, leaf: Leaf, min_sample: int | None, party: Party) -> int:
    """What ``leaf`` is for ``party``: PASS, FAIL or UNKNOWN."""
    env: Env = {name: _cell(party, name) for name in asks(leaf, study.facts, min_sample)}
    return answer(leaf, study.facts, min_sample, env)


def _leaves(node: Node, wanted: int) -> Iterator[tuple[Leaf, int]]:
    """The leaves under ``node``, each with what it is to be so that ``node`` is ``wanted``."""
    if isinstance(node, Leaf):
        yield node, wanted
    elif isinstance(node, Not):
        yield from _leaves(node.node, _OPPOSITE[wanted])
    else:
        for child in node.nodes:
            yield from _leaves(child, wanted)


def _cell(party: Party, name: str) -> Cell:
    value = party.facts[name]
    return Cell(value, ago=party.moment.day - value if isinstance(value, int) else None)


def _values(study: Study, leaf: Leaf, name: str, wanted: int, min_sample: int | None, day: int) -> Iterator[Value]:
    """Values of the fact ``name``, one for which ``leaf`` asks, worth trying."""
    asked = Asked([leaf] if name == leaf.fact else [])
    if isinstance(leaf.operand, Table) and name == leaf.operand.by:
        asked.tables.append(leaf.operand)
    if min_sample is not None and name == study.facts[leaf.fact].sample:
        asked.samples.append(min_sample)
    cells = study.vocabulary.cut(name, asked) or ()
    if leaf.op == "within_days" and name == leaf.fact:
        for days in operands(leaf):
            yield from (day, day - days, day - days - 1, day + 1)
    for before, cell in pairwise(cells):  # beside a threshold first: the ends of a range can be far out
        if isinstance(cell.value, int) and before.top is not None:
            yield from (cell.value, before.top)
    # the value nearest to the threshold first
    top_first = leaf.op in (_UPWARD if wanted == FAIL else _DOWNWARD)
    for cell in cells:
        if cell.value is None or cell.found:
            continue
        known = cell.value if cell.found is None else "another text"
        yield from dict.fromkeys([known] if cell.top is None else [cell.top, known] if top_first else [known, cell.top])


def _where(curve: Curve, y: Fraction) -> Iterator[Fraction]:
    """Every x at which ``curve`` comes to ``y`` between its ends."""
    for (left, low), (right, high) in pairwise(curve):
        if low != high and min(low, high) <= y <= max(low, high):
            yield left + (y - low) * (right - left) / (high - low)
