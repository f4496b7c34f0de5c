"""The audit log: append-only events, written in the same transaction as what they record.

A row keeps the event as a CloudEvents 1.0 envelope in RFC 8785 canonical bytes: that body is what proofs are made over.
The other columns repeat parts of it for searching. The id is deterministic over what happened, so a repeated activity
writes once and the first write stands. Triggers refuse UPDATE, DELETE and every insert over an existing key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Required, TypedDict

from sqlalchemy import Connection, Index, LargeBinary, func, select
from sqlmodel import Field

from fastbrand.domain.audit import SYSTEM, Actor, AuditEvent, Provenance, Verb
from fastbrand.store.columns import SequenceId, StoreTable, UtcTime, canonical_json, rfc3339
from fastbrand.store.once import InsertOnce

SOURCE = "/fastbrand"
"""CloudEvents ``source``: a URI reference, the same for every installation."""

TYPE_PREFIX = "fastbrand."
"""CloudEvents ``type`` is this and the verb with a dot: ``fastbrand.party.stage_changed``."""

_CHUNK = 500


class AuditRow(StoreTable, table=True):
    """One event. ``body`` is the canonical envelope; ``seq`` is the order of insertion, gaps are possible."""

    __tablename__ = "audit_event"
    __table_args__ = (Index(None, "party_id", "seq"), Index(None, "verb", "seq"))

    seq: int | None = Field(default=None, primary_key=True, sa_type=SequenceId)
    event_id: str = Field(max_length=34, unique=True)
    at: datetime = Field(sa_type=UtcTime)
    verb: str = Field(max_length=40)
    actor_id: str = Field(max_length=80)
    subject_kind: str = Field(max_length=40)
    subject_id: str = Field(max_length=200)
    party_id: str | None = Field(default=None, max_length=64)
    body: bytes = Field(sa_type=LargeBinary)


AUDIT = StoreTable.metadata.tables["audit_event"]
_APPEND = InsertOnce(AUDIT, ("event_id",), generated=("seq",))


class Grounds(TypedDict, total=False):
    """Who does something, when and why: keyword arguments that every changing function of this room takes.

    ``actor`` is the system where nobody is named; ``at`` has no default: this room asks no clock.
    """

    at: Required[datetime]
    actor: Actor
    reason: str | None
    decision_id: str | None
    rulebook_sha256: str | None
    provenance: Provenance


def event(
    verb: Verb,
    key: str,
    subject: tuple[str, str],
    grounds: Grounds,
    *,
    party_id: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEvent:
    """The event ``verb`` on ``subject`` (kind, id), done on ``grounds``."""
    return AuditEvent(
        verb=verb,
        key=key,
        actor=grounds.get("actor", SYSTEM),
        subject_kind=subject[0],
        subject_id=subject[1],
        party_id=party_id,
        before=before,
        after=after,
        reason=grounds.get("reason"),
        decision_id=grounds.get("decision_id"),
        rulebook_sha256=grounds.get("rulebook_sha256"),
        provenance=grounds.get("provenance", Provenance()),
    )


def note(
    conn: Connection,
    verb: Verb,
    key: str,
    subject: tuple[str, str],
    grounds: Grounds,
    *,
    party_id: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> bool:
    """``append`` the event ``verb`` on ``subject`` (kind, id), done on ``grounds``."""
    return append(
        conn, event(verb, key, subject, grounds, party_id=party_id, before=before, after=after), grounds["at"]
    )


def envelope(event: AuditEvent, at: datetime) -> dict[str, Any]:
    """``event`` as a CloudEvents 1.0 envelope (JSON data)."""
    ran = event.provenance
    return {
        "specversion": "1.0",
        "id": event.event_id,
        "source": SOURCE,
        "type": TYPE_PREFIX + str(event.verb).replace(":", "."),
        "subject": f"{event.subject_kind}/{event.subject_id}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "actor": {"kind": event.actor.kind, "id": event.actor.id, "role": event.actor.role},
            "verb": str(event.verb),
            "key": event.key,
            "subject": {"kind": event.subject_kind, "id": event.subject_id},
            "party_id": event.party_id,
            "before": event.before,
            "after": event.after,
            "reason": event.reason,
            "decision_id": event.decision_id,
            "rulebook_sha256": event.rulebook_sha256,
            "workflow_id": ran.workflow_id,
            "run_id": ran.run_id,
            "activity_id": ran.activity_id,
            "attempt": ran.attempt,
        },
    }


def append(conn: Connection, event: AuditEvent, at: datetime) -> bool:
    """Write ``event`` as of ``at``. False, and nothing written, where an event of the same id is already there.

    Raises ``InputError`` where before, after or reason cannot be written as JSON.
    """
    return _APPEND(conn, _row(event, at))


def append_many(conn: Connection, events: Sequence[AuditEvent], at: datetime) -> int:
    """Write every event that is not there yet, in order; returns how many were written."""
    return _APPEND.many(conn, [_row(event, at) for event in events])


def list_events(
    conn: Connection,
    *,
    party_id: str | None = None,
    verb: Verb | str | None = None,
    after_seq: int = 0,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Events in the order of insertion, read as they are asked for.

    Keys: ``seq, event_id, at, actor{kind, id, role}, verb, subject{kind, id}, before, after, reason, decision_id,
    rulebook_sha256, workflow_id, run_id``. ``after_seq`` starts behind that ``seq`` (paging in one reader; no cursor
    for a copy of the log, since PostgreSQL may commit a lower ``seq`` later).
    """
    statement = select(AUDIT.c.seq, AUDIT.c.body).where(AUDIT.c.seq > after_seq).order_by(AUDIT.c.seq)
    if party_id is not None:
        statement = statement.where(AUDIT.c.party_id == party_id)
    if verb is not None:
        statement = statement.where(AUDIT.c.verb == str(verb))
    if limit is not None:
        statement = statement.limit(limit)
    for seq, body in conn.execute(statement.execution_options(yield_per=_CHUNK)):
        yield _listed(seq, body)


def by_ids(conn: Connection, event_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The events of these ids (``AuditEvent.event_id``), as ``list_events`` gives them; those that are not there are
    left out."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(event_ids), _CHUNK):
        some = AUDIT.c.event_id.in_(event_ids[start : start + _CHUNK])
        rows = conn.execute(select(AUDIT.c.seq, AUDIT.c.body).where(some).order_by(AUDIT.c.seq))
        found += [_listed(seq, body) for seq, body in rows]
    return found


def count(conn: Connection) -> int:
    """How many events there are."""
    return int(conn.execute(select(func.count()).select_from(AUDIT)).scalar_one())


def _row(event: AuditEvent, at: datetime) -> dict[str, Any]:
    told = envelope(event, at)
    return {
        "event_id": told["id"],
        "at": at,
        "verb": str(event.verb),
        "actor_id": event.actor.id,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "party_id": event.party_id,
        "body": canonical_json(told),
    }


_LISTED_DATA = (
    "actor",
    "verb",
    "subject",
    "before",
    "after",
    "reason",
    "decision_id",
    "rulebook_sha256",
    "workflow_id",
    "run_id",
)


def _listed(seq: int, body: bytes) -> dict[str, Any]:
    told = json.loads(body)
    data = told["data"]
    return {"seq": seq, "event_id": told["id"], "at": told["time"], **{key: data[key] for key in _LISTED_DATA}}
