"""Facts over time: append-only rows; nothing is overwritten, a later row is looked at first.

Two times belong to a fact: when it was observed, and when we were told (recorded). A decision takes for each name the
newest observation not after its ``as_of``, whenever it was recorded: a late correction of an old month counts from then
on. Past decisions do not change, because each keeps the inputs it used. ``known_at`` asks what was known at a moment.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, pairwise
from typing import Any, TypeVar, Unpack

from sqlalchemy import Connection, Index, Select, UniqueConstraint, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Field

from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.errors import CommandConflict, InputError, NotFound
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import SequenceId, StoreTable, UtcTime, canonical_json, rfc3339
from fastbrand.store.once import InsertOnce
from fastbrand.store.parties import PARTY
from fastbrand.store.rows import RowReader

_CHUNK = 400
T = TypeVar("T")


class FactTable(StoreTable, table=True):
    """One observation. ``text`` is in the notation of facts files; NULL says that the value is unknown or withdrawn.

    From ``valid_until`` on it is unknown; NULL: it holds until a newer one comes.
    """

    __tablename__ = "fact"
    __table_args__ = (UniqueConstraint("party_id", "batch", "name"), Index(None, "party_id", "name", "observed_at"))

    fact_id: int | None = Field(default=None, primary_key=True, sa_type=SequenceId)
    party_id: str = Field(max_length=64, foreign_key="party.party_id")
    name: str = Field(max_length=80)
    text: str | None = None
    source: str = Field(max_length=120)
    observed_at: datetime = Field(sa_type=UtcTime)
    recorded_at: datetime = Field(sa_type=UtcTime)
    recorded_by: str = Field(max_length=80)
    batch: str = Field(max_length=200)
    valid_until: datetime | None = Field(default=None, sa_type=UtcTime)


FACT = StoreTable.metadata.tables["fact"]


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact to record: ``text`` in the notation of facts files, None where it is unknown or withdrawn.

    ``valid_until``: from then on it is unknown (None: until a newer one comes).
    """

    name: str
    text: str | None
    observed_at: datetime
    source: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FactRow:
    """A recorded fact. Where it was asked for as of a moment at which it holds no more, ``text`` is None."""

    fact_id: int
    party_id: str
    name: str
    text: str | None
    source: str
    observed_at: datetime
    recorded_at: datetime
    recorded_by: str
    batch: str
    valid_until: datetime | None = None

    def as_of(self, moment: datetime) -> FactRow:
        """The fact as it counts at ``moment``: unknown where it does not hold any more."""
        if self.text is None or self.valid_until is None or moment < self.valid_until:
            return self
        return replace(self, text=None)


_FACTS = RowReader(FACT, FactRow)
_WRITE = InsertOnce(FACT, ("party_id", "batch", "name"), generated=("fact_id",))


def _newest(*more: ColumnElement[bool]) -> Select[Any]:
    """For each party and name the first row by observation, then recording, then number."""
    rank = func.row_number().over(
        partition_by=(FACT.c.party_id, FACT.c.name),
        order_by=(FACT.c.observed_at.desc(), FACT.c.recorded_at.desc(), FACT.c.fact_id.desc()),
    )
    asked = FACT.c.party_id.in_(bindparam("parties", expanding=True))
    ranked = select(FACT.c.fact_id, rank.label("rank")).where(
        asked, FACT.c.observed_at <= bindparam("as_of", type_=UtcTime), *more
    )
    first = ranked.subquery()
    newest = _FACTS.select.join(first, first.c.fact_id == FACT.c.fact_id).where(first.c.rank == 1)
    return newest.order_by(FACT.c.party_id, FACT.c.name)


_NEWEST = _newest()
_NEWEST_KNOWN = _newest(FACT.c.recorded_at <= bindparam("known_at", type_=UtcTime))
_BATCHES = (
    select(FACT.c.party_id, FACT.c.batch, func.max(FACT.c.recorded_at, type_=UtcTime))
    .where(FACT.c.party_id.in_(bindparam("parties", expanding=True)))
    .where(FACT.c.batch.in_(bindparam("keys", expanding=True)))
    .group_by(FACT.c.party_id, FACT.c.batch)
)


