"""Scores as columns: weighted sums of piecewise linear functions, exact, floored once."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from rules.columnar import bounds
from rules.columnar.bounds import Num, TooWide
from rules.columnar.curves import Piecewise, common, of_curve
from rules.columnar.situation import Situation
from rules.model import Curve, FactDef, Score

_WHOLE: Curve = ((Fraction(0), Fraction(0)), (Fraction(100), Fraction(100)))


class ScorePlan:
    """One score, compiled."""

    def __init__(self, score: Score, facts: Mapping[str, FactDef]) -> None:
        self.score = score
        scale = 10**score.decimals
        self._facts = [part.fact for part in score.parts]
        parts = [
            of_curve(part.curve or _WHOLE, 10 ** facts[part.fact].decimals, part.weight / 100 * scale)
            for part in score.parts
        ]
        self._parts, self._denominator = common(parts)

    def number(self, situation: Situation) -> Num:
        """The score scaled by its decimals; null where a part is unknown."""
        values = [situation.number(fact) for fact in self._facts]
        found = self._exact(values) or self._in_python(values)
        return Num(situation.stages.put(("score", id(self)), found.expr), found.low, found.high)

    def _exact(self, values: list[Num]) -> Num | None:
        try:
            sums = bounds.total([part.of(value) for part, value in zip(self._parts, values, strict=True)])
            return bounds.narrowed(bounds.floored(sums, self._denominator))
        except TooWide:
            return None

    def _in_python(self, values: list[Num]) -> Num:
        parts, denominator = self._parts, self._denominator

        def compute(*given: int) -> int:
            return sum(part.numerator(value) for part, value in zip(parts, given, strict=True)) // denominator

        low = sum(_ends(part, value)[0] for part, value in zip(parts, values, strict=True))
        high = sum(_ends(part, value)[1] for part, value in zip(parts, values, strict=True))
        columns: list[pl.Expr] = [value.expr for value in values]
        return Num(bounds.exactly(columns, compute), low // denominator, high // denominator)


def _ends(part: Piecewise, value: Num) -> tuple[int, int]:
    """The least and greatest numerator of a part."""
    corners = [part.numerator(at) for at in (value.low, value.high)]
    corners += [part.numerator(end) for end in part.ends if value.low <= end <= value.high]
    corners += [part.numerator(end + 1) for end in part.ends if value.low <= end + 1 <= value.high]
    return min(corners), max(corners)
