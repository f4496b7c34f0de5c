"""The bonus is continuous: each period's grants for everybody in standing, on that period's facts, once."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowHandle

import rules.columnar.surveying
from activities.bonus import BonusActivities
from activities.payloads import GrantRequest
from activities.run_payloads import PageRequest
from activities.surveys import SurveyActivities
from fastbrand.domain import names
from fastbrand.domain.lifecycle import Track
from fastbrand.service import grants
from tests.workflows.desk import Desk, until
from tests.workflows.given import AMOUNT, BRAND, FAST_BRAND
from workflows.messages import BonusInput, GrantView
from workflows.traffic_bonus import TrafficBonus

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-upkeep")]


def _grant(kept: Desk, party: str, period: str) -> dict[str, object]:
    found = grants.list_grants(kept.office, party_id=party, state=None, limit=50)
    return next((each for each in found if each["period"] == period), {})


async def _until_granted(kept: Desk, party: str, period: str) -> dict[str, object]:
    await until(lambda: _grant(kept, party, period), f"`{party}` has a grant for {period}")
    return _grant(kept, party, period)


async def test_each_period_is_granted_on_its_own_facts(kept: Desk) -> None:
    fast, brand = await kept.apply(FAST_BRAND), await kept.apply(BRAND, track="S")
    first = await kept.bonus("2032-01")
    assert (await _until_granted(kept, fast, "2032-01"))["amount"] == AMOUNT
    assert (await _until_granted(kept, brand, "2032-01"))["pool"] == "brand"
    kept.record(fast, {"gmv_30d": "800000"})
    await kept.bonus("2032-02")
    assert (await _until_granted(kept, fast, "2032-02"))["amount"] == 2 * AMOUNT
    assert first.outcomes["grant"] >= 2


async def test_a_run_that_is_run_twice_grants_nothing_twice(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    await kept.bonus("2032-03")
    await _until_granted(kept, party, "2032-03")
    again = await kept.bonus("2032-03")
    assert again.changed == 0
    assert again.outcomes["decided before"] >= 1
    reserved = [each for each in kept.audit(party, "grant:reserved") if each["subject"]["id"] == f"{party}/2032-03"]
    assert len(reserved) == 1


async def test_who_gets_none_has_that_decided_with_its_reason(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    kept.record(party, {"severe_violations_365d": "1"})
    await kept.bonus("2032-04")
    grant = _grant(kept, party, "2032-04")
    assert (grant["state"], grant["amount"]) == ("none", 0)
    decision = kept.decisions(party, "incentive")[-1]
    assert (decision["outcome"], grant["decision_id"]) == ("no_grant", decision["id"])
    assert [each["criterion"] for each in decision["reasons"]] == ["no_severe_violation"]


async def test_a_brand_that_everybody_knows_cannot_touch_the_pool_of_fast_brands(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    kept.record(party, {"mass_awareness": "74%", "sales_all_channels_365d": "2600000000"})
    await kept.bonus("2032-05")
    await until(lambda: _grant(kept, party, "2032-05"), "decided")
    grant = _grant(kept, party, "2032-05")
    assert grant["state"] == "none"
    track = kept.decisions(party, "routing")[-1]
    assert (track["outcome"], grant["decision_id"]) == ("S", track["id"])
    said = [event["verb"] for event in kept.all_audit() if event["subject"]["id"] == grant["grant_id"]]
    assert said, "a grant that is refused is told"
    assert "grant:reserved" not in said
    told = kept.grant_of(str(grant["grant_id"]))
    assert told["tranches"] == []
    assert any(line.startswith("row 2 decides: Known by the general public") for line in told["steps"]), told["steps"]


async def test_who_is_on_watch_or_worse_gets_no_grant(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, "experience_score": "55.0", "aesthetic_score": "100.0"})
    await kept.upkeep("2032-01")
    await kept.until_stage(party, "watch")
    await kept.bonus("2032-06")
    assert _grant(kept, party, "2032-06") == {}


NO_GRANT = {"severe_violations_365d": "1"}


async def _carry(kept: Desk, party: str, period: str) -> WorkflowHandle[Any, GrantView]:
    """Start the grant's own workflow, as the party's lifecycle does."""
    grant = names.grant_id(party, period)
    return await kept.client.start_workflow(
        TrafficBonus.run,
        BonusInput(grant_id=grant, party_id=party, track=Track.M, period=period),
        id=names.grant_workflow_id(grant),
        task_queue=kept.settings.task_queue,
    )


async def test_where_the_engines_differ_nobody_loses_and_it_is_told(
    kept: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = await kept.apply(FAST_BRAND)
    monkeypatch.setattr(rules.columnar.surveying, "bonuses", lambda *given: [None] * len(given[2]))
    request = PageRequest(period="2032-07", at=kept.office.now(), after="", digest="")
    first, again = (SurveyActivities(kept.office.db, kept.office.engine()).bonuses(request) for _ in range(2))
    assert first == again, "a page whose worker died before it was heard is done again, and tells the same"
    assert _grant(kept, party, "2032-07") == {}, "what is reserved is reserved by the grant's own workflow"
    assert len(kept.audit(party, "engine:mismatch")) == 1

    await kept.bonus("2032-07")
    grant = await _until_granted(kept, party, "2032-07")
    assert grant["amount"] == AMOUNT
    grant_id = names.grant_id(party, "2032-07")
    await until(
        lambda: grant_id in {each["subject"]["id"] for each in kept.audit(party, "tranche:released")},
        "its own workflow carries it on",
    )


async def test_a_page_that_is_done_again_counts_whom_it_decided_as_its_own(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    kept.record(party, NO_GRANT)
    request = PageRequest(period="2032-08", at=kept.office.now(), after="", digest="")
    first, again = (SurveyActivities(kept.office.db, kept.office.engine()).bonuses(request) for _ in range(2))
    assert first == again
    assert first.outcomes["none"] >= 1
    assert len([each for each in kept.decisions(party, "incentive") if each["outcome"] == "no_grant"]) == 1


async def test_a_run_and_a_grants_own_workflow_may_be_at_it_at_once(kept: Desk) -> None:
    """A party comes into standing while the run is on its page: both decide, and whoever is first has decided."""
    party = await kept.apply(FAST_BRAND)
    bonus = BonusActivities(kept.office.db, kept.office.engine())

    def asked(period: str) -> GrantRequest:
        grant = names.grant_id(party, period)
        return GrantRequest(grant_id=grant, party_id=party, period=period, attempt=1, at=kept.office.now())

    await _carry(kept, party, "2032-09")
    granted = await _until_granted(kept, party, "2032-09")
    assert granted["amount"] == AMOUNT
    kept.record(party, NO_GRANT)
    assert not bonus.refused(asked("2032-09")), "there is one"
    assert _grant(kept, party, "2032-09")["amount"] == AMOUNT

    assert bonus.refused(asked("2032-10"))
    refused = _grant(kept, party, "2032-10")
    kept.record(party, {"severe_violations_365d": "0"})
    assert (await (await _carry(kept, party, "2032-10")).result()).state == "none"
    assert _grant(kept, party, "2032-10") == refused