def record(conn: Connection, party_id: str, facts: Sequence[NewFact], *, key: str, **grounds: Unpack[Grounds]) -> int:
    """Append ``facts`` of one party under ``key`` and return how many rows were written.

    The same key with the same facts again writes nothing and returns 0. Writes one FACTS_RECORDED event with the names,
    their count and a hash of the values, never the values. Raises ``NotFound`` on a party that is not registered,
    ``CommandConflict`` where the key was used with other facts, ``InputError`` on a name given twice, on a fact that is
    observed after it is recorded, and on text that no database keeps (NUL, lone surrogates).
    """
    return record_many(conn, [(party_id, facts)], key=key, **grounds)


def record_many(
    conn: Connection, batches: Iterable[tuple[str, Sequence[NewFact]]], *, key: str, **grounds: Unpack[Grounds]
) -> int:
    """``record`` for thousands of parties: pairs of party id and facts, all under ``key``, one event a party."""
    return record_batches(conn, ((party_id, key, facts) for party_id, facts in batches), **grounds)


def record_batches(
    conn: Connection, batches: Iterable[tuple[str, str, Sequence[NewFact]]], **grounds: Unpack[Grounds]
) -> int:
    """``record`` for thousands of rows: party id, key and facts; a party may have several, each under its own key."""
    return sum(_record_chunk(conn, chunk, grounds) for chunk in _chunks(batches))


def latest(conn: Connection, party_id: str, as_of: datetime, known_at: datetime | None = None) -> dict[str, FactRow]:
    """Name -> newest fact observed not after ``as_of``; of the same moment the one recorded last.

    Names whose newest row has no text, or holds no more at ``as_of``, are in it, with ``text`` None. ``known_at``
    leaves out what was recorded later.
    """
    return latest_many(conn, [party_id], as_of, known_at)[party_id]


def latest_many(
    conn: Connection, party_ids: Iterable[str], as_of: datetime, known_at: datetime | None = None
) -> dict[str, dict[str, FactRow]]:
    """``latest`` for many parties; every id asked for is a key of the answer."""
    found: dict[str, dict[str, FactRow]] = {}
    for chunk in _chunks(party_ids):
        found.update({party_id: {} for party_id in chunk})
        asked: dict[str, Any] = {"parties": chunk, "as_of": as_of}
        if known_at is not None:
            asked["known_at"] = known_at
        for fact in _FACTS.all(conn, _NEWEST if known_at is None else _NEWEST_KNOWN, asked):
            found[fact.party_id][fact.name] = fact.as_of(as_of)
    return found


def batches_of(conn: Connection, party_ids: Iterable[str], keys: Collection[str]) -> dict[tuple[str, str], datetime]:
    """Those pairs of party and key under which facts are recorded, and when they were."""
    found: dict[tuple[str, str], datetime] = {}
    for chunk in _chunks(sorted(set(party_ids))):
        for party_id, batch, at in conn.execute(_BATCHES, {"parties": chunk, "keys": sorted(keys)}):
            found[party_id, batch] = at
    return found


def history(conn: Connection, party_id: str, name: str | None = None) -> list[FactRow]:
    """Every row of a party (or of one of its facts), in the order of recording."""
    statement = _FACTS.select.where(FACT.c.party_id == party_id).order_by(FACT.c.fact_id)
    return _FACTS.all(conn, statement if name is None else statement.where(FACT.c.name == name))


