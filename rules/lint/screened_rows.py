"""Rows of eligibility and routing books that nobody reaches, and eligibility by which nobody can be eligible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fastbrand.domain.decision import Decision, JsonValue
from rules.lint.bench import Bench
from rules.lint.conflicts import Pair
from rules.lint.row_goals import RowGoals
from rules.lint.rows import row_mistakes
from rules.lint.screened import Screened
from rules.lint.seeking import Party, Seeker
from rules.lint.states import fates
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import Eligibility, Routing, Row, RuleBook
from rules.records import Context


def check_outcomes(study: Study, bench: Bench, book: Eligibility, pairs: Sequence[Pair]) -> Iterator[Mistake]:
    """The warnings about the outcome rows of ``book``, of whose criteria nobody can meet both of any of ``pairs``."""
    spaces = [Screened(study, book, pairs)]
    yield from row_mistakes(study, spaces, book.outcomes, _Outcomes(study, bench, book).shadowed)
    found = zip(book.outcomes, fates(spaces, book.outcomes), strict=True)
    eligible = [fate for row, fate in found if row.then["outcome"] == "eligible"]
    if not any(fate.reached for fate in eligible):
        message = f"nobody can be eligible by `{book.head.name}`: no row with that outcome is ever reached"
        hint = "mend the rows, or the criteria that nobody can meet"
        yield warning(book.head.mark, "never_eligible", message, hint)


def check_routes(study: Study, bench: Bench, book: Routing) -> Iterator[Mistake]:
    """The warnings about the rows of ``book``, over every screening that it may be asked about, and over none."""
    screening = screened_by(study, book)
    spaces = [Screened(study, each) for each in (*screening, None)]
    yield from row_mistakes(study, spaces, book.rows, _Routes(study, bench, book, screening).shadowed)


def screened_by(study: Study, book: Routing) -> list[Eligibility]:
    """The eligibility books whose decisions ``book`` may be asked about; none where it decides the track."""
    if book.decides == "track":
        return []
    parties = set(book.head.parties)
    return [each for each in study.eligibility() if not parties or parties & set(each.head.parties)]


def taken_row(decision: Decision | None) -> int | None:
    """The place (from 0) of the row that ``decision`` took."""
    for step in decision.steps if decision is not None else ():
        if step["step"] == "row" and step["holds"]:
            return int(step["row"]) - 1
    return None


@dataclass(frozen=True, slots=True)
class _Outcomes:
    study: Study
    bench: Bench
    book: Eligibility

    def shadowed(self, place: int) -> dict[str, JsonValue] | None:
        """A party for whom row ``place`` holds and an earlier one is taken."""
        row = self.book.outcomes[place]
        party = Seeker(self.study, self.study.moment(self.book.head), {}).find(
            [RowGoals(self.study, self.book).holds(row)]
        )
        if party is None or not self._alone(row, party):
            return None
        decision = self.bench.decide([self.book], self.book.head.name, party)
        taken = taken_row(decision)
        if decision is None or taken is None or taken >= place:
            return None
        return self.bench.shown(party, outcome=decision.outcome)

    def _alone(self, row: Row, party: Party) -> bool:
        """Whether ``row`` holds where it comes first."""
        first = replace(self.book, outcomes=(row, Row((), {"outcome": "refer"}, row.mark)))
        return taken_row(self.bench.decide([first], first.head.name, party)) == 0


@dataclass(frozen=True, slots=True)
class _Routes:
    study: Study
    bench: Bench
    book: Routing
    screening: Sequence[Eligibility]

    def shadowed(self, place: int) -> dict[str, JsonValue] | None:
        """A party for whom row ``place`` holds and an earlier one is taken."""
        row = self.book.rows[place]
        for book in (*self.screening, None):
            party = Seeker(self.study, self.study.moment(self.book.head), {}).find(
                [RowGoals(self.study, book).holds(row)]
            )
            if party is None:
                continue
            alone = replace(self.book, rows=(row, Row((), self.book.rows[-1].then, row.mark)))
            taken = taken_row(self._decide(self.book, book, party))
            if taken is not None and taken < place and taken_row(self._decide(alone, book, party)) == 0:
                return self.bench.shown(party, **({} if book is None else {"rulebook": book.head.name}))
        return None

    def _decide(self, routing: Routing, book: Eligibility | None, party: Party) -> Decision | None:
        # rows may name scores of any eligibility book, so all of them are there
        books: list[RuleBook] = [*self.study.book.eligibility.values(), *([] if book is None else [book]), routing]
        if book is None:
            return self.bench.decide(books, routing.head.name, party)
        screened = self.bench.decide([book], book.head.name, party)
        context = Context(screening=screened)
        return None if screened is None else self.bench.decide(books, routing.head.name, party, context)
