"""A policy change: waits for a second person, then for its date; then open applications are decided anew, where their
book says so. Until its date it can be cancelled.

What a release is made on (check, tests, backtest) is settled before: the files are where the editor is. From when a
book is in force is a row of the database; this workflow needs to run for what follows from it, not for it to hold.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.payloads import By
    from activities.release_payloads import InFlightRequest, ReleaseRef, ReleaseState, ReleaseStep
    from activities.releases import ReleaseActivities
    from fastbrand.domain import names
    from fastbrand.domain.people import Action, Role
    from workflows.mailbox import Mailbox, check_role, refusal
    from workflows.messages import (
        ApproveBook,
        BookInForce,
        CancelBook,
        Command,
        ReinstateBook,
        ReleaseInput,
        ReleaseView,
    )
    from workflows.steps import AWAITING_ROLE, came, now, show, step, tell

PROPOSED, APPROVED, LIVE = "proposed", "approved", "live"
TOLD_AT_ONCE = 50
"""Signals under way at the same time."""
PAGES_A_RUN = 20
"""Pages of open applications after which the workflow goes on as a new run."""


@workflow.defn(name="RulebookRelease", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class RulebookRelease:
    """One book, from its release to the last open application that it decides anew; again for each rollback to it."""

    @workflow.init
    def __init__(self, start: ReleaseInput) -> None:
        self._start = start
        self._mail = Mailbox()
        self._release: ReleaseState | None = None
        self._due: datetime | None = None
        """When it comes into force, while that has not been written down."""
        self._shown = False
        self._key, self._after, self._told, self._pages = start.key, start.after, start.told, 0

    @workflow.run
    async def run(self, start: ReleaseInput) -> ReleaseView:
        """Serve the release until all that follows from it is done; the last view is the result."""
        looked = ReleaseRef(sha256=start.sha256, at=now())
        self._release = await step(ReleaseActivities.load, looked, "look the release up")
        if self._release.state == APPROVED:
            self._due = self._release.effective_from
        self._show()
        while True:
            while self._mail:
                await self._serve()
            if self._due is not None and now() >= self._due:
                await self._activate()
            elif self._key:
                await self._tell_some()
            elif self._due is not None or self._release.state == PROPOSED:
                await self._wait()
            else:
                if await self._mail.quiet():
                    return self._view()

    # --- what people say ------------------------------------------------------------------------------------------

    @workflow.update(name="approve")
    async def approve(self, command: ApproveBook) -> ReleaseView:
        """The second person agrees."""
        return await self._mail.ask(command, ReleaseView)

    @approve.validator
    def _may_approve(self, command: ApproveBook) -> None:
        check_role(command, Action.RULEBOOK_APPROVE)
        if self._release is not None and self._mail.settled() and not self._mail.knows(command.command_id):
            self._judge(command)

    @workflow.update(name="reinstate")
    async def reinstate(self, command: ReinstateBook) -> ReleaseView:
        """Back to this book."""
        return await self._mail.ask(command, ReleaseView)

    @reinstate.validator
    def _may_reinstate(self, command: ReinstateBook) -> None:
        check_role(command, Action.RULEBOOK_ROLLBACK)

    @workflow.update(name="cancel")
    async def cancel(self, command: CancelBook) -> ReleaseView:
        """Not this book after all: it never comes into force."""
        return await self._mail.ask(command, ReleaseView)

    @cancel.validator
    def _may_cancel(self, command: CancelBook) -> None:
        check_role(command, Action.RULEBOOK_CANCEL)
        if self._release is not None and self._mail.settled() and not self._mail.knows(command.command_id):
            self._judge_cancel(command)

    @workflow.query(name="view")
    def view(self) -> ReleaseView:
        """The release as the workflow sees it."""
        return self._view()

    # --- one command at a time ------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        command = self._mail.take()
        assert isinstance(command, Command)
        with self._mail.serving():
            try:
                await self._obey(command)
            except (ActivityError, ApplicationError) as error:
                self._mail.refuse(command.command_id, error)
            else:
                self._mail.answer(command.command_id, self._view(command.command_id))
        self._show()

    async def _obey(self, command: Command) -> None:
        asked = ReleaseStep(sha256=self._start.sha256, at=now(), by=command.by())
        match command:
            case ApproveBook():
                self._release = await step(ReleaseActivities.approve, asked, f"approved by {command.actor}")
            case ReinstateBook():
                self._release = await step(ReleaseActivities.reinstate, asked, f"brought back by {command.actor}")
            case CancelBook():
                self._judge_cancel(command)
                self._release = await step(ReleaseActivities.cancel, asked, f"cancelled by {command.actor}")
                self._due = None
                return
            case _:
                raise refusal("usage", f"`{type(command).__name__}` is not a command of a release")
        self._due = self._release.effective_from

    def _judge(self, command: ApproveBook) -> None:
        """Refuse what cannot be approved, or not by this person."""
        release = self._release
        if release is None or release.state != PROPOSED:
            state = "not known" if release is None else release.state
            raise refusal("refused", f"book `{self._start.sha256[:16]}` is {state}", "there is nothing to approve")
        if command.actor == release.released_by:
            raise refusal(
                "four_eyes",
                f"`{command.actor}` released this book and cannot approve it",
                "ask another policy approver",
            )

    def _judge_cancel(self, command: CancelBook) -> None:
        """Refuse what is in force or over, and an editor who did not release it."""
        release = self._release
        state = "not known" if release is None else release.state
        if release is None or state not in (PROPOSED, APPROVED):
            mend = "bring the one of before back: use `fastbrand rules rollback`"
            raise refusal(
                "refused",
                f"book `{self._start.sha256[:16]}` is {state}",
                mend if state == LIVE else "there is nothing to cancel",
            )
        if command.role != Role.POLICY_APPROVER and command.actor != release.released_by:
            raise refusal(
                "not_permitted",
                f"`{command.actor}` did not release this book",
                f"`{release.released_by}` may cancel it, and so may a policy approver",
            )

    # --- its date -------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """For the second person, or for the date."""
        if self._due is None:
            await workflow.wait_condition(lambda: bool(self._mail))
            return
        await came(lambda: bool(self._mail), before=self._due, summary="the day it comes into force")

    async def _activate(self) -> None:
        """The date is there: write it down; then open applications hear of it."""
        assert self._due is not None
        key = f"release/{self._start.sha256}/{self._due.isoformat()}"
        by = By.system(key)
        asked = ReleaseStep(sha256=self._start.sha256, at=now(), by=by)
        self._release = await step(ReleaseActivities.activate, asked, "in force from now on")
        self._due, self._after = None, ""
        self._key = key if self._release.state == LIVE else ""  # another one may have come in before its date

    async def _tell_some(self) -> None:
        """Tell a page of open applications; the last page ends it."""
        request = InFlightRequest(sha256=self._start.sha256, after=self._after)
        found = await step(ReleaseActivities.in_flight, request, f"open applications after {self._after or 'nobody'}")
        message = BookInForce(sha256=self._start.sha256, key=self._key)
        for begin in range(0, len(found.parties), TOLD_AT_ONCE):
            some = found.parties[begin : begin + TOLD_AT_ONCE]
            await asyncio.gather(*(tell(names.lifecycle_id(party), "book_in_force", message) for party in some))
        self._told += len(found.parties)
        self._pages += 1
        if found.next is None:
            self._key = ""
            return
        self._after = found.next
        full = self._pages >= (self._start.page_limit or PAGES_A_RUN)
        if (full or workflow.info().is_continue_as_new_suggested()) and await self._mail.quiet():
            workflow.continue_as_new(
                self._start.model_copy(update={"key": self._key, "after": self._after, "told": self._told})
            )

    # --- state ----------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        waits = self._release is not None and self._release.state == PROPOSED
        if waits != self._shown:
            self._shown = waits
            role = str(Role.POLICY_APPROVER)
            show([AWAITING_ROLE.value_set(role) if waits else AWAITING_ROLE.value_unset()])

    def _view(self, command_id: str = "") -> ReleaseView:
        release = self._release
        return ReleaseView(
            sha256=self._start.sha256,
            state="" if release is None else release.state,
            effective_from=None if release is None else release.effective_from,
            told=self._told,
            command_id=command_id,
        )
