"""An eligibility rule book as terms of the solver: criteria in strong Kleene logic, scores, and the first row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import z3

from fastbrand.domain.errors import EngineFault
from rules.diffing.numbers import Number, Term
from rules.diffing.space import View
from rules.model import (
    All,
    Atom,
    Criterion,
    Curve,
    Eligibility,
    FactDef,
    FailedAtom,
    Leaf,
    Node,
    Not,
    Row,
    Score,
    ScoreAtom,
    ScorePart,
    Table,
    UnknownAtom,
)

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)
_STRAIGHT: Curve = ((Fraction(0), Fraction(0)), (Fraction(100), Fraction(100)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something certainly holds, and whether it certainly does not; neither: unknown."""

    holds: Term
    fails: Term

    @property
    def unknown(self) -> Term:
        """Whether it is unknown."""
        return z3.Not(z3.Or(self.holds, self.fails))


@dataclass(frozen=True, slots=True)
class Judged:
    """A criterion: whether it fails, and whether it is unknown."""

    criterion: Criterion
    fails: Term
    unknown: Term


@dataclass(frozen=True, slots=True)
class Sum:
    """A score: whether it is known, and ``total``, of which the score (scaled by its decimals) is the floor of
    ``total / unit``."""

    known: Term
    total: Term
    unit: int

    def at_least(self, bound: int) -> Term:
        """Whether the score, scaled, is ``bound`` or more."""
        return self.total >= bound * self.unit


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an eligibility rule book decides: ``eligible``, or at least not ``ineligible``."""

    eligible: Term
    possible: Term


def outcome_of(rulebook: Eligibility, view: View) -> Outcome:
    """The outcome of ``rulebook`` over the facts of ``view``."""
    judged = [judge(criterion, view) for criterion in rulebook.criteria]
    scores = {name: score_of(score, view) for name, score in rulebook.scores.items()}
    eligible, possible = _said(rulebook.outcomes[-1])
    for row in reversed(rulebook.outcomes[:-1]):
        holds = z3.And([_atom(atom, judged, scores) for atom in row.when])
        said_eligible, said_possible = _said(row)
        eligible, possible = z3.If(holds, said_eligible, eligible), z3.If(holds, said_possible, possible)
    return Outcome(eligible, possible)


def _said(row: Row) -> tuple[Term, Term]:
    outcome = row.then["outcome"]
    return z3.BoolVal(outcome == "eligible"), z3.BoolVal(outcome != "ineligible")


# --- criteria -----------------------------------------------------------------------------------------------------


def judge(criterion: Criterion, view: View) -> Judged:
    """``criterion`` over the facts of ``view``."""
    require = _node(criterion.require, view, criterion.min_sample)
    if criterion.when is None:
        return Judged(criterion, require.fails, require.unknown)
    when = _node(criterion.when, view, None)
    unknown = z3.Or(when.unknown, z3.And(when.holds, require.unknown))
    return Judged(criterion, z3.And(when.holds, require.fails), unknown)


def _node(node: Node, view: View, min_sample: int | None) -> Verdict:
    if isinstance(node, Leaf):
        return leaf_verdict(node, view, min_sample)
    if isinstance(node, Not):
        inner = _node(node.node, view, min_sample)
        return Verdict(inner.fails, inner.holds)
    children = [_node(child, view, min_sample) for child in node.nodes]
    holds, fails = [child.holds for child in children], [child.fails for child in children]
    if isinstance(node, All):
        return Verdict(z3.And(holds), z3.Or(fails))
    return Verdict(z3.Or(holds), z3.And(fails))


def leaf_verdict(leaf: Leaf, view: View, min_sample: int | None = None) -> Verdict:
    """A comparison: unknown where its fact is, the choice that picks its threshold, or too few stand behind it."""
    fact = view.facts[leaf.fact]
    known = [view.seen(leaf.fact).known]
    if isinstance(leaf.operand, Table):
        chooses = view.seen(leaf.operand.by)
        known.append(chooses.known)
        holds = _by_table(leaf, leaf.operand, chooses.codes or {}, view, fact)
    else:
        holds = _holds(leaf.op, leaf.operand, view, fact)
    if min_sample is not None and fact.sample is not None:
        known += [view.seen(fact.sample).known, view.number(fact.sample).at_least(min_sample)]
    return Verdict(z3.And([*known, holds]), z3.And([*known, z3.Not(holds)]))


def _by_table(leaf: Leaf, table: Table, codes: Mapping[str, Term], view: View, fact: FactDef) -> Term:
    """Codes with the same threshold together: the fewer comparisons, the better."""
    by_operand: dict[Any, list[Term]] = {}
    for code, flag in codes.items():
        by_operand.setdefault(table.rows.get(code, table.default), []).append(flag)
    return z3.Or([z3.And(z3.Or(flags), _holds(leaf.op, one, view, fact)) for one, flags in by_operand.items()])


def _holds(op: str, operand: Any, view: View, fact: FactDef) -> Term:
    """The comparison itself, for a fact that is known."""
    if op in ("is_not", "none_of"):
        return z3.Not(_holds("is" if op == "is_not" else "one_of", operand, view, fact))
    match fact.type:
        case "choice":
            codes = view.seen(fact.name).codes or {}
            return z3.Or([codes.get(code, FALSE) for code in _items(operand)])
        case "choices":
            codes = view.seen(fact.name).codes or {}
            if op == "one_of":
                return z3.Or([codes.get(code, FALSE) for code in _items(operand)])
            wanted = set(_items(operand))
            return z3.And(
                [flag if code in wanted else z3.Not(flag) for code, flag in codes.items()]
                + [FALSE for code in wanted if code not in codes]
            )
        case "text":
            return _text_holds(op, operand, view, fact)
    return _compares(op, operand, view.number(fact.name), view)


def _items(operand: Any) -> tuple[Any, ...]:
    return operand if isinstance(operand, tuple) else (operand,)


def _text_holds(op: str, operand: Any, view: View, fact: FactDef) -> Term:
    """The sorts of texts for which it holds; what no sort is known of, a pattern may or may not be found in."""
    seen = view.seen(fact.name)
    assert seen.sorts is not None
    place = view.number(fact.name).term()
    sorts = seen.sorts.sorts
    if op != "matches":
        return z3.Or([place == number for number, sort in enumerate(sorts) if sort.example in _items(operand)])
    found = [place == number for number, sort in enumerate(sorts) if operand in sort.matched]
    if not seen.sorts.complete:
        found.append(z3.And(place == len(sorts), z3.Bool(f"{operand} is found in {fact.name}")))
    return z3.Or(found)


def _compares(op: str, operand: Any, number: Number, view: View) -> Term:
    match op:
        case "at_least":
            return number.at_least(operand)
        case "more_than" | "after":
            return number.at_least(operand + 1)
        case "at_most":
            return z3.Not(number.at_least(operand + 1))
        case "less_than" | "before":
            return z3.Not(number.at_least(operand))
        case "between":
            return number.within(*operand)
        case "is":
            return number.equals(operand)
        case "within_days":
            day = view.space.day(view.side)
            return z3.And(number.term() <= day, number.term() >= day - operand)
    raise EngineFault(f"no way to compare by `{op}`")


# --- scores -------------------------------------------------------------------------------------------------------


def score_of(score: Score, view: View) -> Sum:
    """The sum of the parts, exactly: integers over one denominator."""
    scale = 10**score.decimals
    curves = [_lines(part, view.facts[part.fact], part.weight * scale / 100) for part in score.parts]
    unit = math.lcm(*(number.denominator for _, lines in curves for line in lines for number in line))
    known = z3.And([view.seen(part.fact).known for part in score.parts])
    terms = [
        _contribution(view.number(part.fact), ends, [(int(a * unit), int(b * unit)) for a, b in lines])
        for part, (ends, lines) in zip(score.parts, curves, strict=True)
    ]
    return Sum(known, z3.Sum(terms), unit)


Line = tuple[Fraction, Fraction]
"""Slope and offset over the stored value."""


def _lines(part: ScorePart, fact: FactDef, factor: Fraction) -> tuple[list[int], list[Line]]:
    """The last stored value of every piece but the last, and the line over each, times ``factor``."""
    scale = 10**fact.decimals
    curve = part.curve or _STRAIGHT
    ends = [math.floor(x * scale) for x, _ in curve]
    lines = [(Fraction(0), curve[0][1] * factor)]
    for (left, low), (right, high) in pairwise(curve):
        slope = (high - low) / (right - left)
        lines.append((slope / scale * factor, (low - slope * left) * factor))
    lines.append((Fraction(0), curve[-1][1] * factor))
    return ends, lines


def _contribution(number: Number, ends: Sequence[int], lines: Sequence[tuple[int, int]]) -> Term:
    found = _line(number, lines[-1])
    for end, line in zip(reversed(ends), reversed(lines[:-1]), strict=True):
        found = z3.If(number.at_least(end + 1), found, _line(number, line))
    return found


def _line(number: Number, line: tuple[int, int]) -> Term:
    slope, offset = line
    return z3.IntVal(offset) if slope == 0 else number.term() * slope + offset


# --- rows ---------------------------------------------------------------------------------------------------------


def _atom(atom: Atom, judged: Sequence[Judged], scores: Mapping[str, Sum]) -> Term:
    match atom:
        case FailedAtom(effect, group, criterion):
            found = []
            for each in _narrowed(judged, group, criterion):
                if each.criterion.otherwise == effect:
                    found.append(each.fails)
                if effect == "reject" and each.criterion.unknown == "reject":
                    found.append(each.unknown)
            return z3.Or(found)
        case UnknownAtom(wanted, group, criterion):
            among = _narrowed(judged, group, criterion)
            some = z3.Or([each.unknown for each in among if each.criterion.unknown == "refer"])
            return some if wanted else z3.Not(some)
        case ScoreAtom(name, op, operand):
            return z3.And(scores[name].known, _score_holds(op, operand, scores[name].at_least))
    raise EngineFault(f"an outcome row of an eligibility book asks for `{type(atom).__name__}`")


def _narrowed(judged: Sequence[Judged], group: str | None, criterion: str | None) -> list[Judged]:
    return [
        each
        for each in judged
        if (group is None or each.criterion.group == group) and (criterion is None or each.criterion.id == criterion)
    ]


def _score_holds(op: str, operand: Any, at_least: Callable[[int], Term]) -> Term:
    match op:
        case "at_least":
            return at_least(operand)
        case "more_than":
            return at_least(operand + 1)
        case "at_most":
            return z3.Not(at_least(operand + 1))
        case "less_than":
            return z3.Not(at_least(operand))
        case "between":
            return z3.And(at_least(operand[0]), z3.Not(at_least(operand[1] + 1)))
    raise EngineFault(f"no way to compare a score by `{op}`")
