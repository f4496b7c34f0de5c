"""Bulk intake: which file came, what was in it, and what became of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Unpack

from sqlalchemy import Connection, Index, UniqueConstraint, bindparam, select, update
from sqlmodel import Field

from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.errors import NotFound
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader

_CHUNK = 500


class RowState(StrEnum):
    """What became of a row."""

    WAITING = "waiting"
    STARTED = "started"  # its application is on its way
    SCREENED = "screened"  # the rules looked at it
    KNOWN = "known"  # the party has applied before: only its facts were taken


def _count() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": "0"})


class IntakeTable(StoreTable, table=True):
    """A file that was brought in. ``intake_id`` is a hash over what is read from it and how."""

    __tablename__ = "intake"

    intake_id: str = Field(primary_key=True, max_length=64)
    source: str = Field(max_length=120)
    rows: int
    mistakes: int
    brought_by: str = Field(max_length=80)
    brought_at: datetime = Field(sa_type=UtcTime)
    stored_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    waiting: int = (
        _count()
    )  # rows by state, kept with every change of a state: to count a long file costs as it is long
    started: int = _count()
    screened: int = _count()
    known: int = _count()


class IntakeRowTable(StoreTable, table=True):
    """A row of such a file."""

    __tablename__ = "intake_row"
    __table_args__ = (UniqueConstraint("intake_id", "party_id"), Index(None, "intake_id", "state", "number"))

    intake_id: str = Field(primary_key=True, max_length=64, foreign_key="intake.intake_id")
    number: int = Field(primary_key=True)
    party_id: str = Field(max_length=64, foreign_key="party.party_id")
    track: Track = Field(sa_type=enum_text(Track))
    state: RowState = Field(sa_type=enum_text(RowState))


INTAKE = StoreTable.metadata.tables["intake"]
INTAKE_ROW = StoreTable.metadata.tables["intake_row"]


@dataclass(frozen=True, slots=True)
class IntakeRow:
    """A file that was brought in: ``rows`` that could be taken, ``mistakes`` in those that could not.

    ``stored_at``: all its facts are in the database; ``ended_at``: all its rows were looked at. ``waiting``,
    ``started``, ``screened``, ``known``: how many rows are in that state.
    """

    intake_id: str
    source: str
    rows: int
    mistakes: int
    brought_by: str
    brought_at: datetime
    stored_at: datetime | None
    ended_at: datetime | None
    waiting: int
    started: int
    screened: int
    known: int


@dataclass(frozen=True, slots=True)
class Member:
    """A row: the party in it, and what became of it."""

    number: int
    party_id: str
    track: Track
    state: RowState


_INTAKES = RowReader(INTAKE, IntakeRow)
_MEMBERS = RowReader(INTAKE_ROW, Member)
_OPEN = InsertOnce(INTAKE, ("intake_id",))
_ADD = InsertOnce(INTAKE_ROW, ("intake_id", "number"))
_BELOW = {RowState.STARTED: (RowState.WAITING,), RowState.SCREENED: (RowState.WAITING, RowState.STARTED)}
"""From which states a row may come to one."""

_THIS = INTAKE_ROW.c.intake_id == bindparam("intake")


def open_intake(
    conn: Connection, intake_id: str, *, source: str, rows: int, mistakes: int, **grounds: Unpack[Grounds]
) -> IntakeRow:
    """A file begins to come in. Audited; one that is there stays as it is."""
    by = grounds.get("actor", SYSTEM)
    nobody = {str(state): 0 for state in RowState}
    row = {"intake_id": intake_id, "source": source, "rows": rows, "mistakes": mistakes, **nobody}
    _OPEN(conn, {**row, "brought_by": by.id, "brought_at": grounds["at"]})
    told = {"source": source, "rows": rows, "mistakes": mistakes}
    audit.note(conn, Verb.INTAKE_BEGUN, f"intake/{intake_id}", ("intake", intake_id), grounds, after=told)
    return there(conn, intake_id)


def add_rows(conn: Connection, intake_id: str, rows: Iterable[tuple[int, str, Track, RowState]]) -> int:
    """Rows of the file: number, party, track, state; those that are there stay. Returns how many were new."""
    listed: dict[RowState, list[dict[str, Any]]] = {}
    for number, party_id, track, state in rows:
        row = {"intake_id": intake_id, "number": number, "party_id": party_id, "track": track, "state": state}
        listed.setdefault(state, []).append(row)
    added = {state: _ADD.many(conn, mine) for state, mine in listed.items()}
    _recount(conn, intake_id, added)
    return sum(added.values())


def stored(conn: Connection, intake_id: str, at: datetime) -> None:
    """All of the file is in the database."""
    open_yet = INTAKE.c.intake_id == intake_id, INTAKE.c.stored_at.is_(None)
    conn.execute(update(INTAKE).where(*open_yet).values(stored_at=at))


def ended(conn: Connection, intake_id: str, **grounds: Unpack[Grounds]) -> None:
    """All rows were looked at. Audited with how many came to what; said twice, it is done once."""
    told: dict[str, Any] = {str(state): number for state, number in counts(conn, intake_id).items()}
    if audit.note(conn, Verb.INTAKE_ENDED, f"intake/{intake_id}", ("intake", intake_id), grounds, after=told):
        conn.execute(update(INTAKE).where(INTAKE.c.intake_id == intake_id).values(ended_at=grounds["at"]))


def waiting(conn: Connection, intake_id: str, limit: int) -> list[Member]:
    """The next rows that nothing was done about, in file order."""
    next_ones = _MEMBERS.select.where(_THIS, INTAKE_ROW.c.state == RowState.WAITING)
    return _MEMBERS.all(conn, next_ones.order_by(INTAKE_ROW.c.number).limit(limit), {"intake": intake_id})


def mark(conn: Connection, intake_id: str, party_ids: Sequence[str], state: RowState) -> None:
    """Set the state of the rows of these parties; a row that has got further stays."""
    change = dict.fromkeys(RowState, 0)
    for start in range(0, len(party_ids), _CHUNK):
        some = INTAKE_ROW.c.party_id.in_(party_ids[start : start + _CHUNK])
        for earlier in _BELOW.get(state, ()):
            mine = INTAKE_ROW.c.intake_id == intake_id, some, INTAKE_ROW.c.state == earlier
            moved = conn.execute(update(INTAKE_ROW).where(*mine).values(state=state)).rowcount
            change[earlier] -= moved
            change[state] += moved
    _recount(conn, intake_id, change)


def _recount(conn: Connection, intake_id: str, change: Mapping[RowState, int]) -> None:
    """So many rows more, or fewer, are in these states."""
    by = {str(state): INTAKE.c[str(state)] + number for state, number in change.items() if number}
    if by:
        conn.execute(update(INTAKE).where(INTAKE.c.intake_id == intake_id).values(by))


def known_among(conn: Connection, intake_id: str, party_ids: Sequence[str]) -> set[str]:
    """Those of ``party_ids`` that had applied before this file came."""
    found: set[str] = set()
    for start in range(0, len(party_ids), _CHUNK):
        mine = INTAKE_ROW.c.party_id.in_(party_ids[start : start + _CHUNK]), INTAKE_ROW.c.state == RowState.KNOWN
        found.update(
            conn.execute(select(INTAKE_ROW.c.party_id).where(INTAKE_ROW.c.intake_id == intake_id, *mine)).scalars()
        )
    return found


def counts(conn: Connection, intake_id: str) -> dict[RowState, int]:
    """How many rows are in which state, without states in which there are none. Raises ``NotFound``."""
    row = there(conn, intake_id)
    told = {RowState(state): int(getattr(row, state)) for state in RowState}
    return {state: number for state, number in told.items() if number}


def get(conn: Connection, intake_id: str) -> IntakeRow | None:
    """The file, or None."""
    return _INTAKES.first(conn, _INTAKES.select.where(INTAKE.c.intake_id == intake_id))


def there(conn: Connection, intake_id: str) -> IntakeRow:
    """The file. Raises ``NotFound``."""
    found = get(conn, intake_id)
    if found is None:
        raise NotFound(f"intake `{intake_id[:12]}` is not known", hint="bring the file in: `fastbrand import FILE`")
    return found


def members(conn: Connection, intake_id: str) -> list[Member]:
    """Every row, in file order."""
    return _MEMBERS.all(conn, _MEMBERS.select.where(_THIS).order_by(INTAKE_ROW.c.number), {"intake": intake_id})
