"""The register of service providers: who they are, and how many each serves of how many it can.

``load`` is never edited: an offer that is accepted takes one place, in one conditional update, and one that ends gives
it back. A profile changes by revision, each with its audit event, which says what changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import CheckConstraint, Connection, Index, bindparam, func, select, update
from sqlmodel import Field

from fastbrand.domain.audit import Verb, event_id
from fastbrand.domain.errors import NotFound, Refused, StaleRevision
from fastbrand.domain.provider import ProviderType, check_provider_id
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import JsonText, StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader
from fastbrand.store.turns import take_turn


class ProviderTable(StoreTable, table=True):
    """A provider as it stands. ``revision`` counts its profiles; scores are tenths."""

    __tablename__ = "provider"
    __table_args__ = (
        CheckConstraint("load >= 0 AND load <= capacity", name="within_capacity"),
        Index(None, "type", "provider_id"),
    )

    provider_id: str = Field(primary_key=True, max_length=64)
    type: ProviderType = Field(sa_type=enum_text(ProviderType))
    name: str = Field(max_length=120)
    categories: list[str] = Field(sa_type=JsonText)
    region: str | None = Field(default=None, max_length=64)
    capacity: int
    load: int
    track_record: int | None = None
    capabilities: dict[str, int] = Field(sa_type=JsonText)
    active: bool
    revision: int
    created_at: datetime = Field(sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)


PROVIDER = StoreTable.metadata.tables["provider"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What staff says of a provider: scores in tenths (0 to 1,000; None: not known), categories sorted."""

    provider_id: str
    type: ProviderType
    name: str
    categories: tuple[str, ...]
    capacity: int
    region: str | None = None
    track_record: int | None = None
    capabilities: dict[str, int] = field(default_factory=dict)
    active: bool = True

    def told(self) -> dict[str, Any]:
        """As JSON data, without the id."""
        own = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "provider_id"}
        return {**own, "type": str(self.type), "categories": list(self.categories)}


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider as it stands."""

    provider_id: str
    type: ProviderType
    name: str
    categories: tuple[str, ...]
    region: str | None
    capacity: int
    load: int
    track_record: int | None
    capabilities: dict[str, int]
    active: bool
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def free(self) -> int:
        """How many more it can serve."""
        return self.capacity - self.load

    def profile(self) -> Profile:
        """What staff says of it."""
        return Profile(**{item.name: getattr(self, item.name) for item in fields(Profile)})


_PROVIDERS = RowReader(PROVIDER, ProviderRow)
_ADD = InsertOnce(PROVIDER, ("provider_id",))
_GET = _PROVIDERS.select.where(PROVIDER.c.provider_id == bindparam("the_id"))
_TAKE = (
    update(PROVIDER)
    .where(PROVIDER.c.provider_id == bindparam("the_id"), PROVIDER.c.active, PROVIDER.c.load < PROVIDER.c.capacity)
    .values(load=PROVIDER.c.load + 1)
)
_GIVE_BACK = (
    update(PROVIDER)
    .where(PROVIDER.c.provider_id == bindparam("the_id"), PROVIDER.c.load > 0)
    .values(load=PROVIDER.c.load - 1)
)


def add(conn: Connection, profile: Profile, **grounds: Unpack[Grounds]) -> ProviderRow:
    """Register a provider. Raises ``Refused`` where one of this id is there with another profile."""
    row = _insert(conn, profile, grounds)
    if row.profile() != profile:
        raise Refused(f"provider `{profile.provider_id}` is there already", hint="change it: `fastbrand provider edit`")
    return row


def edit(
    conn: Connection, profile: Profile, *, revision: int | None = None, **grounds: Unpack[Grounds]
) -> tuple[ProviderRow, bool]:
    """Bring a provider to ``profile``; the row, and whether anything changed.

    ``revision``: the one that the caller saw. Raises ``NotFound``; ``StaleRevision`` where it is another by now;
    ``Refused`` where the type changes, or the capacity falls below what it serves: the caller's transaction must then
    end.
    """
    take_turn(conn, f"provider/{profile.provider_id}")
    row = there(conn, profile.provider_id)
    if revision is not None and row.revision != revision:
        raise StaleRevision(
            f"provider `{row.provider_id}` is at revision {row.revision}, not {revision}", hint="look at it again"
        )
    before = row.profile()
    if before == profile:
        return row, False
    if before.type != profile.type:
        raise Refused(
            f"provider `{row.provider_id}` is of type `{row.type}`, which never changes",
            hint="register another one, and set this one inactive",
        )
    if profile.capacity < row.load:
        raise _too_small(row, profile)
    told = profile.told()
    changed = {name: value for name, value in told.items() if value != before.told()[name]}
    audit.note(
        conn,
        Verb.PROVIDER_CHANGED,
        f"provider/{row.provider_id}/{row.revision + 1}",
        ("provider", row.provider_id),
        grounds,
        before={name: before.told()[name] for name in changed},
        after=changed,
    )
    # conditional: an offer that is accepted meanwhile takes a place
    fits = (PROVIDER.c.revision == row.revision) & (PROVIDER.c.load <= profile.capacity)
    new = {**told, "type": profile.type, "revision": row.revision + 1, "updated_at": grounds["at"]}
    this = PROVIDER.c.provider_id == row.provider_id
    if conn.execute(update(PROVIDER).where(this, fits).values(**new)).rowcount != 1:
        raise _too_small(there(conn, row.provider_id), profile)
    return there(conn, row.provider_id), True


def _too_small(row: ProviderRow, profile: Profile) -> Refused:
    return Refused(
        f"provider `{row.provider_id}` serves {row.load}, more than {profile.capacity}",
        hint="end matches first (`fastbrand provider end MATCH`), or set it inactive: it then gets no new ones",
    )


def put(conn: Connection, profile: Profile, **grounds: Unpack[Grounds]) -> tuple[ProviderRow, str]:
    """Register or edit; the row, and ``added``, ``changed`` or ``unchanged``. Raises as ``edit`` does."""
    if get(conn, profile.provider_id) is None:
        return add(conn, profile, **grounds), "added"
    row, changed = edit(conn, profile, **grounds)
    return row, "changed" if changed else "unchanged"


def take(conn: Connection, provider_id: str) -> None:
    """Take one place. Raises ``Refused`` where it is inactive, or has none; the caller's transaction must then end."""
    if conn.execute(_TAKE, {"the_id": provider_id}).rowcount == 1:
        return
    row = there(conn, provider_id)
    if not row.active:
        raise Refused(f"provider `{provider_id}` is inactive", hint="match again: `fastbrand provider match`")
    raise Refused(
        f"provider `{provider_id}` serves {row.load} of {row.capacity} already",
        hint="match again, or raise its capacity",
    )


