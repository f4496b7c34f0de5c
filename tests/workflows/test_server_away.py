"""A server that is away while somebody says something: it is said again when it is back, and done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from fastbrand import wiring
from fastbrand.domain.errors import Unreachable
from fastbrand.service import parties, temporal_calls
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from tests.forwarder import Forwarder, forwarding
from tests.workflows.desk import Desk
from tests.workflows.given import FAST_BRAND, UNREMARKABLE

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("workflows-line")]

RETRIES_S = 10
"""For so long the SDK itself tries again."""


@pytest_asyncio.fixture
async def way(address: str) -> AsyncIterator[Forwarder]:
    """A way to the server that can be cut."""
    async with forwarding(address) as forwarder:
        yield forwarder


@pytest_asyncio.fixture
async def far(calm: Desk, way: Forwarder) -> AsyncIterator[Office]:
    """An office of the desk's installation that reaches the server by that way, and has."""
    with wiring.office(calm.settings.model_copy(update={"temporal_address": way.address})) as office:
        await office.connect()
        yield office


async def test_what_is_said_while_the_server_is_away_is_done_when_it_is_back(
    calm: Desk, far: Office, way: Forwarder
) -> None:
    party = calm.new_party()
    file = calm.write_facts(party, {**FAST_BRAND, **UNREMARKABLE})
    way.cut()
    applying = asyncio.create_task(
        parties.apply(far, party_id=party, track="M", facts_file=file, with_endorsement=False, who=Asker("mei"))
    )
    await asyncio.sleep(RETRIES_S + 3)
    assert not applying.done()
    way.mend()
    assert (await applying)["stage"] == "vetting"
    assert calm.stages(party) == ["none", "applied", "screening", "vetting"]


async def test_an_answer_that_is_lost_with_its_connection_is_asked_for_again(
    calm: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    send = WorkflowHandle.execute_update
    lost: list[Any] = []

    async def send_and_lose(handle: Any, *given: Any, **options: Any) -> Any:
        answer = await send(handle, *given, **options)
        if not lost:
            lost.append(answer)
            gone = RPCError("operation was canceled", RPCStatusCode.CANCELLED, b"")
            raise WorkflowUpdateRPCTimeoutOrCancelledError from gone
        return answer

    monkeypatch.setattr(WorkflowHandle, "execute_update", send_and_lose)
    case = await calm.propose(party)
    assert (len(lost), case["state"]) == (1, "proposed")
    assert len(calm.audit(party, "case:proposed")) == 1


async def test_a_server_that_stays_away_is_told(
    calm: Desk, far: Office, way: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    monkeypatch.setattr(temporal_calls, "_AWAY_S_MAX", 0.0)
    way.cut()
    with pytest.raises(Unreachable, match="the Temporal server does not answer") as caught:
        await parties.withdraw(far, party_id=party, who=Asker("mei", reason="no time"))
    assert "fastbrand up" in caught.value.hint
    assert calm.stage(party) == "vetting"
