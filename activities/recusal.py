"""Who had a part in what is appealed against: none of them decides the appeal."""

from __future__ import annotations

from sqlalchemy import Connection

from fastbrand.domain.audit import Actor, Verb
from fastbrand.store import audit, cases, parties
from fastbrand.store.parties import PartyRow

_PARTS = frozenset(
    {
        Verb.CASE_OPENED,  # a person who asks for a review, or brings an appeal, is no judge of it
        Verb.CASE_CLAIMED,
        Verb.CASE_INFO_REQUESTED,
        Verb.CASE_PROPOSED,
        Verb.CASE_CONFIRMED,
        Verb.CASE_RETURNED,
    }
)
_BEGINS = frozenset({"apply", "endorse", "activate", "overturn"})
"""Events with which an application, or a standing, begins."""


def had_part(conn: Connection, party: PartyRow, asker: Actor) -> tuple[str, ...]:
    """The people who claimed, asked in, proposed, confirmed or returned a case of this application or standing.

    Earlier appeals and who brought them count as well, and so does ``asker``, who brings this one.
    """
    begun = [step.at for step in parties.stage_events(conn, party.party_id) if step.event in _BEGINS]
    since = begun[-1] if begun else None
    mine = {
        case.case_id
        for case in cases.list_cases(conn, party_id=party.party_id)
        if since is None or case.opened_at >= since
    }
    found = {asker.id} if asker.kind == "human" else set()
    for event in audit.list_events(conn, party_id=party.party_id):
        if event["actor"]["kind"] == "human" and event["verb"] in _PARTS and event["subject"]["id"] in mine:
            found.add(str(event["actor"]["id"]))
    return tuple(sorted(found))
