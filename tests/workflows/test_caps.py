"""Caps of a party's year and a category's month: they cut amounts, exactly, however many come at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from activities.granting import GrantDecider
from fastbrand.domain import names
from fastbrand.domain.lifecycle import Track
from fastbrand.service import grants
from tests.workflows.desk import PATIENCE_S, Desk, open_desk, until
from tests.workflows.given import AMOUNT, FAST_BRAND, Facts
from tests.workflows.variants import BONUS, CALM, DEMO, Edits, edited
from workflows.messages import BonusInput
from workflows.traffic_bonus import TrafficBonus

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-line")]

YEAR = 1_000_000
MONTH = 900_000

EDITS: Edits = {
    **CALM,
    BONUS: {
        **CALM[BONUS],
        "caps/party_per_year": YEAR,
        "caps/category_per_month": {"by": "category", "pet": MONTH, "books": 2 * AMOUNT, "default": 2_000_000_000},
    },
}


@pytest_asyncio.fixture(scope="module")
async def capped(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk with low caps."""
    folder = tmp_path_factory.mktemp("capped")
    async with open_desk("capped", address, folder / "state", edited(DEMO, folder / "book", EDITS)) as desk:
        yield desk


async def _grant_for(desk: Desk, party: str, period: str) -> dict[str, Any]:
    """Ask for the party's grant of another period, as the monthly run would; the grant once it is decided."""
    grant = names.grant_id(party, period)
    began = BonusInput(grant_id=grant, party_id=party, track=Track.M, period=period)
    await desk.client.start_workflow(
        TrafficBonus.run, began, id=names.grant_workflow_id(grant), task_queue=desk.settings.task_queue
    )
    await until(lambda: grant in [each["grant_id"] for each in _grants(desk, party)], f"grant {grant}")
    return grants.show(desk.office, grant)


def _grants(desk: Desk, party: str) -> list[dict[str, Any]]:
    return grants.list_grants(desk.office, party_id=party, state=None, limit=20)


async def _first_amount(desk: Desk, given: Facts) -> int:
    party = await desk.apply(given)
    await until(lambda: desk.grant(party), f"the grant of `{party}`")
    return int(desk.grant(party)["amount"])


async def test_a_party_gets_what_its_year_still_leaves_and_then_nothing(capped: Desk) -> None:
    party = await capped.apply(FAST_BRAND)
    await until(lambda: _grants(capped, party), "the first grant")
    (first,) = _grants(capped, party)
    year, month = first["period"].split("-")
    others = [f"{year}-{number:02d}" for number in range(1, 13) if f"{number:02d}" != month]
    assert first["amount"] == AMOUNT

    second = await _grant_for(capped, party, others[0])
    assert second["amount"] == YEAR - AMOUNT
    assert any("party_per_year" in line for line in second["steps"])
    incentive = [each for each in capped.decisions(party, "incentive") if each["id"] == second["decision_id"]]
    assert incentive[0]["outcome"] == "grant"
    third = await _grant_for(capped, party, others[1])
    assert (third["state"], third["amount"], third["tranches"]) == ("none", 0, [])
    (decided,) = capped.audit(party, "grant:decided")
    assert "party_per_year" in decided["reason"]


async def test_a_new_year_is_a_new_account(capped: Desk) -> None:
    party = await capped.apply(FAST_BRAND)
    await until(lambda: _grants(capped, party), "the first grant")
    later = f"{int(_grants(capped, party)[0]['period'][:4]) + 1}-01"
    assert (await _grant_for(capped, party, later))["amount"] == AMOUNT


async def test_a_category_gets_what_its_month_still_leaves(capped: Desk) -> None:
    seen = [await _first_amount(capped, {**FAST_BRAND, "category": "pet"}) for _ in range(3)]
    assert seen == [AMOUNT, MONTH - AMOUNT, 0]


async def test_many_at_once_share_a_category_to_the_last_unit(capped: Desk) -> None:
    """Each decides on what the cap leaves and finds that another was quicker, again and again."""
    given = {**FAST_BRAND, "category": "books", "gmv_30d": "60000"}  # 93,300 each
    many = await asyncio.gather(*(capped.apply(given) for _ in range(16)))
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: all(capped.grant(party) for party in many), "all are decided")

    amounts = sorted(capped.grant(party)["amount"] for party in many)
    assert sum(amounts) == 2 * AMOUNT
    assert amounts == [0, 0, *([2 * AMOUNT - 13 * 93_300] if 2 * AMOUNT % 93_300 else []), *[93_300] * 13]
    states = {capped.grant(party)["state"] for party in many}
    assert states <= {"reserved", "none"}


async def test_who_always_comes_too_late_tries_again_and_gets_there(
    capped: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are quicker more often than one step tries."""
    left = iter(range(10))
    holds = GrantDecider.still_holds

    def too_late(self: GrantDecider, *args: Any) -> bool:
        return next(left, None) is None and holds(self, *args)

    monkeypatch.setattr(GrantDecider, "still_holds", too_late)
    party = await capped.apply(FAST_BRAND)
    await until(lambda: capped.grant(party), "a grant after all")
    assert (capped.grant(party)["amount"], capped.grant(party)["attempt"]) == (AMOUNT, 1)
    assert next(left, None) is None
