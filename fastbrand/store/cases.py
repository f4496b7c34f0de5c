"""Vetting cases: what waits for a person, for whom, and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, Unpack

from sqlalchemy import Connection, Index, UniqueConstraint, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Field

from fastbrand.domain.audit import AuditEvent
from fastbrand.domain.errors import NotFound
from fastbrand.store import audit
from fastbrand.store.changes import change
from fastbrand.store.columns import JsonText, StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    INFO_REQUESTED = "info_requested"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class CaseKind(StrEnum):
    """What a case is about: may the party in, was a decision right, may it keep its standing."""

    VETTING = "vetting"
    APPEAL = "appeal"
    STANDING = "standing"


ENDED: frozenset[CaseState] = frozenset({CaseState.CONFIRMED, CaseState.CLOSED})
"""States in which a case waits for nobody."""


class CaseTable(StoreTable, table=True):
    """A case as it stands; what happened to it is in the audit log."""

    __tablename__ = "vetting_case"
    __table_args__ = (UniqueConstraint("party_id", "number"), Index(None, "state", "due_at"))

    case_id: str = Field(primary_key=True, max_length=96)
    party_id: str = Field(max_length=64, foreign_key="party.party_id")
    number: int
    kind: CaseKind = Field(sa_type=enum_text(CaseKind))
    state: CaseState = Field(sa_type=enum_text(CaseState))
    queue: str = Field(max_length=64)
    role: str = Field(max_length=40)
    four_eyes: bool
    assignee: str | None = Field(default=None, max_length=80)
    opened_at: datetime = Field(sa_type=UtcTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcTime)
    warn_at: datetime | None = Field(default=None, sa_type=UtcTime)
    paused_at: datetime | None = Field(default=None, sa_type=UtcTime)
    sla_business: bool
    sla_warned: bool
    sla_breached: bool
    escalate_to: str | None = Field(default=None, sa_type=JsonText)
    escalated_at: datetime | None = Field(default=None, sa_type=UtcTime)
    rounds: int
    info_deadline: datetime | None = Field(default=None, sa_type=UtcTime)
    proposal: str | None = Field(default=None, sa_type=JsonText)
    outcome: str | None = Field(default=None, max_length=40)
    decision_id: str | None = Field(default=None, max_length=34)
    screening: str = Field(max_length=40)
    clean: bool
    screening_no: int
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    close_reason: str | None = None
    overridden: bool
    unknown: str = Field(sa_type=JsonText)
    excluded: str = Field(sa_type=JsonText)


CASE = StoreTable.metadata.tables["vetting_case"]


class Proposal(TypedDict):
    """What a maker proposes: ``outcome`` approve or reject, why, by whom, and whether a second person must confirm.

    ``override``: the rules found otherwise; ``waived`` are criteria that are not met and need not be; ``final``: the
    party may never apply again. ``confirmed_by`` is there once a second person has.
    """

    outcome: str
    reason_code: str
    by: str
    second: bool
    note: NotRequired[str]
    override: NotRequired[bool]
    waived: NotRequired[list[str]]
    final: NotRequired[bool]
    confirmed_by: NotRequired[str]


class Place(TypedDict):
    """A queue, and the role that takes cases from it."""

    queue: str
    role: str


class Missing(TypedDict):
    """A criterion that is unknown, and the facts to ask for."""

    criterion: str
    facts: list[str]


class CaseChanges(TypedDict, total=False):
    """Columns of a case that a step may set."""

    state: CaseState | str
    queue: str
    role: str
    four_eyes: bool
    assignee: str | None
    due_at: datetime | None
    warn_at: datetime | None
    paused_at: datetime | None
    sla_warned: bool
    sla_breached: bool
    escalate_to: Place | None
    escalated_at: datetime | None
    rounds: int
    info_deadline: datetime | None
    proposal: Proposal | None
    outcome: str | None
    decision_id: str | None
    screening: str
    clean: bool
    screening_no: int
    closed_at: datetime | None
    close_reason: str | None
    overridden: bool
    unknown: Sequence[Missing]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as it stands. ``rounds`` counts requests for information, ``unknown`` names what is missing.

    ``screening`` is the outcome that brought it here, ``clean`` that nothing failed and nothing is unknown.

    It is warned of at ``warn_at`` and over at ``due_at``, in business time where ``sla_business``; since ``paused_at``
    that clock stands still, and both move when it goes on. A late case goes to ``escalate_to``, which it did at
    ``escalated_at``. ``excluded`` are the people who had a part in what it is about, ``overridden`` that it was decided
    against the rules.
    """

    case_id: str
    party_id: str
    number: int
    kind: CaseKind
    state: CaseState
    queue: str
    role: str
    four_eyes: bool
    assignee: str | None
    opened_at: datetime
    due_at: datetime | None
    warn_at: datetime | None
    paused_at: datetime | None
    sla_business: bool
    sla_warned: bool
    sla_breached: bool
    escalate_to: Place | None
    escalated_at: datetime | None
    rounds: int
    info_deadline: datetime | None
    proposal: Proposal | None
    outcome: str | None
    decision_id: str | None
    screening: str
    clean: bool
    screening_no: int
    closed_at: datetime | None
    close_reason: str | None
    overridden: bool
    unknown: list[Missing]
    excluded: list[str]


