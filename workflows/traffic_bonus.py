"""One grant of bonus traffic: reserve, wait in line where the pool is dry, confirm, release tranche by tranche, expire.

The ledger is SQL and the arithmetic is in the rules; this workflow only knows what happens next and when.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.bonus import BonusActivities
    from activities.payloads import (
        By,
        GrantRequest,
        GrantResult,
        GrantStep,
        Payload,
        Reservation,
        TranchePlan,
        TrancheStep,
    )
    from activities.tranches import TrancheActivities
    from fastbrand.domain import names
    from fastbrand.domain.people import Action
    from workflows.mailbox import Mailbox, check_role, refusal
    from workflows.messages import BonusInput, Command, ConfirmGrant, GrantView
    from workflows.steps import NEXT_TRANCHE_AT, came, now, show, step, tell


class _Open:
    """A tranche with something still to happen: ``at`` is when, ``state`` what it is until then."""

    def __init__(self, plan: TranchePlan, state: str = "planned") -> None:
        self.plan = plan
        self.state = state
        self.at = plan.due_at


@workflow.defn(name="TrafficBonus", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class TrafficBonus:
    """A party's grant for one period."""

    @workflow.init
    def __init__(self, start: BonusInput) -> None:
        self._start = start
        self._mail = Mailbox()
        self._state = "new"
        self._amount = 0
        self._attempt = self._closed = 0
        self._woken = False
        self._moved = False
        self._next: datetime | None = None
        self._shown: datetime | None = None

    @workflow.run
    async def run(self, start: BonusInput) -> GrantView:
        """Carry the grant to its end; the last view is the result."""
        still: list[_Open] = []
        if start.resumed:
            await self._look(still)
            await self._finish(still, None)
        else:
            reserved = await self._reserve()
            if reserved.state == "awaiting_confirmation":
                plans = await self._await_confirmation(reserved)
            else:
                plans = reserved.tranches if reserved.state == "reserved" else ()
            await self._finish([_Open(plan) for plan in plans], reserved)
        while self._moved and self._closed:  # it came while the grant was being closed: something may be out again
            await self._look(still)
            await self._finish(still, None)
        self._point_at(None)
        while not await self._mail.quiet():
            self._turn_down()
        return self._view()

    # --- what people and other grants say ------------------------------------------------------------------------

    @workflow.update(name="confirm")
    async def confirm(self, command: ConfirmGrant) -> GrantView:
        """Confirm a grant above the limit."""
        return await self._mail.ask(command, GrantView)

    @confirm.validator
    def _may_confirm(self, command: ConfirmGrant) -> None:
        check_role(command, Action.GRANT_CONFIRM)
        # a worker may have died between a reservation and its being told here: then the person knows more than we do
        may_come = self._state in {"new", "waiting", "awaiting_confirmation"}
        if not may_come and not self._mail.knows(command.command_id):
            raise refusal("refused", f"the grant is `{self._state}`", "there is nothing to confirm")

    @workflow.signal(name="pool_has_room")
    def pool_has_room(self) -> None:
        """Units came back to the pool and this grant is the first in line."""
        self._woken = True

    @workflow.signal(name="facts_changed")
    def facts_changed(self) -> None:
        """Newer facts: a frozen tranche is looked at again."""
        self._woken = True

    @workflow.signal(name="standing_changed")
    def standing_changed(self) -> None:
        """The party's standing moved: tranches may have been frozen or voided, or may be released again."""
        self._moved = self._woken = True

    @workflow.query(name="view")
    def view(self) -> GrantView:
        """The grant as the workflow sees it."""
        return self._view()

    # --- reserve -------------------------------------------------------------------------------------------------

    async def _reserve(self) -> Reservation:
        """Try until there is room, or the period is over. A confirmation that comes meanwhile makes us try again."""
        while True:
            self._attempt += 1
            request = GrantRequest(
                grant_id=self._start.grant_id,
                party_id=self._start.party_id,
                period=self._start.period,
                attempt=self._attempt,
                at=now(),
            )
            reserved = await step(BonusActivities.reserve, request, f"reserve, attempt {self._attempt}")
            self._state, self._amount = reserved.state, reserved.amount
            await self._wake(reserved.wake)
            if reserved.state != "waiting":
                return reserved
            while self._mail:
                self._turn_down()
            if now() >= reserved.period_ends_at:
                lapsed = await step(BonusActivities.lapse, self._grant_step("lapse"), "lapse with the period")
                self._state = lapsed.state
                await self._wake(lapsed.wake)
                return reserved.model_copy(update={"state": lapsed.state})
            retry = now() + timedelta(milliseconds=reserved.retry_ms)
            await self._sleep(min(retry, reserved.period_ends_at), "in line for the pool")

    async def _await_confirmation(self, reserved: Reservation) -> tuple[TranchePlan, ...]:
        """Wait for a person of finance; void what is reserved when nobody comes."""
        deadline = reserved.confirm_until or reserved.period_ends_at
        while self._mail or self._mail.coming() or now() < deadline:
            if self._moved and await self._look() == "voided":
                return ()
            if not self._mail:
                await self._sleep(deadline, "time to confirm")
                continue
            command = self._mail.take()
            if not isinstance(command, Command):
                continue
            try:
                confirmed = await step(
                    BonusActivities.confirm,
                    GrantStep(grant_id=self._start.grant_id, at=now(), by=command.by()),
                    f"confirmed by {command.actor}",
                )
            except (ActivityError, ApplicationError) as error:
                self._mail.refuse(command.command_id, error)
                continue
            self._state = confirmed.state
            self._mail.answer(command.command_id, self._view(command.command_id))
            return confirmed.tranches
        await self._void("not confirmed in time")
        return ()

    async def _void(self, cause: str) -> GrantResult:
        voided = await step(BonusActivities.void, self._grant_step("void", cause), f"void: {cause}")
        self._state = voided.state
        await self._wake(voided.wake)
        return voided

    # --- tranches ------------------------------------------------------------------------------------------------

    async def _finish(self, still: list[_Open], terms: Reservation | None) -> None:
        """Carry every tranche to its end, and close the grant; nothing where there is none."""
        if not still:
            return
        await self._run_tranches(still, terms)
        name = "/".join(["close", *filter(None, (self._start.resumed, str(self._closed or "")))])
        closed = await step(BonusActivities.close, self._grant_step(name), "close the grant")
        self._state, self._closed = closed.state, self._closed + 1

    async def _run_tranches(self, still: list[_Open], terms: Reservation | None) -> None:
        """Each tranche comes due, is released or frozen, and ends; always the earliest first."""
        while still:
            item = min(still, key=lambda each: (each.at, each.plan.no))
            self._point_at(item.at)
            if self._moved:
                await self._look(still)
                continue
            if now() < item.at:
                woken = await self._sleep(item.at, f"tranche {item.plan.no}: {item.state} until then")
                if woken:
                    for each in still:
                        if each.state == "frozen":
                            each.at = max(now(), each.plan.due_at)
                continue
            if await self._advance(item, terms):
                still.remove(item)

    async def _look(self, still: list[_Open] | None = None) -> str:
        """See what a move of the standing did to the grant: drop from ``still`` what is over, add what is out again.

        Gives its state.
        """
        self._moved = False
        seen = await step(TrancheActivities.look, self._grant_step("look"), "look at the grant again")
        self._state, self._amount = seen.state, seen.amount or self._amount
        if still is not None:
            there = {item.plan.no for item in still}
            back = {int(no): end for no, end in seen.ends.items() if int(no) not in there}
            still += [_Open(TranchePlan(no=no, amount=0, due_at=end), "released") for no, end in back.items()]
        for item in list(still or ()):
            item.state = seen.tranches.get(str(item.plan.no), item.state)
            if item.state in {"voided", "expired", "clawed_back"}:
                (still or []).remove(item)
            elif item.state == "frozen":
                item.at = max(now(), item.plan.due_at)
        return self._state

    async def _advance(self, item: _Open, terms: Reservation | None) -> bool:
        """Do what is due for one tranche. True when nothing more will happen to it."""
        moment = now()
        request = TrancheStep(grant_id=self._start.grant_id, no=item.plan.no, at=moment)
        if item.state == "released" or terms is None:
            expired = await step(TrancheActivities.expire, request, f"tranche {item.plan.no} expires")
            await self._wake(expired.wake)
            return True
        last = item.plan.due_at + timedelta(milliseconds=terms.expires_after_ms)
        result = await step(
            TrancheActivities.release,
            request.model_copy(update={"final": moment >= last}),
            f"release tranche {item.plan.no} if its gate holds",
        )
        await self._wake(result.wake)
        item.state = result.state
        if result.state == "released" and result.expires_at is not None:
            item.at = result.expires_at
        elif result.state == "frozen":
            item.at = min(moment + timedelta(milliseconds=terms.recheck_ms), last)
        else:
            return True
        return False

    # --- state ---------------------------------------------------------------------------------------------------

    async def _sleep(self, moment: datetime, why: str) -> bool:
        """Sleep until ``moment``. True when somebody woke us before (or while the last step was running)."""
        if not await came(lambda: self._woken or bool(self._mail), before=moment, summary=why):
            return False
        self._woken = False
        if self._state not in {"awaiting_confirmation", "waiting"}:
            while self._mail:
                self._turn_down()
        return True

    def _turn_down(self) -> None:
        """Answer a confirmation that came too late."""
        message: Payload = self._mail.take()
        if isinstance(message, Command):
            late = refusal("refused", f"the grant is `{self._state}`", "there is nothing to confirm")
            self._mail.refuse(message.command_id, late)

    async def _wake(self, grant_id: str | None) -> None:
        if grant_id is not None and grant_id != self._start.grant_id:
            await tell(names.grant_workflow_id(grant_id), "pool_has_room")

    def _grant_step(self, what: str, cause: str = "") -> GrantStep:
        by = By.system(f"{self._start.grant_id}/{what}", cause)
        return GrantStep(grant_id=self._start.grant_id, at=now(), by=by, cause=cause)

    def _point_at(self, moment: datetime | None) -> None:
        self._next = moment
        if moment is not None and moment > now() and moment != self._shown:
            self._shown = moment
            show([NEXT_TRANCHE_AT.value_set(moment)])
        elif moment is None and self._shown is not None:
            self._shown = None
            show([NEXT_TRANCHE_AT.value_unset()])

    def _view(self, command_id: str = "") -> GrantView:
        return GrantView(
            grant_id=self._start.grant_id,
            state=self._state,
            amount=self._amount,
            attempt=self._attempt,
            next_event_at=self._next,
            command_id=command_id,
        )
