"""The entity workflow of a party: from the first application to the end of its standing.

It decides *when*: an application is screened at once, a case opens only where a person is needed, an approval starts
the endorsement and the first grant, new facts rescreen an open case, upkeep and appeals move a standing, a suspension
that nobody lifts runs out. What happens is in the activities, why is in the rules.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.parties import PartyActivities
    from activities.payloads import (
        AppealStep,
        AssessRequest,
        By,
        Moved,
        PartyRef,
        PartyStep,
        Payload,
        PlanStep,
        RescreenRequest,
        Screened,
        StandingStep,
    )
    from activities.screening import ScreeningActivities
    from activities.standing import StandingActivities
    from activities.upkeep import UpkeepActivities
    from fastbrand.domain import names
    from fastbrand.domain.lifecycle import OPEN, Stage, Track
    from fastbrand.domain.people import Action
    from workflows import children
    from workflows.mailbox import Mailbox, check_role, refusal
    from workflows.messages import (
        Appeal,
        Apply,
        Assess,
        BookInForce,
        CaseClosed,
        CaseMoved,
        CaseUpdate,
        Command,
        DocumentsEnded,
        EndorsementEnded,
        FactsChanged,
        Invite,
        LifecycleInput,
        Nominate,
        PartyView,
        ProposePlan,
        Review,
        SettlePlan,
        TakenIn,
        Withdraw,
    )
    from workflows.party_record import PartyRecord
    from workflows.steps import came, now, step, tell


@workflow.defn(name="BrandLifecycle", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class BrandLifecycle:
    """Moves one party through application, screening, vetting, approval and standing."""

    @workflow.init
    def __init__(self, start: LifecycleInput) -> None:
        self._start = start
        self._mail = Mailbox(start.state.remembered if start.state else ())
        self._record = PartyRecord(start)
        if start.application is not None:
            self._mail.put(start.application)

    @workflow.run
    async def run(self, start: LifecycleInput) -> PartyView:  # noqa: ARG002 (Temporal passes the same to both)
        """Serve the party until a terminal stage's time is over; the last view is the result."""
        while True:
            while self._mail:
                await self._serve(self._mail.take())
            if self._mail.coming():
                await workflow.wait_condition(lambda: bool(self._mail))
                continue
            if not self._record.known:
                await self._look_up()
            self._record.show()
            if self._must_continue() and not self._mail:
                if await self._mail.quiet():
                    workflow.continue_as_new(self._record.carried(self._mail.carry()))
            elif self._record.over():
                if await self._mail.quiet():
                    return self._record.view()
            else:
                await self._wait()

    # --- what people and other workflows say ---------------------------------------------------------------------

    @workflow.update(name="nominate")
    async def nominate(self, command: Nominate) -> PartyView:
        """Name a party that might come in."""
        return await self._mail.ask(command, PartyView)

    @nominate.validator
    def _may_nominate(self, command: Nominate) -> None:
        self._check(command, Action.PARTY_NOMINATE)

    @workflow.update(name="apply")
    async def apply(self, command: Apply) -> PartyView:
        """Take an application in and screen it; the view tells what came of it."""
        return await self._mail.ask(command, PartyView)

    @apply.validator
    def _may_apply(self, command: Apply) -> None:
        self._check(command, Action.PARTY_APPLY)

    @workflow.update(name="invite")
    async def invite(self, command: Invite) -> PartyView:
        """Invite an S brand."""
        return await self._mail.ask(command, PartyView)

    @invite.validator
    def _may_invite(self, command: Invite) -> None:
        self._check(command, Action.PARTY_INVITE)

    @workflow.update(name="withdraw")
    async def withdraw(self, command: Withdraw) -> PartyView:
        """Take an application back, before it is decided."""
        return await self._mail.ask(command, PartyView)

    @withdraw.validator
    def _may_withdraw(self, command: Withdraw) -> None:
        self._check(command, Action.PARTY_WITHDRAW)

    @workflow.update(name="facts_changed")
    async def facts_changed(self, command: FactsChanged) -> PartyView:
        """Newer facts are stored: an open case is screened again."""
        return await self._mail.ask(command, PartyView)

    @facts_changed.validator
    def _may_change_facts(self, command: FactsChanged) -> None:
        check_role(command, Action.FACTS_SET)  # a fact is an observation: it comes in whatever the stage

    @workflow.update(name="appeal")
    async def appeal(self, command: Appeal) -> PartyView:
        """Appeal against a rejection, a suspension or the loss of a standing."""
        return await self._mail.ask(command, PartyView)

    @appeal.validator
    def _may_appeal(self, command: Appeal) -> None:
        self._check(command, Action.PARTY_APPEAL)

    @workflow.update(name="review")
    async def review(self, command: Review) -> PartyView:
        """Open a case about the party's standing."""
        return await self._mail.ask(command, PartyView)

    @review.validator
    def _may_review(self, command: Review) -> None:
        self._check(command, Action.PARTY_REVIEW)

    @workflow.update(name="propose_plan")
    async def propose_plan(self, command: ProposePlan) -> PartyView:
        """Propose what the party undertakes to mend."""
        return await self._mail.ask(command, PartyView)

    @propose_plan.validator
    def _may_propose_plan(self, command: ProposePlan) -> None:
        self._check(command, Action.PLAN_PROPOSE)

    @workflow.update(name="settle_plan")
    async def settle_plan(self, command: SettlePlan) -> PartyView:
        """Accept or refuse the action plan."""
        return await self._mail.ask(command, PartyView)

    @settle_plan.validator
    def _may_settle_plan(self, command: SettlePlan) -> None:
        self._check(command, Action.PLAN_SETTLE)

    @workflow.signal(name="assess")
    def assess(self, message: Assess) -> None:
        """Upkeep saw that the standing may change."""
        self._mail.put(message)

    @workflow.signal(name="case_closed")
    def case_closed(self, message: CaseClosed) -> None:
        """A case ended."""
        self._mail.put(message)

    @workflow.signal(name="case_moved")
    def case_moved(self, message: CaseMoved) -> None:
        """A case moved the party's stage."""
        self._mail.put(message)

    @workflow.signal(name="documents_ended")
    def documents_ended(self, message: DocumentsEnded) -> None:
        """Documents ended that the open application rests on: it is screened again."""
        self._mail.put(message)

    @workflow.signal(name="endorsement_ended")
    def endorsement_ended(self, message: EndorsementEnded) -> None:
        """An endorsement's term is over."""
        self._mail.put(message)

    @workflow.signal(name="book_in_force")
    def book_in_force(self, message: BookInForce) -> None:
        """Another book came into force: an open application may be decided by it."""
        self._mail.put(message)

    @workflow.query(name="view")
    def view(self) -> PartyView:
        """The party as the workflow sees it."""
        return self._record.view()

    # --- one message at a time ------------------------------------------------------------------------------------

    async def _serve(self, message: Payload) -> None:
        with self._mail.serving():
            if isinstance(message, Command):
                try:
                    await self._obey(message)
                except (ActivityError, ApplicationError) as error:
                    self._mail.refuse(message.command_id, error)
                    await self._report(message, refused=True)
                else:
                    self._mail.answer(message.command_id, self._record.view(message.command_id))
                    await self._report(message, refused=False)
            else:
                try:
                    await self._hear(message)
                except (ActivityError, ApplicationError) as error:
                    # nobody waits for an answer; the database knows best where the party stands now
                    workflow.logger.error("`%s` was not followed: %s", type(message).__name__, error)
                    self._record.doubt()
        self._record.show()

    async def _report(self, command: Command, *, refused: bool) -> None:
        """Tell the intake that an application out of its file was refused; one that was served is marked in its row."""
        start = self._start
        intake = names.intake_id(start.intake_id) if start.intake_id and refused else start.report_to
        if intake and command is start.application:
            await tell(intake, "taken_in", TakenIn(party_id=start.party_id))

    async def _obey(self, command: Command) -> None:
        by, party_id = command.by(), self._start.party_id
        match command:
            case Apply():
                self._record.with_endorsement = command.with_endorsement
                file = self._start.intake_id if command is self._start.application else ""
                await self._screen(command.track, by, self._moment(command), file)
            case FactsChanged():
                await self._rescreen(by, self._moment(command))
            case Nominate():
                named = PartyStep(party_id=party_id, track=command.track, at=now(), by=by)
                self._record.adopt(await step(PartyActivities.nominate, named, f"nominated by {command.actor}"))
            case Invite():
                self._record.adopt(await step(PartyActivities.invite, self._step(command), "invite"))
            case Withdraw():
                case_id = self._record.party.case_id
                self._record.adopt(await step(PartyActivities.withdraw, self._step(command), "withdraw"))
                if case_id is not None:
                    await tell(case_id, "case_updated", CaseUpdate(closed=True, key=command.command_id))
            case Appeal():
                asked = AppealStep(party_id=party_id, at=now(), by=by)
                await self._spread(await step(StandingActivities.appeal, asked, "appeal"), command.command_id)
            case Review():
                asked = AppealStep(party_id=party_id, at=now(), by=by)
                await self._spread(await step(StandingActivities.review, asked, "review"), command.command_id)
            case ProposePlan():
                plan = PlanStep(party_id=party_id, at=now(), by=by, measures=command.measures, due_at=command.due_at)
                self._record.adopt(await step(UpkeepActivities.propose_plan, plan, "propose an action plan"))
            case SettlePlan():
                plan = PlanStep(party_id=party_id, at=now(), by=by, accept=command.accept)
                self._record.adopt(await step(UpkeepActivities.settle_plan, plan, "settle the action plan"))
            case _:
                raise refusal("usage", f"`{type(command).__name__}` is not a command of a party")

    async def _hear(self, message: Payload) -> None:
        match message:
            case CaseClosed():
                self._record.follow(message.party)
                self._record.without_case(message.case_id)
                if message.moved is not None:
                    await children.follow(message.moved, message.key)
                if message.standing is not None:
                    await children.stand(self._record.party, message.standing)
            case CaseMoved():
                self._record.follow(message.party)
                if message.rescreen:
                    at = max(now(), message.sent_at or now())
                    await self._rescreen(By.system(f"{message.key}/rescreen"), at)
            case DocumentsEnded():
                self._record.follow(message.party)
                await self._rescreen(By.system(f"{message.key}/rescreen"), max(now(), message.at))
            case EndorsementEnded():
                self._record.follow(message.party)
                if message.party.stage is Stage.EXPIRED:
                    await children.leave(message.party, message.cause, f"{message.party.endorsement_id}/ended")
                if message.closed_case_id is not None:
                    self._record.without_case(message.closed_case_id)
                    await tell(message.closed_case_id, "case_updated", CaseUpdate(closed=True, key=message.cause))
            case BookInForce():
                await self._rescreen(By.system(f"{message.key}/rescreen"), now())
            case Assess():
                request = AssessRequest(
                    party_id=self._start.party_id, period=message.period, at=now(), by=By.system(message.key)
                )
                moved = await step(UpkeepActivities.assess, request, f"assess the standing in {message.period}")
                await self._spread(moved, message.key)

    # --- steps ----------------------------------------------------------------------------------------------------

    async def _screen(self, track: Track, by: By, at: datetime, intake_id: str = "") -> None:
        request = self._record.to_screen(track, by, at, intake_id)
        await self._proceed(await step(ScreeningActivities.screen, request, "screen the application"), intake_id)

    async def _rescreen(self, by: By, at: datetime) -> None:
        if not self._record.known:
            await self._look_up()
        if self._record.party.stage not in OPEN:
            return
        request = RescreenRequest(party_id=self._start.party_id, at=at, by=by)
        screened = await step(ScreeningActivities.rescreen, request, "screen again on newer facts")
        await self._proceed(screened)

    async def _proceed(self, screened: Screened, intake_id: str = "") -> None:
        before = self._record.party.case_id
        self._record.adopt(screened.party)
        if screened.closed_case_id is not None:
            await tell(screened.closed_case_id, "case_updated", CaseUpdate(closed=True, key="rescreened"))
        if screened.route == "person" and screened.case is not None:
            if screened.case.case_id == before:
                await tell(before, "case_updated", CaseUpdate(case=screened.case, key="rescreened"))
            else:
                await children.open_case(screened.case)
        elif screened.route == "system" and screened.approve:
            request = self._record.to_endorse(intake_id)
            approved = await step(ScreeningActivities.endorse, request, "settle the approval")
            self._record.adopt(approved.party)
            if approved.standing is not None:
                await children.stand(approved.party, approved.standing)

    async def _spread(self, moved: Moved, key: str) -> None:
        """Tell whom it concerns what became of the standing; open what it calls for."""
        self._record.adopt(moved.party)
        await children.follow(moved, key)
        if moved.event == "graduate":
            await self._screen(Track.S, By.system(f"{key}/graduated"), now())

    async def _look_up(self) -> None:
        self._record.adopt(await step(PartyActivities.load, PartyRef(party_id=self._start.party_id), "look it up"))

    # --- waiting --------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Until somebody says something, or what runs out by itself does."""
        deadline = self._record.deadline()
        if deadline is None:
            await workflow.wait_condition(lambda: bool(self._mail) or self._must_continue())
            return
        moment, what = deadline
        came_in = await came(lambda: bool(self._mail), before=moment, summary=what)
        if not came_in and self._record.party.stage is Stage.SUSPENDED:
            await self._run_out()

    async def _run_out(self) -> None:
        """Nobody lifted the suspension in time."""
        party = self._record.party
        key = f"party/{party.party_id}/suspension/{party.revision}"
        event = "revoke" if party.track is Track.M else "terminate"
        # of a party that has moved on since, nothing is taken
        by = By.system(key).model_copy(update={"expected_revision": party.revision})
        request = StandingStep(party_id=party.party_id, event=event, at=now(), by=by, cause="suspension")
        try:
            await self._spread(await step(StandingActivities.move, request, "the suspension ran out"), key)
        except (ActivityError, ApplicationError) as error:
            workflow.logger.error("the suspension of `%s` ran out, but: %s", party.party_id, error)
            self._record.doubt()

    # --- who may, and when ----------------------------------------------------------------------------------------

    def _check(self, command: Command, action: Action) -> None:
        """A validator: who may at all, and whether the party can take it, where that is certain by now."""
        check_role(command, action)
        if self._record.known and self._mail.settled() and not self._mail.knows(command.command_id):
            self._record.judge(command)

    def _step(self, command: Command) -> PartyStep:
        return PartyStep(party_id=self._start.party_id, track=self._start.track, at=now(), by=command.by())

    def _moment(self, command: Command) -> datetime:
        """Now, but not before the facts that came with the command: clocks differ between machines."""
        return max(now(), command.sent_at or now())

    def _must_continue(self) -> bool:
        limit = self._start.history_limit
        info = workflow.info()
        return info.is_continue_as_new_suggested() or (0 < limit <= info.get_current_history_length())