def give_back(conn: Connection, provider_id: str) -> None:
    """Give one place back."""
    taken = conn.execute(_GIVE_BACK, {"the_id": provider_id}).rowcount
    assert taken == 1, f"provider {provider_id} serves nobody"


def get(conn: Connection, provider_id: str) -> ProviderRow | None:
    """The provider, or None."""
    row = _PROVIDERS.first(conn, _GET, {"the_id": provider_id})
    return None if row is None else _whole(row)


def there(conn: Connection, provider_id: str) -> ProviderRow:
    """The provider. Raises ``NotFound``."""
    row = get(conn, provider_id)
    if row is None:
        raise NotFound(f"provider `{provider_id}` is not known", hint="see `fastbrand provider list`")
    return row


def history(conn: Connection, row: ProviderRow) -> list[dict[str, Any]]:
    """The audit events of a provider's profiles, first to last: one a revision."""
    subject = ("provider", row.provider_id)
    keys = [f"provider/{row.provider_id}/{number}" for number in range(1, row.revision + 1)]
    verbs = (Verb.PROVIDER_REGISTERED, *[Verb.PROVIDER_CHANGED] * (row.revision - 1))
    return audit.by_ids(conn, [event_id(verb, key, subject) for verb, key in zip(verbs, keys, strict=True)])


def list_all(
    conn: Connection, types: Iterable[ProviderType] | None = None, *, active: bool = False
) -> list[ProviderRow]:
    """Providers by id; of these types only, and the active ones only where asked for."""
    statement = _PROVIDERS.select.order_by(PROVIDER.c.provider_id)
    if types is not None:
        statement = statement.where(PROVIDER.c.type.in_(list(types)))
    if active:
        statement = statement.where(PROVIDER.c.active)
    return [_whole(row) for row in _PROVIDERS.all(conn, statement)]


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How many providers of a type there are, how many are active, and what these can serve and do."""

    registered: int = 0
    active: int = 0
    capacity: int = 0
    load: int = 0


def counts(conn: Connection) -> dict[ProviderType, TypeCount]:
    """Counts of every type; zeros where there is none."""
    zero = func.coalesce
    grouped = select(
        PROVIDER.c.type,
        PROVIDER.c.active,
        func.count(),
        zero(func.sum(PROVIDER.c.capacity), 0),
        zero(func.sum(PROVIDER.c.load), 0),
    ).group_by(PROVIDER.c.type, PROVIDER.c.active)
    found = dict.fromkeys(ProviderType, TypeCount())
    for kind, active, number, capacity, load in conn.execute(grouped):
        seen = found[kind]
        found[kind] = TypeCount(
            seen.registered + number,
            seen.active + (number if active else 0),
            seen.capacity + (int(capacity) if active else 0),
            seen.load + int(load),
        )
    return found


def _insert(conn: Connection, profile: Profile, grounds: Grounds) -> ProviderRow:
    check_provider_id(profile.provider_id)
    at = grounds["at"]
    row = {**profile.told(), "provider_id": profile.provider_id, "type": profile.type, "load": 0, "revision": 1}
    if _ADD(conn, {**row, "created_at": at, "updated_at": at}):
        what = f"provider/{profile.provider_id}/1"
        audit.note(
            conn, Verb.PROVIDER_REGISTERED, what, ("provider", profile.provider_id), grounds, after=profile.told()
        )
    return there(conn, profile.provider_id)


def _whole(row: ProviderRow) -> ProviderRow:
    """Lists as tuples: rows are values."""
    return replace(row, categories=tuple(row.categories))
