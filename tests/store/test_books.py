"""Released books."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from fastbrand.domain.audit import Actor
from fastbrand.domain.errors import FourEyes, InputError, NotFound, Refused
from fastbrand.store import books
from fastbrand.store.books import BookRow, BookState
from fastbrand.store.database import Database
from tests.store.given import NOW, events, later, verbs

YU = Actor("human", "yu", "policy_editor")
NING = Actor("human", "ning", "policy_approver")
SHIPPED, CHANGED = b"shipped book", b"changed book"


def _sha(closure: bytes) -> str:
    return hashlib.sha256(closure).hexdigest()


def _bootstrap(db: Database) -> BookRow | None:
    with db.write() as conn:
        return books.bootstrap(conn, _sha(SHIPPED), SHIPPED, {"fast-brand": "2022.1"}, at=NOW)


def _propose(db: Database, closure: bytes = CHANGED, effective_from: datetime | None = None) -> BookRow:
    with db.write() as conn:
        return books.propose(
            conn,
            sha256=_sha(closure),
            closure=closure,
            versions={"fast-brand": "2022.2"},
            effective_from=effective_from,
            acknowledged=("unused-fact",),
            at=later(days=1),
            actor=YU,
            reason="new thresholds",
        )


def _approve(db: Database, closure: bytes = CHANGED, at: datetime | None = None) -> BookRow:
    with db.write() as conn:
        return books.approve(conn, _sha(closure), at=at or later(days=2), actor=NING, reason="read it")


def _live(db: Database, at: datetime) -> bytes | None:
    with db.read() as conn:
        row = books.live_at(conn, at)
    return None if row is None else row.closure


def test_an_empty_database_is_bootstrapped_once(db: Database) -> None:
    assert _live(db, NOW) is None
    row = _bootstrap(db)
    assert row is not None
    assert (row.state, row.closure, row.versions) == ("approved", SHIPPED, {"fast-brand": "2022.1"})
    assert row.released_by == row.approved_by == "system:bootstrap"
    assert _bootstrap(db) is None
    (told,) = events(db)
    assert (told["verb"], told["actor"]["id"]) == ("rulebook:bootstrapped", "system:bootstrap")
    assert told["rulebook_sha256"] == _sha(SHIPPED)


def test_the_first_book_is_in_force_at_any_time(db: Database) -> None:
    _bootstrap(db)
    assert _live(db, datetime(2018, 6, 30, tzinfo=UTC)) == SHIPPED


def test_a_release_is_not_live_before_its_approval(db: Database) -> None:
    _bootstrap(db)
    row = _propose(db)
    assert (row.state, row.effective_from, row.released_by) == ("proposed", None, "yu")
    assert (row.reason, row.acknowledged, row.approved_by) == ("new thresholds", ("unused-fact",), None)
    assert _live(db, later(days=9)) == SHIPPED
    row = _approve(db)
    assert (row.state, row.effective_from, row.approved_by) == ("approved", later(days=2), "ning")
    assert (row.approved_at, row.released_at) == (later(days=2), later(days=1))
    assert _live(db, later(days=2)) == CHANGED
    assert _live(db, later(days=2, microseconds=-1)) == SHIPPED
    assert verbs(db) == ["rulebook:bootstrapped", "rulebook:released", "rulebook:approved"]


def test_a_date_to_come(db: Database) -> None:
    _bootstrap(db)
    _propose(db, effective_from=later(days=10))
    assert _approve(db).effective_from == later(days=10)
    assert _live(db, later(days=9)) == SHIPPED
    assert _live(db, later(days=10)) == CHANGED


def test_a_date_that_is_over_never_reaches_back(db: Database) -> None:
    _bootstrap(db)
    _propose(db, effective_from=later(days=-10))
    assert _approve(db).effective_from == later(days=2)
    assert _live(db, later(days=1)) == SHIPPED


def test_four_eyes(db: Database) -> None:
    _propose(db)
    with pytest.raises(FourEyes, match="`yu`"), db.write() as conn:
        books.approve(conn, _sha(CHANGED), at=NOW, actor=YU)
    assert verbs(db) == ["rulebook:released"]


def test_said_twice_done_once(db: Database) -> None:
    _propose(db)
    _propose(db)
    approved = _approve(db)
    assert _approve(db, at=later(days=5)) == approved
    assert _propose(db) == approved
    assert verbs(db) == ["rulebook:released", "rulebook:approved"]


def test_what_is_not_the_closure_or_not_there(db: Database) -> None:
    with pytest.raises(InputError), db.write() as conn:
        books.propose(conn, sha256="0" * 64, closure=CHANGED, versions={}, at=NOW)
    with pytest.raises(NotFound):
        _approve(db)
    with db.read() as conn:
        assert books.get(conn, _sha(CHANGED)) is None


def test_states_at_a_moment(db: Database) -> None:
    _bootstrap(db)
    _propose(db)
    _approve(db)
    _propose(db, b"third", effective_from=later(days=30))
    _approve(db, b"third", at=later(days=3))
    _propose(db, b"fourth")
    names = {_sha(SHIPPED): "shipped", _sha(CHANGED): "changed", _sha(b"third"): "third", _sha(b"fourth"): "fourth"}

    def states(at: datetime) -> dict[str, BookState]:
        with db.read() as conn:
            return {names[row.sha256]: row.state for row in books.list_books(conn, at)}

    assert states(later(days=5)) == {
        "shipped": "superseded",
        "changed": "live",
        "third": "approved",
        "fourth": "proposed",
    }
    assert states(later(days=30))["third"] == "live"
    assert states(later(days=30))["changed"] == "superseded"


def test_coming_into_force_is_written_down_once_and_only_where_it_is_so(db: Database) -> None:
    _bootstrap(db)
    _propose(db, effective_from=later(days=10))

    def activate(closure: bytes, at: datetime) -> bool:
        with db.write() as conn:
            return books.activate(conn, _sha(closure), at=at)

    assert not activate(CHANGED, later(days=20))  # nobody approved it
    _approve(db)
    assert not activate(CHANGED, later(days=9))
    _propose(db, b"third", effective_from=later(days=15))
    _approve(db, b"third")
    assert activate(CHANGED, later(days=10))
    assert activate(CHANGED, later(days=11))
    assert activate(b"third", later(days=15))
    assert not activate(CHANGED, later(days=15))  # it came late, another one is in force
    told = [event for event in events(db) if event["verb"] == "rulebook:activated"]
    assert [(event["subject"]["id"], event["before"]["live"]) for event in told] == [
        (_sha(CHANGED), _sha(SHIPPED)),
        (_sha(b"third"), _sha(CHANGED)),
    ]
    with db.read() as conn:
        row = books.standing(conn, _sha(CHANGED), later(days=15))
        assert row is not None
        assert row.state == "superseded"
        assert books.standing(conn, "0" * 64, NOW) is None


def _cancel(db: Database, closure: bytes = CHANGED, at: datetime | None = None) -> BookRow:
    with db.write() as conn:
        return books.cancel(conn, _sha(closure), at=at or later(days=5), actor=YU, reason="not this winter")


def test_cancelled_before_its_date_it_never_comes_into_force(db: Database) -> None:
    _bootstrap(db)
    _propose(db, effective_from=later(days=10))
    _approve(db)
    row = _cancel(db)
    assert (row.state, row.cancelled_by, row.cancelled_at) == ("cancelled", "yu", later(days=5))
    assert (row.approved_by, row.effective_from) == ("ning", later(days=10))  # what was so stays on record
    assert _live(db, later(days=11)) == SHIPPED
    with db.read() as conn:
        at_its_date = books.standing(conn, _sha(CHANGED), later(days=10))
        assert at_its_date is not None
        assert at_its_date.state == "cancelled"
        assert [each.state for each in books.list_books(conn, later(days=11))] == ["cancelled", "live"]
    with db.write() as conn:
        assert not books.activate(conn, _sha(CHANGED), at=later(days=10))
    told = events(db)[-1]
    assert (told["verb"], told["actor"]["id"], told["reason"]) == ("rulebook:cancelled", "yu", "not this winter")
    assert (told["before"]["state"], told["after"]["state"]) == ("approved", "cancelled")


def test_what_waits_for_a_second_person_can_be_cancelled_and_nobody_approves_it_then(db: Database) -> None:
    _bootstrap(db)
    _propose(db)
    assert _cancel(db).approved_by is None
    assert _approve(db).state == "cancelled"
    assert _live(db, later(days=9)) == SHIPPED
    assert verbs(db) == ["rulebook:bootstrapped", "rulebook:released", "rulebook:cancelled"]


def test_what_is_or_was_in_force_cannot_be_cancelled(db: Database) -> None:
    _bootstrap(db)
    _propose(db, effective_from=later(days=10))
    _approve(db)
    with pytest.raises(Refused, match="is in force") as error:
        _cancel(db, at=later(days=10))
    assert "rules rollback" in error.value.hint
    with pytest.raises(Refused, match="is superseded"):
        _cancel(db, SHIPPED, at=later(days=10))
    _cancel(db, at=later(days=10, microseconds=-1))
    with pytest.raises(Refused, match="is cancelled"):
        _cancel(db, at=later(days=10, microseconds=-1))
    with pytest.raises(NotFound):
        _cancel(db, b"third")


def test_no_rollback_to_what_never_was_in_force(db: Database) -> None:
    """One approver is enough for a rollback since two agreed on the book, and on its date."""
    _bootstrap(db)
    _propose(db, effective_from=later(days=10))

    def reinstate(at: datetime) -> None:
        with db.write() as conn:
            books.reinstate(conn, _sha(CHANGED), at=at, actor=NING, reason="at once")

    with pytest.raises(Refused, match="was never approved"):
        reinstate(later(days=3))
    _approve(db)
    with pytest.raises(Refused, match="was never in force: it will be from"):
        reinstate(later(days=3))
    _cancel(db)
    with pytest.raises(Refused, match="was cancelled, and never in force"):
        reinstate(later(days=11))
    assert _live(db, later(days=11)) == SHIPPED
