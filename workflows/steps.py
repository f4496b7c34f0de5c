"""How workflows run their steps: local activities, retried until they work or are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import (
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.payloads import Payload
    from fastbrand.domain import clock, names
    from fastbrand.domain.alarms import ALARMS

S = TypeVar("S")
P = TypeVar("P", bound=Payload)
R = TypeVar("R", bound=Payload)

RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
)
"""Of every step: for ever, at first at once, since what ends one is mostly a worker that died or a lock."""

_LEAST_WAIT = timedelta(milliseconds=1)
"""The shortest wait there is: a timer of nothing is an error."""

PARTY_KIND = SearchAttributeKey.for_keyword(names.SA_PARTY_KIND)
STAGE = SearchAttributeKey.for_keyword(names.SA_STAGE)
AWAITING_ROLE = SearchAttributeKey.for_keyword(names.SA_AWAITING_ROLE)
ASSIGNEE = SearchAttributeKey.for_keyword(names.SA_ASSIGNEE)
SLA_DUE_AT = SearchAttributeKey.for_datetime(names.SA_SLA_DUE_AT)
SLA_BREACHED = SearchAttributeKey.for_bool(names.SA_SLA_BREACHED)
NEXT_TRANCHE_AT = SearchAttributeKey.for_datetime(names.SA_NEXT_TRANCHE_AT)


async def step(method: Callable[[S, P], R], arg: P, summary: str) -> R:
    """Run one short transactional step as a local activity.

    Local, because every step is one database transaction with a rules evaluation or two (milliseconds), idempotent by
    business key: a repeat of the whole workflow task gives the same result. Refusals come back as ``ActivityError``.
    """
    return await workflow.execute_local_activity_method(
        method,
        arg,
        start_to_close_timeout=timedelta(seconds=60),
        retry_policy=RETRY,
        local_retry_threshold=timedelta(seconds=5),
        summary=summary,
    )


def show(updates: Sequence[SearchAttributeUpdate[Any]]) -> None:
    """Upsert search attributes, for operators who look into Temporal's own UI; nobody does in a simulation."""
    if clock.in_use().leaps:
        return
    workflow.upsert_search_attributes(list(updates))


def now() -> datetime:
    """What the programme's clock shows at this point of the workflow: the same in every replay."""
    return clock.in_use().time(workflow.now())


async def came(condition: Callable[[], bool], *, before: datetime, summary: str) -> bool:
    """Wait for ``condition``, or until the programme's clock shows ``before``. Whether the condition came."""
    if clock.in_use().leaps:
        return await _came_in_leaps(condition, before)
    while True:
        try:
            left = max(before - now(), _LEAST_WAIT)
            await workflow.wait_condition(condition, timeout=left, timeout_summary=summary)
        except TimeoutError:
            if now() >= before - clock.EARLY:
                return False
        else:
            return True


async def _came_in_leaps(condition: Callable[[], bool], before: datetime) -> bool:
    """The same on a clock of which nobody knows how long a wait is: no timer is set, whoever waits is told.

    Whoever looks before its moment has come asks again: it may have been told too early, or by a worker that is new
    here and tells everybody to look.
    """
    me = workflow.info().workflow_id

    def over() -> bool:
        if now() >= before:
            return True
        ALARMS.set(me, before)
        return False

    workflow.set_signal_handler(names.CLOCK_MOVED, _look)
    await workflow.wait_condition(lambda: condition() or over())
    if not workflow.unsafe.is_replaying():  # where this run is long over, another of the same id may wait now
        ALARMS.clear(me)
    return condition()


def _look() -> None:
    """Every signal lets a workflow see whether what it waits for has come."""


async def tell(workflow_id: str, signal: str, message: Payload | None = None) -> bool:
    """Signal another workflow. False where it is gone: telling somebody who left is no failure."""
    try:
        handle = workflow.get_external_workflow_handle(workflow_id)
        await (handle.signal(signal) if message is None else handle.signal(signal, message))
    except ApplicationError as error:
        workflow.logger.info("`%s` is not there to be told `%s`: %s", workflow_id, signal, error.message)
        return False
    return True


async def start_once(
    run: Callable[[S, P], Any],
    arg: P,
    *,
    workflow_id: str,
    summary: str,
    shown: Sequence[SearchAttributePair[Any]] = (),
    again: bool = False,
) -> None:
    """Start an abandoned child under its business id: once, ever. One that runs or ran is left alone.

    With ``again``, one that ran is started anew. ``shown``: the search attributes that it begins with (cheaper than an
    upsert of its own).
    """
    try:
        await workflow.start_child_workflow(
            run,
            arg,
            id=workflow_id,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE if again else WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=workflow.info().task_timeout,
            search_attributes=TypedSearchAttributes(shown) if shown else None,
            static_summary=summary,
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.info("`%s` runs or ran already", workflow_id)
