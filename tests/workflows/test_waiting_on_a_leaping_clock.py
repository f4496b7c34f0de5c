"""Who waits on a clock that leaps is told when its moment has come: it looks once, not again and again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from fastbrand.domain import clock
from fastbrand.domain.alarms import Alarms
from fastbrand.ringing import ring
from workflows import steps

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-timers")]

BEGINS = datetime(2022, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@workflow.defn
class Waiter:
    """Waits for a moment of the clock, or until it is stopped; tells whether it was, and what the clock showed."""

    def __init__(self) -> None:
        self._stopped = False

    @workflow.run
    async def run(self, until: str) -> tuple[bool, str]:
        """Wait."""
        stopped = await steps.came(lambda: self._stopped, before=datetime.fromisoformat(until), summary="the moment")
        return stopped, steps.now().isoformat()

    @workflow.signal
    def stop(self) -> None:
        """It need not wait any more."""
        self._stopped = True


async def test_who_waits_is_told_once(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, alarms = clock.make_clock(tmp_path / "clock", BEGINS, 864_000), Alarms()
    # only for the waiters here: other workflows of this process go by the clock on the wall
    here = SimpleNamespace(in_use=lambda: kept, EARLY=clock.EARLY)
    monkeypatch.setattr(steps, "clock", here)
    monkeypatch.setattr(steps, "ALARMS", alarms)
    client = await Client.connect(address)
    ringing = asyncio.create_task(ring(client, kept, alarms))
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="waiters", workflows=[Waiter], workflow_runner=runner):
        handles = {
            days: await client.start_workflow(
                Waiter.run, (BEGINS + days * DAY).isoformat(), id=f"waiter/{days}", task_queue="waiters"
            )
            for days in (4, 20, 40)
        }
        for day in (5, 10, 15, 25):
            there = kept.leap(BEGINS + day * DAY)
            await asyncio.sleep((there - datetime.now(UTC)).total_seconds() + 0.2)
        await handles[40].signal(Waiter.stop)
        ends = {days: await asyncio.wait_for(handle.result(), 30) for days, handle in handles.items()}
        tasks = {days: await _tasks(client, f"waiter/{days}") for days in handles}
    ringing.cancel()
    assert {days: stopped for days, (stopped, _) in ends.items()} == {4: False, 20: False, 40: True}
    for days in (4, 20):
        assert datetime.fromisoformat(ends[days][1]) >= BEGINS + days * DAY - clock.EARLY
    assert datetime.fromisoformat(ends[40][1]) < BEGINS + 40 * DAY
    assert tasks == {4: 2, 20: 2, 40: 2}  # one to begin with, one when it was over


async def _tasks(client: Client, workflow_id: str) -> int:
    """How many workflow tasks a workflow has had."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return sum(each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for each in history.events)
