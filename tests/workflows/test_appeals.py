"""Appeals: decided by people who had no part, won and lost against every decision that takes something away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from activities.parties import PartyActivities
from activities.payloads import EndorsementEnd
from fastbrand.domain import names
from fastbrand.domain.errors import FourEyes, Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.service import cases, deliveries, next_case, parties, standings
from fastbrand.service.who import Asker
from fastbrand.store import clawbacks
from fastbrand.store import grants as grant_rows
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND, LESS_TRUSTED, UNREMARKABLE
from workflows.messages import BonusInput
from workflows.traffic_bonus import TrafficBonus

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-appeals")]

IN_LIMIT = {"experience_score": "55.0"}
COUNTERFEIT = {"counterfeit_confirmed_90d": "1"}
OTHERS = ("lan", "qiang"), ("xin", "tao"), ("wen", "rui")
"""Pairs of reviewers: those who decide, those who decide the appeal, those who decide the appeal after it."""


async def _rejected(desk: Desk) -> str:
    party = await desk.apply({**FAST_BRAND, **UNREMARKABLE})
    await desk.decide(party, "reject")
    return party


async def _suspended(desk: Desk) -> str:
    party = await desk.apply(FAST_BRAND)
    desk.record(party, IN_LIMIT)
    await desk.assess(party)
    await desk.until_stage(party, "suspended")
    return party


async def _revoked(desk: Desk) -> str:
    party = await desk.apply(FAST_BRAND)
    desk.record(party, COUNTERFEIT)
    await desk.assess(party)
    await desk.until_stage(party, "revoked")
    return party


async def _terminated(desk: Desk) -> str:
    party = await desk.apply(BRAND, track="S", with_endorsement=True)
    desk.record(party, COUNTERFEIT)
    await desk.assess(party)
    await desk.until_stage(party, "terminated")
    return party


LOST: dict[str, tuple[Callable[[Desk], Awaitable[str]], str]] = {
    "rejected": (_rejected, "endorsed"),
    "suspended": (_suspended, "endorsed"),
    "revoked": (_revoked, "endorsed"),
    "terminated": (_terminated, "active"),
}
"""Stage that is appealed against -> how a party comes there, and where it stands when the appeal is won."""


@pytest.mark.parametrize("stage", LOST)
async def test_an_appeal_that_is_won_gives_back_what_was_lost(judged: Desk, stage: str) -> None:
    lose, standing = LOST[stage]
    party = await lose(judged)
    before = parties.known(judged.office, party)
    done = await judged.appeal(party)
    assert (done["stage"], done["case_id"]) == ("appealing", judged.case(party)["case_id"])
    case = judged.case(party)
    assert (case["kind"], case["queue"], case["four_eyes"]) == ("appeal", "appeals", True)

    decided = await judged.decide(party, "approve", maker="xin", checker="tao")
    assert (decided["state"], decided["stage"]) == ("closed", standing)
    after = parties.known(judged.office, party)
    assert (after.appeal_until, after.barred_until, after.suspended_until, after.appealed_from) == (None,) * 4
    assert judged.mark(party) == "active"
    # the one mark goes on where it was held, another is issued where it had ended
    marks = {"rejected": 1, "suspended": 1, "revoked": 2, "terminated": 2}[stage]
    assert after.endorsement_no == marks
    assert before.endorsement_no == (0 if stage == "rejected" else 1)
    await judged.until_listed(f"WorkflowId = 'party/{party}/endorsement/{marks}' AND ExecutionStatus = 'Running'")
    await until(lambda: judged.grant(party), "a grant")
    assert (await judged.until_ended(case["case_id"]))["state"] == "closed"
    assert judged.stages(party)[-2:] == ["appealing", standing]


@pytest.mark.parametrize(("track", "stage", "standing"), [("M", "revoked", "endorsed"), ("S", "terminated", "active")])
async def test_an_appeal_that_is_won_undoes_what_the_loss_took_of_released_units(
    judged: Desk, track: str, stage: str, standing: str
) -> None:
    party = await judged.apply(BRAND if track == "S" else FAST_BRAND, track=track)
    await until(lambda: judged.tranches(party)[:1] == ["released"], "a tranche is released")
    grant = str(judged.grant(party)["grant_id"])
    spent_at = judged.office.now()
    await _spend(judged, grant, 1_001, "r1")
    first = judged.grant(party)["tranches"][0]["amount"]
    judged.record(party, COUNTERFEIT)
    await judged.assess(party)
    await judged.until_stage(party, stage)
    assert (judged.grant_of(grant)["state"], judged.tranches(party)[0]) == ("closed", "clawed_back")
    assert (await judged.until_ended(f"grant/{grant}"))["state"] == "closed"
    assert [each["owed"] for each in parties.show(judged.office, party)["debts"]] == [500]

    await judged.appeal(party)
    await judged.decide(party, "reject", maker="xin", checker="tao")
    assert [each["owed"] for each in parties.show(judged.office, party)["debts"]] == [500]
    await judged.appeal(party)
    await judged.decide(party, "approve", maker="wen", checker="rui")
    assert judged.stage(party) == standing
    assert parties.show(judged.office, party)["debts"] == []
    shown = judged.grant_of(grant)
    (fallen,) = [each for each in shown["clawbacks"] if each["debt"]]
    assert (fallen["debt"], fallen["forgiven"], fallen["returned"]) == (500, 500, first - 1_001)
    assert (shown["state"], shown["debt"], shown["cause"]) == ("released", 0, None)
    assert [shown["tranches"][0][key] for key in ("state", "unspent")] == ["released", first - 1_001]
    assert shown["tranches"][2]["state"] == "voided"  # what was never released stays in the pool
    (told,) = [each for each in judged.audit(party, "tranche:forgiven") if each["after"]["debt"]]
    assert (told["actor"]["id"], told["after"]["debt"]) == ("rui", 500)
    await judged.until_listed(f"WorkflowId = 'grant/{grant}' AND ExecutionStatus = 'Running'")  # it sees to its end

    await _spend(judged, grant, 20, "late", spent_at)  # of a time before the loss: nothing is owed for it any more
    assert parties.show(judged.office, party)["debts"] == []


async def test_units_that_were_given_back_expire_in_their_time(judged: Desk) -> None:
    party = await judged.apply({**FAST_BRAND, "gmv_30d": "300000"})
    await until(lambda: "released" in judged.tranches(party), "a tranche is released")
    grant = names.grant_id(party, str(judged.grant(party)["period"]))
    at = judged.office.now()
    with judged.office.db.write() as conn:
        clawbacks.clawback_party(conn, party, "counterfeit", at=at)
    await judged.client.get_workflow_handle(f"grant/{grant}").signal("standing_changed")
    assert (await judged.until_ended(f"grant/{grant}"))["state"] == "closed"
    with judged.office.db.write() as conn:
        now = judged.office.now()
        for each in grant_rows.tranches_of(conn, grant):
            if each.expires_at is not None:  # instead of in an hour
                grant_rows.update_tranche(conn, grant, each.no, None, now, expires_at=now + timedelta(seconds=2))
        assert any(each.returned for each in clawbacks.forgive_party(conn, party, at, at=now))
    again = BonusInput(grant_id=grant, party_id=party, track=Track.M, period=grant[-7:], resumed="appeal")
    await judged.client.start_workflow(
        TrafficBonus.run, again, id=f"grant/{grant}", task_queue=judged.settings.task_queue
    )
    assert (await judged.until_ended(f"grant/{grant}"))["state"] == "closed"
    shown = judged.grant_of(grant)
    assert (shown["state"], shown["tranches"][0]["state"]) == ("closed", "expired")
    assert len(judged.audit(party, "grant:closed")) == 2


async def _spend(desk: Desk, grant: str, units: int, report: str, counted: datetime | None = None) -> None:
    at = counted.isoformat() if counted else None
    await deliveries.consume(
        desk.office, grant, tranche=1, units=units, report_id=report, reported_at=at, who=Asker("jun", reason="by it")
    )


@pytest.mark.parametrize("stage", LOST)
async def test_an_appeal_that_is_lost_may_be_made_once_more(judged: Desk, stage: str) -> None:
    lose, _ = LOST[stage]
    party = await lose(judged)
    barred = parties.known(judged.office, party).barred_until
    until_first = parties.known(judged.office, party).appeal_until
    await judged.appeal(party)
    decided = await judged.decide(party, "reject", maker="xin", checker="tao")
    assert decided["stage"] == stage
    now = parties.known(judged.office, party)
    assert until_first is not None
    assert now.appeal_until is not None
    assert now.appeal_until != until_first
    assert (now.appeals, now.appealed_from, now.barred_until) == (1, None, barred)

    await judged.appeal(party)
    with pytest.raises(FourEyes, match="`xin` had a part in"):
        await judged.propose(party, "reject", who="xin")
    decided = await judged.decide(party, "reject", maker="wen", checker="rui")
    assert decided["stage"] == stage
    last = parties.known(judged.office, party)
    assert (last.appeals, last.appeal_until) == (2, None)
    if stage == "suspended":  # it still waits for somebody who lifts it
        with pytest.raises(Refused, match="appealed 2 times"):
            await judged.appeal(party)
    else:
        await judged.until_ended(judged.lifecycle(party))
        with pytest.raises(Refused, match="the time to appeal is over"):
            await judged.appeal(party)


async def test_a_suspension_that_holds_waits_for_people_again_and_keeps_its_end(judged: Desk) -> None:
    party = await _suspended(judged)
    first, ends_at = judged.case(party), parties.known(judged.office, party).suspended_until
    await judged.appeal(party)
    closed = next(each for each in judged.cases(party) if each["case_id"] == first["case_id"])
    assert (closed["state"], closed["outcome"]) == ("closed", "appealed")
    assert (await judged.until_ended(first["case_id"]))["state"] == "closed"

    await judged.decide(party, "reject", maker="xin", checker="tao")
    again = judged.case(party)
    assert (again["kind"], again["state"], again["case_id"] != first["case_id"]) == ("standing", "open", True)
    assert parties.known(judged.office, party).suspended_until == ends_at
    decided = await judged.decide(again["case_id"], "approve")
    assert decided["stage"] == "endorsed"
    assert judged.mark(party) == "active"


async def test_a_suspension_that_ran_out_meanwhile_ends_the_standing_when_the_appeal_is_lost(hasty: Desk) -> None:
    party = await _suspended(hasty)
    ends_at = parties.known(hasty.office, party).suspended_until
    assert ends_at is not None
    await hasty.appeal(party)
    await until(lambda: hasty.office.now() > ends_at, "the suspension is over")
    assert hasty.stage(party) == "appealing"
    await hasty.decide(party, "reject", maker="xin", checker="tao")
    await hasty.until_stage(party, "revoked")
    assert hasty.stages(party)[-3:] == ["appealing", "suspended", "revoked"]
    assert (hasty.case(party)["kind"], hasty.case(party)["outcome"]) == ("standing", "revoke")
    assert (await hasty.until_ended(hasty.case(party)["case_id"]))["state"] == "closed"
    assert hasty.mark(party) == "ended"


async def test_a_mark_whose_term_ended_meanwhile_is_issued_anew(judged: Desk) -> None:
    party = await _suspended(judged)
    await judged.appeal(party)
    ended = EndorsementEnd(
        endorsement_id=f"party/{party}/endorsement/1", party_id=party, at=judged.office.now(), cause="term"
    )
    PartyActivities(judged.office.db).end_endorsement(ended)
    assert (judged.stage(party), judged.mark(party)) == ("appealing", "ended")
    with pytest.raises(Refused, match="a suspension is not final"):
        await cases.propose(
            judged.office, party, outcome="reject", reason_code="decision_right", final=True, who=Asker("xin")
        )
    assert (await judged.decide(party, "approve", maker="xin", checker="tao"))["stage"] == "endorsed"
    assert judged.mark(party) == "active"
    await judged.until_listed(f"WorkflowId = 'party/{party}/endorsement/2' AND ExecutionStatus = 'Running'")


async def test_a_brand_that_had_no_mark_when_it_lost_its_standing_gets_none(judged: Desk) -> None:
    party = await judged.apply(BRAND, track="S", with_endorsement=True)
    ended = EndorsementEnd(
        endorsement_id=f"party/{party}/endorsement/1", party_id=party, at=judged.office.now(), cause="term"
    )
    PartyActivities(judged.office.db).end_endorsement(ended)
    judged.record(party, COUNTERFEIT)
    await judged.assess(party)
    await judged.until_stage(party, "terminated")
    await judged.appeal(party)
    assert (await judged.decide(party, "approve", maker="xin", checker="tao"))["stage"] == "active"
    assert (judged.mark(party), parties.known(judged.office, party).endorsement_no) == ("ended", 1)


async def test_who_had_a_part_neither_claims_nor_proposes_nor_confirms_nor_returns(judged: Desk) -> None:
    party = await judged.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.claim(judged.office, party, who=Asker("wen"))
    await cases.release(judged.office, party, who=Asker("wen"))
    await judged.propose(party, "approve", who="lan")
    await cases.return_to_maker(judged.office, party, who=Asker("rui"))
    await judged.propose(party, "reject", who="lan")
    await cases.confirm(judged.office, party, who=Asker("qiang"))
    await judged.appeal(party, who="dev")
    case = judged.case(party)
    assert case["excluded"] == ["dev", "lan", "qiang", "rui", "wen"]
    assert cases.show(judged.office, party)["may_decide"] == ["tao", "xin"]

    for name in case["excluded"]:
        with pytest.raises(FourEyes, match=rf"`{name}` had a part in .* and cannot claim it") as refused:
            await cases.claim(judged.office, party, who=Asker(name))
        assert refused.value.hint == "these may: tao, xin"
        with pytest.raises(FourEyes, match="cannot propose it"):
            await judged.propose(party, "approve", who=name)
        nothing = await next_case.next_case(judged.office, queue="appeals", kind=None, who=Asker(name))
        assert nothing["case_id"] != case["case_id"]
    await judged.propose(party, "approve", who="xin")
    for name in ("lan", "qiang"):
        with pytest.raises(FourEyes, match="cannot confirm it"):
            await cases.confirm(judged.office, party, who=Asker(name))
        with pytest.raises(FourEyes, match="cannot return it"):
            await cases.return_to_maker(judged.office, party, who=Asker(name))
    with pytest.raises(FourEyes, match="made the proposal"):
        await cases.confirm(judged.office, party, who=Asker("xin"))
    refusals = [each["after"]["code"] for each in judged.audit(party, "command:refused")]
    assert refusals == ["four_eyes"] * (2 * 5 + 4 + 1)
    assert (await cases.confirm(judged.office, party, who=Asker("tao")))["stage"] == "endorsed"


async def test_who_decided_about_the_standing_before_is_no_judge_of_it(judged: Desk) -> None:
    """The people of the vetting are: they had no part in the loss. Who asked for the review is not."""
    party = await judged.apply({**FAST_BRAND, **UNREMARKABLE})
    await judged.decide(party, "approve", maker="wen", checker="rui")
    await standings.review(judged.office, party_id=party, who=Asker("bo", reason="complaints"))
    done = await judged.decide(party, "reject")
    assert done["stage"] == "revoked"
    await judged.appeal(party)
    assert judged.case(party)["excluded"] == ["bo", "lan", "mei", "qiang"]


async def test_an_appeal_is_neither_screened_nor_asked_about_nor_taken_back(judged: Desk) -> None:
    party = await _rejected(judged)
    await judged.appeal(party)
    case = judged.case(party)
    await judged.set_facts(party, {"content_score": "90.0"})
    assert (judged.stage(party), judged.case(party)["state"]) == ("appealing", "open")
    assert judged.case(party)["decision_id"] == case["decision_id"]
    with pytest.raises(Refused, match="information is asked for while an application is vetted"):
        await cases.request_info(judged.office, party, ["content_score"], who=Asker("xin"))
    with pytest.raises(Refused, match="`withdraw` is not possible in stage `appealing`"):
        await parties.withdraw(judged.office, party_id=party, who=Asker("mei"))
    assert judged.case(party)["state"] == "open"


async def test_an_appeal_that_is_returned_is_made_again(judged: Desk) -> None:
    party = await _rejected(judged)
    await judged.appeal(party)
    await judged.propose(party, "reject", who="xin")
    back = await cases.return_to_maker(judged.office, party, who=Asker("tao", reason="look at the videos"))
    assert (back["state"], back["stage"], back["assignee"]) == ("claimed", "appealing", "xin")
    assert (await judged.decide(party, "approve", maker="xin", checker="tao"))["stage"] == "endorsed"


async def test_a_final_rejection_lasts_for_ever_but_for_an_appeal(judged: Desk) -> None:
    party = await judged.apply({**FAST_BRAND, **LESS_TRUSTED, **UNREMARKABLE})
    made = await cases.propose(
        judged.office, party, outcome="reject", reason_code="papers_false", final=True, who=Asker("lan")
    )
    assert made["state"] == "proposed"
    await cases.confirm(judged.office, party, who=Asker("qiang"))
    with pytest.raises(Refused, match=f"the decision about `{party}` is final"):
        await judged.apply(FAST_BRAND, party=party)
    await judged.appeal(party)
    assert (await judged.decide(party, "approve", maker="xin", checker="tao"))["stage"] == "endorsed"
    assert parties.known(judged.office, party).barred_until is None
