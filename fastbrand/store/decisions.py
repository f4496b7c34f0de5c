"""Decisions: the canonical core of each, with the inputs it was made from: it can be made again and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Connection, Index, LargeBinary, bindparam, func, select
from sqlmodel import Field

from fastbrand.domain.audit import Verb
from fastbrand.domain.decision import Decision
from fastbrand.domain.decision import decision_id as id_of
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import SequenceId, StoreTable, UtcTime, canonical_json
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class DecisionTable(StoreTable, table=True):
    """One decision that was made for a purpose (``key``). The same content for another purpose has the same id."""

    __tablename__ = "decision"
    __table_args__ = (Index(None, "party_id", "seq"),)

    seq: int | None = Field(default=None, primary_key=True, sa_type=SequenceId)
    key: str = Field(max_length=200, unique=True)
    decision_id: str = Field(max_length=34, index=True)
    party_id: str = Field(max_length=64)  # or a talent: those are matched, and have no vetting
    rulebook: str = Field(max_length=80)
    version: str = Field(max_length=40)
    book_sha256: str = Field(max_length=64)
    kind: str = Field(max_length=24)
    outcome: str = Field(max_length=80)
    as_of: str = Field(max_length=40)
    core: bytes = Field(sa_type=LargeBinary)
    inputs: bytes = Field(sa_type=LargeBinary)
    engine: str = Field(max_length=80)
    created_at: datetime = Field(sa_type=UtcTime)


DECISION = StoreTable.metadata.tables["decision"]


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A stored decision. ``core`` and ``inputs`` are RFC 8785 bytes, ``as_of`` is the text that stands in the core."""

    key: str
    decision_id: str
    party_id: str
    rulebook: str
    version: str
    book_sha256: str
    kind: str
    outcome: str
    as_of: str
    core: bytes
    inputs: bytes
    engine: str
    created_at: datetime

    def decision(self) -> dict[str, Any]:
        """The decision as JSON data, with its id."""
        return {"id": self.decision_id, **json.loads(self.core)}

    def given(self) -> dict[str, Any]:
        """The inputs as JSON data."""
        return dict(json.loads(self.inputs))


_DECISIONS = RowReader(DECISION, DecisionRow)
_STORE = InsertOnce(DECISION, ("key",), generated=("seq",))
_BY_KEY = _DECISIONS.select.where(DECISION.c.key == bindparam("purpose"))
_ID_BY_KEY = select(DECISION.c.decision_id).where(DECISION.c.key == bindparam("purpose"))


def store(conn: Connection, decision: Decision, key: str, inputs: dict[str, Any], **grounds: Unpack[Grounds]) -> str:
    """Keep ``decision`` under its business key and return the id of what is kept there: the first one wins.

    ``inputs`` is all that the engine was given (facts as text, context), JSON data. Writes DECISION_MADE.
    """
    core = decision.canonical()
    decision_id = id_of(core)
    row = {
        "key": key,
        "decision_id": decision_id,
        "party_id": decision.party,
        "rulebook": decision.rulebook,
        "version": decision.version,
        "book_sha256": decision.sha256,
        "kind": decision.kind,
        "outcome": decision.outcome,
        "as_of": decision.as_of,
        "core": core,
        "inputs": canonical_json(inputs),
        "engine": decision.engine,
        "created_at": grounds["at"],
    }
    if not _STORE(conn, row):
        return str(conn.execute(_ID_BY_KEY, {"purpose": key}).scalar_one())
    why: Grounds = {**grounds, "decision_id": decision_id, "rulebook_sha256": decision.sha256}
    told = {name: row[name] for name in ("rulebook", "version", "kind", "outcome", "as_of")}
    audit.note(conn, Verb.DECISION_MADE, key, ("decision", decision_id), why, party_id=decision.party, after=told)
    return decision_id


def by_key(conn: Connection, key: str) -> DecisionRow | None:
    """The decision made for this purpose, or None."""
    return _DECISIONS.first(conn, _BY_KEY, {"purpose": key})


def get(conn: Connection, decision_id: str) -> DecisionRow | None:
    """The decision of this id (the first, where it was made for several purposes), or None."""
    found = _DECISIONS.select.where(DECISION.c.decision_id == decision_id).order_by(DECISION.c.seq)
    return _DECISIONS.first(conn, found.limit(1))


def by_ids(conn: Connection, decision_ids: Iterable[str]) -> list[DecisionRow]:
    """The decisions of these ids, the first of each."""
    wanted = sorted(set(decision_ids))
    found: dict[str, DecisionRow] = {}
    for start in range(0, len(wanted), 500):
        some = _DECISIONS.select.where(DECISION.c.decision_id.in_(wanted[start : start + 500]))
        for row in _DECISIONS.all(conn, some.order_by(DECISION.c.seq)):
            found.setdefault(row.decision_id, row)
    return list(found.values())


def for_party(conn: Connection, party_id: str, kind: str | None = None) -> list[DecisionRow]:
    """A party's decisions, first to last."""
    statement = _DECISIONS.select.where(DECISION.c.party_id == party_id).order_by(DECISION.c.seq)
    return _DECISIONS.all(conn, statement if kind is None else statement.where(DECISION.c.kind == kind))


def iterate_all(conn: Connection) -> Iterator[DecisionRow]:
    """Every decision, first to last, read as they are asked for."""
    return _DECISIONS.stream(conn, _DECISIONS.select.order_by(DECISION.c.seq))


def applications(conn: Connection) -> Iterator[DecisionRow]:
    """Every application ever screened: its latest eligibility decision, in the order in which those were made; read as
    they are asked for. An application whose screenings all failed has none."""
    wanted = set(_latest_screenings(conn).values())
    screened = _DECISIONS.select.add_columns(DECISION.c.seq).where(DECISION.c.kind == "eligibility")
    for row in conn.execute(screened.order_by(DECISION.c.seq).execution_options(yield_per=500)):
        if row.seq in wanted:
            yield DecisionRow(*row[:-1])


def count_applications(conn: Connection) -> int:
    """How many ``applications`` there are."""
    return len(_latest_screenings(conn))


def _latest_screenings(conn: Connection) -> dict[str, int]:
    """Application (``party/ID/app/N``) -> place of the decision by its latest screening."""
    screened = select(DECISION.c.key, DECISION.c.seq).where(DECISION.c.kind == "eligibility")
    rows = conn.execute(screened.order_by(DECISION.c.seq))
    return {key.partition("/screen/")[0]: seq for key, seq in rows}


def count(conn: Connection) -> int:
    """How many decisions are kept."""
    return int(conn.execute(select(func.count()).select_from(DECISION)).scalar_one())
