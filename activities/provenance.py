"""Where a step runs, for the audit."""

from __future__ import annotations

from temporalio import activity

from activities.payloads import By
from fastbrand.domain.audit import Actor, Provenance


def provenance() -> Provenance:
    """Workflow, run, activity and attempt of the running activity; empty outside one (tests, bootstrap)."""
    if not activity.in_activity():
        return Provenance()
    info = activity.info()
    return Provenance(
        workflow_id=info.workflow_id or "",
        run_id=info.workflow_run_id or "",
        activity_id=info.activity_id,
        attempt=info.attempt,
    )


def actor_of(by: By) -> Actor:
    """The audit's actor for a step."""
    return Actor(by.kind, by.actor, by.role)
