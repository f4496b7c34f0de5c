"""Documents that have ended: their parties' facts are looked at again, and an open application is screened anew.

Nothing depends on when it runs: what a document proves ends by itself. It runs so that people hear of it.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from activities.documents import DocumentActivities
    from activities.run_payloads import DocumentCheck, EndedRequest
    from fastbrand.domain import names
    from workflows.messages import DocumentsEnded, WatchInput, WatchView
    from workflows.runs import page
    from workflows.steps import now, step, tell

PAGES_A_RUN = 4
"""Pages after which a watch goes on as a new run: histories stay short however many documents end on one day."""


@workflow.defn(name="DocumentWatch", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class DocumentWatch:
    """One look at all documents."""

    @workflow.init
    def __init__(self, start: WatchInput) -> None:
        info = workflow.info()
        self._start = start
        self._key = start.key or f"{info.workflow_id}/{info.first_execution_run_id}"
        self._after, self._ended, self._rescreened = start.after, start.ended, start.rescreened

    @workflow.run
    async def run(self, start: WatchInput) -> WatchView:  # noqa: ARG002 (Temporal passes the same to both)
        """Look at every party of which a document has ended; how many there were is the result."""
        at, pages = self._start.at or now(), 0
        while True:
            asked = EndedRequest(at=at, after=self._after)
            found = await page(DocumentActivities.ended, asked, "whose documents ended")
            for party_id in found.party_ids:
                await self._look(party_id)
            if found.next is None:
                return self.view()
            self._after, pages = found.next, pages + 1
            if pages >= (self._start.page_limit or PAGES_A_RUN):
                workflow.continue_as_new(self._carried(at))

    @workflow.query(name="view")
    def view(self) -> WatchView:
        """How far the watch is."""
        return WatchView(ended=self._ended, rescreened=self._rescreened)

    def _carried(self, at: datetime) -> WatchInput:
        """Where the next run goes on."""
        told = {"key": self._key, "at": at, "after": self._after}
        return self._start.model_copy(update={**told, "ended": self._ended, "rescreened": self._rescreened})

    async def _look(self, party_id: str) -> None:
        at, key = now(), f"{self._key}/{party_id}"
        found = await step(
            DocumentActivities.check, DocumentCheck(party_id=party_id, at=at, key=key), "check documents"
        )
        self._ended += len(found.ended)
        if found.rescreen:
            ended = DocumentsEnded(party=found.party, at=at, key=key)
            self._rescreened += await tell(names.lifecycle_id(party_id), "documents_ended", ended)
