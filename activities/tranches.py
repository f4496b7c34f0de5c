"""Tranches of a grant: released if the maintenance rules let them, frozen or voided otherwise, expired when unused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from activities.granting import Gate, GrantDecider, grant_event, grant_row, line_turn, terms_of
from activities.memo import keep, recall
from activities.payloads import GrantSeen, GrantStep, TrancheResult, TrancheStep
from activities.provenance import provenance
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.errors import NotFound
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.store import grants, ledger
from fastbrand.store.database import Database
from fastbrand.store.grants import GrantRow, TrancheRow
from rules.engine import RuleEngine

_OVER = frozenset({TrancheState.EXPIRED, TrancheState.VOIDED, TrancheState.CLAWED_BACK})


class TrancheActivities:
    """Local activities: each is one short transaction and at most one rules evaluation."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._decider = GrantDecider(db, engine)

    @uninterrupted("tranche_release")
    def release(self, step: TrancheStep) -> TrancheResult:
        """Release a tranche if maintenance rules on fresh facts let it; else freeze it, or void it when ``final``."""
        memo = f"release/{step.grant_id}/{step.no}/{int(step.at.timestamp() * 1000)}"
        with self._db.read() as conn:
            done = recall(conn, memo, step, TrancheResult)
            if done is not None:
                return done
            grant = grant_row(conn, step.grant_id)
            terms = terms_of(conn, grant)
        gate = self._decider.gate(grant, terms, step)
        with self._db.write() as conn:
            done = recall(conn, memo, step, TrancheResult)
            if done is None:
                ledger.take_turns(conn, [step.grant_id])  # before its rows are read: a clawback may be at them
                tranche = _tranche(conn, step)
                if tranche.state is TrancheState.RELEASED or tranche.state in _OVER:
                    done = TrancheResult(state=str(tranche.state), expires_at=tranche.expires_at)
                else:
                    done = self._release(conn, grant, tranche, step, terms, gate)
                keep(conn, memo, step, done, actor=SYSTEM.id, at=step.at)
            return done

    @uninterrupted("tranche_expire")
    def expire(self, step: TrancheStep) -> TrancheResult:
        """What was not used until now goes back to the pool, and the next in line is told."""
        with self._db.write() as conn:
            ledger.take_turns(conn, [step.grant_id])
            grant, tranche = grant_row(conn, step.grant_id), _tranche(conn, step)
            if tranche.state is TrancheState.RELEASED:
                ledger.expire(
                    conn,
                    grant_id=grant.grant_id,
                    tranche_no=step.no,
                    at=step.at,
                    reason="not used in time",
                    provenance=provenance(),
                )
                grants.update_tranche(conn, grant.grant_id, step.no, None, step.at, state=TrancheState.EXPIRED)
            return TrancheResult(state=str(TrancheState.EXPIRED), wake=line_turn(conn, grant.pool_id, grant.grant_id))

    @uninterrupted("grant_look")
    def look(self, step: GrantStep) -> GrantSeen:
        """The grant and its tranches as they stand."""
        with self._db.read() as conn:
            grant = grant_row(conn, step.grant_id)
            plan = grants.tranches_of(conn, step.grant_id)
        states = {str(each.no): str(each.state) for each in plan}
        out = [each for each in plan if each.state is TrancheState.RELEASED]
        ends = {str(each.no): each.expires_at for each in out if each.expires_at is not None}
        return GrantSeen(
            grant_id=grant.grant_id, state=str(grant.state), amount=grant.amount, tranches=states, ends=ends
        )

    def _release(
        self,
        conn: Connection,
        grant: GrantRow,
        tranche: TrancheRow,
        step: TrancheStep,
        terms: dict[str, Any],
        gate: Gate,
    ) -> TrancheResult:
        decision_id = self._decider.store_gate(conn, grant, step, gate)
        common: dict[str, Any] = {
            "at": step.at,
            "actor": SYSTEM,
            "provenance": provenance(),
            "decision_id": decision_id,
        }
        if gate.holds:
            ledger.commit(
                conn, grant_id=grant.grant_id, tranche_no=step.no, amount=tranche.amount, reason=gate.why, **common
            )
            expires_at = step.at + timedelta(milliseconds=int(terms["expires_after_ms"]))
            grants.update_tranche(
                conn,
                grant.grant_id,
                step.no,
                None,
                step.at,
                state=TrancheState.RELEASED,
                released_at=step.at,
                expires_at=expires_at,
            )
            _mark_released(conn, grant, step.at)
            return TrancheResult(state=str(TrancheState.RELEASED), expires_at=expires_at)
        if step.final:
            ledger.void_tranche(
                conn, grant_id=grant.grant_id, tranche_no=step.no, amount=tranche.amount, reason=gate.why, **common
            )
            grants.update_tranche(conn, grant.grant_id, step.no, None, step.at, state=TrancheState.VOIDED)
            _mark_released(conn, grant, step.at)
            return TrancheResult(state=str(TrancheState.VOIDED), wake=line_turn(conn, grant.pool_id, grant.grant_id))
        told = None
        if tranche.state is not TrancheState.FROZEN:
            told = grant_event(
                grant.grant_id,
                grant.party_id,
                Verb.TRANCHE_FROZEN,
                f"tranche/{step.no}/frozen",
                before={"state": str(tranche.state)},
                after={"state": str(TrancheState.FROZEN), "no": step.no},
                reason=gate.why,
                decision_id=decision_id,
            )
        grants.update_tranche(conn, grant.grant_id, step.no, told, step.at, state=TrancheState.FROZEN)
        return TrancheResult(state=str(TrancheState.FROZEN))


def _tranche(conn: Connection, step: TrancheStep) -> TrancheRow:
    for tranche in grants.tranches_of(conn, step.grant_id):
        if tranche.no == step.no:
            return tranche
    raise NotFound(f"grant `{step.grant_id}` has no tranche {step.no}", hint="see `fastbrand grant show`")


def _mark_released(conn: Connection, grant: GrantRow, at: datetime) -> None:
    """Once no tranche waits any more, the grant is released."""
    waiting = {TrancheState.PLANNED, TrancheState.FROZEN}
    if not any(each.state in waiting for each in grants.tranches_of(conn, grant.grant_id)):
        grants.update(conn, grant.grant_id, None, at, state=GrantState.RELEASED)
