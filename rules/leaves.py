"""Leaves of a rule book: their place in the network, and what their answers are told as."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple

from fastbrand.domain.decision import JsonValue, LeafTold
from rules.comparisons import FAIL, PASS, UNKNOWN, Comparison
from rules.decimals import scaled_text
from rules.encoding import compared, number_source
from rules.model import FactDef, Leaf, Table
from rules.network import VERDICTS, NetworkBuilder
from rules.situation import LARGEST, Facts

Show = Callable[[Any], JsonValue]
Distance = Callable[[int, int], JsonValue]
"""From a value that does not pass and the local day to the least change that passes, as shown; None: no such number."""

_RATIO = 10**9
_HUNDREDTH = _RATIO // 10**4  # of a percent: finer than that few ratios come
_SMALL = 1_024  # scores of one decimal: all of them
_NOTHING_CHANGES = ("flag", "choice", "choices", "text")
_SHOWN_AS_THEY_ARE = ("money", "count", "duration", "choice", "text")
_FEW = 64  # values for each of which a finding is made beforehand


class Demand(NamedTuple):
    """What a leaf asks for, as shown, and how far a value is from it."""

    threshold: Any
    distance: Distance | None


_NO_DEMAND = Demand(None, None)


@dataclass(frozen=True, slots=True)
class LeafPlan:
    """A leaf in the network: its answer among the network's answers, and what it is told as.

    ``place`` is that of its comparison; ``answer`` also heeds the sample, whose comparison is at ``sample_place`` (too
    small or not known: UNKNOWN).
    """

    place: int
    sample_place: int | None
    answer: Callable[[Sequence[int]], int]
    told: Callable[[Facts, Sequence[int]], LeafTold]


def plan_leaf(
    leaf: Leaf,
    facts: Mapping[str, FactDef],
    builder: NetworkBuilder,
    *,
    min_sample: int | None = None,
    leads_out: bool = False,
) -> LeafPlan:
    """Put ``leaf`` into the network, whose sources are given ``Facts``.

    ``leads_out``: told distances lead out of what the leaf says instead of into it.
    """
    fact = facts[leaf.fact]
    comparison, sources = compared(leaf, fact)
    place = builder.add(comparison, sources)
    answer: Callable[[Sequence[int]], int] = itemgetter(place)
    sample_place = None
    if min_sample is not None and fact.sample is not None:
        enough = Comparison("ge", (min_sample,))
        sample_place = builder.add(enough, (number_source(fact.sample),))
        answer = _sampled(place, sample_place)
    return LeafPlan(place, sample_place, answer, _teller(leaf, fact, place, sample_place, leads_out=leads_out))


def _sampled(place: int, sample_place: int) -> Callable[[Sequence[int]], int]:
    return lambda answers: answers[place] if answers[sample_place] == PASS else UNKNOWN


def _teller(
    leaf: Leaf, fact: FactDef, place: int, sample_place: int | None, *, leads_out: bool
) -> Callable[[Facts, Sequence[int]], LeafTold]:
    """What the leaf saw, asked for and lacks. Everything that does not depend on the party is settled here."""
    name, op, show, as_it_is = leaf.fact, leaf.op, shower(fact), fact.type in _SHOWN_AS_THEY_ARE
    met = FAIL if leads_out else PASS  # the answer for which nothing needs to change
    met_verdict, other_verdict = VERDICTS[met], VERDICTS[PASS - met]
    zero = None if fact.type in _NOTHING_CHANGES else 0 if fact.type == "date" else show(0)
    demand, demand_of, by = _demands(leaf, fact, leads_out=leads_out)

    def tell(facts: Facts, answer: int, sample: int | None) -> LeafTold:
        value = facts.values[name]
        threshold, distance = demand if by is None else demand_of(facts)
        if answer == met:
            return name, op, value if as_it_is else show(value), threshold, zero, met_verdict, None
        if answer == UNKNOWN:
            why = _why(facts, name, by, sample)
            return name, op, None if value is None else show(value), threshold, None, "unknown", why
        change = None if distance is None else distance(value, facts.moment.day)
        return name, op, value if as_it_is else show(value), threshold, change, other_verdict, None

    if sample_place is not None:

        def sampled(facts: Facts, answers: Sequence[int]) -> LeafTold:
            sample = answers[sample_place]
            return tell(facts, answers[place] if sample == PASS else UNKNOWN, sample)

        return sampled
    if by is not None:
        return lambda facts, answers: tell(facts, answers[place], None)

    threshold = demand.threshold
    values: Sequence[Any] = (0, 1) if fact.type == "flag" else list(fact.choices or {})
    if fact.type in ("flag", "choice") and len(values) <= _FEW:
        all_of_them: dict[int, dict[Any, LeafTold]] = {
            answer: {value: (name, op, show(value), threshold, None, VERDICTS[answer], None) for value in values}
            for answer in (PASS, FAIL)
        }

        def picked(facts: Facts, answers: Sequence[int]) -> LeafTold:
            answer = answers[place]
            return tell(facts, answer, None) if answer == UNKNOWN else all_of_them[answer][facts.values[name]]

        return picked

    def compared(facts: Facts, answers: Sequence[int]) -> LeafTold:
        answer = answers[place]
        if answer != met:
            return tell(facts, answer, None)
        value = facts.values[name]
        return name, op, value if as_it_is else show(value), threshold, zero, met_verdict, None

    return compared


def _demands(leaf: Leaf, fact: FactDef, *, leads_out: bool) -> tuple[Demand, Callable[[Facts], Demand], str | None]:
    """What the leaf demands of all (a table: by default), of a party, and by which fact that is chosen (None: none)."""

    def demand(operand: Any) -> Demand:
        return Demand(show_operand(fact, leaf.op, operand), _distance(fact, leaf.op, operand, leads_out=leads_out))

    if not isinstance(leaf.operand, Table):
        own = demand(leaf.operand)
        return own, lambda _facts: own, None
    table = leaf.operand
    default = _NO_DEMAND if table.default is None else demand(table.default)
    rows: dict[Any, Demand] = {code: demand(operand) for code, operand in table.rows.items()}
    rows[None] = _NO_DEMAND  # a party whose code is unknown
    return default, lambda facts: rows.get(facts.values[table.by], default), table.by


def _why(facts: Facts, name: str, by: str | None, sample: int | None) -> str:
    """Why a leaf is unknown."""
    if facts.values[name] is None:
        return facts.causes.get(name, "missing")
    if by is not None and facts.values[by] is None:
        return "table_key_unknown"
    return "small_sample" if sample == FAIL else "sample_unknown"


def facts_of_leaf(leaf: Leaf, facts: Mapping[str, FactDef], *, sampled: bool) -> set[str]:
    """The facts that ``leaf`` reads: its own, that of its table, and its sample."""
    names = {leaf.fact}
    if isinstance(leaf.operand, Table):
        names.add(leaf.operand.by)
    sample = facts[leaf.fact].sample
    if sampled and sample is not None:
        names.add(sample)
    return names


def show_operand(fact: FactDef, op: str, operand: Any) -> Any:
    """An operand as decisions show it."""
    if operand is None or op in ("within_days", "matches"):
        return operand
    show = shower(fact)
    if op in ("between", "one_of", "none_of") and isinstance(operand, tuple):
        return [item if isinstance(item, str) else show(item) for item in operand]
    return show(operand)


def shower(fact: FactDef) -> Show:
    """How values of ``fact`` are shown: the same as ``rules.values.render``, decided once and not value by value."""
    match fact.type:
        case "ratio":
            return _ratio_shower()
        case "score":
            return decimal_shower(fact.decimals)
        case "flag":
            return bool
        case "choices":
            return list
        case "date":
            return lambda value: date.fromordinal(value).isoformat()
        case _:
            return lambda value: value


def decimal_shower(decimals: int) -> Callable[[int], str]:
    """How numbers scaled by so many decimals are shown: the same as ``rules.decimals.scaled_text``."""
    if decimals == 0:
        return str
    one, texts = 10**decimals, _small_decimals(decimals)

    def show(value: int) -> str:
        if 0 <= value < _SMALL:
            return texts[value]
        if value < one:
            return scaled_text(value, decimals)
        digits = str(value)
        return f"{digits[:-decimals]}.{digits[-decimals:]}"

    return show


@functools.cache
def _small_decimals(decimals: int) -> list[str]:
    return [scaled_text(value, decimals) for value in range(_SMALL)]


@functools.cache
def _ratio_shower() -> Show:
    hundredths = [f"0.{number:04}".rstrip("0") if number else "0" for number in range(_RATIO // _HUNDREDTH)]

    def show(value: int) -> str:
        if value < 0:
            return "-" + show(-value)
        if value < _RATIO:
            hundredth, finer = divmod(value, _HUNDREDTH)
            return "0." + str(_RATIO + value)[1:].rstrip("0") if finer else hundredths[hundredth]
        whole, part = divmod(value, _RATIO)
        return str(whole) + show(part)[1:] if part else str(whole)

    return show


def _distance(fact: FactDef, op: str, operand: Any, *, leads_out: bool) -> Distance | None:
    """How far a value is from passing; None for facts of which there is no more and less."""
    if fact.type in _NOTHING_CHANGES:
        return None
    least, most = fact.range or (-LARGEST, LARGEST)
    show: Show = int if fact.type == "date" else shower(fact)

    def distance(value: int, day: int) -> JsonValue:
        targets = nearest(op, value, operand, day, leads_out=leads_out)
        changes = [target - value for target in targets if least <= target <= most and abs(target - value) <= LARGEST]
        return show(min(changes, key=lambda change: (abs(change), change))) if changes else None

    if leads_out or op not in ("at_least", "at_most", "more_than", "less_than"):
        return distance
    (bound,) = nearest(op, 0, operand, 0)
    reachable = least <= bound <= most

    def to_bound(value: int, _day: int) -> JsonValue:
        return show(bound - value) if reachable and abs(bound - value) <= LARGEST else None

    return to_bound


def nearest(op: str, value: int, operand: Any, day: int, *, leads_out: bool = False) -> list[int]:
    """The numbers nearest to ``value`` on either side for which the comparison holds (``leads_out``: does not)."""
    if op in ("is", "is_not", "one_of", "none_of"):
        members = set(operand) if isinstance(operand, tuple) else {operand}
        if (op in ("is", "one_of")) != leads_out:
            return list(members)
        steps = range(len(members) + 1)
        above = next(value + step for step in steps if value + step not in members)
        return [above, next(value - step for step in steps if value - step not in members)]
    low, high = _bounds(op, operand, day)
    if leads_out:
        low, high = (None if high is None else high + 1), (None if low is None else low - 1)
    return [bound for bound in (low, high) if bound is not None]


def _bounds(op: str, operand: Any, day: int) -> tuple[int | None, int | None]:
    """The closed interval of whole numbers in which the comparison holds."""
    match op:
        case "at_least":
            return operand, None
        case "more_than" | "after":
            return operand + 1, None
        case "at_most":
            return None, operand
        case "less_than" | "before":
            return None, operand - 1
        case "within_days":
            return day - operand, day
        case _:
            return operand[0], operand[1]
