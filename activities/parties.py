"""Steps on a party that need no rules: look up, invite, withdraw, end of an endorsement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from activities import casework
from activities.approving import state_of
from activities.memo import keep, recall
from activities.payloads import EndorsementEnd, Moved, PartyRef, PartyState, PartyStep
from activities.provenance import actor_of, provenance
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, AuditEvent, Verb
from fastbrand.domain.lifecycle import KEPT, OPEN, Track, events_from
from fastbrand.store import endorsements, parties
from fastbrand.store.database import Database
from fastbrand.store.parties import PartyRow


class PartyActivities:
    """Local activities: each is one short transaction, idempotent by its command id."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @uninterrupted("party_load")
    def load(self, ref: PartyRef) -> PartyState:
        """The party as the database has it; a party that is not known is in stage none."""
        with self._db.read() as conn:
            party = parties.get(conn, ref.party_id)
            if party is None:
                return PartyState(party_id=ref.party_id, track=Track.M)
            return casework.party_now(conn, party)

    @uninterrupted("party_nominate")
    def nominate(self, step: PartyStep) -> PartyState:
        """Name a party that might come in: a nominated merchant, or an S brand as a lead."""
        memo = f"nominate/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, PartyState)
            if done is None:
                parties.register(conn, party_id=step.party_id, track=step.track, actor=actor_of(step.by), at=step.at)
                done = state_of(self._move(conn, step, "nominate", updates={"track": step.track}))
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("party_invite")
    def invite(self, step: PartyStep) -> PartyState:
        """Invite an S brand: a person's act, before any application."""
        memo = f"invite/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, PartyState)
            if done is None:
                parties.register(conn, party_id=step.party_id, track=step.track, actor=actor_of(step.by), at=step.at)
                done = state_of(self._move(conn, step, "invite"))
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("party_withdraw")
    def withdraw(self, step: PartyStep) -> PartyState:
        """Take the application back; an open case is closed with it."""
        memo = f"withdraw/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, PartyState)
            if done is None:
                party = parties.known(conn, step.party_id)
                case = casework.held(conn, party) if party.stage in OPEN else None
                if case is not None:
                    reason = step.by.reason or "withdrawn"
                    casework.close(conn, case, step.at, reason=reason, outcome="withdrawn", actor=actor_of(step.by))
                done = state_of(self._move(conn, step, "withdraw"))
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("endorsement_end")
    def end_endorsement(self, end: EndorsementEnd) -> Moved:
        """End an endorsement; a fast brand's standing ends with its term, an S brand stays active without the mark.

        A case about a standing that ends is closed with it.
        """
        with self._db.write() as conn:
            told = AuditEvent(
                verb=Verb.ENDORSEMENT_ENDED,
                key=end.endorsement_id,
                actor=SYSTEM,
                subject_kind="endorsement",
                subject_id=end.endorsement_id,
                party_id=end.party_id,
                before={"state": "active"},
                after={"state": "ended"},
                reason=end.cause,
                provenance=provenance(),
            )
            endorsements.end(conn, end.endorsement_id, told, end.at, cause=end.cause)
            party = parties.known(conn, end.party_id)
            closed = None
            if party.stage in KEPT and "expire" in events_from(party.stage, party.track):
                case = casework.held(conn, party)
                if case is not None:
                    casework.close(conn, case, end.at, reason=f"endorsement ended: {end.cause}", outcome="expired")
                    closed = case.case_id
                party = parties.move(
                    conn,
                    party_id=end.party_id,
                    event="expire",
                    key=f"{end.endorsement_id}/end",
                    actor=SYSTEM,
                    at=end.at,
                    reason=f"endorsement ended: {end.cause}",
                    provenance=provenance(),
                )
            return Moved(party=casework.party_now(conn, party), closed_case_id=closed)

    def _move(self, conn: Connection, step: PartyStep, event: str, updates: dict[str, Any] | None = None) -> PartyRow:
        return parties.move(
            conn,
            party_id=step.party_id,
            event=event,
            key=f"{event}/{step.by.command_id}",
            actor=actor_of(step.by),
            at=step.at,
            reason=step.by.reason or None,
            provenance=provenance(),
            expected_revision=step.by.expected_revision,
            updates=updates,
        )
