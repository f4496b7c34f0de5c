"""What is claimed of random books of every construct: no record contradicts it, and every party shown is real.

Records and parties are decided by the reference evaluation, which knows nothing of the engines and of the solver.
"""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.diffing.bonus import bonus_meaning
from rules.diffing.meaning import Answer
from rules.diffing.relation import meaning
from rules.diffing.solving import Budget
from rules.diffing.witness import Witness
from rules.model import Book
from rules.records import Context
from tests.property import random_books
from tests.rules import reference_kinds
from tests.rules.diffing import mutations
from tests.rules.reference import World, world_of

LEVELS = ["ineligible", "refer", "eligible"]
RECORDS = 20
RUN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32)


def worlds(books: tuple[Book, Book], rng: Random) -> list[tuple[World, World]]:
    """Parties that both books take."""
    found = []
    for _ in range(RECORDS):
        at = random_books.moment(rng)
        record = random_books.record(rng, dict(rng.choice(books).facts), at, hostile=False)
        old, new = (world_of(book, record, at) for book in books)
        if old is not None and new is not None:
            found.append((old, new))
    return found


def shown(books: tuple[Book, Book], answer: Answer[Witness]) -> list[tuple[World, World]]:
    """The party of an answer, which both books take."""
    if answer.found is None:
        return []
    old, new = (world_of(book, answer.found.record, answer.found.as_of) for book in books)
    assert old is not None
    assert new is not None
    return [(old, new)]


def level(world: World) -> int:
    return LEVELS.index(reference_kinds.eligibility(world, "e")["outcome"])


def amount(world: World) -> int:
    return int(reference_kinds.incentive(world, "i", Context(), "e")["amount"])


@RUN
@given(SEEDS)
def test_outcomes(seed: int) -> None:
    rng = Random(seed)
    books = mutations.pair(rng)
    found = meaning(books, ("e", "e"), Budget(20))
    for old, new in shown(books, found.falls):
        assert level(new) < level(old)
    for old, new in shown(books, found.rises):
        assert level(new) > level(old)
    for old, new in worlds(books, rng):
        assert level(new) >= level(old) or found.falls.said != "no"
        assert level(new) <= level(old) or found.rises.said != "no"


@RUN
@given(SEEDS)
def test_amounts(seed: int) -> None:
    rng = Random(seed)
    books = mutations.paid_pair(rng)
    found = bonus_meaning(books, ("i", "i"), "M", Budget(5))
    assert found is not None
    for old, new in shown(books, found.falls):
        assert amount(new) < amount(old)
    for old, new in shown(books, found.rises):
        assert amount(new) > amount(old)
    for old, new in worlds(books, rng):
        assert amount(new) >= amount(old) or found.falls.said != "no"
        assert amount(new) <= amount(old) or found.rises.said != "no"


def test_random_changes_change_something() -> None:
    """Without pairs of each relation, the claims above would be tested on nothing."""
    found = {
        meaning(books, ("e", "e"), Budget(20)).relation
        for books in (mutations.pair(Random(seed)) for seed in range(60))
    }
    assert found == {"equivalent", "stricter", "looser", "incomparable"}
