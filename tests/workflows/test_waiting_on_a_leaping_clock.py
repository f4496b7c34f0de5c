"""Who waits on a clock that leaps is told when its moment has come: it looks once, not again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from fastbrand import ringing as rings
from fastbrand.domain import clock
from fastbrand.domain.alarms import Alarms
from fastbrand.ringing import keep_ringing
from tests.workflows.desk import PATIENCE_S
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
        steps.show([steps.STAGE.value_set("waiting")])
        stopped = await steps.came(lambda: self._stopped, before=datetime.fromisoformat(until), summary="the moment")
        return stopped, steps.now().isoformat()

    @workflow.signal
    def stop(self) -> None:
        """It need not wait any more."""
        self._stopped = True


async def test_who_waits_is_told_once(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, alarms = clock.make_clock(tmp_path / "clock", BEGINS, 864_000), Alarms()
    go_by(kept, alarms, monkeypatch)
    client = await Client.connect(address)
    async with waiters(client, kept, alarms):
        handles = {days: await _wait(client, days, days) for days in (4, 20, 40)}
        for day in (5, 10, 15, 25):
            await _leap(kept, day)
        await handles[40].signal(Waiter.stop)
        ends = {days: await asyncio.wait_for(handle.result(), PATIENCE_S) for days, handle in handles.items()}
        tasks = {days: await _tasks(client, f"waiter/{days}") for days in handles}
        upserts = await _events(client, "waiter/4", EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
    assert {days: stopped for days, (stopped, _) in ends.items()} == {4: False, 20: False, 40: True}
    for days in (4, 20):
        assert datetime.fromisoformat(ends[days][1]) >= BEGINS + days * DAY
    assert datetime.fromisoformat(ends[40][1]) < BEGINS + 40 * DAY
    assert tasks == {4: 2, 20: 2, 40: 2}  # one to begin with, one when it was over
    assert upserts == 0  # nobody looks into the pages of a simulation's server


async def test_who_asked_a_worker_that_died_is_told_by_the_next(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = clock.make_clock(tmp_path / "clock", BEGINS, 864_000)
    client = await Client.connect(address)
    go_by(kept, Alarms(), monkeypatch)
    async with waiters(client, kept, Alarms()):
        handles = {days: await _wait(client, f"left/{days}", days) for days in (4, 20)}
        for handle in handles.values():
            await _until_tasks(client, handle.id, 1)
    await _leap(kept, 5)  # while nobody is there
    alarms = Alarms()
    go_by(kept, alarms, monkeypatch)
    monkeypatch.setattr(rings, "_LISTED_S", (0.0,))
    async with waiters(client, kept, alarms):
        assert (await asyncio.wait_for(handles[4].result(), PATIENCE_S))[0] is False
        await _until_tasks(client, handles[20].id, 2)  # it looked, and asked this worker
        await _leap(kept, 21)
        stopped, shown = await asyncio.wait_for(handles[20].result(), PATIENCE_S)
    assert (stopped, datetime.fromisoformat(shown) >= BEGINS + 20 * DAY) == (False, True)


async def test_who_was_told_too_early_asks_again(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, alarms = clock.make_clock(tmp_path / "clock", BEGINS, 864_000), Alarms()
    go_by(kept, alarms, monkeypatch)
    client = await Client.connect(address)
    async with waiters(client, kept, alarms):
        handle = await _wait(client, "early", 4)
        await _until_tasks(client, handle.id, 1)
        alarms.set(handle.id, BEGINS)  # as where the server took a signal and nobody was told that it did
        await _until_tasks(client, handle.id, 2)
        await _leap(kept, 5)
        stopped, shown = await asyncio.wait_for(handle.result(), PATIENCE_S)
    assert (stopped, datetime.fromisoformat(shown) >= BEGINS + 4 * DAY) == (False, True)


async def test_ringing_that_broke_off_begins_anew(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept, alarms = clock.make_clock(tmp_path / "clock", BEGINS, 864_000), Alarms()
    go_by(kept, alarms, monkeypatch)
    client = await Client.connect(address)
    async with waiters(client, kept, alarms):
        handle = await _wait(client, "broken", 4)
        whole = kept.path.read_text(encoding="utf-8")
        kept.path.write_text("not a clock\n", encoding="utf-8")
        async with asyncio.timeout(PATIENCE_S):
            while "workflows are not told" not in caplog.text:
                await asyncio.sleep(0.05)
        kept.path.write_text(whole, encoding="utf-8")
        await _leap(kept, 5)
        assert (await asyncio.wait_for(handle.result(), PATIENCE_S))[0] is False


def go_by(kept: clock.Clock, alarms: Alarms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the waiters here go by ``kept``; other workflows of this process go by the clock on the wall."""
    monkeypatch.setattr(steps, "clock", SimpleNamespace(in_use=lambda: kept))
    monkeypatch.setattr(steps, "ALARMS", alarms)
    # looks are counted here: whoever has just begun may be in the list already, and would be told to look once more
    monkeypatch.setattr(rings, "_LISTED_S", ())


@asynccontextmanager
async def waiters(client: Client, kept: clock.Clock, alarms: Alarms) -> AsyncIterator[None]:
    """A worker for waiters, which rings ``alarms``."""
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="waiters", workflows=[Waiter], workflow_runner=runner):
        ringing = asyncio.create_task(keep_ringing(client, kept, alarms, task_queue="waiters"))
        yield
        ringing.cancel()


async def _wait(client: Client, name: object, days: int) -> WorkflowHandle[Waiter, tuple[bool, str]]:
    """Start somebody who waits so many days."""
    until = (BEGINS + days * DAY).isoformat()
    return await client.start_workflow(Waiter.run, until, id=f"waiter/{name}", task_queue="waiters")


async def _leap(kept: clock.LeapingClock, day: int) -> None:
    """Let the clock leap to a day, and somewhat longer."""
    there = kept.leap(BEGINS + day * DAY)
    await asyncio.sleep((there - datetime.now(UTC)).total_seconds() + 0.2)


async def _tasks(client: Client, workflow_id: str) -> int:
    """How many workflow tasks a workflow has had."""
    return await _events(client, workflow_id, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)


async def _until_tasks(client: Client, workflow_id: str, count: int) -> None:
    """Wait until a workflow has had so many workflow tasks, and no more."""
    async with asyncio.timeout(PATIENCE_S):
        while (had := await _tasks(client, workflow_id)) < count:
            await asyncio.sleep(0.05)
    assert had == count


async def _events(client: Client, workflow_id: str, kind: EventType.ValueType) -> int:
    """How many events of a kind a workflow's history has."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return sum(each.event_type == kind for each in history.events)
