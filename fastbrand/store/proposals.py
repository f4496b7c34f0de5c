"""What one person of finance proposes and another confirms: topping a pool up, clawing a grant back.

A proposal and its answer are rows that never change. One that nobody answers in time is expired by the clock alone, and
stays to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Connection, Index, select
from sqlmodel import Field

from fastbrand.domain.audit import AuditEvent
from fastbrand.store import audit
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.turns import take_turn

VALID_FOR = timedelta(days=7)
"""How long a proposal can be confirmed: who looks later should look at fresh figures."""


class ProposalKind(StrEnum):
    """What is proposed."""

    TOP_UP = "top_up"
    CLAWBACK = "clawback"


class ProposalState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"


class ProposalTable(StoreTable, table=True):
    """A proposal: ``amount`` units for the pool ``subject``, or a clawback of the grant ``subject`` by ``cause``."""

    __tablename__ = "finance_proposal"
    __table_args__ = (
        CheckConstraint("amount IS NULL OR amount > 0", name="amount_is_one"),
        Index(None, "kind", "proposed_at"),
    )

    proposal_id: str = Field(primary_key=True, max_length=40)
    kind: ProposalKind = Field(sa_type=enum_text(ProposalKind))
    subject: str = Field(max_length=96)
    amount: int | None = Field(default=None, sa_type=BigInteger)
    cause: str | None = Field(default=None, max_length=64)
    reason: str
    proposed_by: str = Field(max_length=80)
    proposed_at: datetime = Field(sa_type=UtcTime)
    valid_until: datetime = Field(sa_type=UtcTime)


class AnswerTable(StoreTable, table=True):
    """What became of a proposal: one answer, ever."""

    __tablename__ = "finance_answer"

    proposal_id: str = Field(primary_key=True, max_length=40, foreign_key="finance_proposal.proposal_id")
    state: ProposalState = Field(sa_type=enum_text(ProposalState))
    answered_by: str = Field(max_length=80)
    answered_at: datetime = Field(sa_type=UtcTime)
    answer_reason: str | None = Field(default=None)


PROPOSAL = StoreTable.metadata.tables["finance_proposal"]
ANSWER = StoreTable.metadata.tables["finance_answer"]


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal and what became of it (None: nothing yet)."""

    proposal_id: str
    kind: ProposalKind
    subject: str
    amount: int | None
    cause: str | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    valid_until: datetime
    answer: ProposalState | None
    answered_by: str | None
    answered_at: datetime | None
    answer_reason: str | None

    def state_at(self, at: datetime) -> ProposalState:
        """Where it stands at ``at``: without an answer it is expired after ``valid_until``."""
        if self.answer is not None:
            return self.answer
        return ProposalState.PROPOSED if at <= self.valid_until else ProposalState.EXPIRED


_PROPOSE = InsertOnce(PROPOSAL, ("proposal_id",))
_ANSWER = InsertOnce(ANSWER, ("proposal_id",))
_ASKED = ("proposal_id", "kind", "subject", "amount", "cause", "reason", "proposed_by", "proposed_at", "valid_until")
_BOTH = select(
    *(PROPOSAL.c[name] for name in _ASKED),
    *(ANSWER.c[name] for name in ("state", "answered_by", "answered_at", "answer_reason")),
).outerjoin_from(PROPOSAL, ANSWER, ANSWER.c.proposal_id == PROPOSAL.c.proposal_id)


def propose(
    conn: Connection,
    event: AuditEvent,
    at: datetime,
    *,
    proposal_id: str,
    kind: ProposalKind,
    subject: str,
    reason: str,
    proposed_by: str,
    amount: int | None = None,
    cause: str | None = None,
) -> ProposalRow:
    """Keep a proposal made at ``at`` and write ``event``; one that is there stays as it is, and is returned."""
    row: dict[str, Any] = {
        "proposal_id": proposal_id,
        "kind": kind,
        "subject": subject,
        "amount": amount,
        "cause": cause,
        "reason": reason,
        "proposed_by": proposed_by,
        "proposed_at": at,
        "valid_until": at + VALID_FOR,
    }
    if _PROPOSE(conn, row):
        audit.append(conn, event, at)
    made = get(conn, proposal_id)
    assert made is not None  # it was written, or there before
    return made


def answer(
    conn: Connection,
    event: AuditEvent | None,
    at: datetime,
    *,
    proposal_id: str,
    state: ProposalState,
    answered_by: str,
    reason: str | None = None,
) -> bool:
    """Keep the answer to a proposal and write ``event``. False, and nothing done, where there is one already.

    ``event`` None: another function writes the event of this step in the same transaction.
    """
    row = {
        "proposal_id": proposal_id,
        "state": state,
        "answered_by": answered_by,
        "answered_at": at,
        "answer_reason": reason,
    }
    if not _ANSWER(conn, row):
        return False
    if event is not None:
        audit.append(conn, event, at)
    return True


def answering(conn: Connection, proposal_id: str) -> ProposalRow | None:
    """The proposal, or None, while nobody else can answer it: until this transaction ends."""
    take_turn(conn, f"proposal/{proposal_id}")
    return get(conn, proposal_id)


def get(conn: Connection, proposal_id: str) -> ProposalRow | None:
    """The proposal, or None."""
    found = conn.execute(_BOTH.where(PROPOSAL.c.proposal_id == proposal_id)).first()
    return None if found is None else ProposalRow(*found)


def list_proposals(
    conn: Connection, kind: ProposalKind, *, subject: str | None = None, limit: int | None = None
) -> list[ProposalRow]:
    """Proposals of a kind, the newest first."""
    statement = _BOTH.where(PROPOSAL.c.kind == kind).order_by(PROPOSAL.c.proposed_at.desc(), PROPOSAL.c.proposal_id)
    if subject is not None:
        statement = statement.where(PROPOSAL.c.subject == subject)
    return [ProposalRow(*row) for row in conn.execute(statement if limit is None else statement.limit(limit))]
