"""Screening: an application is taken in, decided by the rules in force, and goes where the routing says.

One transaction a step: stages, decisions, case and audit events together, or nothing. Rules are evaluated before the
transaction opens, so that a slow engine never holds the writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from activities import casework
from activities.approving import Approval, approve, state_of
from activities.evaluating import Evaluated, Evaluator
from activities.memo import keep, recall
from activities.payloads import By, EndorseRequest, RescreenRequest, Screened, ScreenRequest
from activities.provenance import actor_of, provenance
from activities.shelf import Shelved, in_force, pinned, reevaluates
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, Actor
from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import OPEN, Stage
from fastbrand.store import intakes, parties
from fastbrand.store.cases import CaseRow
from fastbrand.store.database import Database
from fastbrand.store.intakes import RowState
from fastbrand.store.parties import PartyRow
from rules.engine import RuleEngine


@dataclass(frozen=True, slots=True)
class _Step:
    """What every part of one screening needs: the moment, the book, what the rules said, under which key."""

    at: datetime
    shelf: Shelved
    found: Evaluated
    key: str
    by: By


class ScreeningActivities:
    """Local activities: each is one short transaction and at most one rules evaluation."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._evaluator = Evaluator(engine)

    @uninterrupted("screen")
    def screen(self, request: ScreenRequest) -> Screened:
        """Take an application in and screen it. Raises ``IllegalTransition`` where the party cannot apply now."""
        memo = f"screen/{request.party_id}/{request.by.command_id}"
        with self._db.read() as conn:
            done = recall(conn, memo, request, Screened)
            if done is not None:
                return done
            shelf = in_force(conn, request.at)
            record = self._evaluator.record(conn, request.party_id, request.at)
        found = self._evaluator.screen(shelf, record, request.track, request.at)
        with self._db.write() as conn:
            done = recall(conn, memo, request, Screened)
            if done is None:
                done = self._take_in(conn, request, shelf, found)
                if not done.approve:  # else it is served when the approval is settled
                    _served(conn, request)
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    @uninterrupted("rescreen")
    def rescreen(self, request: RescreenRequest) -> Screened:
        """Screen an open case again on newer facts. Where nothing is open, nothing happens (``route`` none)."""
        memo = f"rescreen/{request.party_id}/{request.by.command_id}"
        with self._db.read() as conn:
            done = recall(conn, memo, request, Screened)
            if done is not None:
                return done
            party = parties.known(conn, request.party_id)
            if party.stage not in OPEN:
                return Screened(party=state_of(party), route="none")
            shelf, effective_at = self._book_for(conn, party, request.at)
            record = self._evaluator.record(conn, request.party_id, request.at)
        found = self._evaluator.screen(shelf, record, party.track, request.at, book_as_of=effective_at)
        with self._db.write() as conn:
            done = recall(conn, memo, request, Screened)
            if done is None:
                done = self._take_again(conn, request, shelf, found)
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    @uninterrupted("endorse")
    def endorse(self, request: EndorseRequest) -> Screened:
        """Settle an approval that routing lets the system decide: the second half of straight-through."""
        memo = f"endorse/{request.party_id}/{request.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, request, Screened)
            if done is None:
                party = parties.known(conn, request.party_id)
                shelf = pinned(conn, party.book_sha256 or "")
                approval = Approval(
                    key=request.by.command_id,
                    actor=SYSTEM,
                    at=request.at,
                    reason="screening.eligible",
                    decision_id=party.decision_id,
                    rulebook_sha256=shelf.sha256,
                    provenance=provenance(),
                )
                party, standing = approve(conn, party, approval, shelf.book.programme)
                done = Screened(party=state_of(party), route="none", standing=standing)
                _served(conn, request)
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    # --- parts ---------------------------------------------------------------------------------------------------

    def _book_for(self, conn: Connection, party: PartyRow, at: datetime) -> tuple[Shelved, datetime]:
        """The book an open application is decided by, and the moment at which its rule books must be in force.

        That is the book it was made under, as of then, unless that book says ``reevaluate``: the one in force now.
        """
        shelf = pinned(conn, party.book_sha256 or "")
        if reevaluates(shelf.book, party.track):
            return in_force(conn, at), at
        return shelf, party.applied_at or at

    def _take_in(self, conn: Connection, request: ScreenRequest, shelf: Shelved, found: Evaluated) -> Screened:
        parties.register(
            conn, party_id=request.party_id, track=request.track, actor=actor_of(request.by), at=request.at
        )
        party = parties.known(conn, request.party_id)
        _check_bar(party, request.at)
        number = party.application_no + 1
        key = f"app/{number}"
        step = _Step(request.at, shelf, found, key, request.by)
        party = self._move(
            conn,
            party,
            "apply",
            step,
            actor=actor_of(request.by),
            reason=request.by.reason or None,
            expected_revision=request.by.expected_revision,
            updates={
                "track": request.track,
                "application_no": number,
                "book_sha256": shelf.sha256,
                "applied_at": request.at,
                "screening": None,
                "screening_no": 0,
                "mark_due": False,
                "appeal_until": None,
                "appeals": 0,
                "recommended": None,
            },
        )
        party = self._move(conn, party, "screen", step)
        decision_id = self._evaluator.store(conn, found, request.party_id, f"{key}/screen/1", request.at)
        party = parties.amend(
            conn,
            party.party_id,
            screening=found.outcome,
            screening_no=1,
            decision_id=decision_id,
            mark_due=found.mark_due(with_endorsement=request.with_endorsement),
            recommended=found.recommended,
            wants_endorsement=request.with_endorsement,
        )
        return self._send_on(conn, party, step, None)

    def _take_again(self, conn: Connection, request: RescreenRequest, shelf: Shelved, found: Evaluated) -> Screened:
        party = parties.known(conn, request.party_id)
        if party.stage not in OPEN:
            return Screened(party=state_of(party), route="none")
        number = party.screening_no + 1
        key = f"app/{party.application_no}"
        step = _Step(request.at, shelf, found, f"{key}/again/{number}", request.by)
        decision_id = self._evaluator.store(conn, found, party.party_id, f"{key}/screen/{number}", request.at)
        party = parties.amend(
            conn,
            party.party_id,
            screening=found.outcome,
            screening_no=number,
            decision_id=decision_id,
            book_sha256=shelf.sha256,
            mark_due=found.mark_due(with_endorsement=party.wants_endorsement),
            recommended=found.recommended,
        )
        return self._send_on(conn, party, step, casework.held(conn, party))

    def _send_on(self, conn: Connection, party: PartyRow, step: _Step, case: CaseRow | None) -> Screened:
        """Where the routing says: approved or rejected by the system, or to a person (``case`` is the open one)."""
        route = step.found.route()
        if route == "person":
            return self._to_person(conn, party, step, case)
        closed = None
        if case is not None:
            casework.close(conn, case, step.at, reason=f"rescreened: {step.found.outcome}", outcome=route)
            closed = case.case_id
        if party.stage in {Stage.ENDORSEMENT_PROPOSED, Stage.APPROVAL_PROPOSED} and route == "approve":
            return Screened(party=state_of(party), route="system", approve=True, closed_case_id=closed)
        event = "propose" if route == "approve" else "reject"
        updates: dict[str, Any] = {}
        if route == "reject":
            appeal = timedelta(milliseconds=int(step.shelf.book.programme.review["appeal_window_ms"]))
            updates["appeal_until"] = step.at + appeal
        party = self._move(conn, party, event, step, reason=f"screening.{step.found.outcome}", updates=updates)
        return Screened(
            party=state_of(party),
            route="system",
            approve=route == "approve",
            closed_case_id=closed,
        )

    def _to_person(self, conn: Connection, party: PartyRow, step: _Step, case: CaseRow | None) -> Screened:
        programme = step.shelf.book.programme
        if case is None:
            number = party.case_no + 1
            party = self._move(
                conn, party, "refer", step, reason=f"screening.{step.found.outcome}", updates={"case_no": number}
            )
            row = casework.open_case(conn, party, step.found, programme, step.at)
            returned = False
        else:
            row = casework.rescreened(conn, party, case, step.found, step.at)
            returned = case.state == "proposed" and row.state != "proposed"
            if returned and party.stage is not Stage.VETTING:
                party = self._move(conn, party, "return", step, reason="rescreened")
        file = casework.case_file(row, party, review=programme.review, returned=returned)
        return Screened(party=state_of(party, case_open=True), route="person", case=file)

    def _move(
        self,
        conn: Connection,
        party: PartyRow,
        event: str,
        step: _Step,
        *,
        actor: Actor = SYSTEM,
        reason: str | None = None,
        expected_revision: int | None = None,
        updates: Mapping[str, Any] | None = None,
    ) -> PartyRow:
        """Move the stage by ``event``; a move before screening has no decision to point at."""
        decided = event not in {"apply", "screen"}
        return parties.move(
            conn,
            party_id=party.party_id,
            event=event,
            key=f"{step.key}/{event}",
            actor=actor,
            at=step.at,
            reason=reason,
            decision_id=party.decision_id if decided else None,
            rulebook_sha256=step.shelf.sha256,
            provenance=provenance(),
            expected_revision=expected_revision,
            updates=dict(updates or {}),
        )


def _served(conn: Connection, request: ScreenRequest | EndorseRequest) -> None:
    """The row of the file in which the application came is done: its intake looks there, nobody needs to tell it."""
    if request.intake_id:
        intakes.mark(conn, request.intake_id, [request.party_id], RowState.SCREENED)


def _check_bar(party: PartyRow, at: datetime) -> None:
    """Refuse who may not apply yet, or never again."""
    if party.barred_until is None or at >= party.barred_until:
        return
    if party.barred_until == parties.FOREVER:
        raise Refused(
            f"the decision about `{party.party_id}` is final: it may not apply again",
            hint="appeal against it while there is time: `party appeal`",
        )
    raise Refused(
        f"`{party.party_id}` may not apply before {party.barred_until:%Y-%m-%d %H:%M:%SZ}",
        hint="its standing was taken from it, and the cool-off is not over",
    )
