"""A worker that starts while its server is away: it waits a moment, and says plainly why it does not come up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client

from fastbrand import wiring
from fastbrand.domain import names
from fastbrand.domain.errors import Unreachable
from fastbrand.settings import Settings
from fastbrand.temporal_server import DevServer
from tests.forwarder import Forwarder, forwarding

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("ops-server")]


@pytest_asyncio.fixture
async def way(server: DevServer) -> AsyncIterator[Forwarder]:
    """A way to the server that can be cut."""
    async with forwarding(server.address) as forwarder:
        yield forwarder


@pytest.fixture
def cut_when_connected(way: Forwarder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to the server is cut as soon as the worker has a client."""

    async def connect_and_cut(settings: Settings) -> Client:
        client = await wiring.connect_address(settings.temporal_address, settings.temporal_namespace)
        way.cut()
        return client

    monkeypatch.setattr(wiring, "connect_client", connect_and_cut)


@pytest.fixture
def roundabout(settings: Settings, way: Forwarder) -> Settings:
    """Settings of an installation that reaches its server by that way."""
    return settings.model_copy(update={"temporal_address": way.address, "task_queue": "roundabout"})


@pytest.mark.usefixtures("cut_when_connected")
async def test_a_worker_waits_for_a_server_that_is_away_for_a_moment(
    roundabout: Settings, way: Forwarder, server: DevServer
) -> None:
    async def mend_soon() -> None:
        await asyncio.sleep(1.5)
        way.mend()

    mending = asyncio.create_task(mend_soon())
    async with wiring.worker(roundabout):
        client = await Client.connect(server.address)
        described = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace="default", deployment_name=names.DEPLOYMENT)
        )
        current = described.worker_deployment_info.routing_config.current_deployment_version.build_id
        assert current == wiring.build_id()
    await mending


@pytest.mark.usefixtures("cut_when_connected")
async def test_a_worker_whose_server_is_gone_says_so(roundabout: Settings) -> None:
    with pytest.raises(Unreachable, match=r"the (Temporal )?server does not (take|answer)") as caught:
        async with wiring.worker(roundabout):
            pytest.fail("there is no server to poll")
    assert "see whether it runs" in caught.value.hint


@pytest.mark.usefixtures("cut_when_connected")
async def test_a_worker_that_fails_ends_what_is_done_with_it(
    roundabout: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTBRAND_PROMOTE", "0")
    with pytest.raises(Unreachable, match=r"does not answer this worker"):
        async with wiring.worker(roundabout.model_copy(update={"schedules": False})):
            await asyncio.sleep(120)
