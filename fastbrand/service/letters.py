"""``party letter``: what the merchant is told, put together from where the party stands."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import NotFound
from fastbrand.domain.lifecycle import APPEALABLE, OPEN
from fastbrand.domain.names import case_id
from fastbrand.service.office import Office
from fastbrand.service.parties import known
from fastbrand.service.views import moment
from fastbrand.store import audit, books, cases, decisions, endorsements, grants, parties
from fastbrand.store.cases import CaseRow
from fastbrand.store.grants import GrantRow
from fastbrand.store.parties import PartyRow
from rules.letter import Situation, write
from rules.loader import load_closure
from rules.model import Book


def letter(office: Office, party_id: str, *, lang: str) -> dict[str, Any]:
    """The letter to a party: ``party_id, stage, lang, subject, paragraphs[], asked_for[], answer_by, appeal_until``."""
    party = known(office, party_id)
    with office.db.read() as conn:
        row = books.get(conn, party.book_sha256) if party.book_sha256 else books.live_at(conn, office.now())
        if row is None:
            raise NotFound("no released book is in force", hint="see `fastbrand rules list`")
        book = load_closure(row.closure)
        stored = decisions.get(conn, party.decision_id) if party.decision_id else None
        core = json.loads(stored.core) if stored else None
        at = _situation(conn, party, book, core)
    written = write(book, core, at, lang)
    return {
        "party_id": party_id,
        "stage": str(party.stage),
        "lang": lang,
        "subject": written.subject,
        "paragraphs": list(written.paragraphs),
        "asked_for": list(at.asked_for),
        "answer_by": moment(at.answer_by),
        "appeal_until": moment(at.appeal_until),
    }


def _situation(conn: Connection, party: PartyRow, book: Book, core: dict[str, Any] | None) -> Situation:
    marks = endorsements.for_party(conn, party.party_id)
    held = grants.of_parties(conn, [party.party_id])
    newest = cases.get(conn, case_id(party.party_id, party.case_no)) if party.case_no else None
    case = newest if newest is not None and party.stage in OPEN else None
    waits = newest if newest is not None and newest.state not in cases.ENDED and party.stage not in OPEN else None
    head = book.eligibility[core["rulebook"]].head if core and core["rulebook"] in book.eligibility else None
    return Situation(
        party_id=party.party_id,
        track=str(party.track),
        stage=str(party.stage),
        asked_for=_asked_for(conn, case.case_id, party.party_id) if case else (),
        answer_by=case.info_deadline if case else None,
        appeal_until=party.appeal_until if party.stage in APPEALABLE else None,
        decided_on=_decided_on(newest, party),
        final=party.barred_until == parties.FOREVER,
        apply_from=party.barred_until,
        suspended_until=party.suspended_until,
        decide_by=waits.due_at if waits is not None and not waits.sla_breached else None,
        endorsement=(
            {"number": marks[-1].public_number, "valid_until": marks[-1].valid_until, "state": str(marks[-1].state)}
            if marks
            else None
        ),
        grant=_grant(conn, max(held, key=lambda grant: grant.period)) if held else None,
        illustrative=head is not None and head.status == "illustrative",
    )


def _grant(conn: Connection, held: GrantRow) -> dict[str, Any] | None:
    """The state of a grant, the core of its decision, and the book that made it."""
    stored = decisions.get(conn, held.decision_id) if held.decision_id else None
    made_by = books.get(conn, stored.book_sha256) if stored else None
    if stored is None or made_by is None:
        return {"state": str(held.state), "decision": None, "book": None}
    return {"state": str(held.state), "decision": json.loads(stored.core), "book": load_closure(made_by.closure)}


def _decided_on(case: CaseRow | None, party: PartyRow) -> str:
    """The reason code of people's decision that the party stands on; empty where rules or time decided."""
    if case is None or party.stage not in APPEALABLE or case.state not in cases.ENDED or case.outcome != "reject":
        return ""
    if party.applied_at is not None and case.opened_at < party.applied_at:
        return ""  # of an application before this one
    return case.proposal["reason_code"] if case.proposal else ""


def _asked_for(conn: Connection, case: str, party_id: str) -> tuple[str, ...]:
    """What the newest request for information asked for."""
    items: tuple[str, ...] = ()
    for event in audit.list_events(conn, party_id=party_id, verb=Verb.CASE_INFO_REQUESTED):
        if event["subject"]["id"] == case:
            items = tuple(event["after"].get("items", ()))
    return items
