"""Taking an application back, in every stage in which that is possible."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from fastbrand.domain.errors import IllegalTransition, NotFound
from fastbrand.service import cases, parties
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import BRAND, FAST_BRAND, UNREMARKABLE, without

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]


async def _invited(desk: Desk) -> str:
    party = desk.new_party()
    await parties.invite(desk.office, party_id=party, who=Asker("mei"))
    return party


async def _in_vetting(desk: Desk) -> str:
    return await desk.apply({**FAST_BRAND, **UNREMARKABLE})


async def _claimed(desk: Desk) -> str:
    party = await _in_vetting(desk)
    await cases.claim(desk.office, party, who=Asker("lan"))
    return party


async def _asked(desk: Desk) -> str:
    party = await desk.apply(without(FAST_BRAND, "sourcing"))
    await cases.request_info(desk.office, party, [], who=Asker("lan"))
    return party


async def _proposed(desk: Desk) -> str:
    party = await _in_vetting(desk)
    await desk.propose(party)
    return party


async def _rejection_proposed(desk: Desk) -> str:
    party = await _in_vetting(desk)
    await desk.propose(party, "reject")
    return party


async def _brand_proposed(desk: Desk) -> str:
    party = await desk.apply(without(BRAND, "documents"), track="S")
    await desk.propose(party)
    return party


OPEN: dict[str, Callable[[Desk], Awaitable[str]]] = {
    "invited": _invited,
    "vetting": _in_vetting,
    "vetting, claimed": _claimed,
    "info_requested": _asked,
    "endorsement_proposed": _proposed,
    "vetting, rejection proposed": _rejection_proposed,
    "approval_proposed": _brand_proposed,
}


@pytest.mark.parametrize("stage", OPEN)
async def test_withdrawing_closes_what_is_open(calm: Desk, stage: str) -> None:
    party = await OPEN[stage](calm)
    assert calm.stage(party) == stage.partition(",")[0]
    done = await parties.withdraw(calm.office, party_id=party, who=Asker("bo", reason="sold the company"))

    assert (done["stage"], calm.stage(party)) == ("withdrawn", "withdrawn")
    last = calm.audit(party, "party:stage_changed")[-1]
    assert (last["actor"]["id"], last["reason"]) == ("bo", "sold the company")
    for case in calm.cases(party):
        assert (case["state"], case["outcome"], case["close_reason"]) == ("closed", "withdrawn", "sold the company")
        assert (await calm.until_ended(case["case_id"]))["state"] == "closed"
    assert calm.grant(party) == {}
    await calm.until_ended(calm.lifecycle(party))


async def test_who_withdrew_may_come_back_and_gets_a_case_of_its_own(calm: Desk) -> None:
    party = await _proposed(calm)
    await parties.withdraw(calm.office, party_id=party, who=Asker("mei"))
    await calm.apply({}, party=party)

    assert calm.stage(party) == "vetting"
    assert [case["state"] for case in calm.cases(party)] == ["closed", "open"]
    await calm.set_facts(party, {"content_score": "90.0"})
    assert calm.stages(party)[4:] == [
        "endorsement_proposed",
        "withdrawn",
        "applied",
        "screening",
        "vetting",
        "endorsement_proposed",
        "endorsed",
    ]


async def test_what_is_decided_cannot_be_withdrawn(calm: Desk) -> None:
    party = await calm.apply(FAST_BRAND)
    with pytest.raises(IllegalTransition, match="`withdraw` is not possible in stage `endorsed`"):
        await parties.withdraw(calm.office, party_id=party, who=Asker("mei"))
    assert calm.stage(party) == "endorsed"


async def test_a_withdrawn_application_cannot_be_withdrawn_again(calm: Desk) -> None:
    party = await _in_vetting(calm)
    await parties.withdraw(calm.office, party_id=party, who=Asker("mei"))
    await calm.until_ended(calm.lifecycle(party))
    with pytest.raises(IllegalTransition, match="`withdraw` is not possible in stage `withdrawn`"):
        await parties.withdraw(calm.office, party_id=party, who=Asker("mei"))
    await calm.until_ended(calm.lifecycle(party))  # the refusal leaves no workflow behind


async def test_nobody_can_withdraw_a_party_that_is_not_known(calm: Desk) -> None:
    with pytest.raises(NotFound, match="party `calm-nobody` is not known"):
        await parties.withdraw(calm.office, party_id="calm-nobody", who=Asker("mei"))
