"""What is claimed of a changed book against the truth: books over facts of which every record can be tried."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.diffing.relation import meaning
from rules.diffing.solving import Budget
from rules.evaluate import CompiledBook
from tests.rules.diffing import tiny


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_the_claim_is_the_truth(seed: int) -> None:
    """Over every record, text by text, age by age and day by day; nothing is left undecided."""
    books = tiny.pair(Random(seed))
    found = meaning(books, ("e", "e"), Budget(60))
    steps = tiny.truth(*books, tiny.used_facts(*books))
    assert found.falls.said == ("yes" if min(steps) < 0 else "no")
    assert found.rises.said == ("yes" if max(steps) > 0 else "no")
    for answer, way in ((found.falls, -1), (found.rises, 1)):
        if answer.found is not None:
            levels = []
            for book in books:
                compiled = CompiledBook(book)
                at = compiled.moment(answer.found.as_of)
                decision = compiled.decide("e", compiled.ask(answer.found.record, at), effective=at)
                levels.append(tiny.LEVELS.index(decision.outcome))
            assert (levels[1] - levels[0]) * way > 0
