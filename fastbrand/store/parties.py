"""Parties: who is in the programme, in which stage, and every stage event that led there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from typing import Any, Unpack

from sqlalchemy import Connection, Index, UniqueConstraint, bindparam, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Field

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import InputError, NotFound, StaleRevision
from fastbrand.domain.lifecycle import Stage, Track, next_stage
from fastbrand.domain.names import check_party_id
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class PartyTable(StoreTable, table=True):
    """A party as it stands. ``revision`` counts its stage events; the ``…_no`` columns count what it had so far."""

    __tablename__ = "party"
    __table_args__ = (Index(None, "stage", "party_id"),)

    party_id: str = Field(primary_key=True, max_length=64)
    track: Track = Field(sa_type=enum_text(Track))
    stage: Stage = Field(sa_type=enum_text(Stage))
    revision: int
    application_no: int
    case_no: int
    endorsement_no: int
    screening: str | None = Field(default=None, max_length=40)
    screening_no: int
    decision_id: str | None = Field(default=None, max_length=34)
    book_sha256: str | None = Field(default=None, max_length=64)
    applied_at: datetime | None = Field(default=None, sa_type=UtcTime)
    mark_due: bool
    wants_endorsement: bool
    appeal_until: datetime | None = Field(default=None, sa_type=UtcTime)
    appeals: int
    appealed_from: Stage | None = Field(default=None, sa_type=enum_text(Stage))
    barred_until: datetime | None = Field(default=None, sa_type=UtcTime)
    suspended_until: datetime | None = Field(default=None, sa_type=UtcTime)
    upkeep: str | None = Field(default=None, max_length=40)
    recommended: Track | None = Field(default=None, sa_type=enum_text(Track))
    created_at: datetime = Field(sa_type=UtcTime)
    updated_at: datetime = Field(sa_type=UtcTime)


class StageEventTable(StoreTable, table=True):
    """One step of a party: append-only, numbered without gaps, each starting where the one before ended."""

    __tablename__ = "stage_event"
    __table_args__ = (UniqueConstraint("party_id", "key"),)

    party_id: str = Field(primary_key=True, max_length=64, foreign_key="party.party_id")
    revision: int = Field(primary_key=True)
    key: str = Field(max_length=200)
    source: Stage = Field(sa_type=enum_text(Stage))
    event: str = Field(max_length=40)
    target: Stage = Field(sa_type=enum_text(Stage))
    at: datetime = Field(sa_type=UtcTime)


PARTY = StoreTable.metadata.tables["party"]
STAGE_EVENT = StoreTable.metadata.tables["stage_event"]

_CHUNK = 500
_SCREENED = frozenset({"screening", "screening_no", "decision_id", "book_sha256", "mark_due", "wants_endorsement"})
_FOUND = _SCREENED | {"recommended", "upkeep"}
_DATES = frozenset({"appeal_until", "barred_until", "suspended_until"})
_UPDATABLE = _FOUND | _DATES | {"application_no", "applied_at", "case_no", "endorsement_no", "track"}
_UPDATABLE |= {"appeals", "appealed_from"}

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""``barred_until`` of a party whose rejection is final."""


@dataclass(frozen=True, slots=True)
class PartyRow:
    """A party as it stands.

    ``screening`` is the outcome of the last screening (eligible, refer, ineligible), the ``screening_no``-th of this
    application, by decision ``decision_id`` (None: the rules could not be asked). ``book_sha256`` is the book that the
    application of ``applied_at`` is decided by. ``mark_due``: an approval issues the endorsement;
    ``wants_endorsement``: it was asked for.

    Until ``appeal_until`` the party may appeal, which it did ``appeals`` times against the decision that it stands on,
    and ``appealed_from`` is the stage it goes back to where an appeal fails. Before ``barred_until`` it may not apply
    (``FOREVER``: its rejection is final); after ``suspended_until`` a suspension that nobody lifted ends in the loss of
    the standing. ``upkeep`` is the last outcome of the maintenance rules; ``recommended`` is the track where the rules
    see the party, if it is another one.
    """

    party_id: str
    track: Track
    stage: Stage
    revision: int
    application_no: int
    case_no: int
    endorsement_no: int
    screening: str | None
    screening_no: int
    decision_id: str | None
    book_sha256: str | None
    applied_at: datetime | None
    mark_due: bool
    wants_endorsement: bool
    appeal_until: datetime | None
    appeals: int
    appealed_from: Stage | None
    barred_until: datetime | None
    suspended_until: datetime | None
    upkeep: str | None
    recommended: Track | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StageEvent:
    """One step: ``event`` took the party from ``source`` to ``target``, which is ``revision``."""

    party_id: str
    revision: int
    key: str
    source: Stage
    event: str
    target: Stage
    at: datetime


