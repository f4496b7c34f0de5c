"""What a book decides the applicants of one track with, as if all of it were in force.

A candidate mostly comes into force later than the records it is tried on, and a live book began later than some of
them: a backtest asks what a book says, not whether it was in force. So everything is decided at the record's own moment
by the rule books that are in force on one day, which need not be that moment's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError
from rules.model import Book, Eligibility, Head, Incentive, Routing

_Dated = TypeVar("_Dated", Eligibility, Routing, Incentive)


@dataclass(frozen=True, slots=True)
class Trial:
    """The rule books of ``book`` that decide about applicants for ``track``, all in force at ``effective_at`` (UTC).

    ``tracks`` and ``incentive`` are None where the book has none for the track. ``undated`` is the book without
    effective dates and without other eligibility rule books for the track: for the columnar engine, which looks for the
    one in force at the moment of each record.
    """

    book: Book
    track: str
    effective_at: datetime
    eligibility: Eligibility
    queue: Routing
    tracks: Routing | None
    incentive: Incentive | None

    @property
    def undated(self) -> Book:
        """The book for the columnar engine."""
        chosen = self.eligibility.head.name
        return replace(
            self.book,
            eligibility={
                name: _undated(each, self.track, stays=name == chosen) for name, each in self.book.eligibility.items()
            },
            incentive={name: _undated(each, self.track, stays=True) for name, each in self.book.incentive.items()},
        )

    def effects(self) -> dict[str, tuple[str, str]]:
        """Criterion -> its effect on a fail and on an unknown, in file order."""
        return {each.id: (each.otherwise, each.unknown) for each in self.eligibility.criteria}


def trial_of(book: Book, track: str, at: datetime) -> Trial:
    """What ``book`` decides about ``track`` with: what is in force at ``at``, else what will be next, else what was
    last.

    Raises ``InputError`` (codes ``not_in_force``, ``ambiguous_book``) where there is no day on which the book screens
    that track.
    """
    zone = ZoneInfo(book.programme.time_zone)
    first: InputError | None = None
    # first with the bonus that the book pays; it may have one that is never in force together with the rest
    for with_incentive in (True, False):
        for day in _days(book, at.astimezone(zone).date()):
            try:
                return _on(book, track, day, at, zone, with_incentive=with_incentive)
            except InputError as error:
                first = first or error
    assert first is not None  # there is always the day of ``at``
    raise first


def _on(book: Book, track: str, day: date, at: datetime, zone: ZoneInfo, *, with_incentive: bool) -> Trial:
    """The trial with what is in force on ``day``. Raises ``InputError`` where that does not screen the track."""
    eligibility = _the_one(_for_track(book.eligibility, track), f"eligibility book for track `{track}`", day)
    queues, tracks, marks = (_deciding(book, what, track) for what in ("queue", "track", "endorsement"))
    queue = _the_one(queues, f"routing book for `queue` of track `{track}`", day)
    routed = _the_one(tracks, f"routing book for `track` of track `{track}`", day) if tracks else None
    if marks:
        _the_one(marks, f"routing book for `endorsement` of track `{track}`", day)
    paying = [each for each in _for_track(book.incentive, track) if track in each.pool] if with_incentive else []
    incentive = _the_one(paying, f"incentive book for track `{track}`", day) if paying else None
    moment = at if at.astimezone(zone).date() == day else datetime.combine(day, time.min, zone).astimezone(UTC)
    return Trial(book, track, moment, eligibility, queue, routed, incentive)


def _days(book: Book, today: date) -> Iterator[date]:
    """The days on which something begins or ended: today, then those to come, then those that were, latest first."""
    kinds: tuple[Mapping[str, Eligibility | Routing | Incentive], ...] = (
        book.eligibility,
        book.routing,
        book.incentive,
    )
    heads = [each.head for kind in kinds for each in kind.values()]
    begins = {head.effective_from for head in heads if head.effective_from is not None}
    last = {head.effective_until - timedelta(days=1) for head in heads if head.effective_until is not None}
    yield today
    yield from sorted(day for day in begins if day > today)
    yield from sorted((day for day in begins | last if day < today), reverse=True)


def _for_track(kind: Mapping[str, _Dated], track: str) -> list[_Dated]:
    return [each for each in kind.values() if track in each.head.parties]


def _deciding(book: Book, what: str, track: str) -> list[Routing]:
    """The routing books that may decide ``what``: those that name the track, otherwise those that name no parties."""
    deciding = [each for each in book.routing.values() if each.decides == what]
    named = [each for each in deciding if track in each.head.parties]
    return named or [each for each in deciding if not each.head.parties]


def _the_one(fit: Sequence[_Dated], what: str, day: date) -> _Dated:
    """The one in force on ``day``. Raises ``InputError`` where there is none, or more than one."""
    if not fit:
        raise InputError(f"there is no {what}", hint="add one to the book", code="not_in_force")
    now = [each for each in fit if _in_force(each.head, day)]
    if not now:
        raise InputError(
            f"no {what} is in force on {day}", hint="let the parts of a book be in force together", code="not_in_force"
        )
    if len(now) > 1:
        names = ", ".join(f"`{each.head.name}`" for each in now)
        raise InputError(
            f"more than one {what} is in force on {day}: {names}",
            hint="let their effective periods not overlap",
            code="ambiguous_book",
        )
    return now[0]


def _in_force(head: Head, day: date) -> bool:
    begun = head.effective_from is None or head.effective_from <= day
    return begun and (head.effective_until is None or day < head.effective_until)


def _undated(rulebook: _Dated, track: str, *, stays: bool) -> _Dated:
    """Without dates; one that does not stay is for everybody but ``track``."""
    parties = rulebook.head.parties if stays else tuple(each for each in rulebook.head.parties if each != track)
    return replace(rulebook, head=replace(rulebook.head, effective_from=None, effective_until=None, parties=parties))
