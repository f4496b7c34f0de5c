"""What runs by the calendar: documents, upkeep, reconciliation each night, the grants of a month on its first day.

Schedules live in Temporal; a worker that starts sees to it that they are there and as this version wants them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastbrand.domain import names

if TYPE_CHECKING:
    from temporalio.client import Client, Schedule


@dataclass(frozen=True, slots=True)
class _Plan:
    """A schedule: when (cron, in the programme's zone), which workflow, with which message (empty: none)."""

    schedule_id: str
    cron: str
    workflow: str
    workflow_id: str
    note: str
    argument: str


_PLANS = (
    _Plan(
        names.SCHEDULE_UPKEEP,
        "0 1 * * *",
        "Reassessment",
        "reassessment",
        "upkeep of everybody in standing",
        "RunInput",
    ),
    _Plan(names.SCHEDULE_BONUS, "0 3 1 * *", "BonusRun", "bonus", "the grants of the month", "RunInput"),
    _Plan(names.SCHEDULE_RECONCILE, "0 4 * * *", "LedgerReconcile", "reconcile", "every account recomputed", ""),
    _Plan(names.SCHEDULE_DOCUMENTS, "5 0 * * *", "DocumentWatch", "documents", "documents that ended", "WatchInput"),
)


async def ensure(client: Client, *, task_queue: str, zone: str) -> None:
    """See to it that every schedule is there, in ``zone``; one that a person paused stays paused.

    A run that is still under way when the next is due is left to finish: the next one is skipped.
    """
    from temporalio.client import ScheduleAlreadyRunningError, ScheduleUpdate, ScheduleUpdateInput

    for plan in _PLANS:
        wanted = _schedule(plan, task_queue, zone)
        try:
            await client.create_schedule(plan.schedule_id, wanted)
        except ScheduleAlreadyRunningError:

            def renewed(there: ScheduleUpdateInput, wanted: Schedule = wanted) -> ScheduleUpdate:
                wanted.state = there.description.schedule.state
                return ScheduleUpdate(schedule=wanted)

            await client.get_schedule_handle(plan.schedule_id).update(renewed)


def _schedule(plan: _Plan, task_queue: str, zone: str) -> Schedule:
    from temporalio.client import (
        Schedule,
        ScheduleActionStartWorkflow,
        ScheduleOverlapPolicy,
        SchedulePolicy,
        ScheduleSpec,
        ScheduleState,
    )

    from workflows import messages

    arguments: list[Any] = [getattr(messages, plan.argument)()] if plan.argument else []
    return Schedule(
        action=ScheduleActionStartWorkflow(
            plan.workflow, args=arguments, id=plan.workflow_id, task_queue=task_queue, static_summary=plan.note
        ),
        spec=ScheduleSpec(cron_expressions=[plan.cron], time_zone_name=zone),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=2)),
        state=ScheduleState(note=plan.note),
    )
