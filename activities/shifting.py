"""What a move of a standing brings with it: tranches frozen, given back or clawed back, the mark, a case, dates.

Shared by upkeep, by people's decisions and by deadlines; always inside their transaction, so that a party is never in a
stage whose consequences have not happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from activities import casework
from activities.forfeiting import forfeit, freeze, frozen
from activities.payloads import CaseFile, Moved
from activities.provenance import provenance
from fastbrand.domain.audit import Actor, AuditEvent, Verb
from fastbrand.domain.lifecycle import Stage
from fastbrand.store import endorsements, parties
from fastbrand.store.audit import Grounds
from fastbrand.store.cases import CaseKind
from fastbrand.store.clawbacks import clawback_party
from fastbrand.store.endorsements import EndorsementRow
from fastbrand.store.parties import PartyRow
from rules.model import Programme

_ENDS = frozenset({"revoke", "terminate"})
_BACK = frozenset({"clear", "reinstate", "overturn"})


@dataclass(frozen=True, slots=True)
class Shift:
    """A move of a standing: which event, by whom, when, for what cause, on which grounds, under which key."""

    event: str
    key: str
    actor: Actor
    at: datetime
    cause: str
    programme: Programme
    sha256: str
    decision_id: str | None = None
    final: bool = False  # nobody comes back from this end

    def grounds(self) -> Grounds:
        """For what is written with it."""
        return {
            "actor": self.actor,
            "at": self.at,
            "reason": self.cause or None,
            "decision_id": self.decision_id,
            "rulebook_sha256": self.sha256,
            "provenance": provenance(),
        }


def shift(conn: Connection, party: PartyRow, by: Shift) -> Moved:
    """Move ``party`` by ``by.event``, with all that it brings. Raises ``IllegalTransition``."""
    before = party.stage
    party = parties.move(
        conn,
        party_id=party.party_id,
        event=by.event,
        key=f"{by.key}/{by.event}",
        updates=_dates(by),
        **by.grounds(),
    )
    mark = _mark(conn, party, before, by)
    told: tuple[str, ...] = ()
    wake: tuple[str, ...] = ()
    if by.event == "watch":
        told = freeze(conn, party.party_id, by.key, by.grounds())
    elif by.event in {"demote", "suspend", "graduate"}:
        told, wake = forfeit(conn, party.party_id, by.grounds())
    elif by.event in _ENDS:
        clawed = clawback_party(conn, party.party_id, by.cause or by.event, **by.grounds())
        told, wake = tuple(each.grant_id for each in clawed.grants), clawed.wake
    elif by.event in _BACK:
        told = frozen(conn, party.party_id)
    case = open_standing_case(conn, party, by) if by.event == "suspend" else None
    over = by.event in _ENDS | {"graduate"} and before is not Stage.APPEALING
    closed = _close_case(conn, party, by) if over else None
    return Moved(
        party=casework.party_now(conn, parties.known(conn, party.party_id)),
        event=by.event,
        grants=told,
        wake=wake,
        case=case,
        closed_case_id=closed,
        ended_endorsement=mark.endorsement_id if mark is not None and by.event in _ENDS else None,
    )


def _dates(by: Shift) -> dict[str, Any]:
    """The dates that come with the new stage."""
    review = by.programme.review

    def after(name: str) -> datetime:
        return by.at + timedelta(milliseconds=int(review[name]))

    if by.event in _ENDS:
        return {
            "appeal_until": after("appeal_window_ms"),
            "appeals": 0,
            "barred_until": parties.FOREVER if by.final else after("cool_off_ms"),
            "suspended_until": None,
        }
    if by.event == "suspend":
        return {"suspended_until": after("suspension_ms"), "appeal_until": after("appeal_window_ms"), "appeals": 0}
    if by.event in _BACK:
        cleared = {"suspended_until": None, "appeal_until": None, "barred_until": None, "appealed_from": None}
        return {**cleared, "appeals": 0}
    return {}


def _mark(conn: Connection, party: PartyRow, before: Stage, by: Shift) -> EndorsementRow | None:
    """Hold, resume or end the mark that the party carries; the mark as it was found."""
    held = endorsements.active_for(conn, party.party_id)
    if held is None:
        return None
    if by.event in _ENDS:
        told = _told(held, by, Verb.ENDORSEMENT_ENDED, "ended")
        endorsements.end(conn, held.endorsement_id, told, by.at, cause=by.cause or by.event)
    elif by.event == "suspend":
        told = _told(held, by, Verb.ENDORSEMENT_SUSPENDED, "suspended")
        endorsements.hold(conn, held.endorsement_id, told, by.at, suspended=True)
    elif by.event in _BACK and before in {Stage.SUSPENDED, Stage.APPEALING}:
        told = _told(held, by, Verb.ENDORSEMENT_RESUMED, "active")
        endorsements.hold(conn, held.endorsement_id, told, by.at, suspended=False)
    return held


def _told(held: EndorsementRow, by: Shift, verb: Verb, state: str) -> AuditEvent:
    return AuditEvent(
        verb=verb,
        key=f"{held.endorsement_id}/{by.key}/{by.event}",
        actor=by.actor,
        subject_kind="endorsement",
        subject_id=held.endorsement_id,
        party_id=held.party_id,
        before={"state": str(held.state)},
        after={"state": state},
        reason=by.cause or None,
        decision_id=by.decision_id,
        rulebook_sha256=by.sha256,
        provenance=provenance(),
    )


def open_standing_case(conn: Connection, party: PartyRow, by: Shift) -> CaseFile | None:
    """Open a case about the party's standing: a suspension needs a person. None where one is open."""
    if casework.held(conn, party) is not None:
        return None
    return casework.open_about_standing(
        conn, party, by.programme, by.at, kind=CaseKind.STANDING, key=by.key, actor=by.actor, reason=by.cause
    )


def _close_case(conn: Connection, party: PartyRow, by: Shift) -> str | None:
    """A standing that ends leaves no case about it open; the id of the one that was closed."""
    held = casework.held(conn, party)
    if held is None:
        return None
    casework.close(conn, held, by.at, reason=by.cause or by.event, outcome=by.event, actor=by.actor)
    return held.case_id
