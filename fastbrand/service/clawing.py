"""Clawing a grant back: one person of finance proposes, with what it would take; another confirms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.audit import AuditEvent, Verb
from fastbrand.domain.errors import Refused
from fastbrand.domain.names import check_code
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.grants import find
from fastbrand.service.office import Office
from fastbrand.service.proposing import answerable, need_reason, proposal_id, proposal_view
from fastbrand.service.waking import MOVED, ROOM, tell_grants
from fastbrand.service.who import Asker
from fastbrand.store import clawbacks, grants, proposals
from fastbrand.store.clawbacks import ClawedGrant
from fastbrand.store.proposals import ProposalKind, ProposalRow, ProposalState


def list_clawbacks(office: Office, *, grant_id: str | None, limit: int) -> list[dict[str, Any]]:
    """Proposed, confirmed, refused and expired clawbacks, the newest first; see ``clawback_view``."""
    at = office.now()
    with office.db.read() as conn:
        rows = proposals.list_proposals(conn, ProposalKind.CLAWBACK, subject=grant_id, limit=limit)
    return [clawback_view(row, at) for row in rows]


def clawback_view(row: ProposalRow, at: datetime, taken: ClawedGrant | None = None) -> dict[str, Any]:
    """``clawback_id, state, grant_id, cause``, who said what when, and what it takes (``terms, voided, unspent, debt,
    tranches[]``) where ``taken`` is given."""
    view = proposal_view(row, at)
    shown = {
        "clawback_id": row.proposal_id,
        "state": view.pop("state"),
        "grant_id": row.subject,
        "cause": row.cause,
        **view,
    }
    if taken is not None:
        shown |= {
            "terms": taken.terms,
            "voided": taken.voided,
            "unspent": taken.unspent,
            "debt": taken.debt,
            "tranches": [
                {"no": each.no, "unspent": each.unspent, "spent": each.spent, "debt": each.debt}
                for each in taken.tranches
            ],
        }
    return shown


async def propose(office: Office, grant_id: str, cause: str, *, who: Asker) -> dict[str, Any]:
    """Propose to claw a grant back by ``cause``; gives the proposal with what it would take now (``clawback_view``).

    Raises ``NotFound``, ``InputError`` on a cause that is no code or without a reason, ``Refused`` where nothing would
    be taken.
    """
    reason = need_reason(who.reason)
    check_code(cause)
    grant = find(office, grant_id)
    order = Order(Action.GRANT_CLAWBACK, "grant", grant_id, {"cause": cause}, party_id=grant.party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        clawback_id, at = proposal_id("cb", envelope), office.now()
        with office.db.write() as conn:
            would = clawbacks.assess(conn, grant_id, cause, at)
            if not (would.voided or would.unspent or would.debt):
                raise Refused(
                    f"a clawback by `{cause}` would take nothing of `{grant_id}`",
                    hint=f"its terms may be over, or it was done before: `fastbrand grant show {grant_id}`",
                    code="nothing_to_take",
                )
            told = _event(Verb.CLAWBACK_PROPOSED, grant.party_id, clawback_id, grant_id, cause, envelope)
            row = proposals.propose(
                conn,
                told,
                at,
                proposal_id=clawback_id,
                kind=ProposalKind.CLAWBACK,
                subject=grant_id,
                cause=cause,
                reason=reason,
                proposed_by=envelope.actor,
            )
        return {**clawback_view(row, at, would), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def confirm(office: Office, clawback_id: str, *, who: Asker) -> dict[str, Any]:
    """Confirm another person's clawback, which is then booked; how far it reaches goes by when it was proposed.

    Gives the proposal with what was taken. Raises ``NotFound``, ``FourEyes``, and ``Refused`` where it was answered or
    has expired.
    """
    order = Order(Action.GRANT_CLAWBACK_CONFIRM, "clawback", clawback_id, {}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        at, state = office.now(), ProposalState.CONFIRMED
        with office.db.write() as conn:
            row, new = answerable(conn, clawback_id, ProposalKind.CLAWBACK, envelope, state, at)
            wake: tuple[str, ...] = ()
            if new:
                done = clawbacks.clawback_grant(
                    conn,
                    row.subject,
                    row.cause or "",
                    found_at=row.proposed_at,
                    at=at,
                    actor=envelope.who(),
                    reason=f"{row.reason} (proposed by {row.proposed_by})",
                )
                (taken,), wake = done.grants, done.wake
                _answer(conn, row, state, envelope, envelope.order.reason or None, at)
            else:
                taken = clawbacks.taken_by(conn, row.subject, row.cause or "")
            row = proposals.get(conn, clawback_id) or row
        await tell_grants(office, [row.subject], MOVED)
        woken = await tell_grants(office, wake, ROOM)
        shown = clawback_view(row, at, taken)
        return {**shown, "woken": woken, "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def refuse(office: Office, clawback_id: str, *, who: Asker) -> dict[str, Any]:
    """Refuse a clawback, or take one's own back; it stays to be seen. Raises as ``confirm``."""
    reason = need_reason(who.reason)
    order = Order(Action.GRANT_CLAWBACK_CONFIRM, "clawback", clawback_id, {"refuse": True}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        at, state = office.now(), ProposalState.REFUSED
        with office.db.write() as conn:
            row, new = answerable(conn, clawback_id, ProposalKind.CLAWBACK, envelope, state, at)
            if new:
                _answer(conn, row, state, envelope, reason, at)
            row = proposals.get(conn, clawback_id) or row
        return {**clawback_view(row, at), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


def _answer(
    conn: Connection, row: ProposalRow, state: ProposalState, envelope: Envelope, reason: str | None, at: datetime
) -> None:
    grant = grants.get(conn, row.subject)
    verb = Verb.CLAWBACK_CONFIRMED if state is ProposalState.CONFIRMED else Verb.CLAWBACK_REFUSED
    told = _event(verb, grant.party_id if grant else None, row.proposal_id, row.subject, row.cause, envelope)
    proposals.answer(
        conn, told, at, proposal_id=row.proposal_id, state=state, answered_by=envelope.actor, reason=reason
    )


def _event(
    verb: Verb, party_id: str | None, clawback_id: str, grant_id: str, cause: str | None, envelope: Envelope
) -> AuditEvent:
    what = str(verb).rpartition("_")[2]
    return AuditEvent(
        verb=verb,
        key=f"grant/{grant_id}/clawback/{clawback_id}/{what}",
        actor=envelope.who(),
        subject_kind="grant",
        subject_id=grant_id,
        party_id=party_id,
        after={"clawback_id": clawback_id, "cause": cause, "state": what},
        reason=envelope.order.reason or None,
    )
