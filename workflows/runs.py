"""What runs over everybody have in common: a period, pages, counts, going on in a new run when the history is long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.payloads import Payload
    from activities.run_payloads import PageRequest, RunClosed, RunRequest, RunStarted
    from activities.surveys import SurveyActivities
    from workflows.messages import RunInput, RunView
    from workflows.steps import RETRY, now

S = TypeVar("S")
P = TypeVar("P", bound=Payload)
R = TypeVar("R", bound=Payload)

PAGES_A_RUN = 20
"""Pages after which a run goes on as a new one: histories stay short whatever the number of parties."""


async def page(method: Callable[[S, P], R], request: P, summary: str) -> R:
    """Do one page as a server activity: it may take seconds, and any worker may take it.

    What it gave is in the history before anything follows from it, which may change what it would give the next time.
    """
    return await workflow.execute_activity_method(
        method,
        request,
        start_to_close_timeout=timedelta(minutes=5),
        heartbeat_timeout=workflow.info().task_timeout,  # as soon as a dead worker's other work
        retry_policy=RETRY,
        summary=summary,
    )


class Progress:
    """Where a run stands."""

    def __init__(self, start: RunInput, what: str) -> None:
        self._start, self._what = start, what
        info = workflow.info()
        self.key = start.key or f"{info.workflow_id}/{info.first_execution_run_id}"
        self.outcomes = dict(start.outcomes)
        self.changed, self.digest, self.after = start.changed, start.digest, start.after
        self.period = start.period
        self._pages = 0
        self._at = start.at or now()
        self._done = False

    async def begin(self) -> None:
        """Find the period out."""
        request = RunRequest(at=self._at, period=self._start.period)
        started: RunStarted = await page(SurveyActivities.begin, request, "which period is it")
        self.period, self._at = started.period, started.at

    def request(self) -> PageRequest:
        """The next page."""
        return PageRequest(period=self.period, at=self._at, after=self.after, digest=self.digest)

    def count(self, outcomes: dict[str, int], changed: int) -> None:
        """Add a page up."""
        self._pages += 1
        for outcome, number in outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + number
        self.changed += changed

    def must_continue(self) -> bool:
        """Whether the next page belongs to a new run."""
        limit = self._start.page_limit or PAGES_A_RUN
        return self._pages >= limit or workflow.info().is_continue_as_new_suggested()

    def carried(self) -> RunInput:
        """Where the new run goes on."""
        return self._start.model_copy(
            update={
                "period": self.period,
                "key": self.key,
                "at": self._at,
                "after": self.after,
                "outcomes": self.outcomes,
                "changed": self.changed,
                "digest": self.digest,
            }
        )

    async def close(self) -> RunView:
        """Write down how it went."""
        closed = RunClosed(
            what=self._what,
            key=self.key,
            period=self.period,
            at=self._at,
            outcomes=self.outcomes,
            changed=self.changed,
            digest=self.digest,
        )
        await page(SurveyActivities.close, closed, "write down how the run went")
        self._done = True
        return self.view()

    def view(self) -> RunView:
        """For who asks."""
        return RunView(period=self.period, outcomes=self.outcomes, changed=self.changed, done=self._done)
