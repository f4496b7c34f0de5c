"""The ledger against a plain model of it: any order of bookings, repeats, wrong bookings, late reports and crashes.

``make soak`` makes it 1,000 runs of 50 steps.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from fastbrand.domain.errors import LedgerConflict, Refused
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit, clawbacks, decisions, deliveries, grants, ledger, parties, proposals
from fastbrand.store.database import Database
from fastbrand.store.ledger import CapLimits, CapRemainders, Denied, Moved, Reserved
from tests.store import ledger_model
from tests.store.given import NOW, a_decision, an_event, later
from tests.store.ledger_model import CLAWED, EXPIRED, EXPIRES_AFTER, PLANNED, RELEASED, Grant, Model, Tranche

SOAK = os.environ.get("FASTBRAND_SOAK") == "1"
RUNS, STEPS = (1_000, 50) if SOAK else (50, 30)
SHARDS = 2
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""What a power cut leaves is not asked here, so nothing has to reach a disk."""

PARTIES = ("a", "b")
MONTHS = ("2022-05", "2022-06", "2022-07", "2022-08")
GRANTS = tuple(f"{party}/{month}" for party in PARTIES for month in MONTHS)
POOLS = ("fast-brand", "brand")
DAY_MS = 86_400_000
OUT = {RELEASED, EXPIRED, CLAWED}
"""States of a tranche that was released."""

