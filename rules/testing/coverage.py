"""What the cases have seen at work: criteria, rows, bands, tiers, caps; and what nobody has tried yet.

Only decisions of the rule book that a case is about count, and only its newest edition is tested. What no party can
come to (proven by ``rules.lint``) is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastbrand.domain.decision import Decision
from rules.lint.study import Study
from rules.model import Band, Book, Eligibility, Incentive, Maintenance, Mark, Matching, Routing, RuleBook
from rules.testing import matching
from rules.testing.cases import CaseResult, rule_books
from rules.testing.points import Point as Point

VERDICTS = ("pass", "fail", "unknown")
"""What every criterion and gate is to be seen as."""
_MATCHING = ("requirement", "preference", "type", "outcome")


@dataclass(frozen=True, slots=True)
class Coverage:
    """``points`` are all there are, with their places; ``seen`` those that a case has shown, with its name."""

    points: Mapping[Point, Mark]
    seen: Mapping[Point, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[Point]:
        """What no case has shown, in the order of the book."""
        return [point for point in self.points if point not in self.seen]

    @property
    def complete(self) -> bool:
        """Whether everything was seen."""
        return not self.missing

    @property
    def percent(self) -> float:
        """The share of points seen, rounded down to a tenth: 100.0 only where all are."""
        return (1_000 if not self.points else 1_000 * len(self.seen) // len(self.points)) / 10

    def verdicts(self, rulebook: str, criterion: str) -> frozenset[str]:
        """The verdicts that a criterion or gate of a rule book had in any case."""
        return frozenset(
            point.seen
            for point in self.seen
            if (point.rulebook, point.name) == (rulebook, criterion) and point.what in ("criterion", "gate")
        )

    def as_dict(self) -> dict[str, Any]:
        """``criteria{total, passed, failed, unknown}`` (with gates), ``outcomes{total, taken}`` (rows), and so on."""
        names = {"pass": "passed", "fail": "failed", "unknown": "unknown"}
        return {
            "percent": self.percent,
            "points": {"total": len(self.points), "seen": len(self.seen)},
            "criteria": {
                "total": len({(p.rulebook, p.name) for p in self.points if p.what in ("criterion", "gate")}),
                **{names[verdict]: self._of("criterion", verdict) + self._of("gate", verdict) for verdict in VERDICTS},
            },
            "outcomes": {"total": self._count("row"), "taken": self._of("row")},
            "bands": {
                "total": len({(point.rulebook, point.name) for point in self.points if point.what == "band"}),
                **{level: self._of("band", level) for level in ("clear", "alert", "limit", "unknown")},
            },
            "bonus": {
                "total": sum(self._count(what) for what in ("tier", "cap", "confirm")),
                "seen": sum(self._of(what) for what in ("tier", "cap", "confirm")),
            },
            "matching": {
                "total": sum(self._count(what) for what in _MATCHING),
                "seen": sum(self._of(what) for what in _MATCHING),
            },
        }

    def _count(self, what: str, seen: str | None = None) -> int:
        return sum(1 for point in self.points if point.what == what and seen in (None, point.seen))

    def _of(self, what: str, seen: str | None = None) -> int:
        return sum(1 for point in self.seen if point.what == what and seen in (None, point.seen))


def coverage(book: Book, results: Iterable[CaseResult], only: Iterable[str] | None = None) -> Coverage:
    """What ``results`` have seen of ``book``, or of the rule books ``only``."""
    points = dict(points_of(book, only))
    seen: dict[Point, str] = {}
    for result in results:
        for point in () if result.decision is None else points_seen(book, result.decision):
            if point in points:
                seen.setdefault(point, result.case.name)
    return Coverage(points, seen)


# --- all there is -------------------------------------------------------------------------------------------------


def points_of(book: Book, only: Iterable[str] | None = None) -> Iterator[tuple[Point, Mark]]:
    """Everything to be seen of each rule book, in the order of the files, with its place."""
    wanted = None if only is None else set(only)
    study = Study(book)
    for name, rulebook in rule_books(book).items():
        if wanted is None or name in wanted:
            yield from _points(study, rulebook)


def _points(study: Study, rulebook: RuleBook) -> Iterator[tuple[Point, Mark]]:
    name = rulebook.head.name
    if isinstance(rulebook, Eligibility | Incentive):
        what = "criterion" if isinstance(rulebook, Eligibility) else "gate"
        for criterion in rulebook.criteria if isinstance(rulebook, Eligibility) else rulebook.gates:
            possible = study.survey(criterion).verdicts()
            verdicts = [verdict for verdict in VERDICTS if verdict in possible]
            yield from ((Point(name, what, criterion.id, verdict), criterion.mark) for verdict in verdicts)
    if isinstance(rulebook, Maintenance):
        for band in rulebook.bands:
            yield from ((Point(name, "band", band.id, level), band.mark) for level in _levels(band))
    if isinstance(rulebook, Incentive):
        yield from _bonus_points(rulebook)
        return
    if isinstance(rulebook, Matching):
        yield from matching.points(study, rulebook)
        return
    rows = rulebook.rows if isinstance(rulebook, Routing) else rulebook.outcomes
    yield from ((Point(name, "row", str(number), "taken"), row.mark) for number, row in enumerate(rows, 1))


def _levels(band: Band) -> list[str]:
    declared = [level for level, leaf in (("alert", band.alert), ("limit", band.limit)) if leaf is not None]
    return ["clear", *declared, "unknown"]


def _bonus_points(rulebook: Incentive) -> Iterator[tuple[Point, Mark]]:
    name = rulebook.head.name
    for number, tier in enumerate(rulebook.tiers, 1):
        yield Point(name, "tier", str(number), "taken"), tier.mark
    caps = rulebook.marks.get("caps", rulebook.head.mark)
    for cap in ("single_grant", "party_per_year", "category_per_month"):
        if getattr(rulebook.caps, cap) is not None:
            yield Point(name, "cap", cap, "taken"), caps
    if rulebook.confirm_above is not None:
        confirm = rulebook.marks.get("confirm_above", rulebook.head.mark)
        yield from ((Point(name, "confirm", "confirm_above", seen), confirm) for seen in ("yes", "no"))


# --- what was seen ------------------------------------------------------------------------------------------------


def points_seen(book: Book, decision: Decision) -> Iterator[Point]:
    """What one decision shows."""
    name = decision.rulebook
    if decision.kind == "matching":
        yield from matching.points_seen(decision)
        return
    if decision.kind == "maintenance":
        for band, level in decision.result["bands"].items():
            yield Point(name, "band", band, level)
    elif decision.kind in ("eligibility", "incentive"):
        what = "criterion" if name in book.eligibility else "gate"
        for finding in decision.findings:
            yield Point(name, what, finding.criterion, finding.verdict)
    for step in decision.steps:
        if step["step"] == "row" and step["holds"]:
            yield Point(name, "row", str(step["row"]), "taken")
        elif step["step"] == "tier":
            yield Point(name, "tier", str(step["n"]), "taken")
        elif step["step"] == "cap":
            yield Point(name, "cap", step["by"], "taken")
    if decision.kind == "incentive" and decision.outcome == "grant":
        yield Point(name, "confirm", "confirm_above", "yes" if decision.result["confirm"] else "no")
