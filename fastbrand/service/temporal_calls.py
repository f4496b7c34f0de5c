"""The calls to Temporal, with its errors told in our words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from fastbrand.domain import names
from fastbrand.domain.errors import FastbrandError, NotFound, Unreachable
from fastbrand.service.commands import business_error
from fastbrand.service.office import Office
from workflows.brand_lifecycle import BrandLifecycle
from workflows.messages import LifecycleInput, PartyView, ReleaseInput, ReleaseView
from workflows.rulebook_release import RulebookRelease

if TYPE_CHECKING:
    from activities.payloads import Payload
    from workflows.messages import Command

T = TypeVar("T")

_AGAIN_S = 0.1
_AWAY_S_MAX = 30.0
"""For so long a server that answered before is waited for: one that its supervisor starts again is away for less."""
_CROSSED = "unexpected workflow task failure"
"""What the server says of an update that came at the very moment at which its workflow ended or began a new run."""
_AWAY = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN, RPCStatusCode.CANCELLED}
"""How calls end that do not reach a server, or whose server goes while they are under way."""


class _Again(Exception):
    """The same may be said again: it was not taken, or is known by its id. ``told``: why, where that goes on."""

    def __init__(self, told: Unreachable, within_s: float) -> None:
        super().__init__()
        self.told = told
        self.within_s = within_s


async def _insisting(office: Office, call: Callable[[], Awaitable[T]], *, missing: str) -> T:
    """Await what ``call`` gives, again where it crossed with the end of a run or the server was away for a moment."""
    begun = time.monotonic()
    while True:
        try:
            return await _told(office, call(), missing=missing)
        except _Again as again:
            if time.monotonic() - begun > again.within_s:
                raise again.told from again.__cause__
        await asyncio.sleep(_AGAIN_S)


async def _told(office: Office, call: Awaitable[T], *, missing: str) -> T:
    """Await a call; turn what Temporal raises into our errors. ``missing``: what to say where the workflow is gone."""
    within_s = office.answer_within.total_seconds()
    try:
        return await asyncio.wait_for(call, timeout=within_s)
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            hint = str(cause.details[0]) if cause.details else ""
            raise business_error(cause.type or "", cause.message, hint) from error
        raise FastbrandError(str(cause)) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        gone = error.__cause__
        if isinstance(gone, RPCError) and gone.status in _AWAY:  # it was not we who gave it up
            raise _Again(no_answer(gone), _AWAY_S_MAX) from gone
        raise Unreachable(
            f"no worker answered within {within_s:.0f} s",
            hint="is a worker running? `fastbrand up` starts one; the command may still be carried out: "
            "repeat it with the same `--command-id`",
        ) from error
    except RPCError as error:
        if _CROSSED in error.message:
            unheard = Unreachable(
                f"no worker answered within {within_s:.0f} s",
                hint="see the logs of the worker, then repeat the command with the same `--command-id`",
            )
            raise _Again(unheard, within_s) from error
        if error.status in _AWAY:
            raise _Again(no_answer(error), _AWAY_S_MAX) from error
        if error.status == RPCStatusCode.NOT_FOUND:
            raise NotFound(missing, hint="see what there is: `fastbrand party list`, `fastbrand case list`") from error
        raise no_answer(error) from error


def no_answer(error: RPCError) -> Unreachable:
    """A server that does not answer, as we tell it."""
    return Unreachable(
        f"the Temporal server does not answer: {error.message.splitlines()[0] if error.message else error.status}",
        hint="start one with `fastbrand up`, or check TEMPORAL_ADDRESS",
    )


async def update_party(
    office: Office, party_id: str, update: Any, command: Command, *, start: LifecycleInput | None = None
) -> PartyView:
    """Send ``command`` to the party's lifecycle; with ``start``, begin one where none runs (update-with-start)."""
    client = await office.connect()
    missing = f"party `{party_id}` has nothing under way"

    def call() -> Awaitable[Any]:
        if start is None:
            handle = client.get_workflow_handle(names.lifecycle_id(party_id))
            return handle.execute_update(update, command, id=command.command_id)
        begin: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            BrandLifecycle.run,
            start,
            id=names.lifecycle_id(party_id),
            task_queue=office.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=timedelta(seconds=office.settings.workflow_task_timeout_s),
            static_summary=f"party on track {start.track}",
        )
        return client.execute_update_with_start_workflow(
            update, command, start_workflow_operation=begin, id=command.command_id
        )

    view: PartyView = await _insisting(office, call, missing=missing)
    return view


