"""Deadlines: business days of the Chinese calendar, clocks that stop and go on, calendar months, periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.deadlines import Calendar, add_months, carried_over, period_end, period_of, term_of
from rules.loader import load_directory

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = Calendar("CN", "Asia/Shanghai")
CALENDARS = st.sampled_from([CHINA, Calendar("US", "America/New_York"), Calendar("IL", "Asia/Jerusalem")])
PROGRAMME = load_directory(Path(__file__).parents[2] / "rules" / "book").programme

seconds = st.integers(1_577_836_800, 1_767_225_600)  # 2020 to 2025: the State Council's notices are known for them
moments = st.builds(
    lambda second, micro: datetime.fromtimestamp(second, UTC) + timedelta(microseconds=micro),
    seconds,
    st.integers(0, 999_999),
)
spans = st.builds(timedelta, microseconds=st.integers(0, 20 * 86_400 * 10**6))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2022-08-17 10:00", 3, "2022-08-22 10:00"),  # Wednesday: over a weekend
        ("2022-09-30 10:00", 1, "2022-10-08 10:00"),  # National Day week; Saturday the 8th is a make-up working day
        ("2022-08-20 23:30", 1, "2022-08-23 00:00"),  # arrived on a Saturday: all of Monday
        ("2022-08-19 10:00", 0.5, "2022-08-19 22:00"),  # half a day
        ("2022-08-19 18:00", 0.5, "2022-08-22 06:00"),  # of which a part is on Monday
        ("2022-08-17 10:00", 0, "2022-08-17 10:00"),
    ],
)
def test_business_days_follow_the_state_councils_calendar(start: str, days: float, end: str) -> None:
    found = CHINA.after(local(start), timedelta(days=days))
    assert found == local(end)
    assert found.tzinfo is UTC
    assert CHINA.between(local(start), found) == timedelta(days=days)


def test_nothing_passes_on_a_day_off_or_backwards() -> None:
    assert CHINA.between(local("2022-08-20 09:00"), local("2022-08-21 18:00")) == timedelta(0)
    assert CHINA.between(local("2022-08-18 09:00"), local("2022-08-17 09:00")) == timedelta(0)


def test_a_term_is_warned_of_when_four_fifths_of_it_have_passed() -> None:
    term = term_of(local("2022-08-17 10:00"), {"business_days": 5}, PROGRAMME)
    assert term is not None
    assert (term.warn_at, term.due_at, term.business) == (local("2022-08-23 10:00"), local("2022-08-24 10:00"), True)
    plain = term_of(local("2022-08-20 10:00"), {"ms": 10_000}, PROGRAMME)
    assert plain is not None
    assert (plain.warn_at, plain.due_at) == (local("2022-08-20 10:00:08"), local("2022-08-20 10:00:10"))
    assert not plain.business
    months = term_of(local("2022-01-31 09:00"), {"months": 1}, PROGRAMME)
    assert months is not None
    assert months.due_at == local("2022-02-28 09:00")
    assert term_of(local("2022-01-31 09:00"), None, PROGRAMME) is None


def test_what_is_left_over_a_holiday_goes_on_after_it() -> None:
    """Asked on the last day before the National Day week, answered in its middle: a day is left, the 8th."""
    due = CHINA.after(local("2022-09-29 10:00"), timedelta(days=2))
    assert due == local("2022-10-08 10:00")
    moved = carried_over(due, local("2022-09-30 10:00"), local("2022-10-04 12:00"), CHINA)
    assert moved == local("2022-10-09 00:00")


@settings(deadline=None)
@given(CALENDARS, moments, moments, moments)
def test_business_time_adds_up(calendar: Calendar, one: datetime, two: datetime, three: datetime) -> None:
    first, middle, last = sorted((one, two, three))
    assert calendar.between(first, middle) + calendar.between(middle, last) == calendar.between(first, last)
    assert timedelta(0) <= calendar.between(first, last) <= last - first


@settings(deadline=None)
@given(CALENDARS, moments, spans, spans)
def test_it_is_counted_forward_as_it_is_counted_back(
    calendar: Calendar, at: datetime, span: timedelta, more: timedelta
) -> None:
    end = calendar.after(at, span)
    assert calendar.between(at, end) == span
    assert calendar.after(end, more) == calendar.after(at, span + more)


@settings(deadline=None)
@given(CALENDARS, moments, moments, spans)
def test_who_comes_later_is_never_due_earlier(
    calendar: Calendar, one: datetime, two: datetime, span: timedelta
) -> None:
    earlier, later = sorted((one, two))
    assert calendar.after(earlier, span) <= calendar.after(later, span)


@settings(deadline=None)
@given(st.none() | CALENDARS, moments, spans, st.lists(st.tuples(spans, spans), max_size=4))
def test_a_clock_that_stops_neither_loses_nor_gains(
    calendar: Calendar | None, at: datetime, span: timedelta, stops: list[tuple[timedelta, timedelta]]
) -> None:
    """Whatever the stops: the time in which the clock ran is the term, as long as the case was not late before."""
    due = at + span if calendar is None else calendar.after(at, span)
    ran = timedelta(0)
    for running, standing in stops:
        stop = at + running
        if stop >= due:
            assert carried_over(due, stop, stop + standing, calendar) == due
            break
        ran += stop - at if calendar is None else calendar.between(at, stop)
        at = stop + standing
        moved = carried_over(due, stop, at, calendar)
        # a stop of no time moves nothing, but a moment that is nominally at the end of a free day
        assert moved >= due or (calendar is not None and calendar.between(moved, due) == timedelta(0))
        due = moved
    else:
        left = due - at if calendar is None else calendar.between(at, due)
        assert ran + left == span


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [("2022-01-31 09:00", 1, "2022-02-28 09:00"), ("2022-11-15 09:00", 14, "2024-01-15 09:00")],
)
def test_months_end_on_the_last_day_of_a_shorter_one(start: str, months: int, end: str) -> None:
    assert add_months(local(start), months, zone="Asia/Shanghai") == local(end)


@settings(deadline=None)
@given(st.integers(1_577_836_800, 2_051_222_400).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_a_moment_lies_in_its_period(at: datetime) -> None:
    period = period_of(at, "Asia/Shanghai")
    end = period_end(period, "Asia/Shanghai")
    assert at < end
    assert period_of(end - timedelta(microseconds=1), "Asia/Shanghai") == period
    assert period_of(end, "Asia/Shanghai") != period
