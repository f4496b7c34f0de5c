"""Providers for a party that was really endorsed: proposed with its standing, once, kept and replayed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from fastbrand import wiring
from fastbrand.service import cases, matching, providers, replaying
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import FAST_BRAND

with workflow.unsafe.imports_passed_through():
    from activities.matching import MatchingActivities
    from activities.matching_payloads import MatchClose, Matched, MatchRequest
    from activities.payloads import By

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]

SYSTEM = By(kind="system", actor="system:programme", role="system", command_id="test/1")


@workflow.defn
class MatchTwice:
    """Matches a party as a lifecycle would, and does so again: as after a repeated task."""

    @workflow.run
    async def run(self, request: MatchRequest) -> list[Matched]:
        """Both answers."""
        return [
            await workflow.execute_local_activity_method(
                MatchingActivities.propose, request, start_to_close_timeout=timedelta(seconds=60)
            )
            for _ in range(2)
        ]


@workflow.defn
class CloseMatches:
    """Ends what a party has, as a lifecycle would that revokes."""

    @workflow.run
    async def run(self, request: MatchClose) -> list[str]:
        """What was closed."""
        done = await workflow.execute_local_activity_method(
            MatchingActivities.close, request, start_to_close_timeout=timedelta(seconds=60)
        )
        return list(done.closed)


async def run(desk: Desk, kind: Any, request: Any, the_id: str) -> Any:
    """What a workflow of ``kind`` gives, on a worker with every activity of the product."""
    office, queue = desk.office, f"match-{the_id}"
    with ThreadPoolExecutor(4) as threads:
        worker = Worker(
            desk.client,
            task_queue=queue,
            workflows=[MatchTwice, CloseMatches],
            activities=wiring.activity_methods(office.db, office.engine()),
            activity_executor=threads,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        async with worker:
            return await desk.client.execute_workflow(
                kind.run, request, id=f"{queue}-{kind.__name__}", task_queue=queue
            )


async def register(desk: Desk) -> str:
    """An industrial-belt provider for food from Zhejiang with one place."""
    name = f"belt-{desk.new_party()}"
    cells: dict[str, Any] = {
        "provider_id": name,
        "type": "industrial_belt",
        "name": "Belt",
        "categories": "food",
        "region": "zhejiang",
        "capacity": "1",
        "track_record": "100",
        "private_domain": "90",
    }
    await providers.add(desk.office, cells, who=Asker("mei"))
    return name


async def endorsed(desk: Desk) -> str:
    """A party whose one gap is the private domain: a person endorsed it all the same."""
    party = await desk.apply({**FAST_BRAND, "region": "zhejiang", "fan_group_members": "10"})
    assert desk.stage(party) == "vetting"
    await desk.propose(party, who="lan")
    await cases.confirm(desk.office, party, who=Asker("qiang"))
    assert desk.stage(party) == "endorsed"
    return party


async def test_a_party_that_comes_into_standing_gets_offers(calm: Desk) -> None:
    name = await register(calm)
    party = await endorsed(calm)
    await until(lambda: calm.decisions(party, "matching"), "providers are proposed")
    (decision,) = calm.decisions(party, "matching")
    assert decision["result"]["gaps"] == ["private_domain"]
    # 45 of 50 for its one gap, 30 for the region, 20 for the record
    assert {"provider": name, "type": "industrial_belt", "score": "95.0", "rank": 1} in decision["result"]["offers"]
    (offer,) = matching.offers_of(calm.office, party, None)
    assert (offer["provider_id"], offer["state"], offer["decision_id"]) == (name, "proposed", decision["id"])
    events = [event for event in calm.audit(party) if event["verb"] == "match:proposed"]
    assert [event["actor"]["id"] for event in events] == ["system:programme"]
    assert events[0]["workflow_id"] == f"party/{party}"
    assert replaying.replay(calm.office, decision["id"], every=False)["changed"] == []

    await matching.accept(calm.office, offer["match_id"], who=Asker("mei"))
    assert providers.show(calm.office, name)["load"] == 1
    lost = By(kind="system", actor="system:programme", role="system", command_id="revoked/1")
    close = MatchClose(subject_id=party, cause="counterfeit", at=calm.office.now(), by=lost)
    assert await run(calm, CloseMatches, close, party) == [offer["match_id"]]
    assert providers.show(calm.office, name)["load"] == 0
    await providers.edit(calm.office, name, {"active": "false"}, who=Asker("mei"))


async def test_a_repeated_step_proposes_once(calm: Desk) -> None:
    name = await register(calm)
    party = await endorsed(calm)
    await until(lambda: calm.decisions(party, "matching"), "providers are proposed")
    request = MatchRequest(subject_id=party, key="once-more", at=calm.office.now(), by=SYSTEM)
    first, again = await run(calm, MatchTwice, request, party)
    assert first == again
    assert [(each.provider_id, each.score) for each in first.offers] == [(name, "95.0")]
    states = [offer["state"] for offer in matching.offers_of(calm.office, party, None)]
    assert states == ["superseded", "proposed"]
    await providers.edit(calm.office, name, {"active": "false"}, who=Asker("mei"))


async def test_a_party_that_is_not_in_standing_is_an_answer_and_no_failure(calm: Desk) -> None:
    party = await calm.apply({"owns_brand": "false"})
    request = MatchRequest(subject_id=party, key="standing/1", at=calm.office.now(), by=SYSTEM)
    first, again = await run(calm, MatchTwice, request, party)
    assert (first.outcome, first.offers, first.decision_id) == ("not_in_standing", (), None)
    assert first == again
    assert "match:proposed" not in [event["verb"] for event in calm.audit(party)]
