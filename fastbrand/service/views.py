"""Rows of the store as the JSON that every door shows: amounts integers, times RFC 3339 in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastbrand.store.cases import CaseRow
    from fastbrand.store.documents import DocumentRow
    from fastbrand.store.endorsements import EndorsementRow
    from fastbrand.store.facts import FactRow
    from fastbrand.store.grants import GrantRow, TrancheRow
    from fastbrand.store.ledger import Clawback, Entry, Fallen, Holding, TrancheHeld
    from fastbrand.store.observations import Observation
    from fastbrand.store.parties import PartyRow
    from fastbrand.store.plans import PlanRow


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second (the microseconds stay in the database)."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at is not None else None


def party_row(row: PartyRow) -> dict[str, Any]:
    """``party_id, kind, stage, revision, screening, applied_at`` and what the rules and deadlines add to it."""
    return {
        "party_id": row.party_id,
        "kind": str(row.track),
        "stage": str(row.stage),
        "revision": row.revision,
        "screening": row.screening,
        "applied_at": moment(row.applied_at),
        "recommended_track": str(row.recommended) if row.recommended else None,
        "upkeep_outcome": row.upkeep,
        "appeal_until": moment(row.appeal_until),
        "barred_until": None if row.barred_until is None else moment(row.barred_until),
        "suspended_until": moment(row.suspended_until),
    }


def observation_view(row: Observation) -> dict[str, Any]:
    """``period, at, outcome, cause, bands{}, streaks{}, clear_months, decision_id``: a month of upkeep."""
    return {
        "period": row.period,
        "at": moment(row.at),
        "outcome": row.outcome,
        "cause": row.cause,
        "bands": row.bands,
        "streaks": row.streaks,
        "clear_months": row.clear_months,
        "decision_id": row.decision_id,
    }


def plan_view(row: PlanRow) -> dict[str, Any]:
    """``plan_id, state, measures, due_at, proposed_by, settled_by, ended_at``: an action plan."""
    return {
        "plan_id": row.plan_id,
        "state": str(row.state),
        "measures": row.measures,
        "due_at": moment(row.due_at),
        "proposed_by": row.proposed_by,
        "settled_by": row.settled_by,
        "ended_at": moment(row.ended_at),
    }


def fact_view(row: FactRow) -> dict[str, Any]:
    """``name, value, source, observed_at, valid_until, recorded_at, recorded_by``; the value in facts-file notation."""
    return {
        "name": row.name,
        "value": row.text,
        "source": row.source,
        "observed_at": moment(row.observed_at),
        "valid_until": moment(row.valid_until),
        "recorded_at": moment(row.recorded_at),
        "recorded_by": row.recorded_by,
    }


def document_view(row: DocumentRow, newer: DocumentRow | None, now: datetime) -> dict[str, Any]:
    """``document_id, party_id, kind, state, revision, supersedes, superseded_by, fields{}, issued_on, expires_on,
    ends_at, file_sha256, file_bytes, recorded_at, recorded_by``.

    ``state``: ``counts``, ``ended``, ``failed`` (a report of a failure), ``superseded`` or ``withdrawn`` by ``newer``.
    ``ends_at`` is the moment from which it does not count; of a pending trademark its year is over then.
    """
    if row.withdrawn or (newer is not None and newer.withdrawn):
        state = "withdrawn"
    elif newer is not None:
        state = "superseded"
    elif row.ends_at is not None and now >= row.ends_at:
        state = "ended"
    else:
        state = "counts" if row.paper().counts(now) else "failed"
    return {
        "document_id": row.document_id,
        "party_id": row.party_id,
        "kind": str(row.kind),
        "state": state,
        "revision": row.revision,
        "supersedes": row.supersedes,
        "superseded_by": newer.document_id if newer else None,
        "fields": row.fields,
        "issued_on": row.issued_on,
        "expires_on": row.expires_on,
        "ends_at": moment(row.ends_at),
        "file_sha256": row.file_sha256,
        "file_bytes": row.file_bytes,
        "recorded_at": moment(row.recorded_at),
        "recorded_by": row.recorded_by,
    }


def endorsement_view(row: EndorsementRow | None) -> dict[str, Any] | None:
    """``endorsement_id, number, state, issued_at, valid_until, ended_at, cause``."""
    if row is None:
        return None
    return {
        "endorsement_id": row.endorsement_id,
        "number": row.public_number,
        "state": str(row.state),
        "issued_at": moment(row.issued_at),
        "valid_until": moment(row.valid_until),
        "ended_at": moment(row.ended_at),
        "cause": row.cause,
    }


def case_view(row: CaseRow, party: PartyRow | None = None) -> dict[str, Any]:
    """``case_id, party_id, stage, queue, assignee, due_at, state`` and what else a reviewer looks for.

    ``due_at`` and ``warn_at`` are None while the clock stands still, since ``paused_at``: they move when it goes on.
    """
    return {
        "case_id": row.case_id,
        "party_id": row.party_id,
        "kind": str(row.kind),
        "stage": str(party.stage) if party else None,
        "queue": row.queue,
        "role": row.role,
        "assignee": row.assignee,
        "due_at": moment(row.due_at) if row.paused_at is None else None,
        "warn_at": moment(row.warn_at) if row.paused_at is None else None,
        "paused_at": moment(row.paused_at),
        "sla_warned": row.sla_warned,
        "sla_breached": row.sla_breached,
        "escalated_at": moment(row.escalated_at),
        "state": str(row.state),
        "four_eyes": row.four_eyes,
        "screening": row.screening,
        "unknown": row.unknown,
        "proposal": row.proposal,
        "overridden": row.overridden,
        "excluded": row.excluded,
        "rounds": row.rounds,
        "outcome": row.outcome,
        "close_reason": row.close_reason,
        "info_deadline": moment(row.info_deadline),
        "opened_at": moment(row.opened_at),
        "closed_at": moment(row.closed_at),
        "decision_id": row.decision_id,
    }


def grant_view(row: GrantRow, tranches: Sequence[TrancheRow] = (), holding: Holding | None = None) -> dict[str, Any]:
    """``grant_id, party_id, pool, period, amount, state, attempt, decision_id, tranches[], debt`` and what else finance
    looks for.

    ``amount`` is the decision's; ``set_off`` of it paid what the party owed, ``reserved`` is not released yet. ``debt``
    is what clawbacks of this grant made its party owe. A tranche's ``unspent`` can still be spent.
    """
    accounts = holding.tranches if holding else {}
    return {
        "grant_id": row.grant_id,
        "party_id": row.party_id,
        "pool": row.pool_id,
        "period": row.period,
        "amount": row.amount,
        "set_off": holding.set_off if holding else 0,
        "reserved": holding.reserved if holding else 0,
        "state": str(row.state),
        "attempt": row.attempt,
        "decision_id": row.decision_id,
        "confirmed_by": row.confirmed_by,
        "cause": row.cause,
        "tranches": [_tranche_view(each, accounts.get(each.no)) for each in tranches],
        "debt": holding.debt if holding else 0,
    }


def _tranche_view(row: TrancheRow, account: TrancheHeld | None) -> dict[str, Any]:
    return {
        "no": row.no,
        "amount": row.amount,
        "due_at": moment(row.due_at),
        "state": str(row.state),
        "consumed": row.consumed,
        "unspent": account.unspent if account else 0,
        "expired": account.expired if account else 0,
        "clawed_back": account.clawed_back if account else 0,
        "debt": account.owed if account else 0,
        "released_at": moment(row.released_at),
        "expires_at": moment(row.expires_at),
    }


def entry_view(row: Entry) -> dict[str, Any]:
    """``kind, tranche, ref, pool, amount, at``: one booking of the ledger; ``ref`` is a report, a cause, an attempt."""
    return {
        "kind": str(row.entry_kind),
        "tranche": row.tranche_no or None,
        "ref": None if row.source_ref == "-" else row.source_ref,
        "pool": row.pool_id,
        "amount": row.amount,
        "at": moment(row.at),
    }


def clawed_view(row: Clawback, fallen: Fallen | None) -> dict[str, Any]:
    """``tranche, cause, unspent, spent, debt, forgiven, returned, at``: what a clawback took of a tranche.

    ``forgiven`` units of the debt are owed no more, ``returned`` ones can be spent again, since its decision fell; None
    where it stands.
    """
    return {
        "tranche": row.tranche_no,
        "cause": row.cause,
        "unspent": row.unspent,
        "spent": row.spent,
        "debt": row.debt,
        "forgiven": fallen.debt if fallen else None,
        "returned": fallen.returned if fallen else None,
        "at": moment(row.at),
    }
