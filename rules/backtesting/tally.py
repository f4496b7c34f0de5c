"""What two books said about a population, counted: small, however large the population is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from rules.backtesting.trial import Trial
from rules.model import Curve, FactDef, Incentive, Score

Side = Literal["live", "candidate"]
SIDES: tuple[Side, ...] = ("live", "candidate")
OUTCOMES = ("eligible", "refer", "ineligible")
NO_CATEGORY = ""
"""The category of a record whose category nobody knows, or of a book that has none."""

APPROVED, REFUSED = "approved", "refused"
"""Where the system sends a record without a person; everywhere else it goes is a queue."""


@dataclass(slots=True)
class Granted:
    """Grants and their amounts in pool units, as the rules give them one by one: ``period`` for one period of the
    incentive rules, ``year`` for as many as a year has, each party capped by its year."""

    grants: int = 0
    period: int = 0
    year: int = 0

    def add(self, grants: int, period: int, year: int) -> None:
        """Count more of them."""
        self.grants += grants
        self.period += period
        self.year += year


@dataclass(slots=True)
class Histogram:
    """A score's values in buckets of equal width from ``low`` up, all three scaled by ``decimals``; the last bucket has
    its upper end. ``unknown``: how many have no score."""

    low: int
    width: int
    decimals: int
    counts: list[int]
    unknown: int = 0
    known: int = 0
    total: int = 0
    """Sum of the known values, scaled."""


@dataclass(slots=True)
class Account:
    """What one book said."""

    outcomes: Counter[str] = field(default_factory=Counter)
    funnel: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    scores: dict[str, Histogram] = field(default_factory=dict)
    grants: dict[tuple[str, str], Granted] = field(default_factory=dict)
    """(track, category) -> grants to eligible parties."""
    referred: Granted = field(default_factory=Granted)
    """What those referred to a person would get besides, were all of them approved."""
    tiers: dict[tuple[str, int], Granted] = field(default_factory=dict)
    """(incentive rule book, the tier that the base reaches, from 1) -> grants to eligible parties."""
    capped: Counter[str] = field(default_factory=Counter)
    undecided: int = 0
    """Records for which no bonus can be decided: it is beyond what can be counted."""

    def granted(self, track: str, category: str) -> Granted:
        """The account of a track and a category."""
        return self.grants.setdefault((track, category), Granted())

    def tier(self, incentive: str, number: int) -> Granted:
        """The account of a tier of an incentive rule book."""
        return self.tiers.setdefault((incentive, number), Granted())


@dataclass(slots=True)
class Tally:
    """What both books said about all records."""

    records: int = 0
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[tuple[str, str, tuple[str, ...]]] = field(default_factory=Counter)
    """(old outcome, new outcome, what is behind it) -> flips."""
    sides: dict[Side, Account] = field(default_factory=lambda: {side: Account() for side in SIDES})
    admitted: int = 0
    """By how much the bonus of a period changes because others are eligible, at what the live rules would give them."""
    repriced: int = 0
    """By how much it changes because those who are eligible under the candidate get another amount."""

    @property
    def flips(self) -> int:
        """Records whose outcome differs."""
        return sum(count for (old, new), count in self.matrix.items() if old != new)


def grants_a_year(incentive: Incentive) -> int:
    """How many periods of the incentive rules a year has (at least one)."""
    return max(1, 12 // incentive.every_months)


def after_category_caps(account: Account, trials: Mapping[str, Trial]) -> dict[tuple[str, str], Granted]:
    """``account.grants`` after the monthly cap of each category, which all tracks draw on in the order of ``trials``
    (track -> what the book decides it with).

    The last grant before a cap is exhausted is cut to what is left and those after it get nothing, so the sum is the
    cap exactly; how many grants that leaves depends on who comes first, so they are not counted anew.
    """
    found: dict[tuple[str, str], Granted] = {}
    taken: dict[str, tuple[int, int]] = {}
    for track, trial in trials.items():
        if trial.incentive is None:
            continue
        times, table = grants_a_year(trial.incentive), trial.incentive.caps.category_per_month
        for (of, category), granted in account.grants.items():
            if of != track:
                continue
            period, year = granted.period, granted.year
            cap = None if table is None else table.rows.get(category, table.default)
            before = taken.get(category, (0, 0))
            if cap is not None:
                period = min(period, max(0, cap - before[0]))
                year = min(year, max(0, cap * times - before[1]))
            taken[category] = before[0] + period, before[1] + year
            found[track, category] = Granted(granted.grants, period, year)
    return found


def histogram_over(scores: Sequence[tuple[Score, Mapping[str, FactDef]]], buckets: int = 20) -> Histogram:
    """An empty histogram over all values that ``scores`` (each with its vocabulary) can take, in at most ``buckets`` of
    a round width, by the finest of their decimals."""
    decimals = max(score.decimals for score, _ in scores)
    ends = [_range(score, facts) for score, facts in scores]
    scale = 10**decimals
    first, last = math.floor(min(low for low, _ in ends) * scale), math.floor(max(high for _, high in ends) * scale)
    width = _round_width(last - first, buckets)
    first -= first % width
    return Histogram(first, width, decimals, [0] * max(1, -(-(last - first) // width)))


def _range(score: Score, facts: Mapping[str, FactDef]) -> tuple[Fraction, Fraction]:
    """The least and the greatest value that a score can have."""
    ends = [(part.weight / 100, *_ends(part.curve, facts[part.fact])) for part in score.parts]
    return sum((by * low for by, low, _ in ends), Fraction(0)), sum((by * high for by, _, high in ends), Fraction(0))


def _ends(curve: Curve | None, fact: FactDef) -> tuple[Fraction, Fraction]:
    """The least and the greatest number of points that a part can give."""
    if curve is not None:
        points = [y for _, y in curve]
        return min(points), max(points)
    low, high = fact.range or (0, 100 * 10**fact.decimals)
    return Fraction(low, 10**fact.decimals), Fraction(high, 10**fact.decimals)


def _round_width(span: int, buckets: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 ... of which ``buckets`` hold ``span``."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power * buckets >= span:
                return step * power
        power *= 10
