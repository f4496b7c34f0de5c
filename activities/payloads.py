"""What workflows hand to activities and get back: pydantic, one argument each, ids and numbers only."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from fastbrand.domain.lifecycle import Stage, Track


class Payload(BaseModel):
    """Base of every payload: frozen, and tolerant of keys that a newer writer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class By(Payload):
    """Who asked for a step, under which command. The system has ``kind`` system and a command id made from the step."""

    kind: str
    actor: str
    role: str
    command_id: str
    reason: str = ""
    expected_revision: int | None = None

    @classmethod
    def system(cls, command_id: str, reason: str = "") -> By:
        """The system itself, under a command id made from the step."""
        return cls(kind="system", actor="system:programme", role="system", command_id=command_id, reason=reason)


class PartyRef(Payload):
    """A party by id."""

    party_id: str


class PartyState(Payload):
    """What a lifecycle needs to know of its party: the database's word."""

    party_id: str
    track: Track
    stage: Stage = Stage.NONE
    revision: int = 0
    application_no: int = 0
    screening: str | None = None
    case_id: str | None = None
    endorsement_id: str | None = None
    appeal_until: datetime | None = None
    suspended_until: datetime | None = None


class PartyStep(Payload):
    """A step of a person or the system on a party: nominate, invite, withdraw."""

    party_id: str
    track: Track
    at: datetime
    by: By


class ScreenRequest(Payload):
    """Take an application in and screen it.

    ``with_endorsement``: an S brand asks for the mark as well. ``intake_id``: the file in which it came, else empty.
    """

    party_id: str
    track: Track
    at: datetime
    by: By
    with_endorsement: bool = False
    intake_id: str = ""


class RescreenRequest(Payload):
    """Screen an open case again on the facts as they are at ``at``."""

    party_id: str
    at: datetime
    by: By


class CaseFile(Payload):
    """What a ``VettingCase`` starts from. Deadlines are absolute; ``rfi_deadline_ms`` is how long a merchant has.

    ``returned``: this screening sent a proposal back to its maker. ``excluded`` had a part in what the case is about.
    """

    case_id: str
    party_id: str
    track: Track
    stage: Stage = Stage.VETTING
    kind: str = "vetting"
    state: str
    queue: str
    role: str
    four_eyes: bool
    screening: str
    clean: bool
    due_at: datetime | None
    warn_at: datetime | None = None
    rfi_rounds: int
    rfi_deadline_ms: int
    returned: bool = False
    excluded: tuple[str, ...] = ()


class Standing(Payload):
    """A party that came into standing: what to start for it."""

    endorsement_id: str | None
    valid_until: datetime | None
    grant_id: str
    period: str
    renew_at: datetime | None = None


class Screened(Payload):
    """The result of a screening: where the party stands now, and what follows.

    ``route`` is system (approve or reject without a person), person (``case`` is open) or none (nothing was open).
    """

    party: PartyState
    route: str
    approve: bool = False
    case: CaseFile | None = None
    closed_case_id: str | None = None
    standing: Standing | None = None


class EndorseRequest(Payload):
    """Settle an approval the system may decide by itself. ``intake_id``: the file in which it came, else empty."""

    party_id: str
    at: datetime
    by: By
    with_endorsement: bool = False
    intake_id: str = ""


class CaseStep(Payload):
    """A step on a case: claim, release, request_info, answer, propose, confirm, return, expire, warn, breach.

    ``deadline`` goes with request_info, ``items`` are the facts asked for; ``outcome`` (approve | reject),
    ``reason_code`` and the rest with propose, as in ``Propose``.
    """

    case_id: str
    at: datetime
    by: By
    items: tuple[str, ...] = ()
    deadline: datetime | None = None
    outcome: str | None = None
    reason_code: str | None = None
    waive: tuple[str, ...] = ()
    final: bool = False
    override: bool = False


class EndorsementEnd(Payload):
    """An endorsement comes to its end by ``cause`` (term, ...)."""

    endorsement_id: str
    party_id: str
    at: datetime
    cause: str


class RenewalRequest(Payload):
    """Ask the rules whether an endorsement may be renewed, once before each end of its term."""

    endorsement_id: str
    party_id: str
    at: datetime
    valid_until: datetime


