"""What the maintenance rules saw of a party, month by month.

One observation a party and month; a later look in the same month replaces it, and the months before it stay as they
were, so that streaks can be counted on from them. The decisions behind observations are kept with the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Index, delete, func, insert, select
from sqlmodel import Field

from fastbrand.store.columns import JsonText, StoreTable, UtcTime
from fastbrand.store.rows import RowReader

_CHUNK = 400


class ObservationTable(StoreTable, table=True):
    """What upkeep saw of a party in a month."""

    __tablename__ = "upkeep_observation"
    __table_args__ = (Index(None, "period", "outcome"),)

    party_id: str = Field(primary_key=True, max_length=64, foreign_key="party.party_id")
    period: str = Field(primary_key=True, max_length=7)
    at: datetime = Field(sa_type=UtcTime)
    outcome: str = Field(max_length=40)
    cause: str | None = Field(default=None, max_length=80)
    bands: str = Field(sa_type=JsonText)
    streaks: str = Field(sa_type=JsonText)
    clear_months: int
    rulebook_sha256: str = Field(max_length=64)
    decision_id: str | None = Field(default=None, max_length=34)


OBSERVATION = StoreTable.metadata.tables["upkeep_observation"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What upkeep saw of a party in a month (``period``: ``2022-08``).

    ``bands``: id -> clear, alert, limit or unknown. ``streaks`` and ``clear_months`` as they stand after this month;
    ``decision_id`` is the authoritative decision, None where the population's look changed nothing.
    """

    party_id: str
    period: str
    at: datetime
    outcome: str
    cause: str | None
    bands: dict[str, str]
    streaks: dict[str, int]
    clear_months: int
    rulebook_sha256: str
    decision_id: str | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """Where a party's streaks stood after the last month that was looked at."""

    streaks: dict[str, int] = field(default_factory=dict)
    clear_months: int = 0
    outcome: str | None = None


_OBSERVATIONS = RowReader(OBSERVATION, Observation)
_NAMES = tuple(OBSERVATION.columns.keys())


def observe(conn: Connection, observations: Sequence[Observation]) -> None:
    """Keep what was seen; an observation of the same month is replaced. The caller's decision or run is audited."""
    for start in range(0, len(observations), _CHUNK):
        some = observations[start : start + _CHUNK]
        for period in sorted({each.period for each in some}):
            ids = [each.party_id for each in some if each.period == period]
            conn.execute(delete(OBSERVATION).where(OBSERVATION.c.period == period, OBSERVATION.c.party_id.in_(ids)))
        conn.execute(insert(OBSERVATION), [{name: getattr(each, name) for name in _NAMES} for each in some])


def before(conn: Connection, party_ids: Iterable[str], period: str) -> dict[str, Before]:
    """Party -> where its streaks stood after its last month before ``period``; who was never looked at is not in it."""
    found: dict[str, Before] = {}
    wanted = sorted(set(party_ids))
    for start in range(0, len(wanted), _CHUNK):
        asked = OBSERVATION.c.party_id.in_(wanted[start : start + _CHUNK])
        last = (
            select(OBSERVATION.c.party_id, func.max(OBSERVATION.c.period).label("period"))
            .where(asked, OBSERVATION.c.period < period)
            .group_by(OBSERVATION.c.party_id)
            .subquery()
        )
        newest = _OBSERVATIONS.select.join(
            last, (last.c.party_id == OBSERVATION.c.party_id) & (last.c.period == OBSERVATION.c.period)
        )
        for each in _OBSERVATIONS.all(conn, newest):
            found[each.party_id] = Before(each.streaks, each.clear_months, each.outcome)
    return found


def observed(conn: Connection, party_id: str, period: str) -> Observation | None:
    """What was seen of a party in a month, or None."""
    one = _OBSERVATIONS.select.where(OBSERVATION.c.party_id == party_id, OBSERVATION.c.period == period)
    return _OBSERVATIONS.first(conn, one)


def for_party(conn: Connection, party_id: str) -> list[Observation]:
    """Every month of a party, oldest first."""
    mine = _OBSERVATIONS.select.where(OBSERVATION.c.party_id == party_id).order_by(OBSERVATION.c.period)
    return _OBSERVATIONS.all(conn, mine)
