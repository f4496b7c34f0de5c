"""What a lifecycle knows of its party, and what follows from that alone: what it can take, how long it waits."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.payloads import By, EndorseRequest, PartyState, ScreenRequest
    from fastbrand.domain.lifecycle import ENDED, Stage, Track, events_from
    from workflows.mailbox import refusal
    from workflows.messages import (
        Appeal,
        Apply,
        Command,
        Invite,
        LifecycleInput,
        LifecycleState,
        Nominate,
        PartyView,
        Remembered,
        Withdraw,
    )
    from workflows.steps import PARTY_KIND, STAGE, now, show

_EVENT: dict[type[Command], str] = {
    Nominate: "nominate",
    Invite: "invite",
    Apply: "apply",
    Withdraw: "withdraw",
    Appeal: "appeal",
}
"""Command -> the event of the transition table that it asks for."""


class PartyRecord:
    """The party as its lifecycle knows it; the database knows best, and is asked where ``known`` is False."""

    def __init__(self, start: LifecycleInput) -> None:
        carried = start.state
        self._start = start
        self._shown: Stage | None = None
        self.known = carried is not None
        self.party = carried.party if carried else PartyState(party_id=start.party_id, track=start.track)
        self.with_endorsement = carried.with_endorsement if carried else False

    def to_screen(self, track: Track, by: By, at: datetime, intake_id: str) -> ScreenRequest:
        """What the step that screens is asked; ``intake_id`` is the file in which the application came, or empty."""
        mark = self.with_endorsement
        return ScreenRequest(
            party_id=self._start.party_id, track=track, at=at, by=by, with_endorsement=mark, intake_id=intake_id
        )

    def to_endorse(self, intake_id: str) -> EndorseRequest:
        """What the step that settles the approval is asked."""
        party, mark = self.party, self.with_endorsement
        by = By.system(f"party/{party.party_id}/{party.application_no}/endorse")
        return EndorseRequest(party_id=party.party_id, at=now(), by=by, with_endorsement=mark, intake_id=intake_id)

    def adopt(self, party: PartyState) -> None:
        """Take over what a step of ours says: the newest there is."""
        self.party = party
        self.known = True

    def follow(self, party: PartyState) -> None:
        """Take over what another workflow heard from a step of its own, where that is newer than what we know."""
        if party.revision > self.party.revision:
            self.adopt(party)

    def doubt(self) -> None:
        """A step failed: the database knows best where the party stands now."""
        self.known = False

    def without_case(self, case_id: str) -> None:
        """That case is over; another one may be open since."""
        if self.party.case_id == case_id:
            self.party = self.party.model_copy(update={"case_id": None})

    def judge(self, command: Command) -> None:
        """Refuse what the party cannot take as it stands."""
        event = _EVENT.get(type(command))
        if event is None:
            return
        expected = command.expected_revision
        if expected is not None and expected != self.party.revision:
            raise refusal(
                "stale_revision",
                f"revision {expected} is not the current one, {self.party.revision}",
                "look at the party again, somebody was first",
            )
        track = command.track if isinstance(command, Apply | Nominate) else self.party.track
        may = events_from(self.party.stage, track)
        if event not in may:
            raise refusal(
                "illegal_transition",
                f"`{event}` is not possible in stage `{self.party.stage}`",
                f"from `{self.party.stage}` on track {track}: {', '.join(sorted(may)) or 'nothing'}",
            )

    def deadline(self) -> tuple[datetime, str] | None:
        """When something happens by itself, and what: the end of a suspension, or of the time to appeal."""
        if self.party.stage is Stage.SUSPENDED and self.party.suspended_until is not None:
            return self.party.suspended_until, "suspension"
        if self.party.stage in ENDED and self.party.appeal_until is not None:
            return self.party.appeal_until, "time to appeal"
        return None

    def over(self) -> bool:
        """Whether nothing more can happen to the party without a new application."""
        if self.party.stage is Stage.NONE:
            return True
        if self.party.stage not in ENDED:
            return False
        return self.party.appeal_until is None or now() >= self.party.appeal_until

    def show(self) -> None:
        """Upsert the search attributes, where the stage is another one."""
        if self.known and self._shown is not self.party.stage:
            self._shown = self.party.stage
            show([PARTY_KIND.value_set(str(self.party.track)), STAGE.value_set(str(self.party.stage))])

    def view(self, command_id: str = "") -> PartyView:
        """The party, for who asked."""
        return PartyView(
            party_id=self.party.party_id,
            track=self.party.track,
            stage=self.party.stage,
            revision=self.party.revision,
            screening=self.party.screening,
            case_id=self.party.case_id,
            command_id=command_id,
        )

    def carried(self, remembered: tuple[Remembered, ...]) -> LifecycleInput:
        """Where the next run goes on."""
        state = LifecycleState(party=self.party, with_endorsement=self.with_endorsement, remembered=remembered)
        return self._start.model_copy(update={"application": None, "state": state, "track": self.party.track})
