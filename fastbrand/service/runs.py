"""Runs over everybody in standing, by hand: upkeep now, or the grants of a period. Schedules do the same in time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastbrand.domain import names
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.who import Asker

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

    from workflows.messages import RunInput, RunView


async def run_upkeep(office: Office, *, who: Asker) -> dict[str, Any]:
    """Look at everybody in standing by the maintenance rules, now; a second look in a month replaces the first.

    Gives ``run_id, period, outcomes{outcome: n}, changed`` when the survey is through; who was told moves a moment
    later.
    """
    from workflows.messages import RunInput
    from workflows.reassessment import Reassessment

    order = Order(Action.UPKEEP_RUN, "run", "upkeep", {}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        start = RunInput(key=f"upkeep/{envelope.command_id}")
        workflow_id = names.reassessment_id(office.now())
        return await _through(office, Reassessment.run, start, workflow_id, "upkeep of everybody in standing")

    return await carry_out(office, order, send)


async def run_bonus(office: Office, *, period: str | None, who: Asker) -> dict[str, Any]:
    """The grants of a period (none: the month that is now) for everybody in standing who has none yet.

    Gives ``run_id, period, outcomes{grant, none, ...}, changed`` (how many were started) when all are started.
    """
    from activities.deadlines import period_of
    from workflows.bonus_run import BonusRun
    from workflows.messages import RunInput

    month = names.check_period(period) if period else period_of(office.now(), live_book(office).programme.time_zone)
    order = Order(Action.BONUS_RUN, "run", f"bonus/{month}", {"period": month}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        start = RunInput(period=month, key=f"bonus/{month}/{envelope.command_id}")
        return await _through(office, BonusRun.run, start, names.bonus_run_id(month), f"traffic bonus of {month}")

    return await carry_out(office, order, send)


async def _through(office: Office, run: Any, start: RunInput, workflow_id: str, summary: str) -> dict[str, Any]:
    """Start the run, or join the one that is under way, and wait for its end. Raises ``Unreachable``."""
    from temporalio.common import WorkflowIDConflictPolicy
    from temporalio.service import RPCError

    from fastbrand.service.temporal_calls import no_answer

    client = await office.connect()
    try:
        handle: WorkflowHandle[Any, RunView] = await client.start_workflow(
            run,
            start,
            id=workflow_id,
            task_queue=office.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=timedelta(seconds=office.settings.workflow_task_timeout_s),
            static_summary=summary,
        )
        view: RunView = await handle.result()
    except RPCError as error:
        raise no_answer(error) from error
    return {"run_id": workflow_id, "period": view.period, "outcomes": view.outcomes, "changed": view.changed}
