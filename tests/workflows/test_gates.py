"""Tranches wait for good standing: frozen while the facts are bad, released when they mend, given back in the end."""

from __future__ import annotations

import pytest

from tests.workflows.desk import Desk
from tests.workflows.given import FAST_BRAND, ON_WATCH

pytestmark = pytest.mark.server
calm_group = pytest.mark.xdist_group("workflows-people")
timers_group = pytest.mark.xdist_group("workflows-timers")


@calm_group
async def test_bad_facts_freeze_a_tranche_and_better_ones_release_it(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **ON_WATCH})
    await calm.until_tranches(party, "released", "frozen", "planned")
    (frozen,) = calm.audit(party, "tranche:frozen")
    assert frozen["reason"] == "maintenance: watch"
    assert calm.decisions(party, "maintenance")[-1]["outcome"] == "watch"

    await calm.set_facts(party, {"experience_score": "58.0"})  # looked at at once, and still in the limit
    await calm.set_facts(party, {"experience_score": "88.0"})
    await calm.until_tranches(party, "released", "released", "planned")
    released = calm.audit(party, "tranche:released")[-1]
    assert (released["after"]["tranche_no"], released["reason"]) == (2, "maintenance: keep")


@calm_group
async def test_a_tranche_that_needs_nothing_is_not_held_back(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **ON_WATCH})
    await calm.until_tranches(party, "released", "frozen", "planned")
    first = calm.audit(party, "tranche:released")[0]
    assert (first["after"]["tranche_no"], first["reason"], first["decision_id"]) == (1, "needs nothing", None)


@timers_group
async def test_what_is_never_mended_goes_back_to_the_pool(swift: Desk) -> None:
    before = swift.pool()
    party = await swift.apply({**FAST_BRAND, **ON_WATCH})
    await swift.until_grant(party, "closed")

    assert swift.tranches(party) == ["expired", "voided", "voided"]
    assert swift.pool() == before
    assert [event["after"]["no"] for event in swift.audit(party, "tranche:frozen")] == [2, 3]
    assert [event["after"]["tranche_no"] for event in swift.audit(party, "tranche:voided")] == [2, 3]


@timers_group
async def test_a_frozen_tranche_is_looked_at_again_by_itself(swift: Desk) -> None:
    """Nobody tells the grant of the better facts: they are recorded past the service, as an import would."""
    party = await swift.apply({**FAST_BRAND, **ON_WATCH})
    swift.record(party, {"experience_score": "88.0"})
    await swift.until_grant(party, "closed")
    assert swift.tranches(party) == ["expired", "expired", "expired"]


@timers_group
async def test_tranches_of_a_party_that_lost_its_standing_go_back(brief: Desk) -> None:
    party = await brief.apply(FAST_BRAND)
    await brief.until_stage(party, "expired")  # its endorsement's term is three seconds
    assert brief.tranches(party)[2] == "planned"
    assert brief.pool()["reserved"] > 0
