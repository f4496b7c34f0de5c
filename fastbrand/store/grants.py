"""Grants of bonus traffic and their tranches as they stand, and the line that waits before a dry pool.

Amounts are integers in pool units. What a grant holds is booked in the ledger; change both in one transaction, or
``reconcile`` will tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Connection,
    Index,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy import update as sql_update
from sqlmodel import Field

from fastbrand.domain.audit import AuditEvent
from fastbrand.domain.errors import LedgerConflict, NotFound
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit
from fastbrand.store.changes import change
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class GrantTable(StoreTable, table=True):
    """A grant as it stands. ``queue_position`` is given once, when it first waits, and never again to anybody."""

    __tablename__ = "bonus_grant"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="not_negative"),
        UniqueConstraint("party_id", "period"),
        UniqueConstraint("pool_id", "queue_position"),
        Index(None, "pool_id", "state", "queue_position"),
    )

    grant_id: str = Field(primary_key=True, max_length=96)
    party_id: str = Field(max_length=64, foreign_key="party.party_id")
    track: Track = Field(sa_type=enum_text(Track))
    pool_id: str = Field(max_length=64)
    period: str = Field(max_length=16)
    amount: int = Field(sa_type=BigInteger)
    state: GrantState = Field(sa_type=enum_text(GrantState))
    attempt: int
    queue_position: int | None = Field(default=None, sa_type=BigInteger)
    decision_id: str | None = Field(default=None, max_length=34)
    confirmed_by: str | None = Field(default=None, max_length=80)
    cause: str | None = Field(default=None, max_length=80)
    created_at: datetime = Field(sa_type=UtcTime)
    closes_at: datetime | None = Field(default=None, sa_type=UtcTime)
    next_event_at: datetime | None = Field(default=None, sa_type=UtcTime)


class TrancheTable(StoreTable, table=True):
    """A tranche as it stands."""

    __tablename__ = "tranche"
    __table_args__ = (CheckConstraint("amount >= 0 AND consumed >= 0 AND consumed <= amount", name="not_negative"),)

    grant_id: str = Field(primary_key=True, max_length=96, foreign_key="bonus_grant.grant_id")
    no: int = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    due_at: datetime = Field(sa_type=UtcTime)
    state: TrancheState = Field(sa_type=enum_text(TrancheState))
    released_at: datetime | None = Field(default=None, sa_type=UtcTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcTime)
    consumed: int = Field(sa_type=BigInteger)


class WaitingLineTable(StoreTable, table=True):
    """The last place given out in the line before a pool."""

    __tablename__ = "waiting_line"

    pool_id: str = Field(primary_key=True, max_length=64)
    last_position: int = Field(sa_type=BigInteger)


_TABLES = StoreTable.metadata.tables
GRANT = _TABLES["bonus_grant"]
TRANCHE = _TABLES["tranche"]
WAITING_LINE = _TABLES["waiting_line"]


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant as it stands. ``attempt`` counts tries to reserve; ``cause`` is why it waits, lapsed or was given up."""

    grant_id: str
    party_id: str
    track: Track
    pool_id: str
    period: str
    amount: int
    state: GrantState
    attempt: int
    queue_position: int | None
    decision_id: str | None
    confirmed_by: str | None
    cause: str | None
    created_at: datetime
    closes_at: datetime | None
    next_event_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrancheRow:
    """A tranche as it stands."""

    grant_id: str
    no: int
    amount: int
    due_at: datetime
    state: TrancheState
    released_at: datetime | None
    expires_at: datetime | None
    consumed: int


@dataclass(frozen=True, slots=True)
class NewTranche:
    """A tranche to plan: numbered from 1."""

    no: int
    amount: int
    due_at: datetime


class GrantChanges(TypedDict, total=False):
    """Columns of a grant that a step may set. A grant that starts to wait gets its place in line by itself."""

    amount: int
    state: GrantState
    attempt: int
    decision_id: str | None
    confirmed_by: str | None
    cause: str | None
    closes_at: datetime | None
    next_event_at: datetime | None


class TrancheChanges(TypedDict, total=False):
    """Columns of a tranche that a step may set."""

    state: TrancheState
    due_at: datetime
    released_at: datetime | None
    expires_at: datetime | None
    consumed: int


