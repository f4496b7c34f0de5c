"""What happens to a case row: opened, screened again, closed; each with its event, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from activities.approving import state_of
from activities.deadlines import term_of
from activities.evaluating import Evaluated
from activities.payloads import CaseFile, PartyState
from activities.provenance import provenance
from fastbrand.domain import names
from fastbrand.domain.audit import SYSTEM, Actor, AuditEvent, Verb
from fastbrand.store import cases, parties
from fastbrand.store.cases import CaseKind, CaseRow
from fastbrand.store.parties import PartyRow
from rules.model import Programme

ESCALATE_TO: Mapping[str, str] = {"queue": "escalations", "role": "reviewer"}
"""Where a late case goes when its row names nowhere."""


def event(
    case_id: str,
    party_id: str,
    verb: Verb,
    key: str,
    *,
    actor: Actor = SYSTEM,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    decision_id: str | None = None,
) -> AuditEvent:
    """An audit event on a case."""
    return AuditEvent(
        verb=verb,
        key=f"{case_id}/{key}",
        actor=actor,
        subject_kind="case",
        subject_id=case_id,
        party_id=party_id,
        before=before,
        after=after,
        reason=reason,
        decision_id=decision_id,
        provenance=provenance(),
    )


def waiting(desk: Mapping[str, Any], at: datetime, programme: Programme) -> dict[str, Any]:
    """Where a case waits from ``at`` on, until when, and where it goes when that is over: columns of a new case."""
    term = term_of(at, desk.get("sla"), programme)
    return {
        "queue": str(desk["queue"]),
        "role": str(desk["role"]),
        "due_at": term.due_at if term else None,
        "warn_at": term.warn_at if term else None,
        "sla_business": term is not None and term.business,
        "escalate_to": dict(desk.get("escalate_to") or ESCALATE_TO),
    }


def open_case(conn: Connection, party: PartyRow, found: Evaluated, programme: Programme, at: datetime) -> CaseRow:
    """Open the party's next case (its number is in ``party`` already) in the queue that routing chose."""
    then = found.queue
    case_id = names.case_id(party.party_id, party.case_no)
    unknown = found.unknown()
    told = event(
        case_id,
        party.party_id,
        Verb.CASE_OPENED,
        "opened",
        after={"state": "open", "queue": then["queue"], "unknown": [each["criterion"] for each in unknown]},
        reason=found.fault,
        decision_id=party.decision_id,
    )
    return cases.open_case(
        conn,
        told,
        at,
        case_id=case_id,
        party_id=party.party_id,
        number=party.case_no,
        **waiting(then, at, programme),
        four_eyes=bool(then.get("four_eyes", True)),
        decision_id=party.decision_id,
        screening=found.outcome,
        clean=found.clean,
        screening_no=party.screening_no,
        unknown=unknown,
    )


def open_about_standing(
    conn: Connection,
    party: PartyRow,
    programme: Programme,
    at: datetime,
    *,
    kind: CaseKind,
    key: str,
    actor: Actor,
    reason: str,
    excluded: tuple[str, ...] = (),
) -> CaseFile:
    """Open the party's next case, about a standing or an appeal: two people always, in the programme's queue for it.

    ``excluded`` had a part in what it is about and decide nothing in it.
    """
    party = parties.number_case(conn, party.party_id)
    case_id = names.case_id(party.party_id, party.case_no)
    desk = programme.cases[str(kind)]
    told = event(
        case_id,
        party.party_id,
        Verb.CASE_OPENED,
        f"opened/{key}",
        actor=actor,
        after={"state": "open", "queue": desk["queue"], "kind": str(kind), "excluded": list(excluded)},
        reason=reason or None,
        decision_id=party.decision_id,
    )
    row = cases.open_case(
        conn,
        told,
        at,
        case_id=case_id,
        party_id=party.party_id,
        number=party.case_no,
        kind=kind,
        **waiting(desk, at, programme),
        four_eyes=True,
        excluded=excluded,
        decision_id=party.decision_id,
        screening=party.screening or "refer",
        screening_no=party.screening_no,
    )
    return case_file(row, party, review=programme.review)


def held(conn: Connection, party: PartyRow) -> CaseRow | None:
    """The party's open case, or None."""
    case = cases.get(conn, names.case_id(party.party_id, party.case_no)) if party.case_no else None
    return None if case is None or case.state in cases.ENDED else case


def party_now(conn: Connection, party: PartyRow) -> PartyState:
    """The party as workflows see it, with its open case."""
    return state_of(party, case_open=held(conn, party) is not None)


def case_file(case: CaseRow, party: PartyRow, *, review: Mapping[str, Any], returned: bool = False) -> CaseFile:
    """A case as its workflow starts from it."""
    return CaseFile(
        case_id=case.case_id,
        party_id=case.party_id,
        track=party.track,
        stage=party.stage,
        kind=case.kind,
        state=case.state,
        queue=case.queue,
        role=case.role,
        four_eyes=case.four_eyes,
        screening=case.screening,
        clean=case.clean,
        due_at=case.due_at,
        warn_at=None if case.sla_warned else case.warn_at,
        rfi_rounds=int(review["rfi_rounds"]),
        rfi_deadline_ms=int(review["rfi_deadline_ms"]),
        returned=returned,
        excluded=tuple(case.excluded),
    )


def rescreened(conn: Connection, party: PartyRow, case: CaseRow, found: Evaluated, at: datetime) -> CaseRow:
    """Give an open case the newer findings. A proposal made on other findings goes back to its maker.

    The deadline stays: newer facts do not buy time. A case that was late stays where late cases go.
    """
    then = found.queue
    changes: dict[str, Any] = {} if case.escalated_at else {"queue": str(then["queue"]), "role": str(then["role"])}
    changes |= {
        "four_eyes": bool(then.get("four_eyes", True)),
        "screening": found.outcome,
        "clean": found.clean,
        "screening_no": party.screening_no,
        "decision_id": party.decision_id,
        "unknown": found.unknown(),
    }
    if case.state == "proposed" and _moot(case, found):
        changes |= {"state": "claimed" if case.assignee else "open", "proposal": None}
    told = event(
        case.case_id,
        case.party_id,
        Verb.CASE_RESCREENED,
        f"rescreened/{party.screening_no}",
        before={"state": case.state, "screening": case.screening},
        after={"state": changes.get("state", case.state), "screening": found.outcome},
        decision_id=party.decision_id,
    )
    return cases.update(conn, case.case_id, told, at, **changes)


def _moot(case: CaseRow, found: Evaluated) -> bool:
    """Whether a proposal was made on findings that are others now: another outcome, or a waiver of what is met."""
    if (case.screening, case.clean) != (found.outcome, found.clean):
        return True
    waived = set(case.proposal.get("waived", ())) if case.proposal else set()
    return not waived <= set(found.lacking())


def close(
    conn: Connection,
    case: CaseRow,
    at: datetime,
    *,
    reason: str,
    outcome: str | None,
    actor: Actor = SYSTEM,
    overridden: bool = False,
) -> CaseRow:
    """Close a case; ``overridden``: it was decided against the rules."""
    told = event(
        case.case_id,
        case.party_id,
        Verb.CASE_CLOSED,
        "closed",
        actor=actor,
        before={"state": case.state},
        after={"state": "closed", "outcome": outcome, **({"override": True} if overridden else {})},
        reason=reason,
    )
    return cases.update(
        conn,
        case.case_id,
        told,
        at,
        state="closed",
        outcome=outcome,
        closed_at=at,
        close_reason=reason,
        overridden=overridden,
    )