def _record_chunk(conn: Connection, chunk: Sequence[tuple[str, str, Sequence[NewFact]]], grounds: Grounds) -> int:
    given = {(party_id, key): facts for party_id, key, facts in chunk}
    if len(given) != len(chunk):
        twice = next(key for key, number in Counter(key for _, key, _ in chunk).items() if number > 1)
        raise InputError(f"a party stands twice under `{twice}`", hint="give each party's facts once, in one list")
    _all_registered(conn, dict.fromkeys(party_id for party_id, _ in given))
    known = _digests_under(conn, given)
    rows, events = [], []
    for (party_id, key), facts in given.items():
        digest = _digest([(fact.name, fact.text, fact.source, fact.observed_at, fact.valid_until) for fact in facts])
        if (party_id, key) in known:
            if known[party_id, key] != digest:
                raise CommandConflict(
                    f"facts of `{party_id}` were recorded under `{key}` before, with other values",
                    hint="use a new key for new facts",
                )
            continue
        if not facts:
            continue
        names = sorted(fact.name for fact in facts)
        _check(party_id, facts, names, grounds["at"])
        rows += [_row(party_id, fact, key, grounds) for fact in facts]
        after = {"names": names, "count": len(names), "values_sha256": digest}
        what = f"party/{party_id}/facts/{key}"
        events.append(
            audit.event(Verb.FACTS_RECORDED, what, ("party", party_id), grounds, party_id=party_id, after=after)
        )
    written = _WRITE.many(conn, rows)
    audit.append_many(conn, events, grounds["at"])
    return written


def _all_registered(conn: Connection, party_ids: Iterable[str]) -> None:
    asked = list(party_ids)
    there = set(conn.execute(select(PARTY.c.party_id).where(PARTY.c.party_id.in_(asked))).scalars())
    for party_id in asked:
        if party_id not in there:
            raise NotFound(f"party `{party_id}` is not known", hint="see `fastbrand party list`")


_Stated = tuple[str, str | None, str, datetime, datetime | None]
"""What a recorded fact states: name, text, source, when it was observed, until when it holds."""


def _digests_under(conn: Connection, asked: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Party and key -> digest of the facts that the party has under that key already."""
    statement = select(
        FACT.c.party_id, FACT.c.batch, FACT.c.name, FACT.c.text, FACT.c.source, FACT.c.observed_at, FACT.c.valid_until
    ).where(FACT.c.party_id.in_({party_id for party_id, _ in asked}), FACT.c.batch.in_({key for _, key in asked}))
    grouped: dict[tuple[str, str], list[_Stated]] = {}
    for party_id, batch, *stated in conn.execute(statement):
        grouped.setdefault((party_id, batch), []).append(tuple(stated))
    return {both: _digest(facts) for both, facts in grouped.items()}


def _digest(facts: Iterable[_Stated]) -> str:
    listed = sorted(
        [name, text, source, rfc3339(observed), *([rfc3339(until)] if until else [])]
        for name, text, source, observed, until in facts
    )
    return hashlib.sha256(canonical_json(listed)).hexdigest()


def _check(party_id: str, facts: Sequence[NewFact], names: Sequence[str], at: datetime) -> None:
    for name, after in pairwise(names):
        if name == after:
            raise InputError(f"fact `{name}` of `{party_id}` is given twice", hint="give each fact once")
    for fact in facts:
        if fact.observed_at > at:
            raise InputError(
                f"fact `{fact.name}` of `{party_id}` is observed in the future, at `{rfc3339(fact.observed_at)}`",
                hint="a fact is observed before it is brought in",
            )
        if "\0" in (fact.text or ""):
            raise InputError(f"fact `{fact.name}` of `{party_id}` holds a NUL character", hint="take it out")


def _row(party_id: str, fact: NewFact, key: str, grounds: Grounds) -> dict[str, Any]:
    return {
        "party_id": party_id,
        "name": fact.name,
        "text": fact.text,
        "source": fact.source,
        "observed_at": fact.observed_at,
        "recorded_at": grounds["at"],
        "recorded_by": grounds.get("actor", SYSTEM).id,
        "batch": key,
        "valid_until": fact.valid_until,
    }


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Pieces that fit into one statement's parameters."""
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