async def update_workflow(
    office: Office,
    workflow_id: str,
    update: Any,
    command: Command,
    *,
    missing: str,
    starting: Callable[[], bool] = lambda: False,
) -> Any:
    """Send ``command`` to the workflow ``workflow_id``.

    A step stores what it did a moment before the workflow that serves it starts (longer where a worker dies between):
    while ``starting()``, a workflow that is not there is waited for.
    """
    client = await office.connect()
    handle = client.get_workflow_handle(workflow_id)
    deadline = time.monotonic() + office.answer_within.total_seconds()
    while True:
        try:
            return await _insisting(
                office, lambda: handle.execute_update(update, command, id=command.command_id), missing=missing
            )
        except NotFound as error:
            if not starting():
                raise
            if time.monotonic() > deadline:
                raise Unreachable(
                    missing, hint="its workflow has not started: is a worker running? Then try again"
                ) from error
        await asyncio.sleep(_AGAIN_S)


async def begin_release(office: Office, workflow_id: str, sha256: str) -> None:
    """Let a release wait for its second person, where it does not already. Raises ``Unreachable``."""
    client = await office.connect()

    def call() -> Awaitable[Any]:
        return client.start_workflow(
            RulebookRelease.run,
            ReleaseInput(sha256=sha256),
            id=workflow_id,
            task_queue=office.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=timedelta(seconds=office.settings.workflow_task_timeout_s),
            static_summary=f"release of book {sha256[:16]}",
        )

    await _insisting(office, call, missing=f"book `{sha256[:16]}` cannot be released here")


async def update_release(office: Office, workflow_id: str, update: Any, command: Command, sha256: str) -> ReleaseView:
    """Send ``command`` to the release of a book, beginning one where none is under way (update-with-start)."""
    client = await office.connect()

    def call() -> Awaitable[Any]:
        begin: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            RulebookRelease.run,
            ReleaseInput(sha256=sha256),
            id=workflow_id,
            task_queue=office.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=timedelta(seconds=office.settings.workflow_task_timeout_s),
            static_summary=f"release of book {sha256[:16]}",
        )
        return client.execute_update_with_start_workflow(
            update, command, start_workflow_operation=begin, id=command.command_id
        )

    view: ReleaseView = await _insisting(office, call, missing=f"book `{sha256[:16]}` has no release under way")
    return view


async def signal_workflow(client: Client, workflow_id: str, signal: str, message: Payload | None = None) -> bool:
    """Signal a workflow. False where it is not there. Raises ``Unreachable``."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        await (handle.signal(signal) if message is None else handle.signal(signal, message))
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise no_answer(error) from error
    return True


async def start_lifecycle(office: Office, client: Client, start: LifecycleInput) -> bool:
    """Start a lifecycle with its application inside (bulk intake). False where one runs already."""
    from temporalio.exceptions import WorkflowAlreadyStartedError

    try:
        await client.start_workflow(
            BrandLifecycle.run,
            start,
            id=names.lifecycle_id(start.party_id),
            task_queue=office.settings.task_queue,
            task_timeout=timedelta(seconds=office.settings.workflow_task_timeout_s),
            static_summary=f"party on track {start.track}",
            rpc_timeout=timedelta(seconds=30),
        )
    except WorkflowAlreadyStartedError:
        return False
    return True
