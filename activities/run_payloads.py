"""What runs over everybody, and bulk intake, hand to activities and get back."""

from __future__ import annotations

from datetime import datetime

from activities.payloads import PartyState, Payload
from fastbrand.domain.lifecycle import Track


class RunRequest(Payload):
    """A run over everybody begins; ``period`` empty: the one of the moment."""

    at: datetime
    period: str = ""


class RunStarted(Payload):
    """The period and moment that a run is for."""

    period: str
    at: datetime


class PageRequest(Payload):
    """A page of parties in standing: those after ``after``, by id. ``digest`` is that of the pages before."""

    period: str
    at: datetime
    after: str = ""
    digest: str = ""


class SurveyPage(Payload):
    """What upkeep saw on a page: parties that may have to move, how many of which outcome, where to go on."""

    changed: tuple[str, ...]
    outcomes: dict[str, int]
    digest: str
    next: str | None


class BonusDue(Payload):
    """A grant that is due: what its workflow starts from."""

    grant_id: str
    party_id: str
    track: Track
    period: str


class BonusPage(Payload):
    """Grants due on a page, how many of which outcome, where to go on."""

    due: tuple[BonusDue, ...]
    outcomes: dict[str, int]
    next: str | None


class RunClosed(Payload):
    """How a run (``what``: upkeep or bonus) went: outcomes counted, parties named, a digest of what was seen."""

    what: str
    key: str
    period: str
    at: datetime
    outcomes: dict[str, int]
    changed: int
    digest: str = ""


class IntakeMember(Payload):
    """A row of a file: who applies, on which track."""

    party_id: str
    track: Track


class IntakeStep(Payload):
    """What happened since the last step of an intake, and how many rows may be under way at once."""

    intake_id: str
    at: datetime
    window: int = 0
    screened: tuple[str, ...] = ()
    started: tuple[str, ...] = ()


class IntakePage(Payload):
    """The next rows of a file, as many as there is room for, and how many are in which state."""

    members: tuple[IntakeMember, ...]
    counts: dict[str, int]


class Reconciled(Payload):
    """Whether the ledger balances, and how many accounts do not."""

    balanced: bool
    differences: int


class EndedRequest(Payload):
    """The next parties of which a document has ended by ``at``: those after ``after``, by id."""

    at: datetime
    after: str = ""


class EndedPage(Payload):
    """Parties of which a document has ended, and where to go on."""

    party_ids: tuple[str, ...]
    next: str | None


class DocumentCheck(Payload):
    """Bring the facts up to date that a party's documents prove; ``key`` names the look."""

    party_id: str
    at: datetime
    key: str


class DocumentsChecked(Payload):
    """What came of it: documents seen to have ended, facts recorded, whether an open application is concerned."""

    party: PartyState
    ended: tuple[str, ...]
    facts: tuple[str, ...]
    rescreen: bool
