"""The stories of policy changes, for the golden histories: approved for later, in force, taken back, cancelled."""

from __future__ import annotations

from datetime import timedelta

from fastbrand.service import rulebooks
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import BRAND
from tests.workflows.variants import BRAND as BRAND_FILE
from tests.workflows.variants import Edits, edited

MOVING: Edits = {BRAND_FILE: {"in_flight": "reevaluate"}}
"""Open applications of brands are decided by the book in force."""

_MILDER: Edits = {BRAND_FILE: {"version": "2022.3", "criteria/trust.reviews/require/review_score/at_least": "3.5"}}


async def policy_change(desk: Desk) -> dict[str, str]:
    """A brand waits, a milder book lets it through at its date, and a person brings the old book back."""
    office = desk.office
    (old,) = rulebooks.list_books(office)
    party = await desk.apply({**BRAND, "review_score": "3.8"}, track="S")
    book = edited(desk.settings.book, desk.settings.state / "milder", _MILDER)
    date = office.now() + timedelta(seconds=3)
    new = await rulebooks.release(office, book, effective=date.isoformat(), acknowledge="tried here", who=Asker("yu"))
    await rulebooks.approve(office, new["sha256"], who=Asker("ning"))
    released = rulebooks.workflow_of(rulebooks.find(office, new["sha256"]))
    await desk.until_ended(released)
    await desk.until_grant(party, "closed")
    waiting = await desk.apply({**BRAND, "review_score": "3.2"}, track="S")
    await rulebooks.rollback(office, old["sha256"], who=Asker("ning", reason="too mild"))
    back = rulebooks.workflow_of(rulebooks.find(office, old["sha256"]))
    await desk.until_ended(back)
    assert desk.stage(waiting) == "vetting"
    return {
        "RulebookRelease.approved-for-later": released,
        "RulebookRelease.brought-back": back,
        "BrandLifecycle.decided-anew-by-a-new-book": desk.lifecycle(party),
    }


async def release_cancelled(desk: Desk) -> dict[str, str]:
    """Approved for a date to come, and taken back by who put it up."""
    office = desk.office
    book = edited(desk.settings.book, desk.settings.state / "milder", _MILDER)
    new = await rulebooks.release(office, book, effective="2099-01-01", acknowledge="tried here", who=Asker("yu"))
    await rulebooks.approve(office, new["sha256"], who=Asker("ning"))
    await rulebooks.cancel(office, new["sha256"], who=Asker("yu", reason="not this winter"))
    dropped = rulebooks.workflow_of(rulebooks.find(office, new["sha256"]))
    await desk.until_ended(dropped)
    return {"RulebookRelease.cancelled": dropped}
