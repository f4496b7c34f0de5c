"""A worker of a simulation tells its workflows that the clock shows what they wait for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastbrand.domain import names
from fastbrand.domain.alarms import Alarms
from fastbrand.domain.clock import Clock

if TYPE_CHECKING:
    from temporalio.client import Client

_TICK_S = 0.03
_AT_ONCE = 16


async def ring(client: Client, kept: Clock, alarms: Alarms, *, task_queue: str) -> None:
    """Signal each workflow of ``alarms`` when ``kept`` shows its moment, for ever.

    Whoever waits already on ``task_queue`` is told to look at once: it asked a worker that is gone.
    """
    for each in await _waiting(client, task_queue):
        alarms.set(each, kept.time(datetime.now(UTC)))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def tell(workflow_id: str) -> None:
        async with gate:
            if not await _told(client, workflow_id):
                alarms.set(workflow_id, kept.time(datetime.now(UTC)))

    while True:
        await asyncio.gather(*map(tell, alarms.due(kept.time(datetime.now(UTC)))))
        await asyncio.sleep(_TICK_S)


async def _waiting(client: Client, task_queue: str) -> list[str]:
    """The ids of the workflows that run on ``task_queue``."""
    from temporalio.service import RPCError

    query = f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Running'"
    while True:
        try:
            return [each.id async for each in client.list_workflows(query)]
        except RPCError:  # the server is not there for a moment
            await asyncio.sleep(_TICK_S)


async def _told(client: Client, workflow_id: str) -> bool:
    """Whether the workflow was told, or has ended. False where the server did not take it: then once more."""
    from temporalio.service import RPCError, RPCStatusCode

    try:
        await client.get_workflow_handle(workflow_id).signal(names.CLOCK_MOVED)
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND
    return True
