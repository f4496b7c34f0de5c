"""A worker for the bare layout, started by the product's supervisor in place of the product's worker."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.bare_workflows import Bare, no_op
from fastbrand import processes
from fastbrand.settings import load_settings


async def serve() -> None:
    """Poll until SIGTERM, with the product's settings for caches, slots and timeouts."""
    settings = load_settings()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    processes.exit_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    client = await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[Bare],
        activities=[no_op],
        activity_executor=ThreadPoolExecutor(settings.max_activities + settings.max_local_activities),
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=settings.max_workflow_tasks,
        max_concurrent_local_activities=settings.max_local_activities,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout_s),
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_s),
    )
    async with worker:
        processes.say_ready()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve())
    os._exit(0)  # as the product's worker does: a thread of the core may still log
