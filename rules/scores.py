"""Scores: weighted sums of piecewise linear curves in exact arithmetic, floored once to the score's decimals.

Everything is turned into integers when the book is compiled: on each piece of a curve a part's contribution to the
scaled score is ``(a * value + b) / d`` with one denominator ``d`` for the whole score.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from fastbrand.domain.decision import ScoreFinding
from rules.decimals import plain_text
from rules.leaves import Show, decimal_shower, shower
from rules.model import Curve, FactDef, Score, ScorePart
from rules.situation import Facts

_WHOLE: Curve = ((Fraction(0), Fraction(0)), (Fraction(100), Fraction(100)))
_Piece = tuple[int, tuple[Fraction, Fraction]]
"""The last stored value of a piece of a curve, and the line over it: slope and offset."""


class _Part(NamedTuple):
    """A part: ``ends[i]`` is the last stored value of piece ``i`` (the last has none), ``lines[i]`` is its line, and
    ``points[i]`` tells what a stored value on it adds to the score."""

    fact: str
    show: Show
    weight: str
    ends: tuple[int, ...]
    lines: tuple[tuple[int, int], ...]
    points: tuple[Callable[[int], str], ...]


@dataclass(slots=True)  # not frozen, like the findings it is made of
class ScoreSeen:
    """A score of one party: ``value / scale`` points (None: unknown), and how it came about."""

    value: int | None
    scale: int
    finding: ScoreFinding


class ScorePlan:
    """One score, compiled."""

    def __init__(self, score: Score, facts: Mapping[str, FactDef]) -> None:
        self.score = score
        scale = 10**score.decimals
        pieces = [(part, _pieces(part, facts[part.fact], part.weight / 100 * scale)) for part in score.parts]
        self._denominator = math.lcm(
            *(number.denominator for _, lines in pieces for _, line in lines for number in line)
        )
        self._scale = scale
        self._show = decimal_shower(score.decimals)
        self._parts = tuple(self._compiled(part, facts[part.fact], lines) for part, lines in pieces)

    def _compiled(self, part: ScorePart, fact: FactDef, pieces: list[_Piece]) -> _Part:
        lines = tuple((int(a * self._denominator), int(b * self._denominator)) for _, (a, b) in pieces)
        points = tuple(_points(a / self._scale, b / self._scale) for _, (a, b) in pieces)
        ends = tuple(end for end, _ in pieces[:-1])
        return _Part(fact.name, shower(fact), exact_text(part.weight), ends, lines, points)

    def value(self, facts: Facts) -> int | None:
        """The score scaled by its decimals, floored once; None where a part is unknown."""
        total = 0
        for part in self._parts:
            value = facts.values[part.fact]
            if value is None:
                return None
            a, b = part.lines[bisect_left(part.ends, value)]
            total += a * value + b
        return total // self._denominator

    def finding(self, facts: Facts) -> ScoreFinding:
        """The score as shown, and what each part adds to it, in points, exactly."""
        return self.seen(facts).finding

    def seen(self, facts: Facts) -> ScoreSeen:
        """Value, scale and finding together."""
        total: int | None = 0
        told: list[dict[str, Any]] = []
        values = facts.values
        for fact, show, weight, ends, lines, points_of in self._parts:
            value = values[fact]
            if value is None:
                total = observed = points = None
            else:
                piece = bisect_left(ends, value)
                observed, points = show(value), points_of[piece](value)
                if total is not None:
                    a, b = lines[piece]
                    total += a * value + b
            told.append({"fact": fact, "observed": observed, "weight": weight, "points": points})
        score = None if total is None else total // self._denominator
        shown = None if score is None else self._show(score)
        return ScoreSeen(score, self._scale, ScoreFinding(self.score.id, shown, tuple(told)))


def _points(slope: Fraction, offset: Fraction) -> Callable[[int], str]:
    """What a stored value is worth on a line, as text: in integers where every value has a finite decimal."""
    digits = _decimal_digits(math.lcm(slope.denominator, offset.denominator))
    if digits is None:
        return lambda value: exact_text(slope * value + offset)
    a, b = int(slope * 10**digits), int(offset * 10**digits)
    if digits == 0:
        return lambda value: str(a * value + b)
    one = 10**digits

    def points(value: int) -> str:
        number = a * value + b
        if number < one:
            return plain_text(number, digits)
        text = str(number)
        return f"{text[:-digits]}.{text[-digits:]}".rstrip("0").removesuffix(".")

    return points


def curve_at(curve: Curve, x: Fraction) -> Fraction:
    """The piecewise linear function through the points of ``curve``, flat beyond its ends, exactly."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (left, low), (right, high) in pairwise(curve):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return curve[-1][1]


def exact_text(number: Fraction) -> str:
    """``number`` as decimal text where it has a finite one, otherwise as ``p/q`` in lowest terms."""
    digits = _decimal_digits(number.denominator)
    if digits is None:
        return f"{number.numerator}/{number.denominator}"
    return plain_text(int(number * 10**digits), digits)


def _decimal_digits(denominator: int) -> int | None:
    """How many decimals a fraction with this denominator needs; None where no number of them is enough."""
    digits = 0
    for prime in (2, 5):
        power = 0
        while denominator % prime == 0:
            denominator //= prime
            power += 1
        digits = max(digits, power)
    return digits if denominator == 1 else None


def _pieces(part: ScorePart, fact: FactDef, factor: Fraction) -> list[_Piece]:
    """The pieces of a part's curve as functions of the stored value, times ``factor``."""
    scale = 10**fact.decimals
    curve = part.curve or _WHOLE
    pieces: list[_Piece] = [(math.floor(curve[0][0] * scale), (Fraction(0), curve[0][1] * factor))]
    for (left, low), (right, high) in pairwise(curve):
        slope = (high - low) / (right - left)
        pieces.append((math.floor(right * scale), (slope / scale * factor, (low - slope * left) * factor)))
    pieces.append((0, (Fraction(0), curve[-1][1] * factor)))
    return pieces
