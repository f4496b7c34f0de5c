"""A dry pool: grants wait in line, first come first served, and lapse with their period."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from activities.bonus import BonusActivities
from activities.payloads import By, GrantRequest, GrantStep, Reservation
from fastbrand.domain import names
from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.service import grants
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, open_desk, until
from tests.workflows.given import AMOUNT, FAST_BRAND, LARGE, LARGE_AMOUNT
from tests.workflows.variants import BONUS, CALM, DEMO, PROGRAMME, Edits, edited
from workflows.messages import BonusInput
from workflows.traffic_bonus import TrafficBonus

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-line")]

BUDGET = LARGE_AMOUNT + 100_000

EDITS: Edits = {
    PROGRAMME: {**CALM[PROGRAMME], "pools/fast-brand/budget": BUDGET},
    BONUS: {"expires_after": "8 seconds", "tranches/1/after": "0 seconds", "tranches/2/after": "0 seconds"},
}


@pytest_asyncio.fixture(scope="module")
async def dry(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk with a pool for one large grant; nobody looks again before an hour has passed unless told to."""
    folder = tmp_path_factory.mktemp("dry")
    async with open_desk("dry", address, folder / "state", edited(DEMO, folder / "book", EDITS)) as desk:
        yield desk


async def test_who_came_first_is_served_first_when_units_come_back(dry: Desk) -> None:
    first = await dry.apply({**FAST_BRAND, **LARGE})
    await dry.until_grant(first, "awaiting_confirmation")  # holds the pool until nobody has confirmed it in time
    second = await dry.apply(FAST_BRAND)
    await dry.until_grant(second, "waiting")
    third = await dry.apply({**FAST_BRAND, "gmv_30d": "10000"})
    fourth = await dry.apply(FAST_BRAND)
    fifth = await dry.apply({**FAST_BRAND, **LARGE})
    for party in (third, fourth, fifth):
        await dry.until_grant(party, "waiting")
    # the third would fit into what is left, but the second came before it
    assert (dry.grant(third)["amount"], dry.pool()["available"]) == (15_550, 100_000)
    lapsed = await _in_a_period_that_is_over(dry, second)
    # nobody's turn has come: whoever looks again waits on, and only about the first it is decided anew
    for party, anew in ((second, True), (third, False), (fourth, False), (fifth, False)):
        before = len(dry.decisions(party))
        assert _attempt(dry, party, 99).state == "waiting"
        assert (party, len(dry.decisions(party)) > before) == (party, anew)

    await dry.until_grant(first, "voided")
    for party in (second, third, fourth):
        await dry.until_tranches(party, "released", "released", "released")
    assert [dry.grant(party)["amount"] for party in (second, third, fourth)] == [AMOUNT, 15_550, AMOUNT]
    served = [dry.audit(party, "grant:reserved")[0]["seq"] for party in (second, third, fourth)]
    assert served == sorted(served)
    waited = dry.audit(second, "grant:waiting")[0]
    assert (waited["after"]["denied"], dry.grant_of(lapsed)["state"]) == ("pool_dry", "lapsed")
    assert dry.audit(third, "grant:waiting")[0]["after"]["state"] == "waiting"
    # the fifth needs what they hold: it is told when the last of it has expired
    assert dry.grant(fifth)["state"] == "waiting"
    await dry.until_grant(fifth, "awaiting_confirmation")
    assert dry.pool()["available"] == BUDGET - LARGE_AMOUNT
    assert {tuple(dry.tranches(party)) for party in (second, third, fourth)} == {("expired", "expired", "expired")}


async def test_who_loses_its_standing_waits_no_more_wherever_it_stands_in_line(dry: Desk) -> None:
    holder, ahead = await dry.apply({**FAST_BRAND, **LARGE}), await dry.apply({**FAST_BRAND, **LARGE})
    await until(lambda: dry.grant(holder) and dry.grant(ahead).get("state") == "waiting", "there is a line")
    party = await dry.apply(FAST_BRAND)
    await dry.until_grant(party, "waiting")
    dry.record(party, {"experience_score": "55.0"})
    await dry.assess(party)
    await dry.until_stage(party, "watch")
    assert (_attempt(dry, party, 99).state, dry.grant(party)["cause"]) == ("none", "the party is in stage watch")


async def test_who_sees_a_reservation_that_its_workflow_was_not_told_of_yet_may_confirm_it(dry: Desk) -> None:
    """A worker that dies behind a step leaves the database ahead of the workflow; people go by the database."""
    holder = await dry.apply({**FAST_BRAND, **LARGE})
    held = await dry.until_grant(holder, "awaiting_confirmation")
    party = await dry.apply({**FAST_BRAND, **LARGE})
    grant_id = (await dry.until_grant(party, "waiting"))["grant_id"]
    with pytest.raises(Refused, match="the grant is `waiting`"):
        await grants.confirm(dry.office, grant_id, who=Asker("jun"))

    steps = BonusActivities(dry.office.db, dry.office.engine())
    cause, now = "not confirmed in time", dry.office.now()
    voided = By.system(f"{held['grant_id']}/void", cause)
    steps.void(GrantStep(grant_id=held["grant_id"], at=now, by=voided, cause=cause))
    assert _attempt(dry, party, dry.grant_of(grant_id)["attempt"] + 1).state == "awaiting_confirmation"

    said = await grants.confirm(dry.office, grant_id, who=Asker("jun"))
    assert (said["state"], said["amount"]) == ("reserved", LARGE_AMOUNT)
    await dry.until_tranches(party, "released", "released", "released")
    assert len(dry.audit(party, "grant:reserved")) == 1


def _attempt(desk: Desk, party: str, attempt: int) -> Reservation:
    """An attempt of the party's grant, past its workflow."""
    grant_id, now = str(desk.grant(party)["grant_id"]), desk.office.now()
    request = GrantRequest(grant_id=grant_id, party_id=party, period=grant_id[-7:], attempt=attempt, at=now)
    return BonusActivities(desk.office.db, desk.office.engine()).reserve(request)


async def _in_a_period_that_is_over(desk: Desk, party: str) -> str:
    """Ask for a grant of an old period, wait until it lapsed, and give its id."""
    grant = names.grant_id(party, "2022-05")
    began = BonusInput(grant_id=grant, party_id=party, track=Track.M, period="2022-05")
    handle = await desk.client.start_workflow(
        TrafficBonus.run, began, id=names.grant_workflow_id(grant), task_queue=desk.settings.task_queue
    )
    view = await asyncio.wait_for(handle.result(), 30)
    assert (view.state, view.attempt) == ("lapsed", 1)
    await until(lambda: desk.grant_of(grant)["state"] == "lapsed", "lapsed")
    assert "grant:lapsed" in [event["verb"] for event in desk.audit(party)]
    return grant
