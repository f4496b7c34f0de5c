"""A worker of a simulation tells its workflows that the clock shows what they wait for."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from fastbrand.domain import names
from fastbrand.domain.alarms import Alarms
from fastbrand.domain.clock import Clock

_TICK_S = 0.03
_AT_ONCE = 16

_LISTED_S = (0.0, 10.0)
"""When, after a worker's start, whoever waits already is told to look: once more later, since the server's list lags
behind what a worker did just before it died."""


async def keep_ringing(client: Client, kept: Clock, alarms: Alarms, *, task_queue: str) -> None:
    """``ring`` for ever; what breaks it off is logged, and it begins anew."""
    while True:
        try:
            await ring(client, kept, alarms, task_queue=task_queue)
        except Exception:
            logging.getLogger(__name__).exception("workflows are not told what the clock shows; once more in a second")
            await asyncio.sleep(1)


async def ring(client: Client, kept: Clock, alarms: Alarms, *, task_queue: str) -> None:
    """Signal each workflow of ``alarms`` when ``kept`` shows its moment, for ever.

    Whoever waits already on ``task_queue`` is told to look: it asked a worker that is gone. It asks again where its
    moment is still to come. Raises ``RPCError`` where the server cannot be asked who waits.
    """
    gate, begun, lists = asyncio.Semaphore(_AT_ONCE), time.monotonic(), [*_LISTED_S]

    def shows() -> datetime:
        return kept.time(datetime.now(UTC))

    async def tell(workflow_id: str) -> None:
        async with gate:
            if not await _told(client, workflow_id):
                alarms.set(workflow_id, shows())

    while True:
        if lists and time.monotonic() >= begun + lists[0]:
            del lists[0]
            query = f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Running'"
            await asyncio.gather(*[tell(each.id) async for each in client.list_workflows(query)])
        await asyncio.gather(*map(tell, alarms.due(shows())))
        await asyncio.sleep(_TICK_S)


async def _told(client: Client, workflow_id: str) -> bool:
    """Whether the workflow was told, or has ended. False where the server did not take it: then once more."""
    try:
        await client.get_workflow_handle(workflow_id).signal(names.CLOCK_MOVED)
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND
    return True
