"""Parties: apply, invite, withdraw, show, list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError, NotFound, Refused
from fastbrand.domain.lifecycle import Stage, Track, events_from
from fastbrand.domain.names import check_party_id
from fastbrand.domain.people import Action
from fastbrand.service import facts as fact_cases
from fastbrand.service.candidates import check_served, parse_track
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.texts import decision_lines
from fastbrand.service.views import (
    case_view,
    document_view,
    endorsement_view,
    fact_view,
    grant_view,
    observation_view,
    party_row,
    plan_view,
)
from fastbrand.store import (
    cases,
    decisions,
    documents,
    endorsements,
    facts,
    grants,
    ledger,
    observations,
    parties,
    plans,
)

if TYPE_CHECKING:
    from fastbrand.service.who import Asker
    from workflows.messages import PartyView


async def apply(
    office: Office,
    *,
    party_id: str,
    track: str,
    facts_file: Path | None,
    with_endorsement: bool,
    who: Asker,
) -> dict[str, Any]:
    """Store the facts of ``facts_file``, then apply: screened at once by the rules in force.

    Gives ``party_id, stage, screening, case_id, revision, command_id``. Raises ``InputError`` on facts that cannot be
    taken, ``Refused`` where the party may not apply now, or the book in force does not judge its track.
    """
    check_party_id(party_id)
    kind = parse_track(track)
    news = fact_cases.read_for(office, party_id, facts_file) if facts_file else []
    order = Order(
        action=Action.PARTY_APPLY,
        subject_kind="party",
        subject_id=party_id,
        party_id=party_id,
        params={"track": str(kind), "with_endorsement": with_endorsement, "facts": fact_cases.digest(news)},
        **who.order(),
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_party
        from workflows.brand_lifecycle import BrandLifecycle
        from workflows.messages import Apply, LifecycleInput

        check_served(fact_cases.live_book(office), kind, Refused)
        await office.connect()  # nothing is stored while nobody could act on it
        if _may_apply(office, party_id, who.revision):
            fact_cases.store(office, party_id, kind, news, envelope)
        command = envelope.fill(Apply, track=kind, with_endorsement=with_endorsement)
        start = LifecycleInput(party_id=party_id, track=kind)
        return told(await update_party(office, party_id, BrandLifecycle.apply, command, start=start))

    return await carry_out(office, order, send)


def _may_apply(office: Office, party_id: str, revision: int | None) -> bool:
    """Whether an application looks possible: one that will be refused leaves no facts behind (the workflow judges)."""
    with office.db.read() as conn:
        party = parties.get(conn, party_id)
    if party is None:
        return True
    return "apply" in events_from(party.stage, party.track) and revision in {None, party.revision}


async def invite(office: Office, *, party_id: str, who: Asker) -> dict[str, Any]:
    """Invite an S brand to apply. Raises ``Refused`` where it is known already."""
    check_party_id(party_id)
    order = Order(Action.PARTY_INVITE, "party", party_id, {}, party_id=party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_party
        from workflows.brand_lifecycle import BrandLifecycle
        from workflows.messages import Invite, LifecycleInput

        check_served(fact_cases.live_book(office), Track.S, Refused)
        start = LifecycleInput(party_id=party_id, track=Track.S)
        return told(await update_party(office, party_id, BrandLifecycle.invite, envelope.fill(Invite), start=start))

    return await carry_out(office, order, send)


async def withdraw(office: Office, *, party_id: str, who: Asker) -> dict[str, Any]:
    """Take an application back. Raises ``Refused`` once it is decided."""
    known(office, party_id)
    order = Order(Action.PARTY_WITHDRAW, "party", party_id, {}, party_id=party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_party
        from workflows.brand_lifecycle import BrandLifecycle
        from workflows.messages import LifecycleInput, Withdraw

        party = known(office, party_id)
        start = LifecycleInput(party_id=party_id, track=party.track)
        return told(await update_party(office, party_id, BrandLifecycle.withdraw, envelope.fill(Withdraw), start=start))

    return await carry_out(office, order, send)


def known(office: Office, party_id: str) -> parties.PartyRow:
    """The party's row. Raises ``NotFound`` with the nearest id."""
    check_party_id(party_id)
    with office.db.read() as conn:
        row = parties.get(conn, party_id)
        if row is not None:
            return row
        near = parties.similar_ids(conn, party_id)
    meant = f"did you mean {' or '.join(f'`{each}`' for each in near)}? " if near else ""
    raise NotFound(f"party `{party_id}` is not known", hint=f"{meant}see `fastbrand party list`")


def show(office: Office, party_id: str, *, lang: str = "en") -> dict[str, Any]:
    """All about a party: ``party_id, kind, stage, revision, facts[], decisions[], endorsement, grants[], cases[]``,
    what it owes (``debt``, by pool in ``debts[]``), what upkeep saw (``upkeep[]``), it undertook (``plans[]``) and
    has on file (``documents[]``, the current ones).

    ``summary`` says in ``lang`` what the last eligibility decision found.
    """
    party = known(office, party_id)
    with office.db.read() as conn:
        stored = decisions.for_party(conn, party_id)
        held = grants.of_parties(conn, [party_id])
        tranches = grants.tranches_of_many(conn, [each.grant_id for each in held])
        accounts, debts = ledger.holdings(conn, tranches), ledger.debts_of(conn, party_id)
        marks = endorsements.for_party(conn, party_id)
        result = {
            **party_row(party),
            "facts": [fact_view(row) for row in facts.latest(conn, party_id, office.now()).values()],
            "decisions": [{"id": each.decision_id, **json.loads(each.core)} for each in stored],
            "endorsement": endorsement_view(marks[-1] if marks else None),
            "grants": [grant_view(each, tranches[each.grant_id], accounts[each.grant_id]) for each in held],
            "debt": sum(each.owed for each in debts),
            "debts": [{"pool": each.pool_id, "owed": each.owed} for each in debts],
            "upkeep": [observation_view(each) for each in observations.for_party(conn, party_id)],
            "plans": [plan_view(each) for each in plans.for_party(conn, party_id)],
            "documents": [document_view(each, None, office.now()) for each in documents.for_party(conn, party_id)],
            "cases": [case_view(each, party) for each in cases.list_cases(conn, party_id=party_id)],
        }
        last = next((each for each in reversed(stored) if each.decision_id == party.decision_id), None)
        result["summary"] = decision_lines(conn, last, lang) if last else []
    return result


def list_parties(office: Office, *, stage: str | None, track: str | None, limit: int) -> list[dict[str, Any]]:
    """Parties by id. Raises ``InputError`` on a stage or track there is not."""
    if stage is not None and stage not in {each.value for each in Stage}:
        raise InputError(f"`{stage}` is not a stage", hint=f"stages are {', '.join(each.value for each in Stage)}")
    kind = parse_track(track) if track is not None else None
    with office.db.read() as conn:
        rows = parties.list_parties(conn, stage=Stage(stage) if stage else None, track=kind, limit=limit)
    return [party_row(row) for row in rows]


def told(view: PartyView) -> dict[str, Any]:
    """What a command of a party gives: ``party_id, stage, screening, case_id, revision, command_id``."""
    return {
        "party_id": view.party_id,
        "stage": str(view.stage),
        "screening": view.screening,
        "case_id": view.case_id,
        "revision": view.revision,
        "command_id": view.command_id,
    }
