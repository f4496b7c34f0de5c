"""A lifecycle that grew long carries on as a new run, and nobody notices."""

from __future__ import annotations

import pytest

from fastbrand.domain.lifecycle import Track
from fastbrand.service import cases
from fastbrand.service.temporal_calls import start_lifecycle
from fastbrand.service.who import Asker
from fastbrand.store import parties as party_rows
from tests.workflows.desk import Desk
from tests.workflows.given import AMOUNT, FAST_BRAND, UNREMARKABLE
from workflows.brand_lifecycle import BrandLifecycle
from workflows.messages import Apply, LifecycleInput

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]


async def test_a_party_goes_on_in_new_runs_and_old_commands_are_still_known(calm: Desk) -> None:
    party = calm.new_party()
    with calm.office.db.write() as conn:
        party_rows.register(conn, party_id=party, track=Track.M, at=calm.office.now())
    calm.record(party, {**FAST_BRAND, **UNREMARKABLE})
    applied = Apply(command_id=f"{party}/apply", actor="mei", role="staff", track=Track.M, sent_at=calm.office.now())
    start = LifecycleInput(party_id=party, track=Track.M, application=applied, history_limit=15)
    assert await start_lifecycle(calm.office, calm.client, start)
    await calm.until_stage(party, "vetting")
    runs = {await _run(calm, party)}
    for number in range(4):
        await calm.set_facts(party, {"content_score": f"5{number}.0"})
        runs.add(await _run(calm, party))
    assert len(runs) > 2

    events = calm.audit(party)
    view = await calm.update(calm.lifecycle(party), BrandLifecycle.apply, applied, f"{party}/again")
    assert (view.command_id, str(view.stage)) == (applied.command_id, "vetting")
    assert calm.audit(party) == events
    # the case, opened by the first run, finds its party
    await calm.propose(party)
    await cases.confirm(calm.office, party, who=Asker("qiang"))
    await calm.until_tranches(party, "released", "released", "planned")
    assert calm.grant(party)["amount"] == AMOUNT
    await calm.until_listed(f"WorkflowId = 'party/{party}' AND Stage = 'endorsed' AND ExecutionStatus = 'Running'")


async def _run(desk: Desk, party: str) -> str:
    run = (await desk.client.get_workflow_handle(desk.lifecycle(party)).describe()).run_id
    assert run is not None
    return run
