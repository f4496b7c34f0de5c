"""The clock of a case: warned of, over and escalated, stopped by a question, going on with what was left."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from activities.deadlines import Calendar
from fastbrand.domain.errors import NotPermitted
from fastbrand.service import cases
from fastbrand.service.who import Asker
from fastbrand.store import cases as case_rows
from fastbrand.store.cases import CaseRow
from tests.workflows.desk import Desk, until
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, without

pytestmark = pytest.mark.server
timers_group = pytest.mark.xdist_group("workflows-timers")
calm_group = pytest.mark.xdist_group("workflows-people")

CHINA = Calendar("CN", "Asia/Shanghai")


def _row(desk: Desk, party: str) -> CaseRow:
    with desk.office.db.read() as conn:
        return max(case_rows.list_cases(conn, party_id=party), key=lambda each: each.number)


def _told(desk: Desk, party: str, verb: str) -> list[datetime]:
    return [datetime.fromisoformat(each["at"]) for each in desk.audit(party, verb)]


@timers_group
async def test_a_case_is_warned_of_then_late_and_goes_where_the_row_says(timed: Desk) -> None:
    party = await timed.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.claim(timed.office, party, who=Asker("lan"))
    row = _row(timed, party)
    assert row.warn_at is not None
    assert row.due_at is not None
    assert (row.due_at - row.opened_at, row.warn_at - row.opened_at) == (timedelta(seconds=5), timedelta(seconds=4))
    assert (row.queue, row.role) == ("vetting", "reviewer")
    await until(lambda: timed.case(party)["sla_warned"], "warned of")
    if not timed.audit(party, "case:sla_breached"):
        assert timed.case(party)["assignee"] == "lan"
    await until(lambda: timed.case(party)["escalated_at"], "escalated")

    case = timed.case(party)
    assert (case["queue"], case["role"], case["state"], case["assignee"]) == ("heads", "admin", "open", None)
    assert (case["sla_breached"], case["due_at"] is not None) == (True, True)
    warned, late = _told(timed, party, "case:sla_warned"), _told(timed, party, "case:sla_breached")
    assert len(warned) == len(late) == 1
    assert row.warn_at <= warned[0] < late[0]
    assert row.due_at <= late[0]
    (escalated,) = timed.audit(party, "case:escalated")
    assert escalated["before"] == {"state": "claimed", "queue": "vetting", "role": "reviewer", "assignee": "lan"}
    assert escalated["after"] == {"state": "open", "queue": "heads", "role": "admin"}
    await timed.until_listed(f"WorkflowId = '{case['case_id']}' AND SlaBreached = true AND AwaitingRole = 'admin'")

    # newer facts do not take it back from there, and only its role takes it
    await timed.set_facts(party, {"content_score": "51.0"})
    assert (timed.case(party)["queue"], timed.case(party)["role"]) == ("heads", "admin")
    with pytest.raises(NotPermitted, match="it takes the role `admin`"):
        await cases.claim(timed.office, party, who=Asker("lan"))


@timers_group
async def test_a_late_proposal_stays_with_who_made_it(timed: Desk) -> None:
    party = await timed.apply({**FAST_BRAND, **UNREMARKABLE})
    await timed.propose(party, "reject")
    await until(lambda: timed.case(party)["escalated_at"], "escalated")
    case = timed.case(party)
    assert (case["state"], case["assignee"], case["queue"]) == ("proposed", "lan", "heads")
    listed = cases.list_cases(timed.office, escalated=True, overdue=True, queue="heads")
    assert party in {each["party_id"] for each in listed}
    assert (await cases.confirm(timed.office, party, who=Asker("qiang")))["stage"] == "rejected"


@timers_group
async def test_the_clock_stands_still_while_the_merchant_is_asked(timed: Desk) -> None:
    party = await timed.apply({**FAST_BRAND, **UNREMARKABLE})
    before = _row(timed, party)
    await cases.request_info(timed.office, party, ["content_score"], who=Asker("lan"))
    stopped = _row(timed, party)
    assert stopped.paused_at is not None
    assert (timed.case(party)["due_at"], timed.case(party)["paused_at"] is not None) == (None, True)
    case = timed.case(party)["case_id"]
    await timed.until_listed(f"WorkflowId = '{case}' AND SlaDueAt IS NULL AND AwaitingRole = 'merchant'")
    assert before.due_at is not None
    await until(lambda: before.due_at is not None and timed.office.now() > before.due_at, "it would have been late")
    assert (timed.case(party)["sla_warned"], timed.case(party)["sla_breached"]) == (False, False)
    assert party not in {each["party_id"] for each in cases.list_cases(timed.office, overdue=True)}

    await cases.answer(timed.office, party, [], facts_file=None, who=Asker("mei"))
    on = _row(timed, party)
    assert on.paused_at is None
    assert on.due_at is not None
    assert on.warn_at is not None
    assert before.warn_at is not None
    answered = _told(timed, party, "case:answered")[0]
    assert on.due_at - answered == before.due_at - stopped.paused_at
    assert on.warn_at - answered == before.warn_at - stopped.paused_at
    await until(lambda: timed.case(party)["escalated_at"], "escalated after what was left")
    assert _told(timed, party, "case:sla_breached")[0] >= on.due_at


@timers_group
async def test_the_merchant_has_the_time_that_the_book_gives_for_each_question(timed: Desk) -> None:
    party = await timed.apply(without(FAST_BRAND, "sourcing"))
    for _ in range(2):
        await cases.request_info(timed.office, party, ["sourcing"], who=Asker("lan"))
        asked = _row(timed, party)
        assert asked.paused_at is not None
        assert asked.info_deadline is not None
        left = asked.info_deadline - asked.paused_at
        assert timedelta(0) <= timedelta(seconds=30) - left < timedelta(seconds=1)
        await cases.answer(timed.office, party, [], facts_file=None, who=Asker("mei"))
    assert (_row(timed, party).rounds, _row(timed, party).info_deadline) == (2, None)


@calm_group
async def test_business_days_are_counted_over_the_pause(calm: Desk) -> None:
    """What is left is left in business time, whichever day the tests run on."""
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    with calm.office.db.write() as conn:  # as a row of five business days opens it
        now = _row(calm, party).opened_at
        due, warn = CHINA.after(now, timedelta(days=5)), CHINA.after(now, timedelta(days=4))
        from sqlalchemy import update

        conn.execute(
            update(case_rows.CASE)
            .where(case_rows.CASE.c.party_id == party)
            .values(due_at=due, warn_at=warn, sla_business=True)
        )
    await cases.request_info(calm.office, party, ["content_score"], who=Asker("lan"))
    stopped = _row(calm, party)
    assert stopped.paused_at is not None
    await cases.answer(calm.office, party, [], facts_file=None, who=Asker("mei"))
    on = _row(calm, party)
    answered = _told(calm, party, "case:answered")[0]
    assert on.due_at is not None
    assert CHINA.between(answered, on.due_at) == CHINA.between(stopped.paused_at, due)
    assert (calm.case(party)["assignee"], calm.case(party)["state"]) == ("lan", "claimed")


@calm_group
async def test_facts_that_come_in_between_move_no_date(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    before = _row(calm, party)
    await calm.set_facts(party, {"content_score": "51.0"})
    after = _row(calm, party)
    assert (after.due_at, after.warn_at, after.screening_no) == (before.due_at, before.warn_at, 2)
    await cases.request_info(calm.office, party, ["content_score"], who=Asker("lan"))
    stopped = _row(calm, party)
    await calm.set_facts(party, {"content_score": "52.0"})
    assert _row(calm, party).paused_at == stopped.paused_at
    assert (_row(calm, party).due_at, _row(calm, party).info_deadline) == (stopped.due_at, stopped.info_deadline)
