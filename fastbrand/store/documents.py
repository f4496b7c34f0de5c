"""Documents: append-only records of papers, each of which may supersede an earlier one; and which of them have ended.

Nothing is overwritten: a newer paper is a record of its own that names the one it takes the place of, and a withdrawn
one is followed by a record that says so. The files themselves are in ``fastbrand.store.files``, by their sha256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Unpack

from sqlalchemy import BigInteger, Connection, Index, Select, UniqueConstraint, bindparam, exists, select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Field

from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.canonical import canonical
from fastbrand.domain.documents import Details, DocumentKind, Paper
from fastbrand.domain.errors import CommandConflict, InputError, NotFound, Refused
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import JsonText, StoreTable, UtcTime, enum_text
from fastbrand.store.files import StoredFile
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class DocumentTable(StoreTable, table=True):
    """One record. ``fields`` are those of its kind; days are ISO text; ``ends_at``: from then on it does not count."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("supersedes"), Index(None, "party_id", "kind"), Index(None, "ends_at"))

    document_id: str = Field(primary_key=True, max_length=24)
    party_id: str = Field(max_length=64, foreign_key="party.party_id")
    kind: DocumentKind = Field(sa_type=enum_text(DocumentKind))
    revision: int
    supersedes: str | None = Field(default=None, max_length=24, foreign_key="document.document_id")
    withdrawn: bool
    fields: dict[str, str] = Field(sa_type=JsonText)
    issued_on: str = Field(max_length=10)
    expires_on: str | None = Field(default=None, max_length=10)
    ends_at: datetime | None = Field(default=None, sa_type=UtcTime)
    file_sha256: str | None = Field(default=None, max_length=64)
    file_bytes: int | None = Field(default=None, sa_type=BigInteger)
    recorded_at: datetime = Field(sa_type=UtcTime)
    recorded_by: str = Field(max_length=80)


class DocumentEndTable(StoreTable, table=True):
    """A document of which somebody has seen that it has ended."""

    __tablename__ = "document_end"

    document_id: str = Field(primary_key=True, max_length=24, foreign_key="document.document_id")
    seen_at: datetime = Field(sa_type=UtcTime)


DOCUMENT = StoreTable.metadata.tables["document"]
DOCUMENT_END = StoreTable.metadata.tables["document_end"]


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A record. ``revision`` counts the records that follow each other, from 1; ``supersedes`` is the one before.

    ``withdrawn``: the record says that the one before does not count any more, and nothing else.
    """

    document_id: str
    party_id: str
    kind: DocumentKind
    revision: int
    supersedes: str | None
    withdrawn: bool
    fields: dict[str, str]
    issued_on: str
    expires_on: str | None
    ends_at: datetime | None
    file_sha256: str | None
    file_bytes: int | None
    recorded_at: datetime
    recorded_by: str

    def paper(self) -> Paper:
        """The record as the domain sees it."""
        last = date.fromisoformat(self.expires_on) if self.expires_on else None
        first = date.fromisoformat(self.issued_on)
        return Paper(self.document_id, self.kind, self.fields, first, last, self.ends_at)


_DOCUMENTS = RowReader(DOCUMENT, DocumentRow)
_ADD = InsertOnce(DOCUMENT, ("document_id",))
_END = InsertOnce(DOCUMENT_END, ("document_id",))
_NEXT = DOCUMENT.alias("next")
_CURRENT: ColumnElement[bool] = ~exists().where(_NEXT.c.supersedes == DOCUMENT.c.document_id)
_COUNTS: tuple[ColumnElement[bool], ...] = (_CURRENT, DOCUMENT.c.withdrawn.is_(False))
_UNSEEN: ColumnElement[bool] = ~exists().where(DOCUMENT_END.c.document_id == DOCUMENT.c.document_id)


def document_id(party_id: str, key: str) -> str:
    """The id of the record that a party's command ``key`` makes: ``d-`` and 16 hex digits."""
    return "d-" + hashlib.sha256(canonical([party_id, key])).hexdigest()[:16]


