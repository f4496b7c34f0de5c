"""A loaded rule book: what the loader makes of the files and every evaluator reads.

Values are exact and internal: money in minor units, ratio in parts per billion, score scaled by its decimals, duration
in milliseconds, flag as 0/1, date as proleptic Gregorian ordinal (``date.toordinal``), choice as its code, choices as a
sorted tuple of codes, text as it is. Every integer is within 2^53. Nothing in here evaluates anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from rules.atoms import Atom as Atom
from rules.atoms import BandAtom as BandAtom
from rules.atoms import ClearForAtom as ClearForAtom
from rules.atoms import FactAtom as FactAtom
from rules.atoms import FailedAtom as FailedAtom
from rules.atoms import Row as Row
from rules.atoms import ScoreAtom as ScoreAtom
from rules.atoms import ScreeningAtom as ScreeningAtom
from rules.atoms import StreakAtom as StreakAtom
from rules.atoms import UnknownAtom as UnknownAtom
from rules.atoms import WarningsAtom as WarningsAtom
from rules.serving import Covers as Covers
from rules.serving import Preference as Preference
from rules.serving import Preferred as Preferred
from rules.serving import ProviderCurve as ProviderCurve
from rules.serving import Requirement as Requirement
from rules.serving import Same as Same
from rules.terms import MAX_INT as MAX_INT
from rules.terms import All as All
from rules.terms import AnyOf as AnyOf
from rules.terms import Derivation as Derivation
from rules.terms import FactDef as FactDef
from rules.terms import FactType as FactType
from rules.terms import Leaf as Leaf
from rules.terms import Mark as Mark
from rules.terms import Node as Node
from rules.terms import Not as Not
from rules.terms import Op as Op
from rules.terms import Otherwise as Otherwise
from rules.terms import Table as Table
from rules.terms import Title as Title
from rules.terms import Value as Value


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion or a gate."""

    id: str
    group: str
    title: Title
    require: Node
    mark: Mark
    when: Node | None = None
    min_sample: int | None = None
    otherwise: Otherwise = "reject"
    unknown: Otherwise = "refer"


