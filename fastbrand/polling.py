"""A worker that polls: taken by its server as the current version, and ended by one error, the one that ended it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from fastbrand.domain import names
from fastbrand.domain.errors import Unreachable

_TRIES_MAX = 60
_EVERY_S = 0.2
# others pass: the server hears of a version only with its first poll, may be busy with another promotion, or be away
# for a moment, which is told in many ways
_FOR_GOOD = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.UNIMPLEMENTED,
}


@asynccontextmanager
async def polling(worker: Worker, client: Client, build: str) -> AsyncIterator[None]:
    """``worker`` polls while the body runs, with ``build`` as the current version; leaving drains it.

    A worker that fails ends the body, and its error is raised. Raises ``Unreachable`` where the server takes neither.

    The SDK's own ``async with worker`` (1.35) cancels whoever leaves it while the worker cannot reach the server: what
    is raised then is a bare ``CancelledError``, and why is lost.
    """
    body = asyncio.current_task()
    assert body is not None  # there is one in every coroutine
    running = asyncio.create_task(worker.run())
    inside = True

    def end_body(_: asyncio.Task[None]) -> None:
        if inside:
            body.cancel()

    running.add_done_callback(end_body)
    try:
        await _promote(client, build)
        yield
    except asyncio.CancelledError:
        error = _error_of(running)
        if error is None:
            raise
        body.uncancel()
        raise error from None
    finally:
        inside = False
        await _drain(worker, running)


async def _drain(worker: Worker, running: asyncio.Task[None]) -> None:
    """Let what has begun end."""
    try:
        await worker.shutdown()
        await asyncio.wait([running])
    finally:
        running.cancel()  # where we ourselves are told to hurry
        _error_of(running)  # has been told, or does not matter any more: it is not to be reported as never looked at


def _error_of(running: asyncio.Task[None]) -> Exception | None:
    """Why the worker has ended, None where it runs or ended as it should."""
    if not running.done() or running.cancelled():
        return None
    error = running.exception()
    if isinstance(error, RuntimeError):  # what the SDK's core raises
        return Unreachable(
            f"the Temporal server does not answer this worker: {error}",
            hint="see whether it runs, and its log; then start the worker again",
        )
    return error if isinstance(error, Exception) else None


async def _promote(client: Client, build: str) -> None:
    """Make ``build`` the current version of our deployment: the server gives tasks to no other.

    The newest worker that starts wins, which is right for one installation; where versions are rolled out step by step,
    FASTBRAND_PROMOTE=0 leaves it to the operator (``temporal worker deployment set-current-version``). Waits some
    seconds for a server that is not ready for it. Raises ``Unreachable``.
    """
    if os.environ.get("FASTBRAND_PROMOTE", "1") == "0":
        return
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=names.DEPLOYMENT,
        build_id=build,
        identity=client.identity,
        ignore_missing_task_queues=True,
    )
    for left in reversed(range(_TRIES_MAX)):
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
            return
        except RPCError as error:
            if error.status in _FOR_GOOD or not left:
                raise Unreachable(
                    f"the server does not take `{build}` as current version: {error.message}",
                    hint="see whether it runs; its worker deployments need a server of 1.28 or newer",
                ) from error
            await asyncio.sleep(_EVERY_S)
