"""What an evaluator is given: a party's facts as stored, in the notation of facts files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Observed:
    """One fact: its value as text in facts-file notation (money in major units, ``true``, ``a|b``; None: unknown),
    when it was observed (None: at the decision's ``as_of``) and where it comes from."""

    text: str | None
    observed_at: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A party and its facts (name -> Observed; absent is unknown)."""

    party: str
    facts: Mapping[str, Observed]

    def __reduce__(self) -> tuple[Any, ...]:
        """On the way between processes a record is plain tuples: as dataclasses it costs more than deciding."""
        facts = [(name, fact.text, fact.observed_at, fact.source) for name, fact in self.facts.items()]
        return _record, (self.party, facts)


def _record(party: str, facts: list[tuple[str, str | None, datetime | None, str]]) -> Record:
    return Record(party, {name: Observed(text, at, source) for name, text, at, source in facts})


@dataclass(frozen=True, slots=True)
class Remainders:
    """What caps still leave at the moment of reservation, in pool units (None: no such cap)."""

    party_year: int | None = None
    category_month: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider as the register has it: scores in tenths (725 is 72.5; None: not known), capabilities by name.

    ``load`` is how many it serves now, ``capacity`` how many it can serve at once.
    """

    provider: str
    type: str
    categories: tuple[str, ...]
    region: str | None
    capacity: int
    load: int
    track_record: int | None = None
    capabilities: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule book may see besides facts: the eligibility decision (routing), streaks (maintenance), and providers
    (matching)."""

    screening: Any | None = None  # Decision of kind eligibility
    streaks: Mapping[str, int] = field(default_factory=dict)  # band -> consecutive observations in limit
    clear_months: int = 0
    remainders: Remainders = field(default_factory=Remainders)
    track: str = "M"  # which track the party is on: picks pool and eligibility book; matching: K for a talent
    period: str = ""  # incentive: the period the grant is for, 2022-08
    gaps: tuple[str, ...] | None = None  # matching: capabilities that the party lacks (None: it was never screened)
    candidates: tuple[Candidate, ...] = ()  # matching: the register
