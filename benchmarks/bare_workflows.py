"""The bare layout: workflows that have a given shape and do nothing, with no-op local activities.

They stand for the least that Temporal asks for a chain of that shape: no rules, no database, no search attributes, no
messages, no error handling. Plain dataclasses go over the wire, in the SDK's own converter.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow

REQUEST_BYTES = 400
"""Size of a local activity's argument. It goes from the worker to itself and is in no history."""

REST_FILE = "BARE_REST_FILE"
"""Environment name: a file to which a byte is added for every party that comes to rest."""


@dataclass
class Task:
    """Argument of a no-op: ``last`` is the one after which the party is at rest."""

    result_bytes: int
    last: bool
    padding: str


@dataclass
class Layout:
    """One workflow: bytes of each local activity's result, its children, whether it waits for a timer.

    ``last``: the party is at rest after this workflow's last activity. ``padding`` makes the input as large as the
    product's.
    """

    name: str
    results: list[int]
    children: list[Layout]
    timer: bool
    last: bool
    padding: str


@activity.defn(name="no_op")
def no_op(task: Task) -> str:
    """Give as many bytes as asked for."""
    if task.last:
        with open(os.environ[REST_FILE], "ab", buffering=0) as file:
            file.write(b".")
    return "x" * task.result_bytes


@workflow.defn(name="Bare")
class Bare:
    """Runs its activities one after another, starts its children at once, and waits."""

    @workflow.run
    async def run(self, layout: Layout) -> None:
        """Never ends by itself: so do the product's workflows within a run."""
        for number, result_bytes in enumerate(layout.results, 1):
            last = layout.last and number == len(layout.results)
            await workflow.execute_local_activity(
                no_op,
                Task(result_bytes, last, "x" * REQUEST_BYTES),
                start_to_close_timeout=timedelta(seconds=60),
            )
        starts = [
            workflow.start_child_workflow(
                Bare.run,
                child,
                id=f"{workflow.info().workflow_id}/{child.name}",
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
            for child in layout.children
        ]
        for start in starts:
            await start
        await workflow.wait_condition(lambda: False, timeout=timedelta(days=30) if layout.timer else None)
