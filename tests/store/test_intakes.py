"""Rows of a file that comes in: taken in order, marked once, counted as they change."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from fastbrand.domain.lifecycle import Track
from fastbrand.store import intakes, parties
from fastbrand.store.database import Database
from fastbrand.store.intakes import RowState
from tests.store.given import MEI, NOW

PARTIES = [f"row-{number}" for number in range(12)]
ORDER = {RowState.KNOWN: 3, RowState.SCREENED: 2, RowState.STARTED: 1, RowState.WAITING: 0}


def open_file(conn: Connection, intake_id: str) -> None:
    """A file with ``PARTIES``, of which the last had applied before."""
    parties.register_many(conn, [(each, Track.M) for each in PARTIES], at=NOW, actor=MEI)
    intakes.open_intake(conn, intake_id, source="file:x", rows=len(PARTIES), mistakes=0, at=NOW, actor=MEI)


def rows(start: int, stop: int) -> list[tuple[int, str, Track, RowState]]:
    """Rows ``start`` up to ``stop`` as the file has them."""
    last = PARTIES[-1]
    return [
        (number, PARTIES[number], Track.M, RowState.KNOWN if PARTIES[number] == last else RowState.WAITING)
        for number in range(start, min(stop, len(PARTIES)))
    ]


added = st.tuples(st.just("add"), st.integers(0, 11), st.integers(1, 12))
marked = st.tuples(
    st.sampled_from([RowState.STARTED, RowState.SCREENED]), st.lists(st.sampled_from(PARTIES)), st.none()
)
numbers = iter(range(10_000))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(added, marked), max_size=12))
def test_counts_are_those_of_the_rows_whatever_is_said_twice(db: Database, steps: list[tuple[object, ...]]) -> None:
    intake_id = f"{next(numbers):064}"
    wanted: dict[str, RowState] = {}
    with db.write() as conn:
        open_file(conn, intake_id)
        for what, first, second in steps:
            if what == "add":
                assert isinstance(first, int)
                assert isinstance(second, int)
                part = rows(first, first + second)
                new = [row for row in part if row[1] not in wanted]
                assert intakes.add_rows(conn, intake_id, part) == len(new)
                wanted.update({party_id: state for _, party_id, _, state in new})
            else:
                assert isinstance(what, RowState)
                assert isinstance(first, list)
                intakes.mark(conn, intake_id, first, what)
                wanted.update({each: what for each in first if each in wanted and ORDER[wanted[each]] < ORDER[what]})
            assert intakes.counts(conn, intake_id) == Counter(wanted.values())
        found = {each.party_id: each.state for each in intakes.members(conn, intake_id)}
        assert found == wanted
        ahead = [each for each in PARTIES if wanted.get(each) is RowState.WAITING]
        assert [each.party_id for each in intakes.waiting(conn, intake_id, 5)] == ahead[:5]


def test_the_next_rows_are_found_without_passing_those_that_are_done(db: Database) -> None:
    if not db.is_sqlite:
        return
    with db.write() as conn:
        open_file(conn, "f" * 64)
        wanted = "SELECT number FROM intake_row WHERE intake_id = 'f' AND state = 'waiting' ORDER BY number LIMIT 5"
        (plan,) = [str(row[-1]) for row in conn.execute(text(f"EXPLAIN QUERY PLAN {wanted}"))]
    assert "ix_intake_row_intake_id_state_number (intake_id=? AND state=?)" in plan
