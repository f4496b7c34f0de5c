"""Endorsements: the platform's mark on a party, its public number, and how long it holds."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Index, UniqueConstraint, bindparam
from sqlmodel import Field

from fastbrand.domain.audit import AuditEvent
from fastbrand.domain.errors import NotFound
from fastbrand.store import audit
from fastbrand.store.changes import change
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class EndorsementState(StrEnum):
    """Whether the mark holds."""

    ACTIVE = "active"
    SUSPENDED = "suspended"  # not to be shown while it is
    ENDED = "ended"


class EndorsementTable(StoreTable, table=True):
    """An endorsement as it stands."""

    __tablename__ = "endorsement"
    __table_args__ = (UniqueConstraint("party_id", "number"), Index(None, "state", "valid_until"))

    endorsement_id: str = Field(primary_key=True, max_length=96)
    party_id: str = Field(max_length=64, foreign_key="party.party_id")
    number: int
    public_number: str = Field(max_length=24, unique=True)
    state: EndorsementState = Field(sa_type=enum_text(EndorsementState))
    issued_at: datetime = Field(sa_type=UtcTime)
    valid_until: datetime = Field(sa_type=UtcTime)
    case_id: str | None = Field(default=None, max_length=96)
    decision_id: str | None = Field(default=None, max_length=34)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    cause: str | None = Field(default=None, max_length=80)


ENDORSEMENT = StoreTable.metadata.tables["endorsement"]


@dataclass(frozen=True, slots=True)
class EndorsementRow:
    """An endorsement as it stands. ``public_number`` is what a merchant shows and anybody may look up."""

    endorsement_id: str
    party_id: str
    number: int
    public_number: str
    state: EndorsementState
    issued_at: datetime
    valid_until: datetime
    case_id: str | None
    decision_id: str | None
    ended_at: datetime | None
    cause: str | None


_ENDORSEMENTS = RowReader(ENDORSEMENT, EndorsementRow)
_ISSUE = InsertOnce(ENDORSEMENT, ("endorsement_id",))
_GET = _ENDORSEMENTS.select.where(ENDORSEMENT.c.endorsement_id == bindparam("the_id"))


def public_number(endorsement_id: str) -> str:
    """``FB-`` and twelve characters in three groups, made from the id: no counter that tells how many there are."""
    digest = base64.b32encode(hashlib.sha256(endorsement_id.encode()).digest()).decode()
    return f"FB-{digest[:4]}-{digest[4:8]}-{digest[8:12]}"


def issue(
    conn: Connection,
    event: AuditEvent,
    at: datetime,
    *,
    endorsement_id: str,
    party_id: str,
    number: int,
    valid_until: datetime,
    case_id: str | None = None,
    decision_id: str | None = None,
) -> EndorsementRow:
    """Issue the mark at ``at`` and write ``event``; an endorsement that is there stays as it is."""
    row = {
        "endorsement_id": endorsement_id,
        "party_id": party_id,
        "number": number,
        "public_number": public_number(endorsement_id),
        "state": EndorsementState.ACTIVE,
        "issued_at": at,
        "valid_until": valid_until,
        "case_id": case_id,
        "decision_id": decision_id,
    }
    if _ISSUE(conn, row):
        audit.append(conn, event, at)
    return _there(get(conn, endorsement_id), endorsement_id)


def end(conn: Connection, endorsement_id: str, event: AuditEvent, at: datetime, *, cause: str) -> EndorsementRow:
    """End the mark by ``cause`` and write ``event``; one that has ended stays as it is. Raises ``NotFound``."""
    endorsement = _there(get(conn, endorsement_id), endorsement_id)
    if endorsement.state is EndorsementState.ENDED:
        return endorsement
    ended = {"state": EndorsementState.ENDED, "ended_at": at, "cause": cause}
    change(conn, ENDORSEMENT, {"endorsement_id": endorsement_id}, ended, event, at)
    return _there(get(conn, endorsement_id), endorsement_id)


def hold(conn: Connection, endorsement_id: str, event: AuditEvent, at: datetime, *, suspended: bool) -> EndorsementRow:
    """Suspend the mark, or let it hold again, and write ``event``; one that has ended stays so. Raises ``NotFound``."""
    endorsement = _there(get(conn, endorsement_id), endorsement_id)
    state = EndorsementState.SUSPENDED if suspended else EndorsementState.ACTIVE
    if endorsement.state not in {EndorsementState.ENDED, state}:
        change(conn, ENDORSEMENT, {"endorsement_id": endorsement_id}, {"state": state}, event, at)
    return _there(get(conn, endorsement_id), endorsement_id)


def renew(
    conn: Connection, endorsement_id: str, event: AuditEvent, at: datetime, *, valid_until: datetime
) -> EndorsementRow:
    """Let the mark hold until ``valid_until`` and write ``event``; one that has ended stays so. Raises ``NotFound``."""
    endorsement = _there(get(conn, endorsement_id), endorsement_id)
    if endorsement.state is not EndorsementState.ENDED:
        change(conn, ENDORSEMENT, {"endorsement_id": endorsement_id}, {"valid_until": valid_until}, event, at)
    return _there(get(conn, endorsement_id), endorsement_id)


def get(conn: Connection, endorsement_id: str) -> EndorsementRow | None:
    """The endorsement, or None."""
    return _ENDORSEMENTS.first(conn, _GET, {"the_id": endorsement_id})


def by_public_number(conn: Connection, number: str) -> EndorsementRow | None:
    """The endorsement with this public number, or None."""
    return _ENDORSEMENTS.first(conn, _ENDORSEMENTS.select.where(ENDORSEMENT.c.public_number == number))


def active_for(conn: Connection, party_id: str) -> EndorsementRow | None:
    """The endorsement a party holds, suspended or not (the newest, were there two), or None."""
    held = _ENDORSEMENTS.select.where(ENDORSEMENT.c.party_id == party_id, ENDORSEMENT.c.state != EndorsementState.ENDED)
    return _ENDORSEMENTS.first(conn, held.order_by(ENDORSEMENT.c.number.desc()).limit(1))


def for_party(conn: Connection, party_id: str) -> list[EndorsementRow]:
    """Every endorsement of a party, first to last."""
    held = _ENDORSEMENTS.select.where(ENDORSEMENT.c.party_id == party_id)
    return _ENDORSEMENTS.all(conn, held.order_by(ENDORSEMENT.c.number))


def _there(endorsement: EndorsementRow | None, endorsement_id: str) -> EndorsementRow:
    if endorsement is None:
        raise NotFound(f"endorsement `{endorsement_id}` is not known", hint="see `fastbrand party show`")
    return endorsement
