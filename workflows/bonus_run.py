"""A period's grants over everybody in standing: one ``TrafficBonus`` for each that is due."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from activities.run_payloads import BonusDue
    from activities.surveys import SurveyActivities
    from fastbrand.domain import names
    from workflows.messages import BonusInput, RunInput, RunView
    from workflows.runs import Progress, page
    from workflows.steps import start_once
    from workflows.traffic_bonus import TrafficBonus

STARTED_AT_ONCE = 50
"""Grants whose start is under way at the same time."""


@workflow.defn(name="BonusRun", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class BonusRun:
    """The grants of one period. Run twice, it grants nothing twice: a party has one grant a period, ever."""

    @workflow.init
    def __init__(self, start: RunInput) -> None:
        self._progress = Progress(start, "bonus")

    @workflow.run
    async def run(self, start: RunInput) -> RunView:
        """Page by page to the end; how many got a grant is the result."""
        progress = self._progress
        if not start.after:
            await progress.begin()
        while True:
            found = await page(
                SurveyActivities.bonuses, progress.request(), f"bonus after {progress.after or 'nobody'}"
            )
            progress.count(found.outcomes, len(found.due))
            for begin in range(0, len(found.due), STARTED_AT_ONCE):
                await asyncio.gather(*(self._grant(due) for due in found.due[begin : begin + STARTED_AT_ONCE]))
            if found.next is None:
                return await progress.close()
            progress.after = found.next
            if progress.must_continue():
                workflow.continue_as_new(progress.carried())

    @workflow.query(name="view")
    def view(self) -> RunView:
        """How far the run is."""
        return self._progress.view()

    async def _grant(self, due: BonusDue) -> None:
        await start_once(
            TrafficBonus.run,
            BonusInput(grant_id=due.grant_id, party_id=due.party_id, track=due.track, period=due.period),
            workflow_id=names.grant_workflow_id(due.grant_id),
            summary=f"traffic bonus for {due.period}",
        )
