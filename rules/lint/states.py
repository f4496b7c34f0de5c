"""Which rows are ever reached: every combination of what the rows look at, and the first row that holds in each.

A ``Space`` says what a row looks at (its axes, each with finitely many cells), which combinations cannot be, and when a
condition certainly holds. It may have combinations that no party has, never the other way round, so a row that is
reached in none of them is reached by nobody. Where the rows together look at more than ``MAX_STATES`` combinations,
each is compared with at most ``MAX_EARLIER`` earlier ones that look at nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from math import prod
from typing import Any, Protocol

from rules.model import Atom, Row

MAX_STATES = 20_000
"""Most combinations that rows are looked at in."""
MAX_EARLIER = 40
"""Most earlier rows that a row is compared with where there are too many combinations for all."""

Axes = Mapping[Hashable, Sequence[Any]]
State = Mapping[Hashable, Any]


class Space(Protocol):
    """What the rows of one rule book look at."""

    def axes(self, rows: Sequence[Row]) -> Axes:
        """The axes of ``rows`` and their cells."""

    def looks_at(self, row: Row) -> frozenset[Hashable]:
        """Kinds of things that ``row`` looks at: a row can only imply one that looks at nothing else."""

    def valid(self, state: State) -> bool:
        """False where no party is in ``state``."""

    def holds(self, atom: Atom, state: State) -> bool:
        """Whether a condition certainly holds in ``state``."""


@dataclass(slots=True)
class Fate:
    """What becomes of a row: whether it may hold, and whether it may be taken.

    ``takers``: the rows taken where it holds. ``covers``: the rows that hold wherever it does (None: it never does).
    """

    may_hold: bool = False
    reached: bool = False
    takers: set[int] = field(default_factory=set)
    covers: frozenset[int] | None = None

    def seen(self, place: int, holding: Sequence[int]) -> None:
        """The row at ``place`` is among the rows ``holding`` in a state, in file order."""
        self.add(Fate(True, holding[0] == place, {holding[0]}, frozenset(holding)))

    def add(self, other: Fate) -> None:
        """Take in what becomes of the row elsewhere."""
        self.may_hold |= other.may_hold
        self.reached |= other.reached
        self.takers |= other.takers
        if other.covers is not None:
            self.covers = other.covers if self.covers is None else self.covers & other.covers

    def shadowed_by(self, place: int) -> list[int]:
        """The rows that take everybody from the row at ``place``: one, where one does it alone."""
        alone = [row for row in sorted(self.covers or ()) if row < place]
        return alone[:1] or sorted(self.takers)


def states(space: Space, rows: Sequence[Row]) -> Iterator[State] | None:
    """Every state that ``rows`` tell apart; None where there are too many."""
    axes = space.axes(rows)
    if prod(len(cells) for cells in axes.values()) > MAX_STATES:
        return None
    names = list(axes)
    every = (dict(zip(names, cells, strict=True)) for cells in product(*axes.values()))
    return (state for state in every if space.valid(state))


def taken(space: Space, rows: Sequence[Row], state: State) -> int | None:
    """The first of ``rows`` that holds in ``state``."""
    return next((place for place, row in enumerate(rows) if _holds(space, row, state)), None)


def fates(spaces: Sequence[Space], rows: Sequence[Row]) -> list[Fate]:
    """What becomes of each of ``rows`` in any of ``spaces``."""
    found = [Fate() for _ in rows]
    for space in spaces:
        for fate, more in zip(found, _fates(space, rows), strict=True):
            fate.add(more)
    return found


def _fates(space: Space, rows: Sequence[Row]) -> list[Fate]:
    found = [Fate() for _ in rows]
    every = states(space, rows)
    if every is None:
        return _one_by_one(space, rows)
    for state in every:
        holding = [place for place, row in enumerate(rows) if _holds(space, row, state)]
        for place in holding:
            found[place].seen(place, holding)
    return found


def _one_by_one(space: Space, rows: Sequence[Row]) -> list[Fate]:
    """Each row alone, and beside earlier ones that look at nothing that it does not look at."""
    found = [Fate(may_hold=True, reached=True) for _ in rows]
    seen: dict[frozenset[Hashable], list[int]] = {}
    for place, row in enumerate(rows):
        looks_at = space.looks_at(row)
        alone = states(space, [row])
        if alone is not None and not any(_holds(space, row, state) for state in alone):
            found[place] = Fate()
            continue
        earlier = (each for names, places in seen.items() if names <= looks_at for each in places)
        taker = next((each for each in islice(earlier, MAX_EARLIER) if _takes(space, rows[each], row)), None)
        if taker is None:
            seen.setdefault(looks_at, []).append(place)
        else:
            found[place] = Fate(may_hold=True, takers={taker})
    return found


def _takes(space: Space, before: Row, row: Row) -> bool:
    """Whether ``before`` holds wherever ``row`` does."""
    both = states(space, [before, row])
    return both is not None and all(taken(space, [before, row], state) != 1 for state in both)


def _holds(space: Space, row: Row, state: State) -> bool:
    return all(space.holds(atom, state) for atom in row.when)
