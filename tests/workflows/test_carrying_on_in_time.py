"""What a party waits for is waited for in its next run too, and what it was told is remembered there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.service import parties
from fastbrand.service.temporal_calls import start_lifecycle
from fastbrand.store import parties as party_rows
from tests.workflows.desk import PATIENCE_S, Desk, open_desk
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, Facts
from tests.workflows.variants import DEMO, JUDGED, PROGRAMME, Edits, edited
from workflows.brand_lifecycle import BrandLifecycle
from workflows.messages import Appeal, Apply, FactsChanged, LifecycleInput

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-timers")]

EDITS: Edits = {
    **JUDGED,
    PROGRAMME: {
        **JUDGED[PROGRAMME],
        "standing/suspension": "8 seconds",
        "review/appeal_window": "8 seconds",
        "standing/cool_off": "8 seconds",
    },
}
"""One month in limit suspends; a suspension, the time to appeal and a cool-off are long enough to begin a new run."""


@pytest_asyncio.fixture(scope="module")
async def pending(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk at which what runs out does so in eight seconds."""
    folder = tmp_path_factory.mktemp("pending")
    async with open_desk("pending", address, folder / "state", edited(DEMO, folder / "book", EDITS)) as desk:
        yield desk


async def _began(desk: Desk, given: Facts) -> tuple[str, Apply]:
    """A party whose lifecycle goes on as a new run after a few messages, and its application."""
    party = desk.new_party()
    with desk.office.db.write() as conn:
        party_rows.register(conn, party_id=party, track=Track.M, at=desk.office.now())
    desk.record(party, given)
    applied = Apply(command_id=f"{party}/apply", actor="mei", role="staff", track=Track.M, sent_at=desk.office.now())
    start = LifecycleInput(party_id=party, track=Track.M, application=applied, history_limit=15)
    assert await start_lifecycle(desk.office, desk.client, start)
    return party, applied


async def _run(desk: Desk, party: str) -> str:
    run = (await desk.client.get_workflow_handle(desk.lifecycle(party)).describe()).run_id
    assert run is not None
    return run


async def _in_a_new_run(desk: Desk, party: str) -> None:
    """Tell the party something until it goes on as a new run. A fact moves nobody who is not being screened."""
    before = await _run(desk, party)
    async with asyncio.timeout(PATIENCE_S):
        while await _run(desk, party) == before:
            command = FactsChanged(command_id=f"{party}/told/{desk.numbers()}", actor="mei", role="staff")
            await desk.update(desk.lifecycle(party), BrandLifecycle.facts_changed, command, command.command_id)


async def test_a_suspension_runs_out_in_the_next_run_once(pending: Desk) -> None:
    party, applied = await _began(pending, FAST_BRAND)
    await pending.until_stage(party, "endorsed")
    pending.record(party, {"experience_score": "55.0"})
    await pending.assess(party)
    await pending.until_stage(party, "suspended")
    ends = parties.known(pending.office, party).suspended_until
    await _in_a_new_run(pending, party)
    assert pending.stage(party) == "suspended"

    # the first command of the first run has its first answer
    view = await pending.update(pending.lifecycle(party), BrandLifecycle.apply, applied, f"{party}/again")
    assert (view.command_id, str(view.stage)) == (applied.command_id, "endorsed")
    await pending.until_stage(party, "revoked")
    moved = [event for event in pending.audit(party, "party:stage_changed") if event["after"]["event"] == "revoke"]
    assert [(event["reason"], event["actor"]["kind"]) for event in moved] == [("suspension", "system")]
    assert ends is not None
    assert pending.office.now() >= ends
    assert parties.known(pending.office, party).suspended_until is None


async def test_an_appeal_in_the_next_run_is_in_time_and_remembered_in_the_one_after(pending: Desk) -> None:
    party, _ = await _began(pending, {**FAST_BRAND, **UNREMARKABLE})
    await pending.until_stage(party, "vetting")
    await pending.decide(party, "reject")
    await _in_a_new_run(pending, party)
    appeal = Appeal(command_id=f"{party}/appeal", actor="mei", role="staff", reason="it was not so")
    first = await pending.update(pending.lifecycle(party), BrandLifecycle.appeal, appeal, appeal.command_id)
    assert str(first.stage) == "appealing"
    await _in_a_new_run(pending, party)
    events = pending.audit(party)
    again = await pending.update(pending.lifecycle(party), BrandLifecycle.appeal, appeal, f"{party}/appeal/again")
    assert again == first
    assert pending.audit(party) == events
    assert [case["kind"] for case in pending.cases(party)] == ["vetting", "appeal"]
    assert (await pending.decide(party, "approve", maker="xin", checker="tao"))["stage"] == "endorsed"


async def test_the_time_to_appeal_ends_in_the_next_run(pending: Desk) -> None:
    party, _ = await _began(pending, {**FAST_BRAND, **UNREMARKABLE})
    await pending.until_stage(party, "vetting")
    await pending.decide(party, "reject")
    ends = parties.known(pending.office, party).appeal_until
    await _in_a_new_run(pending, party)
    await pending.until_ended(pending.lifecycle(party))
    assert ends is not None
    assert pending.office.now() >= ends
    with pytest.raises(Refused):
        await pending.appeal(party)


async def test_a_cool_off_holds_in_the_next_run_and_ends(pending: Desk) -> None:
    party, _ = await _began(pending, FAST_BRAND)
    await pending.until_stage(party, "endorsed")
    pending.record(party, {"counterfeit_confirmed_90d": "1"})
    await pending.assess(party)
    await pending.until_stage(party, "revoked")
    await _in_a_new_run(pending, party)
    with pytest.raises(Refused, match="may not apply before"):
        await pending.apply(FAST_BRAND, party=party)
    barred = parties.known(pending.office, party).barred_until
    assert barred is not None
    async with asyncio.timeout(PATIENCE_S):
        while pending.office.now() <= barred:
            await asyncio.sleep(0.2)
    await pending.apply({**FAST_BRAND, "counterfeit_confirmed_90d": "0"}, party=party)
    assert pending.stage(party) == "endorsed"
    assert pending.stages(party).count("revoked") == 1
