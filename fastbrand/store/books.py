"""Released rule books: immutable closures under their sha256, the approvals that bring them into force, and which were
cancelled before their date."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Unpack

from sqlalchemy import Connection, LargeBinary, Select, UniqueConstraint, bindparam, insert, select
from sqlmodel import Field

from fastbrand.domain.audit import BOOTSTRAP, SYSTEM, Verb
from fastbrand.domain.errors import FourEyes, InputError, NotFound, Refused
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import JsonText, SequenceId, StoreTable, UtcTime
from fastbrand.store.once import InsertOnce
from fastbrand.store.turns import take_turn

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""From when the book of an empty database is in force: nothing was before it."""


class BookState(StrEnum):
    """Where a release stands. ``live`` and ``superseded`` depend on the moment; the others are of the record."""

    PROPOSED = "proposed"  # waits for a second person
    APPROVED = "approved"  # in force from its date, which is yet to come
    LIVE = "live"  # approved and in force
    SUPERSEDED = "superseded"  # a newer one is in force
    CANCELLED = "cancelled"  # before it ever was in force


class BookTable(StoreTable, table=True):
    """A release: what it is, who made it and why. Append-only."""

    __tablename__ = "rulebook_release"

    sha256: str = Field(primary_key=True, max_length=64)
    closure: bytes = Field(sa_type=LargeBinary)
    versions: str = Field(sa_type=JsonText)
    wanted_from: datetime | None = Field(default=None, sa_type=UtcTime)
    released_by: str = Field(max_length=80)
    released_at: datetime = Field(sa_type=UtcTime)
    reason: str | None = None
    acknowledged: str = Field(sa_type=JsonText)
    evidence: str = Field(sa_type=JsonText)


class ApprovalTable(StoreTable, table=True):
    """An approval: from when a release is in force, and by whose word. Append-only."""

    __tablename__ = "rulebook_approval"
    __table_args__ = (UniqueConstraint("sha256", "effective_from"),)

    seq: int | None = Field(default=None, primary_key=True, sa_type=SequenceId)
    sha256: str = Field(max_length=64, foreign_key="rulebook_release.sha256")
    effective_from: datetime = Field(sa_type=UtcTime)
    approved_by: str = Field(max_length=80)
    approved_at: datetime = Field(sa_type=UtcTime)
    reason: str | None = None


class CancellationTable(StoreTable, table=True):
    """A release that never came into force: who took it back before its date. Append-only."""

    __tablename__ = "rulebook_cancellation"

    sha256: str = Field(primary_key=True, max_length=64, foreign_key="rulebook_release.sha256")
    cancelled_by: str = Field(max_length=80)
    cancelled_at: datetime = Field(sa_type=UtcTime)
    reason: str | None = None


BOOK = StoreTable.metadata.tables["rulebook_release"]
APPROVAL = StoreTable.metadata.tables["rulebook_approval"]
CANCELLATION = StoreTable.metadata.tables["rulebook_cancellation"]


@dataclass(frozen=True, slots=True)
class BookRow:
    """A release. ``effective_from`` is when it comes into force (asked for, while nobody has approved it).

    ``acknowledged`` are codes of warnings that the editor took on, ``reason`` the editor's, ``evidence`` what check,
    tests and backtest said when it was released.
    """

    sha256: str
    closure: bytes
    versions: dict[str, str]
    state: BookState
    effective_from: datetime | None
    released_by: str
    released_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    reason: str | None
    acknowledged: tuple[str, ...]
    evidence: dict[str, Any]
    cancelled_by: str | None
    cancelled_at: datetime | None


