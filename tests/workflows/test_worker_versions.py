"""Workers have a version, and workflows under way go on with the newest one: releases do not strand anybody."""

from __future__ import annotations

import asyncio

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import VersioningBehavior as Told
from temporalio.api.workflow.v1 import WorkflowExecutionVersioningInfo
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.common import VersioningBehavior

from fastbrand import wiring
from fastbrand.domain import names
from tests.workflows.desk import PATIENCE_S, Desk
from tests.workflows.given import FAST_BRAND, UNREMARKABLE
from workflows.registry import WORKFLOWS


@pytest.mark.parametrize("kind", WORKFLOWS, ids=lambda kind: str(kind.__name__))
def test_every_workflow_says_how_it_takes_a_release(kind: type) -> None:
    assert workflow._Definition.must_from_class(kind).versioning_behavior is VersioningBehavior.AUTO_UPGRADE


@pytest.mark.server
@pytest.mark.xdist_group("workflows-people")
async def test_what_runs_runs_under_the_version_of_its_worker_and_may_be_upgraded(calm: Desk) -> None:
    standing, waiting = await calm.apply(FAST_BRAND), await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    grant = await calm.until_grant(standing, "reserved")
    ids = [calm.lifecycle(standing), f"party/{standing}/endorsement/1", f"grant/{grant['grant_id']}"]
    for workflow_id in [*ids, calm.case(waiting)["case_id"]]:
        versioning = await _versioning(calm, workflow_id)
        assert versioning.behavior == Told.VERSIONING_BEHAVIOR_AUTO_UPGRADE, workflow_id
        version = versioning.deployment_version
        assert (version.deployment_name, version.build_id) == (names.DEPLOYMENT, wiring.build_id()), workflow_id

    request = DescribeWorkerDeploymentRequest(namespace=calm.client.namespace, deployment_name=names.DEPLOYMENT)
    deployment = (await calm.client.workflow_service.describe_worker_deployment(request)).worker_deployment_info
    current = deployment.routing_config.current_deployment_version
    assert (current.deployment_name, current.build_id) == (names.DEPLOYMENT, wiring.build_id())


async def _versioning(desk: Desk, workflow_id: str) -> WorkflowExecutionVersioningInfo:
    """What the server holds of a workflow's version, once a worker has completed a task of it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            described = await desk.client.get_workflow_handle(workflow_id).describe()
            found = described.raw_description.workflow_execution_info.versioning_info
            if found.behavior:
                return found
            await asyncio.sleep(0.05)
