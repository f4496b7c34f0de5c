"""The dev server as a child: ports, readiness, search attributes, its state over a kill, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from fastbrand import processes
from fastbrand.domain import names
from fastbrand.domain.errors import Unreachable, UsageError
from fastbrand.temporal_binary import find_or_get
from fastbrand.temporal_server import (
    SEARCH_ATTRIBUTES,
    DevServer,
    connect_when_ready,
    ensure_search_attributes,
    free_port,
    port_is_free,
)
from tests.ops.waiting import HERE, processes_with

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("ops-server")]


@workflow.defn
class Sleeper:
    """Sleeps so often, so many milliseconds each time."""

    @workflow.run
    async def run(self, times: int, each_ms: int) -> None:
        """One sleep after the other."""
        for _ in range(times):
            await workflow.sleep(each_ms / 1_000)


def test_every_search_attribute_has_a_type() -> None:
    named = {value for name, value in vars(names).items() if name.startswith("SA_")}
    assert named == set(SEARCH_ATTRIBUTES)


async def test_search_attributes_are_there_at_once(server: DevServer) -> None:
    client = await Client.connect(server.address)
    assert await ensure_search_attributes(client) == []
    stage = SearchAttributeKey.for_keyword(names.SA_STAGE)
    due = SearchAttributeKey.for_bool(names.SA_SLA_BREACHED)
    attributes = TypedSearchAttributes([SearchAttributePair(stage, "vetting"), SearchAttributePair(due, False)])
    handle = await client.start_workflow("Any", id="tagged", task_queue="nobody", search_attributes=attributes)
    assert (await handle.describe()).typed_search_attributes[stage] == "vetting"


async def test_a_short_timer_is_over_when_it_is_over(server: DevServer) -> None:
    """Every command waits for one: ten of them are not behind three of a second that began with them."""
    client = await Client.connect(server.address)
    over: list[int] = []

    async def wait(times: int, each_ms: int) -> None:
        await client.execute_workflow(Sleeper.run, args=[times, each_ms], id=f"sleeper/{times}", task_queue="sleepers")
        over.append(times)

    async with Worker(client, task_queue="sleepers", workflows=[Sleeper], workflow_runner=UnsandboxedWorkflowRunner()):
        await asyncio.gather(wait(10, 1), wait(3, 1_000))
    assert over == [10, 3]


async def test_calls_that_are_given_up_leave_the_server_well(server: DevServer) -> None:
    """A worker that is killed gives up hundreds; one in a thousand of these broke the driver of the official 1.5.1."""
    driver = re.search(rb"modernc\.org/sqlite\tv(\d+)\.(\d+)", find_or_get().read_bytes())
    if driver is None or (int(driver[1]), int(driver[2])) < (1, 51):
        pytest.skip("a Temporal server that we did not build: the supervisor starts it again where it breaks")
    client = await Client.connect(server.address)
    request = DescribeNamespaceRequest(namespace="default")
    luck = random.Random(1)

    async def give_up() -> None:
        with contextlib.suppress(TimeoutError):
            within_s = luck.random() * 0.004
            await asyncio.wait_for(client.workflow_service.describe_namespace(request), within_s)

    for _ in range(600):
        # the server takes some two thousand calls a second, and refuses others before it asks its database
        await asyncio.gather(asyncio.sleep(0.005), *(give_up() for _ in range(8)))
    described = await client.workflow_service.describe_namespace(request)
    assert described.namespace_info.name == "default"


async def test_missing_search_attributes_are_registered(server: DevServer) -> None:
    namespace = "bare"
    await _add_namespace(server, namespace)
    client = await Client.connect(server.address, namespace=namespace)
    assert await ensure_search_attributes(client) == sorted(SEARCH_ATTRIBUTES)
    assert await ensure_search_attributes(client) == []


async def test_search_attribute_of_another_type_is_told(server: DevServer) -> None:
    namespace = "foreign"
    await _add_namespace(server, namespace)
    client = await Client.connect(server.address, namespace=namespace)
    integer = 3  # INDEXED_VALUE_TYPE_INT
    request = AddSearchAttributesRequest(namespace=namespace, search_attributes={names.SA_STAGE: integer})  # type: ignore[dict-item]  # the generated stub wants its enum class
    await client.operator_service.add_search_attributes(request)
    with pytest.raises(UsageError, match="`Stage` of namespace `foreign` has type INDEXED_VALUE_TYPE_INT, not Keyword"):
        await ensure_search_attributes(client)


async def test_unknown_namespace_is_told(server: DevServer) -> None:
    with pytest.raises(UsageError, match="has no namespace `elsewhere`") as caught:
        await connect_when_ready(server.address, "elsewhere", within_s=0.2)
    assert "TEMPORAL_NAMESPACE" in caught.value.hint


async def test_nobody_there_is_told() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match=f"no Temporal server answers at `{address}`") as caught:
        await connect_when_ready(address, "default", within_s=0.1)
    assert caught.value.exit_code == 4


def test_state_outlives_a_kill_on_the_same_port(tmp_path: Path) -> None:
    server = DevServer.start(database=tmp_path / "t.db", log=tmp_path / "log", port=free_port(), ui=False)
    try:
        address, first = server.address, server.pid

        async def begin() -> None:
            client = await Client.connect(address)
            await client.start_workflow("Any", id="kept", task_queue="nobody")

        async def look() -> str:
            client = await Client.connect(address)
            return (await client.get_workflow_handle("kept").describe()).id

        asyncio.run(begin())
        server.kill()
        assert server.ended()
        server.restart()
        server.wait_until_ready()
        assert (server.address == address, server.pid != first) == (True, True)
        assert asyncio.run(look()) == "kept"
    finally:
        server.kill()


def test_stop_leaves_nothing(tmp_path: Path) -> None:
    server = DevServer.start(database=tmp_path / "t.db", log=tmp_path / "log", port=free_port(), ui_port=free_port())
    assert server.ui == f"http://127.0.0.1:{server.ui_port}"
    assert server.ui_port is not None
    assert not port_is_free(server.ui_port)
    server.stop()
    assert not processes.alive(server.pid)
    assert processes_with(str(tmp_path / "t.db")) == []
    assert port_is_free(server.port)


def test_busy_port_that_was_asked_for_is_told(server: DevServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"port `{server.port}` is busy") as caught:
        DevServer.start(database=tmp_path / "t.db", log=tmp_path / "log", port=server.port)
    assert "FASTBRAND_TEMPORAL_PORT" in caught.value.hint
    with pytest.raises(UsageError, match=f"UI port `{server.port}` is busy"):
        DevServer.start(database=tmp_path / "t.db", log=tmp_path / "log", ui_port=server.port)
    assert not (tmp_path / "t.db").exists()


def test_a_port_that_somebody_just_lets_go_is_waited_for(tmp_path: Path) -> None:
    """A server that was killed counts as dead while its threads, and with them its port, are still there."""
    holder = socket.create_server(("127.0.0.1", free_port()))
    port = holder.getsockname()[1]
    letting_go = threading.Timer(0.3, holder.close)
    letting_go.start()
    server = DevServer.start(database=tmp_path / "t.db", log=tmp_path / "log", port=port, ui=False)
    server.kill()
    assert server.port == port
    letting_go.join()


def test_two_at_once_take_two_ports(tmp_path: Path) -> None:
    def start(name: str) -> DevServer:
        return DevServer.start(database=tmp_path / f"{name}.db", log=tmp_path / f"{name}.log")

    with ThreadPoolExecutor() as threads:
        both = list(threads.map(start, ("a", "b")))
    try:
        assert len({port for server in both for port in (server.port, server.ui_port)}) == 4
        assert not any(server.ended() for server in both), "a thread that is gone does not take its server along"
    finally:
        for server in both:
            server.kill()


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"did not come up .*: failed starting server: .*no such") as caught:
        DevServer.start(database=tmp_path / "none" / "t.db", log=tmp_path / "log", port=free_port(), ui=False)
    assert str(tmp_path / "log") in caught.value.hint


def test_process_ends_well_right_after_asking_nobody(tmp_path: Path) -> None:
    ask = (
        "import asyncio, sys\n"
        "from fastbrand.domain.errors import Unreachable\n"
        "from fastbrand.temporal_server import connect_when_ready\n"
        "try:\n    asyncio.run(connect_when_ready(sys.argv[1], 'default', within_s=0.2))\n"
        "except Unreachable:\n    pass\n"
    )
    argv = [sys.executable, "-c", ask, f"127.0.0.1:{free_port()}"]
    ends = [subprocess.run(argv, env={"PYTHONPATH": str(HERE.parents[1])}, cwd=tmp_path).returncode for _ in range(6)]
    assert ends == [0] * 6


async def _add_namespace(server: DevServer, name: str) -> None:
    """Register a namespace and wait until the server knows it everywhere."""
    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

    client = await Client.connect(server.address)
    day = Duration(seconds=86400)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=day)
    await client.workflow_service.register_namespace(request)
    await connect_when_ready(server.address, name, within_s=30)
