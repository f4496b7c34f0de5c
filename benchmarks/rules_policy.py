"""The policy of the benchmark of the engines, ready to be written down in another engine's language.

It is read from ``rules_book``, the same files that ours decides by, so that no engine can be given another policy than
the others. What an engine is asked to understand is kept small: numbers are integers in stored units (so that none
has to be trusted with decimal fractions), choices are texts, flags are booleans, and a fact that is not known is not
there.

What an answer explains differs from engine to engine, and is said in ``tells``. Where a language has three values, or
two, the policy is written so that what is not known comes out as ours has it. Every other engine is given a Python dict
of numbers, texts and booleans; only ours has texts to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any, Protocol

from benchmarks.rules_parties import Party
from rules.atoms import FailedAtom, ScoreAtom, UnknownAtom
from rules.model import All, AnyOf, Book, Criterion, Eligibility, Leaf, Node, Not, Score, Table

FAIL, UNKNOWN, PASS, NOT_APPLICABLE = range(4)
"""A verdict as most engines are made to tell it: the least one of all, the greatest one of any."""

SIGNS = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<", "is": "==", "is_not": "!="}
"""Operators as every language here writes them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What every engine must say alike; a score that an engine does not tell is left out of the comparison."""

    outcome: str
    failed: tuple[str, ...]
    unknown: tuple[str, ...]
    score: int | None = None


class Engine(Protocol):
    """An engine with the policy in it, compiled."""

    name: str
    tells: str
    """What its answer explains."""
    tells_score: bool

    def given(self, party: Party) -> Any:
        """The party as this engine takes it. Not timed."""

    def decide(self, given: Any) -> Any:
        """One decision, explained as well as this engine does. Timed."""

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """Many decisions in as few calls as this engine can take them. Timed."""

    def answer(self, decided: Any) -> Answer:
        """What was decided, to be compared. Not timed."""


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. It is known where all of ``needs`` are, and ``sample`` (fact, least) is large enough.

    ``operand`` is an integer, a text, a boolean, a tuple of them, or a ``Choose``.
    """

    fact: str
    op: str
    operand: Any
    needs: tuple[str, ...]
    sample: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Choose:
    """An operand by the code of the fact ``by``: that of ``rows``, otherwise ``default``."""

    by: str
    rows: Mapping[str, Any]
    default: Any


@dataclass(frozen=True, slots=True)
class Every:
    """All of ``trees`` hold."""

    trees: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of ``trees`` holds."""

    trees: tuple[Tree, ...]


Tree = Test | Every | Some


@dataclass(frozen=True, slots=True)
class Rule:
    """One criterion: ``otherwise`` and ``unknown`` are its effects."""

    id: str
    require: Tree
    when: Tree | None
    otherwise: str
    unknown: str

    @property
    def key(self) -> str:
        """The id as a name for languages to which a point means something."""
        return self.id.replace(".", "_")


@dataclass(frozen=True, slots=True)
class Piece:
    """On values up to ``end`` (None: on all above) a part adds ``slope * value + offset`` to the whole."""

    end: int | None
    slope: int
    offset: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A score: the sum of its parts over ``divisor``, floored, is the score in the smallest step it is shown with."""

    name: str
    parts: Mapping[str, tuple[Piece, ...]]
    divisor: int
    least: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, the score, and the one set of outcome rows that there is: see ``_check_rows``."""

    name: str
    rules: tuple[Rule, ...]
    score: Whole


def policy(book: Book, name: str) -> Policy:
    """The policy of one eligibility book."""
    eligibility = book.eligibility[name]
    least = _check_rows(eligibility)
    (score,) = eligibility.scores.values()
    return Policy(name, tuple(_rule(book, criterion) for criterion in eligibility.criteria), _whole(book, score, least))


def effects(rule: Rule) -> list[tuple[int, str]]:
    """Verdicts that have an effect, each with its effect."""
    return [(FAIL, rule.otherwise), (UNKNOWN, rule.unknown)]


def told(policy: Policy, verdicts: Mapping[str, int], outcome: str, score: int | None) -> Answer:
    """The answer of an engine that gave these verdicts, by the id of the criterion."""
    failed, unknown = (
        tuple(rule.id for rule in policy.rules if verdicts[rule.id] == verdict) for verdict in (FAIL, UNKNOWN)
    )
    return Answer(outcome, failed, unknown, score)


def literal(value: Any) -> str:
    """A value as every language here writes it."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def line(name: str, piece: Piece) -> str:
    """What a part adds on one piece of its curve, as every language here writes it."""
    return str(piece.offset) if piece.slope == 0 else f"({name} * {piece.slope} + {piece.offset})"


