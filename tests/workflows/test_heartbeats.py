"""A long step shows that its worker lives, so that a dead one is noticed long before the step's own time is over."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutError, TimeoutType
from temporalio.worker import Interceptor, UnsandboxedWorkflowRunner, Worker

from activities.heartbeats import HeartbeatInterceptor
from tests.workflows.desk import Desk

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]


@activity.defn
def long_step() -> str:
    """Says nothing for three times its heartbeat timeout, and blocks its thread."""
    time.sleep(3)
    return "done"


@workflow.defn
class LongStep:
    """One long step, tried once."""

    @workflow.run
    async def run(self) -> str:
        """What the step gave."""
        return await workflow.execute_activity(
            long_step,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(seconds=1),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def _try(desk: Desk, name: str, interceptors: list[Interceptor]) -> str:
    with ThreadPoolExecutor(1) as threads:
        worker = Worker(
            desk.client,
            task_queue=f"long-{name}",
            workflows=[LongStep],
            activities=[long_step],
            activity_executor=threads,
            interceptors=interceptors,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            return await desk.client.execute_workflow(LongStep.run, id=f"long-{name}", task_queue=f"long-{name}")


async def test_a_step_that_takes_long_is_left_alone_while_its_worker_lives(calm: Desk) -> None:
    assert await _try(calm, "beating", [HeartbeatInterceptor()]) == "done"


async def test_without_signs_of_life_it_counts_as_dead(calm: Desk) -> None:
    with pytest.raises(WorkflowFailureError) as failed:
        await _try(calm, "silent", [])
    step = failed.value.cause
    assert isinstance(step, ActivityError)
    assert isinstance(step.cause, TimeoutError)
    assert step.cause.type is TimeoutType.HEARTBEAT
