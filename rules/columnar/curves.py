"""Piecewise linear functions of whole numbers: exact, with one denominator, chosen when the book is compiled."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import polars as pl

from rules.columnar.bounds import WIDE, Num, dtype_for, literal, widened
from rules.model import Curve, Tier

_Piece = tuple[int | None, Fraction, Fraction]
"""The last value of a piece (None: without end), slope and offset of its line."""


@dataclass(frozen=True, slots=True)
class Piecewise:
    """``(a x value + b) / denominator``, ``a`` and ``b`` by the piece; ``ends[i]`` is the last value of piece ``i``."""

    ends: tuple[int, ...]
    lines: tuple[tuple[int, int], ...]
    denominator: int

    def over(self, denominator: int) -> Piecewise:
        """The same function with another denominator, a multiple of its own."""
        by = denominator // self.denominator
        return Piecewise(self.ends, tuple((a * by, b * by) for a, b in self.lines), denominator)

    def numerator(self, value: int) -> int:
        """The numerator at ``value``."""
        a, b = self.lines[bisect_left(self.ends, value)]
        return a * value + b

    def ranging(self, low: int, high: int) -> Piecewise:
        """The same function for values from ``low`` to ``high``: only the pieces that are needed there."""
        kept: list[tuple[int, tuple[int, int]]] = []
        least = low
        for end, line in zip((*self.ends, high), self.lines, strict=True):
            last = min(end, high)
            if least <= last:
                if kept and _agree(kept[-1][1], line, least, last):
                    kept[-1] = (last, kept[-1][1])
                elif kept and _agree(line, kept[-1][1], low, kept[-1][0]):
                    kept[-1] = (last, line)
                else:
                    kept.append((last, line))
                    low = least
            least = max(least, end + 1)
        return Piecewise(tuple(end for end, _ in kept[:-1]), tuple(line for _, line in kept), self.denominator)

    def of(self, value: Num) -> Num:
        """The numerators as a column. Raises ``TooWide``."""
        pieces = self.ranging(value.low, value.high)
        corners, begins = [], value.low
        for end, (a, b) in zip((*pieces.ends, value.high), pieces.lines, strict=True):
            # what is multiplied is within the piece; what other rows come to in this branch is not taken
            corners += [a * begins + b, a * end + b, a * begins, a * end, a, b]
            begins = end + 1
        wide = value.wide or dtype_for(*corners) == WIDE
        taken = widened(value).expr if wide else value.expr
        low, high = min(corners[0::6] + corners[1::6]), max(corners[0::6] + corners[1::6])
        return Num(pieces._chosen(taken, wide), low, high, wide)

    def _chosen(self, value: pl.Expr, wide: bool) -> pl.Expr:
        found = _line(value, *self.lines[-1], wide)
        known = value.is_not_null()
        if self.ends and self.lines[-1][0] == 0:
            found = pl.when(known).then(found)
        for end, line in zip(reversed(self.ends), reversed(self.lines[:-1]), strict=True):
            found = pl.when(value <= literal(end, wide)).then(_line(value, *line, wide)).otherwise(found)
        return found if self.ends or self.lines[-1][0] else pl.when(known).then(found)


def _line(value: pl.Expr, a: int, b: int, wide: bool) -> pl.Expr:
    if a == 0:
        return literal(b, wide)
    sloped = value if a == 1 else value * literal(a, wide)
    return sloped if b == 0 else sloped + literal(b, wide)


def _agree(line: tuple[int, int], other: tuple[int, int], low: int, high: int) -> bool:
    """Whether two lines are the same from ``low`` to ``high``."""
    return line == other or all(line[0] * at + line[1] == other[0] * at + other[1] for at in {low, high})


def of_curve(curve: Curve, scale: int, factor: Fraction = Fraction(1)) -> Piecewise:
    """``curve`` by the stored value (display value x ``scale``), times ``factor``; flat beyond its ends."""
    pieces: list[_Piece] = [(math.floor(curve[0][0] * scale), Fraction(0), curve[0][1] * factor)]
    for (left, low), (right, high) in pairwise(curve):
        slope = (high - low) / (right - left)
        pieces.append((math.floor(right * scale), slope / scale * factor, (low - slope * left) * factor))
    pieces.append((None, Fraction(0), curve[-1][1] * factor))
    return _of_pieces(pieces)


def of_tiers(tiers: Sequence[Tier], unit: int) -> Piecewise:
    """The units for a base amount by marginal ``tiers``, by the stored amount; ``unit`` of them make 1."""
    pieces: list[_Piece] = [(0, Fraction(0), Fraction(0))]
    begins, below = 0, Fraction(0)
    for tier in tiers:
        rate = tier.rate / unit
        pieces.append((tier.up_to, rate, below - rate * begins))
        if tier.up_to is None:
            break
        below += rate * (tier.up_to - begins)
        begins = tier.up_to
    else:
        # the last tier has no end, whatever it says
        pieces[-1] = (None, *pieces[-1][1:])
    return _of_pieces(pieces)


def common(functions: Iterable[Piecewise]) -> tuple[list[Piecewise], int]:
    """``functions`` over one denominator, and that denominator."""
    found = list(functions)
    denominator = math.lcm(*(function.denominator for function in found))
    return [function.over(denominator) for function in found], denominator


def _of_pieces(pieces: Sequence[_Piece]) -> Piecewise:
    denominator = math.lcm(*(number.denominator for _, a, b in pieces for number in (a, b)))
    ends = tuple(end for end, _, _ in pieces[:-1] if end is not None)
    return Piecewise(ends, tuple((int(a * denominator), int(b * denominator)) for _, a, b in pieces), denominator)
