"""What store tests start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fastbrand.domain.audit import Actor, AuditEvent, Verb
from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import Refused
from fastbrand.domain.grant import GrantState, TrancheState, lessen_tranches
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit, decisions, deliveries, grants, ledger, parties
from fastbrand.store.database import Database

NOW = datetime(2022, 5, 13, 8, 0, 0, 123456, tzinfo=UTC)
MEI = Actor("human", "mei", "staff")
LAN = Actor("human", "lan", "reviewer")


def later(**by: float) -> datetime:
    """``NOW`` and so many days, hours, seconds more."""
    return NOW + timedelta(**by)


def register(db: Database, party_id: str, track: Track = Track.M) -> str:
    """A registered party."""
    with db.write() as conn:
        return parties.register(conn, party_id=party_id, track=track, at=NOW, actor=MEI).party_id


def an_event(key: str = "k", verb: Verb = Verb.CASE_OPENED, **more: Any) -> AuditEvent:
    """An event on a case."""
    return AuditEvent(verb=verb, key=key, actor=MEI, subject_kind="case", subject_id="acme/1", **more)


def events(db: Database, **only: Any) -> list[dict[str, Any]]:
    """What the audit log holds."""
    with db.read() as conn:
        return list(audit.list_events(conn, **only))


def verbs(db: Database) -> list[str]:
    """The verbs of all events, in order."""
    return [event["verb"] for event in events(db)]


def a_decision(party_id: str = "acme", outcome: str = "eligible") -> Decision:
    """A decision without findings."""
    return Decision(
        rulebook="fast-brand",
        version="2022.2",
        sha256="b" * 64,
        engine="test 1",
        kind="eligibility",
        party=party_id,
        as_of="2022-05-13T08:00:00Z",
        outcome=outcome,
        reasons=({"criterion": "x", "verdict": "pass"},),
    )


def open_pool(db: Database, budget: int, pool_id: str = "fast-brand") -> None:
    """A pool of ``budget`` impressions."""
    with db.write() as conn:
        ledger.open_pools(conn, [ledger.PoolSpec(pool_id, "impressions", budget)], at=NOW)


def a_grant(
    db: Database, party_id: str, amount: int, state: GrantState, period: str = "2022-05", pool_id: str = "fast-brand"
) -> str:
    """A grant's row."""
    with db.write() as conn:
        return grants.create(
            conn,
            None,
            NOW,
            grant_id=f"{party_id}/{period}",
            party_id=party_id,
            track=Track.M,
            pool_id=pool_id,
            period=period,
            amount=amount,
            state=state,
        ).grant_id


TERMS = (
    {"cause": "counterfeit", "within_ms": 180 * 86_400_000, "unspent_ppb": 10**9, "spent_ppb": 5 * 10**8},
    {"cause": "soft", "within_ms": 90 * 86_400_000, "unspent_ppb": 5 * 10**8, "spent_ppb": 333_333_333},
    {"cause": "default", "within_ms": 10 * 86_400_000, "unspent_ppb": 10**9, "spent_ppb": 0},
)
"""Rows of clawback, as the decision of a grant keeps them."""

EXPIRES_AFTER = timedelta(days=45)


def a_reserved_grant(
    db: Database,
    grant_id: str = "acme/2022-05",
    amounts: tuple[int, ...] = (30, 40, 30),
    *,
    pool_id: str = "fast-brand",
    terms: tuple[dict[str, Any], ...] = TERMS,
    confirm: bool = False,
) -> ledger.Reserved:
    """A grant of as many units as ``amounts`` sum to, decided, reserved and (unless to be confirmed) planned."""
    party_id, _, period = grant_id.partition("/")
    register(db, party_id)
    result = {"clawback": [dict(row) for row in terms], "tranches": [], "amount": sum(amounts)}
    made = replace(a_decision(party_id, "grant"), kind="incentive", rulebook="traffic-bonus", result=result)
    a_grant(db, party_id, sum(amounts), GrantState.RESERVED, period, pool_id)
    with db.write() as conn:
        decision_id = decisions.store(conn, made, f"grant/{grant_id}/1", {}, at=NOW)
        reserved = ledger.reserve(
            conn,
            grant_id=grant_id,
            attempt=1,
            pool_id=pool_id,
            amount=sum(amounts),
            party_id=party_id,
            year=2022,
            category="food",
            month=period,
            cap_limits=ledger.CapLimits(),
            at=NOW,
        )
        assert isinstance(reserved, ledger.Reserved)
        state = GrantState.AWAITING_CONFIRMATION if confirm else GrantState.RESERVED
        state = state if reserved.amount else GrantState.CLOSED
        grants.update(conn, grant_id, None, NOW, state=state, decision_id=decision_id)
        if not confirm:
            parts = lessen_tranches(amounts, reserved.amount)
            plan = [grants.NewTranche(no, amount, NOW) for no, amount in enumerate(parts, 1) if amount]
            grants.plan_tranches(conn, grant_id, plan)
    return reserved


def release(db: Database, grant_id: str, *numbers: int, at: datetime = NOW) -> None:
    """Release tranches of a grant, for ``EXPIRES_AFTER``."""
    with db.write() as conn:
        for tranche in grants.tranches_of(conn, grant_id):
            if tranche.no in numbers:
                ledger.commit(conn, grant_id=grant_id, tranche_no=tranche.no, amount=tranche.amount, at=at)
                grants.update_tranche(
                    conn,
                    grant_id,
                    tranche.no,
                    None,
                    at,
                    state=TrancheState.RELEASED,
                    released_at=at,
                    expires_at=at + EXPIRES_AFTER,
                )
        left = {tranche.state for tranche in grants.tranches_of(conn, grant_id)}
        if TrancheState.PLANNED not in left:
            grants.update(conn, grant_id, None, at, state=GrantState.RELEASED)


def expire(db: Database, grant_id: str, number: int, at: datetime) -> int:
    """Let a tranche expire; the units that went back."""
    with db.write() as conn:
        moved = ledger.expire(conn, grant_id=grant_id, tranche_no=number, at=at)
        grants.update_tranche(conn, grant_id, number, None, at, state=TrancheState.EXPIRED)
    return moved.amount


def report(
    db: Database,
    grant_id: str,
    tranche_no: int,
    units: int,
    report_id: str,
    counted_until: datetime | None = None,
    at: datetime | None = None,
) -> deliveries.Booked | Refused:
    """Book a delivery report, counted until a day after the release and told then, unless said otherwise."""
    told = deliveries.Report(grant_id, tranche_no, units, report_id, counted_until or later(days=1))
    with db.write() as conn:
        return deliveries.book(conn, told, at=at or told.counted_until)


def pool_of(db: Database, pool_id: str = "fast-brand") -> dict[str, int]:
    """A pool's amounts, checked against its budget."""
    with db.read() as conn:
        shown = {pool["pool_id"]: pool for pool in ledger.status(conn)}[pool_id]
    held = ("available", "reserved", "released_unspent", "consumed")
    assert sum(shown[name] for name in held) == shown["budget"] + shown["top_ups"]
    return {name: shown[name] for name in (*held, "clawed_back", "debt", "top_ups")}


def owed_by(db: Database, party_id: str) -> dict[str, int]:
    """What a party owes, by pool."""
    with db.read() as conn:
        return {debt.pool_id: debt.owed for debt in ledger.debts_of(conn, party_id)}


def differences(db: Database) -> list[Any]:
    """What reconciling finds."""
    with db.read() as conn:
        return list(ledger.reconcile(conn)["differences"])
