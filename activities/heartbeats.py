"""Signs of life of server activities: where a worker dies, another one gets its work within seconds, not after the time
that the work itself may take.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

_BEATS = 4
"""Signs of life within one heartbeat timeout: some may come late."""


class HeartbeatInterceptor(Interceptor):
    """Says that the worker lives, for as long as an activity with a heartbeat timeout runs."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activity."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    _outbound: ActivityOutboundInterceptor

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._outbound = outbound
        super().init(outbound)

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        within = activity.info().heartbeat_timeout
        if within is None:
            return await super().execute_activity(input)
        beating = asyncio.create_task(self._beat(within.total_seconds() / _BEATS))
        try:
            return await super().execute_activity(input)
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _beat(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            self._outbound.heartbeat()
