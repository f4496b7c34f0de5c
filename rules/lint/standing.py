"""What maintenance rows look at: where bands stand, their streaks, months without any, and facts.

Bands that a row names have an axis each: where the band stands (None: unknown) with its streak. All others together
have one: the worst that any of them stands at, whether one is unknown, and the longest of their streaks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from rules.lint.cells import FAIL, PASS, UNKNOWN, begins
from rules.lint.possible import Conditions, Part
from rules.lint.screened import compares, fact_axes, fact_holds
from rules.lint.states import Axes, State
from rules.lint.study import Study
from rules.model import Atom, Band, BandAtom, ClearForAtom, FactAtom, Maintenance, Row, StreakAtom
from rules.rows import ALERT, CLEAR, LIMIT

CLEAR_FOR: Hashable = ("clear",)
REST: Hashable = ("rest",)


@dataclass(frozen=True, slots=True)
class Stands:
    """Where one band stands, or the others together: ``level`` None is unknown, ``unclear`` that one of them is."""

    level: int | None
    streak: int
    unclear: bool


class Standings:
    """The states of a party in standing."""

    def __init__(self, study: Study, book: Maintenance) -> None:
        self.study = study
        self.bands = {band.id: band for band in book.bands}
        self.levels = {band.id: levels(study, band) for band in book.bands}

    # --- axes ---------------------------------------------------------------------------------------------------

    def axes(self, rows: Sequence[Row]) -> Axes:
        """An axis for each band that is named, for the rest of them, for clear months and for facts."""
        atoms = [atom for row in rows for atom in row.when]
        named = {atom.band for atom in atoms if isinstance(atom, BandAtom | StreakAtom) and atom.band in self.bands}
        streaks = sorted({0, 1, *chain.from_iterable(_starts(atom) for atom in atoms if isinstance(atom, StreakAtom))})
        streaks = [streak for streak in streaks if streak >= 0]
        found: dict[Hashable, Sequence[Any]] = {
            ("band", name): list(self._stands([name], streaks)) for name in sorted(name for name in named if name)
        }
        if any(isinstance(atom, BandAtom | StreakAtom | ClearForAtom) for atom in atoms):
            found[REST] = list(self._stands([name for name in self.bands if name not in named], streaks, together=True))
        months = {atom.months for atom in atoms if isinstance(atom, ClearForAtom)}
        if months:
            found[CLEAR_FOR] = sorted({0, 1, *months})
        return {**found, **fact_axes(self.study, [atom.leaf for atom in atoms if isinstance(atom, FactAtom)])}

    def _stands(self, names: Sequence[str], streaks: Sequence[int], *, together: bool = False) -> Iterator[Stands]:
        possible = set().union(*(self.levels[name] for name in names)) if names else {CLEAR}
        counts = any(LIMIT in self.levels[name] for name in names)
        for level in (CLEAR, ALERT, LIMIT):
            if level in possible or (level == CLEAR and together and None in possible):
                yield from self._with_streaks(level, streaks, unclear=False)
                if together and None in possible:
                    yield from (Stands(level, streak, True) for streak in (streaks if counts else (0,)))
        if None in possible and not together:
            # an unknown observation leaves the streak as it was
            yield from (Stands(None, streak, True) for streak in (streaks if counts else (0,)))

    def _with_streaks(self, level: int, streaks: Sequence[int], *, unclear: bool) -> Iterator[Stands]:
        for streak in streaks if level == LIMIT else (0,):
            if level != LIMIT or streak >= 1:
                yield Stands(level, streak, unclear)

    def looks_at(self, row: Row) -> frozenset[Hashable]:
        """Standing, streaks, months, and facts by name."""
        kinds = {BandAtom: "band", StreakAtom: "streak", ClearForAtom: "clear"}
        return frozenset(
            ("fact", atom.leaf.fact) if isinstance(atom, FactAtom) else kinds.get(type(atom), "") for atom in row.when
        )

    # --- states -------------------------------------------------------------------------------------------------

    def valid(self, state: State) -> bool:
        """Whether the clear months fit where the bands stand."""
        months = state.get(CLEAR_FOR)
        if months is None:
            return True
        stands = list(every_stand(state))
        if any(each.level is not None and each.level > CLEAR for each in stands):
            return bool(months == 0)
        return any(each.unclear for each in stands) or months >= 1

    def holds(self, atom: Atom, state: State) -> bool:
        """Whether ``atom`` certainly holds."""
        match atom:
            case FactAtom(leaf):
                return fact_holds(self.study, leaf, state)
            case BandAtom(level, band):
                least = ALERT if level == "alert" else LIMIT
                stands = [state["band", band]] if band is not None else every_stand(state)
                return any(each.level is not None and each.level >= least for each in stands)
            case StreakAtom(op, operand, band):
                streak = state["band", band].streak if band is not None else longest(state)
                return compares(op, operand, streak)
            case ClearForAtom(months):
                return bool(state[CLEAR_FOR] >= months)
            case _:
                return False


def every_stand(state: State) -> Iterator[Stands]:
    """Where the bands stand in ``state``."""
    return (cell for cell in state.values() if isinstance(cell, Stands))


def longest(state: State) -> int:
    """The longest streak in ``state``."""
    return max((each.streak for each in every_stand(state)), default=0)


def levels(study: Study, band: Band) -> frozenset[int | None]:
    """Where ``band`` can stand; None is unknown."""
    parts = {
        level: Part(leaf, band.min_sample)
        for level, leaf in ((ALERT, band.alert), (LIMIT, band.limit))
        if leaf is not None
    }
    conditions = Conditions(list(parts.values()), study.vocabulary)
    found: set[int | None] = set()
    for env in conditions.cases():
        masks = {level: conditions.mask(part, env) for level, part in parts.items()}
        for limit in _bits(masks.get(LIMIT, FAIL)):
            found.update(_level(limit, alert) for alert in _bits(masks.get(ALERT, FAIL)))
    return frozenset(found)


def _level(limit: int, alert: int) -> int | None:
    if limit == PASS:
        return LIMIT
    if UNKNOWN in (limit, alert):
        return None
    return ALERT if alert == PASS else CLEAR


def _bits(mask: int) -> list[int]:
    return [bit for bit in (FAIL, UNKNOWN, PASS) if mask & bit]


def _starts(atom: StreakAtom) -> Iterable[int]:
    return begins(atom.op, atom.operand)
