"""Who waits for a moment of a clock that leaps is told once, when it is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.alarms import Alarms

BEGINS = datetime(2022, 6, 1, tzinfo=UTC)
WHO = st.sampled_from(["a", "b", "c", "d"])
SAID = st.one_of(st.tuples(WHO, st.integers(0, 50)), st.tuples(WHO, st.none()), st.integers(0, 50))


def at(minutes: int) -> datetime:
    """So long after the beginning."""
    return BEGINS + timedelta(minutes=minutes)


def test_the_earliest_is_told_first_and_once() -> None:
    alarms = Alarms()
    for name, minutes in (("late", 9), ("early", 3), ("later", 20)):
        alarms.set(name, at(minutes))
    assert alarms.due(at(2)) == []
    assert alarms.due(at(10)) == ["early", "late"]
    assert alarms.due(at(10)) == []
    assert alarms.due(at(20)) == ["later"]


def test_the_newest_wait_counts() -> None:
    alarms = Alarms()
    alarms.set("a", at(3))
    alarms.set("a", at(8))
    assert alarms.due(at(5)) == []
    alarms.clear("a")
    alarms.clear("nobody")
    assert alarms.due(at(9)) == []


@given(st.lists(SAID, max_size=40))
def test_whoever_waits_is_told(said: list[tuple[str, int | None] | int]) -> None:
    """A model that looks through everything each time: set, clear, and what the clock shows, in any order."""
    alarms, waits = Alarms(), dict[str, int]()
    for each in said:
        if isinstance(each, int):
            due = sorted((minutes, name) for name, minutes in waits.items() if minutes <= each)
            assert alarms.due(at(each)) == [name for _, name in due]
            waits = {name: minutes for name, minutes in waits.items() if minutes > each}
        elif each[1] is None:
            alarms.clear(each[0])
            waits.pop(each[0], None)
        else:
            alarms.set(each[0], at(each[1]))
            waits[each[0]] = each[1]
