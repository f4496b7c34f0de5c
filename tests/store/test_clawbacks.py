"""Clawback by cause, what it makes a debt, and how the next grants pay it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import InputError, LedgerConflict, NotFound
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.store import clawbacks, grants, ledger
from fastbrand.store.clawbacks import ClawedGrant, ClawedParty, ClawedTranche
from fastbrand.store.database import Database
from fastbrand.store.ledger import CapLimits, CapRemainders, Denied, Moved, Reserved
from tests.store.given import (
    NOW,
    TERMS,
    a_grant,
    a_reserved_grant,
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

MAY, JUNE, JULY = "acme/2022-05", "acme/2022-06", "acme/2022-07"


@pytest.fixture(autouse=True)
def _opened(db: Database) -> Any:
    open_pool(db, 1_000)
    yield
    assert differences(db) == []


def _claw(db: Database, cause: str = "counterfeit", party_id: str = "acme", **more: Any) -> ClawedParty:
    with db.write() as conn:
        return clawbacks.clawback_party(conn, party_id, cause, **{"at": later(days=2), **more})


def _state(db: Database, grant_id: str) -> tuple[str, list[str], str | None]:
    """State of a grant, of its tranches, and its cause."""
    with db.read() as conn:
        grant = grants.get(conn, grant_id)
        plan = grants.tranches_of(conn, grant_id)
    assert grant is not None
    return str(grant.state), [str(each.state) for each in plan], grant.cause


def _half_spent(db: Database, grant_id: str = MAY) -> None:
    """Released 30 of 100, of which 10 are spent."""
    a_reserved_grant(db, grant_id)
    release(db, grant_id, 1)
    report(db, grant_id, 1, 10, "r1")


def test_unspent_goes_back_spent_is_owed_the_rest_is_given_up(db: Database) -> None:
    _half_spent(db)
    taken = _claw(db)
    tranche = ClawedTranche(1, unspent=20, spent=10, debt=5, first=True)
    assert taken.grants == (ClawedGrant(MAY, "fast-brand", "counterfeit", 70, (tranche,)),)
    shown = pool_of(db)
    assert (shown["available"], shown["consumed"], shown["clawed_back"], shown["debt"]) == (990, 10, 20, 5)
    assert owed_by(db, "acme") == {"fast-brand": 5}
    assert _state(db, MAY) == ("closed", ["clawed_back", "voided", "voided"], "clawed back: counterfeit")
    (told,) = events(db, verb=Verb.TRANCHE_CLAWED_BACK, party_id="acme")
    assert told["after"] == {"tranche_no": 1, "cause": "counterfeit", "unspent": 20, "spent": 10, "debt": 5}
    (voided,) = events(db, verb=Verb.GRANT_VOIDED)
    assert (voided["after"], voided["reason"]) == ({"amount": 70}, "clawed back: counterfeit")
    assert len(events(db, verb=Verb.GRANT_CLOSED)) == 1


def test_the_same_cause_takes_once_another_takes_what_is_left(db: Database) -> None:
    _half_spent(db)
    first = _claw(db, "soft")
    assert [(each.unspent, each.debt) for each in first.grants] == [(10, 3)]
    before, told = pool_of(db), len(events(db))
    again = _claw(db, "soft", at=later(days=3))
    assert [each.first for each in again.grants[0].tranches] == [False]
    assert (again.grants[0].voided, again.wake, pool_of(db), len(events(db))) == (0, (), before, told)
    assert _state(db, MAY)[:2] == ("released", ["released", "voided", "voided"])  # half of it can still be spent
    assert [(each.unspent, each.debt) for each in _claw(db, "counterfeit").grants] == [(10, 5)]
    assert owed_by(db, "acme") == {"fast-brand": 8}
    assert _state(db, MAY)[0] == "closed"


def test_never_more_is_owed_than_was_spent(db: Database) -> None:
    hard = [{**TERMS[0], "cause": cause, "spent_ppb": 7 * 10**8} for cause in ("one", "two")]
    a_reserved_grant(db, MAY, terms=tuple(hard))
    release(db, MAY, 1)
    report(db, MAY, 1, 10, "r1")
    assert [_claw(db, cause).grants[0].debt for cause in ("one", "two")] == [7, 3]
    late = report(db, MAY, 1, 10, "r2", counted_until=later(days=1))
    assert getattr(late, "debt", None) == 10
    assert owed_by(db, "acme") == {"fast-brand": 20}


def test_said_again_after_the_rest_was_spent_it_changes_nothing(db: Database) -> None:
    _half_spent(db)
    _claw(db, "soft")
    report(db, MAY, 1, 10, "r2", counted_until=later(days=3))
    before = _state(db, MAY)
    _claw(db, "soft", at=later(days=4))
    assert _state(db, MAY) == before == ("released", ["released", "voided", "voided"], None)


def test_a_cause_without_a_row_falls_to_the_default_one(db: Database) -> None:
    _half_spent(db)
    taken = _claw(db, "not_listed").grants[0]
    assert (taken.terms, taken.unspent, taken.debt) == ("default", 20, 0)
    assert owed_by(db, "acme") == {}


def test_terms_without_any_row_give_up_only_what_is_not_released(db: Database) -> None:
    a_reserved_grant(db, MAY, terms=())
    release(db, MAY, 1)
    taken = _claw(db).grants[0]
    assert (taken.terms, taken.voided, taken.tranches) == (None, 70, ())
    assert _state(db, MAY)[:2] == ("released", ["released", "voided", "voided"])
    assert pool_of(db)["released_unspent"] == 30


@pytest.mark.parametrize(("days", "reached"), [(180, [1, 2]), (180.001, [2]), (185.001, [])])
def test_releases_older_than_the_terms_say_are_out_of_reach(db: Database, days: float, reached: list[int]) -> None:
    a_reserved_grant(db, MAY)
    release(db, MAY, 1)
    release(db, MAY, 2, at=later(days=5))
    assert [each.no for each in _claw(db, at=later(days=days)).grants[0].tranches] == reached


def test_the_moment_the_cause_was_found_counts_not_that_of_the_booking(db: Database) -> None:
    _half_spent(db)
    assert _claw(db, at=later(days=200)).grants[0].tranches == ()
    assert _claw(db, at=later(days=200), found_at=later(days=180)).grants[0].unspent == 20


def test_what_was_spent_of_an_expired_tranche_is_owed_too(db: Database) -> None:
    _half_spent(db)
    expire(db, MAY, 1, later(days=45))
    taken = _claw(db, at=later(days=60)).grants[0]
    assert (taken.unspent, taken.debt) == (0, 5)
    assert _state(db, MAY)[1] == ["expired", "voided", "voided"]


def test_every_grant_of_the_party_and_of_nobody_else(db: Database) -> None:
    open_pool(db, 500, "brand")
    _half_spent(db)
    a_reserved_grant(db, JUNE, (10, 10), pool_id="brand", confirm=True)
    waiting = a_grant(db, "acme", 500, GrantState.WAITING, "2022-07")
    lapsed = a_grant(db, "acme", 500, GrantState.LAPSED, "2022-04")
    a_reserved_grant(db, "other/2022-05", (40,))
    behind = a_grant(db, "other", 900, GrantState.WAITING, "2022-08")

    taken = _claw(db)
    assert [(each.grant_id, each.voided, each.unspent) for each in taken.grants] == [
        (lapsed, 0, 0),
        (MAY, 70, 20),
        (JUNE, 20, 0),
        (waiting, 0, 0),
    ]
    assert taken.wake == (behind,)
    assert _state(db, JUNE)[0] == _state(db, waiting)[0] == "voided"
    assert _state(db, lapsed)[0] == "lapsed"
    assert pool_of(db, "brand")["available"] == 500
    assert pool_of(db)["available"] == 1_000 - 40 - 10
    assert _claw(db).wake == ()


def test_one_grant_alone(db: Database) -> None:
    _half_spent(db)
    a_reserved_grant(db, JUNE, (10,))
    with db.write() as conn:
        taken = clawbacks.clawback_grant(conn, MAY, "counterfeit", at=later(days=2))
    assert [each.grant_id for each in taken.grants] == [MAY]
    assert pool_of(db)["reserved"] == 10
    with db.write() as conn, pytest.raises(NotFound, match="grant `nobody/2022-05`"):
        clawbacks.clawback_grant(conn, "nobody/2022-05", "counterfeit", at=NOW)
    for cause in ("a/b", "", "two words"):
        with pytest.raises(InputError), db.write() as conn:
            clawbacks.clawback_grant(conn, MAY, cause, at=NOW)


def test_what_it_would_take_is_what_it_takes(db: Database) -> None:
    _half_spent(db)
    release(db, MAY, 2)
    expire(db, MAY, 2, later(days=45))
    for cause in ("soft", "counterfeit", "default"):
        with db.read() as conn:
            foreseen = clawbacks.assess(conn, MAY, cause, later(days=50))
        assert _claw(db, cause, at=later(days=50)).grants == (foreseen,)
    with db.read() as conn:
        assert clawbacks.assess(conn, MAY, "soft", later(days=50)).tranches == ()


class TestForgiven:
    """The decision behind a clawback fell."""

    def test_it_is_owed_no_more_and_what_was_not_spent_can_be_spent_again(self, db: Database) -> None:
        _half_spent(db)
        before = pool_of(db)
        _claw(db)
        done = _forgive(db)
        assert done == (ledger.Forgiven(MAY, 1, "counterfeit", debt=5, paid=0, returned=20, first=True),)
        voided = {"available": before["available"] + 70, "reserved": 0}
        assert pool_of(db) == {**before, **voided}  # what was not released stays in the pool
        assert owed_by(db, "acme") == {}
        assert _state(db, MAY) == ("released", ["released", "voided", "voided"], None)
        (told,) = events(db, verb=Verb.TRANCHE_FORGIVEN, party_id="acme")
        assert told["after"] == {"tranche_no": 1, "cause": "counterfeit", "debt": 5, "returned": 20}
        report(db, MAY, 1, 20, "r2", counted_until=later(days=4))
        assert pool_of(db)["consumed"] == 30

    def test_said_again_it_changes_nothing(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        _forgive(db)
        after = pool_of(db)
        assert _forgive(db) == (ledger.Forgiven(MAY, 1, "counterfeit", debt=5, paid=0, returned=20, first=False),)
        assert len(events(db, verb=Verb.TRANCHE_FORGIVEN)) == 1
        assert pool_of(db) == after

    def test_nothing_comes_back_once_the_term_is_over(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        with db.write() as conn:
            (done,) = clawbacks.forgive_party(conn, "acme", later(days=2), at=later(days=60))
        assert (done.debt, done.returned) == (5, 0)
        assert _state(db, MAY)[:2] == ("closed", ["clawed_back", "voided", "voided"])

    def test_nothing_comes_back_where_the_pool_has_given_it_to_others(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        a_reserved_grant(db, "other/2022-05", (985,))
        (done,) = _forgive(db)
        assert (done.debt, done.returned) == (5, 0)
        assert owed_by(db, "acme") == {}
        assert _state(db, MAY)[0] == "closed"

    def test_what_came_back_may_be_taken_again_by_another_cause_and_ends_once_more(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        _forgive(db)
        _claw(db, "other", at=later(days=4))
        assert _state(db, MAY)[:2] == ("closed", ["clawed_back", "voided", "voided"])
        assert len(events(db, verb=Verb.GRANT_CLOSED)) == 2

    def test_late_reports_are_forgiven_too_before_it_and_after(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        report(db, MAY, 1, 4, "early", counted_until=later(days=1))
        assert owed_by(db, "acme") == {"fast-brand": 7}
        (done,) = _forgive(db)
        assert done.debt == 7
        report(db, MAY, 1, 4, "late", counted_until=later(days=1))
        assert pool_of(db)["consumed"] == 18
        assert owed_by(db, "acme") == {}

    def test_what_another_clawback_made_stays_owed(self, db: Database) -> None:
        _half_spent(db)
        _claw(db, "soft", at=later(days=1))
        _claw(db)
        (done,) = _forgive(db)
        assert (done.cause, done.debt) == ("counterfeit", 5)
        assert owed_by(db, "acme") == {"fast-brand": 3}

    def test_what_a_grant_paid_stays_paid_and_is_told(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        a_reserved_grant(db, JUNE, (2, 1))
        (done,) = _forgive(db)
        assert (done.debt, done.paid) == (2, 3)
        (told,) = events(db, verb=Verb.TRANCHE_FORGIVEN)
        assert told["after"]["paid"] == 3

    def test_nothing_of_another_moment(self, db: Database) -> None:
        _half_spent(db)
        _claw(db)
        with db.write() as conn:
            assert clawbacks.forgive_party(conn, "acme", later(days=1), at=later(days=3)) == ()
        assert owed_by(db, "acme") == {"fast-brand": 5}


def _forgive(db: Database) -> tuple[ledger.Forgiven, ...]:
    """What ``_claw`` did fell."""
    with db.write() as conn:
        return clawbacks.forgive_party(conn, "acme", later(days=2), at=later(days=3))


def test_caps_stay_taken(db: Database) -> None:
    _half_spent(db)
    _claw(db)
    with db.read() as conn:
        limits = CapLimits(100, 100)
        left = ledger.remainders(conn, party_id="acme", year=2022, category="food", month="2022-05", limits=limits)
    assert left == CapRemainders(70, 70)  # what was never released was never given; the 30 were


class TestSetOff:
    """Debts are paid from the next grants."""

    @pytest.fixture(autouse=True)
    def _owing(self, db: Database) -> None:
        """acme owes 5."""
        _half_spent(db)
        _claw(db)

    def test_less_is_reserved_and_drawn_on_the_caps(self, db: Database) -> None:
        assert a_reserved_grant(db, JUNE) == Reserved(95, first=True, set_off=5)
        assert (owed_by(db, "acme"), pool_of(db)["debt"], pool_of(db)["reserved"]) == ({}, 0, 95)
        with db.read() as conn:
            assert [each.amount for each in grants.tranches_of(conn, JUNE)] == [28, 38, 29]
            assert ledger.holdings(conn, [JUNE])[JUNE].set_off == 5
            limits = CapLimits(1_000, 1_000)
            left = ledger.remainders(conn, party_id="acme", year=2022, category="food", month="2022-06", limits=limits)
        assert left == CapRemainders(1_000 - 30 - 95, 1_000 - 95)
        told = events(db, verb=Verb.GRANT_RESERVED)[-1]
        assert told["after"] == {"attempt": 1, "pool": "fast-brand", "amount": 95, "set_off": 5}
        assert a_reserved_grant(db, JULY) == Reserved(100, first=True)

    def test_the_same_attempt_gets_the_same_answer(self, db: Database) -> None:
        a_reserved_grant(db, JUNE)
        again: dict[str, Any] = {
            "grant_id": JUNE,
            "attempt": 1,
            "pool_id": "fast-brand",
            "party_id": "acme",
            "year": 2022,
        }
        again |= {"category": "food", "month": "2022-06", "cap_limits": CapLimits(), "at": later(days=9)}
        with db.write() as conn:
            assert ledger.reserve(conn, amount=100, **again) == Reserved(95, first=False, set_off=5)
        with pytest.raises(LedgerConflict, match="with other parameters"), db.write() as conn:
            ledger.reserve(conn, amount=95, **again)

    @pytest.mark.parametrize("amount", [5, 3])
    def test_a_grant_that_is_set_off_whole_holds_nothing(self, db: Database, amount: int) -> None:
        reserved = a_reserved_grant(db, JUNE, (amount,))
        assert reserved == Reserved(0, first=True, set_off=amount)
        assert owed_by(db, "acme") == ({"fast-brand": 2} if amount == 3 else {})
        again: dict[str, Any] = {
            "grant_id": JUNE,
            "attempt": 1,
            "pool_id": "fast-brand",
            "party_id": "acme",
            "year": 2022,
        }
        again |= {"category": "food", "month": "2022-06", "cap_limits": CapLimits(), "at": NOW}
        with db.write() as conn:
            assert ledger.reserve(conn, amount=amount, **again) == Reserved(0, first=False, set_off=amount)
            assert ledger.void_remaining(conn, grant_id=JUNE, at=NOW) == Moved(0, first=True)
        assert owed_by(db, "acme") == ({"fast-brand": 2} if amount == 3 else {})  # what was paid is paid

    def test_a_grant_given_up_whole_leaves_the_debt_as_it_was(self, db: Database) -> None:
        a_reserved_grant(db, JUNE, confirm=True)
        with db.write() as conn:
            assert ledger.void_remaining(conn, grant_id=JUNE, at=NOW) == Moved(95, first=True)
            assert ledger.void_remaining(conn, grant_id=JUNE, at=NOW) == Moved(95, first=False)
            grants.update(conn, JUNE, None, NOW, state=GrantState.VOIDED)
        assert (owed_by(db, "acme"), pool_of(db)["debt"]) == ({"fast-brand": 5}, 5)
        assert events(db, verb=Verb.GRANT_VOIDED)[-1]["after"] == {"amount": 95, "debt_restored": 5}
        assert a_reserved_grant(db, JULY) == Reserved(95, first=True, set_off=5)

    def test_tranche_by_tranche_given_up_is_given_up_whole_too(self, db: Database) -> None:
        a_reserved_grant(db, JUNE)
        for number, amount in ((1, 28), (2, 38), (3, 29)):
            assert owed_by(db, "acme") == {}
            with db.write() as conn:
                ledger.void_tranche(conn, grant_id=JUNE, tranche_no=number, amount=amount, at=NOW)
                grants.update_tranche(conn, JUNE, number, None, NOW, state=TrancheState.VOIDED)
        assert owed_by(db, "acme") == {"fast-brand": 5}

    def test_once_a_tranche_was_released_the_debt_is_paid(self, db: Database) -> None:
        a_reserved_grant(db, JUNE)
        release(db, JUNE, 1)
        with db.write() as conn:
            ledger.void_remaining(conn, grant_id=JUNE, at=NOW)
            for number in (2, 3):
                grants.update_tranche(conn, JUNE, number, None, NOW, state=TrancheState.VOIDED)
        assert owed_by(db, "acme") == {}

    def test_a_denied_attempt_pays_nothing(self, db: Database) -> None:
        again: dict[str, Any] = {"grant_id": JUNE, "pool_id": "fast-brand", "party_id": "acme", "year": 2022}
        again |= {"category": "food", "month": "2022-06", "at": NOW}
        with db.write() as conn:
            dry = ledger.reserve(conn, attempt=1, amount=996, cap_limits=CapLimits(), **again)
            capped = ledger.reserve(conn, attempt=2, amount=106, cap_limits=CapLimits(130, None), **again)
        assert (dry, capped) == (Denied("pool_dry", first=True), Denied("party_per_year", first=True))
        assert owed_by(db, "acme") == {"fast-brand": 5}

    def test_a_debt_follows_its_party_to_another_pool(self, db: Database) -> None:
        open_pool(db, 500, "brand")
        assert a_reserved_grant(db, JUNE, (40,), pool_id="brand") == Reserved(35, first=True, set_off=5)
        assert (pool_of(db)["debt"], pool_of(db, "brand")["available"]) == (0, 465)
        release(db, JUNE, 1)
        report(db, JUNE, 1, 20, "r1")
        _claw(db)
        assert owed_by(db, "acme") == {"brand": 10}

    def test_debts_to_a_grants_own_pool_are_paid_first(self, db: Database) -> None:
        open_pool(db, 500, "brand")
        a_reserved_grant(db, JUNE, (15,), pool_id="brand")  # pays the 5 to the fast-brand pool
        release(db, JUNE, 1)
        report(db, JUNE, 1, 10, "r1")
        a_reserved_grant(db, JULY, (20,))
        release(db, JULY, 1)
        report(db, JULY, 1, 8, "r1")
        _claw(db)
        assert owed_by(db, "acme") == {"brand": 5, "fast-brand": 4}
        assert a_reserved_grant(db, "acme/2022-08", (6,)) == Reserved(0, first=True, set_off=6)
        assert owed_by(db, "acme") == {"brand": 3}

    def test_threads_never_pay_the_same_debt_twice(self, db: Database) -> None:
        barrier, got = threading.Barrier(4), []

        def ask(month: int) -> None:
            barrier.wait()
            got.append(a_reserved_grant(db, f"acme/2022-{month:02d}", (30,)))

        threads = [threading.Thread(target=ask, args=(month,)) for month in range(6, 10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(each.set_off for each in got) == [0, 0, 0, 5]
        assert owed_by(db, "acme") == {}


def test_parties_and_reports_and_grants_at_once(db: Database) -> None:
    """Nobody waits in a circle, and what is left agrees with itself."""
    names = [f"p{number}" for number in range(4)]
    for name in names:
        for month in (5, 6):
            _half_spent(db, f"{name}/2022-{month:02d}")
    barrier, failed = threading.Barrier(8), []

    def act(number: int) -> None:
        barrier.wait()
        try:
            for step in range(3):
                name = names[(number + step) % 4]
                if number % 2:
                    _claw(db, "counterfeit", name)
                else:
                    for month in (5, 6):
                        report(db, f"{name}/2022-{month:02d}", 1, 2, f"late{number}", counted_until=later(days=1))
                    a_reserved_grant(db, f"{name}/2022-{7 + number + step:02d}", (9, 9))
        except Exception as error:  # told below, in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert differences(db) == []
