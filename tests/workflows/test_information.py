"""Requests for information: asked, answered, asked too often, never answered."""

from __future__ import annotations

import pytest

from fastbrand.domain.errors import InputError, Refused
from fastbrand.service import cases
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, without

pytestmark = pytest.mark.server
calm_group = pytest.mark.xdist_group("workflows-people")
brief_group = pytest.mark.xdist_group("workflows-timers")

LAN = Asker("lan")


@calm_group
async def test_the_answer_brings_the_missing_fact_and_the_party_is_endorsed(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    asked = await cases.request_info(calm.office, party, [], who=LAN)

    assert (asked["state"], asked["stage"], asked["assignee"]) == ("info_requested", "info_requested", "lan")
    assert calm.audit(party, "case:info_requested")[0]["after"]["items"] == ["sourcing"]
    answered = await cases.answer(calm.office, party, ["sourcing=own_factory"], facts_file=None, who=Asker("mei"))
    assert (answered["state"], answered["stage"]) == ("closed", "endorsed")
    assert calm.stages(party)[4:] == ["info_requested", "vetting", "endorsement_proposed", "endorsed"]


@calm_group
async def test_an_answer_that_mends_nothing_gives_the_case_back_to_who_asked(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    await cases.request_info(calm.office, party, ["sourcing"], who=LAN)
    answered = await cases.answer(calm.office, party, ["brand_team_size=30"], facts_file=None, who=Asker("mei"))

    assert (answered["state"], answered["stage"]) == ("claimed", "vetting")
    assert calm.case(party)["assignee"] == "lan"
    assert calm.case(party)["unknown"] == [{"criterion": "commitment.own_supply_chain", "facts": ["sourcing"]}]


@calm_group
async def test_facts_that_come_without_an_answer_settle_the_request_too(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    await cases.request_info(calm.office, party, [], who=LAN)
    done = await calm.set_facts(party, {"sourcing": "own_factory"})

    assert done["stage"] == "endorsed"
    assert calm.stages(party)[4:] == ["info_requested", "endorsement_proposed", "endorsed"]


@calm_group
async def test_there_are_only_so_many_rounds(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    for _ in range(2):
        await cases.request_info(calm.office, party, ["content_score"], who=LAN)
        await cases.answer(calm.office, party, [], facts_file=None, who=Asker("mei"))
    with pytest.raises(Refused, match="this case had its 2 rounds of questions") as refused:
        await cases.request_info(calm.office, party, ["content_score"], who=LAN)

    assert "case propose" in refused.value.hint
    assert calm.stage(party) == "vetting"
    assert len(calm.audit(party, "command:refused")) == 1


@calm_group
async def test_only_a_request_can_be_answered_and_a_refused_answer_leaves_no_facts(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    before = calm.audit(party)
    with pytest.raises(Refused, match="`answer` is not possible while the case is `open`"):
        await cases.answer(calm.office, party, ["sourcing=own_factory"], facts_file=None, who=Asker("mei"))

    assert [event["verb"] for event in calm.audit(party)[len(before) :]] == ["command:refused"]
    assert "sourcing" not in calm.known(party)


@calm_group
async def test_nobody_is_asked_for_a_fact_there_is_not(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    with pytest.raises(InputError, match="`sourcin` is not a fact") as refused:
        await cases.request_info(calm.office, party, ["sourcin"], who=LAN)
    assert refused.value.hint == "did you mean `sourcing`?"


@brief_group
async def test_who_does_not_answer_in_time_is_out_and_may_apply_again(brief: Desk) -> None:
    party = await brief.apply(without(FAST_BRAND, "sourcing"))
    case_id = brief.case(party)["case_id"]
    await cases.request_info(brief.office, party, [], who=LAN)
    await brief.until_stage(party, "expired")

    assert (await brief.until_ended(case_id))["state"] == "closed"
    assert brief.case(party)["outcome"] == "expired"
    expired = brief.audit(party, "party:stage_changed")[-1]
    assert (expired["actor"]["kind"], expired["reason"]) == ("system", "no answer in time")
    with pytest.raises(Refused, match="is closed"):
        await cases.answer(brief.office, party, ["sourcing=own_factory"], facts_file=None, who=Asker("mei"))

    await brief.until_ended(brief.lifecycle(party))
    await brief.apply({"sourcing": "own_factory"}, party=party)
    await until(lambda: "endorsed" in brief.stages(party), "endorsed at the second try")
