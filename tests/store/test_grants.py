"""Grants, tranches and the waiting line."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import LedgerConflict, NotFound
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.domain.lifecycle import Track
from fastbrand.store import grants
from fastbrand.store.database import Database
from fastbrand.store.grants import GrantRow, NewTranche
from tests.store.given import NOW, a_grant, an_event, events, later, register, verbs


def _update(db: Database, grant_id: str, key: str | None, **changes: Any) -> GrantRow:
    with db.write() as conn:
        told = None if key is None else an_event(key, Verb.GRANT_DECIDED)
        return grants.update(conn, grant_id, told, NOW, **changes)


@pytest.mark.usefixtures("party")
def test_a_grant(db: Database) -> None:
    with db.write() as conn:
        row = grants.create(
            conn,
            an_event("decided", Verb.GRANT_DECIDED),
            NOW,
            grant_id="acme/2022-05",
            party_id="acme",
            track=Track.M,
            pool_id="fast-brand",
            period="2022-05",
            amount=100,
            state=GrantState.RESERVED,
            decision_id="d-1",
            closes_at=later(days=45),
        )
    assert (row.amount, row.state, row.attempt, row.queue_position) == (100, GrantState.RESERVED, 1, None)
    assert (row.track, row.created_at, row.closes_at, row.decision_id) == (Track.M, NOW, later(days=45), "d-1")
    with db.read() as conn:
        assert grants.get(conn, "acme/2022-05") == row
        assert grants.get(conn, "acme/2022-06") is None
    assert verbs(db)[-1] == "grant:decided"


@pytest.mark.usefixtures("party")
def test_made_once(db: Database) -> None:
    a_grant(db, "acme", 100, GrantState.RESERVED)
    a_grant(db, "acme", 999, GrantState.NONE)
    with db.read() as conn:
        (row,) = grants.list_grants(conn)
    assert (row.amount, row.state) == (100, GrantState.RESERVED)


@pytest.mark.usefixtures("party")
def test_one_grant_a_party_and_period(db: Database) -> None:
    grant_id = a_grant(db, "acme", 100, GrantState.RESERVED)
    with pytest.raises(IntegrityError), db.write() as conn:
        grants.create(
            conn,
            None,
            NOW,
            grant_id=grant_id + "-again",
            party_id="acme",
            track=Track.M,
            pool_id="brand",
            period="2022-05",
            amount=1,
            state=GrantState.RESERVED,
        )


@pytest.mark.usefixtures("party")
def test_a_step_and_its_event(db: Database) -> None:
    grant_id = a_grant(db, "acme", 100, GrantState.AWAITING_CONFIRMATION)
    row = _update(db, grant_id, "confirm", state=GrantState.RESERVED, confirmed_by="jun")
    assert (row.state, row.confirmed_by) == (GrantState.RESERVED, "jun")
    assert _update(db, grant_id, "confirm", state=GrantState.VOIDED) == row
    assert len(events(db, verb=Verb.GRANT_DECIDED)) == 1
    assert _update(db, grant_id, None, cause="standing lost").cause == "standing lost"
    with pytest.raises(NotFound):
        _update(db, "acme/1999-01", "x", amount=1)


def test_the_line_is_first_come_first_served(db: Database) -> None:
    ids = []
    for number in range(4):
        register(db, f"p{number}")
        ids.append(a_grant(db, f"p{number}", 10, GrantState.WAITING if number else GrantState.RESERVED))
    register(db, "elsewhere")
    a_grant(db, "elsewhere", 10, GrantState.WAITING, pool_id="brand")
    with db.read() as conn:
        assert [row.queue_position for row in grants.list_grants(conn, pool_id="fast-brand")] == [None, 1, 2, 3]
        head = grants.head_of_line(conn, "fast-brand")
        assert head is not None
        assert head.grant_id == ids[1]
        assert [grants.waiting_before(conn, "fast-brand", each) for each in ids] == [3, 0, 1, 2]
        assert grants.head_of_line(conn, "nothing") is None
    _update(db, ids[1], "r", state=GrantState.RESERVED)
    _update(db, ids[0], "w", state=GrantState.WAITING)  # the newcomer goes to the end
    _update(db, ids[2], "again", state=GrantState.WAITING, attempt=2)  # another try keeps its place
    with db.read() as conn:
        assert [grants.waiting_before(conn, "fast-brand", each) for each in ids] == [2, 0, 0, 1]
        positions = {row.grant_id: row.queue_position for row in grants.list_grants(conn, state=GrantState.WAITING)}
    assert positions == {ids[0]: 4, ids[2]: 2, ids[3]: 3, "elsewhere/2022-05": 1}


def test_places_in_line_are_given_once(db: Database) -> None:
    for number in range(8):
        register(db, f"p{number}")
    threads = [threading.Thread(target=a_grant, args=(db, f"p{number}", 10, GrantState.WAITING)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as conn:
        positions = [row.queue_position for row in grants.list_grants(conn, state=GrantState.WAITING)]
    assert sorted(position or 0 for position in positions) == list(range(1, 9))


@pytest.mark.usefixtures("party")
def test_a_plan_of_tranches(db: Database) -> None:
    grant_id = a_grant(db, "acme", 100, GrantState.RESERVED)
    plan = [NewTranche(1, 30, NOW), NewTranche(2, 70, later(days=10))]
    with db.write() as conn:
        rows = grants.plan_tranches(conn, grant_id, plan)
        assert [(row.no, row.amount, row.due_at, row.state, row.consumed) for row in rows] == [
            (1, 30, NOW, TrancheState.PLANNED, 0),
            (2, 70, later(days=10), TrancheState.PLANNED, 0),
        ]
        assert grants.plan_tranches(conn, grant_id, plan) == rows
        assert len(grants.plan_tranches(conn, grant_id, [NewTranche(1, 100, NOW)])) == 1
        grants.plan_tranches(conn, grant_id, plan)
        told = an_event("frozen", Verb.TRANCHE_FROZEN)
        row = grants.update_tranche(conn, grant_id, 2, told, NOW, state=TrancheState.FROZEN)
        assert row.state is TrancheState.FROZEN
        assert grants.update_tranche(conn, grant_id, 2, told, NOW, state=TrancheState.VOIDED) == row
        assert grants.tranches_of_many(conn, [grant_id, "none"]) == {
            grant_id: grants.tranches_of(conn, grant_id),
            "none": [],
        }
        assert len(grants.plan_tranches(conn, grant_id, plan)) == 2
        with pytest.raises(LedgerConflict, match="have begun"):
            grants.plan_tranches(conn, grant_id, [NewTranche(1, 100, NOW)])
    with pytest.raises(NotFound), db.write() as conn:
        grants.update_tranche(conn, grant_id, 3, None, NOW, state=TrancheState.VOIDED)


def test_lists_newest_period_first(db: Database) -> None:
    for party_id in ("a", "b"):
        register(db, party_id)
        for period in ("2022-05", "2022-06"):
            a_grant(db, party_id, 10, GrantState.RESERVED, period)
    with db.read() as conn:

        def ids(**only: Any) -> list[str]:
            return [row.grant_id for row in grants.list_grants(conn, **only)]

        assert ids() == ["a/2022-06", "b/2022-06", "a/2022-05", "b/2022-05"]
        assert ids(limit=3) + ids(cursor="a/2022-05") == ids()
        assert ids(cursor="a/2022-06", limit=1) == ["b/2022-06"]
        assert ids(party_id="a") == ["a/2022-06", "a/2022-05"]
        assert ids(period="2022-05", state=[GrantState.RESERVED]) == ["a/2022-05", "b/2022-05"]
        assert ids(state=GrantState.WAITING) == []
        assert [row.grant_id for row in grants.of_parties(conn, ["b", "nobody"])] == ["b/2022-05", "b/2022-06"]
