"""Comparisons as rulesets of the engine: flat conjunctive rules, of which exactly one fires for each group.

What a firing costs in C is nearly all that the engine costs, so one firing tells as much as is safe:

* Comparisons of the same integer cut the numbers into spans, and what each of them says is the same all over a span.
  Such a *column* has one rule a span, and one for unknown, instead of three for each of its comparisons.
* Two columns, sometimes more, make a *group*, with a rule for every pair of what they can say: the engine shares the
  conditions that rules begin with, so the pairs cost little to look at, and one firing answers both columns.

Every span's ends are two conditions, one on either side, and every rule has its own conditions. So an engine that
compares wrongly, or loses, doubles or invents a firing, leaves a group with none or with two.

Where the engine breaks, and how far from there this stays: 513 rules that begin differently (``_MAX_RULES``), 64
conditions that match together at one level (``_MAX_MATCHES``), 253 fields (``_MAX_FIELDS``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any, NamedTuple

from rules.comparisons import FAIL, PASS, UNKNOWN, UNKNOWN_VALUE, Comparison

MAX_SPANS = 8
"""Most rules of a column of several comparisons; one that would have more becomes several columns."""

_MAX_GROUP = 16  # rules of a group of several columns
_MAX_RULES = 200  # each takes 12 KB once the ruleset is used
_MAX_MATCHES = 40  # of first conditions; those behind them come one group after another
_MAX_FIELDS = 96

_COUNTERPART: dict[str, tuple[str, str]] = {
    "ge": ("$gte", "$lt"),
    "le": ("$lte", "$gt"),
    "gt": ("$gt", "$lte"),
    "lt": ("$lt", "$gte"),
    "eq": ("$eq", "$neq"),
    "ne": ("$neq", "$eq"),
}

Conditions = tuple[dict[str, Any], ...]


class Rule(NamedTuple):
    """``conditions`` that must all hold, and what it means that they do: place of a comparison and its answer, each."""

    conditions: Conditions
    answers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Comparisons of one integer (or one whose operands come with the record): of ``rules`` exactly one fires.

    ``slots``: which integers of the record it reads. ``matches``: most first conditions that hold together.
    """

    slots: tuple[int, ...]
    rules: tuple[Rule, ...]
    matches: int


@dataclass(slots=True)
class Ruleset:
    """Groups of columns: ``slots`` of the record in the order of the fields that the engine reads them as."""

    groups: list[list[Rule]] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    matches: int = 0

    @property
    def size(self) -> int:
        """How many rules there are."""
        return sum(map(len, self.groups))

    def take(self, column: Column) -> bool:
        """Whether ``column`` found room: beside the last column, otherwise as a group of its own."""
        if len({*self.slots, *column.slots}) > _MAX_FIELDS:
            return False
        last = self.groups[-1] if self.groups else []
        if last and len(last) * len(column.rules) <= _MAX_GROUP:
            paired = [Rule(a.conditions + b.conditions, a.answers + b.answers) for a, b in product(last, column.rules)]
            if self.size - len(last) + len(paired) > _MAX_RULES:
                return False
            self.groups[-1] = paired
        elif self.groups and (
            self.size + len(column.rules) > _MAX_RULES or self.matches + column.matches > _MAX_MATCHES
        ):
            return False
        else:
            self.groups.append(list(column.rules))
            self.matches += column.matches
        self.slots += [slot for slot in column.slots if slot not in self.slots]
        return True

    def likeliest_first(self) -> list[Rule]:
        """All rules: those where all is known and passes first, those where something is unknown last.

        The engine looks for the next firing from the first rule on.
        """

        def rarity(rule: Rule) -> tuple[bool, int]:
            said = [answer for _, answer in rule.answers]
            return UNKNOWN in said, said.count(FAIL)

        return sorted((rule for group in self.groups for rule in group), key=rarity)


def rulesets(comparisons: Sequence[Comparison], slots: Sequence[Sequence[int]]) -> list[Ruleset]:
    """Rulesets that answer ``comparisons``; ``slots``: which integers of the record each reads, value first."""
    made: list[Ruleset] = []
    for column in _columns(comparisons, slots):
        if not made or not made[-1].take(column):
            made.append(Ruleset())
            made[-1].take(column)
    return made


def field_of(slot: int) -> str:
    """The name by which the engine knows an integer of the record."""
    return f"f{slot}"


