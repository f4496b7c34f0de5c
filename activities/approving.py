"""What an approval is: the party's stage moves, the mark is issued where the rules say so, a first grant is due.

Shared by the straight-through approval and by the one that a person confirms; always inside their transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from activities.deadlines import period_of
from activities.payloads import PartyState, Standing
from fastbrand.domain import names
from fastbrand.domain.audit import Actor, AuditEvent, Provenance, Verb
from fastbrand.domain.lifecycle import Track
from fastbrand.store import endorsements, parties
from fastbrand.store.parties import PartyRow
from rules.model import Programme


@dataclass(frozen=True, slots=True)
class Approval:
    """On which grounds: who, when, by which decision of which book, under which key."""

    key: str
    actor: Actor
    at: datetime
    reason: str
    decision_id: str | None
    rulebook_sha256: str | None
    provenance: Provenance


def approve(conn: Connection, party: PartyRow, approval: Approval, programme: Programme) -> tuple[PartyRow, Standing]:
    """Move ``party`` (proposed) into standing. M is endorsed; S is approved and active, endorsed only if it is due."""
    events = ("endorse",) if party.track is Track.M else ("approve", "activate")
    number = party.endorsement_no + 1
    moved = party
    for event in events:
        moved = parties.move(
            conn,
            party_id=party.party_id,
            event=event,
            key=f"{approval.key}/{event}",
            actor=approval.actor,
            at=approval.at,
            reason=approval.reason or None,
            decision_id=approval.decision_id,
            rulebook_sha256=approval.rulebook_sha256,
            provenance=approval.provenance,
            updates={"endorsement_no": number} if party.mark_due and event == events[-1] else {},
        )
    return moved, enter(conn, moved, approval, programme, mark=party.mark_due)


def enter(conn: Connection, party: PartyRow, approval: Approval, programme: Programme, *, mark: bool) -> Standing:
    """What a party that came into standing is given: its grant of this month and, where due, its mark.

    ``mark``: issue the one that ``party.endorsement_no`` counts already.
    """
    endorsement_id = valid_until = renew_at = None
    if mark:
        endorsement_id = names.endorsement_id(party.party_id, party.endorsement_no)
        valid_until, renew_at = term_from(approval.at, programme)
        endorsements.issue(
            conn,
            _issued(party.party_id, endorsement_id, approval, valid_until),
            approval.at,
            endorsement_id=endorsement_id,
            party_id=party.party_id,
            number=party.endorsement_no,
            valid_until=valid_until,
            decision_id=approval.decision_id,
        )
    period = period_of(approval.at, programme.time_zone)
    return Standing(
        endorsement_id=endorsement_id,
        valid_until=valid_until,
        renew_at=renew_at,
        grant_id=names.grant_id(party.party_id, period),
        period=period,
    )


def term_from(at: datetime, programme: Programme) -> tuple[datetime, datetime | None]:
    """The end of a term that begins at ``at``, and when the rules are asked to renew it: within its last half.

    None where the programme renews nothing by itself.
    """
    term = timedelta(milliseconds=int(programme.review["endorsement_term_ms"]))
    before = timedelta(milliseconds=int(programme.review["endorsement_renewal_ms"]))
    return at + term, at + term - min(before, term / 2) if programme.review["endorsement_renews"] else None


def _issued(party_id: str, endorsement_id: str, approval: Approval, valid_until: datetime) -> AuditEvent:
    return AuditEvent(
        verb=Verb.ENDORSEMENT_ISSUED,
        key=endorsement_id,
        actor=approval.actor,
        subject_kind="endorsement",
        subject_id=endorsement_id,
        party_id=party_id,
        after={"state": "active", "valid_until": valid_until.isoformat()},
        reason=approval.reason or None,
        decision_id=approval.decision_id,
        rulebook_sha256=approval.rulebook_sha256,
        provenance=approval.provenance,
    )


def state_of(party: PartyRow, *, case_open: bool = False) -> PartyState:
    """The party as workflows see it."""
    case_id = names.case_id(party.party_id, party.case_no) if case_open else None
    endorsement_id = names.endorsement_id(party.party_id, party.endorsement_no) if party.endorsement_no else None
    return PartyState(
        party_id=party.party_id,
        track=party.track,
        stage=party.stage,
        revision=party.revision,
        application_no=party.application_no,
        screening=party.screening,
        case_id=case_id,
        endorsement_id=endorsement_id,
        appeal_until=party.appeal_until,
        suspended_until=party.suspended_until,
    )
