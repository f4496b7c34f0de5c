"""Documents: bring one in, look at them, see which end soon, get a file back.

The file is kept first, by its content, where a repetition changes nothing. The record, its audit event and the facts
that it proves are one transaction; then whoever waits for facts is told, as after ``facts set``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fastbrand.domain.audit import Verb
from fastbrand.domain.documents import Details, DocumentKind, ends_at, read_details
from fastbrand.domain.errors import FastbrandError, InputError, NotFound
from fastbrand.domain.people import Action
from fastbrand.domain.proofs import examine
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import live_book, tell_party
from fastbrand.service.office import Office
from fastbrand.service.parties import known
from fastbrand.service.views import document_view
from fastbrand.service.who import Asker
from fastbrand.store import audit, documents
from fastbrand.store.documents import DocumentRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

WITHIN_MOST = 36_500
"""Most days that ``expiring`` looks ahead."""


async def add(
    office: Office,
    party_id: str,
    kind: str,
    fields: list[str],
    *,
    issued: str | None,
    expires: str | None,
    file: Path | None,
    supersedes: str | None,
    who: Asker,
) -> dict[str, Any]:
    """Record a paper of a party, with its scanned ``file``, perhaps in place of another; facts come of it at once.

    ``fields`` are ``NAME=VALUE``. Gives what ``show`` gives, and ``facts[], stage, screening, command_id``. Raises
    ``InputError`` on what cannot be, ``NotFound`` on a party or document nobody knows, ``Refused`` where the document
    to supersede is not the current one.
    """
    known(office, party_id)
    book = live_book(office)
    zone = book.programme.time_zone
    today = office.now().astimezone(ZoneInfo(zone)).date()
    details = read_details(kind, _pairs(fields), issued=issued, expires=expires, today=today)
    if supersedes is not None:
        with office.db.read() as conn:
            documents.get(conn, supersedes)
    sha256 = office.files.look(file).sha256 if file is not None else None
    params = {**_params(details), "file": sha256, "supersedes": supersedes}
    order = Order(Action.DOCUMENT_ADD, "party", party_id, params, party_id=party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        await office.connect()  # nothing is stored while nobody could act on it
        stored = office.files.put(file) if file is not None else None
        if stored is not None and stored.sha256 != sha256:
            raise InputError(f"`{file}` has changed while it was read", hint="try again when nobody writes to it")
        with office.db.write() as conn:
            row = documents.add(
                conn,
                party_id,
                details,
                key=envelope.command_id,
                ends_at=ends_at(details, zone),
                file=stored,
                supersedes=supersedes,
                at=office.now(),
                actor=envelope.who(),
                reason=envelope.order.reason or None,
            )
            names = _check(conn, office, row, envelope)
        return await _told(office, row, names, envelope)

    return await carry_out(office, order, send)


async def withdraw(office: Office, document_id: str, *, who: Asker) -> dict[str, Any]:
    """Say that a document does not count any more, and why (the note): forged, cancelled, not of this party.

    Gives what ``add`` gives. Raises ``InputError`` without a note, ``Refused`` where it is not the current one.
    """
    if not who.reason.strip():
        raise InputError("a withdrawal says why", hint="add `--note TEXT`")
    with office.db.read() as conn:
        before = documents.get(conn, document_id)
    order = Order(Action.DOCUMENT_WITHDRAW, "document", document_id, {}, party_id=before.party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        await office.connect()
        with office.db.write() as conn:
            row = documents.withdraw(
                conn,
                before,
                key=envelope.command_id,
                at=office.now(),
                actor=envelope.who(),
                reason=envelope.order.reason,
            )
            names = _check(conn, office, row, envelope)
        return await _told(office, row, names, envelope)

    return await carry_out(office, order, send)


def list_documents(
    office: Office, party_id: str | None, *, kind: str | None, every: bool, limit: int
) -> list[dict[str, Any]]:
    """Current documents of a party or of everybody; ``every``: superseded and withdrawn ones too."""
    chosen = _kind(kind)
    with office.db.read() as conn:
        if party_id is None:
            rows = documents.list_documents(conn, kind=chosen, every=every, limit=limit)
        else:
            known(office, party_id)
            rows = documents.for_party(conn, party_id, every=every)
            rows = [row for row in rows if chosen in {None, row.kind}][:limit]
        return _views(conn, rows, office.now())


def show(office: Office, document_id: str) -> dict[str, Any]:
    """One document, with ``findings[{code, message}]`` and its earlier revisions, the last first (``history[]``)."""
    now = office.now()
    with office.db.read() as conn:
        row = documents.get(conn, document_id)
        earlier: list[DocumentRow] = []
        before = row.supersedes
        while before is not None:
            earlier.append(documents.get(conn, before))
            before = earlier[-1].supersedes
        view, *history = _views(conn, [row, *earlier], now)
        return {**view, "findings": _findings(conn, row, now), "history": history}


def verify(office: Office, document_id: str | None, *, party_id: str | None) -> dict[str, Any]:
    """Read the files of one document, of a party's or of all current ones, and examine the records.

    Gives ``documents`` (how many), ``sound``, ``findings[{document_id, party_id, kind, code, message}]``: files that
    are missing or damaged, documents that have ended, trademarks that no letters lead to this party.
    """
    now = office.now()
    with office.db.read() as conn:
        if document_id is not None:
            rows = [documents.get(conn, document_id)]
        elif party_id is not None:
            known(office, party_id)
            rows = documents.for_party(conn, party_id)
        else:
            rows = documents.list_documents(conn)
        found = {row.document_id: _findings(conn, row, now) for row in rows}
    findings: list[dict[str, Any]] = []
    for row in rows:
        wrong = _file_findings(office, row) + found[row.document_id]
        about = {"document_id": row.document_id, "party_id": row.party_id, "kind": str(row.kind)}
        findings += [{**about, **each} for each in wrong]
    unsound = {each["document_id"] for each in findings}
    return {"documents": len(rows), "sound": len(rows) - len(unsound), "findings": findings}


def expiring(office: Office, *, within: int, party_id: str | None, limit: int) -> list[dict[str, Any]]:
    """Current documents that have ended, or end within so many days; the first to end first. ``days_left`` below 0:
    ended so many days ago. Raises ``InputError`` on a number of days that cannot be."""
    if not 0 <= within <= WITHIN_MOST:
        raise InputError(f"`{within}` is not a number of days", hint=f"give 0 to {WITHIN_MOST:,}")
    now = office.now()
    if party_id is not None:
        known(office, party_id)
    with office.db.read() as conn:
        rows = documents.ending(conn, now + timedelta(days=within), party_id=party_id, limit=limit)
        views = _views(conn, rows, now)
    left = [(row.ends_at - now).days if row.ends_at else None for row in rows]
    return [{**view, "days_left": days} for view, days in zip(views, left, strict=True)]


async def get(office: Office, document_id: str, target: Path, *, who: Asker) -> dict[str, Any]:
    """Copy a document's file to ``target``, which must not be there. Audited: who read which paper.

    Gives ``document_id, path, file_sha256, file_bytes, command_id``. Raises ``NotFound`` where it has no file, and as
    ``FileStore.copy_to`` does.
    """
    with office.db.read() as conn:
        row = documents.get(conn, document_id)
    if row.file_sha256 is None:
        raise NotFound(f"document `{document_id}` has no file", hint="bring one in: `fastbrand document add --file`")
    sha256 = row.file_sha256
    params = {"path": str(target)}
    order = Order(Action.DOCUMENT_READ, "document", document_id, params, party_id=row.party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        with office.db.write() as conn:  # noted before it is read: nobody reads unseen
            audit.note(
                conn,
                Verb.DOCUMENT_READ,
                f"document/{document_id}/read/{envelope.command_id}",
                ("document", document_id),
                {"at": office.now(), "actor": envelope.who(), "reason": envelope.order.reason or None},
                party_id=row.party_id,
                after={"file_sha256": sha256},
            )
        copied = office.files.copy_to(sha256, target)
        return {
            "document_id": document_id,
            "path": str(target),
            "file_sha256": copied.sha256,
            "file_bytes": copied.bytes,
            "command_id": envelope.command_id,
        }

    return await carry_out(office, order, send)


# --- parts --------------------------------------------------------------------------------------------------------


def _check(conn: Connection, office: Office, row: DocumentRow, envelope: Envelope) -> list[str]:
    from activities.documents import check_into_facts

    return check_into_facts(conn, row.party_id, key=row.document_id, at=office.now(), actor=envelope.who())


async def _told(office: Office, row: DocumentRow, names: list[str], envelope: Envelope) -> dict[str, Any]:
    await tell_party(office, row.party_id, envelope)
    after = known(office, row.party_id)
    return {
        **show(office, row.document_id),
        "facts": names,
        "stage": str(after.stage),
        "screening": after.screening,
        "command_id": envelope.command_id,
    }


def _views(conn: Connection, rows: Iterable[DocumentRow], now: datetime) -> list[dict[str, Any]]:
    listed = list(rows)
    newer = documents.successors(conn, [row.document_id for row in listed])
    return [document_view(row, newer.get(row.document_id), now) for row in listed]


def _findings(conn: Connection, row: DocumentRow, now: datetime) -> list[dict[str, str]]:
    current = documents.papers(documents.for_party(conn, row.party_id))
    if row.withdrawn:
        return [{"code": "withdrawn", "message": "it was withdrawn"}]
    newer = documents.successor(conn, row.document_id)
    if newer is not None:
        state = "withdrawn" if newer.withdrawn else "superseded"
        return [{"code": state, "message": f"it was {state} by `{newer.document_id}`"}]
    return [{"code": each.code, "message": each.message} for each in examine(row.paper(), current, row.party_id, now)]


def _file_findings(office: Office, row: DocumentRow) -> list[dict[str, str]]:
    if row.file_sha256 is None:
        return []
    try:
        office.files.check(row.file_sha256)
    except FastbrandError as error:
        return [{"code": error.instance_code, "message": error.message}]
    return []


def _pairs(fields: list[str]) -> dict[str, str]:
    read: dict[str, str] = {}
    for pair in fields:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"`{pair[:80]}` is not NAME=VALUE", hint="write for example `number=12345678`")
        if name in read:
            raise InputError(f"`{name}` is given twice", hint="give each field once")
        read[name] = text
    return read


def _params(details: Details) -> dict[str, Any]:
    return {
        "kind": str(details.kind),
        "fields": dict(details.fields),
        "issued_on": details.issued_on.isoformat(),
        "expires_on": details.expires_on.isoformat() if details.expires_on else None,
    }


def _kind(text: str | None) -> DocumentKind | None:
    if text is None:
        return None
    try:
        return DocumentKind(text)
    except ValueError:
        kinds = ", ".join(DocumentKind)
        raise InputError(f"`{text[:60]}` is not a kind of document", hint=f"kinds are {kinds}") from None
