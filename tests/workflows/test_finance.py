"""Finance on the real chain: reports until the expiry, top-ups that wake the line, clawbacks, debts set off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from fastbrand.domain import names
from fastbrand.domain.errors import FourEyes, InputError, NotFound, NotPermitted, Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.service import clawing, deliveries, grants, parties, pools
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, open_desk, until
from tests.workflows.given import AMOUNT, FAST_BRAND, LARGE, LARGE_AMOUNT
from tests.workflows.variants import BONUS, CALM, DEMO, PROGRAMME, Edits, edited
from workflows.messages import BonusInput
from workflows.traffic_bonus import TrafficBonus

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-finance")]

EDITS: Edits = {
    **CALM,
    PROGRAMME: {**CALM[PROGRAMME], "pools/fast-brand/budget": 10 * AMOUNT, "pools/brand/budget": 10},
    BONUS: {"tranches/1/after": "0 seconds", "tranches/2/after": "1 hour", "expires_after": "1 hour"},
}
JUN, PING, DEV = Asker("jun", reason="by the book"), Asker("ping"), Asker("dev")


@pytest_asyncio.fixture(scope="module")
async def ledger(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk with a pool for ten grants; nothing expires while a test looks."""
    folder = tmp_path_factory.mktemp("ledger")
    async with open_desk("ledger", address, folder / "state", edited(DEMO, folder / "book", EDITS)) as desk:
        yield desk


async def _granted(desk: Desk, *more: dict[str, str]) -> tuple[str, str]:
    """A party with a grant of which two tranches are out; their ids."""
    party = await desk.apply({**FAST_BRAND, **(more[0] if more else {})})
    await desk.until_tranches(party, "released", "released", "planned")
    return party, str(desk.grant(party)["grant_id"])


async def _report(desk: Desk, grant: str, tranche: int, units: int, report: str, who: Asker = JUN) -> dict[str, Any]:
    return await deliveries.consume(
        desk.office, grant, tranche=tranche, units=units, report_id=report, reported_at=None, who=who
    )


async def _ask_for(desk: Desk, party: str, period: str) -> dict[str, Any]:
    """Ask for the party's grant of another period, as the monthly run would; the grant once it is decided."""
    grant = names.grant_id(party, period)
    began = BonusInput(grant_id=grant, party_id=party, track=Track.M, period=period)
    await desk.client.start_workflow(
        TrafficBonus.run, began, id=names.grant_workflow_id(grant), task_queue=desk.settings.task_queue
    )

    def listed() -> list[str]:
        return [each["grant_id"] for each in grants.list_grants(desk.office, party_id=party, state=None, limit=9)]

    await until(lambda: grant in listed(), f"grant {grant}")
    return grants.show(desk.office, grant)


def _another(desk: Desk, party: str) -> str:
    """A period that the party has no grant of, in the same year."""
    year, month = desk.grant(party)["period"].split("-")
    return f"{year}-{int(month) % 12 + 1:02d}"


async def test_what_was_spent_stays_spent_and_only_the_rest_expires(swift: Desk) -> None:
    party = await swift.apply(FAST_BRAND)
    await until(lambda: swift.tranches(party)[:1] == ["released"], "the first tranche is released")
    grant = swift.grant(party)
    first = grant["tranches"][0]["amount"]
    booked = await _report(swift, grant["grant_id"], 1, first - 5, "r1")
    assert (booked["state"], booked["consumed"]) == ("booked", first - 5)
    await swift.until_tranches(party, "expired", "expired", "expired")
    shown = swift.grant_of(grant["grant_id"])
    assert [each["consumed"] for each in shown["tranches"]] == [first - 5, 0, 0]
    assert shown["tranches"][0]["expired"] == 5
    expired = [event["after"]["amount"] for event in swift.audit(party, "tranche:expired")]
    assert sorted(expired) == sorted([5, *[each["amount"] for each in shown["tranches"][1:]]])

    # told late, of a time before the expiry: the pool has them still
    until_then = shown["tranches"][0]["released_at"]
    more: dict[str, Any] = {"tranche": 1, "reported_at": until_then, "who": JUN}
    late = await deliveries.consume(swift.office, grant["grant_id"], units=5, report_id="r2", **more)
    assert (late["late"], late["consumed"]) == (5, first)
    with pytest.raises(Refused, match="counts beyond") as told:
        await _report(swift, grant["grant_id"], 1, 1, "r3")
    assert told.value.instance_code == "after_expiry"


