"""From application to a closed grant, with nobody in between."""

from __future__ import annotations

from datetime import datetime

import pytest

from fastbrand.service import parties, replaying
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import AMOUNT, BRAND, FAST_BRAND, WHITE_LABEL

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-timers")]


def _verbs(desk: Desk, party: str) -> list[str]:
    return [event["verb"] for event in desk.audit(party)]


async def test_a_fast_brand_is_endorsed_and_its_grant_runs_to_its_end(swift: Desk) -> None:
    before = swift.pool()
    party = await swift.apply(FAST_BRAND)
    assert swift.stage(party) == "endorsed"
    assert swift.mark(party) == "active"
    await swift.until_grant(party, "closed")

    assert swift.stages(party) == ["none", "applied", "screening", "endorsement_proposed", "endorsed"]
    grant = swift.grant(party)
    assert grant["amount"] == AMOUNT
    assert [each["amount"] for each in grant["tranches"]] == [186_600, 248_800, 186_600]
    assert swift.tranches(party) == ["expired", "expired", "expired"]
    assert swift.pool() == before
    assert swift.cases(party) == []


async def test_tranches_come_one_after_another_each_after_its_delay(swift: Desk) -> None:
    party = await swift.apply(FAST_BRAND)
    await swift.until_grant(party, "closed")

    told = [event for event in swift.audit(party) if event["verb"] in {"tranche:released", "tranche:expired"}]
    released = [event["after"]["tranche_no"] for event in told if event["verb"] == "tranche:released"]
    assert released == [1, 2, 3]
    due = [datetime.fromisoformat(each["due_at"]) for each in swift.grant(party)["tranches"]]
    at = [datetime.fromisoformat(event["at"]) for event in told if event["verb"] == "tranche:released"]
    assert all(when.replace(microsecond=999_999) >= plan for when, plan in zip(at, due, strict=True))
    # the second and third were asked about, the first needs nothing
    assert [event["decision_id"] is not None for event in told if event["verb"] == "tranche:released"] == [
        False,
        True,
        True,
    ]


async def test_every_step_is_in_the_audit_with_its_grounds(swift: Desk) -> None:
    party = await swift.apply(FAST_BRAND, who=Asker("bo", reason="met at the fair"))
    await swift.until_grant(party, "closed")

    events = swift.audit(party)
    first = ["party:registered", "facts:recorded"]
    assert [event["verb"] for event in events[:2]] == first
    human = {event["verb"]: event for event in events if event["actor"]["kind"] == "human"}
    assert set(human) == {*first, "party:stage_changed"}
    assert human["party:stage_changed"]["actor"] == {"kind": "human", "id": "bo", "role": "staff"}
    assert human["party:stage_changed"]["reason"] == "met at the fair"
    assert human["party:stage_changed"]["after"]["stage"] == "applied"
    system = {event["actor"]["id"] for event in events if event["actor"]["kind"] != "human"}
    assert system == {"system:programme"}
    endorsed = events[_verbs(swift, party).index("endorsement:issued")]
    assert endorsed["rulebook_sha256"] is not None
    assert endorsed["decision_id"] is not None
    assert endorsed["workflow_id"] == swift.lifecycle(party)
    assert events[-1]["verb"] == "grant:closed"


async def test_every_decision_on_the_way_replays_to_the_same_bytes(swift: Desk) -> None:
    party = await swift.apply(FAST_BRAND)
    await swift.until_grant(party, "closed")

    made = swift.decisions(party)
    kinds = sorted(each["kind"] for each in made)
    assert kinds == ["eligibility", "incentive", *["maintenance"] * 2, "matching", *["routing"] * 3]
    for each in made:
        assert replaying.replay(swift.office, each["id"], every=False) == {
            "decisions": 1,
            "identical": 1,
            "changed": [],
        }


async def test_an_invited_brand_becomes_active_and_is_paid_from_the_brand_pool(swift: Desk) -> None:
    fast_brands, brands = swift.pool("fast-brand"), swift.pool("brand")
    party = swift.new_party()
    invited = await parties.invite(swift.office, party_id=party, who=Asker("mei"))
    assert (invited["stage"], swift.stage(party)) == ("invited", "invited")
    await swift.apply(BRAND, party=party, track="S")
    await swift.until_grant(party, "closed")

    assert swift.stages(party) == ["none", "invited", "applied", "screening", "approval_proposed", "approved", "active"]
    assert swift.mark(party) == ""
    assert (swift.grant(party)["pool"], swift.grant(party)["amount"]) == ("brand", AMOUNT)
    assert (swift.pool("fast-brand"), swift.pool("brand")) == (fast_brands, brands)


async def test_a_brand_that_asks_for_it_carries_the_endorsement(swift: Desk) -> None:
    party = await swift.apply(BRAND, track="S", with_endorsement=True)
    await swift.until_grant(party, "closed")

    assert swift.stage(party) == "active"
    assert swift.mark(party) == "active"


async def test_who_is_known_to_everybody_is_no_fast_brand_and_never_touches_their_pool(swift: Desk) -> None:
    before = swift.pool()
    party = await swift.apply({**FAST_BRAND, "mass_awareness": "74%"})
    await swift.until_ended(swift.lifecycle(party))

    assert swift.stages(party) == ["none", "applied", "screening", "rejected"]
    track, eligibility = (
        next(each for each in swift.decisions(party) if each["rulebook"] == name)
        for name in ("track-routing", "fast-brand")
    )
    assert track["outcome"] == "S"
    assert eligibility["outcome"] == "ineligible"
    assert [each["criterion"] for each in eligibility["reasons"]] == ["ladder.not_yet_a_brand"]
    assert swift.grant(party) == {}
    assert swift.pool() == before


async def test_a_white_label_seller_is_refused_and_comes_back_with_a_brand(swift: Desk) -> None:
    party = await swift.apply({**FAST_BRAND, **WHITE_LABEL})
    assert swift.stage(party) == "rejected"
    reasons = swift.decisions(party, "eligibility")[0]["reasons"]
    assert [each["criterion"] for each in reasons] == ["ladder.own_brand"]
    await swift.until_ended(swift.lifecycle(party))  # the time to appeal is over: the next application starts a new run

    await swift.set_facts(party, {"owns_brand": "true"})
    assert swift.stage(party) == "rejected"  # a fact alone decides nothing again
    await swift.apply({}, party=party)
    assert swift.stages(party)[3:] == ["rejected", "applied", "screening", "endorsement_proposed", "endorsed"]
    await swift.until_grant(party, "closed")
