"""Outcome and routing rows: the first row all of whose conditions certainly hold.

A condition over counts (some criterion failed, some band is in limit) is a comparison like any other: the count goes
into the network as a number. What is not known is unknown there, and a row that is unknown does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastbrand.domain.decision import Finding, LeafTold
from fastbrand.domain.errors import EngineFault
from rules.comparisons import PASS, UNKNOWN_VALUE, Comparison
from rules.encoding import RELATIONS
from rules.leaves import decimal_shower, facts_of_leaf, plan_leaf
from rules.model import (
    Atom,
    BandAtom,
    ClearForAtom,
    FactAtom,
    FactDef,
    FailedAtom,
    Row,
    Score,
    ScoreAtom,
    ScreeningAtom,
    StreakAtom,
    UnknownAtom,
    WarningsAtom,
)
from rules.network import VERDICTS, NetworkBuilder, Source
from rules.situation import Facts

OUTCOMES: Mapping[str, int] = {"ineligible": 0, "refer": 1, "eligible": 2}
"""Eligibility outcomes as they are compared, lowest first."""

CLEAR, ALERT, LIMIT = 0, 1, 2
"""Where a band stands. A band in limit is in alert, too."""

LEVELS: Mapping[int | None, str] = {CLEAR: "clear", ALERT: "alert", LIMIT: "limit", None: "unknown"}
"""How the standing of a band is told."""


Judged = Sequence[tuple[Finding, str]]
"""Findings of criteria, each with its criterion's group."""


@dataclass(slots=True)  # not frozen: one is made for each decision
class Standing:
    """What the conditions of rows look at. None is unknown: there was no such decision, or no such score."""

    facts: Facts
    judged: Judged | None = None
    scores: Mapping[str, int | None] = field(default_factory=dict)
    outcome: str | None = None
    notes: int | None = None
    levels: Mapping[str, int | None] = field(default_factory=dict)
    streaks: Mapping[str, int] = field(default_factory=dict)
    clear_months: int | None = None


Teller = Callable[[Standing, Sequence[int], int | None], dict[str, Any]]
"""From the standing, the network's answers and the number compared (None: unknown) to what is told of a condition, in a
dict of its own."""


@dataclass(frozen=True, slots=True)
class _Condition:
    place: int
    tell: Teller


class RowsPlan:
    """Rows, compiled. ``scores`` and ``facts`` are those that conditions may name."""

    def __init__(self, rows: Sequence[Row], facts: Mapping[str, FactDef], scores: Mapping[str, Score]) -> None:
        builder = NetworkBuilder()
        self._facts, self._scores = facts, scores
        planned = [([self._plan(atom, builder) for atom in row.when], plain(row.then)) for row in rows]
        self._network = builder.build()
        firsts = self._network.firsts
        self._rows = tuple([([(it.place, firsts[it.place], it.tell) for it in when], then) for when, then in planned])

    def decide(self, standing: Standing) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
        """``then`` of the first row that holds, and one step for each row looked at. Raises ``EngineFault``."""
        asked = self._network
        numbers = asked.numbers(standing)
        answers = asked.network.run(numbers)
        steps: list[dict[str, Any]] = []
        for number, (conditions, then) in enumerate(self._rows, 1):
            holds, told = True, []
            for place, slot, tell in conditions:
                answer, compared = answers[place], numbers[slot]
                if answer != PASS:
                    holds = False
                said = tell(standing, answers, None if compared == UNKNOWN_VALUE else compared)
                said["verdict"] = VERDICTS[answer]
                told.append(said)
            steps.append({"step": "row", "row": number, "holds": holds, "conditions": told})
            if holds:
                return dict(then), tuple(steps)
        raise EngineFault("no outcome row holds, not even the last one")

    def _plan(self, atom: Atom, builder: NetworkBuilder) -> _Condition:
        match atom:
            case FactAtom(leaf):
                plan = plan_leaf(leaf, self._facts, _OfFacts(builder))
                return _Condition(
                    plan.place, lambda standing, answers, _: _told_leaf(plan.told(standing.facts, answers))
                )
            case ScoreAtom():
                return self._plan_score(atom, builder)
            case ScreeningAtom(outcomes):
                comparison = Comparison("in", tuple(OUTCOMES[outcome] for outcome in outcomes))
                place = builder.add(comparison, (Source("screening", _outcome),))
                return _Condition(
                    place,
                    lambda standing, *_: {
                        "condition": "screening",
                        "observed": standing.outcome,
                        "threshold": list(outcomes),
                    },
                )
        comparison, count, told = _counted(atom)
        place = builder.add(comparison, (count,))
        if isinstance(atom, BandAtom) and atom.band is not None:
            return _Condition(place, lambda _standing, _answers, level: {**told, "observed": LEVELS[level]})
        return _Condition(place, lambda _standing, _answers, number: {**told, "observed": number})

    def _plan_score(self, atom: ScoreAtom, builder: NetworkBuilder) -> _Condition:
        show = decimal_shower(self._scores[atom.score].decimals)
        operands = atom.operand if isinstance(atom.operand, tuple) else (atom.operand,)
        shown: Any = [show(operand) for operand in operands]
        comparison = Comparison(RELATIONS[atom.op], tuple(operands))
        source = Source(("score", atom.score), lambda standing: _known(standing.scores.get(atom.score)))
        place = builder.add(comparison, (source,))

        def tell(_standing: Standing, _answers: Sequence[int], value: int | None) -> dict[str, Any]:
            return {
                "condition": "score",
                "score": atom.score,
                "op": atom.op,
                "observed": None if value is None else show(value),
                "threshold": shown if isinstance(atom.operand, tuple) else shown[0],
            }

        return _Condition(place, tell)


