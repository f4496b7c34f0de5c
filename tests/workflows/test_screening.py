"""What is unknown goes to a person, and what arrives later rescreens by itself."""

from __future__ import annotations

import pytest

from tests.workflows.desk import Desk
from tests.workflows.given import AMOUNT, FAST_BRAND, UNREMARKABLE, WHITE_LABEL, without

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]


async def test_unknown_is_never_a_refusal_but_a_case_that_names_what_is_missing(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "owns_brand", "counterfeit_confirmed_90d"))

    case = calm.case(party)
    assert calm.stages(party) == ["none", "applied", "screening", "vetting"]
    assert (case["queue"], case["role"], case["state"], case["four_eyes"]) == ("documents", "reviewer", "open", False)
    assert case["unknown"] == [
        {"criterion": "ladder.own_brand", "facts": ["owns_brand"]},
        {"criterion": "trust.counterfeit", "facts": ["counterfeit_confirmed_90d"]},
    ]
    assert case["due_at"] is not None
    assert calm.grant(party) == {}


async def test_the_missing_fact_arrives_and_the_party_is_endorsed_without_anybody(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "owns_brand"))
    case_id = calm.case(party)["case_id"]
    done = await calm.set_facts(party, {"owns_brand": "true"})

    assert (done["stage"], done["screening"]) == ("endorsed", "eligible")
    assert calm.stages(party)[3:] == ["vetting", "endorsement_proposed", "endorsed"]
    assert (calm.case(party)["state"], calm.case(party)["outcome"]) == ("closed", "approve")
    assert (await calm.until_ended(case_id))["state"] == "closed"
    await calm.until_tranches(party, "released", "released", "planned")
    assert calm.grant(party)["amount"] == AMOUNT


async def test_part_of_what_is_missing_leaves_the_case_open_with_the_rest(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "owns_brand", "sourcing"))
    due_at = calm.case(party)["due_at"]
    done = await calm.set_facts(party, {"owns_brand": "true"})

    case = calm.case(party)
    assert (done["stage"], case["state"]) == ("vetting", "open")
    assert case["unknown"] == [{"criterion": "commitment.own_supply_chain", "facts": ["sourcing"]}]
    assert case["due_at"] == due_at  # newer facts buy no time
    assert len(calm.audit(party, "case:opened")) == 1
    assert len(calm.audit(party, "case:rescreened")) == 1


async def test_a_fact_that_fails_for_good_closes_the_case_with_a_refusal(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "owns_brand"))
    case_id = calm.case(party)["case_id"]
    done = await calm.set_facts(party, WHITE_LABEL)

    assert (done["stage"], done["screening"]) == ("rejected", "ineligible")
    assert (calm.case(party)["state"], calm.case(party)["outcome"]) == ("closed", "reject")
    assert (await calm.until_ended(case_id))["state"] == "closed"
    assert calm.grant(party) == {}


async def test_a_mended_fact_moves_the_case_to_the_other_queue(calm: Desk) -> None:
    party = await calm.apply({**without(FAST_BRAND, "owns_brand"), **UNREMARKABLE})
    assert calm.case(party)["queue"] == "documents"
    await calm.set_facts(party, {"owns_brand": "true"})

    assert (calm.case(party)["queue"], calm.case(party)["four_eyes"]) == ("vetting", True)
    await calm.set_facts(party, {"content_score": "88.0"})
    assert calm.stage(party) == "endorsed"


async def test_facts_of_a_party_in_standing_change_nothing_about_its_stage(calm: Desk) -> None:
    party = await calm.apply(FAST_BRAND)
    done = await calm.set_facts(party, WHITE_LABEL)

    assert done["stage"] == "endorsed"
    assert len(calm.decisions(party, "eligibility")) == 1
