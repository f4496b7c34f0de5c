"""Cases that would show what no case has shown: a passing case, nudged, tried on the engine itself.

First what the rule book itself tells to change (the leaves of a criterion), then every single nudge, then the score
pushed as far as it goes with every verdict left alone, then nudges in pairs. Only what the engine has confirmed is
proposed; where nothing is found, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Any

from fastbrand.domain.decision import Decision
from rules.criteria import leaves_of
from rules.engine import RuleEngine
from rules.lint.study import Study
from rules.mending import leaves_to_mend
from rules.model import (
    Book,
    Criterion,
    Eligibility,
    Incentive,
    Maintenance,
    Mark,
    Matching,
    Not,
    Routing,
    RuleBook,
)
from rules.testing.case_texts import case_text, context_text, expect_text, fact_text, head_text, point_name
from rules.testing.cases import Case, CaseResult, rule_books
from rules.testing.coverage import Coverage, Point, points_seen
from rules.testing.loading import default_case
from rules.testing.matching import Proposals, shows
from rules.testing.nudging import Nudge, Nudger
from rules.testing.reads import facts_read, read_by
from rules.testing.running import decide_cases

MENDINGS = 4
"""Most rounds in which a base case is mended."""
MAX_PAIRS = 3_000
"""Most pairs of nudges tried for one rule book."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A case that shows something new, as YAML on one line, to be put beside ``beside``.

    Where the rule book has no cases yet, ``head`` is how a new file begins, to which the case belongs.
    """

    text: str
    beside: Mark | None
    head: str | None = None


Found = dict[Point, Suggestion]


@dataclass(frozen=True, slots=True)
class _Tried:
    nudge: Nudge
    decision: Decision
    points: frozenset[Point]


def suggest(
    book: Book, coverage: Coverage, results: Sequence[CaseResult], engine: RuleEngine
) -> dict[Point, Suggestion]:
    """A case for each missing point for which one is found. Raises ``EngineFault``."""
    found: Found = {}
    missing: dict[str, list[Point]] = {}
    for point in coverage.missing:
        missing.setdefault(point.rulebook, []).append(point)
    for name, points in missing.items():
        rulebook = rule_books(book)[name]
        if isinstance(rulebook, Matching):
            fresh = all(result.case.rulebook != name for result in results)
            found |= _of_providers(book, rulebook, points, engine, fresh=fresh)
        else:
            found |= _Search(book, rulebook, points, engine).run(results)
    return found


class _Search:
    """The search for one rule book."""

    def __init__(self, book: Book, rulebook: RuleBook, missing: Sequence[Point], engine: RuleEngine) -> None:
        self._book, self._rulebook, self._engine = book, rulebook, engine
        self._missing = set(missing)
        self._order = {point: place for place, point in enumerate(missing)}
        self._found: dict[Point, Suggestion] = {}
        self._base: Case
        self._fresh = False
        self._head: str | None = None

    def run(self, results: Sequence[CaseResult]) -> dict[Point, Suggestion]:
        """Search until everything is found, or there is no more to try."""
        self._base = self._start(results)
        pushes = self._screened() if self._screening() is not None else []
        if self._fresh:
            self.mend()
            self._head = head_text(self._book, self._rulebook, self._base)
            self._base = replace(self._base, own=frozenset())
        first = next(iter(self._try([Nudge()])), None)
        if first is None:
            return {}
        nudger = Nudger(self._book, self._rulebook, self._base)
        tried = self._try([*self._directed(nudger, first.decision), *nudger.singles()])
        if self._missing:
            tried += self._try(pushes)
            tried += self._pushed(first, tried)
        if self._missing:
            self._try(_pairs(tried))
        return self._found

    def mend(self, base: Case | None = None) -> Case:
        """The base case, mended as far as it goes: the fewer reasons, the more a nudge tells."""
        self._base = base or self._base
        best = self._decided([Nudge()])
        for _ in range(MENDINGS):
            if not best or not best[0].decision.reasons:
                break
            mended = self._decided([self._mended(best[0].decision)])
            if not mended or _badness(mended[0].decision) >= _badness(best[0].decision):
                break
            self._base = mended[0].nudge.applied(self._base)
            best = self._decided([Nudge()])
        return self._base

    def pushes(self, base: Case) -> list[Nudge]:
        """What moves the scores of ``base`` and leaves every verdict alone."""
        self._base = base
        first = self._decided([Nudge()])
        if not first:
            return []
        tried = self._decided(Nudger(self._book, self._rulebook, base).singles())
        return [each.nudge for each in self._pushed(first[0], tried)]

    def _pushed(self, first: _Tried, tried: Sequence[_Tried]) -> list[_Tried]:
        """The score taken down, then up, fact by fact, as far as each goes with every verdict left alone."""
        quiet, found = _verdicts(first.decision), []
        for towards in (-1, 1):
            moving = _extremes(first, tried, towards)
            now = first
            for nudge in moving:
                (further,) = self._try([now.nudge + nudge]) or (now,)
                if _verdicts(further.decision) == quiet and _gain(now, further, towards) > 0:
                    now = further
                    found.append(now)
        return found

    def _screening(self) -> Eligibility | None:
        """The eligibility book whose decision a routing book sees; None where it sees none."""
        if not isinstance(self._rulebook, Routing) or self._rulebook.decides == "track":
            return None
        track = self._base.context.track
        return next((each for each in self._book.eligibility.values() if track in each.head.parties), None)

    def _screened(self) -> list[Nudge]:
        """Mend what is screened before it is routed (where the case is new); what moves its scores."""
        screening = self._screening()
        assert screening is not None
        before = _Search(self._book, screening, (), self._engine)
        case = replace(self._base, rulebook=screening.head.name, kind="eligibility")
        if self._fresh:
            case = before.mend(case)
            self._base = replace(self._base, given=case.given)
        return before.pushes(case)

    def _start(self, results: Sequence[CaseResult]) -> Case:
        """The case to begin with: of this rule book the one with the fewest reasons, otherwise another's facts."""
        decided = [result for result in results if result.decision is not None]
        own = [result for result in decided if result.case.rulebook == self._rulebook.head.name]
        if own:
            return min(own, key=lambda result: (_reasons(result), len(result.case.own))).case
        self._fresh = True
        parties = self._rulebook.head.parties
        case = default_case(self._book, self._rulebook, {})
        read = facts_read(self._book, read_by(self._book, self._rulebook, case.context))

        def fit(result: CaseResult) -> tuple[int, int, int]:
            return -len(read & result.case.given.keys()), _reasons(result), len(result.case.own)

        like = [result for result in decided if not parties or result.case.context.track in parties]
        given = min(like, key=fit).case.given if like else {}
        return replace(case, given={name: observed for name, observed in given.items() if name in read})

    def _try(self, nudges: Iterable[Nudge]) -> list[_Tried]:
        """Decide the base case with each nudge; what shows missing points is a suggestion."""
        tried = self._decided(nudges)
        for each in tried:
            new = sorted(each.points & self._missing, key=lambda point: self._order[point])
            if new:
                case = each.nudge.applied(self._base)
                self._found |= dict.fromkeys(new, self._suggestion(new[0], case, each.decision))
                self._missing.difference_update(new)
        return tried

    def _decided(self, nudges: Iterable[Nudge]) -> list[_Tried]:
        """The base case with each nudge, where it can be decided."""
        listed = list(nudges)
        decisions = decide_cases(self._book, [nudge.applied(self._base) for nudge in listed], self._engine)
        return [
            _Tried(nudge, decision, frozenset(points_seen(self._book, decision)))
            for nudge, decision in zip(listed, decisions, strict=True)
            if isinstance(decision, Decision)
        ]

    # --- what to change -------------------------------------------------------------------------------------------

    def _criteria(self) -> Mapping[str, Criterion]:
        if isinstance(self._rulebook, Eligibility):
            return {criterion.id: criterion for criterion in self._rulebook.criteria}
        return {gate.id: gate for gate in self._rulebook.gates} if isinstance(self._rulebook, Incentive) else {}

    def _mended(self, decision: Decision) -> Nudge:
        """What makes every criterion that is not met pass, clears every band, and gives a bonus something to count."""
        nudger = Nudger(self._book, self._rulebook, self._base)
        whole = Nudge()
        for finding in decision.findings:
            criterion = self._criteria().get(finding.criterion)
            if criterion is not None and finding.verdict in ("fail", "unknown"):
                whole += self._brought(nudger, criterion, decision, "pass")
        if isinstance(self._rulebook, Maintenance):
            for band in self._rulebook.bands:
                for leaf in (band.limit, band.alert):  # out of the alert is out of the limit
                    left = None if leaf is None else nudger.made(leaf, False, band.min_sample)
                    whole += left or Nudge()
        if isinstance(self._rulebook, Incentive):
            whole += nudger.filled()
        return whole

    def _directed(self, nudger: Nudger, decision: Decision) -> Iterator[Nudge]:
        """For each missing verdict, what the leaves of its criterion ask to be changed."""
        criteria = self._criteria()
        for point in sorted(self._missing, key=str):
            if point.name in criteria and point.what in ("criterion", "gate"):
                brought = self._brought(nudger, criteria[point.name], decision, point.seen)
                if point.seen == "unknown":
                    yield from (Nudge({name: None}) for name in brought.facts)  # one may be enough
                yield brought
        if isinstance(self._rulebook, Maintenance):
            streaks = sorted({months for nudge in nudger.singles() for months in nudge.streaks.values()})
            for band in self._rulebook.bands:
                for leaf in (band.alert, band.limit):
                    entered = None if leaf is None else nudger.made(leaf, True, band.min_sample)
                    if entered is not None:
                        yield entered
                        yield from (entered + Nudge(streaks={band.id: months}) for months in streaks)

    def _brought(self, nudger: Nudger, criterion: Criterion, decision: Decision, verdict: str) -> Nudge:
        """What brings ``criterion`` to ``verdict``, leaf by leaf; as much as can be told."""
        leaves = leaves_of(criterion.require)
        if verdict == "unknown":
            bases = [base for leaf in leaves for base in nudger.bases(leaf.fact)]
            return Nudge(dict.fromkeys(bases))
        finding = next(each for each in decision.findings if each.criterion == criterion.id)
        whole = Nudge()
        if criterion.when is not None and any(leaf.verdict != "pass" for leaf in finding.when):
            for mend in leaves_to_mend(criterion.when, [leaf.verdict for leaf in finding.when]):
                made = nudger.made(leaves_of(criterion.when)[mend.place], not mend.must_fail)
                whole += made or Nudge()
        wanted = criterion.require if verdict == "pass" else Not(criterion.require, criterion.mark)
        for mend in leaves_to_mend(wanted, [leaf.verdict for leaf in finding.leaves]):
            made = nudger.made(leaves[mend.place], not mend.must_fail, criterion.min_sample)
            whole += made or Nudge()
        return whole

    # --- what is told ---------------------------------------------------------------------------------------------

    def _suggestion(self, point: Point, case: Case, decision: Decision) -> Suggestion:
        own = {name: case.given[name] for name in case.given if name in case.own}
        facts = ", ".join(f"{name}: {fact_text(self._book.facts[name], each)}" for name, each in own.items())
        context = context_text(case, self._rulebook)
        text = case_text(point_name(point), facts, context, expect_text(decision))
        return Suggestion(text, None if self._fresh else case.mark, self._head)


