"""A release of a rule book: approved by a second person, in force from its date, and what that means for who is open.

From when a book is in force is a row of the database, so it is in force at its date whoever runs; these steps write
that down and say whose open applications it decides anew.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from activities.memo import keep, recall
from activities.pools import open_pools
from activities.provenance import actor_of, provenance
from activities.release_payloads import InFlight, InFlightRequest, ReleaseRef, ReleaseState, ReleaseStep
from activities.shelf import pinned, reevaluates
from activities.uninterrupted import uninterrupted
from fastbrand.domain.errors import NotFound, Refused
from fastbrand.domain.lifecycle import OPEN
from fastbrand.store import books, parties
from fastbrand.store.audit import Grounds
from fastbrand.store.books import BookRow, BookState
from fastbrand.store.database import Database
from rules.loader import load_closure

PAGE = 200
"""Open applications looked at in one step."""


class ReleaseActivities:
    """Local activities: each is one short transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @uninterrupted("load_release")
    def load(self, request: ReleaseRef) -> ReleaseState:
        """Where the release stands. Raises ``NotFound``."""
        with self._db.read() as conn:
            return _state(_standing(conn, request.sha256, request.at))

    @uninterrupted("approve_release")
    def approve(self, request: ReleaseStep) -> ReleaseState:
        """Approve it, and open the pools that its programme adds. Raises ``NotFound``, ``Refused``, ``FourEyes``."""
        memo = f"approve_release/{request.sha256}/{request.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, request, ReleaseState)
            if done is None:
                row = _standing(conn, request.sha256, request.at)
                if row.state is not BookState.PROPOSED:
                    raise Refused(f"book `{row.sha256[:16]}` is {row.state}", hint="there is nothing to approve")
                books.approve(conn, row.sha256, **_grounds(request))
                open_pools(conn, load_closure(row.closure), request.at, actor_of(request.by))
                done = _state(_standing(conn, request.sha256, request.at))
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    @uninterrupted("reinstate_release")
    def reinstate(self, request: ReleaseStep) -> ReleaseState:
        """Bring it into force again (a rollback). Raises ``NotFound``, and ``Refused`` where it never was, or is."""
        memo = f"reinstate_release/{request.sha256}/{request.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, request, ReleaseState)
            if done is None:
                books.reinstate(conn, request.sha256, **_grounds(request))
                done = _state(_standing(conn, request.sha256, request.at))
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    @uninterrupted("cancel_release")
    def cancel(self, request: ReleaseStep) -> ReleaseState:
        """Take it back before its date. Raises ``NotFound``, and ``Refused`` where it is or was in force."""
        memo = f"cancel_release/{request.sha256}/{request.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, request, ReleaseState)
            if done is None:
                books.cancel(conn, request.sha256, **_grounds(request))
                done = _state(_standing(conn, request.sha256, request.at))
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    @uninterrupted("activate_release")
    def activate(self, request: ReleaseStep) -> ReleaseState:
        """Its date is there: write down that it is in force. One that another replaced by then stays as it is."""
        with self._db.write() as conn:
            books.activate(conn, request.sha256, at=request.at, provenance=provenance())
            return _state(_standing(conn, request.sha256, request.at))

    @uninterrupted("in_flight")
    def in_flight(self, request: InFlightRequest) -> InFlight:
        """Open applications that were made under another book which says ``in_flight: reevaluate`` for their track."""
        with self._db.read() as conn:
            rows = parties.list_parties(conn, stage=OPEN, limit=PAGE, cursor=request.after or None)
            others = [row for row in rows if row.book_sha256 and row.book_sha256 != request.sha256]
            shelved = {sha256: pinned(conn, sha256) for sha256 in {row.book_sha256 or "" for row in others}}
            moving = [row for row in others if reevaluates(shelved[row.book_sha256 or ""].book, row.track)]
            return InFlight(
                parties=tuple(row.party_id for row in moving), next=rows[-1].party_id if len(rows) == PAGE else None
            )


def _grounds(request: ReleaseStep) -> Grounds:
    return {
        "at": request.at,
        "actor": actor_of(request.by),
        "reason": request.by.reason or None,
        "provenance": provenance(),
    }


def _standing(conn: Connection, sha256: str, at: datetime) -> BookRow:
    row = books.standing(conn, sha256, at)
    if row is None:
        raise NotFound(f"book `{sha256[:16]}` is not stored", hint="see `fastbrand rules list`")
    return row


def _state(row: BookRow) -> ReleaseState:
    return ReleaseState(
        sha256=row.sha256, state=str(row.state), effective_from=row.effective_from, released_by=row.released_by
    )