async def test_a_report_is_booked_once_and_refused_whole(ledger: Desk) -> None:
    party, grant = await _granted(ledger)
    first = ledger.grant(party)["tranches"][0]["amount"]
    asked = Asker("jun", command_id=f"{party}-r1")
    once = await _report(ledger, grant, 1, 10, "r1", asked)
    assert await _report(ledger, grant, 1, 10, "r1", asked) == once
    assert (await _report(ledger, grant, 1, 10, "r1"))["state"] == "repeated"
    with pytest.raises(Refused, match="more than there are to spend"):
        await _report(ledger, grant, 1, first, "r2")
    with pytest.raises(Refused, match="told 10 units before and 11 now"):
        await _report(ledger, grant, 1, 11, "r1")
    with pytest.raises(Refused, match="was never released"):
        await _report(ledger, grant, 3, 1, "r1")
    with pytest.raises(NotPermitted, match="`mei` may not do `grant:consume`"):
        await _report(ledger, grant, 1, 1, "r4", Asker("mei"))
    assert [event["after"]["code"] for event in ledger.audit(party, "tranche:report_refused")] == [
        "beyond_released",
        "report_differs",
        "not_released",
    ]
    assert len(ledger.audit(party, "command:refused")) == 1  # mei's; the others are told as what they are
    assert ledger.grant(party)["tranches"][0]["consumed"] == 10


async def test_a_clawback_needs_two_and_its_debt_is_paid_by_the_next_grant(ledger: Desk) -> None:
    party, grant = await _granted(ledger)
    await _report(ledger, grant, 1, 1_001, "r1")
    before = ledger.pool()
    office = ledger.office
    for wrong, match in (({"cause": "two words"}, "not a reason code"), ({"cause": "c", "who": DEV}, "needs a reason")):
        with pytest.raises(InputError, match=match):
            await clawing.propose(office, grant, **{"who": JUN, **wrong})  # type: ignore[arg-type]  # wrong on purpose
    proposed = await clawing.propose(office, grant, "counterfeit", who=JUN)
    assert (proposed["state"], proposed["terms"], proposed["debt"]) == ("proposed", "counterfeit", 500)
    assert ledger.pool() == before
    with pytest.raises(FourEyes, match="`jun` proposed"):
        await clawing.confirm(office, proposed["clawback_id"], who=Asker("jun"))
    done = await clawing.confirm(office, proposed["clawback_id"], who=PING)
    taken = ("terms", "voided", "unspent", "debt", "tranches")
    assert (done["state"], [done[key] for key in taken]) == ("confirmed", [proposed[key] for key in taken])
    assert done["voided"] + done["unspent"] == AMOUNT - 1_001
    assert (await clawing.confirm(office, proposed["clawback_id"], who=PING))["state"] == "confirmed"
    with pytest.raises(Refused, match="was confirmed by `ping`"):
        await clawing.confirm(office, proposed["clawback_id"], who=DEV)
    with pytest.raises(Refused, match="would take nothing"):
        await clawing.propose(office, grant, "counterfeit", who=JUN)

    assert ledger.tranches(party) == ["clawed_back", "clawed_back", "voided"]
    shown = ledger.grant_of(grant)
    assert (shown["state"], shown["debt"], shown["cause"]) == ("closed", 500, "clawed back: counterfeit")
    assert [each["debt"] for each in shown["clawbacks"]] == [500, 0]
    assert parties.show(office, party)["debts"] == [{"pool": "fast-brand", "owed": 500}]
    view = await ledger.until_ended(names.grant_workflow_id(grant))  # long before its tranches would have expired
    assert (view["grant_id"], view["state"]) == (grant, "closed")
    assert ledger.grant_of(grant)["cause"] == "clawed back: counterfeit"

    following = await _ask_for(ledger, party, _another(ledger, party))
    assert (following["amount"], following["set_off"], following["state"]) == (AMOUNT, 500, "reserved")
    await until(
        lambda: (
            [each["state"] for each in ledger.grant_of(following["grant_id"])["tranches"]]
            == ["released", "released", "planned"]
        ),
        "its tranches are out",
    )
    assert sum(each["amount"] for each in following["tranches"]) == AMOUNT - 500
    assert parties.show(office, party)["debt"] == 0
    kinds = [each["kind"] for each in ledger.grant_of(following["grant_id"])["entries"]]
    assert kinds[:2] == ["reserve", "set_off"]


