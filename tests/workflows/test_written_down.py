"""A command is in the history of its workflow before anything is done about it: a worker that dies forgets nothing."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType

from fastbrand.service import cases, grants
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import FAST_BRAND, LARGE, UNREMARKABLE

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]

ACCEPTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
DONE = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
STEP = EventType.EVENT_TYPE_MARKER_RECORDED


async def _between(desk: Desk, workflow_id: str) -> list[list[EventType.ValueType]]:
    """For each command of a workflow, the events from its acceptance to the first step after it."""
    history = await desk.client.get_workflow_handle(workflow_id).fetch_history()
    kinds = [event.event_type for event in history.events]
    accepted = [number for number, kind in enumerate(kinds) if kind == ACCEPTED]
    return [kinds[number : kinds.index(STEP, number)] for number in accepted]


async def test_a_command_is_written_down_before_its_step_runs(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.claim(calm.office, party, who=Asker("lan"))
    await calm.decide(party, "reject")
    await calm.appeal(party)
    rich = await calm.apply({**FAST_BRAND, **LARGE})
    grant = await calm.until_grant(rich, "awaiting_confirmation")
    await grants.confirm(calm.office, grant["grant_id"], who=Asker("jun"))

    asked = {
        calm.lifecycle(party): 2,
        calm.cases(party)[0]["case_id"]: 3,
        f"grant/{grant['grant_id']}": 1,
    }
    for workflow_id, commands in asked.items():
        between = await _between(calm, workflow_id)
        assert len(between) == commands, workflow_id
        # otherwise both are in one workflow task, and a worker that dies in it leaves a step of which nobody knows
        assert all(DONE in events for events in between), workflow_id