_STORE = InsertOnce(BOOK, ("sha256",))
_JOINED: Select[Any] = select(
    BOOK,
    *(APPROVAL.c.effective_from, APPROVAL.c.approved_by, APPROVAL.c.approved_at),
    *(CANCELLATION.c.cancelled_by, CANCELLATION.c.cancelled_at),
).outerjoin(CANCELLATION, CANCELLATION.c.sha256 == BOOK.c.sha256)
_EVERY = _JOINED.outerjoin(APPROVAL, APPROVAL.c.sha256 == BOOK.c.sha256)
_IN_FORCE = (
    _JOINED.join(APPROVAL, APPROVAL.c.sha256 == BOOK.c.sha256)
    .where(APPROVAL.c.effective_from <= bindparam("moment"), CANCELLATION.c.sha256.is_(None))
    .order_by(APPROVAL.c.effective_from.desc(), APPROVAL.c.seq.desc())
    .limit(1)
)
_ONE = _EVERY.where(BOOK.c.sha256 == bindparam("sha")).order_by(APPROVAL.c.seq.desc()).limit(1)


def bootstrap(
    conn: Connection, sha256: str, closure: bytes, versions: Mapping[str, str], at: datetime
) -> BookRow | None:
    """Put the shipped book in force in a database that has none, by ``system:bootstrap``; None where there is one."""
    take_turn(conn, "rulebooks")
    if conn.execute(select(BOOK.c.sha256).limit(1)).first() is not None:
        return None
    grounds: Grounds = {"at": at, "actor": BOOTSTRAP, "rulebook_sha256": sha256}
    _release(conn, sha256, closure, versions, ALWAYS, (), {}, grounds)
    _approve(conn, sha256, ALWAYS, grounds)
    told = {"state": str(BookState.APPROVED), "versions": dict(versions)}
    audit.note(conn, Verb.BOOK_BOOTSTRAPPED, f"rulebook/{sha256}/bootstrap", ("rulebook", sha256), grounds, after=told)
    return get(conn, sha256)


def propose(
    conn: Connection,
    *,
    sha256: str,
    closure: bytes,
    versions: Mapping[str, str],
    effective_from: datetime | None = None,
    acknowledged: Sequence[str] = (),
    evidence: Mapping[str, Any] | None = None,
    **grounds: Unpack[Grounds],
) -> BookRow:
    """Store a release that waits for a second person; a closure that is stored already stays as it is.

    ``effective_from`` None: from the moment of approval. Raises ``InputError`` where ``sha256`` is not the closure's.
    """
    why: Grounds = {**grounds, "rulebook_sha256": sha256}
    if _release(conn, sha256, closure, versions, effective_from, acknowledged, evidence or {}, why):
        told = {
            "state": str(BookState.PROPOSED),
            "versions": dict(versions),
            "effective_from": None if effective_from is None else effective_from.isoformat(),
            "acknowledged": list(acknowledged),
            "evidence": dict(evidence or {}),
        }
        audit.note(conn, Verb.BOOK_RELEASED, f"rulebook/{sha256}/release", ("rulebook", sha256), why, after=told)
    return _there(get(conn, sha256), sha256)


def approve(conn: Connection, sha256: str, **grounds: Unpack[Grounds]) -> BookRow:
    """Bring a release into force: from the date it asked for, at the earliest from now. Approved once; again: no
    change.

    Raises ``NotFound``, and ``FourEyes`` where the approver is who released it.
    """
    take_turn(conn, "rulebooks")
    book = _there(get(conn, sha256), sha256)
    if book.state is not BookState.PROPOSED:
        return book
    at = grounds["at"]
    if grounds.get("actor", SYSTEM).id == book.released_by:
        raise FourEyes(f"`{book.released_by}` released this book and cannot approve it", hint="another person approves")
    why: Grounds = {**grounds, "rulebook_sha256": sha256}
    effective_from = at if book.effective_from is None else max(at, book.effective_from)
    told = {"state": str(BookState.APPROVED), "effective_from": effective_from.isoformat()}
    before = {"state": str(BookState.PROPOSED)}
    key = f"rulebook/{sha256}/approve"
    audit.note(conn, Verb.BOOK_APPROVED, key, ("rulebook", sha256), why, before=before, after=told)
    _approve(conn, sha256, effective_from, why)
    return _there(get(conn, sha256), sha256)


