"""Outcome and routing rows as columns: the first row all of whose conditions certainly hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fastbrand.domain.errors import EngineFault
from rules.columnar.criteria import Judged, any_of, some_failed, some_noted, some_unknown
from rules.columnar.leaves import holds, passes
from rules.columnar.situation import Situation
from rules.model import (
    Atom,
    BandAtom,
    ClearForAtom,
    FactAtom,
    FailedAtom,
    Row,
    ScoreAtom,
    ScreeningAtom,
    StreakAtom,
    UnknownAtom,
    WarningsAtom,
)

ROW = pl.UInt16()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the conditions of rows look at; None: there was no such decision. ``levels``: 0 clear, 1 alert, 2 limit."""

    situation: Situation
    judged: Sequence[Judged] | None = None
    scores: Mapping[str, pl.Expr] = field(default_factory=dict)
    outcome: pl.Expr | None = None
    warned: Sequence[pl.Expr] = ()
    levels: Mapping[str, pl.Expr] = field(default_factory=dict)
    streaks: Mapping[str, pl.Expr] = field(default_factory=dict)
    clear_months: pl.Expr | None = None


def first_row(rows: Sequence[Row], standing: Standing) -> pl.Expr:
    """The number of the first row that holds, from 1; null where none does."""
    found: pl.Expr = pl.lit(None, dtype=ROW)
    for number in range(len(rows), 0, -1):
        number_of = pl.lit(number, dtype=ROW)
        conditions = [_holds(atom, standing) for atom in rows[number - 1].when]
        if conditions:
            here = pl.all_horizontal(conditions) if len(conditions) > 1 else conditions[0]
            found = pl.when(here).then(number_of).otherwise(found)
        else:
            found = number_of
    return standing.situation.stages.put(object(), found)


def said_by_row(row: pl.Expr, words: Sequence[str | None], kind: pl.Enum) -> pl.Expr:
    """What the taken row says: the word for each row, None for nothing."""
    found: pl.Expr = pl.lit(None, dtype=kind)
    groups: dict[str, list[int]] = {}
    for number, word in enumerate(words, 1):
        if word is not None:
            groups.setdefault(word, []).append(number)
    for word, numbers in groups.items():
        here = any_of(row == number for number in numbers)
        found = pl.when(here).then(pl.lit(word, dtype=kind)).otherwise(found)
    return found


def _holds(atom: Atom, standing: Standing) -> pl.Expr:
    """Whether the condition holds: anything but true is no."""
    match atom:
        case FactAtom(leaf):
            return passes(leaf, standing.situation)
        case ScoreAtom(score, op, operand):
            value = standing.scores.get(score)
            return _never() if value is None else holds(op, value, operand)
        case ScreeningAtom(outcomes):
            return _never() if standing.outcome is None else standing.outcome.is_in(list(outcomes))
        case FailedAtom(effect, group, criterion):
            judged = _narrowed(standing, group, criterion)
            return _never() if judged is None else some_failed(judged, effect)
        case UnknownAtom(wanted, group, criterion):
            judged = _narrowed(standing, group, criterion)
            if judged is None:
                return _never()
            return some_unknown(judged) if wanted else ~some_unknown(judged)
        case WarningsAtom(wanted):
            if standing.judged is None:
                return _never()
            some = any_of([some_noted(standing.judged), *standing.warned]).fill_null(False)
            return some if wanted else ~some
        case BandAtom() | StreakAtom() | ClearForAtom():
            return _upkeep(atom, standing)
    raise EngineFault(f"no way to decide the condition `{type(atom).__name__}`")


def _upkeep(atom: BandAtom | StreakAtom | ClearForAtom, standing: Standing) -> pl.Expr:
    """Conditions over bands, streaks and clear months."""
    match atom:
        case BandAtom(level, band):
            least = 1 if level == "alert" else 2
            if band is None:
                return any_of(at >= least for at in standing.levels.values())
            at = standing.levels.get(band)
            return _never() if at is None else at >= least
        case StreakAtom(op, operand, None):
            longest = pl.max_horizontal(list(standing.streaks.values())) if standing.streaks else pl.lit(0)
            return holds(op, longest, operand)
        case StreakAtom(op, operand, band):
            return holds(op, standing.streaks.get(band or "", pl.lit(0)), operand)
        case ClearForAtom(months):
            return _never() if standing.clear_months is None else standing.clear_months >= months


def _narrowed(standing: Standing, group: str | None, criterion: str | None) -> list[Judged] | None:
    if standing.judged is None:
        return None
    return [
        one
        for one in standing.judged
        if (group is None or one.criterion.group == group) and (criterion is None or one.criterion.id == criterion)
    ]


def _never() -> pl.Expr:
    return pl.lit(False)
