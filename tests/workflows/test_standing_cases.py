"""Cases about a standing: kept, given back, or ended; and what ends them by itself."""

from __future__ import annotations

from contextlib import suppress

import pytest

from fastbrand.domain.errors import FourEyes, Refused
from fastbrand.domain.lifecycle import Stage
from fastbrand.service import cases, parties, standings
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND, Facts

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-appeals")]

IN_LIMIT = {"experience_score": "55.0"}


async def _suspended(desk: Desk, given: Facts, track: str = "M") -> str:
    party = await desk.apply(given, track=track, with_endorsement=track == "S")
    await desk.until_tranches(party, "released", "released", "planned")
    desk.record(party, IN_LIMIT)
    await desk.assess(party)
    await desk.until_stage(party, "suspended")
    return party


async def _reviewed(desk: Desk, given: Facts, track: str = "M") -> str:
    party = await desk.apply(given, track=track, with_endorsement=track == "S")
    await standings.review(desk.office, party_id=party, who=Asker("mei", reason="complaints"))
    return party


@pytest.mark.parametrize(("given", "track", "stage"), [(FAST_BRAND, "M", "endorsed"), (BRAND, "S", "active")])
async def test_a_suspension_that_people_lift(judged: Desk, given: Facts, track: str, stage: str) -> None:
    party = await _suspended(judged, given, track)
    case = judged.case(party)
    assert judged.mark(party) == "suspended"
    made = await judged.propose(party, "approve")
    assert (made["state"], made["stage"]) == ("proposed", "suspended")
    with pytest.raises(FourEyes):
        await cases.confirm(judged.office, party, who=Asker("lan"))
    done = await cases.confirm(judged.office, party, who=Asker("qiang"))

    assert (done["state"], done["stage"]) == ("closed", stage)
    assert (judged.mark(party), judged.stages(party)[-2:]) == ("active", ["suspended", stage])
    assert parties.known(judged.office, party).suspended_until is None
    moved = judged.audit(party, "party:stage_changed")[-1]
    assert (moved["after"]["event"], moved["reason"], moved["actor"]["id"]) == ("reinstate", "judgement", "qiang")
    assert (await judged.until_ended(case["case_id"]))["state"] == "closed"
    # its lifecycle has heard of it: it takes what a party in standing takes, and no suspension runs out
    await standings.review(judged.office, party_id=party, who=Asker("mei", reason="once more"))


@pytest.mark.parametrize(
    ("given", "track", "stage", "event"),
    [(FAST_BRAND, "M", "revoked", "revoke"), (BRAND, "S", "terminated", "terminate")],
)
async def test_a_review_that_ends_the_standing_takes_everything_with_it(
    judged: Desk, given: Facts, track: str, stage: str, event: str
) -> None:
    party = await _reviewed(judged, given, track)
    await judged.until_tranches(party, "released", "released", "planned")
    case = cases.show(judged.office, party)
    assert (case["kind"], case["asked"]) == ("standing", "complaints")
    await cases.propose(judged.office, party, outcome="reject", reason_code="counterfeit", who=Asker("lan"))
    done = await cases.confirm(judged.office, party, who=Asker("qiang"))

    assert (done["state"], done["stage"]) == ("closed", stage)
    assert judged.mark(party) == "ended"
    assert judged.tranches(party)[2] == "voided"
    moved = judged.audit(party, "party:stage_changed")[-1]
    assert (moved["after"]["event"], moved["reason"]) == (event, "counterfeit")
    (ended,) = judged.audit(party, "endorsement:ended")
    assert ended["reason"] == "counterfeit"
    assert await judged.until_ended(f"party/{party}/endorsement/1") == event
    assert (judged.case(party)["outcome"], judged.case(party)["close_reason"]) == ("reject", "counterfeit")
    now = parties.known(judged.office, party)
    assert now.appeal_until is not None
    assert now.barred_until is not None


async def test_a_standing_that_is_taken_for_good_never_comes_back(judged: Desk) -> None:
    party = await _reviewed(judged, FAST_BRAND)
    await cases.propose(judged.office, party, outcome="reject", reason_code="counterfeit", final=True, who=Asker("lan"))
    await cases.confirm(judged.office, party, who=Asker("qiang"))
    with pytest.raises(Refused, match="is final: it may not apply again"):
        await judged.apply(FAST_BRAND, party=party)


