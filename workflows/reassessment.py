"""Upkeep over everybody: the populations' engine looks at all, those whose standing may move are told."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from activities.surveys import SurveyActivities
    from fastbrand.domain import names
    from workflows.messages import Assess, RunInput, RunView
    from workflows.runs import Progress, page
    from workflows.steps import tell

TOLD_AT_ONCE = 50
"""Signals under way at the same time."""


@workflow.defn(name="Reassessment", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Reassessment:
    """One look at everybody in standing."""

    @workflow.init
    def __init__(self, start: RunInput) -> None:
        self._progress = Progress(start, "upkeep")

    @workflow.run
    async def run(self, start: RunInput) -> RunView:
        """Page by page to the end; how many were seen how is the result."""
        progress = self._progress
        if not start.after:
            await progress.begin()
        while True:
            seen = await page(SurveyActivities.survey, progress.request(), f"survey after {progress.after or 'nobody'}")
            progress.count(seen.outcomes, len(seen.changed))
            progress.digest = seen.digest
            for begin in range(0, len(seen.changed), TOLD_AT_ONCE):
                some = seen.changed[begin : begin + TOLD_AT_ONCE]
                await asyncio.gather(*(self._tell(party_id) for party_id in some))
            if seen.next is None:
                return await progress.close()
            progress.after = seen.next
            if progress.must_continue():
                workflow.continue_as_new(progress.carried())

    @workflow.query(name="view")
    def view(self) -> RunView:
        """How far the run is."""
        return self._progress.view()

    async def _tell(self, party_id: str) -> None:
        key = f"{self._progress.key}/{party_id}"
        await tell(names.lifecycle_id(party_id), "assess", Assess(period=self._progress.period, key=key))