def reinstate(conn: Connection, sha256: str, **grounds: Unpack[Grounds]) -> BookRow:
    """Bring an approved book of before into force again, from now on (a rollback). Audited as an approval.

    Raises ``NotFound``, ``Refused`` where it never was in force or is already.
    """
    take_turn(conn, "rulebooks")
    at = grounds["at"]
    book = _there(standing(conn, sha256, at), sha256)
    live = live_at(conn, at)
    if book.state is BookState.PROPOSED:
        raise Refused(f"book `{sha256[:16]}` was never approved", hint="approve it: `fastbrand rules approve`")
    if book.state is BookState.APPROVED:
        raise Refused(
            f"book `{sha256[:16]}` was never in force: it will be from {book.effective_from:%Y-%m-%dT%H:%M:%SZ} on",
            hint="to have it earlier, cancel it (`fastbrand rules cancel`) and release it with a raised `version`",
        )
    if book.state is BookState.CANCELLED:
        raise Refused(
            f"book `{sha256[:16]}` was cancelled, and never in force", hint="release it again with a raised `version`"
        )
    if live is not None and live.sha256 == sha256:
        raise Refused(f"book `{sha256[:16]}` is in force already", hint="there is nothing to roll back")
    why: Grounds = {**grounds, "rulebook_sha256": sha256}
    told = {"state": str(BookState.LIVE), "effective_from": at.isoformat()}
    before = {"live": None if live is None else live.sha256}
    key = f"rulebook/{sha256}/rollback/{at.isoformat()}"
    audit.note(conn, Verb.BOOK_ROLLED_BACK, key, ("rulebook", sha256), why, before=before, after=told)
    _approve(conn, sha256, at, why)
    return _there(get(conn, sha256), sha256)


def cancel(conn: Connection, sha256: str, **grounds: Unpack[Grounds]) -> BookRow:
    """Take a release back that waits for its second person or for its date: it never comes into force.

    Raises ``NotFound``, and ``Refused`` where it is or was in force, or was cancelled before.
    """
    take_turn(conn, "rulebooks")
    at = grounds["at"]
    book = _there(standing(conn, sha256, at), sha256)
    if book.state is BookState.LIVE:
        raise Refused(
            f"book `{sha256[:16]}` is in force", hint="bring the one of before back: use `fastbrand rules rollback`"
        )
    if book.state not in (BookState.PROPOSED, BookState.APPROVED):
        raise Refused(f"book `{sha256[:16]}` is {book.state}", hint="there is nothing to cancel")
    why: Grounds = {**grounds, "rulebook_sha256": sha256}
    before = {
        "state": str(book.state),
        "effective_from": None if book.effective_from is None else book.effective_from.isoformat(),
    }
    told = {"state": str(BookState.CANCELLED)}
    key = f"rulebook/{sha256}/cancel"
    audit.note(conn, Verb.BOOK_CANCELLED, key, ("rulebook", sha256), why, before=before, after=told)
    row = {
        "sha256": sha256,
        "cancelled_by": grounds.get("actor", SYSTEM).id,
        "cancelled_at": at,
        "reason": grounds.get("reason"),
    }
    conn.execute(insert(CANCELLATION), row)
    return _there(get(conn, sha256), sha256)


def activate(conn: Connection, sha256: str, **grounds: Unpack[Grounds]) -> bool:
    """Write down that a release came into force at its date, once an approval. False where another is in force by now,
    or nobody approved this one. Raises ``NotFound``."""
    book, live = _there(get(conn, sha256), sha256), live_at(conn, grounds["at"])
    if live is None or live.sha256 != sha256 or live.effective_from is None:
        return False
    before = live_at(conn, live.effective_from - timedelta(microseconds=1))
    why: Grounds = {**grounds, "rulebook_sha256": sha256}
    audit.note(
        conn,
        Verb.BOOK_ACTIVATED,
        f"rulebook/{sha256}/activate/{live.effective_from.isoformat()}",
        ("rulebook", sha256),
        why,
        before={"live": None if before is None else before.sha256},
        after={
            "state": str(BookState.LIVE),
            "effective_from": live.effective_from.isoformat(),
            "versions": book.versions,
        },
    )
    return True


