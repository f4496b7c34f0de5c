"""Records of papers: added, superseded, withdrawn, never overwritten; ends are seen once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from fastbrand.domain.audit import Verb
from fastbrand.domain.documents import Details, DocumentKind, read_details
from fastbrand.domain.errors import CommandConflict, InputError, NotFound, Refused
from fastbrand.store import documents
from fastbrand.store.database import Database
from fastbrand.store.documents import DOCUMENT, DocumentRow
from fastbrand.store.files import StoredFile
from tests.store.given import LAN, MEI, NOW, events, later, register, verbs

SECRET = "不该出现在审计里的公司"
FILE = StoredFile("a" * 64, 1_234)


def contract(number: str = "1") -> Details:
    """A record of a contract with a company whose name the audit must not hold."""
    fields = {"number": number, "subject": SECRET}
    return read_details("contract", fields, issued="2022-01-01", expires="2022-12-31", today=date(2022, 5, 13))


def add(db: Database, key: str, *, ends_at: datetime | None = None, party_id: str = "acme", **more: Any) -> DocumentRow:
    """A contract on record."""
    given = {"details": contract(), "file": FILE, "at": NOW, "actor": MEI, **more}
    with db.write() as conn:
        return documents.add(conn, party_id, given.pop("details"), key=key, ends_at=ends_at, **given)


def current(db: Database, party_id: str = "acme") -> list[str]:
    with db.read() as conn:
        return [row.document_id for row in documents.for_party(conn, party_id)]


@pytest.mark.usefixtures("party")
def test_what_is_added_is_read(db: Database) -> None:
    row = add(db, "k", ends_at=later(days=1))
    with db.read() as conn:
        assert documents.get(conn, row.document_id) == row
        assert documents.for_party(conn, "acme") == documents.list_documents(conn) == [row]
    assert (row.kind, row.revision, row.supersedes, row.withdrawn) == (DocumentKind.CONTRACT, 1, None, False)
    assert (row.fields["number"], row.issued_on, row.expires_on) == ("1", "2022-01-01", "2022-12-31")
    assert (row.ends_at, row.recorded_at, row.recorded_by) == (later(days=1), NOW, "mei")
    assert (row.file_sha256, row.file_bytes) == (FILE.sha256, FILE.bytes)
    assert row.document_id.startswith("d-")
    with pytest.raises(NotFound, match="`d-nothing`"), db.read() as conn:
        documents.get(conn, "d-nothing")


@pytest.mark.usefixtures("party")
def test_the_event_has_dates_and_hashes_and_no_field(db: Database) -> None:
    row = add(db, "k")
    (told,) = events(db, verb=Verb.DOCUMENT_ADDED)
    assert told["subject"] == {"kind": "document", "id": row.document_id}
    assert told["after"]["kind"] == "contract"
    assert told["after"]["file_sha256"] == FILE.sha256
    assert len(told["after"]["fields_sha256"]) == 64
    assert SECRET not in str(told)


@pytest.mark.usefixtures("party")
def test_the_same_again_changes_nothing_and_something_else_is_refused(db: Database) -> None:
    first = add(db, "k")
    assert add(db, "k", at=later(days=1), actor=LAN) == first
    for other in ({"details": contract("2")}, {"file": None}, {"ends_at": later(days=1)}):
        with pytest.raises(CommandConflict, match="recorded under `k` before"):
            add(db, "k", **other)
    assert verbs(db).count("document:added") == 1
    register(db, "other")
    assert add(db, "k", party_id="other").document_id != first.document_id


@pytest.mark.usefixtures("party")
def test_a_newer_one_takes_its_place_and_both_stay(db: Database) -> None:
    first = add(db, "1")
    second = add(db, "2", details=contract("2"), supersedes=first.document_id)
    assert (second.revision, second.supersedes) == (2, first.document_id)
    assert current(db) == [second.document_id]
    with db.read() as conn:
        assert documents.get(conn, first.document_id) == first
        assert documents.for_party(conn, "acme", every=True) == [first, second]
        assert documents.successors(conn, [first.document_id, second.document_id]) == {first.document_id: second}
    assert add(db, "2", details=contract("2"), supersedes=first.document_id) == second
    with pytest.raises(Refused, match="is superseded already"):
        add(db, "3", supersedes=first.document_id)


@pytest.mark.usefixtures("party")
def test_only_one_of_the_same_party_and_kind_is_superseded(db: Database) -> None:
    first = add(db, "1")
    register(db, "other")
    with pytest.raises(InputError, match="is a contract of `acme`"):
        add(db, "2", party_id="other", supersedes=first.document_id)
    licence = read_details(
        "quality_report", {"lab": "l", "result": "pass"}, issued="2022-01-01", expires="2023-01-01", today=NOW.date()
    )
    with pytest.raises(InputError, match="is a contract of"):
        add(db, "3", details=licence, supersedes=first.document_id)
    with pytest.raises(NotFound):
        add(db, "4", supersedes="d-nothing")
    assert current(db) == [first.document_id]


@pytest.mark.usefixtures("party")
def test_a_withdrawn_one_counts_no_more_and_nothing_follows_it(db: Database) -> None:
    first = add(db, "1")
    with db.write() as conn:
        gone = documents.withdraw(conn, first, key="2", at=later(days=1), actor=LAN, reason="forged")
        assert documents.withdraw(conn, first, key="2", at=later(days=2), actor=LAN, reason="forged") == gone
    assert (gone.withdrawn, gone.revision, gone.fields) == (True, 2, first.fields)
    assert current(db) == []
    (told,) = events(db, verb=Verb.DOCUMENT_WITHDRAWN)
    assert (told["reason"], told["actor"]["id"]) == ("forged", "lan")
    for supersedes in (first.document_id, gone.document_id):
        with pytest.raises(Refused, match="is withdrawn"):
            add(db, "3", supersedes=supersedes)
    with pytest.raises(Refused), db.write() as conn:
        documents.withdraw(conn, first, key="4", at=NOW)


@pytest.mark.usefixtures("party")
def test_ends_are_seen_once_in_their_order(db: Database) -> None:
    register(db, "other")
    soon, over, endless = add(db, "1", ends_at=later(days=5)), add(db, "2", ends_at=NOW), add(db, "3")
    elsewhere = add(db, "4", ends_at=later(days=-1), party_id="other")
    replaced = add(db, "5", ends_at=NOW)
    add(db, "6", ends_at=later(days=99), supersedes=replaced.document_id)
    with db.read() as conn:
        within = documents.ending(conn, later(days=30))
        assert [row.document_id for row in within] == [each.document_id for each in (elsewhere, over, soon)]
        assert documents.ending(conn, later(days=30), party_id="other", limit=5) == [elsewhere]
        assert documents.ending(conn, later(days=5)) == [elsewhere, over]
        assert documents.parties_of_ended(conn, NOW, limit=9) == ["acme", "other"]
        assert documents.parties_of_ended(conn, NOW, after="acme", limit=9) == ["other"]
        assert documents.parties_of_ended(conn, later(microseconds=-1), limit=9) == ["other"]
    with db.write() as conn:
        assert documents.see_ended(conn, "acme", at=NOW) == [over]
        assert documents.see_ended(conn, "acme", at=later(days=1)) == []
        assert documents.parties_of_ended(conn, NOW, limit=9) == ["other"]
        assert documents.see_ended(conn, "acme", at=later(days=5)) == [soon]
    ended = [event["subject"]["id"] for event in events(db, verb=Verb.DOCUMENT_ENDED)]
    assert ended == [over.document_id, soon.document_id]
    assert endless.document_id in current(db)


@pytest.mark.usefixtures("party")
def test_the_database_itself_lets_one_record_take_a_place_once(db: Database) -> None:
    first = add(db, "1")
    second = add(db, "2", supersedes=first.document_id)
    with db.read() as conn:
        row = conn.execute(DOCUMENT.select().where(DOCUMENT.c.document_id == second.document_id)).mappings().one()
    with pytest.raises(DBAPIError), db.write() as conn:
        conn.execute(DOCUMENT.insert().values({**row, "document_id": "d-forged"}))