_grants = st.sampled_from(GRANTS)
_numbers = st.integers(1, 3)
_amounts = st.integers(10, 50)
_pools = st.sampled_from(POOLS)
_reports = st.tuples(st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6"]), st.integers(1, 9), st.integers(0, 8))
"""Name, units, and how many days ago they were counted."""
_seldom = st.integers(0, 5).map(lambda number: number == 5)


class _Crash(Exception):
    pass


class LedgerMachine(RuleBasedStateMachine):
    """Says the same to the ledger and to the model, and compares all that can be seen after each step."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self._place = Path(tempfile.mkdtemp(prefix="fastbrand-ledger-", dir=MEMORY))
        self.db = Database(f"sqlite:///{shutil.copy(self.template, self._place / 'x.db')}")
        self.model = Model()
        self.limits = CapLimits()
        self.attempts: dict[tuple[str, int], tuple[str, int, str, tuple[int, int]]] = {}
        self.booked: dict[tuple[str, str, int], int] = {}
        self.told_once: set[tuple[Any, ...]] = set()
        self.events = 0

    @property
    def now(self) -> datetime:
        """The moment of the model's day."""
        return later(days=self.model.day)

    @initialize(
        budgets=st.tuples(st.integers(40, 240), st.integers(20, 120)),
        party_year=st.none() | st.integers(60, 200),
        category_month=st.none() | st.integers(40, 120),
        causes=st.sampled_from([(), ("soft",), ("soft", "hard")]),
    )
    def open(
        self, budgets: tuple[int, int], party_year: int | None, category_month: int | None, causes: tuple[str, ...]
    ) -> None:
        self.limits = CapLimits(party_year, category_month)
        self.model.limits = {"party": party_year, "category": category_month}
        self.model.available.update(dict(zip(POOLS, budgets, strict=True)))
        self.events = len(POOLS) + len(PARTIES) + len(GRANTS)
        rows = [
            {
                "cause": cause,
                "within_ms": row.within * DAY_MS,
                "unspent_ppb": row.unspent_ppb,
                "spent_ppb": row.spent_ppb,
            }
            for cause, row in ledger_model.TERMS.items()
        ]
        with self.db.write() as conn:
            specs = [ledger.PoolSpec(pool, "u", budget) for pool, budget in zip(POOLS, budgets, strict=True)]
            ledger.open_pools(conn, specs, at=NOW)
            parties.register_many(conn, [(party, Track.M) for party in PARTIES], at=NOW)
            for grant in GRANTS:
                made = replace(a_decision(grant[0], "grant"), kind="incentive", result={"clawback": rows, "n": grant})
                decisions.store(conn, made, grant, {}, at=NOW)
        if causes:
            self._run_into_debt(causes)

    def _run_into_debt(self, causes: tuple[str, ...]) -> None:
        """A party that owes to both pools, in part of tranches that can still be spent: what random steps seldom do."""
        for grant, pool in zip(GRANTS, POOLS, strict=False):
            self.reserve(grant, 1, 30, pool)
            for no in list(self.model.grants[grant].tranches) if grant in self.model.grants else ():
                self._commit(grant, no, self.model.grants[grant].tranches[no].amount)
                self._consume(grant, no, "r1", 6, until=0)
        for cause in causes:
            for grant in sorted(self.model.grants):
                self._claw_back([grant], cause)

    @rule(days=st.integers(1, 4))
    def wait(self, days: int) -> None:
        self.model.day += days

    @rule(grant=_grants, attempt=_numbers, amount=_amounts, pool=_pools)
    def reserve(self, grant: str, attempt: int, amount: int, pool: str) -> None:
        def step(conn: Connection) -> Reserved | Denied:
            return self._reserve(conn, grant, attempt, amount, pool)

        known = self.attempts.get((grant, attempt))
        if known is not None and known[:2] != (pool, amount):
            self._refused(step)
        elif known is not None:
            held, set_off = known[3]
            denied: Any = known[2]
            assert self._done(step) == (Denied(denied, False) if denied else Reserved(held, False, set_off))
        elif grant in self.model.grants:
            self._refused(step)
        else:
            why: Any = self.model.reserve(grant, pool, amount)
            self.events += 1
            answer: Reserved | Denied = Denied(why, first=True)
            got = (0, 0)
            if not why:
                made = self.model.grants[grant]
                got = made.reserved, made.set_off
                answer = Reserved(got[0], first=True, set_off=got[1])
            self.attempts[grant, attempt] = (pool, amount, why, got)
            assert self._done(step, lambda conn: self._plan(conn, grant, amount)) == answer

    @precondition(lambda self: self._has(PLANNED))
    @rule(data=st.data(), other=_seldom)
    def commit(self, data: st.DataObject, other: bool) -> None:
        grant_id, _, no, tranche = self._tranche(data, {PLANNED})
        self._commit(grant_id, no, tranche.amount + other * 200)

    def _commit(self, grant_id: str, no: int, amount: int) -> None:
        grant = self.model.grants[grant_id]
        tranche = grant.tranches[no]

        def step(conn: Connection) -> Moved:
            return ledger.commit(conn, grant_id=grant_id, tranche_no=no, amount=amount, at=self.now)

        possible = tranche.state == PLANNED and amount == tranche.amount
        if self._first("commit", grant_id, no, amount, step, possible=possible):
            self.model.commit(grant, no)
            assert self._done(step, lambda conn: self._released(conn, grant_id, no)) == Moved(amount, first=True)

    @precondition(lambda self: self._has(PLANNED))
    @rule(data=st.data(), whole=st.booleans(), other=_seldom)
    def void(self, data: st.DataObject, whole: bool, other: bool) -> None:
        grant_id, grant, no, tranche = self._tranche(data, {PLANNED})
        if whole:
            self._void_remaining(grant_id, grant)
            return
        amount = tranche.amount + other * 200

        def step(conn: Connection) -> Moved:
            return ledger.void_tranche(conn, grant_id=grant_id, tranche_no=no, amount=amount, at=self.now)

        possible = tranche.state == PLANNED
        if self._first("void", grant_id, no, amount, step, possible=possible and not other):
            self.model.void(grant, no)
            assert self._done(step, lambda conn: self._rows(conn, grant_id)) == Moved(amount, first=True)

    def _void_remaining(self, grant_id: str, grant: Grant) -> None:
        def step(conn: Connection) -> Moved:
            return ledger.void_remaining(conn, grant_id=grant_id, at=self.now)

        booked = self.booked.get(("void", grant_id, 0))
        if booked is not None:
            assert self._done(step) == Moved(booked, first=False)
        elif not grant.unreleased():
            assert self._done(step) == Moved(0, first=self._once("void nothing", grant_id))
        else:
            amount = self.booked["void", grant_id, 0] = self.model.void(grant)
            self.events += 1
            assert self._done(step, lambda conn: self._rows(conn, grant_id)) == Moved(amount, first=True)

    @precondition(lambda self: self._has(*OUT))
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        grant_id, grant, no, tranche = self._tranche(data, OUT)

        def step(conn: Connection) -> Moved:
            return ledger.expire(conn, grant_id=grant_id, tranche_no=no, at=self.now)

        booked = self.booked.get(("expire", grant_id, no))
        if tranche.released_on is None:
            self._refused(step)
        elif booked is not None:
            assert self._done(step) == Moved(booked, first=False)
        elif tranche.state == RELEASED:
            amount = self.model.expire(grant, no)
            first = bool(amount) or self._once("expire", grant_id, no)
            if amount:
                self.events += 1
                self.booked["expire", grant_id, no] = amount
            assert self._done(step, lambda conn: self._rows(conn, grant_id)) == Moved(amount, first=first)
        else:  # clawed back, or nothing was left when it expired
            assert self._done(step) == Moved(0, first=self._once("expire", grant_id, no))

    @precondition(lambda self: self._has(*OUT))
    @rule(data=st.data(), reports=st.lists(_reports, min_size=1, max_size=4))
    def consume(self, data: st.DataObject, reports: list[tuple[str, int, int]]) -> None:
        grant_id, _, no, tranche = self._tranche(data, OUT)
        for name, asked, ago in reports:
            units = tranche.reports.get(name, asked) if data.draw(st.booleans()) else asked
            self._consume(grant_id, no, name, units, until=max(0, self.model.day - ago))

    def _consume(self, grant_id: str, no: int, name: str, units: int, until: int) -> None:
        grant = self.model.grants[grant_id]
        why, free = self.model.consume(grant, no, name, units, until)
        report = deliveries.Report(grant_id, no, units, name, later(days=until))
        answer = self._done(lambda conn: deliveries.book(conn, report, at=self.now))
        if why in {"", "repeated"}:
            assert isinstance(answer, deliveries.Booked)
            assert (answer.units, answer.first) == (units, why == "")
            assert answer.consumed == grant.tranches[no].consumed
            assert answer.debt == (free if answer.first else 0)
            self.events += answer.first
        else:
            assert isinstance(answer, Refused)
            assert answer.instance_code == why
            self._once("refused", grant_id, no, name, units, why, free)

    @precondition(lambda self: self._has(*OUT))
    @rule(data=st.data(), cause=st.sampled_from(["hard", "soft", "other"]), whole_party=_seldom)
    def claw_back(self, data: st.DataObject, cause: str, whole_party: bool) -> None:
        grant_id, grant, _, _ = self._tranche(data, OUT)
        everything = sorted(self.model.grants)
        chosen = [each for each in everything if each[0] == grant.party] if whole_party else [grant_id]
        self._claw_back(chosen, cause, grant.party if whole_party else None)

    def _claw_back(self, chosen: list[str], cause: str, party: str | None = None) -> None:
        expected = [(each, *self._claw(each, cause)) for each in chosen]
        if party is not None:
            taken = self._done(lambda conn: clawbacks.clawback_party(conn, party, cause, at=self.now))
        else:
            taken = self._done(lambda conn: clawbacks.clawback_grant(conn, chosen[0], cause, at=self.now))
        assert [
            (each.grant_id, each.voided, [(one.no, one.unspent, one.debt) for one in each.tranches if one.first])
            for each in taken.grants
        ] == expected

    @precondition(lambda self: self._clawed_days())
    @rule(data=st.data())
    def forgive(self, data: st.DataObject) -> None:
        """The decision behind a clawback of a party fell; said twice, it is done once."""
        party, day = data.draw(st.sampled_from(self._clawed_days()))
        expected = self.model.forgive(party, day)
        self.events += len(expected)
        for again in (False, True):
            done = self._done(lambda conn: clawbacks.forgive_party(conn, party, later(days=day), at=self.now))
            first = [(e.grant_id, e.tranche_no, e.cause, e.debt, e.paid, e.returned) for e in done if e.first]
            assert first == ([] if again else expected)

    def _clawed_days(self) -> list[tuple[str, int]]:
        """Party and day of every clawback there was."""
        every = [(grant, tranche) for grant in self.model.grants.values() for tranche in grant.tranches.values()]
        return sorted({(grant.party, each.day) for grant, tranche in every for each in tranche.clawbacks.values()})

    @rule(pool=_pools, number=_numbers, amount=st.integers(1, 40))
    def top_up(self, pool: str, number: int, amount: int) -> None:
        name = f"t{number}"

        def step(conn: Connection) -> Moved:
            return ledger.top_up(conn, pool_id=pool, top_up_id=name, amount=amount, at=self.now)

        def wanted_by_two(conn: Connection) -> None:
            asked: dict[str, Any] = {"kind": proposals.ProposalKind.TOP_UP, "subject": pool, "amount": amount}
            proposals.propose(conn, an_event(name), NOW, proposal_id=name, reason="r", proposed_by="jun", **asked)
            confirmed = proposals.ProposalState.CONFIRMED
            proposals.answer(conn, None, NOW, proposal_id=name, state=confirmed, answered_by="an")

        known = self.booked.get(("top_up", pool, number))
        if known == amount:
            assert self._done(step) == Moved(amount, first=False)
        elif any(("top_up", each, number) in self.booked for each in POOLS):
            self._refused(step)
        else:
            self.booked["top_up", pool, number] = amount
            self.model.available[pool] += amount
            self.model.topped_up[pool] += amount
            self.events += 2
            assert self._done(step, wanted_by_two) == Moved(amount, first=True)

    @precondition(lambda self: self.model.grants)
    @rule(data=st.data(), amount=_amounts)
    def crash(self, data: st.DataObject, amount: int) -> None:
        """The process dies before the transaction ends."""
        grant_id = data.draw(st.sampled_from(sorted(self.model.grants)))
        fresh = data.draw(_grants)

        def step(conn: Connection) -> None:
            if fresh not in self.model.grants:
                self._reserve(conn, fresh, 9, amount, "brand")
            clawbacks.clawback_party(conn, grant_id[0], "hard", at=self.now)
            ledger.top_up(conn, pool_id="brand", top_up_id="t9", amount=amount, at=self.now)
            raise _Crash

        with pytest.raises(_Crash), self.db.write() as conn:
            step(conn)

    @invariant()
    def balanced(self) -> None:
        with self.db.read() as conn:
            assert ledger.reconcile(conn) == {"balanced": True, "differences": []}
            shown = {pool["pool_id"]: pool for pool in ledger.status(conn)}
            assert not shown or audit.count(conn) == self.events
            for pool in shown:
                self._pool_agrees(pool, shown[pool])
            for party in PARTIES if shown else ():
                assert {debt.pool_id: debt.owed for debt in ledger.debts_of(conn, party)} == self.model.owed_by(party)
                for month in MONTHS:
                    left = ledger.remainders(
                        conn, party_id=party, year=2022, category="food", month=month, limits=self.limits
                    )
                    caps = (f"party/{party}/2022", f"category/food/{month}")
                    assert left == CapRemainders(*map(self.model.left, caps))

    @invariant()
    def each_grant_is_as_the_model_has_it(self) -> None:
        with self.db.read() as conn:
            held = ledger.holdings(conn, GRANTS)
            for grant_id, grant in self.model.grants.items():
                there = held[grant_id]
                assert (there.reserved, there.set_off) == (grant.reserved, grant.set_off)
                row = grants.get(conn, grant_id)
                assert row is not None
                assert str(row.state) == grant.state
                states = {each.no: (str(each.state), each.consumed) for each in grants.tranches_of(conn, grant_id)}
                assert states == {no: (each.state, each.consumed) for no, each in grant.tranches.items()}
                for no, tranche in grant.tranches.items():
                    if tranche.released_on is None:
                        continue
                    names = ("unspent", "consumed", "expired", "clawed_back", "owed")
                    assert all(getattr(there.tranches[no], name) == getattr(tranche, name) for name in names)
                    assert tranche.unspent + tranche.consumed + tranche.expired + tranche.clawed_back == tranche.amount

    def teardown(self) -> None:
        self.db.close()
        shutil.rmtree(self._place)

    # --- saying it ------------------------------------------------------------------------------------------------

    def _pool_agrees(self, pool: str, shown: dict[str, Any]) -> None:
        mine = [grant for grant in self.model.grants.values() if grant.pool == pool]
        out = [tranche for grant in mine for tranche in grant.tranches.values()]
        assert shown["available"] == self.model.available[pool]
        assert shown["reserved"] == sum(grant.reserved for grant in mine)
        assert shown["released_unspent"] == sum(tranche.unspent for tranche in out)
        assert shown["consumed"] == sum(tranche.consumed for tranche in out)
        assert shown["clawed_back"] == sum(tranche.clawed_back for tranche in out)
        assert shown["top_ups"] == self.model.topped_up[pool]
        assert shown["debt"] == sum(owed for (_, owed_to), owed in self.model.debts.items() if owed_to == pool)
        held = ("available", "reserved", "released_unspent", "consumed")
        assert sum(shown[name] for name in held) == shown["budget"] + shown["top_ups"]

    def _has(self, *states: str) -> bool:
        """Whether there is a tranche in one of these states."""
        return any(each.state in states for grant in self.model.grants.values() for each in grant.tranches.values())

    def _tranche(self, data: st.DataObject, wanted: set[str]) -> tuple[str, Grant, int, Tranche]:
        """A tranche, mostly in one of the ``wanted`` states."""
        every = [
            (grant_id, no, each.state)
            for grant_id, grant in sorted(self.model.grants.items())
            for no, each in grant.tranches.items()
        ]
        fitting = [(grant_id, no, state) for grant_id, no, state in every if state in wanted]
        grant_id, no, _ = data.draw(st.sampled_from(every if data.draw(_seldom) else fitting))
        grant = self.model.grants[grant_id]
        return grant_id, grant, no, grant.tranches[no]

    def _claw(self, grant_id: str, cause: str) -> tuple[int, list[tuple[int, int, int]]]:
        grant = self.model.grants[grant_id]
        before = grant.state
        voided, took = self.model.claw_back(grant, cause)
        if voided:
            self.booked["void", grant_id, 0] = voided
        self.events += bool(voided) + len(took) + (grant.state == "closed" != before)
        return voided, took

    def _reserve(self, conn: Connection, grant: str, attempt: int, amount: int, pool: str) -> Reserved | Denied:
        party, _, month = grant.partition("/")
        return ledger.reserve(
            conn,
            grant_id=grant,
            attempt=attempt,
            pool_id=pool,
            amount=amount,
            party_id=party,
            year=2022,
            category="food",
            month=month,
            cap_limits=self.limits,
            at=self.now,
        )

    def _first(
        self, name: str, grant: str, no: int, amount: int, step: Callable[[Connection], Moved], *, possible: bool
    ) -> bool:
        """Whether this booking is to be done just now; a repeat and a conflict are seen to here."""
        booked = self.booked.get((name, grant, no))
        if booked == amount:
            assert self._done(step) == Moved(amount, first=False)
            return False
        if booked is not None or not possible:
            self._refused(step)
            return False
        self.booked[name, grant, no] = amount
        self.events += 1
        return True

    def _once(self, *what: Any) -> bool:
        """Whether an event of this key is new; counts it."""
        new = what not in self.told_once
        self.told_once.add(what)
        self.events += new
        return new

    def _done(self, step: Callable[[Connection], Any], rows: Callable[[Connection], None] | None = None) -> Any:
        """Do it, and write the grant's rows in the same transaction."""
        with self.db.write() as conn:
            answer = step(conn)
            if rows is not None:
                rows(conn)
        return answer

    def _refused(self, step: Callable[[Connection], Any]) -> None:
        with pytest.raises(LedgerConflict), self.db.write() as conn:
            step(conn)

    # --- rows of grants, as activities write them -----------------------------------------------------------------

    def _plan(self, conn: Connection, grant_id: str, amount: int) -> None:
        grant = self.model.grants.get(grant_id)
        if grant is None:
            return
        decision = decisions.by_key(conn, grant_id)
        assert decision is not None
        grants.create(
            conn,
            None,
            self.now,
            grant_id=grant_id,
            party_id=grant.party,
            track=Track.M,
            pool_id=grant.pool,
            period=grant.month,
            amount=amount,
            state=GrantState(grant.state),
            decision_id=decision.decision_id,
        )
        new = [grants.NewTranche(no, each.amount, self.now) for no, each in grant.tranches.items()]
        grants.plan_tranches(conn, grant_id, new)

    def _released(self, conn: Connection, grant_id: str, no: int) -> None:
        until = later(days=self.model.day + EXPIRES_AFTER)
        grants.update_tranche(conn, grant_id, no, None, self.now, released_at=self.now, expires_at=until)
        self._rows(conn, grant_id)

    def _rows(self, conn: Connection, grant_id: str) -> None:
        grant = self.model.grants[grant_id]
        for no, tranche in grant.tranches.items():
            grants.update_tranche(conn, grant_id, no, None, self.now, state=TrancheState(tranche.state))
        grants.update(conn, grant_id, None, self.now, state=GrantState(grant.state))


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_ledger_does_what_its_model_does(sqlite_template: Path, shard: int) -> None:
    machine = type(f"LedgerMachine{shard}", (LedgerMachine,), {"template": sqlite_template})
    profile = settings(
        max_examples=RUNS // SHARDS,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(machine, settings=profile)
