"""Deadlines in business days of the programme's calendar, as absolute moments in UTC."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from holidays import HolidayBase

    from rules.model import Programme


WARN_PERCENT = 80
"""How much of a term has passed when it is warned of."""


@lru_cache(maxsize=8)
def _calendar(country: str) -> HolidayBase:
    import holidays

    return holidays.country_holidays(country)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of ``country``, as they begin and end in ``zone``.

    Business time is the time that passes on working days, all 24 hours of them: what arrives on a day off waits for the
    next working day to begin. Source of the days: the ``holidays`` package, which has the Chinese State Council's
    notices, public holidays as well as the weekends that are worked to make up for them.
    """

    country: str
    zone: str

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Business time from ``start`` to ``end``; nothing where ``end`` is not later."""
        passed = timedelta(0)
        while start < end:
            works, over = self._day(start)
            stop = min(over, end)
            if works:
                passed += stop - start
            start = stop
        return passed

    def after(self, at: datetime, span: timedelta) -> datetime:
        """The first moment, in UTC, at which ``span`` of business time has passed since ``at``."""
        at, left = at.astimezone(UTC), span
        while left > timedelta(0):
            works, over = self._day(at)
            if works and over - at >= left:
                return at + left
            if works:
                left -= over - at
            at = over
        return at

    def _day(self, at: datetime) -> tuple[bool, datetime]:
        """Whether the local day of ``at`` is worked, and the moment in UTC at which it is over."""
        local = at.astimezone(ZoneInfo(self.zone))
        morrow = datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo)
        return _calendar(self.country).is_working_day(local.date()), morrow.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Term:
    """How long a case may take: it is warned of at ``warn_at`` and over at ``due_at``.

    ``business``: only working days count when the clock is stopped and goes on.
    """

    warn_at: datetime
    due_at: datetime
    business: bool


def term_of(at: datetime, said: Mapping[str, Any] | None, programme: Programme) -> Term | None:
    """A term of a rule file that begins at ``at``: ``{business_days: n}``, ``{months: n}``, ``{ms: n}``; None for none.

    The warning comes when ``WARN_PERCENT`` of it has passed.
    """
    if not said:
        return None
    if "business_days" in said:
        calendar, span = calendar_of(programme), timedelta(days=int(said["business_days"]))
        return Term(calendar.after(at, span * WARN_PERCENT // 100), calendar.after(at, span), business=True)
    if "months" in said:
        due_at = add_months(at, int(said["months"]), zone=programme.time_zone)
    else:
        due_at = at + timedelta(milliseconds=int(said["ms"]))
    return Term(at + (due_at - at) * WARN_PERCENT // 100, due_at, business=False)


def carried_over(moment: datetime, stopped_at: datetime, at: datetime, calendar: Calendar | None) -> datetime:
    """When ``moment`` comes where the clock stopped at ``stopped_at`` and goes on at ``at``.

    What was left then is left now: in business time of ``calendar``, or (None) in plain time. A moment that had passed
    when the clock stopped stays what it was.
    """
    if moment <= stopped_at:
        return moment
    if calendar is None:
        return at + (moment - stopped_at)
    return calendar.after(at, calendar.between(stopped_at, moment))


def calendar_of(programme: Programme) -> Calendar:
    """The programme's own calendar."""
    return Calendar(programme.business_days, programme.time_zone)


def add_months(at: datetime, months: int, *, zone: str) -> datetime:
    """``at`` plus calendar months in ``zone``, at the same time of day; the last day of a shorter month."""
    local = at.astimezone(ZoneInfo(zone))
    years, month = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)


def period_of(at: datetime, zone: str) -> str:
    """The calendar month of ``at`` in ``zone``: ``2022-08``."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m}"


def period_end(period: str, zone: str) -> datetime:
    """The moment the month ``2022-08`` ends in ``zone`` (exclusive, in UTC)."""
    year, month = (int(part) for part in period.split("-"))
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
