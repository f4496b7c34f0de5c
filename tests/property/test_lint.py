"""What static analysis says never happens, never does: random books, and parties at, beside and far from thresholds."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import InputError
from rules.evaluate import CompiledBook
from rules.frame import Asked
from rules.lint.conflicts import exclusive
from rules.lint.findings import warnings
from rules.lint.screened import Screened
from rules.lint.screened_rows import taken_row
from rules.lint.standing import Standings
from rules.lint.states import fates
from rules.lint.study import Study
from rules.mistakes import WARNINGS
from rules.model import Book, Eligibility
from rules.records import Context
from rules.rows import LEVELS, LIMIT
from tests.property import random_books, random_kinds

PARTIES = 12
RUN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32)


def whole_book(rng: Random) -> Book:
    """A book with one rule book of each kind."""
    made = random_books.facts(rng)
    screened = random_kinds.eligibility(rng, made)
    return random_books.book(
        made,
        eligibility={"e": screened},
        routing={"q": random_kinds.routing(rng, made, screened)},
        maintenance={"m": random_kinds.maintenance(rng, made)},
        incentive={"i": random_kinds.incentive(rng, made)},
    )


def parties(rng: Random, compiled: CompiledBook) -> list[Asked]:
    """Parties as the book sees them."""
    found = []
    for _ in range(PARTIES):
        as_of = random_books.moment(rng)
        record = random_books.record(rng, dict(compiled.book.facts), as_of, hostile=False)
        try:
            found.append(compiled.ask(record, compiled.moment(as_of)))
        except InputError:
            continue
    return found


def met(decision: Decision, criterion: str) -> bool:
    """Whether a criterion is in nobody's way."""
    (verdict,) = [each.verdict for each in decision.findings if each.criterion == criterion]
    return verdict in ("pass", "not_applicable")


@RUN
@given(SEEDS, SEEDS)
def test_no_party_gets_what_is_said_to_be_out_of_reach(book_seed: int, party_seed: int) -> None:
    book = whole_book(Random(book_seed))
    compiled, study = CompiledBook(book), Study(book)
    screened: Eligibility = book.eligibility["e"]
    pairs = exclusive(study, screened)
    spaces = Screened(study, screened), Screened(study, None)
    outcomes = fates([Screened(study, screened, pairs)], screened.outcomes)
    routes = fates(spaces, book.routing["q"].rows)
    for asked in parties(Random(party_seed), compiled):
        for name, span in study.spans.items():
            value = asked.facts.values[name]
            assert value is None or (span is not None and span[0] <= value <= span[1]), name
        decision = compiled.decide("e", asked)
        for criterion, finding in zip(screened.criteria, decision.findings, strict=True):
            assert finding.verdict in study.survey(criterion).verdicts()
        for first, second in pairs:
            assert not (met(decision, first.id) and met(decision, second.id))
        assert outcomes[taken_row(decision) or 0].reached
        for context in (Context(screening=decision), Context()):
            assert routes[taken_row(compiled.decide("q", asked, context)) or 0].reached


@RUN
@given(SEEDS, SEEDS)
def test_no_party_in_standing_gets_what_is_said_to_be_out_of_reach(book_seed: int, party_seed: int) -> None:
    rng = Random(book_seed)
    book = whole_book(rng)
    compiled, study = CompiledBook(book), Study(book)
    upkeep = book.maintenance["m"]
    space = Standings(study, upkeep)
    rows = fates([space], upkeep.outcomes)
    for asked in parties(Random(party_seed), compiled):
        streaks = {band: rng.randint(0, 4) for band, levels in space.levels.items() if LIMIT in levels}
        decision = compiled.decide("m", asked, Context(streaks=streaks, clear_months=rng.randint(0, 3)))
        for band, stands in decision.result["bands"].items():
            assert stands in {LEVELS[level] for level in space.levels[band]}
        assert rows[taken_row(decision) or 0].reached


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SEEDS)
def test_every_book_is_looked_over_and_always_said_the_same_of(book_seed: int) -> None:
    book = whole_book(Random(book_seed))
    found = warnings(book)
    for each in found:
        assert each.grade == "warning"
        assert each.code in WARNINGS
        assert each.message[0] == each.message[0].lower()
        assert each.hint
        assert "\n" not in each.message
        str(each)
    assert [each.as_dict() for each in warnings(book)] == [each.as_dict() for each in found]
