"""Steps on a standing that people or time ask for: an appeal, a review, a suspension that ran out, a renewal."""

from __future__ import annotations

from sqlalchemy import Connection

from activities import casework
from activities.approving import state_of, term_from
from activities.evaluating import Evaluated, Evaluator
from activities.memo import keep, recall
from activities.payloads import AppealStep, Moved, RenewalRequest, Renewed, StandingStep
from activities.provenance import actor_of, provenance
from activities.recusal import had_part
from activities.revisions import check_revision
from activities.shelf import Shelved, in_force
from activities.shifting import Shift, open_standing_case, shift
from activities.uninterrupted import uninterrupted
from fastbrand.domain import names
from fastbrand.domain.audit import SYSTEM, AuditEvent, Verb
from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import APPEALABLE, KEPT, STANDING, events_from
from fastbrand.store import endorsements, parties
from fastbrand.store.cases import CaseKind
from fastbrand.store.database import Database
from fastbrand.store.parties import PartyRow
from rules.engine import RuleEngine


class StandingActivities:
    """Local activities: each is one short transaction and at most one rules evaluation."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._evaluator = Evaluator(engine)

    @uninterrupted("standing_move")
    def move(self, step: StandingStep) -> Moved:
        """Move a standing by an event that time or a person brought. Where it has moved on since, nothing happens."""
        memo = f"standing/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, Moved)
            if done is None:
                party = parties.known(conn, step.party_id)
                moved_on = step.by.expected_revision not in {None, party.revision}
                if step.event in events_from(party.stage, party.track) and not moved_on:
                    shelf = in_force(conn, step.at)
                    done = shift(conn, party, _shift(step.event, step, shelf, step.cause))
                else:
                    done = Moved(party=casework.party_now(conn, party))
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("standing_appeal")
    def appeal(self, step: AppealStep) -> Moved:
        """Appeal: a case for people who had no part. Raises ``Refused`` where it is late, or was tried often enough."""
        memo = f"appeal/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, Moved)
            if done is None:
                party = parties.known(conn, step.party_id)
                check_revision(step.by, party)
                shelf = in_force(conn, step.at)
                _check_appeal(party, step, int(shelf.book.programme.review["appeals"]))
                done = self._appeal(conn, party, step, shelf)
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("standing_review")
    def review(self, step: AppealStep) -> Moved:
        """Open a case about a standing. Raises ``Refused`` where there is none, or a case is open already."""
        memo = f"review/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, Moved)
            if done is None:
                party = parties.known(conn, step.party_id)
                check_revision(step.by, party)
                if party.stage not in KEPT:
                    raise Refused(
                        f"`{party.party_id}` is in stage `{party.stage}`", hint="there is no standing to review"
                    )
                case = open_standing_case(conn, party, _shift("review", step, in_force(conn, step.at), step.by.reason))
                if case is None:
                    raise Refused(
                        f"`{party.party_id}` has an open case already",
                        hint=f"decide that first: `fastbrand case show {names.case_id(party.party_id, party.case_no)}`",
                    )
                done = Moved(party=state_of(parties.known(conn, party.party_id), case_open=True), case=case)
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("endorsement_renew")
    def renew(self, request: RenewalRequest) -> Renewed:
        """Renew a mark whose term ends, where the eligibility rules still find the party eligible on fresh facts."""
        memo = f"renew/{request.endorsement_id}/{request.valid_until.isoformat()}"
        with self._db.read() as conn:
            done = recall(conn, memo, request, Renewed)
            if done is not None:
                return done
            party = parties.known(conn, request.party_id)
            shelf = in_force(conn, request.at)
            record = self._evaluator.record(conn, request.party_id, request.at)
        found = self._evaluator.screen(shelf, record, party.track, request.at)
        with self._db.write() as conn:
            done = recall(conn, memo, request, Renewed)
            if done is None:
                done = self._renew(conn, request, shelf, found)
                keep(conn, memo, request, done, actor=SYSTEM.id, at=request.at)
            return done

    # --- parts ---------------------------------------------------------------------------------------------------

    def _appeal(self, conn: Connection, party: PartyRow, step: AppealStep, shelf: Shelved) -> Moved:
        held = casework.held(conn, party)
        closed = None
        if held is not None:  # a suspension's own case: the appeal decides instead
            casework.close(conn, held, step.at, reason="appealed", outcome="appealed", actor=actor_of(step.by))
            closed = held.case_id
        moved = parties.move(
            conn,
            party_id=party.party_id,
            event="appeal",
            key=f"appeal/{step.by.command_id}",
            updates={"appeals": party.appeals + 1, "appealed_from": party.stage, "appeal_until": None},
            actor=actor_of(step.by),
            at=step.at,
            reason=step.by.reason or None,
            rulebook_sha256=shelf.sha256,
            provenance=provenance(),
        )
        case = casework.open_about_standing(
            conn,
            moved,
            shelf.book.programme,
            step.at,
            kind=CaseKind.APPEAL,
            key=step.by.command_id,
            actor=actor_of(step.by),
            reason=step.by.reason,
            excluded=had_part(conn, party, actor_of(step.by)),
        )
        now = parties.known(conn, party.party_id)
        return Moved(party=state_of(now, case_open=True), event="appeal", case=case, closed_case_id=closed)

    def _renew(self, conn: Connection, request: RenewalRequest, shelf: Shelved, found: Evaluated) -> Renewed:
        key = f"{request.endorsement_id}/renew/{request.valid_until.isoformat()}"
        decision_id = self._evaluator.store(conn, found, request.party_id, key, request.at)
        party = parties.known(conn, request.party_id)
        if party.stage not in STANDING or found.outcome != "eligible" or not found.on_track:
            return Renewed(valid_until=request.valid_until)
        end, ask_at = term_from(request.valid_until, shelf.book.programme)
        told = AuditEvent(
            verb=Verb.ENDORSEMENT_RENEWED,
            key=key,
            actor=SYSTEM,
            subject_kind="endorsement",
            subject_id=request.endorsement_id,
            party_id=request.party_id,
            before={"valid_until": request.valid_until.isoformat()},
            after={"valid_until": end.isoformat()},
            reason="screening.eligible",
            decision_id=decision_id,
            rulebook_sha256=shelf.sha256,
            provenance=provenance(),
        )
        endorsements.renew(conn, request.endorsement_id, told, request.at, valid_until=end)
        return Renewed(valid_until=end, ask_at=ask_at)


def _shift(event: str, step: StandingStep | AppealStep, shelf: Shelved, cause: str) -> Shift:
    return Shift(
        event=event,
        key=step.by.command_id,
        actor=actor_of(step.by),
        at=step.at,
        cause=cause,
        programme=shelf.book.programme,
        sha256=shelf.sha256,
    )


def _check_appeal(party: PartyRow, step: AppealStep, most: int) -> None:
    if party.stage not in APPEALABLE:
        raise Refused(
            f"`{party.party_id}` is in stage `{party.stage}`",
            hint=f"an appeal is possible against {', '.join(f'`{each}`' for each in APPEALABLE)}",
        )
    if party.appeals >= most:
        raise Refused(f"`{party.party_id}` appealed {party.appeals} times", hint=f"{most} are the most")
    if party.appeal_until is None or step.at > party.appeal_until:
        ended = f" on {party.appeal_until:%Y-%m-%d %H:%M:%SZ}" if party.appeal_until else ""
        raise Refused(f"the time to appeal is over{ended}", hint="a new application may be possible: `party apply`")
