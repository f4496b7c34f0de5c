"""The mark."""

from __future__ import annotations

import re

import pytest

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import NotFound
from fastbrand.store import endorsements
from fastbrand.store.database import Database
from fastbrand.store.endorsements import EndorsementRow
from tests.store.given import an_event, later, verbs


def _issue(db: Database, number: int = 1) -> EndorsementRow:
    with db.write() as conn:
        return endorsements.issue(
            conn,
            an_event(f"issued/{number}", Verb.ENDORSEMENT_ISSUED),
            later(days=number),
            endorsement_id=f"party/acme/endorsement/{number}",
            party_id="acme",
            number=number,
            valid_until=later(days=365),
            decision_id="d-1",
        )


def _end(db: Database, number: int = 1, cause: str = "term") -> EndorsementRow:
    told = an_event(f"ended/{number}/{cause}", Verb.ENDORSEMENT_ENDED)
    with db.write() as conn:
        return endorsements.end(conn, f"party/acme/endorsement/{number}", told, later(days=400), cause=cause)


@pytest.mark.usefixtures("party")
def test_issued_once(db: Database) -> None:
    row = _issue(db)
    assert (row.state, row.issued_at, row.valid_until) == ("active", later(days=1), later(days=365))
    assert (row.party_id, row.number, row.decision_id, row.ended_at) == ("acme", 1, "d-1", None)
    assert _issue(db) == row
    assert verbs(db).count("endorsement:issued") == 1
    with db.read() as conn:
        assert endorsements.active_for(conn, "acme") == row
        assert endorsements.by_public_number(conn, row.public_number) == row


@pytest.mark.usefixtures("party")
def test_ended_once_by_the_first_cause(db: Database) -> None:
    _issue(db)
    row = _end(db)
    assert (row.state, row.ended_at, row.cause) == ("ended", later(days=400), "term")
    assert _end(db, cause="other") == row
    assert verbs(db).count("endorsement:ended") == 1
    with db.read() as conn:
        assert endorsements.active_for(conn, "acme") is None


@pytest.mark.usefixtures("party")
def test_a_second_one_after_the_first(db: Database) -> None:
    first, second = _issue(db, 1), _issue(db, 2)
    assert first.public_number != second.public_number
    _end(db, 1)
    with db.read() as conn:
        assert endorsements.active_for(conn, "acme") == second
        assert [row.number for row in endorsements.for_party(conn, "acme")] == [1, 2]
        assert endorsements.for_party(conn, "other") == []
        assert endorsements.by_public_number(conn, "FB-AAAA-AAAA-AAAA") is None


@pytest.mark.usefixtures("party")
def test_an_unknown_one(db: Database) -> None:
    with pytest.raises(NotFound):
        _end(db)
    assert "endorsement:ended" not in verbs(db)


def test_public_numbers_are_made_from_the_id_alone() -> None:
    number = endorsements.public_number("party/acme/endorsement/1")
    assert re.fullmatch(r"FB(-[A-Z2-7]{4}){3}", number)
    assert number == endorsements.public_number("party/acme/endorsement/1")
    assert number != endorsements.public_number("party/acme/endorsement/2")