async def test_a_grant_that_debts_eat_whole_is_closed_with_the_reason(ledger: Desk) -> None:
    party, grant = await _granted(ledger)
    for tranche in ledger.grant(party)["tranches"][:2]:
        await _report(ledger, grant, tranche["no"], tranche["amount"], "r1")
    proposed = await clawing.propose(ledger.office, grant, "counterfeit", who=JUN)
    await clawing.confirm(ledger.office, proposed["clawback_id"], who=PING)
    owed = parties.show(ledger.office, party)["debt"]
    ledger.record(party, {"gmv_30d": "10000"})  # 15,550
    following = await _ask_for(ledger, party, _another(ledger, party))
    assert (following["amount"], following["set_off"], following["tranches"]) == (15_550, 15_550, [])
    assert (following["state"], following["cause"]) == ("closed", "set off against what the party owes: 15,550")
    assert parties.show(ledger.office, party)["debt"] == owed - 15_550
    view = await ledger.until_ended(names.grant_workflow_id(following["grant_id"]))
    assert view["state"] == "closed"
    (closed,) = [each for each in ledger.audit(party, "grant:closed") if "set off" in (each["reason"] or "")]
    assert closed["after"]["amount"] == 15_550


async def test_a_grant_clawed_back_before_its_confirmation_cannot_be_confirmed(ledger: Desk) -> None:
    party = await ledger.apply({**FAST_BRAND, **LARGE})
    grant = (await ledger.until_grant(party, "waiting"))["grant_id"]
    more = await pools.propose_top_up(ledger.office, "fast-brand", LARGE_AMOUNT, who=JUN)
    assert (await pools.confirm_top_up(ledger.office, more["top_up_id"], who=PING))["woken"] == [grant]
    await ledger.until_grant(party, "awaiting_confirmation")
    proposed = await clawing.propose(ledger.office, grant, "counterfeit", who=JUN)
    assert (proposed["voided"], proposed["unspent"]) == (LARGE_AMOUNT, 0)
    await clawing.confirm(ledger.office, proposed["clawback_id"], who=PING)
    with pytest.raises(Refused, match="is `voided`"):
        await grants.confirm(ledger.office, grant, who=JUN)
    view = await ledger.until_ended(names.grant_workflow_id(grant))
    assert view["state"] == "voided"


async def _in_line(desk: Desk) -> str:
    """A party whose grant waits for the pool, whatever other tests left in it."""
    while True:
        party = await desk.apply({**FAST_BRAND, "gmv_30d": "10000000"})
        await until(lambda party=party: desk.grant(party), "decided")  # type: ignore[misc]  # called at once
        if desk.grant(party)["state"] == "waiting":
            return party


async def test_a_top_up_by_two_wakes_the_first_in_line(ledger: Desk) -> None:
    office = ledger.office
    first = await _in_line(ledger)
    second = await ledger.apply(FAST_BRAND)
    await ledger.until_grant(second, "waiting")
    wanted = ledger.grant(first)["amount"] + AMOUNT

    for amount in (0, -5, 2**53):
        with pytest.raises(InputError, match="cannot be added"):
            await pools.propose_top_up(office, "fast-brand", amount, who=JUN)
    with pytest.raises(NotFound, match="pool `nothing`"):
        await pools.propose_top_up(office, "nothing", 5, who=JUN)
    asked = Asker("jun", command_id=f"top-up-{first}", reason="the line is long")
    proposed = await pools.propose_top_up(office, "fast-brand", wanted, who=asked)
    assert await pools.propose_top_up(office, "fast-brand", wanted, who=asked) == proposed
    refused = await pools.propose_top_up(office, "fast-brand", 7, who=JUN)
    assert (await pools.refuse_top_up(office, refused["top_up_id"], who=JUN))["state"] == "refused"
    with pytest.raises(FourEyes):
        await pools.confirm_top_up(office, proposed["top_up_id"], who=Asker("jun"))
    assert ledger.grant(first)["state"] == "waiting"

    done = await pools.confirm_top_up(office, proposed["top_up_id"], who=PING)
    assert (done["state"], done["woken"]) == ("confirmed", [ledger.grant(first)["grant_id"]])
    for party in (first, second):  # the first wakes the second
        await ledger.until_tranches(party, "released", "released", "planned")
    listed = {each["top_up_id"]: each["state"] for each in pools.top_ups(office, limit=50)}
    assert (listed[proposed["top_up_id"]], listed[refused["top_up_id"]]) == ("confirmed", "refused")
    told = [event for event in ledger.all_audit() if event["verb"].startswith("pool:top")]
    mine = [event for event in told if event["after"]["top_up_id"] == proposed["top_up_id"]]
    assert [(event["verb"], event["actor"]["id"]) for event in mine] == [
        ("pool:top_up_proposed", "jun"),
        ("pool:topped_up", "ping"),
    ]
