"""Pools: what is left, whether the books balance, and topping up by two people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastbrand.domain.audit import AuditEvent, Verb
from fastbrand.domain.errors import InputError, NotFound
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.proposing import answerable, need_reason, proposal_id, proposal_view
from fastbrand.service.waking import ROOM, tell_grants
from fastbrand.service.who import Asker
from fastbrand.store import grants, ledger, proposals
from fastbrand.store.proposals import ProposalKind, ProposalRow, ProposalState

LARGEST = 2**53 - 1
"""Units a pool can hold at most: what JSON keeps exactly."""


def status(office: Office) -> list[dict[str, Any]]:
    """Each pool: ``pool_id, unit, budget, top_ups, available, reserved, released_unspent, consumed, clawed_back,
    debt``."""
    with office.db.read() as conn:
        return list(ledger.status(conn))


def reconcile(office: Office) -> dict[str, Any]:
    """``balanced, differences[]``, recomputed from the entries."""
    with office.db.read() as conn:
        return dict(ledger.reconcile(conn))


def top_ups(office: Office, *, limit: int) -> list[dict[str, Any]]:
    """Proposed, confirmed, refused and expired top-ups, the newest first; see ``top_up_view``."""
    at = office.now()
    with office.db.read() as conn:
        rows = proposals.list_proposals(conn, ProposalKind.TOP_UP, limit=limit)
    return [top_up_view(row, at) for row in rows]


def top_up_view(row: ProposalRow, at: datetime) -> dict[str, Any]:
    """``top_up_id, state, pool, amount`` and who said what when."""
    view = proposal_view(row, at)
    return {
        "top_up_id": row.proposal_id,
        "state": view.pop("state"),
        "pool": row.subject,
        "amount": row.amount,
        **view,
    }


async def propose_top_up(office: Office, pool_id: str, amount: int, *, who: Asker) -> dict[str, Any]:
    """Propose ``amount`` more units for a pool; another person confirms. Gives the proposal (``top_up_view``).

    Raises ``InputError`` on an amount that cannot be, or without a reason, ``NotFound`` on a pool that is not open.
    """
    reason = need_reason(who.reason)
    pool = next((each for each in status(office) if each["pool_id"] == pool_id), None)
    if pool is None:
        raise NotFound(f"pool `{pool_id[:80]}` is not open", hint="see `fastbrand pool status`")
    most = LARGEST - pool["budget"] - pool["top_ups"]
    if not 1 <= amount <= most:
        raise InputError(f"`{amount:,}` units cannot be added", hint=f"add 1 to {most:,} units")
    order = Order(Action.POOL_TOP_UP, "pool", pool_id, {"amount": amount}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        top_up_id, at = proposal_id("tu", envelope), office.now()
        told = _event(Verb.POOL_TOP_UP_PROPOSED, pool_id, top_up_id, "proposed", envelope, amount, reason)
        with office.db.write() as conn:
            row = proposals.propose(
                conn,
                told,
                at,
                proposal_id=top_up_id,
                kind=ProposalKind.TOP_UP,
                subject=pool_id,
                amount=amount,
                reason=reason,
                proposed_by=envelope.actor,
            )
        return {**top_up_view(row, at), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def confirm_top_up(office: Office, top_up_id: str, *, who: Asker) -> dict[str, Any]:
    """Confirm another person's top-up: the pool has the units, and the first in line is told (``woken``).

    Raises ``NotFound``, ``FourEyes`` and ``Refused`` where it was answered or has expired.
    """
    order = Order(Action.POOL_TOP_UP_CONFIRM, "top_up", top_up_id, {}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        at = office.now()
        with office.db.write() as conn:
            row, new = answerable(conn, top_up_id, ProposalKind.TOP_UP, envelope, ProposalState.CONFIRMED, at)
            if new:
                proposals.answer(
                    conn,
                    None,  # the ledger writes the event
                    at,
                    proposal_id=top_up_id,
                    state=ProposalState.CONFIRMED,
                    answered_by=envelope.actor,
                    reason=envelope.order.reason or None,
                )
                ledger.top_up(
                    conn,
                    pool_id=row.subject,
                    top_up_id=top_up_id,
                    amount=row.amount or 0,
                    at=at,
                    actor=envelope.who(),
                    reason=f"{row.reason} (proposed by {row.proposed_by})",
                )
            head = grants.head_of_line(conn, row.subject)
            row = proposals.get(conn, top_up_id) or row
        woken = await tell_grants(office, [head.grant_id] if head else [], ROOM)
        return {**top_up_view(row, at), "woken": woken, "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def refuse_top_up(office: Office, top_up_id: str, *, who: Asker) -> dict[str, Any]:
    """Refuse a top-up, or take one's own back; it stays to be seen. Raises as ``confirm_top_up``."""
    reason = need_reason(who.reason)
    order = Order(Action.POOL_TOP_UP_CONFIRM, "top_up", top_up_id, {"refuse": True}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        at = office.now()
        with office.db.write() as conn:
            row, new = answerable(conn, top_up_id, ProposalKind.TOP_UP, envelope, ProposalState.REFUSED, at)
            if new:
                told = _event(
                    Verb.POOL_TOP_UP_REFUSED, row.subject, top_up_id, "refused", envelope, row.amount or 0, reason
                )
                proposals.answer(
                    conn,
                    told,
                    at,
                    proposal_id=top_up_id,
                    state=ProposalState.REFUSED,
                    answered_by=envelope.actor,
                    reason=reason,
                )
            row = proposals.get(conn, top_up_id) or row
        return {**top_up_view(row, at), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


def _event(
    verb: Verb, pool_id: str, top_up_id: str, what: str, envelope: Envelope, amount: int, reason: str
) -> AuditEvent:
    return AuditEvent(
        verb=verb,
        key=f"pool/{pool_id}/top_up/{top_up_id}/{what}",
        actor=envelope.who(),
        subject_kind="pool",
        subject_id=pool_id,
        after={"pool": pool_id, "top_up_id": top_up_id, "amount": amount, "state": what},
        reason=reason,
    )
