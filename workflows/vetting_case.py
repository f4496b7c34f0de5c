"""A case in front of people: claim, request for information, proposal by one, confirmation by another, deadlines.

Its clock is warned of and runs out, and stands still while the merchant is asked; all dates are moments that the steps
gave, so that nothing but time itself moves them. Every step is one transaction that changes the case and, where it
follows, the party's stage. The case then tells the party's lifecycle, so that waiting and children follow what the
database already says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributePair, SearchAttributeUpdate, VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.cases import CaseActivities
    from activities.payloads import By, CaseFile, CaseResult, CaseStep, Payload
    from fastbrand.domain import casework, names
    from fastbrand.domain.casework import CLOSED, INFO_REQUESTED, PROPOSED, Attempt, CaseNow
    from fastbrand.domain.errors import FastbrandError
    from fastbrand.domain.lifecycle import Stage
    from fastbrand.domain.people import Action
    from workflows.mailbox import Mailbox, check_role, refusal
    from workflows.messages import (
        AnswerInfo,
        CaseClosed,
        CaseMoved,
        CaseUpdate,
        CaseView,
        ClaimCase,
        Command,
        Confirm,
        Propose,
        ReleaseCase,
        RequestInfo,
        ReturnCase,
    )
    from workflows.steps import ASSIGNEE, AWAITING_ROLE, SLA_BREACHED, SLA_DUE_AT, came, now, show, step, tell

SLA, WARNING, ANSWER = "SLA", "SLA warning", "time to answer"
"""What a case waits for by itself."""

_CALLED: dict[type[Command], str] = {
    ClaimCase: "claim",
    ReleaseCase: "release",
    RequestInfo: "request_info",
    AnswerInfo: "answer",
    Propose: "propose",
    Confirm: "confirm",
    ReturnCase: "return",
}
"""Command -> what it does to a case, as ``casework`` calls it."""


def first_shown(case: CaseFile) -> list[SearchAttributePair[Any]]:
    """The search attributes that a case begins with."""
    shown: list[SearchAttributePair[Any]] = [
        SearchAttributePair(AWAITING_ROLE, case.role),
        SearchAttributePair(SLA_BREACHED, False),
    ]
    return shown if case.due_at is None else [*shown, SearchAttributePair(SLA_DUE_AT, case.due_at)]


@workflow.defn(name="VettingCase", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VettingCase:
    """One case, from opening to its end."""

    @workflow.init
    def __init__(self, start: CaseFile) -> None:
        self._case = start
        self._mail = Mailbox()
        self._stage = start.stage
        self._now = CaseNow(
            case_id=start.case_id,
            kind=start.kind,
            state=start.state,
            role=start.role,
            excluded=start.excluded,
            rfi_rounds=start.rfi_rounds,
        )
        self._queue = start.queue
        self._info_deadline: datetime | None = None
        self._due, self._warn = start.due_at, start.warn_at
        self._paused = self._breached = False

    @workflow.run
    async def run(self, start: CaseFile) -> CaseView:  # noqa: ARG002 (Temporal passes the same to both)
        """Serve the case until it is closed; the last view is the result."""
        if workflow.info().typed_search_attributes.get(AWAITING_ROLE) is None:
            self._show()  # it was started without: a release before this one did so
        while True:
            while self._mail:
                await self._serve(self._mail.take())
            if self._now.state == CLOSED:
                if await self._mail.quiet():
                    return self._view()
                continue
            await self._wait()

    # --- what people say -----------------------------------------------------------------------------------------

    @workflow.update(name="claim")
    async def claim(self, command: ClaimCase) -> CaseView:
        """Take the case."""
        return await self._mail.ask(command, CaseView)

    @claim.validator
    def _may_claim(self, command: ClaimCase) -> None:
        self._check(command, Action.CASE_CLAIM)

    @workflow.update(name="release")
    async def release(self, command: ReleaseCase) -> CaseView:
        """Give the case back to its queue."""
        return await self._mail.ask(command, CaseView)

    @release.validator
    def _may_release(self, command: ReleaseCase) -> None:
        self._check(command, Action.CASE_RELEASE)

    @workflow.update(name="request_info")
    async def request_info(self, command: RequestInfo) -> CaseView:
        """Ask the merchant for something: the merchant's clock runs then, the case's stands still."""
        return await self._mail.ask(command, CaseView)

    @request_info.validator
    def _may_request_info(self, command: RequestInfo) -> None:
        self._check(command, Action.CASE_REQUEST_INFO)

    @workflow.update(name="answer")
    async def answer(self, command: AnswerInfo) -> CaseView:
        """The merchant answered."""
        return await self._mail.ask(command, CaseView)

    @answer.validator
    def _may_answer(self, command: AnswerInfo) -> None:
        self._check(command, Action.CASE_ANSWER)

    @workflow.update(name="propose")
    async def propose(self, command: Propose) -> CaseView:
        """Propose an outcome (the maker's half of four eyes)."""
        return await self._mail.ask(command, CaseView)

    @propose.validator
    def _may_propose(self, command: Propose) -> None:
        self._check(command, Action.CASE_OVERRIDE if command.override else Action.CASE_PROPOSE)

    @workflow.update(name="confirm")
    async def confirm(self, command: Confirm) -> CaseView:
        """Confirm what another person proposed (the checker's half)."""
        return await self._mail.ask(command, CaseView)

    @confirm.validator
    def _may_confirm(self, command: Confirm) -> None:
        self._check(command, Action.CASE_CONFIRM)

    @workflow.update(name="return")
    async def return_(self, command: ReturnCase) -> CaseView:
        """Send the proposal back to its maker."""
        return await self._mail.ask(command, CaseView)

    @return_.validator
    def _may_return(self, command: ReturnCase) -> None:
        self._check(command, Action.CASE_RETURN)

    @workflow.signal(name="case_updated")
    def case_updated(self, message: CaseUpdate) -> None:
        """The party's lifecycle screened again, or closed the case."""
        self._mail.put(message)

    @workflow.query(name="view")
    def view(self) -> CaseView:
        """The case as the workflow sees it."""
        return self._view()

    # --- one message at a time -----------------------------------------------------------------------------------

    async def _serve(self, message: Payload) -> None:
        with self._mail.serving():
            if isinstance(message, Command):
                try:
                    await self._obey(message)
                except (ActivityError, ApplicationError) as error:
                    self._mail.refuse(message.command_id, error)
                else:
                    self._mail.answer(message.command_id, self._view(message.command_id))
            elif isinstance(message, CaseUpdate):
                self._hear(message)
        self._show()

    def _hear(self, message: CaseUpdate) -> None:
        """Take newer findings in. What people did to the case while the message was on its way stands."""
        if message.closed:
            self._now = replace(self._now, state=CLOSED)
        elif message.case is not None:
            self._case = message.case
            if not self._breached:  # a case that was late stays where late cases go
                self._now, self._queue = replace(self._now, role=message.case.role), message.case.queue
            if message.case.returned and self._now.state == PROPOSED:
                self._now = replace(self._now, state=message.case.state, proposed_by=None)
                self._stage = Stage.VETTING

    async def _obey(self, command: Command) -> None:
        self._judge(command)
        base = CaseStep(case_id=self._case.case_id, at=now(), by=command.by())
        match command:
            case ClaimCase():
                self._adopt(await step(CaseActivities.claim, base, f"claimed by {command.actor}"))
            case ReleaseCase():
                self._adopt(await step(CaseActivities.release, base, f"given back by {command.actor}"))
            case RequestInfo():
                deadline = now() + timedelta(milliseconds=self._case.rfi_deadline_ms)
                asked = base.model_copy(update={"items": command.items, "deadline": deadline})
                await self._move(CaseActivities.request_info, asked, "ask for information")
            case AnswerInfo():
                await self._move(CaseActivities.answer, base, "information came", sent_at=command.sent_at or base.at)
            case Propose():
                said = {name: getattr(command, name) for name in _PROPOSAL}
                made = base.model_copy(update=said)
                await self._move(CaseActivities.propose, made, f"{command.outcome} proposed by {command.actor}")
            case Confirm():
                await self._move(CaseActivities.confirm, base, f"confirmed by {command.actor}")
            case ReturnCase():
                await self._move(CaseActivities.return_, base, f"returned by {command.actor}")
            case _:
                raise refusal("usage", f"`{type(command).__name__}` is not a command of a case")

    async def _move(
        self,
        method: Callable[[CaseActivities, CaseStep], CaseResult],
        arg: CaseStep,
        summary: str,
        *,
        sent_at: datetime | None = None,
    ) -> None:
        """Do a step and tell the lifecycle; ``sent_at``: facts of that moment came with it, to be screened."""
        result = await step(method, arg, summary)
        self._adopt(result)
        lifecycle = names.lifecycle_id(self._case.party_id)
        key = arg.by.command_id
        if result.state == CLOSED:
            closed = CaseClosed(
                case_id=self._case.case_id,
                party=result.party,
                standing=result.standing,
                moved=result.moved,
                key=key,
            )
            await tell(lifecycle, "case_closed", closed)
        else:
            moved = CaseMoved(
                case_id=self._case.case_id,
                party=result.party,
                rescreen=sent_at is not None,
                sent_at=sent_at,
                key=key,
            )
            await tell(lifecycle, "case_moved", moved)

    # --- deadlines -----------------------------------------------------------------------------------------------

    def _next_deadline(self) -> tuple[datetime, str] | None:
        if self._now.state == INFO_REQUESTED:
            return (self._info_deadline, ANSWER) if self._info_deadline is not None else None
        waited_for = [(self._warn, WARNING), (None if self._breached else self._due, SLA)]
        coming = [(moment, what) for moment, what in waited_for if moment is not None]
        return min(coming, key=lambda each: each[0]) if coming else None

    async def _wait(self) -> None:
        deadline = self._next_deadline()
        if deadline is None:
            await workflow.wait_condition(lambda: bool(self._mail))
            return
        moment, what = deadline
        if not await came(lambda: bool(self._mail), before=moment, summary=what):
            await self._run_out(moment, what)

    async def _run_out(self, moment: datetime, what: str) -> None:
        by = By.system(f"{self._case.case_id}/{what.replace(' ', '_')}/{self._now.rounds}")
        ran_out = CaseStep(case_id=self._case.case_id, at=now(), by=by, deadline=moment)
        try:
            if what == ANSWER:
                self._info_deadline = None
                await self._move(CaseActivities.expire, ran_out, "no answer in time")
            elif what == WARNING:
                self._warn = None
                self._adopt(await step(CaseActivities.warn, ran_out, "SLA nearly over"))
            else:
                self._warn, self._breached = None, True
                self._adopt(await step(CaseActivities.breach, ran_out, "SLA breached"))
        except (ActivityError, ApplicationError) as error:
            # whoever closed the case a moment ago has not told us yet, and will
            workflow.logger.info("`%s` is over for `%s`, but: %s", what, self._case.case_id, error)
        self._show()

    # --- state ---------------------------------------------------------------------------------------------------

    def _check(self, command: Command, action: Action) -> None:
        """A validator: who may at all, and whether the case can take it, where that is certain by now."""
        check_role(command, action)
        if self._mail.settled() and not self._mail.knows(command.command_id):
            self._judge(command)

    def _judge(self, command: Command) -> None:
        """Refuse what the case cannot take as it stands."""
        attempt = Attempt(_CALLED[type(command)], command.actor, command.role, command.reason)
        _refuse(casework.judged(attempt, self._now))
        if isinstance(command, Propose):
            _refuse(casework.misput(_asked(command)))

    def _adopt(self, result: CaseResult) -> None:
        """Take over what a step of ours says: the database's word."""
        self._now = replace(
            self._now,
            state=result.state,
            role=result.role,
            assignee=result.assignee,
            proposed_by=result.proposed_by,
            rounds=result.rounds,
        )
        self._stage, self._queue = result.party.stage, result.queue
        self._info_deadline, self._paused = result.info_deadline, result.paused
        self._due = result.due_at
        self._warn = None if result.warned else result.warn_at
        self._breached = result.breached

    def _awaiting(self) -> str:
        if self._now.state == INFO_REQUESTED:
            return "merchant"
        return "reviewer" if self._now.state == PROPOSED else self._now.role

    def _show(self) -> None:
        closed, assignee, due = self._now.state == CLOSED, self._now.assignee, self._due_at()
        updates: list[SearchAttributeUpdate[Any]] = [
            AWAITING_ROLE.value_unset() if closed else AWAITING_ROLE.value_set(self._awaiting()),
            SLA_BREACHED.value_set(self._breached),
            ASSIGNEE.value_unset() if assignee is None else ASSIGNEE.value_set(assignee),
            SLA_DUE_AT.value_unset() if due is None else SLA_DUE_AT.value_set(due),
        ]
        show(updates)

    def _due_at(self) -> datetime | None:
        """When the case is due, or was; None while its clock stands still."""
        return None if self._paused else self._due

    def _view(self, command_id: str = "") -> CaseView:
        return CaseView(
            case_id=self._case.case_id,
            state=self._now.state,
            stage=self._stage,
            command_id=command_id,
            queue=self._queue,
            role=self._now.role,
            assignee=self._now.assignee,
            proposed_by=self._now.proposed_by,
            due_at=self._due_at(),
        )


_PROPOSAL = ("outcome", "reason_code", "waive", "final", "override")


def _asked(command: Propose) -> casework.Ask:
    return casework.Ask(note=command.reason, **{name: getattr(command, name) for name in _PROPOSAL})


def _refuse(error: FastbrandError | None) -> None:
    """Raise ``error`` as whoever asked is to hear it."""
    if error is not None:
        raise refusal(error.instance_code, error.message, error.hint)
