"""The ledger: two phases, business keys, caps, and what it refuses."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import InputError, LedgerConflict, NotFound
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.store import grants, ledger
from fastbrand.store.accounts import CAP_ACCOUNT, POOL, TRANCHE_ACCOUNT
from fastbrand.store.database import Database
from fastbrand.store.entries import ENTRY
from fastbrand.store.grants import NewTranche
from fastbrand.store.ledger import CapLimits, CapRemainders, Denied, Moved, Reserved
from tests.store.given import NOW, a_grant, events, later, open_pool, register, verbs

MONTH = "2022-05"
BIG = 2**53 - 1


def _reserve(db: Database, grant_id: str = "acme/2022-05", amount: int = 60, **more: Any) -> Reserved | Denied:
    request = {
        "grant_id": grant_id,
        "attempt": 1,
        "pool_id": "fast-brand",
        "amount": amount,
        "party_id": grant_id.partition("/")[0],
        "year": 2022,
        "category": "food",
        "month": MONTH,
        "cap_limits": CapLimits(),
        "at": NOW,
        **more,
    }
    with db.write() as conn:
        return ledger.reserve(conn, **request)


def _do(db: Database, step: Any, grant_id: str = "acme/2022-05", **more: Any) -> Moved:
    with db.write() as conn:
        moved: Moved = step(conn, grant_id=grant_id, **{"at": NOW, **more})
        return moved


def _pool(db: Database) -> tuple[int, int, int, int]:
    """Available, reserved, released and unspent, consumed; checked against the budget."""
    with db.read() as conn:
        (pool,) = ledger.status(conn)
    sums = (pool["available"], pool["reserved"], pool["released_unspent"], pool["consumed"])
    assert sum(sums) == pool["budget"] + pool["top_ups"]
    return sums


def _left(db: Database, party_id: str = "acme", **limits: int) -> CapRemainders:
    with db.read() as conn:
        return ledger.remainders(
            conn, party_id=party_id, year=2022, category="food", month=MONTH, limits=CapLimits(**limits)
        )


def _ledger_differences(db: Database) -> list[Any]:
    """What does not agree in the ledger itself (these tests keep no rows of grants)."""
    with db.read() as conn:
        found = ledger.reconcile(conn)["differences"]
    return [each for each in found if not each["account"].startswith("plan/")]


@pytest.fixture(autouse=True)
def _opened(db: Database) -> Any:
    open_pool(db, 100)
    yield
    assert _ledger_differences(db) == []


def test_a_pool_is_opened_once(db: Database) -> None:
    with db.write() as conn:
        specs = [ledger.PoolSpec("fast-brand", "impressions", 999), ledger.PoolSpec("brand", "impressions", BIG)]
        assert ledger.open_pools(conn, specs, at=NOW) == ["brand"]
        assert ledger.open_pools(conn, specs, at=NOW) == []
        assert ledger.open_pools(conn, [ledger.PoolSpec("empty", "impressions", 0)], at=NOW) == ["empty"]
        shown = ledger.status(conn)
    assert [(pool["pool_id"], pool["budget"]) for pool in shown] == [("brand", BIG), ("empty", 0), ("fast-brand", 100)]
    assert shown[2] == {
        "pool_id": "fast-brand",
        "unit": "impressions",
        "budget": 100,
        "top_ups": 0,
        "available": 100,
        "reserved": 0,
        "released_unspent": 0,
        "consumed": 0,
        "clawed_back": 0,
        "debt": 0,
    }
    told = events(db, verb=Verb.POOL_OPENED)
    assert [event["subject"]["id"] for event in told] == ["fast-brand", "brand", "empty"]
    assert told[0]["after"] == {"pool": "fast-brand", "unit": "impressions", "budget": 100}


def test_reserve_release_expire(db: Database) -> None:
    assert _reserve(db, amount=60) == Reserved(60, first=True)
    assert _pool(db) == (40, 60, 0, 0)
    assert _do(db, ledger.commit, tranche_no=1, amount=25) == Moved(25, first=True)
    assert _pool(db) == (40, 35, 25, 0)
    assert _do(db, ledger.expire, tranche_no=1) == Moved(25, first=True)
    assert _pool(db) == (65, 35, 0, 0)
    assert verbs(db)[1:] == ["grant:reserved", "tranche:released", "tranche:expired"]


def test_what_is_told(db: Database) -> None:
    _reserve(db, amount=60, decision_id="d-1", rulebook_sha256="b" * 64)
    _do(db, ledger.commit, tranche_no=1, amount=25, reason="keep")
    reserved, released = events(db)[1:]
    assert reserved["after"] == {"attempt": 1, "pool": "fast-brand", "amount": 60}
    assert (reserved["decision_id"], reserved["rulebook_sha256"]) == ("d-1", "b" * 64)
    assert (released["after"], released["reason"]) == ({"tranche_no": 1, "amount": 25}, "keep")
    assert reserved["subject"] == released["subject"] == {"kind": "grant", "id": "acme/2022-05"}
    assert events(db, party_id="acme") == [reserved, released]


def test_said_twice_done_once(db: Database) -> None:
    steps: list[tuple[Any, dict[str, Any]]] = [
        (ledger.commit, {"tranche_no": 1, "amount": 25}),
        (ledger.expire, {"tranche_no": 1}),
        (ledger.void_tranche, {"tranche_no": 2, "amount": 5}),
        (ledger.void_remaining, {}),
    ]
    assert _reserve(db) == Reserved(60, first=True)
    assert _reserve(db, at=later(days=1), cap_limits=CapLimits(1, 1)) == Reserved(60, first=False)
    for step, what in steps:
        first = _do(db, step, **what)
        before = _pool(db)
        assert first.first
        assert _do(db, step, **what, at=later(days=1)) == Moved(first.amount, first=False)
        assert _pool(db) == before
    assert _pool(db) == (100, 0, 0, 0)
    assert len(verbs(db)) == 1 + 1 + len(steps)


@pytest.mark.parametrize(
    "other", [{"amount": 61}, {"pool_id": "brand"}, {"category": "apparel"}, {"month": "2022-06"}, {"year": 2023}]
)
def test_the_same_attempt_with_other_parameters_is_a_conflict(db: Database, other: dict[str, Any]) -> None:
    for grant_id, amount in (("acme/2022-05", 60), ("dry/2022-05", 101)):
        _reserve(db, grant_id, amount)
        with pytest.raises(LedgerConflict, match="with other parameters"):
            _reserve(db, grant_id, **{"amount": amount, **other})


def test_the_same_tranche_with_another_amount_is_a_conflict(db: Database) -> None:
    _reserve(db)
    for step, tranche_no in ((ledger.commit, 1), (ledger.void_tranche, 2)):
        _do(db, step, tranche_no=tranche_no, amount=10)
        with pytest.raises(LedgerConflict, match="with other parameters"):
            _do(db, step, tranche_no=tranche_no, amount=11)


def test_a_grant_is_reserved_once_in_its_life(db: Database) -> None:
    _reserve(db, amount=10)
    with pytest.raises(LedgerConflict, match="by another attempt"):
        _reserve(db, amount=10, attempt=2)
    _do(db, ledger.void_remaining)
    with pytest.raises(LedgerConflict, match="by another attempt"):
        _reserve(db, amount=10, attempt=3)
    assert _pool(db) == (100, 0, 0, 0)


def test_a_dry_pool_denies_and_remembers(db: Database) -> None:
    assert _reserve(db, amount=60) == Reserved(60, first=True)
    assert _reserve(db, "other/2022-05", 41) == Denied("pool_dry", first=True)
    assert _pool(db) == (40, 60, 0, 0)
    _do(db, ledger.void_remaining)  # there is room now
    assert _reserve(db, "other/2022-05", 41) == Denied("pool_dry", first=False)
    assert _reserve(db, "other/2022-05", 41, attempt=2) == Reserved(41, first=True)
    told = events(db, party_id="other")
    assert [event["verb"] for event in told] == ["grant:waiting", "grant:reserved"]
    assert told[0]["after"] == {"attempt": 1, "pool": "fast-brand", "amount": 41, "denied": "pool_dry"}


def test_the_last_unit_is_given(db: Database) -> None:
    assert _reserve(db, amount=100) == Reserved(100, first=True)
    assert _reserve(db, "other/2022-05", 1) == Denied("pool_dry", first=True)


def test_caps_deny_before_the_pool_does(db: Database) -> None:
    assert _left(db, party_year=70, category_month=90) == CapRemainders(70, 90)
    _reserve(db, "acme/2022-05", 60, cap_limits=CapLimits(70, 90))
    assert _left(db, party_year=70, category_month=90) == CapRemainders(10, 30)
    assert _left(db, "other", party_year=70) == CapRemainders(70, None)
    assert _left(db, category_month=50) == CapRemainders(None, 0)  # a limit that was lowered since
    denied = _reserve(db, "acme/2022-06", 11, cap_limits=CapLimits(70, 90))
    assert denied == Denied("party_per_year", first=True)
    denied = _reserve(db, "other/2022-05", 31, cap_limits=CapLimits(70, 90))
    assert denied == Denied("category_per_month", first=True)
    assert _left(db, "other", party_year=70) == CapRemainders(70, None)  # what the party's cap had taken is undone
    denied = _reserve(db, "third/2022-05", 999, cap_limits=CapLimits(70, 90))
    assert denied == Denied("party_per_year", first=True)
    granted = _reserve(db, "acme/2022-06", 10, attempt=2, cap_limits=CapLimits(70, 90))
    assert granted == Reserved(10, first=True)


def test_caps_count_where_no_limit_is_set_yet(db: Database) -> None:
    _reserve(db, amount=60)
    assert _left(db, party_year=70, category_month=70) == CapRemainders(10, 10)


def test_years_months_and_categories_have_accounts_of_their_own(db: Database) -> None:
    _reserve(db, "a/1", 10)
    _reserve(db, "a/2", 10, year=2023, party_id="a")
    _reserve(db, "b/1", 10, month="2022-06")
    _reserve(db, "c/1", 10, category=None)
    with db.read() as conn:
        used = {row.account: row.used for row in conn.execute(select(CAP_ACCOUNT))}
    assert used == {
        "party/a/2022": 10,
        "party/a/2023": 10,
        "party/b/2022": 10,
        "party/c/2022": 10,
        "category/food/2022-05": 20,
        "category/food/2022-06": 10,
        "category/-/2022-05": 10,
    }


def test_a_void_frees_the_caps_an_expiry_does_not(db: Database) -> None:
    _reserve(db, amount=60)
    _do(db, ledger.commit, tranche_no=1, amount=20)
    _do(db, ledger.expire, tranche_no=1)
    assert _left(db, party_year=100) == CapRemainders(40, None)
    _do(db, ledger.void_tranche, tranche_no=2, amount=15)
    assert _left(db, party_year=100) == CapRemainders(55, None)
    assert _do(db, ledger.void_remaining) == Moved(25, first=True)
    assert _left(db, party_year=100, category_month=100) == CapRemainders(80, 80)
    assert _pool(db) == (100, 0, 0, 0)


def test_a_tranche_ends_one_way(db: Database) -> None:
    _reserve(db)
    _do(db, ledger.commit, tranche_no=1, amount=10)
    _do(db, ledger.void_tranche, tranche_no=2, amount=10)
    for step, tranche_no in ((ledger.void_tranche, 1), (ledger.commit, 2)):
        with pytest.raises(LedgerConflict, match="released or voided before"):
            _do(db, step, tranche_no=tranche_no, amount=10)
    for tranche_no in (2, 3):
        with pytest.raises(LedgerConflict, match="never released"):
            _do(db, ledger.expire, tranche_no=tranche_no)
    assert _pool(db) == (50, 40, 10, 0)


def test_no_more_than_is_held(db: Database) -> None:
    _reserve(db, amount=60)
    for step in (ledger.commit, ledger.void_tranche):
        with pytest.raises(LedgerConflict, match="more than there are"):
            _do(db, step, tranche_no=1, amount=61)
    _do(db, ledger.commit, tranche_no=1, amount=60)
    with pytest.raises(LedgerConflict):
        _do(db, ledger.commit, tranche_no=2, amount=1)
    assert _pool(db) == (40, 0, 60, 0)


def test_nothing_was_reserved(db: Database) -> None:
    asked: list[tuple[Any, dict[str, Any]]] = [
        (ledger.commit, {"amount": 1}),
        (ledger.void_tranche, {"amount": 1}),
        (ledger.expire, {}),
    ]
    for step, more in asked:
        with pytest.raises(LedgerConflict, match="nothing was ever reserved"):
            _do(db, step, tranche_no=1, **more)


def test_giving_up_what_only_waited_is_told_and_moves_nothing(db: Database) -> None:
    register(db, "acme")
    grant_id = a_grant(db, "acme", 500, GrantState.WAITING)
    assert _do(db, ledger.void_remaining, grant_id, reason="standing lost") == Moved(0, first=True)
    assert _do(db, ledger.void_remaining, grant_id) == Moved(0, first=False)
    (told,) = events(db, verb=Verb.GRANT_VOIDED, party_id="acme")
    assert (told["after"], told["reason"]) == ({"amount": 0}, "standing lost")
    assert _pool(db) == (100, 0, 0, 0)


def test_what_cannot_be_asked(db: Database) -> None:
    with pytest.raises(NotFound, match="pool `nothing`"):
        _reserve(db, pool_id="nothing")
    for amount in (0, -1):
        with pytest.raises(InputError):
            _reserve(db, amount=amount)
        with pytest.raises(InputError):
            _do(db, ledger.commit, tranche_no=1, amount=amount)
    with pytest.raises(InputError, match="`0` is not a tranche"):
        _do(db, ledger.commit, tranche_no=0, amount=1)
    assert verbs(db) == ["pool:opened"]


def test_a_conflict_leaves_nothing(db: Database) -> None:
    """Entry and event are written first; what the account then refuses takes them back with it."""
    _reserve(db, amount=60)
    with pytest.raises(LedgerConflict):
        _do(db, ledger.commit, tranche_no=1, amount=61)
    with db.read() as conn:
        assert len(conn.execute(select(ENTRY.c.seq)).all()) == 2
    assert verbs(db) == ["pool:opened", "grant:reserved"]
    assert _do(db, ledger.commit, tranche_no=1, amount=60) == Moved(60, first=True)


@pytest.mark.parametrize(
    "change", ["pending = pending + 41", "posted = posted + 41", "pending = -1", "consumed = 1", "budget = 59"]
)
def test_the_database_itself_refuses_to_overspend(db: Database, change: str) -> None:
    _reserve(db, amount=60)
    with pytest.raises(DBAPIError, match=r"(?i)check constraint"), db.write() as conn:
        conn.execute(text(f"UPDATE pool SET {change}"))


def test_threads_never_overspend(db: Database) -> None:
    """Forty want 7 of 100: exactly fourteen get it, the others are told so."""
    barrier, got = threading.Barrier(8), []

    def ask(start: int) -> None:
        barrier.wait()
        for number in range(start, start + 5):
            got.append(_reserve(db, f"p{number}/2022-05", 7))

    threads = [threading.Thread(target=ask, args=(5 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(each).__name__ for each in got) == ["Denied"] * 26 + ["Reserved"] * 14
    assert _pool(db) == (2, 98, 0, 0)


def test_threads_that_say_the_same_get_the_same(db: Database) -> None:
    barrier, got = threading.Barrier(6), []

    def ask() -> None:
        barrier.wait()
        got.append(_reserve(db, amount=60))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got, key=str) == sorted([Reserved(60, first=True)] + [Reserved(60, first=False)] * 5, key=str)
    assert _pool(db) == (40, 60, 0, 0)


class TestReconcile:
    """What reconciling finds."""

    @pytest.fixture
    def granted(self, db: Database) -> str:
        """A grant with a released, a planned and a voided tranche, its rows as the ledger has them."""
        register(db, "acme")
        grant_id = a_grant(db, "acme", 60, GrantState.RESERVED)
        _reserve(db, grant_id, 60)
        with db.write() as conn:
            grants.plan_tranches(conn, grant_id, [NewTranche(number, 20, NOW) for number in (1, 2, 3)])
            ledger.commit(conn, grant_id=grant_id, tranche_no=1, amount=20, at=NOW)
            ledger.void_tranche(conn, grant_id=grant_id, tranche_no=3, amount=20, at=NOW)
            grants.update_tranche(conn, grant_id, 1, None, NOW, state=TrancheState.RELEASED)
            grants.update_tranche(conn, grant_id, 3, None, NOW, state=TrancheState.VOIDED)
        return grant_id

    def _reconciled(self, db: Database) -> dict[str, tuple[int, int]]:
        with db.read() as conn:
            found = ledger.reconcile(conn)
        assert found["balanced"] is (not found["differences"])
        return {each["account"]: (each["kept"], each["booked"]) for each in found["differences"]}

    def test_balanced(self, db: Database, granted: str) -> None:
        assert self._reconciled(db) == {}
        with db.write() as conn:
            ledger.void_remaining(conn, grant_id=granted, at=NOW)
            grants.update(conn, granted, None, NOW, state=GrantState.VOIDED)
        assert self._reconciled(db) == {}  # the planned tranche of a grant that was given up holds nothing
        with db.write() as conn:
            ledger.expire(conn, grant_id=granted, tranche_no=1, at=NOW)
            grants.update_tranche(conn, granted, 1, None, NOW, state=TrancheState.EXPIRED)
        assert self._reconciled(db) == {}

    def test_a_grant_without_tranches_yet(self, db: Database) -> None:
        register(db, "acme")
        grant_id = a_grant(db, "acme", 60, GrantState.AWAITING_CONFIRMATION)
        assert self._reconciled(db) == {"plan/acme/2022-05/reserved": (60, 0)}
        _reserve(db, grant_id, 60)
        assert self._reconciled(db) == {}

    def test_a_reservation_that_no_grant_knows(self, db: Database) -> None:
        _reserve(db, "acme/2022-05", 60)
        assert self._reconciled(db) == {"plan/acme/2022-05/reserved": (0, 60)}

    def test_a_grant_that_says_otherwise(self, db: Database, granted: str) -> None:
        with db.write() as conn:
            grants.update_tranche(conn, granted, 1, None, NOW, state=TrancheState.EXPIRED)
            grants.update_tranche(conn, granted, 2, None, NOW, state=TrancheState.RELEASED)
        assert self._reconciled(db) == {
            "plan/acme/2022-05/1/unspent": (0, 20),
            "plan/acme/2022-05/2/unspent": (20, 0),
            "plan/acme/2022-05/reserved": (0, 20),
        }

    @pytest.mark.usefixtures("granted")
    def test_a_pool_that_was_tampered_with(self, db: Database) -> None:
        with db.write() as conn:
            conn.execute(update(POOL).values(pending=POOL.c.pending - 5, posted=POOL.c.posted + 3))
        assert self._reconciled(db) == {
            "pool/fast-brand/0/available": (62, 60),
            "pool/fast-brand/0/reserved": (15, 20),
            "pool/fast-brand/0/unspent": (23, 20),
        }
        with db.write() as conn:
            conn.execute(update(POOL).values(pending=20, posted=20, budget=101))
        assert self._reconciled(db) == {
            "pool/fast-brand/0/available": (61, 60),
            "pool/fast-brand/0/budget": (-101, -100),
        }
        with db.write() as conn:
            conn.execute(update(POOL).values(budget=100))

    @pytest.mark.usefixtures("granted")
    def test_a_cap_and_a_tranche_that_were_tampered_with(self, db: Database) -> None:
        with db.write() as conn:
            conn.execute(update(CAP_ACCOUNT).values(used=CAP_ACCOUNT.c.used + 1))
            conn.execute(
                update(TRANCHE_ACCOUNT).where(TRANCHE_ACCOUNT.c.tranche_no == 1).values(consumed=1, unspent=19)
            )
        assert self._reconciled(db) == {
            "category/food/2022-05": (41, 40),
            "grant/acme/2022-05/1/consumed": (1, 0),
            "grant/acme/2022-05/1/unspent": (19, 20),
            "party/acme/2022": (41, 40),
            "plan/acme/2022-05/1/consumed": (0, 1),
            "plan/acme/2022-05/1/unspent": (20, 19),
        }
        with db.write() as conn:
            conn.execute(update(CAP_ACCOUNT).values(used=40))
            conn.execute(
                update(TRANCHE_ACCOUNT).where(TRANCHE_ACCOUNT.c.tranche_no == 1).values(consumed=0, unspent=20)
            )
