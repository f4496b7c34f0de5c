"""The bonus is continuous: each period's grants for everybody in standing, on that period's facts, once."""

from __future__ import annotations

import pytest

from fastbrand.service import grants
from tests.workflows.desk import Desk, until
from tests.workflows.given import AMOUNT, BRAND, FAST_BRAND

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
    before = kept.pool()["reserved"]
    kept.record(party, {"mass_awareness": "74%", "sales_all_channels_365d": "2600000000"})
    await kept.bonus("2032-05")
    await until(lambda: _grant(kept, party, "2032-05"), "decided")
    grant = _grant(kept, party, "2032-05")
    assert grant["state"] == "none"
    track = kept.decisions(party, "routing")[-1]
    assert (track["outcome"], grant["decision_id"]) == ("S", track["id"])
    assert kept.pool()["reserved"] >= before


async def test_who_is_on_watch_or_worse_gets_no_grant(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, "experience_score": "55.0", "aesthetic_score": "100.0"})
    await kept.upkeep("2032-01")
    await kept.until_stage(party, "watch")
    await kept.bonus("2032-06")
    assert _grant(kept, party, "2032-06") == {}