def add(
    conn: Connection,
    party_id: str,
    details: Details,
    *,
    key: str,
    ends_at: datetime | None,
    file: StoredFile | None = None,
    supersedes: str | None = None,
    **grounds: Unpack[Grounds],
) -> DocumentRow:
    """Record a paper under ``key``; the same again changes nothing. Audited by kind, dates and hashes, not by fields.

    Raises ``CommandConflict`` where the key was used with something else, ``NotFound`` and ``Refused`` where the record
    to supersede is not there, is of another party or kind, or has been superseded already.
    """
    before = None if supersedes is None else get(conn, supersedes, lock=True)
    row = {
        "kind": details.kind,
        "withdrawn": False,
        "fields": dict(details.fields),
        "issued_on": details.issued_on.isoformat(),
        "expires_on": details.expires_on.isoformat() if details.expires_on else None,
        "ends_at": ends_at,
        "file_sha256": file.sha256 if file else None,
        "file_bytes": file.bytes if file else None,
    }
    return _append(conn, party_id, before, row, Verb.DOCUMENT_ADDED, key, grounds)


def withdraw(conn: Connection, document: DocumentRow, *, key: str, **grounds: Unpack[Grounds]) -> DocumentRow:
    """Record that ``document`` does not count any more. Raises ``Refused`` where it is not the current one."""
    before = get(conn, document.document_id, lock=True)
    same = ("kind", "fields", "issued_on", "expires_on", "ends_at", "file_sha256", "file_bytes")
    row = {name: getattr(before, name) for name in same} | {"withdrawn": True}
    return _append(conn, document.party_id, before, row, Verb.DOCUMENT_WITHDRAWN, key, grounds)


def get(conn: Connection, the_id: str, *, lock: bool = False) -> DocumentRow:
    """The record. Raises ``NotFound``."""
    statement = _DOCUMENTS.select.where(DOCUMENT.c.document_id == the_id)
    found = _DOCUMENTS.first(conn, statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"document `{the_id}` is not known", hint="see `fastbrand document list`")
    return found


def successor(conn: Connection, the_id: str) -> DocumentRow | None:
    """The record that superseded this one, or None."""
    return _DOCUMENTS.first(conn, _DOCUMENTS.select.where(DOCUMENT.c.supersedes == the_id))


def successors(conn: Connection, ids: Iterable[str]) -> dict[str, DocumentRow]:
    """Of these records those that were superseded or withdrawn, with the record that did it."""
    wanted, found = sorted(set(ids)), {}
    for start in range(0, len(wanted), 500):
        some = _DOCUMENTS.select.where(DOCUMENT.c.supersedes.in_(wanted[start : start + 500]))
        found.update({row.supersedes or "": row for row in _DOCUMENTS.all(conn, some)})
    return found


def for_party(conn: Connection, party_id: str, *, every: bool = False) -> list[DocumentRow]:
    """A party's current records by kind and time; ``every``: the superseded and withdrawn ones too."""
    statement = _DOCUMENTS.select.where(DOCUMENT.c.party_id == party_id)
    return _DOCUMENTS.all(conn, _ordered(statement if every else statement.where(*_COUNTS)))


def list_documents(
    conn: Connection, *, kind: DocumentKind | None = None, every: bool = False, limit: int | None = None
) -> list[DocumentRow]:
    """Records of everybody, by party."""
    statement = _DOCUMENTS.select if every else _DOCUMENTS.select.where(*_COUNTS)
    if kind is not None:
        statement = statement.where(DOCUMENT.c.kind == kind)
    return _DOCUMENTS.all(conn, _ordered(statement).limit(limit))


def ending(
    conn: Connection, until: datetime, *, party_id: str | None = None, limit: int | None = None
) -> list[DocumentRow]:
    """Current records that have ended or end before ``until``, the first to end first."""
    statement = _DOCUMENTS.select.where(*_COUNTS, DOCUMENT.c.ends_at < until)
    if party_id is not None:
        statement = statement.where(DOCUMENT.c.party_id == party_id)
    return _DOCUMENTS.all(conn, statement.order_by(DOCUMENT.c.ends_at, DOCUMENT.c.document_id).limit(limit))


