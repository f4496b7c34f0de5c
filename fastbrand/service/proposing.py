"""What one person of finance proposes and another confirms: who may answer, and when it is too late."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.errors import FourEyes, InputError, NotFound, Refused
from fastbrand.service.commands import Envelope
from fastbrand.service.views import moment
from fastbrand.store import proposals
from fastbrand.store.proposals import ProposalKind, ProposalRow, ProposalState


def proposal_id(prefix: str, envelope: Envelope) -> str:
    """The id of what this command proposes: said again under the same command id, it is the same proposal."""
    return f"{prefix}-{hashlib.sha256(envelope.command_id.encode()).hexdigest()[:12]}"


def need_reason(reason: str) -> str:
    """``reason`` without blanks around it. Raises ``InputError`` where there is none: the second person must know."""
    if not reason.strip():
        raise InputError("a proposal needs a reason", hint="say why: `--reason TEXT`; the second person reads it")
    return reason.strip()


def answerable(
    conn: Connection, proposal: str, kind: ProposalKind, envelope: Envelope, state: ProposalState, at: datetime
) -> tuple[ProposalRow, bool]:
    """The proposal, and whether this person may answer it just now; False: the same answer was given by them before.

    Holds the turn on it until the transaction ends. Raises ``NotFound``, ``Refused`` (code ``answered`` or ``expired``)
    and, for who proposed and would confirm, ``FourEyes``.
    """
    row = proposals.answering(conn, proposal)
    if row is None or row.kind is not kind:
        what = "top-up" if kind is ProposalKind.TOP_UP else "clawback"
        listed = "pool top-ups" if kind is ProposalKind.TOP_UP else "grant clawbacks"
        raise NotFound(f"{what} `{proposal[:80]}` is not known", hint=f"see `fastbrand {listed}`")
    if row.answer is not None:
        if (row.answer, row.answered_by) == (state, envelope.actor):
            return row, False
        raise Refused(
            f"`{proposal}` was {row.answer} by `{row.answered_by}`", hint="there is nothing to answer", code="answered"
        )
    if row.state_at(at) is ProposalState.EXPIRED:
        raise Refused(
            f"`{proposal}` could be answered until {moment(row.valid_until)}", hint="propose it anew", code="expired"
        )
    if state is ProposalState.CONFIRMED and row.proposed_by == envelope.actor:
        raise FourEyes(f"`{envelope.actor}` proposed `{proposal}`", hint="ask another person of finance to confirm it")
    return row, True


def proposal_view(row: ProposalRow, at: datetime) -> dict[str, Any]:
    """``state, reason, proposed_by, proposed_at, valid_until, answered_by, answered_at, answer_reason``."""
    return {
        "state": str(row.state_at(at)),
        "reason": row.reason,
        "proposed_by": row.proposed_by,
        "proposed_at": moment(row.proposed_at),
        "valid_until": moment(row.valid_until),
        "answered_by": row.answered_by,
        "answered_at": moment(row.answered_at),
        "answer_reason": row.answer_reason,
    }