async def test_a_review_that_finds_nothing_leaves_the_party_where_it_is(judged: Desk) -> None:
    party = await _reviewed(judged, FAST_BRAND)
    revision = parties.known(judged.office, party).revision
    with pytest.raises(Refused, match="has an open case already"):
        await standings.review(judged.office, party_id=party, who=Asker("mei", reason="once more"))
    done = await judged.decide(party, "approve")
    assert (done["state"], done["stage"]) == ("closed", "endorsed")
    assert parties.known(judged.office, party).revision == revision
    await standings.review(judged.office, party_id=party, who=Asker("mei", reason="once more"))
    assert judged.case(party)["state"] == "open"


async def test_a_party_on_watch_is_cleared_by_people(kept: Desk) -> None:
    party = await kept.apply(FAST_BRAND)
    await kept.until_tranches(party, "released", "released", "planned")
    kept.record(party, IN_LIMIT)
    await kept.assess(party)
    await kept.until_stage(party, "watch")
    assert kept.tranches(party)[2] == "frozen"
    await standings.review(kept.office, party_id=party, who=Asker("mei", reason="it was a strike"))
    assert (await kept.decide(party, "approve"))["stage"] == "endorsed"
    assert kept.audit(party, "party:stage_changed")[-1]["after"]["event"] == "clear"


async def test_a_standing_that_upkeep_ends_closes_the_case_about_it(kept: Desk) -> None:
    party = await _reviewed(kept, FAST_BRAND)
    case = kept.case(party)
    kept.record(party, {"counterfeit_confirmed_90d": "1"})
    await kept.assess(party)
    await kept.until_stage(party, "revoked")
    assert (await kept.until_ended(case["case_id"]))["state"] == "closed"
    with pytest.raises(Refused, match="is closed"):
        await kept.propose(case["case_id"], "approve")


async def test_a_term_that_ends_closes_the_case_about_the_standing(fleeting: Desk) -> None:
    party = await fleeting.apply({**FAST_BRAND, "owns_brand": "true"})
    fleeting.record(party, {"owns_brand": "false"})  # so that nothing is renewed
    await standings.review(fleeting.office, party_id=party, who=Asker("mei", reason="complaints"))
    case = fleeting.case(party)["case_id"]
    await fleeting.until_stage(party, "expired")
    assert (fleeting.case(party)["state"], fleeting.case(party)["outcome"]) == ("closed", "expired")
    assert (await fleeting.until_ended(case))["state"] == "closed"


async def test_a_suspension_runs_out_only_where_it_still_is_one(hasty: Desk) -> None:
    """People lift it at the last moment; the lifecycle, which has not heard of it yet, must not end the standing."""
    from activities.payloads import By, StandingStep
    from activities.standing import StandingActivities

    for _ in range(10):  # seconds are short for two people where the machine is busy: then another party
        party = await hasty.apply(FAST_BRAND)
        hasty.record(party, IN_LIMIT)
        await hasty.assess(party)
        await until(lambda: hasty.stage(party) in {"suspended", "revoked"}, f"`{party}` suspended")  # noqa: B023
        seen = parties.known(hasty.office, party)
        with suppress(Refused):
            assert (await hasty.decide(party, "approve"))["stage"] == "endorsed"
            break
    else:
        pytest.fail("no suspension was lifted in time")
    late = StandingStep(
        party_id=party,
        event="revoke",
        at=hasty.office.now(),
        by=By(
            kind="system",
            actor="system:programme",
            role="system",
            command_id=f"{party}/late",
            expected_revision=seen.revision,
        ),
        cause="suspension",
    )
    moved = StandingActivities(hasty.office.db, hasty.office.engine()).move(late)
    assert (moved.event, moved.party.stage) == ("", Stage.ENDORSED)
    await until(lambda: seen.suspended_until is not None and hasty.office.now() > seen.suspended_until, "it is over")
    assert hasty.stage(party) == "endorsed"
