"""Intakes and runs over everybody that go on in new runs, in the middle: nobody is left out, nobody counted twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from activities import surveys
from fastbrand.service import intake, parties
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, open_desk, until
from tests.workflows.given import FAST_BRAND, ON_WATCH, UNREMARKABLE, WHITE_LABEL
from tests.workflows.test_intake import Told, write
from tests.workflows.variants import DEMO, KEPT, edited
from workflows.bonus_run import BonusRun
from workflows.messages import IntakeInput, RunInput, RunView
from workflows.reassessment import Reassessment

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-upkeep")]

KINDS = (FAST_BRAND, {**FAST_BRAND, **WHITE_LABEL}, {**FAST_BRAND, **UNREMARKABLE})
STANDING = 7


@pytest_asyncio.fixture(scope="module")
async def carried(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A desk of its own: its runs look at everybody, and everybody is of this module."""
    folder = tmp_path_factory.mktemp("carried")
    async with open_desk("carried", address, folder / "state", edited(DEMO, folder / "book", KEPT)) as desk:
        yield desk


async def _runs(desk: Desk, workflow_id: str) -> int:
    """Over how many runs a workflow went."""
    described = await desk.client.get_workflow_handle(workflow_id).describe()
    run, number = described.raw_description.workflow_execution_info.first_run_id, 1
    while True:
        history = await desk.client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
        last = history.events[-1]
        if not last.HasField("workflow_execution_continued_as_new_event_attributes"):
            return number
        run = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        number += 1


async def test_an_intake_goes_on_in_the_middle(carried: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await carried.office.connect()
    begin = client.start_workflow

    async def in_short_runs(run: Any, start: IntakeInput, **options: Any) -> Any:
        return await begin(run, start.model_copy(update={"starts_limit": 2}), **options)

    monkeypatch.setattr(client, "start_workflow", in_short_runs)
    rows = {f"carried-in-{number:02}": KINDS[number % len(KINDS)] for number in range(9)}
    source = CandidateSource(file=write(tmp_path / "in.csv", rows))
    done = await intake.bring_in(carried.office, source, who=Asker("mei"), progress=Told(), window=3)
    assert (done["rows"], done["new"]) == (9, 9)
    assert done["stages"] == {"endorsed": 3, "rejected": 3, "vetting": 3}
    workflow_id = f"intake/{done['intake_id']}"
    assert await _runs(carried, workflow_id) >= 4
    view = await carried.until_ended(workflow_id)
    assert (view["counts"], view["open"]) == ({"screened": 9}, 0)
    applied = [
        event["after"]["event"] for party in rows for event in carried.audit(party, "party:stage_changed")
    ].count("apply")
    assert applied == len(rows)
    told = [event["verb"] for event in carried.all_audit() if event["subject"]["id"] == done["intake_id"]]
    assert told.count("intake:ended") == 1


async def _run(desk: Desk, run: Any, start: RunInput, workflow_id: str) -> RunView:
    view: RunView = await desk.client.execute_workflow(
        run,
        start,
        id=workflow_id,
        task_queue=desk.settings.task_queue,
        result_type=RunView,
    )
    return view


async def test_upkeep_and_bonus_go_on_in_the_middle(carried: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveys, "PAGE", 2)
    for _ in range(STANDING):
        await carried.apply(FAST_BRAND)
    standing = sorted(
        each["party_id"]
        for stage in ("endorsed", "active")
        for each in parties.list_parties(carried.office, stage=stage, track=None, limit=100)
    )
    for party in standing:
        await until(lambda party=party: carried.tranches(party)[:2] == ["released"] * 2, "out")  # type: ignore[misc]  # called at once
    slipping = standing[::3]
    for party in slipping:
        carried.record(party, ON_WATCH)

    start = RunInput(period="2030-01", key="upkeep/carried", page_limit=1)
    seen = await _run(carried, Reassessment.run, start, "reassessment/carried")
    assert await _runs(carried, "reassessment/carried") > len(standing) // 2
    assert seen.done
    assert (sum(seen.outcomes.values()), seen.outcomes["watch"], seen.changed) == (
        len(standing),
        len(slipping),
        len(slipping),
    )
    for party in slipping:
        await carried.until_stage(party, "watch")
    moved = Counter(
        event["after"]["event"] for party in standing for event in carried.audit(party, "party:stage_changed")
    )
    assert moved["watch"] == len(slipping)

    good = [party for party in standing if party not in slipping]
    start = RunInput(period="2030-02", key="bonus/carried", page_limit=1)
    granted = await _run(carried, BonusRun.run, start, "bonus/carried")
    assert await _runs(carried, "bonus/carried") > len(good) // 2
    assert granted.outcomes == {"grant": len(good)}
    for party in good:
        await until(lambda party=party: f"{party}/2030-02" in carried.grant_ids(party), "decided")  # type: ignore[misc]  # called at once
    again = await _run(carried, BonusRun.run, start.model_copy(update={"key": "bonus/again"}), "bonus/carried/again")
    assert again.outcomes == {"decided before": len(good)}
    reserved = Counter(event["subject"]["id"] for event in carried.all_audit() if event["verb"] == "grant:reserved")
    assert max(reserved.values()) == 1
    ended = [event["after"] for event in carried.all_audit() if event["verb"] == "bonus_run:ended"]
    assert [sum(each["outcomes"].values()) for each in ended] == [len(good)] * 2