_GRANTS = RowReader(GRANT, GrantRow)
_TRANCHES = RowReader(TRANCHE, TrancheRow)
_CREATE = InsertOnce(GRANT, ("grant_id",))
_OPEN_LINE = InsertOnce(WAITING_LINE, ("pool_id",))
_GET = _GRANTS.select.where(GRANT.c.grant_id == bindparam("the_grant"))
_PLAN = _TRANCHES.select.where(TRANCHE.c.grant_id == bindparam("the_grant")).order_by(TRANCHE.c.no)


def create(
    conn: Connection,
    event: AuditEvent | None,
    at: datetime,
    *,
    grant_id: str,
    party_id: str,
    track: Track,
    pool_id: str,
    period: str,
    amount: int,
    state: GrantState,
    attempt: int = 1,
    decision_id: str | None = None,
    cause: str | None = None,
    closes_at: datetime | None = None,
    next_event_at: datetime | None = None,
) -> GrantRow:
    """Make a grant at ``at`` and write ``event``; a grant that is there stays as it is."""
    row: dict[str, Any] = {
        "grant_id": grant_id,
        "party_id": party_id,
        "track": track,
        "pool_id": pool_id,
        "period": period,
        "amount": amount,
        "state": state,
        "attempt": attempt,
        "decision_id": decision_id,
        "cause": cause,
        "created_at": at,
        "closes_at": closes_at,
        "next_event_at": next_event_at,
    }
    if get(conn, grant_id) is None:
        if state is GrantState.WAITING:
            row["queue_position"] = _next_position(conn, pool_id)
        if _CREATE(conn, row) and event is not None:
            audit.append(conn, event, at)
    return _there(get(conn, grant_id), grant_id)


def update(
    conn: Connection, grant_id: str, event: AuditEvent | None, at: datetime, **changes: Unpack[GrantChanges]
) -> GrantRow:
    """Set columns and write ``event``; where that event was written before, nothing changes. Returns the grant as it
    is.

    ``event`` None: the ledger's functions write the event of this step in the same transaction. Raises ``NotFound``.
    """
    grant = _there(get(conn, grant_id), grant_id)
    values: dict[str, Any] = dict(changes)
    if changes.get("state") is GrantState.WAITING and grant.queue_position is None:
        values["queue_position"] = _next_position(conn, grant.pool_id)
    change(conn, GRANT, {"grant_id": grant_id}, values, event, at)
    return _there(get(conn, grant_id), grant_id)


def get(conn: Connection, grant_id: str) -> GrantRow | None:
    """The grant, or None."""
    return _GRANTS.first(conn, _GET, {"the_grant": grant_id})