_CASES = RowReader(CASE, CaseRow)
_OPEN = InsertOnce(CASE, ("case_id",))
_GET = _CASES.select.where(CASE.c.case_id == bindparam("the_case"))


def open_case(
    conn: Connection,
    event: AuditEvent,
    at: datetime,
    *,
    case_id: str,
    party_id: str,
    number: int,
    queue: str,
    role: str,
    four_eyes: bool,
    due_at: datetime | None,
    warn_at: datetime | None = None,
    sla_business: bool = False,
    escalate_to: Place | None = None,
    kind: CaseKind = CaseKind.VETTING,
    excluded: Sequence[str] = (),
    unknown: Sequence[Missing] = (),
    screening: str = "refer",
    clean: bool = False,
    screening_no: int = 1,
    decision_id: str | None = None,
) -> CaseRow:
    """Open a case at ``at`` and write ``event``; a case that is there stays as it is."""
    row = {
        "case_id": case_id,
        "party_id": party_id,
        "number": number,
        "kind": kind,
        "state": CaseState.OPEN,
        "queue": queue,
        "role": role,
        "four_eyes": four_eyes,
        "opened_at": at,
        "due_at": due_at,
        "warn_at": warn_at,
        "sla_business": sla_business,
        "sla_warned": False,
        "sla_breached": False,
        "escalate_to": escalate_to,
        "overridden": False,
        "excluded": sorted(excluded),
        "rounds": 0,
        "decision_id": decision_id,
        "screening": screening,
        "clean": clean,
        "screening_no": screening_no,
        "unknown": list(unknown),
    }
    if _OPEN(conn, row):
        audit.append(conn, event, at)
    return _there(get(conn, case_id), case_id)


def update(
    conn: Connection, case_id: str, event: AuditEvent | None, at: datetime, **changes: Unpack[CaseChanges]
) -> CaseRow:
    """Set columns and write ``event``; where that event was written before, nothing changes. Returns the case as it is.

    ``event`` None: another function writes the event of this step in the same transaction. Raises ``NotFound``.
    """
    values: dict[str, Any] = dict(changes)
    if "unknown" in values:
        values["unknown"] = list(values["unknown"])
    change(conn, CASE, {"case_id": case_id}, values, event, at)
    return _there(get(conn, case_id), case_id)


def get(conn: Connection, case_id: str) -> CaseRow | None:
    """The case, or None."""
    return _CASES.first(conn, _GET, {"the_case": case_id})


class Only(TypedDict, total=False):
    """Which cases: those that fit everything that is set.

    ``state``, ``queue`` and ``role`` are one or several; ``unclaimed``: those that nobody has; ``overdue_at``: due by
    that moment, on a clock that runs; ``escalated``: gone to where late cases go.
    """

    state: str | Collection[str] | None
    queue: str | Collection[str] | None
    role: str | Collection[str] | None
    kind: CaseKind | None
    assignee: str | None
    unclaimed: bool
    party_id: str | None
    overdue_at: datetime | None
    escalated: bool


def list_cases(conn: Connection, *, limit: int | None = None, **only: Unpack[Only]) -> list[CaseRow]:
    """Cases, the soonest due first; then those whose clock stands still, then those without a date."""
    order = (CASE.c.due_at.is_(None), CASE.c.paused_at.is_not(None), CASE.c.due_at, CASE.c.case_id)
    statement = _CASES.select.where(*_conditions(only)).order_by(*order)
    return _CASES.all(conn, statement if limit is None else statement.limit(limit))


def _conditions(only: Only) -> Iterator[ColumnElement[bool]]:
    state, queue, role = only.get("state"), only.get("queue"), only.get("role")
    if state is not None:
        yield CASE.c.state.in_([CaseState(each) for each in _several(state)])
    if queue is not None:
        yield CASE.c.queue.in_(_several(queue))
    if role is not None:
        yield CASE.c.role.in_(_several(role))
    for column, value in (
        (CASE.c.kind, only.get("kind")),
        (CASE.c.assignee, only.get("assignee")),
        (CASE.c.party_id, only.get("party_id")),
    ):
        if value is not None:
            yield column == value
    if only.get("unclaimed"):
        yield CASE.c.assignee.is_(None)
    if only.get("overdue_at") is not None:
        yield CASE.c.due_at <= only.get("overdue_at")
        yield CASE.c.paused_at.is_(None)
    if only.get("escalated"):
        yield CASE.c.escalated_at.is_not(None)


def _several(value: str | Collection[str]) -> list[str]:
    return [value] if isinstance(value, str) else sorted(value)


def count_open(conn: Connection) -> int:
    """How many cases wait for somebody."""
    waiting = select(func.count()).select_from(CASE).where(CASE.c.state.not_in(ENDED))
    return int(conn.execute(waiting).scalar_one())


def _there(case: CaseRow | None, case_id: str) -> CaseRow:
    if case is None:
        raise NotFound(f"case `{case_id}` is not known", hint="see `fastbrand case list`")
    return case