def tests(tree: Tree | None) -> Iterator[Test]:
    """The comparisons of a tree."""
    if isinstance(tree, Test):
        yield tree
    elif tree is not None:
        for each in tree.trees:
            yield from tests(each)


def _check_rows(eligibility: Eligibility) -> int:
    """The score from which a party is eligible.

    The rows must be: any failed reject, ineligible; any failed refer, refer; any unknown refer, refer; the score at
    least so much, eligible; otherwise refer. A criterion that rejects what it does not know has failed.
    """
    match [([*row.when], row.then["outcome"]) for row in eligibility.outcomes]:
        case [
            ([FailedAtom("reject", None, None)], "ineligible"),
            ([FailedAtom("refer", None, None)], "refer"),
            ([UnknownAtom(True, None, None)], "refer"),
            ([ScoreAtom(op="at_least", operand=int(least))], "eligible"),
            ([], "refer"),
        ]:
            return least
    raise ValueError("the benchmark has other rows than the engines are given")


def _rule(book: Book, criterion: Criterion) -> Rule:
    return Rule(
        criterion.id,
        _tree(book, criterion.require, criterion.min_sample),
        None if criterion.when is None else _tree(book, criterion.when, None),
        criterion.otherwise,
        criterion.unknown,
    )


_OPPOSITE = {
    "at_least": "less_than",
    "less_than": "at_least",
    "at_most": "more_than",
    "more_than": "at_most",
    "is": "is_not",
    "is_not": "is",
    "one_of": "none_of",
    "none_of": "one_of",
}


def _tree(book: Book, node: Node, min_sample: int | None, *, holds: bool = True) -> Tree:
    """``node`` without ``not``, which is written as the opposite of what it says no to."""
    match node:
        case Not():
            return _tree(book, node.node, min_sample, holds=not holds)
        case All() | AnyOf():
            trees = tuple(_tree(book, child, min_sample, holds=holds) for child in node.nodes)
            return Every(trees) if isinstance(node, All) == holds else Some(trees)
        case Leaf():
            return _test(book, node, min_sample, holds=holds)


def _test(book: Book, leaf: Leaf, min_sample: int | None, *, holds: bool) -> Test:
    fact = book.facts[leaf.fact]
    needs, operand = [leaf.fact], leaf.operand
    if isinstance(operand, Table):
        needs.append(operand.by)
        operand = Choose(operand.by, operand.rows, operand.default)
    elif fact.type == "flag":
        operand = bool(operand)
    sample = None
    if min_sample is not None and fact.sample is not None:
        needs.append(fact.sample)
        sample = fact.sample, min_sample
    return Test(leaf.fact, leaf.op if holds else _OPPOSITE[leaf.op], operand, tuple(needs), sample)


def _whole(book: Book, score: Score, least: int) -> Whole:
    lines = {part.fact: _lines(book, score, place) for place, part in enumerate(score.parts)}
    numbers = [number for pieces in lines.values() for _, slope, offset in pieces for number in (slope, offset)]
    divisor = lcm(*(number.denominator for number in numbers))
    parts = {
        fact: tuple(Piece(end, int(slope * divisor), int(offset * divisor)) for end, slope, offset in pieces)
        for fact, pieces in lines.items()
    }
    return Whole(score.id, parts, divisor, least)


def _lines(book: Book, score: Score, place: int) -> list[tuple[int | None, Fraction, Fraction]]:
    """The pieces of one part, in points times the score's own scale: up to where, slope and offset."""
    part = score.parts[place]
    stored = 10 ** book.facts[part.fact].decimals
    factor = part.weight / 100 * 10**score.decimals
    curve = part.curve or ((Fraction(0), Fraction(0)), (Fraction(100), Fraction(100)))
    found: list[tuple[int | None, Fraction, Fraction]] = [
        (int(curve[0][0] * stored), Fraction(0), curve[0][1] * factor)
    ]
    for (left, low), (right, high) in pairwise(curve):
        slope = (high - low) / (right - left)
        found.append((int(right * stored), slope / stored * factor, (low - slope * left) * factor))
    return [*found, (None, Fraction(0), curve[-1][1] * factor)]