def _of_providers(
    book: Book, rulebook: Matching, missing: Sequence[Point], engine: RuleEngine, *, fresh: bool
) -> Found:
    """The same for a matching book: cases of one provider each."""
    found: Found = {}
    for case, decision in Proposals(Study(book), rulebook).tried(engine):
        new = shows(decision, [point for point in missing if point not in found])
        if new:
            facts = ", ".join(f"{name}: {fact_text(book.facts[name], each)}" for name, each in case.given.items())
            text = case_text(point_name(new[0]), facts, context_text(case, rulebook), expect_text(decision))
            head = head_text(book, rulebook, replace(case, given={})) if fresh else None
            found |= dict.fromkeys(new, Suggestion(text, None, head))
    return found


def _badness(decision: Decision) -> int:
    """How far a decision is from one without reasons; what is unknown is further than what fails."""
    return sum(2 if reason["verdict"] == "unknown" else 1 for reason in decision.reasons)


def _reasons(result: CaseResult) -> int:
    return 0 if result.decision is None else len(result.decision.reasons)


def _extremes(first: _Tried, tried: Sequence[_Tried], towards: int) -> list[Nudge]:
    """Of each fact the nudge that takes the score furthest down (or up) with every verdict left alone, best first."""
    quiet = _verdicts(first.decision)
    best: dict[frozenset[str], _Tried] = {}
    for each in tried:
        known = best.get(each.nudge.about, first)
        if _verdicts(each.decision) == quiet and _gain(known, each, towards) > 0:
            best[each.nudge.about] = each
    return [each.nudge for each in sorted(best.values(), key=lambda each: _gain(first, each, towards), reverse=True)]


