"""Looks for a party of whom several things hold at once: a local search over facts, from several beginnings.

Every goal says how far a party is from it and which values might help (``wishes``); a wish for a derived fact is turned
into facts that come to it. What is found is as small as can be: each fact is taken away again that is not needed. The
search is bounded and always goes the same way; nothing rests on it, for what it finds is confirmed by the evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from rules.lint.arriving import arrivals
from rules.lint.study import Study
from rules.model import Value
from rules.situation import Moment

MAX_TRIES = 4_000
"""Most parties that a search looks at."""
MAX_STARTS = 10
"""Most beginnings of a search."""
FAR = 1_000
"""The distance of what cannot be reached from anywhere."""

Change = Mapping[str, Value | None]
"""Base facts, or numbers of the context, and what they become."""


@dataclass(slots=True)
class Party:
    """A party in the making: every fact of the vocabulary, and numbers of its context (streaks) by name."""

    facts: dict[str, Value | None]
    context: dict[str, int]
    moment: Moment


class Goal(Protocol):
    """Something that is to hold of a party."""

    def distance(self, party: Party) -> int:
        """How far ``party`` is from it; 0: it holds."""

    def wishes(self, party: Party) -> Iterator[tuple[str, Value]]:
        """Facts (derived ones, too) and numbers of the context, with values that might help."""


@dataclass(frozen=True, slots=True)
class Seeker:
    """Looks for parties at one moment. ``context``: its numbers, and what they are before anything is wished for."""

    study: Study
    moment: Moment
    context: Mapping[str, int]

    def find(self, goals: Sequence[Goal], tries: int = MAX_TRIES) -> Party | None:
        """A party of whom all ``goals`` hold, with as few facts as possible; None where none was found."""
        search = _Search(self, goals, tries)
        for start in range(MAX_STARTS):
            party = search.descend(search.start(start))
            if party is not None:
                return search.smallest(party)
            if search.tries > tries:
                break
        return None

    def party(self, facts: Mapping[str, Value | None], context: Mapping[str, int]) -> Party:
        """The party with these base facts, all others unknown, and the derived ones computed."""
        values: dict[str, Value | None] = {**dict.fromkeys(self.study.facts), **facts}
        self.study.reader.complete(values, self.moment)
        return Party(values, {**self.context, **context}, self.moment)

    def given(self, party: Party) -> dict[str, Value]:
        """The base facts that are known of ``party``."""
        facts = self.study.facts
        return {
            name: value for name, value in party.facts.items() if value is not None and facts[name].derivation is None
        }


class _Search:
    def __init__(self, seeker: Seeker, goals: Sequence[Goal], most: int) -> None:
        self.seeker = seeker
        self.goals = goals
        self.most = most
        self.tries = 0

    def cost(self, party: Party) -> int:
        self.tries += 1
        return sum(goal.distance(party) for goal in self.goals)

    def start(self, number: int) -> Party:
        """Nothing known, then everything that is wished for known, then wishes picked by a fixed die."""
        party = self.seeker.party({}, {})
        if number == 0:
            return party
        wishes: dict[str, list[Change]] = {}
        for goal in self.goals:
            for name, value in goal.wishes(party):
                for change in self._changes(name, value, party):
                    for fact, wished in change.items():
                        wishes.setdefault(fact, []).append({fact: wished})
        die = Random(number)
        for changes in wishes.values():
            party = self._with(party, changes[0] if number == 1 else die.choice(changes))
        return party

    def descend(self, party: Party) -> Party | None:
        """Take every wish that brings the goals nearer, until they hold or none does any more."""
        cost = self.cost(party)
        better = True
        while cost and better and self.tries <= self.most:
            better = False
            for goal in self.goals:
                if goal.distance(party) == 0:
                    continue
                for change in self._wished(goal, party):
                    changed = self._with(party, change)
                    found = self.cost(changed)
                    if found < cost:
                        party, cost, better = changed, found, True
                        break
        return party if cost == 0 else None

    def smallest(self, party: Party) -> Party:
        """``party`` without the facts that the goals do not need."""
        for name in list(self.seeker.given(party)):
            smaller = self._with(party, {name: None})
            if self.cost(smaller) == 0:
                party = smaller
        return party

    def _wished(self, goal: Goal, party: Party) -> list[Change]:
        """Changes that ``goal`` wishes for; that a fact is not known is the last thing to try."""
        wishes = list(goal.wishes(party))
        changes = [change for name, value in wishes for change in self._changes(name, value, party)]
        facts = list(dict.fromkeys(name for change in changes for name in change if name in party.facts))
        return [*changes, *({name: None} for name in facts if party.facts[name] is not None)]

    def _changes(self, name: str, value: Value, party: Party) -> Iterator[Change]:
        if name not in party.facts:
            yield {name: value}
            return
        yield from arrivals(self.seeker.study, party.facts, party.moment.day, name, value)

    def _with(self, party: Party, change: Change) -> Party:
        context = {name: value for name, value in change.items() if name not in party.facts and isinstance(value, int)}
        facts = {name: value for name, value in change.items() if name in party.facts}
        if not facts:
            return Party(party.facts, {**party.context, **context}, party.moment)
        return self.seeker.party({**self.seeker.given(party), **facts}, {**party.context, **context})
