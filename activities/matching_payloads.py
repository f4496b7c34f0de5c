"""What is handed to the steps that match service providers, and what comes back."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from activities.payloads import By, Payload

Outcome = Literal["offers", "no_offer", "no_rules", "not_in_standing", "engine_fault", "input_error"]
"""What came of a match: ``no_rules``: no matching book in force is for such a party; ``not_in_standing``: providers are
matched once a party is endorsed or approved, a talent while it is active. Of a fault a person is told, and asks
again."""


class MatchRequest(Payload):
    """Propose service providers to a party or talent.

    ``key``: what they are proposed for, once: the standing (``endorsement/1``), or the command of a person.
    ``declined_too``: also those that were declined before.
    """

    subject_kind: Literal["party", "talent"] = "party"
    subject_id: str
    key: str
    at: datetime
    by: By
    declined_too: bool = False


class MatchOffer(Payload):
    """One provider that was proposed: ``score`` of 100, with one decimal."""

    match_id: str
    provider_id: str
    rank: int
    score: str


class Matched(Payload):
    """What was proposed, and by which decision (None: there is none)."""

    subject_id: str
    outcome: Outcome
    decision_id: str | None = None
    offers: tuple[MatchOffer, ...] = ()
    told: str = ""


class MatchClose(Payload):
    """A party lost its standing, for ``cause``: its providers serve it no longer."""

    subject_kind: Literal["party", "talent"] = "party"
    subject_id: str
    cause: str
    at: datetime
    by: By


class MatchesClosed(Payload):
    """The matches that ended, and the offers that are open no longer, by id."""

    subject_id: str
    closed: list[str]
