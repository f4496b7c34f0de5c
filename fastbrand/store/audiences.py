"""Whom parties reach, as sketches: enough to count users of many parties without doubles, and no user can be read back.

One sketch a party and month; a later one of the same month takes its place. A sketch is what the Apache DataSketches
library calls HLL, in its own compact bytes, so that a data warehouse may make them as well as we do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Connection, LargeBinary, delete, func, insert, select
from sqlmodel import Field

from fastbrand.domain.audit import Verb
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import StoreTable, UtcTime
from fastbrand.store.rows import RowReader

_CHUNK = 400


class AudienceTable(StoreTable, table=True):
    """Users that a party reached in a month."""

    __tablename__ = "audience"

    party_id: str = Field(primary_key=True, max_length=64, foreign_key="party.party_id")
    period: str = Field(primary_key=True, max_length=7)
    sketch: bytes = Field(sa_type=LargeBinary)
    source: str = Field(max_length=120)
    recorded_at: datetime = Field(sa_type=UtcTime)


AUDIENCE = StoreTable.metadata.tables["audience"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Users that a party reached in a month, as a sketch."""

    party_id: str
    period: str
    sketch: bytes
    source: str
    recorded_at: datetime


_AUDIENCES = RowReader(AUDIENCE, Audience)


def record(
    conn: Connection, sketches: Iterable[tuple[str, bytes]], *, period: str, source: str, **grounds: Unpack[Grounds]
) -> int:
    """Keep sketches of one month, party by party, with one audit event for all. Returns how many."""
    given = dict(sketches)
    ids, at = sorted(given), grounds["at"]
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        conn.execute(delete(AUDIENCE).where(AUDIENCE.c.period == period, AUDIENCE.c.party_id.in_(some)))
        common: dict[str, Any] = {"period": period, "source": source, "recorded_at": at}
        conn.execute(insert(AUDIENCE), [{"party_id": each, "sketch": given[each], **common} for each in some])
    key = f"audience/{period}/{source}/{at.isoformat()}"
    told = {"period": period, "parties": len(ids), "source": source}
    audit.note(conn, Verb.AUDIENCE_RECORDED, key, ("audience", period), grounds, after=told)
    return len(ids)


def newest(conn: Connection, party_ids: Iterable[str]) -> list[Audience]:
    """The newest sketch of each of ``party_ids`` that has one."""
    found: list[Audience] = []
    wanted = sorted(set(party_ids))
    for start in range(0, len(wanted), _CHUNK):
        mine = AUDIENCE.c.party_id.in_(wanted[start : start + _CHUNK])
        last = (
            select(AUDIENCE.c.party_id, func.max(AUDIENCE.c.period).label("period"))
            .where(mine)
            .group_by(AUDIENCE.c.party_id)
            .subquery()
        )
        same = (last.c.party_id == AUDIENCE.c.party_id) & (last.c.period == AUDIENCE.c.period)
        found += _AUDIENCES.all(conn, _AUDIENCES.select.join(last, same))
    return found