_PARTIES = RowReader(PARTY, PartyRow)
_EVENTS = RowReader(STAGE_EVENT, StageEvent)
_REGISTER = InsertOnce(PARTY, ("party_id",))
_GET = _PARTIES.select.where(PARTY.c.party_id == bindparam("party"))
_LOCK = _GET.with_for_update()
_STEP = insert(STAGE_EVENT)
_DONE = select(STAGE_EVENT.c.revision).where(
    STAGE_EVENT.c.party_id == bindparam("party"), STAGE_EVENT.c.key == bindparam("step")
)


def get(conn: Connection, party_id: str) -> PartyRow | None:
    """The party, or None."""
    return _PARTIES.first(conn, _GET, {"party": party_id})


def known(conn: Connection, party_id: str) -> PartyRow:
    """The party. Raises ``NotFound``."""
    return _there(get(conn, party_id), party_id)


def register(conn: Connection, *, party_id: str, track: Track, **grounds: Unpack[Grounds]) -> PartyRow:
    """Make a party known, in stage ``none``; one that is known stays as it is, its track too. Audited.

    Raises ``InputError`` where the id is not one.
    """
    register_many(conn, [(party_id, track)], **grounds)
    return _there(get(conn, party_id), party_id)


def register_many(conn: Connection, parties: Iterable[tuple[str, Track]], **grounds: Unpack[Grounds]) -> int:
    """``register`` for thousands: pairs of id and track. Returns how many were not known before."""
    at = grounds["at"]
    start: dict[str, Any] = {"stage": Stage.NONE, "revision": 0, "application_no": 0, "case_no": 0, "endorsement_no": 0}
    start |= {"screening_no": 0, "mark_due": False, "wants_endorsement": False, "appeals": 0}
    rows, events = [], []
    for party_id, track in parties:
        check_party_id(party_id)
        rows.append({"party_id": party_id, "track": track, **start, "created_at": at, "updated_at": at})
        events.append(
            audit.event(
                Verb.PARTY_REGISTERED,
                f"party/{party_id}/register",
                ("party", party_id),
                grounds,
                party_id=party_id,
                after={"track": str(track), "stage": str(Stage.NONE), "revision": 0},
            )
        )
    written = _REGISTER.many(conn, rows)
    audit.append_many(conn, events, at)
    return written


def move(
    conn: Connection,
    *,
    party_id: str,
    event: str,
    key: str,
    expected_revision: int | None = None,
    updates: Mapping[str, Any] | None = None,
    **grounds: Unpack[Grounds],
) -> PartyRow:
    """Take a party one step along the transition table, and return it as it stands then.

    ``key`` names the step: the same key again changes nothing and returns the party as it stands now, before anything
    else is looked at. ``updates`` sets other columns (``application_no``, ``case_no``, ``endorsement_no``,
    ``screening``, ``track``, the dates ...); a new ``track`` counts for the step itself. Appends a stage event and the
    audit event PARTY_STAGE, before and after. Raises ``NotFound``, ``StaleRevision`` where the party is not at
    ``expected_revision``, and ``IllegalTransition``.
    """
    party = _there(_PARTIES.first(conn, _LOCK, {"party": party_id}), party_id)
    if conn.execute(_DONE, {"party": party_id, "step": key}).first() is not None:
        return party
    if expected_revision is not None and expected_revision != party.revision:
        raise StaleRevision(
            f"party `{party_id}` is at revision {party.revision}, not {expected_revision}",
            hint="somebody was first: look again, then decide",
        )
    changes = dict(updates or {})
    strange = sorted(set(changes) - _UPDATABLE)
    if strange:
        raise InputError(
            f"`{strange[0]}` of a party is not set by a step", hint="columns: " + ", ".join(sorted(_UPDATABLE))
        )
    target = next_stage(party.stage, event, Track(changes.get("track", party.track)))
    revision, at = party.revision + 1, grounds["at"]
    step = {"party_id": party_id, "revision": revision, "key": key, "event": event, "at": at}
    conn.execute(_STEP, {**step, "source": party.stage, "target": target})
    audit.note(
        conn,
        Verb.PARTY_STAGE,
        f"party/{party_id}/stage/{revision}",
        ("party", party_id),
        grounds,
        party_id=party_id,
        before={"stage": str(party.stage), "revision": party.revision},
        after={"stage": str(target), "revision": revision, "event": event},
    )
    return _set(conn, party_id, {**changes, "stage": target, "revision": revision, "updated_at": at})