def parties_of_ended(conn: Connection, at: datetime, *, after: str = "", limit: int) -> list[str]:
    """Parties, by id, with a current record that has ended by ``at``, which nobody has seen yet."""
    some = select(DOCUMENT.c.party_id).where(*_COUNTS, _UNSEEN, DOCUMENT.c.ends_at <= bindparam("at", type_=UtcTime))
    found = some.where(DOCUMENT.c.party_id > after).distinct().order_by(DOCUMENT.c.party_id).limit(limit)
    return [str(each) for each in conn.execute(found, {"at": at}).scalars()]


def see_ended(conn: Connection, party_id: str, **grounds: Unpack[Grounds]) -> list[DocumentRow]:
    """Note which of the party's current records have ended, each once. Audited. Returns the newly seen ones."""
    at = grounds["at"]
    statement = _DOCUMENTS.select.where(*_COUNTS, _UNSEEN, DOCUMENT.c.party_id == party_id, DOCUMENT.c.ends_at <= at)
    seen = [
        each
        for each in _DOCUMENTS.all(conn, _ordered(statement))
        if _END(conn, {"document_id": each.document_id, "seen_at": at})
    ]
    for each in seen:
        after = {"kind": str(each.kind), "expires_on": each.expires_on}
        key = f"document/{each.document_id}/ended"
        subject = ("document", each.document_id)
        audit.note(conn, Verb.DOCUMENT_ENDED, key, subject, grounds, party_id=party_id, after=after)
    return seen


# --- parts --------------------------------------------------------------------------------------------------------


def _append(
    conn: Connection,
    party_id: str,
    before: DocumentRow | None,
    row: dict[str, Any],
    verb: Verb,
    key: str,
    grounds: Grounds,
) -> DocumentRow:
    the_id = document_id(party_id, key)
    row |= {
        "document_id": the_id,
        "party_id": party_id,
        "revision": before.revision + 1 if before else 1,
        "supersedes": before.document_id if before else None,
    }
    there = _DOCUMENTS.first(conn, _DOCUMENTS.select.where(DOCUMENT.c.document_id == the_id))
    if there is not None:
        if any(getattr(there, name) != value for name, value in row.items()):
            raise CommandConflict(
                f"a document was recorded under `{key[:80]}` before, with other contents",
                hint="leave `--command-id` out, or use a new one",
            )
        return there
    if before is not None:
        _may_follow(conn, before, party_id, row["kind"])
    _ADD(conn, {**row, "recorded_at": grounds["at"], "recorded_by": grounds.get("actor", SYSTEM).id})
    told = {name: row[name] for name in ("revision", "supersedes", "issued_on", "expires_on", "file_sha256")}
    after = {**told, "kind": str(row["kind"]), "fields_sha256": hashlib.sha256(canonical(row["fields"])).hexdigest()}
    audit.note(conn, verb, f"document/{the_id}", ("document", the_id), grounds, party_id=party_id, after=after)
    return get(conn, the_id)


def _may_follow(conn: Connection, before: DocumentRow, party_id: str, kind: DocumentKind) -> None:
    if (before.party_id, before.kind) != (party_id, kind):
        raise InputError(
            f"document `{before.document_id}` is a {before.kind} of `{before.party_id}`",
            hint="a document takes the place of one of the same party and kind",
        )
    newer = successor(conn, before.document_id)
    if newer is not None or before.withdrawn:
        state = "withdrawn" if before.withdrawn or (newer and newer.withdrawn) else "superseded already"
        hint = f"the current one is `{newer.document_id}`" if newer and not newer.withdrawn else "record a new one"
        raise Refused(f"document `{before.document_id}` is {state}", hint=hint)


def _ordered(statement: Select[Any]) -> Select[Any]:
    first = (DOCUMENT.c.party_id, DOCUMENT.c.kind, DOCUMENT.c.recorded_at)
    return statement.order_by(*first, DOCUMENT.c.revision, DOCUMENT.c.document_id)


def papers(rows: Iterable[DocumentRow]) -> Sequence[Paper]:
    """Records as the domain sees them."""
    return [each.paper() for each in rows]
