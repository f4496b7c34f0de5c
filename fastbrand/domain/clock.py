"""The programme's clock: what time it is for the programme while so much of real time goes by.

Everywhere but in a simulation it is the real one. A simulation's clock goes as fast as the real one while anybody
works, and leaps over the days in which nobody does: months pass in seconds, and no delay of a slow machine looks like
days of somebody's. Workflows read their moments off this clock, and where it leaps they are told of them. It is set
once, when a process starts, before anything asks it; a state directory keeps one for its life, as a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

from fastbrand.domain.errors import InputError

CLOCK_FILE = "clock"
"""In the state directory of a simulation: its clock."""

EARLY = timedelta(seconds=1)
"""A timer that fires so much before its moment is on time; one that fires earlier found a slower clock."""

_AHEAD = timedelta(milliseconds=100)
"""A leap is written so long before it begins."""

_NOTHING = timedelta(0)


class Clock(Protocol):
    """What everybody asks a clock."""

    leaps: ClassVar[bool]
    """Whether nobody can know how long a wait is: who waits asks to be told (``fastbrand.domain.alarms``)."""

    def time(self, real: datetime) -> datetime:
        """What this clock shows at a real moment, which is not in the future."""


class _Wall:
    """The clock on the wall."""

    leaps: ClassVar[bool] = False

    def time(self, real: datetime) -> datetime:
        return real


@dataclass(frozen=True, slots=True)
class _Leap:
    """From ``at`` on the clock, which showed ``shows``, runs ``rate`` times as fast, for ``lasts`` of real time."""

    at: datetime
    shows: datetime
    rate: int
    lasts: timedelta

    def time(self, real: datetime) -> datetime:
        passed = real - self.at
        leapt = min(passed, self.lasts)
        return self.shows + leapt * self.rate + (passed - leapt)

    def line(self) -> str:
        return f"{self.at.isoformat()} {self.shows.isoformat()} {self.rate} {self.lasts // timedelta(microseconds=1)}\n"


_Read = tuple[int, tuple[_Leap, ...]]
"""Bytes of the file that were read, and the leaps in them: set at once."""


@dataclass(slots=True)
class LeapingClock:
    """A clock that goes as the real one, but for the leaps in its file, one a line, in order, none of them too late.

    Every process of a simulation reads the same file, and only one writes it (``leap``). A leap is written before it
    begins and never changed. So whoever asks what the clock shows at a moment that is past finds every leap that
    counts, and every later replay finds the same.
    """

    leaps: ClassVar[bool] = True

    path: Path
    _seen: _Read = field(default=(-1, ()))

    def time(self, real: datetime) -> datetime:
        """What this clock shows at a real moment, which is not in the future."""
        leaps = self._read()
        return next((each for each in reversed(leaps) if each.at <= real), leaps[0]).time(real)

    def leap(self, to: datetime) -> datetime:
        """Let the clock run fast, as its first line says, until it shows ``to``: the real moment at which it does."""
        leaps = self._read()
        rate, at = leaps[0].rate, max(datetime.now(UTC) + _AHEAD, leaps[-1].at)
        shows = self.time(at)
        lasts = max((to - shows) / rate, _NOTHING)
        self._write(_Leap(at, shows, rate, lasts))
        return at + lasts

    def _write(self, leap: _Leap) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(leap.line())  # one write of the system: nobody reads half a line as a whole one

    def _read(self) -> tuple[_Leap, ...]:
        size, leaps = self._seen
        if os.stat(self.path).st_size == size:
            return leaps
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        leaps = tuple(_leap_of(each, self.path) for each in whole.splitlines())
        if not leaps:
            raise _no_clock(self.path)
        self._seen = len(whole.encode()), leaps
        return leaps


def make_clock(path: Path, shows: datetime, rate: int) -> LeapingClock:
    """Write the file of a clock that shows ``shows`` now and whose leaps run ``rate`` times as fast."""
    path.write_text(_Leap(datetime.now(UTC), shows.astimezone(UTC), rate, _NOTHING).line(), encoding="utf-8")
    return LeapingClock(path)


REAL: Clock = _Wall()
"""The clock on the wall."""

_in_use = [REAL]


def use(clock: Clock) -> None:
    """Let this process go by ``clock``."""
    _in_use[0] = clock


def in_use() -> Clock:
    """The clock that this process goes by."""
    return _in_use[0]


def clock_at(path: str) -> Clock:
    """The clock whose file is ``path``; empty is the real one. Raises ``InputError``."""
    if not path:
        return REAL
    clock = LeapingClock(Path(path))
    try:
        clock.time(datetime.now(UTC))
    except OSError as error:
        raise _no_clock(Path(path)) from error
    return clock


def _leap_of(line: str, path: Path) -> _Leap:
    try:
        at, shows, rate, lasts = line.split(" ")
        leap = _Leap(
            datetime.fromisoformat(at), datetime.fromisoformat(shows), int(rate), timedelta(microseconds=int(lasts))
        )
        if leap.at.tzinfo is None or leap.shows.tzinfo is None or leap.rate < 1 or leap.lasts < _NOTHING:
            raise ValueError
    except (ValueError, OverflowError):
        raise _no_clock(path) from None
    return leap


def _no_clock(path: Path) -> InputError:
    return InputError(f"`{path}` is not the clock of a simulation", hint="name one that `fastbrand simulate` wrote")
