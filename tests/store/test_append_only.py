"""What is in the record stays as it is: the database itself refuses."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import Table, UniqueConstraint, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from fastbrand.domain.documents import read_details
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit, books, decisions, documents, facts, ledger, parties, proposals
from fastbrand.store.database import Database
from fastbrand.store.facts import NewFact
from fastbrand.store.proposals import ProposalKind, ProposalState
from fastbrand.store.schema import APPEND_ONLY
from tests.store.given import LAN, MEI, NOW, a_decision, an_event

CLOSURE = b"a book"
SHA = hashlib.sha256(CLOSURE).hexdigest()


@pytest.fixture
def filled(db: Database) -> Database:
    """A database with a row in every append-only table."""
    with db.write() as conn:
        parties.register(conn, party_id="acme", track=Track.M, at=NOW)
        parties.move(conn, party_id="acme", event="apply", key="k", at=NOW)
        audit.append(conn, an_event(), NOW)
        facts.record(conn, "acme", [NewFact("gmv_30d", "1", NOW)], key="k", at=NOW)
        decisions.store(conn, a_decision(), "k", {}, at=NOW)
        books.propose(conn, sha256=SHA, closure=CLOSURE, versions={}, at=NOW, actor=MEI)
        books.approve(conn, SHA, at=NOW, actor=LAN)
        other = b"another book"
        books.propose(conn, sha256=hashlib.sha256(other).hexdigest(), closure=other, versions={}, at=NOW, actor=MEI)
        books.cancel(conn, hashlib.sha256(other).hexdigest(), at=NOW, actor=LAN)
        ledger.open_pools(conn, [ledger.PoolSpec("p", "u", 10)], at=NOW)
        for grant, amount in (("g1", 1), ("g2", 100)):
            ledger.reserve(
                conn,
                grant_id=grant,
                attempt=1,
                pool_id="p",
                amount=amount,
                party_id="acme",
                year=2022,
                category=None,
                month="2022-05",
                cap_limits=ledger.CapLimits(),
                at=NOW,
            )
        ledger.commit(conn, grant_id="g1", tranche_no=1, amount=1, at=NOW)
        hot = ledger.HotRows()
        terms = ledger.ClawTerms(10**9, 0)
        ledger.claw_back(conn, hot, grant_id="g1", tranche_no=1, cause="c", terms=terms, at=NOW)
        for each in ledger.clawbacks_of(conn, "g1"):
            ledger.forgive(conn, hot, each, give_back=False, at=NOW)
        hot.settle_or_fail(conn, "clawback")
        proposed = {"proposal_id": "t1", "subject": "p", "reason": "r", "proposed_by": "jun"}
        proposals.propose(conn, an_event("t1"), NOW, kind=ProposalKind.TOP_UP, amount=1, **proposed)
        paper = read_details("contract", {"number": "1"}, issued="2022-01-01", expires="2022-02-01", today=NOW.date())
        first = documents.add(conn, "acme", paper, key="k", ends_at=NOW, at=NOW)
        documents.add(conn, "acme", paper, key="k2", ends_at=NOW, supersedes=first.document_id, at=NOW)
        assert documents.see_ended(conn, "acme", at=NOW)
        proposals.answer(conn, None, NOW, proposal_id="t1", state=ProposalState.REFUSED, answered_by="an")
    return db


def _row(db: Database, table: Table) -> dict[str, Any]:
    """A row with every unique key of it set: of what is not there, there is no second."""
    unique = {column for key in _keys(table) for column in key}
    with db.read() as conn:
        rows = [dict(row) for row in conn.execute(select(table)).mappings()]
    return next(row for row in rows if all(row[column] is not None for column in unique))


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
def test_no_row_is_changed_or_deleted(filled: Database, table: Table) -> None:
    row = _row(filled, table)
    for column in table.columns:
        with pytest.raises(DBAPIError, match=f"{table.name} is append-only"), filled.write() as conn:
            conn.execute(update(table).values({column.name: row[column.name]}))
    with pytest.raises(DBAPIError, match=f"{table.name} is append-only"), filled.write() as conn:
        conn.execute(delete(table))
    if not filled.is_sqlite:
        with pytest.raises(DBAPIError), filled.write() as conn:
            conn.execute(text(f"TRUNCATE {table.name} CASCADE"))
    assert _row(filled, table) == row


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
def test_no_row_is_replaced(filled: Database, table: Table) -> None:
    """Each unique key by itself: everything else in the row is new."""
    row = _row(filled, table)
    for key in _keys(table):
        other = {**row, **_fresh(table, row, keep=key)}
        replacing = [insert(table).prefix_with("OR REPLACE")] if filled.is_sqlite else []
        for statement in (insert(table), *replacing):
            refused = "is append-only" if filled.is_sqlite else "duplicate key"
            with pytest.raises(DBAPIError, match=refused), filled.write() as conn:
                conn.execute(statement, other)
    assert _row(filled, table) == row


def _keys(table: Table) -> list[set[str]]:
    unique = [constraint.columns for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    return [{column.name for column in columns} for columns in (table.primary_key.columns, *unique)]


def _fresh(table: Table, row: dict[str, Any], keep: set[str]) -> dict[str, Any]:
    """New values for every column outside ``keep`` that is part of some key."""
    others = set().union(*_keys(table)) - keep
    fresh = {name: row[name] + 1000 if isinstance(row[name], int) else row[name] for name in others}
    texts = {name for name in others if isinstance(row[name], str) and not table.c[name].foreign_keys}
    return fresh | {name: str(row[name])[:20] + "-new" for name in texts if name not in {"entry_kind"}}