def amend(conn: Connection, party_id: str, **changes: Any) -> PartyRow:
    """Set what rules found (``screening``, ``screening_no``, ``decision_id``, ``book_sha256``, ``mark_due``,
    ``wants_endorsement``, ``recommended``, ``upkeep``), without a step. The decision and the case of the same
    transaction have their own events.

    Raises ``NotFound``, ``InputError`` on another column.
    """
    strange = sorted(set(changes) - _FOUND)
    if strange:
        raise InputError(
            f"`{strange[0]}` of a party is not found by rules", hint="columns: " + ", ".join(sorted(_FOUND))
        )
    return _set(conn, party_id, changes)


def number_case(conn: Connection, party_id: str) -> PartyRow:
    """Give the party's next case its number; the case's own event tells of it. Raises ``NotFound``."""
    party = _there(_PARTIES.first(conn, _LOCK, {"party": party_id}), party_id)
    return _set(conn, party_id, {"case_no": party.case_no + 1})


def number_endorsement(conn: Connection, party_id: str) -> PartyRow:
    """Give the party's next endorsement its number; the mark's own event tells of it. Raises ``NotFound``."""
    party = _there(_PARTIES.first(conn, _LOCK, {"party": party_id}), party_id)
    return _set(conn, party_id, {"endorsement_no": party.endorsement_no + 1})


def by_ids(conn: Connection, party_ids: Iterable[str]) -> list[PartyRow]:
    """Those of ``party_ids`` that are known, by id."""
    wanted, found = sorted(set(party_ids)), []
    for start in range(0, len(wanted), _CHUNK):
        found += _PARTIES.all(conn, _PARTIES.select.where(PARTY.c.party_id.in_(wanted[start : start + _CHUNK])))
    return sorted(found, key=lambda row: row.party_id)


def exists_with_prefix(conn: Connection, prefix: str) -> bool:
    """Whether any party's id begins with ``prefix``."""
    return conn.execute(select(PARTY.c.party_id).where(_begins(prefix)).limit(1)).first() is not None


def similar_ids(conn: Connection, party_id: str, limit: int = 3) -> list[str]:
    """Known ids that look like ``party_id`` and begin as it does, the nearest first: for a person who mistyped it."""
    known = conn.execute(select(PARTY.c.party_id).where(_begins(party_id[:2])).limit(5000))
    return get_close_matches(party_id, [str(each) for each in known.scalars()], n=limit)


def list_parties(
    conn: Connection,
    *,
    track: Track | None = None,
    stage: Stage | Collection[Stage] | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> list[PartyRow]:
    """Parties by id. ``cursor`` is the last id of the page before; ``stage`` is one or several."""
    statement = _PARTIES.select.order_by(PARTY.c.party_id)
    if track is not None:
        statement = statement.where(PARTY.c.track == track)
    if stage is not None:
        stages = [stage] if isinstance(stage, Stage) else list(stage)
        statement = statement.where(PARTY.c.stage.in_(stages))
    if cursor is not None:
        statement = statement.where(PARTY.c.party_id > cursor)
    if limit is not None:
        statement = statement.limit(limit)
    return _PARTIES.all(conn, statement)


def funnel(conn: Connection) -> dict[tuple[Track, Stage], int]:
    """How many parties there are on each track in each stage."""
    rows = conn.execute(select(PARTY.c.track, PARTY.c.stage, func.count()).group_by(PARTY.c.track, PARTY.c.stage))
    return {(track, stage): int(number) for track, stage, number in rows}


def stage_events(conn: Connection, party_id: str) -> list[StageEvent]:
    """Every step of a party, first to last."""
    found = _EVENTS.select.where(STAGE_EVENT.c.party_id == party_id).order_by(STAGE_EVENT.c.revision)
    return _EVENTS.all(conn, found)


def _begins(prefix: str) -> ColumnElement[bool]:
    """Not LIKE: SQLite's takes capitals and small letters for the same."""
    return func.substr(PARTY.c.party_id, 1, len(prefix)) == prefix


def _set(conn: Connection, party_id: str, changes: Mapping[str, Any]) -> PartyRow:
    """Change columns; the party as it stands then."""
    names = tuple(sorted(changes))
    values = {f"new_{name}": changes[name] for name in names}
    return _there(_PARTIES.first(conn, _setting(names), {"party": party_id, **values}), party_id)


@cache
def _setting(names: tuple[str, ...]) -> ReturningUpdate[Any]:
    """The update of these columns: there are a dozen sets of them, and building one costs more than running it."""
    new = {name: bindparam(f"new_{name}", type_=PARTY.c[name].type) for name in names}
    changed = update(PARTY).where(PARTY.c.party_id == bindparam("party")).values(new)
    return changed.returning(*_PARTIES.select.selected_columns)


def _there(party: PartyRow | None, party_id: str) -> PartyRow:
    if party is None:
        raise NotFound(f"party `{party_id}` is not known", hint="see `fastbrand party list`")
    return party
