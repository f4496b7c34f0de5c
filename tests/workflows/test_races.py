"""Messages that cross on their way: what two parts of the chain did at the same moment must still fit together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.parties import PartyActivities
from activities.payloads import By, CaseFile, PartyStep, RescreenRequest
from activities.screening import ScreeningActivities
from fastbrand.domain.errors import FastbrandError, Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.service import cases, parties
from fastbrand.service.who import Asker
from fastbrand.store import cases as case_rows
from tests.workflows.desk import Desk, until
from tests.workflows.given import FAST_BRAND, LESS_TRUSTED, UNREMARKABLE
from workflows.brand_lifecycle import BrandLifecycle
from workflows.messages import CaseUpdate

pytestmark = pytest.mark.server
calm_group = pytest.mark.xdist_group("workflows-people")
timers_group = pytest.mark.xdist_group("workflows-timers")


def _case_file(desk: Desk, party: str) -> CaseFile:
    """What the lifecycle would tell the case of it as it stands now."""
    with desk.office.db.read() as conn:
        row = next(iter(case_rows.list_cases(conn, party_id=party)))
    return CaseFile(
        case_id=row.case_id,
        party_id=party,
        track=Track.M,
        state=str(row.state),
        queue=row.queue,
        role=row.role,
        four_eyes=row.four_eyes,
        screening=row.screening,
        clean=row.clean,
        due_at=row.due_at,
        rfi_rounds=2,
        rfi_deadline_ms=3_600_000,
    )


@calm_group
async def test_findings_that_come_late_do_not_undo_what_people_did_meanwhile(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    before_the_proposal = _case_file(calm, party)
    await calm.propose(party)
    case = calm.client.get_workflow_handle(calm.case(party)["case_id"])
    await case.signal("case_updated", CaseUpdate(case=before_the_proposal, key="late"))

    done = await cases.confirm(calm.office, party, who=Asker("qiang"))
    assert done["stage"] == "endorsed"


@calm_group
async def test_an_answer_and_the_next_question_may_follow_each_other_at_once(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    case = calm.case(party)["case_id"]
    for _ in range(2):
        await cases.request_info(calm.office, case, ["content_score"], who=Asker("lan"))
        await cases.answer(calm.office, case, ["content_score=51.0"], facts_file=None, who=Asker("mei"))
    await calm.propose(party)
    assert (await cases.confirm(calm.office, party, who=Asker("qiang")))["stage"] == "endorsed"


@calm_group
async def test_who_is_refused_may_apply_again_at_once(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    for number in range(1, 4):
        await calm.propose(party, "reject")
        await cases.confirm(calm.office, party, who=Asker("qiang"))
        await calm.apply({}, party=party)
        assert parties.known(calm.office, party).application_no == number + 1
    assert [case["outcome"] for case in calm.cases(party)] == ["reject", "reject", "reject", None]


@timers_group
async def test_a_deadline_that_runs_out_as_the_case_is_closed_hurts_nobody(brief: Desk) -> None:
    """The withdrawal is in the database, its message not yet with the case, when the SLA is over."""
    for _ in range(10):
        party = await brief.apply({**FAST_BRAND, **UNREMARKABLE})
        case_id = brief.case(party)["case_id"]
        by = By(kind="human", actor="mei", role="staff", command_id=f"{party}/withdraw")
        PartyActivities(brief.office.db).withdraw(PartyStep(party_id=party, track=Track.M, at=datetime.now(UTC), by=by))
        case = brief.client.get_workflow_handle(case_id)
        await _until_timer_fired(case)
        if not brief.audit(party, "case:sla_breached"):
            break  # the withdrawal was first, as it should be here
    else:
        pytest.fail("the machine is too slow: the SLA was over before the withdrawal")

    await case.signal("case_updated", CaseUpdate(closed=True, key="withdrawn"))
    assert (await brief.until_ended(case_id))["state"] == "closed"


async def _until_timer_fired(handle: Any) -> None:
    async def fired() -> bool:
        history = await handle.fetch_history()
        return any(event.HasField("timer_fired_event_attributes") for event in history.events)

    async with asyncio.timeout(30):
        while not await fired():
            await asyncio.sleep(0.05)


@timers_group
async def test_findings_on_their_way_count_when_a_proposal_is_made(swift: Desk) -> None:
    """One person may approve what the rules find eligible, but the database knows already that they do not any more."""
    party = await swift.apply({**FAST_BRAND, **LESS_TRUSTED})
    swift.record(party, {"content_score": "40.0"})
    by = By(kind="system", actor="system:programme", role="system", command_id=f"{party}/bad")
    ScreeningActivities(swift.office.db, swift.office.engine()).rescreen(
        RescreenRequest(party_id=party, at=datetime.now(UTC), by=by)
    )

    made = await swift.propose(party)
    assert (made["state"], swift.case(party)["proposal"]["second"]) == ("proposed", True)
    assert (await cases.confirm(swift.office, party, who=Asker("qiang")))["stage"] == "endorsed"
    await swift.until_grant(party, "closed")


@calm_group
@pytest.mark.parametrize("first", ["withdraw", "confirm"])
async def test_of_withdrawal_and_confirmation_exactly_one_wins(calm: Desk, first: str) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party)
    case_id = calm.case(party)["case_id"]
    both = [
        parties.withdraw(calm.office, party_id=party, who=Asker("mei")),
        cases.confirm(calm.office, party, who=Asker("qiang")),
    ]
    came = await asyncio.gather(*(both if first == "withdraw" else reversed(both)), return_exceptions=True)

    lost = [each for each in came if isinstance(each, BaseException)]
    assert len(lost) == 1
    assert isinstance(lost[0], Refused)
    assert len(calm.audit(party, "command:refused")) == 1
    assert (await calm.until_ended(case_id))["state"] == "closed"
    await _until_agreed(calm, party)
    if calm.stage(party) == "endorsed":
        assert calm.case(party)["outcome"] == "approve"
        await until(lambda: calm.grant(party), "a grant")
    else:
        assert (calm.stage(party), calm.case(party)["outcome"]) == ("withdrawn", "withdrawn")
        assert calm.grant(party) == {}


@calm_group
async def test_of_two_reviewers_who_confirm_one_does(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party)
    came = await asyncio.gather(
        cases.confirm(calm.office, party, who=Asker("qiang")),
        cases.confirm(calm.office, party, who=Asker("dev")),
        return_exceptions=True,
    )
    assert [type(each) for each in came].count(dict) == 1
    assert sum(isinstance(each, FastbrandError) and each.exit_code == 3 for each in came) == 1
    assert len(calm.audit(party, "case:confirmed")) == 1
    assert calm.stages(party)[-1] == "endorsed"


@calm_group
async def test_facts_that_come_while_a_person_decides_leave_one_consistent_end(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party)
    case_id = calm.case(party)["case_id"]
    came = await asyncio.gather(
        cases.confirm(calm.office, party, who=Asker("qiang")),
        calm.set_facts(party, {"content_score": "90.0"}),
        return_exceptions=True,
    )
    assert not isinstance(came[1], BaseException)
    assert (await calm.until_ended(case_id))["state"] == "closed"
    await _until_agreed(calm, party)
    assert calm.stages(party)[-1] == "endorsed"
    assert len(calm.audit(party, "endorsement:issued")) == 1


async def _until_agreed(desk: Desk, party: str) -> None:
    """Wait until the lifecycle stands where the database does."""
    handle = desk.client.get_workflow_handle(desk.lifecycle(party))
    async with asyncio.timeout(30):
        while True:
            view = await handle.query(BrandLifecycle.view)
            row = parties.known(desk.office, party)
            if (view.stage, view.revision) == (row.stage, row.revision):
                return
            await asyncio.sleep(0.05)


@calm_group
async def test_a_command_that_crossed_with_the_end_of_a_run_is_said_again(
    calm: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says so of an update that came while its workflow was about to end: it was not taken."""
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    said = WorkflowHandle.execute_update
    crossed: list[str] = []

    async def crossing(self: WorkflowHandle[Any, Any], *args: Any, **more: Any) -> Any:
        if not crossed:
            crossed.append(self.id)
            text = "Unable to perform workflow execution update due to unexpected workflow task failure."
            raise RPCError(text, RPCStatusCode.FAILED_PRECONDITION, b"")
        return await said(self, *args, **more)

    monkeypatch.setattr(WorkflowHandle, "execute_update", crossing)
    assert (await cases.claim(calm.office, party, who=Asker("lan")))["assignee"] == "lan"
    assert crossed == [calm.case(party)["case_id"]]
    assert len(calm.audit(party, "case:claimed")) == 1
