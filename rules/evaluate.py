"""One book, compiled: decides about parties in this process. Use ``rules.engine`` to have it done in a child process.

Python parses and derives facts, combines the answers of the engine's comparisons, picks the first row that holds and
does exact arithmetic; every comparison is the engine's (``rules.rete``). The same inputs give the same bytes, always.
Not thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import InputError, NotFound
from rules.eligibility import EligibilityPlan
from rules.frame import Asked, check_in_force, in_force
from rules.incentive import IncentivePlan
from rules.maintenance import MaintenancePlan
from rules.matching import MatchingPlan
from rules.model import Book, Eligibility, Head, Incentive, Maintenance, Routing
from rules.records import Context, Record
from rules.routing import RoutingPlan
from rules.situation import FactReader, Moment

NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True)
class Screening:
    """What screening says about an applicant, in the order of evaluation.

    ``track``: where it belongs (outcome ``M``, ``S`` or ``merchant``; None where the book routes no tracks).
    ``eligibility``: by the book of the track that it applied for, whatever ``track`` says. ``queue``: who looks at it
    (result: the row's ``then``). ``endorsement``: outcome ``required``, ``optional`` or ``none``.
    """

    track: Decision | None
    eligibility: Decision
    queue: Decision
    endorsement: Decision | None


class CompiledBook:
    """A book whose rule books are compiled as they are asked for."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._zone = ZoneInfo(book.programme.time_zone)
        self._reader = FactReader(book)
        self._eligibility: dict[str, EligibilityPlan] = {}
        self._routing: dict[str, RoutingPlan] = {}
        self._maintenance: dict[str, MaintenancePlan] = {}
        self._incentive: dict[str, IncentivePlan] = {}
        self._matching: dict[str, MatchingPlan] = {}

    def moment(self, as_of: datetime) -> Moment:
        """``as_of`` in the programme's time zone."""
        return Moment.of(as_of, self._zone)

    def ask(self, record: Record, moment: Moment) -> Asked:
        """The party of ``record`` at ``moment``. Raises ``InputError`` where a fact cannot be taken as it is."""
        return Asked(record.party, self._reader.read(record, moment))

    def decide(
        self, rulebook: str, asked: Asked, context: Context = NO_CONTEXT, effective: Moment | None = None
    ) -> Decision:
        """What ``rulebook`` says about a party; ``effective``: the moment at which it must be in force (None: any).

        Raises ``NotFound`` (no such rule book), ``InputError`` (not in force), ``EngineFault``.
        """
        book = self.book
        if effective is not None:
            check_in_force(self._head(rulebook), effective)
        if rulebook in book.eligibility:
            return self._eligibility_plan(book.eligibility[rulebook]).decide(asked)
        if rulebook in book.routing:
            return self._route(book.routing[rulebook], asked, context.screening)
        if rulebook in book.maintenance:
            return self._maintain(book.maintenance[rulebook], asked, context)
        if rulebook in book.incentive:
            return self._incent(book.incentive[rulebook], asked, context, effective or asked.facts.moment)
        if rulebook in book.matching:
            return self._matching_plan(rulebook).decide(asked, context)
        raise self._no_such(rulebook)

    def screen(self, asked: Asked, track: str, effective: Moment | None = None) -> Screening:
        """Screen an applicant for ``track`` by the rule books in force at ``effective`` (None: when it is decided).

        Raises ``InputError``, ``EngineFault``.
        """
        moment = effective or asked.facts.moment
        tracks = self._routing_for("track", track, moment)
        queues = self._routing_for("queue", track, moment)
        endorsements = self._routing_for("endorsement", track, moment)
        if queues is None:
            raise InputError(
                f"no routing book in force decides the queue for track `{track}`",
                hint="add a routing book with `decides: queue`",
                code="not_in_force",
            )
        where = None if tracks is None else self._route(tracks, asked, None)
        eligibility = self._eligibility_plan(self._eligibility_for(track, moment)).decide(asked)
        return Screening(
            where,
            eligibility,
            self._route(queues, asked, eligibility),
            None if endorsements is None else self._route(endorsements, asked, eligibility),
        )

    def _eligibility_plan(self, rulebook: Eligibility) -> EligibilityPlan:
        plan = self._eligibility.get(rulebook.head.name)
        if plan is None:
            plan = self._eligibility[rulebook.head.name] = EligibilityPlan(rulebook, self.book)
        return plan

    def _route(self, rulebook: Routing, asked: Asked, screening: Decision | None) -> Decision:
        plan = self._routing.get(rulebook.head.name)
        if plan is None:
            plan = self._routing[rulebook.head.name] = RoutingPlan(rulebook, self.book)
        return plan.decide(asked, screening)

    def _maintain(self, rulebook: Maintenance, asked: Asked, context: Context) -> Decision:
        plan = self._maintenance.get(rulebook.head.name)
        if plan is None:
            plan = self._maintenance[rulebook.head.name] = MaintenancePlan(rulebook, self.book)
        return plan.decide(asked, context.streaks, context.clear_months)

    def _matching_plan(self, name: str) -> MatchingPlan:
        plan = self._matching.get(name)
        if plan is None:
            plan = self._matching[name] = MatchingPlan(self.book.matching[name], self.book)
        return plan

    def _incent(self, rulebook: Incentive, asked: Asked, context: Context, effective: Moment) -> Decision:
        eligibility = self._eligibility_for(context.track, effective)
        score = self._eligibility_plan(eligibility).score(rulebook.multiplier_score, asked)
        if score is None:
            raise InputError(
                f"`{eligibility.head.name}` has no score `{rulebook.multiplier_score}`",
                hint=f"`{rulebook.head.name}` multiplies by it: add it to the eligibility book",
            )
        plan = self._incentive.get(rulebook.head.name)
        if plan is None:
            plan = self._incentive[rulebook.head.name] = IncentivePlan(rulebook, self.book)
        return plan.decide(asked, context, score)

    def _eligibility_for(self, track: str, moment: Moment) -> Eligibility:
        fit = [item for item in self.book.eligibility.values() if track in item.head.parties]
        return fit[_the_one([item.head for item in fit], f"eligibility book for track `{track}`", moment)]

    def _routing_for(self, decides: str, track: str, moment: Moment) -> Routing | None:
        """The routing book for ``decides``: one that names the track, otherwise one that names no parties at all."""
        deciding = [item for item in self.book.routing.values() if item.decides == decides]
        fit = [item for item in deciding if track in item.head.parties] or [
            item for item in deciding if not item.head.parties
        ]
        if not fit:
            return None
        return fit[_the_one([item.head for item in fit], f"routing book for `{decides}` of track `{track}`", moment)]

    def _head(self, rulebook: str) -> Head:
        found = self.book.rulebooks.get(rulebook)
        if found is None:
            raise self._no_such(rulebook)
        return found.head

    def _no_such(self, rulebook: str) -> NotFound:
        names = list(self.book.rulebooks)
        return NotFound(f"there is no rule book `{rulebook}` in this book", hint=f"there are {_listed(names)}")


def _the_one(heads: list[Head], what: str, moment: Moment) -> int:
    """The place of the one head in force. Raises ``InputError`` where there is none, or more than one."""
    if not heads:
        raise InputError(f"there is no {what}", hint="add one to the book", code="not_in_force")
    now = [place for place, head in enumerate(heads) if in_force(head, moment)]
    if not now:
        check_in_force(heads[-1], moment)
    if len(now) > 1:
        raise InputError(
            f"more than one {what} is in force: {_listed([heads[place].name for place in now])}",
            hint="let their effective periods not overlap",
            code="ambiguous_book",
        )
    return now[0]


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
