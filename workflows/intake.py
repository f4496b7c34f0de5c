"""Bulk intake: a file's parties apply, so many at a time; it goes on where it was after anything."""

from __future__ import annotations

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


@workflow.defn(name="Intake", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Intake:
    """One file: a sliding window of applications that are not screened yet."""

    @workflow.init
    def __init__(self, start: IntakeInput) -> None:
        self._start = start
        self._open = set(start.open)
        self._screened: list[str] = list(start.screened)
        self._started: list[str] = list(start.started)
        self._counts: dict[str, int] = dict(start.counts)
        self._here = 0

    @workflow.run
    async def run(self, start: IntakeInput) -> IntakeView:
        """Start everybody, wait until all are screened; how many came to what is the result."""
        while True:
            room = max(0, start.window - len(self._open))
            page = await step(IntakeActivities.next, self._step(room), f"next {room} rows")
            self._counts = page.counts
            for member in page.members:
                await self._begin(member)
            if room and not page.members and not self._open:
                break
            if self._here >= (start.starts_limit or STARTS_A_RUN) or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._carried())
            if len(self._open) >= start.window or not page.members:
                await workflow.wait_condition(lambda: bool(self._screened))
        ended = await step(IntakeActivities.end, self._step(0), "all rows were looked at")
        self._counts = ended.counts
        return self.view()

    @workflow.signal(name="taken_in")
    def taken_in(self, message: TakenIn) -> None:
        """A party's application was screened, or refused."""
        if message.party_id in self._open:
            self._open.discard(message.party_id)
            self._screened.append(message.party_id)

    @workflow.query(name="view")
    def view(self) -> IntakeView:
        """How far the intake is."""
        return IntakeView(intake_id=self._start.intake_id, counts=self._counts, open=len(self._open))

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
        begin = LifecycleInput(
            party_id=party_id, track=member.track, application=applied, report_to=names.intake_id(intake_id)
        )
        self._open.add(party_id)
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
            self._open.discard(party_id)
            self._screened.append(party_id)
        self._here += 1

    def _step(self, limit: int) -> IntakeStep:
        """Say what happened since the last step, and ask for more."""
        screened, started = tuple(self._screened), tuple(self._started)
        self._screened, self._started = [], []
        return IntakeStep(
            intake_id=self._start.intake_id, at=now(), limit=max(0, limit), screened=screened, started=started
        )

    def _carried(self) -> IntakeInput:
        return self._start.model_copy(
            update={
                "open": tuple(sorted(self._open)),
                "screened": tuple(self._screened),
                "started": tuple(self._started),
                "counts": self._counts,
            }
        )
