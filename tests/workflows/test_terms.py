"""What ends by itself: endorsements, and the time people have."""

from __future__ import annotations

from datetime import datetime

import pytest

from fastbrand.service import cases
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND, UNREMARKABLE

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-timers")]


async def test_the_standing_of_a_fast_brand_ends_with_its_endorsement(brief: Desk) -> None:
    party = await brief.apply(FAST_BRAND)
    assert (brief.stage(party), brief.mark(party)) == ("endorsed", "active")
    await brief.until_stage(party, "expired")

    assert brief.mark(party) == "ended"
    (ended,) = brief.audit(party, "endorsement:ended")
    assert (ended["actor"]["id"], ended["reason"]) == ("system:programme", "term")
    assert await brief.until_ended(f"party/{party}/endorsement/1") == "term"
    await brief.until_ended(brief.lifecycle(party))


async def test_a_fast_brand_whose_endorsement_ended_may_apply_again(brief: Desk) -> None:
    party = await brief.apply(FAST_BRAND)
    await brief.until_stage(party, "expired")
    await brief.until_ended(brief.lifecycle(party))
    await brief.apply({}, party=party)

    await brief.until_stage(party, "expired")
    assert await brief.until_ended(f"party/{party}/endorsement/2") == "term"
    assert brief.stages(party)[-4:] == ["screening", "endorsement_proposed", "endorsed", "expired"]
    assert brief.grant(party)["attempt"] == 1  # one grant a period, whatever happens


async def test_a_brand_stays_active_without_the_mark(brief: Desk) -> None:
    party = await brief.apply(BRAND, track="S", with_endorsement=True)
    await until(lambda: brief.mark(party) == "ended", "the endorsement ended")

    assert brief.stage(party) == "active"
    assert brief.stages(party)[-1] == "active"


async def test_a_case_that_nobody_decides_in_time_is_marked_and_stays_open(brief: Desk) -> None:
    party = await brief.apply({**FAST_BRAND, **UNREMARKABLE})
    await until(lambda: brief.case(party)["sla_breached"], "SLA breached")

    (breached,) = brief.audit(party, "case:sla_breached")
    assert breached["actor"]["kind"] == "system"
    assert breached["after"]["due_at"] is not None
    assert datetime.fromisoformat(breached["at"]) >= datetime.fromisoformat(breached["after"]["due_at"])
    case_id = brief.case(party)["case_id"]
    await brief.until_listed(f"WorkflowId = '{case_id}' AND SlaBreached = true")
    assert brief.case(party)["state"] == "open"
    await brief.propose(party)
    done = await cases.confirm(brief.office, party, who=Asker("qiang"))
    assert done["stage"] == "endorsed"
    assert len(brief.audit(party, "case:sla_breached")) == 1