def list_grants(
    conn: Connection,
    *,
    party_id: str | None = None,
    state: GrantState | Collection[GrantState] | None = None,
    pool_id: str | None = None,
    period: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> list[GrantRow]:
    """Grants, the newest period first. ``cursor`` is the last id of the page before; ``state`` is one or several."""
    statement = _GRANTS.select.order_by(GRANT.c.period.desc(), GRANT.c.grant_id)
    if state is not None:
        states = [state] if isinstance(state, GrantState) else list(state)
        statement = statement.where(GRANT.c.state.in_(states))
    for column, value in ((GRANT.c.party_id, party_id), (GRANT.c.pool_id, pool_id), (GRANT.c.period, period)):
        if value is not None:
            statement = statement.where(column == value)
    if cursor is not None:
        last = select(GRANT.c.period).where(GRANT.c.grant_id == cursor).scalar_subquery()
        behind = (GRANT.c.period == last) & (GRANT.c.grant_id > cursor)
        statement = statement.where((GRANT.c.period < last) | behind)
    return _GRANTS.all(conn, statement if limit is None else statement.limit(limit))


def by_ids(conn: Connection, grant_ids: Sequence[str]) -> list[GrantRow]:
    """Those of ``grant_ids`` that there are."""
    return _among(conn, GRANT.c.grant_id, grant_ids)


def of_parties(conn: Connection, party_ids: Iterable[str]) -> list[GrantRow]:
    """Every grant of these parties, by id."""
    return sorted(_among(conn, GRANT.c.party_id, sorted(set(party_ids))), key=lambda row: row.grant_id)


def _among(conn: Connection, column: ColumnElement[str], wanted: Sequence[str]) -> list[GrantRow]:
    """Grants whose ``column`` is one of ``wanted``, so many at a time as a statement takes."""
    found: list[GrantRow] = []
    for start in range(0, len(wanted), 500):
        found += _GRANTS.all(conn, _GRANTS.select.where(column.in_(wanted[start : start + 500])))
    return found


def plan_tranches(conn: Connection, grant_id: str, tranches: Sequence[NewTranche]) -> list[TrancheRow]:
    """Give a grant its tranches. The same again changes nothing; others replace a plan of which nothing has happened
    yet.

    Raises ``LedgerConflict`` where something has, and ``NotFound``.
    """
    _there(get(conn, grant_id), grant_id)
    there = tranches_of(conn, grant_id)
    if [(row.no, row.amount, row.due_at) for row in there] == [(new.no, new.amount, new.due_at) for new in tranches]:
        return there
    if any(row.state is not TrancheState.PLANNED for row in there):
        raise LedgerConflict(
            f"tranches of grant `{grant_id}` have begun", hint="a plan is changed before its first tranche"
        )
    conn.execute(delete(TRANCHE).where(TRANCHE.c.grant_id == grant_id))
    rows = [
        {
            "grant_id": grant_id,
            "no": new.no,
            "amount": new.amount,
            "due_at": new.due_at,
            "state": TrancheState.PLANNED,
            "consumed": 0,
        }
        for new in tranches
    ]
    if rows:
        conn.execute(insert(TRANCHE), rows)
    return tranches_of(conn, grant_id)


def update_tranche(
    conn: Connection,
    grant_id: str,
    no: int,
    event: AuditEvent | None,
    at: datetime,
    **changes: Unpack[TrancheChanges],
) -> TrancheRow:
    """As ``update``, for one tranche."""
    change(conn, TRANCHE, {"grant_id": grant_id, "no": no}, dict(changes), event, at)
    return next(row for row in tranches_of(conn, grant_id) if row.no == no)


def tranches_of(conn: Connection, grant_id: str) -> list[TrancheRow]:
    """A grant's tranches, first to last."""
    return _TRANCHES.all(conn, _PLAN, {"the_grant": grant_id})


def tranches_of_many(conn: Connection, grant_ids: Iterable[str]) -> dict[str, list[TrancheRow]]:
    """Grant id -> its tranches; every id asked for is a key of the answer."""
    found: dict[str, list[TrancheRow]] = {grant_id: [] for grant_id in grant_ids}
    wanted = list(found)
    for start in range(0, len(wanted), 500):
        some = _TRANCHES.select.where(TRANCHE.c.grant_id.in_(wanted[start : start + 500]))
        for row in _TRANCHES.all(conn, some.order_by(TRANCHE.c.grant_id, TRANCHE.c.no)):
            found[row.grant_id].append(row)
    return found


def waiting_before(conn: Connection, pool_id: str, grant_id: str) -> int:
    """How many grants wait for the pool before this one; all that wait, where it has no place in line."""
    waiting = select(func.count()).select_from(GRANT).where(*_waiting(pool_id), GRANT.c.grant_id != grant_id)
    grant = get(conn, grant_id)
    if grant is not None and grant.queue_position is not None:
        waiting = waiting.where(GRANT.c.queue_position < grant.queue_position)
    return int(conn.execute(waiting).scalar_one())


def head_of_line(conn: Connection, pool_id: str) -> GrantRow | None:
    """The grant that has waited longest for the pool, or None."""
    line = _GRANTS.select.where(*_waiting(pool_id)).order_by(GRANT.c.queue_position).limit(1)
    return _GRANTS.first(conn, line)


def _waiting(pool_id: str) -> tuple[Any, ...]:
    return GRANT.c.pool_id == pool_id, GRANT.c.state == GrantState.WAITING


def _next_position(conn: Connection, pool_id: str) -> int:
    """The next place in line; the row's lock makes others wait until this transaction ends."""
    line = WAITING_LINE.c.pool_id == pool_id
    _OPEN_LINE(conn, {"pool_id": pool_id, "last_position": 0})
    conn.execute(sql_update(WAITING_LINE).where(line).values(last_position=WAITING_LINE.c.last_position + 1))
    return int(conn.execute(select(WAITING_LINE.c.last_position).where(line)).scalar_one())


def _there(grant: GrantRow | None, grant_id: str) -> GrantRow:
    if grant is None:
        raise NotFound(f"grant `{grant_id}` is not known", hint="see `fastbrand grant list`")
    return grant
