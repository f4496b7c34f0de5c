"""Rows of maintenance books that nobody reaches, and streaks that an outcome of an earlier month never lets happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fastbrand.domain.decision import Decision, JsonValue
from rules.lint.bench import Bench
from rules.lint.cells import FAIL, PASS, UNKNOWN
from rules.lint.goals import Answers, Both, Either, Number
from rules.lint.row_goals import bounds
from rules.lint.rows import row_mistakes
from rules.lint.screened_rows import taken_row
from rules.lint.seeking import Goal, Party, Seeker
from rules.lint.standing import Standings, every_stand
from rules.lint.states import State, fates, states, taken
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import (
    MAX_INT,
    Atom,
    Band,
    BandAtom,
    ClearForAtom,
    FactAtom,
    Maintenance,
    Row,
    StreakAtom,
)
from rules.records import Context
from rules.rows import LIMIT

_MONTHS = "clear months"
_ENDS = "revoke"  # the outcome after which nobody is observed any more


def check_standing(study: Study, bench: Bench, book: Maintenance) -> Iterator[Mistake]:
    """The warnings about the rows of ``book``."""
    space = Standings(study, book)
    rows = _Rows(study, bench, book)
    yield from row_mistakes(study, [space], book.outcomes, rows.shadowed)
    every = states(space, book.outcomes)
    if every is not None:
        found = fates([space], book.outcomes)
        reached = [row for row, fate in zip(book.outcomes, found, strict=True) if fate.reached]
        yield from _streaks(space, book, reached, list(every), rows)


def _streaks(
    space: Standings, book: Maintenance, rows: Sequence[Row], every: Sequence[State], judge: _Rows
) -> Iterator[Mistake]:
    """Rows that wait for a streak which ends with the party: at a shorter one it is revoked already."""
    ending = {id(state): _takes_end(space, book, state) for state in every}
    for row in rows:
        for atom in row.when:
            if not isinstance(atom, StreakAtom):
                continue
            least = min((low for low, high in bounds(atom.op, atom.operand) if high >= 1), default=0)
            for short in sorted({each.streak for state in every for each in every_stand(state)}):
                at = [state for state in every if _in_limit(state, atom.band, short)]
                if not 1 <= short < least or not at or not all(ending[id(state)] for state in at):
                    continue
                witness = judge.ended(atom.band, short)
                if witness is not None:
                    message = f"no streak gets to {least:_}: the party is revoked at a streak of {short:_}"
                    hint = "take the row away, or let the other wait"
                    yield warning(row.mark, "unreachable_streak", message, hint, witness)
                break


def _takes_end(space: Standings, book: Maintenance, state: State) -> bool:
    row = taken(space, book.outcomes, state)
    return row is not None and book.outcomes[row].then["outcome"] == _ENDS


def _in_limit(state: State, band: str | None, streak: int) -> bool:
    """Whether the band (None: any) is in limit in ``state``, with this streak."""
    stands = [state["band", band]] if band is not None else list(every_stand(state))
    return any(each.level == LIMIT and each.streak == streak for each in stands)


@dataclass(frozen=True, slots=True)
class _Rows:
    study: Study
    bench: Bench
    book: Maintenance

    def shadowed(self, place: int) -> dict[str, JsonValue] | None:
        """A party for whom row ``place`` holds and an earlier one is taken."""
        row = self.book.outcomes[place]
        party = self._seeker().find([self._atom(atom) for atom in row.when])
        if party is None:
            return None
        alone = replace(self.book, outcomes=(row, Row((), {"outcome": "keep"}, row.mark)))
        taken_here = taken_row(self._decide(self.book, party))
        if taken_here is None or taken_here >= place or taken_row(self._decide(alone, party)) != 0:
            return None
        return self._shown(party)

    def ended(self, band: str | None, streak: int) -> dict[str, JsonValue] | None:
        """A party that is revoked at this streak of ``band`` (None: any)."""
        party = self._seeker().find([self._atom(StreakAtom("is", streak, band)), self._atom(BandAtom("limit", band))])
        decision = None if party is None else self._decide(self.book, party)
        if party is None or decision is None or decision.outcome != _ENDS:
            return None
        return self._shown(party, outcome=_ENDS)

    def _seeker(self) -> Seeker:
        before = {**{_streak(band.id): 0 for band in self.book.bands}, _MONTHS: 0}
        return Seeker(self.study, self.study.moment(self.book.head), before)

    def _decide(self, book: Maintenance, party: Party) -> Decision | None:
        streaks = {band.id: party.context[_streak(band.id)] for band in book.bands}
        context = Context(streaks=streaks, clear_months=party.context[_MONTHS])
        return self.bench.decide([book], book.head.name, party, context)

    def _shown(self, party: Party, **more: JsonValue) -> dict[str, JsonValue]:
        """Facts, and the streaks and months that stood before this observation, where there were any."""
        before = {f"{name} before": count for name, count in party.context.items() if count}
        return self.bench.shown(party, **before, **more)

    # --- conditions as goals ------------------------------------------------------------------------------------

    def _atom(self, atom: Atom) -> Goal:
        match atom:
            case FactAtom(leaf):
                return Answers(self.study, leaf, PASS)
            case BandAtom(level, band):
                return Either([self._at(each, level) for each in self._bands(band)])
            case StreakAtom(op, operand, band):
                return Either([self._streak(low, high, band) for low, high in bounds(op, operand)])
            case ClearForAtom(months):
                return self._clear_for(months)
            case _:
                return Either([])

    def _bands(self, band: str | None) -> list[Band]:
        return [each for each in self.book.bands if band is None or each.id == band]

    def _at(self, band: Band, level: str) -> Goal:
        """The band is in limit, or at least in alert."""
        leaves = [band.limit] if level == "limit" else [band.alert, band.limit]
        return Either([Answers(self.study, leaf, PASS, band.min_sample) for leaf in leaves if leaf is not None])

    def _clear_for(self, months: int) -> Goal:
        """So many months with this one, or before it where it says nothing: unknown bands leave the count alone."""
        if months == 0:
            return Both([])
        leaves = [(band, leaf) for band in self.book.bands for leaf in (band.alert, band.limit) if leaf is not None]
        clear = [Answers(self.study, leaf, FAIL, band.min_sample) for band, leaf in leaves]
        quiet = [
            Either([Answers(self.study, leaf, answer, band.min_sample) for answer in (FAIL, UNKNOWN)])
            for band, leaf in leaves
        ]
        return Either(
            [Both([*clear, Number(_MONTHS, months - 1, MAX_INT)]), Both([*quiet, Number(_MONTHS, months, MAX_INT)])]
        )

    def _streak(self, low: int, high: int, band: str | None) -> Goal:
        """The band's streak, this observation included, or the longest of all is within the bounds."""
        goals: list[Goal] = []
        if low >= 1:
            goals.append(
                Either(
                    [
                        Both([self._at(each, "limit"), Number(_streak(each.id), low - 1, high - 1)])
                        for each in self._bands(band)
                        if each.limit is not None
                    ]
                )
            )
        for each in self._bands(band) if high < MAX_INT else ():
            none = Number(_streak(each.id), 0, max(0, high - 1))
            out = self._out_of_limit(each) if high < 1 else Both([])
            goals.append(Both([none, out]))
        return Both(goals)

    def _out_of_limit(self, band: Band) -> Goal:
        if band.limit is None:
            return Both([])
        return Either([Answers(self.study, band.limit, answer, band.min_sample) for answer in (FAIL, UNKNOWN)])


def _streak(band: str) -> str:
    return f"streak({band})"