class _OfFacts(NetworkBuilder):
    """Takes leaves, whose sources want ``Facts``, into a network that is asked about a ``Standing``."""

    def __init__(self, builder: NetworkBuilder) -> None:
        super().__init__()
        self._builder = builder

    def add(self, comparison: Comparison, sources: Sequence[Source]) -> int:
        return self._builder.add(comparison, [_of_facts(source) for source in sources])


def _of_facts(source: Source) -> Source:
    return Source(("fact", source.key), lambda standing: source.read(standing.facts))


def facts_of_rows(rows: Sequence[Row], facts: Mapping[str, FactDef]) -> set[str]:
    """The facts that conditions of ``rows`` read."""
    names: set[str] = set()
    for row in rows:
        for atom in row.when:
            if isinstance(atom, FactAtom):
                names |= facts_of_leaf(atom.leaf, facts, sampled=False)
    return names


def plain(value: Any) -> Any:
    """``value`` as plain JSON data: dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _told_leaf(told: LeafTold) -> dict[str, Any]:
    fact, op, observed, threshold, *_ = told
    return {"condition": "fact", "fact": fact, "op": op, "observed": observed, "threshold": threshold}


def _known(value: int | None) -> int:
    return UNKNOWN_VALUE if value is None else value


def _outcome(standing: Standing) -> int:
    return UNKNOWN_VALUE if standing.outcome is None else OUTCOMES[standing.outcome]


def _counted(atom: Atom) -> tuple[Comparison, Source, dict[str, Any]]:
    """A condition over a count: the comparison, the count, and how the condition is told."""
    some = Comparison("ge", (1,))
    match atom:
        case FailedAtom(effect, group, criterion):
            told = _narrowed("failed", effect, group, criterion)
            # what rejects because it is not known has failed, too
            verdicts = ("fail", "unknown") if effect == "reject" else ("fail",)
            return some, _effects(atom, atom, effect, *verdicts), told
        case UnknownAtom(wanted, group, criterion):
            told = _narrowed("unknown", wanted, group, criterion)
            count = _effects(atom, ("unknown", group, criterion), "refer", "unknown")
            return some if wanted else Comparison("eq", (0,)), count, told
        case WarningsAtom(wanted):
            told = {"condition": "warnings", "threshold": "any" if wanted else "none"}
            count = _count_of("notes", lambda standing: standing.notes)
            return some if wanted else Comparison("eq", (0,)), count, told
        case BandAtom(level, band):
            least = ALERT if level == "alert" else LIMIT
            told = {"condition": level, "band": band}
            if band is not None:
                named = band
                return Comparison("ge", (least,)), _count_of(("band", band), lambda at: at.levels.get(named)), told
            return some, _count_of(("bands", least), lambda standing: _at_least(standing, least)), told
        case StreakAtom(op, operand, band):
            operands = operand if isinstance(operand, tuple) else (operand,)
            told = {"condition": "streak", "band": band, "op": op, "threshold": plain(operand)}
            streak = _count_of(("streak", band), lambda standing: _streak(standing, band))
            return Comparison(RELATIONS[op], operands), streak, told
        case ClearForAtom(months):
            told = {"condition": "clear_for", "threshold": months}
            clear = _count_of("clear months", lambda standing: standing.clear_months)
            return Comparison("ge", (months,)), clear, told
    raise EngineFault(f"no way to decide the condition `{type(atom).__name__}`")


def _count_of(key: Hashable, count: Callable[[Standing], int | None]) -> Source:
    return Source(key, lambda standing: _known(count(standing)))


def _at_least(standing: Standing, least: int) -> int:
    return sum(1 for at in standing.levels.values() if at is not None and at >= least)


def _narrowed(condition: str, threshold: Any, group: str | None, criterion: str | None) -> dict[str, Any]:
    return {"condition": condition, "threshold": threshold, "group": group, "criterion": criterion}


def _effects(atom: FailedAtom | UnknownAtom, key: Hashable, effect: str, *verdicts: str) -> Source:
    """How many criteria have ``effect`` by one of ``verdicts``, narrowed as ``atom`` says."""
    group, criterion = atom.group, atom.criterion

    def count(standing: Standing) -> int:
        if standing.judged is None:
            return UNKNOWN_VALUE
        number = 0
        for finding, own in standing.judged:
            if (
                finding.effect == effect
                and finding.verdict in verdicts
                and (group is None or group == own)
                and (criterion is None or criterion == finding.criterion)
            ):
                number += 1
        return number

    return Source(key, count)


def _streak(standing: Standing, band: str | None) -> int:
    return standing.streaks.get(band, 0) if band is not None else max(standing.streaks.values(), default=0)
