"""Criteria that reject and exclude each other: whoever meets one fails the other, so nobody known gets past both.

Criteria that compare one number with one threshold are taken all together: each narrows the numbers that are left. Of
the others, at most ``MAX_PAIRS`` pairs that share a fact are looked at; equal ones are looked at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fastbrand.domain.decision import JsonValue
from rules.criteria import leaves_of
from rules.lint.bench import Bench
from rules.lint.cells import FAIL, PASS, Asked, holds
from rules.lint.goals import Known, Verdict
from rules.lint.possible import Conditions, Env, Part, asks
from rules.lint.seeking import Seeker
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import Criterion, Eligibility, Leaf, Node, Not, Table
from rules.words import NUMERIC_TYPES

MAX_PAIRS = 200
"""Most pairs of criteria of one rule book that are looked at side by side."""

Pair = tuple[Criterion, Criterion]
"""Two criteria, in file order."""


def exclusive(study: Study, book: Eligibility) -> list[Pair]:
    """Pairs of criteria of ``book`` that reject and that no party can meet together, in file order."""
    rejecting = [each for each in book.criteria if each.otherwise == "reject"]
    return [*_of_numbers(study, rejecting), *_of_pairs(study, rejecting)]


def check_conflicts(study: Study, bench: Bench, book: Eligibility, pairs: Sequence[Pair]) -> Iterator[Mistake]:
    """The warnings about ``pairs`` of criteria of ``book``, each at the later of the two."""
    told: set[str] = set()
    for first, second in pairs:
        witness = None if second.id in told else _witness(study, bench, book, first, second)
        if witness is None:
            continue
        told.add(second.id)
        message = f"nobody can meet both `{second.id}` and `{first.id}` (line {first.mark.line}), and each rejects"
        hint = "mend the thresholds, or say with `when` whom each is about"
        yield warning(second.mark, "conflicting_criteria", message, hint, witness)


def _witness(
    study: Study, bench: Bench, book: Eligibility, first: Criterion, second: Criterion
) -> dict[str, JsonValue] | None:
    """A party that passes the first and fails the second; or, where its sample is too small then, is unknown there."""
    seeker = Seeker(study, study.moment(book.head), {})
    known = Known(study, sorted({leaf.fact for leaf in leaves_of(second.require)}))
    for verdict in ("fail", "unknown"):
        party = seeker.find([Verdict(study, first, "pass"), Verdict(study, second, verdict), known])
        if party is not None and bench.verdicts(book.head, [first, second], party) == ["pass", verdict]:
            return bench.shown(party)
    return None


# --- one number, one threshold ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Left:
    """What is left of a number after the criteria so far, and which of them made the ends."""

    low: int
    high: int
    made_low: Criterion | None = None
    made_high: Criterion | None = None


def _of_numbers(study: Study, criteria: Sequence[Criterion]) -> Iterator[Pair]:
    left: dict[str, _Left] = {}
    for criterion in criteria:
        allowed = _allowed(study, criterion)
        if allowed is None:
            continue
        name, low, high = allowed
        span = study.spans[name]
        assert span is not None
        kept = left.setdefault(name, _Left(*span))
        if low > kept.high and kept.made_high is not None:
            yield kept.made_high, criterion
        elif high < kept.low and kept.made_low is not None:
            yield kept.made_low, criterion
        else:
            if low > kept.low:
                kept.low, kept.made_low = low, criterion
            if high < kept.high:
                kept.high, kept.made_high = high, criterion


def _allowed(study: Study, criterion: Criterion) -> tuple[str, int, int] | None:
    """The fact and the one interval of it that meets a simple criterion; None where it is not that simple."""
    leaf = criterion.require
    if not _is_simple(study, criterion) or not isinstance(leaf, Leaf):
        return None
    cells = study.vocabulary.cut(leaf.fact, Asked([leaf])) or ()
    meeting = [cell for cell in cells if cell.value is not None and holds(leaf.op, leaf.operand, cell)]
    if not meeting or not isinstance(meeting[0].value, int) or meeting[-1].top is None:
        return None
    return leaf.fact, meeting[0].value, meeting[-1].top


def _is_simple(study: Study, criterion: Criterion) -> bool:
    leaf = criterion.require
    if criterion.when is not None or not isinstance(leaf, Leaf) or isinstance(leaf.operand, Table):
        return False
    return study.facts[leaf.fact].type in (*NUMERIC_TYPES, "date") and leaf.op not in ("is_not", "within_days")


# --- pairs --------------------------------------------------------------------------------------------------------


def _of_pairs(study: Study, criteria: Sequence[Criterion]) -> Iterator[Pair]:
    by_form = {_form(each): each for each in reversed(criteria)}
    unlike = [each for each in reversed(by_form.values()) if study.survey(each).says_something]
    for first, second in islice(_sharing(study, unlike), MAX_PAIRS):
        if not _meet_together(study, first, second):
            yield first, second


def _sharing(study: Study, criteria: Sequence[Criterion]) -> Iterator[Pair]:
    """Pairs that share a fact, in file order.

    That both count the same sample is nothing, unless somebody asks how large it is.
    """
    compared = {leaf.fact for each in criteria for leaf in _leaves(each)}
    asked = [
        dict.fromkeys(
            name
            for leaf in _leaves(each)
            for name in asks(leaf, study.facts, each.min_sample)
            if name in compared or name in asks(leaf, study.facts, None)
        )
        for each in criteria
    ]
    places: dict[str, list[int]] = {}
    for place, names in enumerate(asked):
        for name in names:
            places.setdefault(name, []).append(place)
    for second, names in enumerate(asked):
        for first in sorted({place for name in names for place in places[name] if place < second}):
            if not _of_one_number(study, criteria[first], criteria[second]):
                yield criteria[first], criteria[second]


def _of_one_number(study: Study, first: Criterion, second: Criterion) -> bool:
    """Whether both compare one number with one threshold: such pairs are found without looking at each."""
    if not (_is_simple(study, first) and _is_simple(study, second)):
        return False
    return {leaf.fact for leaf in _leaves(first)} == {leaf.fact for leaf in _leaves(second)}


def _meet_together(study: Study, first: Criterion, second: Criterion) -> bool:
    """Whether some party may meet both: pass them, or not be concerned."""
    both = [_Parts.of(first), _Parts.of(second)]
    conditions = Conditions([part for each in both for part in each.all], study.vocabulary)
    return any(all(each.may_be_met(conditions, env) for each in both) for env in conditions.cases())


@dataclass(frozen=True, slots=True)
class _Parts:
    require: Part
    when: Part | None
    all: list[Part] = field(default_factory=list)

    @classmethod
    def of(cls, criterion: Criterion) -> _Parts:
        require = Part(criterion.require, criterion.min_sample)
        when = None if criterion.when is None else Part(criterion.when)
        return cls(require, when, [require] if when is None else [require, when])

    def may_be_met(self, conditions: Conditions, env: Env) -> bool:
        applies = PASS if self.when is None else conditions.mask(self.when, env)
        return bool(applies & FAIL or (applies & PASS and conditions.mask(self.require, env) & PASS))


def _leaves(criterion: Criterion) -> list[Leaf]:
    return [*leaves_of(criterion.require), *(leaves_of(criterion.when) if criterion.when is not None else [])]


def _form(criterion: Criterion) -> Hashable:
    """What the criterion asks, without its places: equal for criteria that ask the same."""
    when = None if criterion.when is None else _node_form(criterion.when)
    return _node_form(criterion.require), when, criterion.min_sample


def _node_form(node: Node) -> Hashable:
    if isinstance(node, Not):
        return "not", _node_form(node.node)
    if not isinstance(node, Leaf):
        return type(node).__name__, tuple(_node_form(child) for child in node.nodes)
    operand = node.operand
    if isinstance(operand, Table):
        operand = operand.by, tuple(sorted(operand.rows.items())), operand.default
    return node.fact, node.op, operand
