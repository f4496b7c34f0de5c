"""A proposal takes effect: what becomes of the party, by the kind of case and the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from activities.approving import Approval, approve, enter
from activities.casework import party_now
from activities.payloads import CaseStep, Moved, Resumed, Standing
from activities.provenance import actor_of, provenance
from activities.shelf import Shelved, in_force, pinned
from activities.shifting import Shift, open_standing_case, shift
from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import APPEALABLE, KEPT, MARKED, Stage, Track
from fastbrand.store import clawbacks, endorsements, grants, parties
from fastbrand.store.cases import CaseKind, CaseRow
from fastbrand.store.parties import PartyRow


@dataclass(frozen=True, slots=True)
class Settled:
    """The party after a case was settled, with what came into standing or whom its move concerns."""

    party: PartyRow
    standing: Standing | None = None
    moved: Moved | None = None


def settle(conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> Settled:
    """Let the proposal of ``case`` take effect. The case is closed already, so that nothing closes it once more."""
    match case.kind:
        case CaseKind.VETTING:
            return _vetting(conn, step, case, party)
        case CaseKind.STANDING:
            return _standing(conn, step, case, party)
        case CaseKind.APPEAL:
            return _appeal(conn, step, case, party)


def _vetting(conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> Settled:
    """Endorsed or approved, or rejected: by the book that the application was made under."""
    shelf = pinned(conn, party.book_sha256 or "")
    if _outcome(case) == "approve":
        approval = _approval(step, case, shelf, case.decision_id)
        party, standing = approve(conn, party, approval, shelf.book.programme)
        return Settled(party, standing=standing)
    appeal_until = step.at + _span(shelf, "appeal_window_ms")
    final = {"barred_until": parties.FOREVER} if _final(case) else {}
    return Settled(_move(conn, step, case, party, "reject", shelf, {"appeal_until": appeal_until, **final}))


def _standing(conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> Settled:
    """The standing is kept, given back where something of it was lost, or ends."""
    if party.stage not in KEPT:
        raise Refused(f"`{party.party_id}` is in stage `{party.stage}`", hint="there is no standing left to decide on")
    if _outcome(case) == "reject":
        event = "revoke" if party.track is Track.M else "terminate"
    elif party.stage is Stage.SUSPENDED:
        event = "reinstate"
    elif party.stage in {Stage.WATCH, Stage.DEMOTED}:
        event = "clear"
    else:
        return Settled(party)
    moved = shift(conn, party, _shift(event, step, case, in_force(conn, step.at)))
    return Settled(_again(conn, party), moved=moved)


def _appeal(conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> Settled:
    """The decision falls, and the party stands; or it holds, and may be appealed against as often as the book says."""
    shelf, source = in_force(conn, step.at), party.appealed_from
    if party.stage is not Stage.APPEALING or source is None:
        raise Refused(f"`{party.party_id}` is in stage `{party.stage}`", hint="no appeal waits for a decision")
    if _outcome(case) == "approve":
        return _overturned(conn, step, case, party, source, shelf)
    again = party.appeals < int(shelf.book.programme.review["appeals"])
    updates = {"appeal_until": step.at + _span(shelf, "appeal_again_ms") if again else None, "appealed_from": None}
    final = {"barred_until": parties.FOREVER} if _final(case) else {}
    event = APPEALABLE[source]
    party = _move(conn, step, case, party, event, shelf, {**updates, **final})
    opened = None
    if source is Stage.SUSPENDED:  # the suspension still waits for somebody who lifts it, or for its end
        opened = open_standing_case(conn, party, _shift(event, step, case, shelf))
        party = _again(conn, party)
    return Settled(party, moved=Moved(party=party_now(conn, party), event=event, case=opened))


def _overturned(
    conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow, source: Stage, shelf: Shelved
) -> Settled:
    """In standing, as if it had not been decided: with a mark that holds, a grant where none can have been due, without
    the debt that it made, and with what can still be spent.
    """
    overturned, mark = _shift("overturn", step, case, shelf), _mark_missing(conn, party, source)
    ended_at = _ended_at(conn, party) if source in {Stage.REVOKED, Stage.TERMINATED} else None
    resumed: tuple[Resumed, ...] = ()
    if ended_at is not None:
        undone = clawbacks.forgive_party(conn, party.party_id, ended_at, **overturned.grounds())
        resumed = _resumed(conn, {each.grant_id for each in undone if each.returned})
    moved = shift(conn, party, overturned)
    party = _again(conn, party)
    if not mark and source is Stage.SUSPENDED:
        return Settled(party, moved=moved)
    if mark:
        party = parties.number_endorsement(conn, party.party_id)
    approval = _approval(step, case, shelf, party.decision_id)
    standing = enter(conn, party, approval, shelf.book.programme, mark=mark)
    moved = moved.model_copy(update={"party": party_now(conn, party), "standing": standing, "resumed": resumed})
    return Settled(party, moved=moved)


def _mark_missing(conn: Connection, party: PartyRow, source: Stage) -> bool:
    """Whether a party that stands again lacks a mark that it must have, or had before it lost its standing."""
    if endorsements.active_for(conn, party.party_id) is not None:
        return False
    if source is Stage.REJECTED:
        return party.mark_due
    if party.track is Track.M:
        return True
    held, lost_at = endorsements.for_party(conn, party.party_id), _lost_at(conn, party)
    ended_at = held[-1].ended_at if held else None
    return ended_at is not None and lost_at is not None and ended_at >= lost_at


def _lost_at(conn: Connection, party: PartyRow) -> datetime | None:
    """When the party left the stages in which a mark holds; None where it never was in one."""
    at = None
    for step in reversed(parties.stage_events(conn, party.party_id)):
        if step.target in MARKED:
            return at
        at = step.at
    return None


def _resumed(conn: Connection, grant_ids: set[str]) -> tuple[Resumed, ...]:
    rows = [grants.get(conn, grant_id) for grant_id in sorted(grant_ids)]
    return tuple(
        Resumed(grant_id=row.grant_id, party_id=row.party_id, track=row.track, period=row.period)
        for row in rows
        if row is not None
    )


def _ended_at(conn: Connection, party: PartyRow) -> datetime | None:
    """When the standing was revoked or terminated last."""
    steps = reversed(parties.stage_events(conn, party.party_id))
    return next((each.at for each in steps if each.event in {"revoke", "terminate"}), None)


# --- what every part needs ----------------------------------------------------------------------------------------


def _outcome(case: CaseRow) -> str:
    assert case.proposal is not None  # nothing is settled without one
    return case.proposal["outcome"]


def _final(case: CaseRow) -> bool:
    return bool(case.proposal and case.proposal.get("final"))


def _reason(case: CaseRow) -> str:
    assert case.proposal is not None  # nothing is settled without one
    return case.proposal["reason_code"]


def _span(shelf: Shelved, name: str) -> timedelta:
    return timedelta(milliseconds=int(shelf.book.programme.review[name]))


def _again(conn: Connection, party: PartyRow) -> PartyRow:
    """The party as it stands now."""
    return parties.known(conn, party.party_id)


def _approval(step: CaseStep, case: CaseRow, shelf: Shelved, decision_id: str | None) -> Approval:
    return Approval(
        key=f"{case.case_id}/settle/{step.by.command_id}",
        actor=actor_of(step.by),
        at=step.at,
        reason=_reason(case),
        decision_id=decision_id,
        rulebook_sha256=shelf.sha256,
        provenance=provenance(),
    )


def _shift(event: str, step: CaseStep, case: CaseRow, shelf: Shelved) -> Shift:
    return Shift(
        event=event,
        key=f"{case.case_id}/{step.by.command_id}",
        actor=actor_of(step.by),
        at=step.at,
        cause=_reason(case),
        programme=shelf.book.programme,
        sha256=shelf.sha256,
        final=_final(case),
    )


def _move(
    conn: Connection,
    step: CaseStep,
    case: CaseRow,
    party: PartyRow,
    event: str,
    shelf: Shelved,
    updates: dict[str, object],
) -> PartyRow:
    return parties.move(
        conn,
        party_id=party.party_id,
        event=event,
        key=f"{case.case_id}/{step.by.command_id}/{event}",
        actor=actor_of(step.by),
        at=step.at,
        reason=_reason(case),
        decision_id=party.decision_id,
        rulebook_sha256=shelf.sha256,
        provenance=provenance(),
        updates=updates,
    )
