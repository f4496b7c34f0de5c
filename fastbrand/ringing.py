"""A worker of a simulation tells its workflows that the clock shows what they wait for."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastbrand.domain import names
from fastbrand.domain.alarms import Alarms
from fastbrand.domain.clock import Clock

if TYPE_CHECKING:
    from temporalio.client import Client

_TICK_S = 0.03
_AT_ONCE = 16


async def ring(client: Client, kept: Clock, alarms: Alarms) -> None:
    """Signal each workflow of ``alarms`` when ``kept`` shows its moment, for ever."""
    from temporalio.service import RPCError

    gate = asyncio.Semaphore(_AT_ONCE)

    async def tell(workflow_id: str) -> None:
        async with gate:
            with contextlib.suppress(RPCError):  # it has ended, or looks again by itself
                await client.get_workflow_handle(workflow_id).signal(names.CLOCK_MOVED)

    while True:
        await asyncio.gather(*map(tell, alarms.due(kept.time(datetime.now(UTC)))))
        await asyncio.sleep(_TICK_S)
