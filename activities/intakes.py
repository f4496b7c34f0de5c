"""Bulk intake, page by page: whom to start next, and what became of whom."""

from __future__ import annotations

from activities.provenance import provenance
from activities.run_payloads import IntakeMember, IntakePage, IntakeStep
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM
from fastbrand.store import intakes
from fastbrand.store.database import Database
from fastbrand.store.intakes import RowState


class IntakeActivities:
    """Local activities: each is one short transaction, safe to repeat."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @uninterrupted("intake_next")
    def next(self, step: IntakeStep) -> IntakePage:
        """Note what happened, and give the next rows that wait, as many as there is room for in the window."""
        with self._db.write() as conn:
            intakes.mark(conn, step.intake_id, step.screened, RowState.SCREENED)
            intakes.mark(conn, step.intake_id, step.started, RowState.STARTED)
            counted = intakes.counts(conn, step.intake_id)
            room = step.window - counted.get(RowState.STARTED, 0)
            found = intakes.waiting(conn, step.intake_id, room) if room > 0 else []
        return IntakePage(
            members=tuple(IntakeMember(party_id=each.party_id, track=each.track) for each in found),
            counts={str(state): number for state, number in counted.items()},
        )

    @uninterrupted("intake_end")
    def end(self, step: IntakeStep) -> IntakePage:
        """All rows were looked at."""
        with self._db.write() as conn:
            intakes.mark(conn, step.intake_id, step.screened, RowState.SCREENED)
            intakes.ended(conn, step.intake_id, at=step.at, actor=SYSTEM, provenance=provenance())
            counted = intakes.counts(conn, step.intake_id)
        return IntakePage(members=(), counts={str(state): number for state, number in counted.items()})
