"""Stored decisions: the bytes, the inputs, first wins."""

from __future__ import annotations

import json

import pytest

from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.store import decisions
from fastbrand.store.database import Database
from tests.store.given import NOW, a_decision, events, later, register

INPUTS = {"facts": {"gmv_30d": "1200.50", "owns_brand": None}, "context": {"track": "M"}}


def _store(db: Database, key: str = "k", outcome: str = "eligible", party_id: str = "acme") -> str:
    with db.write() as conn:
        return decisions.store(conn, a_decision(party_id, outcome), key, INPUTS, actor=SYSTEM, at=NOW)


@pytest.mark.usefixtures("party")
def test_a_decision_is_kept_to_the_byte(db: Database) -> None:
    decision = a_decision()
    assert _store(db) == decision.id
    with db.read() as conn:
        row = decisions.by_key(conn, "k")
        assert row is not None
        assert decisions.get(conn, decision.id) == row
    assert bytes(row.core) == decision.canonical()
    assert row.decision() == json.loads(json.dumps(decision.as_json()))
    assert row.given() == INPUTS
    assert (row.party_id, row.rulebook, row.version, row.kind) == ("acme", "fast-brand", "2022.2", "eligibility")
    assert (row.book_sha256, row.outcome, row.as_of, row.engine) == ("b" * 64, "eligible", decision.as_of, "test 1")
    assert row.created_at == NOW


@pytest.mark.usefixtures("party")
def test_the_event_points_at_decision_and_book(db: Database) -> None:
    _store(db)
    (told,) = events(db, verb=Verb.DECISION_MADE, party_id="acme")
    assert told["subject"] == {"kind": "decision", "id": a_decision().id}
    assert (told["decision_id"], told["rulebook_sha256"]) == (a_decision().id, "b" * 64)
    assert told["after"]["outcome"] == "eligible"


@pytest.mark.usefixtures("party")
def test_the_first_decision_of_a_purpose_stands(db: Database) -> None:
    first = _store(db)
    assert _store(db, outcome="ineligible") == first
    with db.read() as conn:
        assert decisions.count(conn) == 1
        assert decisions.get(conn, a_decision(outcome="ineligible").id) is None
    assert len(events(db, verb=Verb.DECISION_MADE)) == 1


@pytest.mark.usefixtures("party")
def test_the_same_content_for_two_purposes(db: Database) -> None:
    assert _store(db, "first") == _store(db, "second")
    with db.read() as conn:
        row = decisions.get(conn, a_decision().id)
        assert row is not None
        assert row.key == "first"
        assert [each.key for each in decisions.for_party(conn, "acme")] == ["first", "second"]
    assert len(events(db, verb=Verb.DECISION_MADE)) == 2


@pytest.mark.usefixtures("party")
def test_lists(db: Database) -> None:
    register(db, "other")
    ids = [_store(db, f"k{number}", f"o{number}", ("acme", "other")[number % 2]) for number in range(6)]
    with db.read() as conn:
        assert [row.decision_id for row in decisions.iterate_all(conn)] == ids
        assert [row.decision_id for row in decisions.for_party(conn, "other")] == ids[1::2]
        assert decisions.for_party(conn, "acme", "routing") == []
        assert len(decisions.for_party(conn, "acme", "eligibility")) == 3
        found = decisions.by_ids(conn, [ids[4], ids[0], "d-unknown", ids[0]])
        assert {row.decision_id for row in found} == {ids[0], ids[4]}
        assert decisions.by_key(conn, "nothing") is None


@pytest.mark.usefixtures("party")
def test_created_later_is_not_part_of_what_it_is(db: Database) -> None:
    _store(db)
    with db.write() as conn:
        assert decisions.store(conn, a_decision(), "k", {}, at=later(days=1)) == a_decision().id
        row = decisions.by_key(conn, "k")
    assert row is not None
    assert (row.created_at, row.given()) == (NOW, INPUTS)