def _columns(comparisons: Sequence[Comparison], slots: Sequence[Sequence[int]]) -> Iterator[Column]:
    """In the order in which their integers are first read."""
    by_slot: dict[tuple[int, ...], list[int]] = {}
    for place, (comparison, read) in enumerate(zip(comparisons, slots, strict=True)):
        key = (*read, -1 - place) if comparison.by_record else tuple(read)  # by record: a column of its own
        by_slot.setdefault(key, []).append(place)
    for places in by_slot.values():
        read = tuple(slots[places[0]])
        if comparisons[places[0]].by_record:
            rules = tuple(_by_record(places[0], comparisons[places[0]], read))
            yield Column(read, rules, len(rules) - 1)
            continue
        together: list[int] = []
        for place in places:
            if together and len(_spans([comparisons[each] for each in (*together, place)])) >= MAX_SPANS:
                yield _column(together, comparisons, read)
                together = []
            together.append(place)
        yield _column(together, comparisons, read)


# --- columns of constants -----------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """From ``first`` to before ``end`` (None: no end there) all comparisons say the same."""

    first: int | None
    end: int | None
    answers: tuple[int, ...]


def _spans(comparisons: Sequence[Comparison]) -> list[_Span]:
    """All known numbers, in order, in as few spans as the comparisons need."""
    passes = [comparison.spans() for comparison in comparisons]
    cuts = sorted({cut for spans in passes for span in spans for cut in span if cut is not None})
    found: list[_Span] = []
    for first, end in pairwise([None, *cuts, None]):
        inside = cuts[0] - 1 if first is None else first
        answers = tuple([PASS if _within(inside, spans) else FAIL for spans in passes])
        if found and found[-1].answers == answers:
            first = found.pop().first
        found.append(_Span(first, end, answers))
    return [span for span in found if (span.first, span.end) != (UNKNOWN_VALUE, UNKNOWN_VALUE + 1)]


def _within(value: int, spans: Sequence[tuple[int | None, int | None]]) -> bool:
    return any((first is None or first <= value) and (end is None or value < end) for first, end in spans)


def _column(places: Sequence[int], comparisons: Sequence[Comparison], read: tuple[int, ...]) -> Column:
    name = field_of(read[0])
    spans = _spans([comparisons[place] for place in places])
    half = len(spans) // 2
    rules = [Rule(({name: UNKNOWN_VALUE},), tuple((place, UNKNOWN) for place in places))]
    for number, span in enumerate(spans):
        conditions = _conditions(name, span, low=number < half)
        rules.append(Rule(conditions, tuple(zip(places, span.answers, strict=True))))
    # of either half all may begin alike, and what stands for unknown is a number of one of them
    unknown_is_low = half > 0 and (spans[half].first or 0) > UNKNOWN_VALUE
    return Column(read, tuple(rules), max(half + unknown_is_low, len(spans) - half + (not unknown_is_low)))


def _conditions(name: str, span: _Span, *, low: bool) -> Conditions:
    """What holds for the known numbers of ``span`` only.

    Those in the lower half begin with their end, those in the upper with their first number: of a long column half of
    the rules are ruled out by their first condition.
    """
    first, end = span.first, span.end
    if first is not None and end == first + 1:
        return ({name: first},)
    least: list[dict[str, Any]] = [] if first is None else [{"$gte": {name: first}}]
    most: list[dict[str, Any]] = [] if end is None else [{"$lt": {name: end}}]
    both = most + least if low else least + most
    if (first is None or first <= UNKNOWN_VALUE) and (end is None or end > UNKNOWN_VALUE):
        both.append({"$neq": {name: UNKNOWN_VALUE}})
    return tuple(both)


# --- operands that come with the record ---------------------------------------------------------------------------


def _by_record(place: int, comparison: Comparison, read: tuple[int, ...]) -> Iterator[Rule]:
    """The rules of one comparison of two or three fields of a record; for known numbers exactly one holds."""
    value = field_of(read[0])
    limits: list[Any] = [{"$m": field_of(slot)} for slot in read[1:]]
    known = {"$neq": {value: UNKNOWN_VALUE}}

    def rule(answer: int, *tests: tuple[str, Any]) -> Rule:
        conditions = tuple({operator: {value: limit}} for operator, limit in tests)
        return Rule((*conditions, known), ((place, answer),))

    yield Rule(({value: UNKNOWN_VALUE},), ((place, UNKNOWN),))
    if comparison.relation == "between":
        low, high = limits
        yield rule(PASS, ("$gte", low), ("$lte", high))
        yield rule(FAIL, ("$lt", low))
        yield rule(FAIL, ("$gt", high), ("$gte", low))
        return
    passes, fails = _COUNTERPART[comparison.relation]
    yield rule(PASS, (passes, limits[0]))
    yield rule(FAIL, (fails, limits[0]))
