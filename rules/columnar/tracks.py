"""Which score multiplies a bonus, and which pool pays it, by the track that a party is on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from fastbrand.domain.errors import InputError
from rules.columnar import bounds
from rules.columnar.bounds import Num
from rules.columnar.incentive import Asked, Left
from rules.columnar.kinds import EligibilityColumns
from rules.columnar.moments import AsOf
from rules.columnar.situation import Situation
from rules.frame import check_in_force, in_force
from rules.model import Book, Eligibility, Head, Incentive

Screening = Callable[[str], EligibilityColumns]
"""The compiled eligibility rule book of a name."""


def multiplied(
    rulebook: Incentive, screening: Screening, situation: Situation, track: str, column: str | None, left: Left
) -> Asked:
    """What ``rulebook`` is asked with, for parties on ``track`` or each on the track in ``column``.

    Raises ``InputError`` where there is no pool, no eligibility rule book in force or no such score for ``track``. Of
    the tracks in a column, those for which there is none are not decided.
    """
    if column is None:
        eligibility = _in_force(situation.book, track, situation.as_of)
        number, decimals = _score(rulebook, screening(eligibility.head.name), situation)
        pool = rulebook.pool.get(track)
        if pool is None:
            raise InputError(
                f"`{rulebook.head.name}` has no pool for the track `{track}`",
                hint=f"its tracks are {', '.join(f'`{one}`' for one in rulebook.pool)}",
            )
        return Asked(
            number, decimals, pl.lit(pool, dtype=_pools(rulebook)), left, _days(eligibility.head, situation.as_of)
        )
    if column not in situation.stages.schema:
        raise InputError(f"there is no column `{column}`", hint="name a column of tracks", code="unknown_column")
    return _by_track(rulebook, screening, situation, column, left)


@dataclass(frozen=True, slots=True)
class _Branch:
    """One of the tracks in a column: which rows are on it, and what they are multiplied and paid by."""

    here: pl.Expr
    pool: pl.Expr
    score: Num
    decimals: int
    in_force: pl.Expr


def _by_track(rulebook: Incentive, screening: Screening, situation: Situation, column: str, left: Left) -> Asked:
    kind = _pools(rulebook)
    branches: list[_Branch] = []
    for track, pool in rulebook.pool.items():
        try:
            eligibility = _in_force(situation.book, track, situation.as_of)
        except InputError:
            continue
        number, decimals = _score(rulebook, screening(eligibility.head.name), situation)
        days = _days(eligibility.head, situation.as_of)
        here = pl.col(column).cast(pl.String) == track
        in_force_here = pl.lit(True) if days is None else days
        branches.append(_Branch(here, pl.lit(pool, dtype=kind), number, decimals, in_force_here))
    finest = max((branch.decimals for branch in branches), default=0)
    even = [bounds.times(branch.score, 10 ** (finest - branch.decimals)) for branch in branches]
    wide = any(number.wide for number in even)
    score, pools, decided = bounds.unknown(wide), pl.lit(None, dtype=kind), pl.lit(False)
    for branch, number in zip(branches, even, strict=True):
        value = bounds.widened(number) if wide else number
        score = pl.when(branch.here).then(value.expr).otherwise(score)
        pools = pl.when(branch.here).then(branch.pool).otherwise(pools)
        decided = pl.when(branch.here).then(branch.in_force).otherwise(decided)
    low, high = min((one.low for one in even), default=0), max((one.high for one in even), default=0)
    return Asked(Num(score, low, high, wide), finest, pools, left, decided)


def _pools(rulebook: Incentive) -> pl.Enum:
    return pl.Enum(list(dict.fromkeys(rulebook.pool.values())))


def _score(rulebook: Incentive, eligibility: EligibilityColumns, situation: Situation) -> tuple[Num, int]:
    """The score that multiplies, and its decimals."""
    plan = eligibility.scores.get(rulebook.multiplier_score)
    if plan is None:
        raise InputError(
            f"`{eligibility.rulebook.head.name}` has no score `{rulebook.multiplier_score}`",
            hint=f"`{rulebook.head.name}` multiplies by it: add it to the eligibility book",
        )
    return plan.number(situation), plan.score.decimals


def _in_force(book: Book, track: str, as_of: AsOf) -> Eligibility:
    """The one eligibility rule book for ``track`` in force; where the moment is in a column, the one there is."""
    fit = [item for item in book.eligibility.values() if track in item.head.parties]
    if not fit:
        raise InputError(
            f"there is no eligibility book for track `{track}`", hint="add one to the book", code="not_in_force"
        )
    now = fit if as_of.moment is None else [item for item in fit if in_force(item.head, as_of.moment)]
    if not now and as_of.moment is not None:
        check_in_force(fit[-1].head, as_of.moment)
    if len(now) > 1:
        names = ", ".join(f"`{item.head.name}`" for item in now)
        raise InputError(
            f"more than one eligibility book for track `{track}` is in force: {names}",
            hint="decide for one moment, and let their effective periods not overlap",
            code="ambiguous_book",
        )
    return now[0]


def _days(head: Head, as_of: AsOf) -> pl.Expr | None:
    """Whether the rule book is in force on the day of each row; None where one moment was looked at for all."""
    if as_of.moment is not None:
        return None
    checks = [pl.lit(True)]
    if head.effective_from is not None:
        checks.append(as_of.day.expr >= head.effective_from.toordinal())
    if head.effective_until is not None:
        checks.append(as_of.day.expr < head.effective_until.toordinal())
    return pl.all_horizontal(checks)
