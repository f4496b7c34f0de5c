"""What a release of a rule book hands to its activities and gets back."""

from __future__ import annotations

from datetime import datetime

from activities.payloads import By, Payload


class ReleaseRef(Payload):
    """A released book by its sha256, as of ``at``."""

    sha256: str
    at: datetime


class ReleaseStep(Payload):
    """A step on a release: approve, reinstate, cancel, activate."""

    sha256: str
    at: datetime
    by: By


class ReleaseState(Payload):
    """Where a release stands: ``state`` is proposed, approved, live, superseded, cancelled; ``effective_from`` is what
    was asked for while it is proposed, and settled from then on."""

    sha256: str
    state: str
    effective_from: datetime | None
    released_by: str


class InFlightRequest(Payload):
    """A page of open applications that the book in force, ``sha256``, may decide anew: those after ``after``, by id."""

    sha256: str
    after: str = ""


class InFlight(Payload):
    """Parties whose applications are to be decided by the book in force; ``next``: where to go on, None at the end."""

    parties: tuple[str, ...]
    next: str | None
