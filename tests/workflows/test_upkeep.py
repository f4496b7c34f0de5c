"""Standings over months: who is warned, watched, demoted, suspended, revoked, promoted, graduated, and comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fastbrand.domain.errors import FourEyes, Refused
from fastbrand.service import parties, standings
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-upkeep")]

BAD = {"experience_score": "55.0", "aesthetic_score": "100.0"}
GOOD = {"experience_score": "90.0"}
WARNING = {"experience_score": "70.0"}
COUNTERFEIT = {"counterfeit_confirmed_90d": "1"}


def _last_month(kept: Desk, party: str) -> str:
    return str(parties.show(kept.office, party)["upkeep"][-1]["period"])


def _planned(kept: Desk, party: str) -> list[str]:
    return kept.tranches(party)[1:]


async def test_a_month_in_limit_is_watched_and_a_good_one_clears(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    await kept.until_tranches(party, "released", "released", "planned")
    kept.record(party, BAD)
    seen = await kept.upkeep("2030-01")
    assert seen.outcomes["watch"] >= 1
    await kept.until_stage(party, "watch")
    assert kept.tranches(party) == ["released", "released", "frozen"]
    (frozen,) = kept.audit(party, "tranche:frozen")
    assert frozen["reason"] == "upkeep.watch"
    moved = kept.audit(party, "party:stage_changed")[-1]
    decision = next(each for each in kept.decisions(party, "maintenance") if each["id"] == moved["decision_id"])
    assert (decision["outcome"], decision["result"]["streaks"]["experience"]) == ("watch", 1)

    kept.record(party, GOOD)
    await kept.upkeep("2030-02")
    await kept.until_stage(party, "endorsed")
    assert kept.mark(party) == "active"
    assert parties.show(kept.office, party)["upkeep"][-1]["outcome"] == "keep"


async def test_streaks_demote_then_suspend_and_a_suspension_opens_a_case(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, **BAD})
    for period, stage in (("2030-01", "watch"), ("2030-02", "demoted"), ("2030-03", "suspended")):
        await kept.upkeep(period)
        await kept.until_stage(party, stage)
    assert kept.stages(party)[-4:] == ["endorsed", "watch", "demoted", "suspended"]
    assert kept.mark(party) == "suspended"
    assert set(_planned(kept, party)) <= {"voided", "released"}
    case = kept.case(party)
    assert (case["kind"], case["queue"], case["state"], case["four_eyes"]) == ("standing", "standing", "open", True)
    view = parties.show(kept.office, party)
    assert [each["streaks"]["experience"] for each in view["upkeep"]] == [1, 2, 3]
    assert view["suspended_until"] is not None


async def test_a_second_look_in_a_month_replaces_the_first(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, **BAD})
    await kept.upkeep("2030-01")
    await kept.until_stage(party, "watch")
    await kept.upkeep("2030-01")
    await kept.upkeep("2030-01")
    (month,) = parties.show(kept.office, party)["upkeep"]
    assert (month["outcome"], month["streaks"]["experience"]) == ("watch", 1)
    assert kept.stage(party) == "watch"


async def test_a_counterfeit_revokes_at_once_and_bars_for_the_cool_off(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    await kept.until_tranches(party, "released", "released", "planned")
    kept.record(party, COUNTERFEIT)
    await kept.upkeep("2030-01")
    await kept.until_stage(party, "revoked")
    assert kept.mark(party) == "ended"
    assert kept.tranches(party)[2] == "voided"
    moved = kept.audit(party, "party:stage_changed")[-1]
    assert (moved["after"]["event"], moved["reason"]) == ("revoke", "counterfeit")
    assert await kept.until_ended(f"party/{party}/endorsement/1") == "revoke"
    with pytest.raises(Refused, match="may not apply before"):
        await kept.apply(FAST_BRAND, party=party)
    assert kept.audit(party, "command:refused")


async def test_a_revocation_claws_back_by_its_cause(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    await kept.until_tranches(party, "released", "released", "planned")
    before = kept.pool()
    kept.record(party, COUNTERFEIT)
    await kept.upkeep("2030-01")
    await kept.until_stage(party, "revoked")
    released = sum(each["amount"] for each in kept.grant(party)["tranches"] if each["no"] < 3)
    after = kept.pool()
    # nothing was spent: all of what was released comes back, and so does what was not
    assert after["clawed_back"] - before["clawed_back"] == released
    assert after["available"] - before["available"] == kept.grant(party)["amount"]
    assert kept.audit(party, "tranche:clawed_back")


async def test_a_brand_is_terminated_where_a_fast_brand_is_revoked(kept: Desk) -> None:
    party = await kept.apply(BRAND, track="S", with_endorsement=True)
    kept.record(party, COUNTERFEIT)
    await kept.upkeep("2030-01")
    await kept.until_stage(party, "terminated")
    assert kept.mark(party) == "ended"


async def test_half_a_year_without_a_warning_makes_a_benchmark(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, "gmv_30d": "12000000", "gmv_90d": "36000000"})
    for month in range(1, 6):
        await kept.upkeep(f"2030-{month:02}")
    assert kept.stage(party) == "endorsed"
    assert [each["clear_months"] for each in parties.show(kept.office, party)["upkeep"]] == [1, 2, 3, 4, 5]
    await kept.upkeep("2030-06")
    await kept.until_stage(party, "benchmark")


async def test_a_fast_brand_that_everybody_knows_graduates_into_a_brand_application(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, **{name: BRAND[name] for name in BRAND if name not in FAST_BRAND}})
    kept.record(party, {"mass_awareness": "74%", "sales_all_channels_365d": "2600000000"})
    await kept.upkeep("2030-01")
    await until(lambda: kept.stages(party)[-1] in {"active", "vetting", "rejected"}, "decided as a brand")
    stages = kept.stages(party)
    assert stages[stages.index("graduated") :][:3] == ["graduated", "applied", "screening"]
    assert parties.show(kept.office, party)["kind"] == "S"


async def test_a_warning_warns_and_moves_nobody(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    kept.record(party, WARNING)
    await kept.upkeep("2030-01")
    await until(lambda: kept.audit(party, "party:alerted"), "alerted")
    await kept.upkeep("2030-02")
    assert kept.stage(party) == "endorsed"
    (alerted,) = kept.audit(party, "party:alerted")
    assert alerted["after"]["bands"] == ["experience"]
    assert parties.show(kept.office, party)["upkeep_outcome"] == "alert"


async def test_an_accepted_plan_gives_immunity_against_streaks_but_not_against_a_counterfeit(kept: Desk) -> None:
    party = await kept.apply({**FAST_BRAND, **BAD})
    await kept.upkeep("2030-01")
    await kept.until_stage(party, "watch")
    now = kept.office.now()
    with pytest.raises(Refused, match="due within"):
        await standings.propose_plan(
            kept.office, party_id=party, measures="mend", due=now.isoformat(), who=Asker("mei")
        )
    due = (now + timedelta(minutes=50)).isoformat()
    await standings.propose_plan(kept.office, party_id=party, measures="a second courier", due=due, who=Asker("lan"))
    with pytest.raises(FourEyes):
        await standings.settle_plan(kept.office, party_id=party, accept=True, who=Asker("lan"))
    await standings.settle_plan(kept.office, party_id=party, accept=True, who=Asker("qiang"))
    for period in ("2030-02", "2030-03"):
        await kept.upkeep(period)
        await until(lambda: _last_month(kept, party) == period, f"seen {period}")  # noqa: B023  (called here)
    assert kept.stage(party) == "watch"
    assert parties.show(kept.office, party)["plans"][0]["state"] == "accepted"
    kept.record(party, COUNTERFEIT)
    await kept.upkeep("2030-04")
    await kept.until_stage(party, "revoked")


async def test_a_suspension_that_nobody_lifts_ends_the_standing(fleeting: Desk) -> None:
    party = await fleeting.apply({**BRAND, **BAD}, track="S")
    for period, stage in (("2030-01", "watch"), ("2030-02", "watch"), ("2030-03", "suspended")):
        await fleeting.upkeep(period)
        await fleeting.until_stage(party, stage)
    await fleeting.until_stage(party, "terminated")
    moved = fleeting.audit(party, "party:stage_changed")[-1]
    assert (moved["actor"]["kind"], moved["reason"]) == ("system", "suspension")
    assert fleeting.case(party)["state"] == "closed"


async def test_whoever_is_still_eligible_is_renewed_and_others_are_not(fleeting: Desk) -> None:
    party, slipped = await fleeting.apply(FAST_BRAND), await fleeting.apply(FAST_BRAND)
    fleeting.record(slipped, {"owns_brand": "false"})
    await fleeting.until_stage(slipped, "expired")
    await until(lambda: fleeting.audit(party, "endorsement:renewed"), "renewed")
    renewed = fleeting.audit(party, "endorsement:renewed")[0]
    assert renewed["after"]["valid_until"] > renewed["before"]["valid_until"]
    assert (fleeting.stage(party), fleeting.mark(party)) == ("endorsed", "active")


async def test_the_survey_is_written_down_and_says_the_same_twice(kept: Desk) -> None:
    await kept.apply(FAST_BRAND)
    first, second = await kept.upkeep("2031-01"), await kept.upkeep("2031-01")
    assert first.outcomes == second.outcomes
    surveyed = [event for event in kept.all_audit() if event["verb"] == "upkeep:surveyed"][-2:]
    assert surveyed[0]["after"]["digest"] == surveyed[1]["after"]["digest"]
    assert sum(surveyed[1]["after"]["outcomes"].values()) == sum(second.outcomes.values())
