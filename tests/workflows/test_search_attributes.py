"""What operators find in Temporal's own pages: where a party stands, and who is waited for."""

from __future__ import annotations

import pytest

from fastbrand.service import cases
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import BRAND, FAST_BRAND, UNREMARKABLE

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]


async def test_a_party_is_found_by_kind_and_stage(calm: Desk) -> None:
    merchant, brand = await calm.apply({**FAST_BRAND, **UNREMARKABLE}), await calm.apply(BRAND, track="S")
    await calm.until_listed(f"WorkflowId = 'party/{merchant}' AND PartyKind = 'M' AND Stage = 'vetting'")
    await calm.until_listed(f"WorkflowId = 'party/{brand}' AND PartyKind = 'S' AND Stage = 'active'")
    await calm.set_facts(merchant, {"content_score": "90.0"})
    await calm.until_listed(f"WorkflowId = 'party/{merchant}' AND Stage = 'endorsed'")


async def test_a_case_is_found_by_who_is_waited_for(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    mine = f"WorkflowId = '{calm.case(party)['case_id']}'"
    await calm.until_listed(f"{mine} AND AwaitingRole = 'reviewer' AND Assignee IS NULL AND SlaBreached = false")
    await cases.request_info(calm.office, party, ["content_score"], who=Asker("lan"))
    await calm.until_listed(f"{mine} AND AwaitingRole = 'merchant' AND Assignee = 'lan'")
    await cases.answer(calm.office, party, [], facts_file=None, who=Asker("mei"))
    await calm.until_listed(f"{mine} AND AwaitingRole = 'reviewer' AND Assignee = 'lan' AND SlaDueAt IS NOT NULL")
    await calm.propose(party, "reject")
    await cases.confirm(calm.office, party, who=Asker("qiang"))
    await calm.until_listed(f"{mine} AND AwaitingRole IS NULL AND ExecutionStatus = 'Completed'")


async def test_a_grant_is_found_by_its_next_tranche(calm: Desk) -> None:
    party = await calm.apply(FAST_BRAND)
    await calm.until_tranches(party, "released", "released", "planned")
    await calm.until_listed(f"WorkflowId = 'grant/{calm.grant(party)['grant_id']}' AND NextTrancheAt IS NOT NULL")


async def test_summaries_tell_what_a_workflow_waits_for(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    handles = [calm.client.get_workflow_handle(each) for each in (f"party/{party}", calm.case(party)["case_id"])]
    told = [await (await handle.describe()).static_summary() for handle in handles]
    assert told == ["party on track M", "case in queue vetting"]
