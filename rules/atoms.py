"""Conditions of a row (outcomes, routing, maintenance): all atoms of a row must certainly hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rules.terms import Leaf, Mark, Op, Otherwise


@dataclass(frozen=True, slots=True)
class FailedAtom:
    """Some criterion has ``effect`` by a fail (or reject by an unknown whose unknown is reject), narrowed."""

    effect: Otherwise
    group: str | None = None
    criterion: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownAtom:
    """Some unknown criterion has effect refer (``wanted`` False: none has), narrowed."""

    wanted: bool
    group: str | None = None
    criterion: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreAtom:
    """A score compared; an unknown score does not hold. ``operand`` scaled by the score's decimals."""

    score: str
    op: Op
    operand: Any


@dataclass(frozen=True, slots=True)
class FactAtom:
    """A leaf over a fact."""

    leaf: Leaf


@dataclass(frozen=True, slots=True)
class ScreeningAtom:
    """The outcome of the eligibility decision is one of ``outcomes``."""

    outcomes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WarningsAtom:
    """Whether the eligibility decision has notes or warnings: ``any`` True wants some, False none."""

    any: bool


@dataclass(frozen=True, slots=True)
class BandAtom:
    """A maintenance band (None: any) stands in ``level`` (alert or limit)."""

    level: Literal["alert", "limit"]
    band: str | None


@dataclass(frozen=True, slots=True)
class StreakAtom:
    """The streak of a band (None: the longest of all) compared with a number of observations."""

    op: Op
    operand: Any
    band: str | None


@dataclass(frozen=True, slots=True)
class ClearForAtom:
    """No band in alert or limit for at least ``months`` observations."""

    months: int


Atom = (
    FailedAtom
    | UnknownAtom
    | ScoreAtom
    | FactAtom
    | ScreeningAtom
    | WarningsAtom
    | BandAtom
    | StreakAtom
    | ClearForAtom
)


@dataclass(frozen=True, slots=True)
class Row:
    """``when`` all atoms hold, ``then`` this. ``then`` is JSON data with durations as ``{ms: n}``, ``{months: n}`` or
    ``{business_days: n}``; eligibility and maintenance rows have ``outcome``."""

    when: tuple[Atom, ...]
    then: Mapping[str, Any]
    mark: Mark
