"""Small changes to a case that may show what no case has shown: a fact over a threshold, unknown, or of another choice.

Values come from the rule book itself: the thresholds of its comparisons and the values right beside them, curve points,
tiers, samples and choices. A comparison of a derived fact is reached by moving one of the facts it is computed from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from rules.model import (
    Book,
    ClearForAtom,
    Incentive,
    Leaf,
    Maintenance,
    RuleBook,
    StreakAtom,
    Table,
    Value,
)
from rules.records import Observed, Remainders
from rules.situation import FactReader, Moment
from rules.testing.cases import Case
from rules.testing.moving import Mover
from rules.testing.options import MAX_CHOICES, meeting, meets, some_value, span
from rules.testing.reads import facts_read, read_by
from rules.values import parse_fact, to_text


@dataclass(frozen=True, slots=True)
class Nudge:
    """Facts to set (text in facts-file notation; None: unknown), and what to change of the context."""

    facts: Mapping[str, str | None] = field(default_factory=dict)
    streaks: Mapping[str, int] = field(default_factory=dict)
    clear_months: int | None = None
    remainders: Remainders | None = None

    @property
    def about(self) -> frozenset[str]:
        """What it changes: two nudges that share nothing can be made together."""
        context = {
            "clear_months ": self.clear_months is not None,
            "remainders ": self.remainders is not None,
            **{f"streak {band}": True for band in self.streaks},
        }
        return frozenset(self.facts) | {name for name, changed in context.items() if changed}

    def __add__(self, other: Nudge) -> Nudge:
        clear = self.clear_months if other.clear_months is None else other.clear_months
        return Nudge(
            {**self.facts, **other.facts},
            {**self.streaks, **other.streaks},
            clear,
            self.remainders if other.remainders is None else other.remainders,
        )

    def applied(self, case: Case) -> Case:
        """``case`` with the change made."""
        context = replace(
            case.context,
            streaks={**case.context.streaks, **self.streaks},
            clear_months=case.context.clear_months if self.clear_months is None else self.clear_months,
            remainders=case.context.remainders if self.remainders is None else self.remainders,
        )
        given = {**case.given, **{name: Observed(text) for name, text in self.facts.items()}}
        return replace(case, given=given, own=case.own | set(self.facts), context=context, expect=())


class Nudger:
    """Changes to cases of one rule book."""

    def __init__(self, book: Book, rulebook: RuleBook, case: Case) -> None:
        self._book, self._rulebook = book, rulebook
        self._facts = book.facts
        reader = FactReader(book)
        moment = Moment.of(case.as_of, ZoneInfo(book.programme.time_zone))
        self._day = moment.day
        self._read = read_by(book, rulebook, case.context)
        self._mover = Mover(book.facts, reader, moment)
        self.values: dict[str, Any] = dict.fromkeys(book.facts)
        for name, observed in case.given.items():
            if observed.text is not None:
                self.values[name] = parse_fact(book.facts[name], observed.text)
        reader.complete(self.values, moment)

    def singles(self) -> Iterator[Nudge]:
        """Every change of one fact, or of one thing in the context."""
        for name, values in self._values_tried().items():
            now = self.values[name]
            if now is not None:
                yield Nudge({name: None})
            yield from (self._set({name: value}) for value in values if value != now)
        yield from self._of_context()

    def made(self, leaf: Leaf, holds: bool, min_sample: int | None = None) -> Nudge | None:
        """The least change after which ``leaf`` certainly holds, or certainly does not; None where none is found."""
        fact = self._facts[leaf.fact]
        values: dict[str, Value] = {}
        if min_sample is not None and fact.sample is not None and (self.values[fact.sample] or 0) < min_sample:
            values[fact.sample] = min_sample
        operand = leaf.operand
        if isinstance(operand, Table):
            key = self.values[operand.by]
            if key is None:
                key = values[operand.by] = next(iter(self._facts[operand.by].choices or {}))
            operand = operand.rows.get(str(key), operand.default)
        if fact.derivation is not None:
            moved = self._moved(leaf, operand, holds)
            return None if moved is None else self._set({**values, **moved})
        found = meeting(fact, leaf.op, operand, self.values[fact.name], self._day, holds=holds)
        return self._set({**values, fact.name: found[0]}) if found else None

    def filled(self) -> Nudge:
        """A value for every fact that is read and not known; for the base of a bonus one within its first tier."""
        amounts: dict[str, int] = {}
        for name, amount in self._read.amounts[:3]:
            amounts[name] = max(amount, amounts.get(name, 0))
        unknown = [name for name in sorted(facts_read(self._book, self._read)) if self.values[name] is None]
        return self._set({name: amounts.get(name) or some_value(self._facts[name], self._day) for name in unknown})

    def bases(self, name: str) -> list[str]:
        """The facts that ``name`` comes from and that are given: itself, unless it is derived."""
        return self._mover.bases(name)

    def _set(self, values: Mapping[str, Value]) -> Nudge:
        return Nudge({name: to_text(self._facts[name], value) for name, value in values.items()})

    # --- values to try --------------------------------------------------------------------------------------------

    def _values_tried(self) -> dict[str, list[Value]]:
        tried: dict[str, dict[Value, None]] = {}

        def add(name: str, value: Value) -> None:
            if self._facts[name].derivation is None:
                tried.setdefault(name, {})[value] = None
            elif isinstance(value, int):
                for base, moved in self._mover.moves(self.values, name, value):
                    tried.setdefault(base, {})[moved] = None

        for leaf, min_sample in self._read.leaves:
            for value in self._around(leaf):
                add(leaf.fact, value)
            sample = self._facts[leaf.fact].sample
            if min_sample is not None and sample is not None:
                add(sample, min_sample)
                add(sample, min_sample - 1)
            if isinstance(leaf.operand, Table):
                for code in list(self._facts[leaf.operand.by].choices or {})[:MAX_CHOICES]:
                    add(leaf.operand.by, code)
        for score in self._read.scores:
            for part in score.parts:
                scale = 10 ** self._facts[part.fact].decimals
                for x in [x for x, _ in part.curve] if part.curve else (0, 100):
                    add(part.fact, int(x * scale))
        for name, amount in self._read.amounts:
            add(name, amount)
            if self._facts[name].range is not None:
                add(name, span(self._facts[name])[1])
        return {name: list(values) for name, values in tried.items()}

    def _around(self, leaf: Leaf) -> list[Value]:
        """Values of the leaf's fact at its threshold and right beside it; of a choice every code."""
        fact, operand, now = self._facts[leaf.fact], leaf.operand, self.values[leaf.fact]
        if isinstance(operand, Table):
            operand = operand.rows.get(str(self.values[operand.by]), operand.default)
        if operand is None:
            return []
        return [
            value for holds in (True, False) for value in meeting(fact, leaf.op, operand, now, self._day, holds=holds)
        ]

    def _moved(self, leaf: Leaf, operand: Any, holds: bool) -> dict[str, int] | None:
        """Facts to set so that a leaf over a derived fact holds, or does not; None: no way found."""
        fact = self._facts[leaf.fact]
        given = self._mover.given(self.values, fact.name)
        values = self._mover.with_(self.values, given)
        now = values[fact.name]
        if now is None:
            return None
        if meets(leaf.op, operand, now, self._day) == holds:
            return given
        for target in meeting(fact, leaf.op, operand, now, self._day, holds=holds):
            for base, value in self._mover.moves(values, fact.name, int(target) if isinstance(target, int) else 0):
                found = self._mover.with_(values, {base: value})[fact.name]
                if found is not None and meets(leaf.op, operand, found, self._day) == holds:
                    return {**given, base: value}
        return None

    def _of_context(self) -> Iterator[Nudge]:
        if isinstance(self._rulebook, Maintenance):
            for atom in [atom for row in self._rulebook.outcomes for atom in row.when]:
                if isinstance(atom, StreakAtom):
                    months = [atom.operand] if isinstance(atom.operand, int) else list(atom.operand)
                    bands = [atom.band] if atom.band else [each.id for each in self._rulebook.bands if each.limit]
                    for band in bands:
                        yield from (Nudge(streaks={band: max(0, n + d)}) for n in months for d in (-2, -1, 0))
                elif isinstance(atom, ClearForAtom):
                    yield from (Nudge(clear_months=max(0, atom.months + step)) for step in (-1, 0))
        elif isinstance(self._rulebook, Incentive):
            yield Nudge(remainders=Remainders(party_year=1))
            yield Nudge(remainders=Remainders(category_month=1))
