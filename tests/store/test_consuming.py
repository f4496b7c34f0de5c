"""Delivery reports: they add up in any order, are booked once, and are refused whole."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import InputError, NotFound, Refused
from fastbrand.domain.grant import TrancheState
from fastbrand.store import clawbacks, grants, ledger, proposals
from fastbrand.store.database import Database
from fastbrand.store.deliveries import Booked
from fastbrand.store.proposals import ProposalKind, ProposalState
from tests.store.given import (
    EXPIRES_AFTER,
    NOW,
    a_reserved_grant,
    an_event,
    differences,
    events,
    expire,
    later,
    open_pool,
    owed_by,
    pool_of,
    release,
    report,
)

GRANT = "acme/2022-05"
OVER = EXPIRES_AFTER + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _released(db: Database) -> Any:
    """A grant of 100 units; the first tranche of 30 is out."""
    open_pool(db, 100)
    a_reserved_grant(db, GRANT)
    release(db, GRANT, 1)
    yield
    assert differences(db) == []


def _refused(db: Database, code: str, *told: Any, **more: Any) -> Refused:
    before = pool_of(db)
    answer = report(db, *told, **more)
    assert isinstance(answer, Refused)
    assert answer.instance_code == code
    assert answer.hint
    assert pool_of(db) == before
    return answer


def test_reports_add_up(db: Database) -> None:
    assert report(db, GRANT, 1, 12, "r1") == Booked(12, first=True, late=0, debt=0, consumed=12)
    assert report(db, GRANT, 1, 18, "r2") == Booked(18, first=True, late=0, debt=0, consumed=30)
    assert pool_of(db) == {**pool_of(db), "available": 0, "reserved": 70, "released_unspent": 0, "consumed": 30}
    told = events(db, verb=Verb.TRANCHE_CONSUMED)
    assert [(event["after"]["report_id"], event["after"]["units"]) for event in told] == [("r1", 12), ("r2", 18)]
    with db.read() as conn:
        assert grants.tranches_of(conn, GRANT)[0].consumed == 30


def test_a_report_said_twice_is_booked_once(db: Database) -> None:
    report(db, GRANT, 1, 12, "r1")
    before = pool_of(db)
    again = report(db, GRANT, 1, 12, "r1", counted_until=later(days=9), at=later(days=10))
    assert again == Booked(12, first=False, late=0, debt=0, consumed=12)
    assert pool_of(db) == before
    assert len(events(db, verb=Verb.TRANCHE_CONSUMED)) == 1


def test_one_report_tells_of_several_tranches(db: Database) -> None:
    release(db, GRANT, 2)
    for number in (1, 2):
        assert isinstance(report(db, GRANT, number, 7, "daily"), Booked)
    assert pool_of(db)["consumed"] == 14


def test_the_order_of_reports_and_of_the_expiry_does_not_matter(db: Database) -> None:
    """Each order on a grant of its own; whatever comes late is taken from the pool again."""
    open_pool(db, 1_000, "brand")
    steps = [("r1", 5), ("r2", 6), ("r2", 6), ("expiry", 0)]
    seen = []
    for number, order in enumerate(dict.fromkeys(permutations(steps)), 1):
        grant = f"p{number}/2022-05"
        a_reserved_grant(db, grant, pool_id="brand")
        release(db, grant, 1)
        for name, units in order:
            if name == "expiry":
                expire(db, grant, 1, later(days=45))
            else:
                assert isinstance(report(db, grant, 1, units, name), Booked)
        with db.read() as conn:
            seen.append(ledger.holdings(conn, [grant])[grant].tranches[1])
    assert {(each.unspent, each.consumed, each.expired) for each in seen} == {(0, 11, 19)}
    assert len(seen) == 12
    assert pool_of(db, "brand")["consumed"] == 11 * 12
    assert differences(db) == []


def test_beyond_what_is_released_nothing_is_booked(db: Database) -> None:
    report(db, GRANT, 1, 20, "r1")
    error = _refused(db, "beyond_released", GRANT, 1, 11, "r2")
    assert "tells 11 units, 1 more than there are to spend" in error.message
    _refused(db, "beyond_released", GRANT, 1, 11, "r2")  # again: one event
    (told,) = events(db, verb=Verb.TRANCHE_REPORT_REFUSED)
    assert told["after"] == {"tranche_no": 1, "report_id": "r2", "units": 11, "code": "beyond_released", "free": 10}
    assert told["reason"] == error.message
    assert isinstance(report(db, GRANT, 1, 10, "r2"), Booked)  # mended, under the id that was not booked


def test_a_report_that_tells_otherwise_is_refused(db: Database) -> None:
    report(db, GRANT, 1, 12, "r1")
    error = _refused(db, "report_differs", GRANT, 1, 13, "r1")
    assert "told 12 units before and 13 now" in error.message


def test_what_was_never_released_cannot_be_spent(db: Database) -> None:
    _refused(db, "not_released", GRANT, 2, 1, "r1")
    with db.write() as conn:
        ledger.void_tranche(conn, grant_id=GRANT, tranche_no=2, amount=40, at=NOW)
        grants.update_tranche(conn, GRANT, 2, None, NOW, state=TrancheState.VOIDED)
    _refused(db, "not_released", GRANT, 2, 1, "r1")


def test_what_is_not_there(db: Database) -> None:
    with pytest.raises(NotFound, match="grant `nobody/2022-05` is not known"):
        report(db, "nobody/2022-05", 1, 1, "r")
    with pytest.raises(NotFound, match="has no tranche 4"):
        report(db, GRANT, 4, 1, "r")
    with pytest.raises(InputError, match="`0` units"):
        report(db, GRANT, 1, 0, "r")


@pytest.mark.parametrize("expired", [False, True])
def test_what_is_counted_beyond_the_expiry_is_refused_whether_or_not_it_was_booked(db: Database, expired: bool) -> None:
    if expired:
        expire(db, GRANT, 1, later(days=45))
    _refused(db, "after_expiry", GRANT, 1, 1, "r", counted_until=NOW + OVER)
    assert isinstance(report(db, GRANT, 1, 1, "r", counted_until=NOW + EXPIRES_AFTER), Booked)


def test_what_was_spent_in_time_and_reported_late_is_taken_from_the_pool_again(db: Database) -> None:
    report(db, GRANT, 1, 10, "r1")
    assert expire(db, GRANT, 1, NOW + OVER) == 20
    before = pool_of(db)
    late = report(db, GRANT, 1, 15, "r2", at=later(days=60))
    assert late == Booked(15, first=True, late=15, debt=0, consumed=25)
    assert report(db, GRANT, 1, 15, "r2", at=later(days=61)) == Booked(15, first=False, late=15, debt=0, consumed=25)
    assert pool_of(db) == {**before, "available": 5, "consumed": 25}
    _refused(db, "beyond_released", GRANT, 1, 6, "r3")
    (told,) = [each for each in events(db, verb=Verb.TRANCHE_CONSUMED) if each["after"]["report_id"] == "r2"]
    assert told["after"]["late"] == 15


def test_late_units_that_others_have_got_wait_for_room(db: Database) -> None:
    expire(db, GRANT, 1, NOW + OVER)
    a_reserved_grant(db, "other/2022-05", (20, 2))
    error = _refused(db, "pool_dry", GRANT, 1, 9, "r1")
    assert "9 of its units went back to the pool and were given to others" in error.message
    with db.write() as conn:
        ledger.top_up(conn, pool_id="fast-brand", top_up_id="t1", amount=1, at=NOW)
    assert isinstance(report(db, GRANT, 1, 9, "r1"), Booked)
    assert pool_of(db)["available"] == 0
    left = differences(db)
    assert [each["account"] for each in left] == ["top_up/t1"]  # no two people are behind it in this test
    with db.write() as conn:
        _confirmed(conn)


def _confirmed(conn: Connection) -> None:
    """As if two people had wanted the top-up of the test above."""
    proposals.propose(
        conn,
        an_event("t1"),
        NOW,
        proposal_id="t1",
        kind=ProposalKind.TOP_UP,
        subject="fast-brand",
        amount=1,
        reason="r",
        proposed_by="jun",
    )
    proposals.answer(conn, None, NOW, proposal_id="t1", state=ProposalState.CONFIRMED, answered_by="an")


def test_what_was_spent_before_a_clawback_is_owed_however_late_it_is_told(db: Database) -> None:
    report(db, GRANT, 1, 10, "r1")
    with db.write() as conn:
        clawbacks.clawback_grant(conn, GRANT, "counterfeit", at=later(days=2))
    assert owed_by(db, "acme") == {"fast-brand": 5}
    assert pool_of(db)["clawed_back"] == 20

    late = report(db, GRANT, 1, 7, "r2", counted_until=later(days=1), at=later(days=3))
    assert late == Booked(7, first=True, late=7, debt=3, consumed=17)
    assert (owed_by(db, "acme"), pool_of(db)["clawed_back"]) == ({"fast-brand": 8}, 13)
    again = report(db, GRANT, 1, 7, "r2", counted_until=later(days=1), at=later(days=4))
    assert isinstance(again, Booked)
    assert (again.first, owed_by(db, "acme")) == (False, {"fast-brand": 8})
    _refused(db, "beyond_released", GRANT, 1, 1, "r3", counted_until=later(days=2, seconds=1))  # nothing was left then


def test_after_a_clawback_in_part_the_rest_can_be_spent_without_debt(db: Database) -> None:
    report(db, GRANT, 1, 9, "r1")
    with db.write() as conn:
        clawbacks.clawback_grant(conn, GRANT, "soft", at=later(days=2))
    assert (owed_by(db, "acme"), pool_of(db)["released_unspent"]) == ({"fast-brand": 2}, 11)
    assert isinstance(report(db, GRANT, 1, 11, "r2", counted_until=later(days=3)), Booked)
    assert owed_by(db, "acme") == {"fast-brand": 2}
    # told late, spent before: from what was clawed back, and owed in part
    late = report(db, GRANT, 1, 10, "r3", counted_until=later(days=1))
    assert late == Booked(10, first=True, late=10, debt=3, consumed=30)


def test_threads_that_tell_the_same_and_more_than_there_is(db: Database) -> None:
    """Eight tell 5 units each of 30, everybody twice: six are booked, two refused, nothing twice."""
    barrier, got = threading.Barrier(8), []

    def tell(number: int) -> None:
        barrier.wait()
        for _ in range(2):
            got.append(report(db, GRANT, 1, 5, f"r{number}"))

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    booked = [each for each in got if isinstance(each, Booked)]
    assert sorted(each.first for each in booked) == [False] * 6 + [True] * 6
    assert len(got) - len(booked) == 4
    assert pool_of(db)["consumed"] == 30