Curve = tuple[tuple[Fraction, Fraction], ...]
"""Points (x, y) rising strictly in x, both in *display* units (40% is 2/5, a score of 62.5 is 125/2)."""


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A fact's part in a score; ``weight`` in points of 100. Without a curve the fact's range is 0 to 100."""

    fact: str
    weight: Fraction
    curve: Curve | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Score:
    """A weighted sum, floored once to ``decimals``."""

    id: str
    title: Title
    decimals: int
    parts: tuple[ScorePart, ...]
    mark: Mark


# --- the kinds ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """What every rule book of a kind begins with. ``effective_until`` is exclusive; both in the programme's zone."""

    name: str
    kind: str
    version: str
    title: Title | None
    status: str | None
    parties: tuple[str, ...]
    effective_from: date | None
    effective_until: date | None
    in_flight: Literal["pin", "reevaluate"]
    path: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Eligibility:
    """May this party in?"""

    head: Head
    criteria: tuple[Criterion, ...]
    scores: Mapping[str, Score]
    outcomes: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    """``decides``: queue, track or endorsement."""

    head: Head
    decides: Literal["queue", "track", "endorsement"]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """Alert and limit on one fact."""

    id: str
    fact: str
    title: Title
    alert: Leaf | None
    limit: Leaf | None
    min_sample: int | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Keeps, watches, suspends, revokes or promotes a party in standing."""

    head: Head
    every_months: int
    bands: tuple[Band, ...]
    outcomes: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """Marginal tier: up to ``up_to`` (minor units of money, or the count; None: without end) at ``rate``."""

    up_to: int | None
    rate: Fraction
    mark: Mark


@dataclass(frozen=True, slots=True)
class Tranche:
    """A share of a grant (parts per billion), its delay in ms, and the maintenance outcomes it needs (empty: none)."""

    share_ppb: int
    after_ms: int
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clawback:
    """What is taken back for ``cause`` within ``within_ms``; shares in parts per billion."""

    cause: str
    within_ms: int
    unspent_ppb: int
    spent_ppb: int


@dataclass(frozen=True, slots=True)
class Caps:
    """Caps in pool units; None: no such cap. ``category_per_month``: code -> cap with ``default``."""

    single_grant: int | None
    party_per_year: int | None
    category_per_month: Table | None


@dataclass(frozen=True, slots=True)
class Incentive:
    """How much, when, until when, and what takes it back. ``pool``: track -> pool id."""

    head: Head
    pool: Mapping[str, str]
    every_months: int
    gates: tuple[Criterion, ...]
    base_fact: str
    tiers: tuple[Tier, ...]
    multiplier_score: str
    multiplier_curve: Curve
    caps: Caps
    tranches: tuple[Tranche, ...]
    expires_after_ms: int
    confirm_above: int | None
    clawback: tuple[Clawback, ...]
    marks: Mapping[str, Mark] = field(default_factory=dict)  # key of the file -> where it stands


@dataclass(frozen=True, slots=True)
class Matching:
    """Which service provider for whom. ``serves``: type of provider -> whom it serves (K, M, S); the head's parties are
    all who are served. ``offers``: how many providers are proposed at most."""

    head: Head
    serves: Mapping[str, tuple[str, ...]]
    require: tuple[Requirement, ...]
    prefer: tuple[Preference, ...]
    offers: int
    marks: Mapping[str, Mark] = field(default_factory=dict)  # key of the file -> where it stands


@dataclass(frozen=True, slots=True)
class Pool:
    """A traffic pool: ``budget`` in pool units."""

    id: str
    budget: int
    status: str | None


@dataclass(frozen=True, slots=True)
class Programme:
    """Currency, zone, calendar, pools, targets."""

    version: str
    currency: str
    currency_decimals: int
    time_zone: str
    business_days: str
    traffic_unit: Title
    pools: Mapping[str, Pool]
    targets: Mapping[str, Any]
    baseline: Mapping[str, Any]
    review: Mapping[
        str, int
    ]  # rfi_rounds; in ms: rfi_deadline_ms, appeal_window_ms, endorsement_term_ms, waiting_retry_ms,
    # frozen_recheck_ms; defaults are filled in
    mark: Mark
    cases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # appeal, standing -> queue, role, sla, escalate_to, as a queue row says them; defaults are filled in


RuleBook = Eligibility | Routing | Maintenance | Incentive | Matching


@dataclass(frozen=True, slots=True)
class Book:
    """A complete book: the closure of all its files. ``sha256`` is over the canonical closure (``closure``).

    ``facts`` has base facts first, then derived ones, each after those it needs. Under a rule book's name stands its
    newest edition; ``editions`` has them all, oldest first, for a directory may hold several, in force one by one.
    """

    sha256: str
    closure: bytes
    facts_version: str
    facts: Mapping[str, FactDef]
    eligibility: Mapping[str, Eligibility]
    routing: Mapping[str, Routing]
    maintenance: Mapping[str, Maintenance]
    incentive: Mapping[str, Incentive]
    programme: Programme
    warnings: tuple[Any, ...] = field(default=())
    editions: Mapping[str, tuple[RuleBook, ...]] = field(default_factory=dict)
    matching: Mapping[str, Matching] = field(default_factory=dict)

    @property
    def rulebooks(self) -> dict[str, RuleBook]:
        """Name -> the newest edition of every rule book, kind by kind in the order of ``words.KINDS``."""
        return {**self.eligibility, **self.routing, **self.maintenance, **self.incentive, **self.matching}

    def in_force(self, name: str, day: date) -> RuleBook | None:
        """The edition of the rule book ``name`` in force on ``day`` (of the programme's zone), or None."""
        for book in self.editions.get(name, ()):
            head = book.head
            begun = head.effective_from is None or head.effective_from <= day
            if begun and (head.effective_until is None or day < head.effective_until):
                return book
        return None

    def versions(self) -> dict[str, str]:
        """Rule book name -> version, with ``facts`` and ``programme``."""
        found = {name: item.head.version for name, item in self.rulebooks.items()}
        return {"facts": self.facts_version, "programme": self.programme.version, **found}
