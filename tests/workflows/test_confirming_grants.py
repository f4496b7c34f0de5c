"""A large grant waits for a person of finance who had no part in the case."""

from __future__ import annotations

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from fastbrand.domain import names
from fastbrand.domain.errors import FourEyes, NotFound, NotPermitted, Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.service import cases, grants
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import AMOUNT, FAST_BRAND, LARGE, LARGE_AMOUNT, UNREMARKABLE
from workflows.messages import BonusInput, ConfirmGrant, GrantView
from workflows.traffic_bonus import TrafficBonus

pytestmark = pytest.mark.server
calm_group = pytest.mark.xdist_group("workflows-people")
timers_group = pytest.mark.xdist_group("workflows-timers")


@calm_group
async def test_finance_confirms_and_the_first_tranche_goes_out(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **LARGE})
    grant = await calm.until_grant(party, "awaiting_confirmation")
    assert (grant["amount"], grant["tranches"]) == (LARGE_AMOUNT, [])

    done = await grants.confirm(calm.office, grant["grant_id"], who=Asker("jun"))
    assert (done["state"], done["amount"]) == ("reserved", LARGE_AMOUNT)
    await calm.until_tranches(party, "released", "released", "planned")
    assert calm.grant(party)["confirmed_by"] == "jun"
    assert [each["amount"] for each in calm.grant(party)["tranches"]] == [7_230_750, 9_641_000, 7_230_750]
    booked = [event["after"]["amount"] for event in calm.audit(party, "tranche:released")]
    assert booked == [7_230_750, 9_641_000]
    with pytest.raises(Refused, match="the grant is `reserved`"):
        await grants.confirm(calm.office, grant["grant_id"], who=Asker("jun"))


@calm_group
@pytest.mark.parametrize(("maker", "checker", "did"), [("dev", "lan", "proposed"), ("lan", "dev", "confirmed")])
async def test_who_decided_the_case_does_not_confirm_its_grant(calm: Desk, maker: str, checker: str, did: str) -> None:
    party = await calm.apply({**FAST_BRAND, **LARGE, **UNREMARKABLE})
    await calm.propose(party, who=maker)
    await cases.confirm(calm.office, party, who=Asker(checker))
    grant = await calm.until_grant(party, "awaiting_confirmation")
    with pytest.raises(FourEyes, match=f"`dev` {did} `{party}` and cannot confirm its grant"):
        await grants.confirm(calm.office, grant["grant_id"], who=Asker("dev"))
    assert len(calm.audit(party, "command:refused")) == 1

    done = await grants.confirm(calm.office, grant["grant_id"], who=Asker("jun"))
    assert done["state"] == "reserved"


@calm_group
async def test_only_finance_confirms_and_only_what_is_large(calm: Desk) -> None:
    large = await calm.apply({**FAST_BRAND, **LARGE})
    grant = await calm.until_grant(large, "awaiting_confirmation")
    with pytest.raises(NotPermitted, match="`qiang` may not do `grant:confirm`: it takes the role `finance`"):
        await grants.confirm(calm.office, grant["grant_id"], who=Asker("qiang"))

    small = await calm.apply(FAST_BRAND)
    await calm.until_tranches(small, "released", "released", "planned")
    assert calm.grant(small)["amount"] == AMOUNT
    with pytest.raises(Refused, match="the grant is `reserved`"):
        await grants.confirm(calm.office, calm.grant(small)["grant_id"], who=Asker("jun"))
    with pytest.raises(NotFound, match="grant `nobody/2022-08` is not known"):
        await grants.confirm(calm.office, "nobody/2022-08", who=Asker("jun"))


@calm_group
async def test_a_confirmation_may_be_there_before_the_workflow_knows_of_the_reservation(calm: Desk) -> None:
    """It waits until the grant is decided; where nothing is to confirm then, it is refused as it would be later."""
    large, small = await calm.apply({**FAST_BRAND, **LARGE}), await calm.apply(FAST_BRAND)
    await calm.until_grant(large, "awaiting_confirmation")

    assert (await _confirmed_at_once(calm, large)).state == "reserved"
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await _confirmed_at_once(calm, small)
    assert str(refused.value.cause) == "refused: the grant is `reserved`"


async def _confirmed_at_once(desk: Desk, party: str) -> GrantView:
    """Start the grant of a later period; the confirmation comes with the start."""
    grant_id = names.grant_id(party, "2099-12")
    start = WithStartWorkflowOperation(
        TrafficBonus.run,
        BonusInput(grant_id=grant_id, party_id=party, track=Track.M, period="2099-12"),
        id=names.grant_workflow_id(grant_id),
        task_queue=desk.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    command = ConfirmGrant(command_id=f"early/{party}", actor="jun", role="finance")
    view = await desk.client.execute_update_with_start_workflow(
        "confirm", command, start_workflow_operation=start, id=command.command_id, result_type=GrantView
    )
    assert isinstance(view, GrantView)
    return view


@timers_group
async def test_what_nobody_confirms_in_time_goes_back(swift: Desk) -> None:
    before = swift.pool()
    party = await swift.apply({**FAST_BRAND, **LARGE})
    grant = await swift.until_grant(party, "voided")

    assert (grant["amount"], grant["tranches"]) == (LARGE_AMOUNT, [])
    assert swift.pool() == before
    (voided,) = swift.audit(party, "grant:voided")
    assert (voided["reason"], voided["after"]["amount"]) == ("not confirmed in time", LARGE_AMOUNT)
    await swift.until_ended(f"grant/{grant['grant_id']}")
    with pytest.raises(Refused, match="is `voided`"):
        await grants.confirm(swift.office, grant["grant_id"], who=Asker("jun"))