def standing(conn: Connection, sha256: str, at: datetime) -> BookRow | None:
    """The release with the state that it has at ``at``, or None."""
    row = conn.execute(_ONE, {"sha": sha256}).first()
    return None if row is None else _book(row, _state_at(row, live_at(conn, at), at))


def get(conn: Connection, sha256: str) -> BookRow | None:
    """The release, or None; its state is ``proposed``, ``approved`` or ``cancelled``."""
    row = conn.execute(_ONE, {"sha": sha256}).first()
    return None if row is None else _book(row)


def live_at(conn: Connection, at: datetime) -> BookRow | None:
    """The book in force at ``at``: of those approved with a date not after it the newest. None where there is none."""
    row = conn.execute(_IN_FORCE, {"moment": at}).first()
    return None if row is None else _book(row, BookState.LIVE)


def list_books(conn: Connection, at: datetime) -> list[BookRow]:
    """Every release, newest first, with the state it has at ``at``."""
    live = live_at(conn, at)
    rows = conn.execute(_EVERY.order_by(BOOK.c.released_at.desc(), BOOK.c.sha256, APPROVAL.c.seq.desc()))
    books: dict[str, BookRow] = {}
    for row in rows:
        books.setdefault(row.sha256, _book(row, _state_at(row, live, at)))
    return list(books.values())


def _state_at(row: Any, live: BookRow | None, at: datetime) -> BookState:
    if row.cancelled_by is not None:
        return BookState.CANCELLED
    if row.approved_by is None:
        return BookState.PROPOSED
    if live is not None and row.sha256 == live.sha256:
        return BookState.LIVE
    return BookState.APPROVED if row.effective_from > at else BookState.SUPERSEDED


def _release(
    conn: Connection,
    sha256: str,
    closure: bytes,
    versions: Mapping[str, str],
    wanted_from: datetime | None,
    acknowledged: Sequence[str],
    evidence: Mapping[str, Any],
    grounds: Grounds,
) -> bool:
    if hashlib.sha256(closure).hexdigest() != sha256:
        raise InputError(f"`{sha256}` is not the sha256 of the book", hint="release the book as it was loaded")
    row = {
        "sha256": sha256,
        "closure": closure,
        "versions": dict(versions),
        "wanted_from": wanted_from,
        "released_by": grounds.get("actor", SYSTEM).id,
        "released_at": grounds["at"],
        "reason": grounds.get("reason"),
        "acknowledged": list(acknowledged),
        "evidence": dict(evidence),
    }
    return _STORE(conn, row)


def _approve(conn: Connection, sha256: str, effective_from: datetime, grounds: Grounds) -> None:
    row = {
        "sha256": sha256,
        "effective_from": effective_from,
        "approved_by": grounds.get("actor", SYSTEM).id,
        "approved_at": grounds["at"],
        "reason": grounds.get("reason"),
    }
    conn.execute(insert(APPROVAL), row)


def _book(row: Any, state: BookState | None = None) -> BookRow:
    approved = row.approved_by is not None
    recorded = BookState.APPROVED if approved else BookState.PROPOSED
    return BookRow(
        sha256=row.sha256,
        closure=bytes(row.closure),
        versions=row.versions,
        state=state or (recorded if row.cancelled_by is None else BookState.CANCELLED),
        effective_from=row.effective_from if approved else row.wanted_from,
        released_by=row.released_by,
        released_at=row.released_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        reason=row.reason,
        acknowledged=tuple(row.acknowledged),
        evidence=dict(row.evidence),
        cancelled_by=row.cancelled_by,
        cancelled_at=row.cancelled_at,
    )


def _there(book: BookRow | None, sha256: str) -> BookRow:
    if book is None:
        raise NotFound(f"book `{sha256[:64]}` is not stored", hint="see `fastbrand rules list`")
    return book
