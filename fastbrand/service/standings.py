"""What people do about a party before and after its application: nominate, appeal, review, action plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError, NotFound, Refused
from fastbrand.domain.lifecycle import APPEALABLE, ENDED, KEPT, Track
from fastbrand.domain.names import check_party_id
from fastbrand.domain.people import Action
from fastbrand.service.candidates import check_served, parse_track
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import live_book
from fastbrand.service.moments import parse_moment
from fastbrand.service.office import Office
from fastbrand.service.parties import known, told
from fastbrand.service.who import Asker

if TYPE_CHECKING:
    from workflows.messages import Command

MEASURES_MAX = 2_000
"""Characters of what a party undertakes to mend."""


async def nominate(office: Office, *, party_id: str, track: str, who: Asker) -> dict[str, Any]:
    """Name a party that might come in: a merchant is nominated, a brand (S) becomes a lead.

    Raises ``Refused`` where it is known already.
    """
    from workflows.messages import Nominate

    check_party_id(party_id)
    kind = parse_track(track)
    return await _send(office, party_id, Action.PARTY_NOMINATE, "nominate", Nominate, {"track": kind}, who, start=kind)


async def appeal(office: Office, *, party_id: str, who: Asker) -> dict[str, Any]:
    """Appeal against a rejection, a suspension or the loss of a standing: somebody who had no part decides.

    Raises ``Refused`` where there is nothing to appeal against, it is too late, or it was tried often enough.
    """
    from workflows.messages import Appeal

    if not who.reason.strip():
        raise InputError("an appeal says why", hint="add `--note TEXT`")
    return await _send(office, party_id, Action.PARTY_APPEAL, "appeal", Appeal, {}, who)


async def review(office: Office, *, party_id: str, who: Asker) -> dict[str, Any]:
    """Open a case about a standing. Raises ``Refused`` where there is none, or a case is open already."""
    from workflows.messages import Review

    if not who.reason.strip():
        raise InputError("a review says why", hint="add `--note TEXT`")
    return await _send(office, party_id, Action.PARTY_REVIEW, "review", Review, {}, who)


async def propose_plan(office: Office, *, party_id: str, measures: str, due: str, who: Asker) -> dict[str, Any]:
    """What a party on watch or demoted undertakes to mend, and until when. Raises ``Refused`` where it is neither."""
    from workflows.messages import ProposePlan

    if not measures.strip() or len(measures) > MEASURES_MAX:
        raise InputError("a plan says what is mended", hint=f"use 1 to {MEASURES_MAX:,} characters")
    fields = {"measures": measures, "due_at": parse_moment(due)}
    return await _send(office, party_id, Action.PLAN_PROPOSE, "propose_plan", ProposePlan, fields, who)


async def settle_plan(office: Office, *, party_id: str, accept: bool, who: Asker) -> dict[str, Any]:
    """Accept or refuse the plan that another person proposed: accepted, it gives immunity against streaks until due."""
    from workflows.messages import SettlePlan

    return await _send(office, party_id, Action.PLAN_SETTLE, "settle_plan", SettlePlan, {"accept": accept}, who)


async def _send(
    office: Office,
    party_id: str,
    action: Action,
    update: str,
    kind: type[Command],
    fields: Mapping[str, Any],
    who: Asker,
    *,
    start: Track | None = None,
) -> dict[str, Any]:
    """Send one command to the party's lifecycle, which ``start`` begins where none runs."""
    if start is None:
        known(office, party_id)
    said = {name: str(value) for name, value in fields.items()}
    order = Order(action, "party", party_id, said, party_id=party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_party
        from workflows.brand_lifecycle import BrandLifecycle
        from workflows.messages import LifecycleInput

        if start is not None:
            check_served(live_book(office), start, Refused)
        begin = LifecycleInput(party_id=party_id, track=start) if start is not None else None
        try:
            view = await update_party(
                office, party_id, getattr(BrandLifecycle, update), envelope.fill(kind, **fields), start=begin
            )
        except NotFound as error:
            raise _over(office, party_id, action) from error
        return told(view)

    return await carry_out(office, order, send)


def _over(office: Office, party_id: str, action: Action) -> Refused | NotFound:
    """Nothing is under way for the party: what that means for what was asked."""
    party = known(office, party_id)
    if action is Action.PARTY_APPEAL and party.stage in APPEALABLE:
        return Refused("the time to appeal is over", hint="a new application may be possible: `party apply`")
    if party.stage in ENDED or party.stage not in KEPT:
        return Refused(f"`{party_id}` is in stage `{party.stage}`", hint="see `fastbrand party show`")
    return NotFound(f"party `{party_id}` has nothing under way", hint="is a worker running? `fastbrand up` starts one")