def _gain(one: _Tried, other: _Tried, towards: int) -> Decimal:
    """How much further the score of ``other`` is; nothing where a score is not known."""
    before, after = _score(one.decision), _score(other.decision)
    return Decimal(0) if before is None or after is None else (after - before) * towards


def _pairs(tried: Sequence[_Tried]) -> Iterator[Nudge]:
    """Pairs of nudges of different facts; of those that show the same only the first and the extreme ones."""
    kinds: dict[Any, list[_Tried]] = {}
    for each in tried:
        kinds.setdefault((each.nudge.about, each.points, _conditions(each.decision)), []).append(each)
    kept = []
    for alike in kinds.values():
        by_score = sorted(alike, key=lambda each: _score(each.decision) or Decimal(-1))
        kept += list({id(each): each for each in (alike[0], by_score[0], by_score[-1])}.values())
    count = 0
    for one, other in product(kept, kept):
        if one is not other and not one.nudge.about & other.nudge.about and id(one) < id(other):
            count += 1
            if count > MAX_PAIRS:
                return
            yield one.nudge + other.nudge


def _conditions(decision: Decision) -> tuple[str, ...]:
    """The verdicts of all conditions of the rows that were looked at: one may be met though its row does not hold."""
    rows = [step for step in decision.steps if step["step"] == "row"]
    return tuple(condition["verdict"] for row in rows for condition in row["conditions"])


def _verdicts(decision: Decision) -> tuple[tuple[str, str], ...]:
    return tuple((finding.criterion, finding.verdict) for finding in decision.findings)


def _score(decision: Decision) -> Decimal | None:
    values = [score.value for score in decision.scores if score.value is not None]
    return Decimal(values[0]) if values else None
