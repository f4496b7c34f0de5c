"""The clock of a simulation: it goes as the real one, leaps, and tells everybody the same about what is past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain import clock
from fastbrand.domain.errors import InputError

BEGINS = datetime(2022, 6, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def test_it_goes_as_the_real_one_until_it_leaps(tmp_path: Path) -> None:
    made = clock.make_clock(tmp_path / "clock", BEGINS, 864_000)
    first, real = made.time(datetime.now(UTC)), datetime.now(UTC)
    assert timedelta(0) <= first - BEGINS < timedelta(minutes=1)
    assert made.time(real + 5 * SECOND) - made.time(real) == 5 * SECOND
    there = made.leap(BEGINS + 2 * DAY)
    assert abs(made.time(there) - (BEGINS + 2 * DAY)) < SECOND
    assert made.time(there + 5 * SECOND) - made.time(there) == 5 * SECOND
    assert made.time(real) - first < timedelta(minutes=1)  # what was before is what it was


def test_another_process_reads_the_same_moments(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    made, read = clock.make_clock(path, BEGINS, 864_000), clock.clock_at(str(path))
    before = datetime.now(UTC)
    shown = read.time(before)
    there = made.leap(BEGINS + 10 * DAY)
    asked = [before + (there - before) * part / 20 for part in range(41)]
    assert [read.time(each) for each in asked] == [made.time(each) for each in asked]
    assert read.time(before) == shown
    late = clock.clock_at(str(path))  # of a worker that starts later and replays
    assert [late.time(each) for each in asked] == [made.time(each) for each in asked]


def test_a_leap_that_is_half_written_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    made = clock.make_clock(path, BEGINS, 864_000)
    there = made.leap(BEGINS + 10 * DAY)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    half = clock.clock_at(str(path))
    assert half.time(there) < BEGINS + DAY
    path.write_bytes(whole)
    assert abs(half.time(there) - (BEGINS + 10 * DAY)) < SECOND


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(1, 10**7))
def test_time_never_goes_back(tmp_path_factory: pytest.TempPathFactory, days: list[int], rate: int) -> None:
    made = clock.make_clock(tmp_path_factory.mktemp("clock") / "clock", BEGINS, rate)
    began, to, there = datetime.now(UTC), BEGINS, datetime.now(UTC)
    for each in days:
        to += each * DAY
        there = max(there, made.leap(to))
    moments = [began + (there - began) * part / 50 for part in range(60)]
    shown = [made.time(each) for each in moments]
    assert shown == sorted(shown)


@pytest.mark.parametrize("text", ["", "2022", "a b c d\n", "2022-06-01T00:00:00 2022-06-01T00:00:00 5 5\n"])
def test_a_file_that_is_no_clock_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clock"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is not the clock of a simulation"):
        clock.clock_at(str(path))
    with pytest.raises(InputError):
        clock.clock_at(str(tmp_path / "nowhere"))
    assert clock.clock_at("") is clock.REAL
    assert (clock.LeapingClock.leaps, clock.REAL.leaps) == (True, False)
