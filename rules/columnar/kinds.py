"""Eligibility, routing and maintenance rule books over populations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from fastbrand.domain.errors import InputError
from rules.columnar.criteria import Judged, judge, reason, reasons
from rules.columnar.leaves import passes
from rules.columnar.rows import Standing, first_row, said_by_row
from rules.columnar.scores import ScorePlan
from rules.columnar.situation import Situation
from rules.criteria import facts_of_criterion
from rules.model import Band, Book, Eligibility, Maintenance, Routing
from rules.rows import facts_of_rows
from rules.situation import facts_behind

Outputs = dict[str, pl.Expr]
"""Columns of the answer by name."""

OUTCOMES = pl.Enum(["ineligible", "refer", "eligible"])
LEVELS = pl.Enum(["clear", "alert", "limit", "unknown"])
_COUNT = pl.Int64()


@dataclass(frozen=True, slots=True)
class Screened:
    """An eligibility rule book over a population, for what comes after it."""

    outcome: pl.Expr
    row: pl.Expr
    judged: tuple[Judged, ...]
    scores: Mapping[str, pl.Expr]


class EligibilityColumns:
    """An eligibility rule book, compiled."""

    def __init__(self, rulebook: Eligibility, book: Book) -> None:
        self.rulebook = rulebook
        self.scores = {name: ScorePlan(score, book.facts) for name, score in rulebook.scores.items()}
        used = facts_of_rows(rulebook.outcomes, book.facts)
        used |= {part.fact for score in rulebook.scores.values() for part in score.parts}
        for criterion in rulebook.criteria:
            used |= facts_of_criterion(criterion, book.facts)
        self._used = facts_behind(book.facts, used)
        self._derived = [name for name, fact in book.facts.items() if fact.derivation is not None]

    def screened(self, situation: Situation) -> Screened:
        """Outcome, verdicts and scores. What is computed already for this situation is not computed again."""
        found = situation.screened.get(id(self))
        if found is None:
            found = situation.screened[id(self)] = self._screened(situation)
        return found

    def _screened(self, situation: Situation) -> Screened:
        stages = situation.stages
        judged = tuple(judge(criterion, situation) for criterion in self.rulebook.criteria)
        scores = {name: plan.number(situation).expr for name, plan in self.scores.items()}
        row = first_row(self.rulebook.outcomes, Standing(situation, judged, scores))
        outcomes = [row.then["outcome"] for row in self.rulebook.outcomes]
        outcome = stages.put(object(), said_by_row(row, outcomes, OUTCOMES))
        return Screened(outcome, row, judged, scores)

    def warned(self, situation: Situation) -> list[pl.Expr]:
        """For each derived fact that this rule book reads and that can leave its range, whether it did."""
        found = [situation.outside(name) for name in self._derived if name in self._used]
        return [one for one in found if one is not None]

    def outputs(self, situation: Situation, *, with_reasons: bool) -> Outputs:
        """``outcome``, ``row``, ``score.NAME`` (scaled by its decimals), ``verdict.ID`` and ``reasons``."""
        screened = self.screened(situation)
        found = {"outcome": screened.outcome, "row": screened.row}
        found |= {f"score.{name}": value for name, value in screened.scores.items()}
        found |= {f"verdict.{one.criterion.id}": one.verdict for one in screened.judged}
        if with_reasons:
            found["reasons"] = reasons([one.reason for one in screened.judged])
        return found


class RoutingColumns:
    """A routing rule book, compiled. ``outcome`` is what the row says under the name of what is decided, or who
    decides straight away."""

    def __init__(self, rulebook: Routing, book: Book) -> None:
        self.rulebook = rulebook
        self._decimals = {
            name: score.decimals for screening in book.eligibility.values() for name, score in screening.scores.items()
        }
        said = (row.then.get(rulebook.decides) or row.then.get("by") for row in rulebook.rows)
        self._words = [str(word) for word in said]
        self._kind = pl.Enum(list(dict.fromkeys(self._words)))

    def outputs(self, situation: Situation, screening: EligibilityColumns | None) -> Outputs:
        """``outcome`` and ``row``."""
        if screening is None:
            standing = Standing(situation)
        else:
            screened = screening.screened(situation)
            scores = {name: self._shown(screening, name, value) for name, value in screened.scores.items()}
            warned = screening.warned(situation)
            standing = Standing(situation, screened.judged, scores, screened.outcome, warned)
        row = first_row(self.rulebook.rows, standing)
        return {"outcome": said_by_row(row, self._words, self._kind), "row": row}

    def _shown(self, screening: EligibilityColumns, name: str, value: pl.Expr) -> pl.Expr:
        """A score by the decimals that this rule book knows it with (another book may show it with others)."""
        own, wanted = screening.rulebook.scores[name].decimals, self._decimals[name]
        if wanted >= own:
            return value * 10 ** (wanted - own) if wanted > own else value
        by = 10 ** (own - wanted)
        return pl.when(value < 0).then(-(-value // by)).otherwise(value // by)


class MaintenanceColumns:
    """A maintenance rule book, compiled."""

    def __init__(self, rulebook: Maintenance) -> None:
        self.rulebook = rulebook
        self._outcomes = [str(row.then["outcome"]) for row in rulebook.outcomes]
        self._causes = [row.then.get("cause") for row in rulebook.outcomes]

    def outputs(
        self, situation: Situation, streaks: Mapping[str, str], clear_months: str | None, *, with_reasons: bool
    ) -> Outputs:
        """``outcome``, ``row``, ``cause``, ``level.BAND``, ``streak.BAND``, ``clear_months`` and ``reasons``."""
        stages = situation.stages
        bands = self.rulebook.bands
        levels = {band.id: stages.put(object(), _level(band, situation)) for band in bands}
        now = {
            band.id: stages.put(object(), _streak(levels[band.id], _before(situation, streaks.get(band.id))))
            for band in bands
        }
        clear = stages.put(object(), _clear_months(list(levels.values()), _before(situation, clear_months)))
        standing = Standing(situation, levels=levels, streaks=now, clear_months=clear)
        row = first_row(self.rulebook.outcomes, standing)
        kinds = pl.Enum(list(dict.fromkeys(self._outcomes)))
        causes = pl.Enum(list(dict.fromkeys(cause for cause in self._causes if cause is not None)))
        found = {
            "outcome": said_by_row(row, self._outcomes, kinds),
            "row": row,
            "cause": said_by_row(row, self._causes, causes),
        }
        found |= {f"level.{name}": _level_name(level) for name, level in levels.items()}
        found |= {f"streak.{name}": streak for name, streak in now.items()}
        found["clear_months"] = clear
        if with_reasons:
            found["reasons"] = reasons([_band_reason(name, level) for name, level in levels.items()])
        return found


def _level(band: Band, situation: Situation) -> pl.Expr:
    """0 clear, 1 alert, 2 limit; null where that is not known. A band in limit is so whatever its alert says."""
    alert = pl.lit(False) if band.alert is None else passes(band.alert, situation, band.min_sample)
    limit = pl.lit(False) if band.limit is None else passes(band.limit, situation, band.min_sample)
    kind = pl.Int8()
    two, one, zero = (pl.lit(level, dtype=kind) for level in (2, 1, 0))
    known = limit.is_not_null() & alert.is_not_null()
    return pl.when(limit).then(two).when(~known).then(None).when(alert).then(one).otherwise(zero)


def _level_name(level: pl.Expr) -> pl.Expr:
    names = [pl.lit(name, dtype=LEVELS) for name in ("clear", "alert", "limit", "unknown")]
    named = pl.when(level == 0).then(names[0]).when(level == 1).then(names[1]).when(level == 2).then(names[2])
    return named.otherwise(names[3])


def _band_reason(band: str, level: pl.Expr) -> pl.Expr:
    """The reason that a band gives: null where it is clear."""
    return (
        pl.when(level == 1)
        .then(reason(band, "fail", "alert"))
        .when(level == 2)
        .then(reason(band, "fail", "limit"))
        .when(level.is_null())
        .then(reason(band, "unknown", "note"))
    )


def _before(situation: Situation, column: str | None) -> pl.Expr:
    """A count that the frame carries on from last month; 0 where it does not say."""
    if column is None:
        return pl.lit(0, dtype=_COUNT)
    given = situation.stages.schema.get(column)
    if given is None or not (given.is_integer() or given == pl.Null()):
        raise InputError(
            f"there is no column `{column}` of whole numbers", hint="name a column of counts", code="unknown_column"
        )
    return pl.col(column).cast(_COUNT).fill_null(0)


def _streak(level: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Unknown neither adds nor resets."""
    return pl.when(level == 2).then(before + 1).when(level.is_null()).then(before).otherwise(pl.lit(0, dtype=_COUNT))


def _clear_months(levels: list[pl.Expr], before: pl.Expr) -> pl.Expr:
    """Months without a band in alert or limit; unknown neither adds nor resets."""
    warned = pl.any_horizontal(level >= 1 for level in levels)
    return pl.when(warned).then(pl.lit(0, dtype=_COUNT)).when(warned.is_null()).then(before).otherwise(before + 1)