class Renewed(Payload):
    """Until when the mark holds now, and when to ask again (None: not renewed, it ends with its term)."""

    valid_until: datetime
    ask_at: datetime | None = None


class AssessRequest(Payload):
    """Look at the standing of one party in a month (``2022-08``), by the maintenance rules in force."""

    party_id: str
    period: str
    at: datetime
    by: By


class StandingStep(Payload):
    """A standing moves by ``event`` (suspend, revoke, reinstate ...), for ``cause``: by a person or by time."""

    party_id: str
    event: str
    at: datetime
    by: By
    cause: str = ""


class Resumed(Payload):
    """A grant that goes on: something that had been taken of it was given back."""

    grant_id: str
    party_id: str
    track: Track
    period: str


class Moved(Payload):
    """A party whose standing was looked at: where it is now, and who has to be told.

    ``event`` is what happened to the stage (empty: nothing). ``grants`` are workflows of the party whose tranches
    changed, ``resumed`` those that go on though they may have ended, ``wake`` grants of others that are first in line
    now; ``case`` was opened; ``ended_endorsement`` is no more.
    """

    party: PartyState
    event: str = ""
    outcome: str = ""
    grants: tuple[str, ...] = ()
    wake: tuple[str, ...] = ()
    case: CaseFile | None = None
    closed_case_id: str | None = None
    ended_endorsement: str | None = None
    standing: Standing | None = None
    resumed: tuple[Resumed, ...] = ()


class CaseResult(Payload):
    """A case after a step, and its party. The clock stands still while ``paused``."""

    case_id: str
    state: str
    party: PartyState
    command_id: str
    queue: str = ""
    role: str = ""
    assignee: str | None = None
    proposed_by: str | None = None
    rounds: int = 0
    info_deadline: datetime | None = None
    due_at: datetime | None = None
    warn_at: datetime | None = None
    paused: bool = False
    warned: bool = False
    breached: bool = False
    standing: Standing | None = None
    moved: Moved | None = None


class PlanStep(Payload):
    """Propose an action plan (``measures``, ``due_at``), or accept or refuse the one that is proposed."""

    party_id: str
    at: datetime
    by: By
    measures: str = ""
    due_at: datetime | None = None
    accept: bool = True


class AppealStep(Payload):
    """Appeal against what the party stands on: opens a case for somebody who had no part in it."""

    party_id: str
    at: datetime
    by: By


class GrantRequest(Payload):
    """Decide and reserve a party's grant for a period; each try is an ``attempt`` of its own, from 1."""

    grant_id: str
    party_id: str
    period: str
    attempt: int
    at: datetime


class TranchePlan(Payload):
    """One tranche: ``amount`` pool units, due at ``due_at``."""

    no: int
    amount: int
    due_at: datetime


class Reservation(Payload):
    """What came of an attempt: ``state`` none | waiting | awaiting_confirmation | reserved.

    ``wake`` names the grant that is next in line and may be tried now.
    """

    state: str
    amount: int = 0
    period_ends_at: datetime
    retry_ms: int
    recheck_ms: int
    confirm_until: datetime | None = None
    expires_after_ms: int = 0
    tranches: tuple[TranchePlan, ...] = ()
    wake: str | None = None


class GrantStep(Payload):
    """A step on a whole grant: confirm, lapse, void, close."""

    grant_id: str
    at: datetime
    by: By
    cause: str = ""


class TrancheStep(Payload):
    """A step on one tranche: release, void, expire. ``final`` voids what would stay frozen."""

    grant_id: str
    no: int
    at: datetime
    final: bool = False
    cause: str = ""


class TrancheResult(Payload):
    """A tranche after a step; ``wake`` as in ``Reservation``."""

    state: str
    expires_at: datetime | None = None
    wake: str | None = None


class GrantSeen(Payload):
    """A grant as it stands: its state, and the state of each tranche by its number; of those that are out, the end."""

    grant_id: str
    state: str
    amount: int = 0
    tranches: dict[str, str] = Field(default_factory=dict)
    ends: dict[str, datetime] = Field(default_factory=dict)


class GrantResult(Payload):
    """A grant after a step."""

    grant_id: str
    state: str
    amount: int
    command_id: str = ""
    tranches: tuple[TranchePlan, ...] = ()
    wake: str | None = None
