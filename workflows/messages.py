"""Every update, signal and query payload of the workflows: pydantic, one argument each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from activities.payloads import By, CaseFile, Moved, PartyState, Payload, Standing
from fastbrand.domain.lifecycle import Stage, Track


class Command(Payload):
    """The envelope of a staff command. ``command_id`` is the update id too: said twice, it is done once.

    ``sent_at`` is the sender's clock when the facts that go with the command were stored: it may be ahead of ours.
    """

    command_id: str
    actor: str
    role: str
    reason: str = ""
    expected_revision: int | None = None
    sent_at: datetime | None = None

    def by(self) -> By:
        """Who asked, for the activity that does it."""
        return By(
            kind="human",
            actor=self.actor,
            role=self.role,
            command_id=self.command_id,
            reason=self.reason,
            expected_revision=self.expected_revision,
        )


class Apply(Command):
    """Apply on a track. The party's facts are stored before this is sent."""

    track: Track
    with_endorsement: bool = False


class Nominate(Command):
    """Name a party that might come in: a nominated merchant, or an S brand as a lead."""

    track: Track


class Invite(Command):
    """Invite an S brand to apply."""

    track: Track = Track.S


class Withdraw(Command):
    """Take an application back."""


class Appeal(Command):
    """Appeal against a rejection, a suspension or the loss of a standing."""


class Review(Command):
    """Open a case about a standing: may it be kept, or must it end?"""


class ProposePlan(Command):
    """What the party undertakes to mend, and until when."""

    measures: str
    due_at: datetime


class SettlePlan(Command):
    """Accept (or refuse) the action plan that is proposed: by another person than who proposed it."""

    accept: bool = True


class Assess(Payload):
    """Upkeep saw that the standing of a party may change in a month: look at it with authority."""

    period: str
    key: str


class RunInput(Payload):
    """Start of a run over everybody: a ``Reassessment`` or a ``BonusRun``.

    ``period`` empty: the one of the moment it starts. ``key`` names the run in the audit (empty: the workflow's id and
    run). The rest is where a run goes on after continue-as-new.
    """

    period: str = ""
    key: str = ""
    at: datetime | None = None
    after: str = ""
    outcomes: dict[str, int] = Field(default_factory=dict)
    changed: int = 0
    digest: str = ""
    page_limit: int = 0


class RunView(Payload):
    """How far a run is: its period, outcomes counted so far, and how many parties were told or granted."""

    period: str
    outcomes: dict[str, int]
    changed: int
    done: bool = False


class ApproveBook(Command):
    """Approve a released book: it is in force from its date on."""


class ReinstateBook(Command):
    """Bring an approved book of before into force again, at once."""


class CancelBook(Command):
    """Take a release back before it comes into force."""


class ReleaseInput(Payload):
    """Start of a ``RulebookRelease``. The rest is where it goes on after continue-as-new: the book is in force,
    ``told`` open applications know it, those after ``after`` do not yet; ``key`` names this coming into force."""

    sha256: str
    key: str = ""
    after: str = ""
    told: int = 0
    page_limit: int = 0


class ReleaseView(Payload):
    """A release as its workflow sees it; ``told``: how many open applications were sent to be decided by it."""

    sha256: str
    state: str
    effective_from: datetime | None = None
    told: int = 0
    command_id: str = ""


class BookInForce(Payload):
    """Another book came into force: an application that was made under one that says ``reevaluate`` is decided anew."""

    sha256: str
    key: str


class WatchInput(Payload):
    """Start of a ``DocumentWatch``; all but ``page_limit`` is where it goes on after continue-as-new."""

    key: str = ""
    at: datetime | None = None
    after: str = ""
    ended: int = 0
    rescreened: int = 0
    page_limit: int = 0


class WatchView(Payload):
    """How many documents a watch saw to have ended, and how many open applications are screened again for it."""

    ended: int
    rescreened: int


class FactsChanged(Command):
    """Newer facts of the party are in the database."""


class Remembered(Payload):
    """What came of a command: its view as JSON data, or the error it was refused with."""

    command_id: str
    view: dict[str, Any] | None = None
    error_code: str = ""
    error_message: str = ""
    error_hint: str = ""


class PartyView(Payload):
    """A party as its lifecycle sees it."""

    party_id: str
    track: Track
    stage: Stage
    revision: int
    screening: str | None = None
    case_id: str | None = None
    command_id: str = ""


class LifecycleState(Payload):
    """What a lifecycle carries over to its next run (continue-as-new)."""

    party: PartyState
    with_endorsement: bool = False
    remembered: tuple[Remembered, ...] = ()


