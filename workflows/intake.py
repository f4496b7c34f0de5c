"""Bulk intake: a file's parties apply, so many at a time; it goes on where it was after anything."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.intakes import IntakeActivities
    from activities.run_payloads import IntakeMember, IntakeStep
    from fastbrand.domain import names
    from workflows.brand_lifecycle import BrandLifecycle
    from workflows.messages import Apply, IntakeInput, IntakeView, LifecycleInput, TakenIn
    from workflows.steps import now, step

STARTS_A_RUN = 400
"""Parties after which an intake goes on as a new run: histories stay short whatever the file."""

LOOK, RARELY = timedelta(seconds=0.5), timedelta(seconds=30)
"""How soon the rows are looked at again; and where nothing came of that, after twice the time, up to this.

The step that serves an application marks its row: a signal for each would cost as much again as what it tells of.
"""


@workflow.defn(name="Intake", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Intake:
    """One file: a sliding window of applications that are not screened yet."""

    @workflow.init
    def __init__(self, start: IntakeInput) -> None:
        self._start = start
        self._screened: list[str] = list(start.screened)
        self._started: list[str] = list(start.started)
        self._counts: dict[str, int] = dict(start.counts)
        self._here = 0

    @workflow.run
    async def run(self, start: IntakeInput) -> IntakeView:
        """Start everybody, wait until all are screened; how many came to what is the result."""
        wait = LOOK
        while True:
            before = self._counts
            page = await step(IntakeActivities.next, self._step(start.window), "the next rows")
            self._counts = page.counts
            await asyncio.gather(*(self._begin(member) for member in page.members))
            if not page.members and not page.counts.get("started"):
                break
            if self._here >= (start.starts_limit or STARTS_A_RUN) or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._carried())
            wait = min(2 * wait, RARELY) if page.counts == before and not page.members else LOOK
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: bool(self._screened), timeout=wait, timeout_summary="applications are under way"
                )
        ended = await step(IntakeActivities.end, self._step(0), "all rows were looked at")
        self._counts = ended.counts
        return self.view()

    @workflow.signal(name="taken_in")
    def taken_in(self, message: TakenIn) -> None:
        """A party's application was refused: that is an answer too."""
        self._screened.append(message.party_id)

    @workflow.query(name="view")
    def view(self) -> IntakeView:
        """How far the intake is."""
        under_way = self._counts.get("started", 0) + len(self._started)
        return IntakeView(intake_id=self._start.intake_id, counts=self._counts, open=under_way)

    async def _begin(self, member: IntakeMember) -> None:
        """Start a party's lifecycle with its application inside. One that runs has its facts already."""
        intake_id, party_id = self._start.intake_id, member.party_id
        applied = Apply(
            command_id=f"intake/{intake_id}/{party_id}",
            actor=self._start.actor,
            role=self._start.role,
            reason="bulk intake",
            track=member.track,
            sent_at=self._start.sent_at,
        )
        begin = LifecycleInput(party_id=party_id, track=member.track, application=applied, intake_id=intake_id)
        try:
            await workflow.start_child_workflow(
                BrandLifecycle.run,
                begin,
                id=names.lifecycle_id(party_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                task_timeout=workflow.info().task_timeout,
                static_summary=f"party on track {member.track}",
            )
            self._started.append(party_id)
        except WorkflowAlreadyStartedError:
            # a command of a person was first: that application stands
            self._screened.append(party_id)
        self._here += 1

    def _step(self, window: int) -> IntakeStep:
        """Say what happened since the last step, and ask for more."""
        screened, started = tuple(self._screened), tuple(self._started)
        self._screened, self._started = [], []
        return IntakeStep(intake_id=self._start.intake_id, at=now(), window=window, screened=screened, started=started)

    def _carried(self) -> IntakeInput:
        return self._start.model_copy(
            update={
                "screened": tuple(self._screened),
                "started": tuple(self._started),
                "counts": self._counts,
            }
        )
