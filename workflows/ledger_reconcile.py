"""Every account recomputed from its entries, on a schedule; a difference is an event and an error in the log."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from activities.ledgers import LedgerActivities
    from activities.run_payloads import Reconciled, RunRequest
    from workflows.steps import RETRY, now


@workflow.defn(name="LedgerReconcile", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class LedgerReconcile:
    """One reconciliation."""

    @workflow.run
    async def run(self) -> Reconciled:
        """Whether it balances."""
        found = await workflow.execute_activity_method(
            LedgerActivities.reconcile,
            RunRequest(at=now()),
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=workflow.info().task_timeout,  # as soon as a dead worker's other work
            retry_policy=RETRY,
            summary="recompute every account",
        )
        if not found.balanced:
            workflow.logger.error("the ledger does not balance: %d differences", found.differences)
        return found