class LifecycleInput(Payload):
    """Start of a ``BrandLifecycle``. ``application``: apply at once (bulk intake); ``state``: from the run before.

    ``history_limit``: continue as new at this many events even before the server suggests it (0: only when suggested).
    ``intake_id``: the file in which the application came; its row is marked by the step that serves it. ``report_to``,
    of those that began before rows were marked so: the workflow that is told when the application was served.
    """

    party_id: str
    track: Track
    application: Apply | None = None
    state: LifecycleState | None = None
    history_limit: int = 0
    intake_id: str = ""
    report_to: str = ""


class IntakeInput(Payload):
    """Start of an ``Intake``: its rows are in the database. At most ``window`` applications are under way at once.

    ``screened``, ``started`` and ``counts`` are where a new run goes on: what is not noted yet. ``starts_limit``: go on
    as a new run after so many parties (0: as many as a run takes).
    """

    intake_id: str
    actor: str
    role: str
    sent_at: datetime
    window: int = 50
    starts_limit: int = 0
    screened: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)


class IntakeView(Payload):
    """How far an intake is: rows by what became of them, and how many applications are under way."""

    intake_id: str
    counts: dict[str, int]
    open: int = 0


class TakenIn(Payload):
    """A party's lifecycle tells the intake that started it: its application was refused, so that no step marked it."""

    party_id: str


class CaseClosed(Payload):
    """A case tells its party's lifecycle how it ended."""

    case_id: str
    party: PartyState
    standing: Standing | None = None
    moved: Moved | None = None
    key: str


class CaseMoved(Payload):
    """A case tells its party's lifecycle that the stage moved, or (``rescreen``) that new facts came with an answer.

    ``sent_at`` is the clock of who stored those facts, as in ``Command``.
    """

    case_id: str
    party: PartyState
    rescreen: bool = False
    sent_at: datetime | None = None
    key: str


class DocumentsEnded(Payload):
    """The watch tells a party's lifecycle that documents ended which its open application rests on, as seen ``at``."""

    party: PartyState
    at: datetime
    key: str


class CaseUpdate(Payload):
    """A lifecycle tells an open case what a rescreening found; ``closed`` ends the case."""

    case: CaseFile | None = None
    closed: bool = False
    key: str


class EndorsementInput(Payload):
    """Start of an ``Endorsement``."""

    endorsement_id: str
    party_id: str
    valid_until: datetime
    renew_at: datetime | None = None


class EndorsementEnded(Payload):
    """An endorsement tells its party's lifecycle that its term is over, or is told that it is no more.

    ``closed_case_id`` is the case about the standing that ended with it.
    """

    party: PartyState
    cause: str
    closed_case_id: str | None = None


class BonusInput(Payload):
    """Start of a ``TrafficBonus``; of one that goes on after units were given back, ``resumed`` says by what."""

    grant_id: str
    party_id: str
    track: Track
    period: str
    resumed: str = ""


class GrantView(Payload):
    """A grant as its workflow sees it."""

    grant_id: str
    state: str
    amount: int
    attempt: int
    next_event_at: datetime | None = None
    command_id: str = ""


class ClaimCase(Command):
    """Take a case."""


class ReleaseCase(Command):
    """Give a case back to its queue: who has it, or a reviewer for somebody else, who says why."""


class RequestInfo(Command):
    """Ask the merchant for information; ``items`` are fact names or papers."""

    items: tuple[str, ...] = ()


class AnswerInfo(Command):
    """The merchant answered; the facts are stored before this is sent."""


class Propose(Command):
    """Propose ``approve`` or ``reject`` with a reason code.

    ``waive`` names criteria that are failed or unknown and need not be met, ``final`` is for a rejection that ends it
    for good, ``override`` says that the proposal is known to be against the rules.
    """

    outcome: str
    reason_code: str
    waive: tuple[str, ...] = ()
    final: bool = False
    override: bool = False


class Confirm(Command):
    """Confirm what somebody else proposed."""


class ReturnCase(Command):
    """Send a proposal back to its maker."""


class ConfirmGrant(Command):
    """Confirm a grant above the limit."""


class CaseView(Payload):
    """A case as its workflow sees it. ``due_at`` is None where there is no date, or its clock stands still."""

    case_id: str
    state: str
    stage: Stage
    command_id: str = ""
    queue: str = ""
    role: str = ""
    assignee: str | None = None
    proposed_by: str | None = None
    due_at: datetime | None = None
