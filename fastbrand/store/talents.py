"""Talents (K): known by their id, category and region only. They have no vetting of their own in this programme.

No name is kept here: who stands behind an id is for the platform's own systems to know.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Connection, bindparam, update
from sqlmodel import Field

from fastbrand.domain.audit import Verb, event_id
from fastbrand.domain.errors import NotFound, Refused
from fastbrand.domain.provider import check_provider_id
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import StoreTable, UtcTime
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader
from fastbrand.store.turns import take_turn


class TalentTable(StoreTable, table=True):
    """A talent as it stands."""

    __tablename__ = "talent"

    talent_id: str = Field(primary_key=True, max_length=64)
    category: str | None = Field(default=None, max_length=64)
    region: str | None = Field(default=None, max_length=64)
    active: bool
    revision: int
    created_at: datetime = Field(sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)


TALENT = StoreTable.metadata.tables["talent"]


@dataclass(frozen=True, slots=True)
class Talent:
    """What staff says of a talent; None: not known."""

    talent_id: str
    category: str | None
    region: str | None = None
    active: bool = True

    def told(self) -> dict[str, Any]:
        """As JSON data, without the id."""
        return {"category": self.category, "region": self.region, "active": self.active}


@dataclass(frozen=True, slots=True)
class TalentRow:
    """A talent as it stands. ``revision`` counts what was said of it."""

    talent_id: str
    category: str | None
    region: str | None
    active: bool
    revision: int
    created_at: datetime
    updated_at: datetime

    def talent(self) -> Talent:
        """What staff says of it."""
        return Talent(**{item.name: getattr(self, item.name) for item in fields(Talent)})


_TALENTS = RowReader(TALENT, TalentRow)
_ADD = InsertOnce(TALENT, ("talent_id",))
_GET = _TALENTS.select.where(TALENT.c.talent_id == bindparam("the_id"))


def add(conn: Connection, talent: Talent, **grounds: Unpack[Grounds]) -> TalentRow:
    """Register a talent. Raises ``Refused`` where one of this id is there and is said to be another."""
    check_provider_id(talent.talent_id, "talent")
    at = grounds["at"]
    row = {**talent.told(), "talent_id": talent.talent_id, "revision": 1, "created_at": at, "updated_at": at}
    if _ADD(conn, row):
        what = f"talent/{talent.talent_id}/1"
        audit.note(conn, Verb.TALENT_REGISTERED, what, ("talent", talent.talent_id), grounds, after=talent.told())
    kept = there(conn, talent.talent_id)
    if kept.talent() != talent:
        raise Refused(f"talent `{talent.talent_id}` is there already", hint="change it: `fastbrand talent import FILE`")
    return kept


def put(conn: Connection, talent: Talent, **grounds: Unpack[Grounds]) -> tuple[TalentRow, str]:
    """Register or change; the row, and ``added``, ``changed`` or ``unchanged``."""
    take_turn(conn, f"talent/{talent.talent_id}")
    row = get(conn, talent.talent_id)
    if row is None:
        return add(conn, talent, **grounds), "added"
    if row.talent() == talent:
        return row, "unchanged"
    before, after = row.talent().told(), talent.told()
    changed = {name: value for name, value in after.items() if value != before[name]}
    audit.note(
        conn,
        Verb.TALENT_CHANGED,
        f"talent/{row.talent_id}/{row.revision + 1}",
        ("talent", row.talent_id),
        grounds,
        before={name: before[name] for name in changed},
        after=changed,
    )
    new = {**after, "revision": row.revision + 1, "updated_at": grounds["at"]}
    conn.execute(update(TALENT).where(TALENT.c.talent_id == row.talent_id).values(**new))
    return there(conn, row.talent_id), "changed"


def get(conn: Connection, talent_id: str) -> TalentRow | None:
    """The talent, or None."""
    return _TALENTS.first(conn, _GET, {"the_id": talent_id})


def there(conn: Connection, talent_id: str) -> TalentRow:
    """The talent. Raises ``NotFound``."""
    row = get(conn, talent_id)
    if row is None:
        raise NotFound(f"talent `{talent_id}` is not known", hint="see `fastbrand talent list`")
    return row


def history(conn: Connection, row: TalentRow) -> list[dict[str, Any]]:
    """The audit events of what was said of a talent, first to last: one a revision."""
    subject = ("talent", row.talent_id)
    keys = [f"talent/{row.talent_id}/{number}" for number in range(1, row.revision + 1)]
    verbs = (Verb.TALENT_REGISTERED, *[Verb.TALENT_CHANGED] * (row.revision - 1))
    return audit.by_ids(conn, [event_id(verb, key, subject) for verb, key in zip(verbs, keys, strict=True)])


def list_all(conn: Connection) -> list[TalentRow]:
    """Every talent, by id."""
    return _TALENTS.all(conn, _TALENTS.select.order_by(TALENT.c.talent_id))
