"""Grants of a party whose standing moves: what is not released is frozen or given back."""

from __future__ import annotations

from sqlalchemy import Connection

from activities.granting import grant_event, line_turn
from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.store import grants, ledger
from fastbrand.store.audit import Grounds
from fastbrand.store.grants import GrantRow

_HELD = frozenset({GrantState.WAITING, GrantState.RESERVED, GrantState.AWAITING_CONFIRMATION})
"""Grants of which something is not released yet."""


def freeze(conn: Connection, party_id: str, key: str, grounds: Grounds) -> tuple[str, ...]:
    """Freeze every tranche that is still planned, under ``key``; the grants whose workflows must look again."""
    at, told = grounds["at"], []
    for grant in _held(conn, party_id):
        mine = [each for each in grants.tranches_of(conn, grant.grant_id) if each.state is TrancheState.PLANNED]
        for tranche in mine:
            event = grant_event(
                grant.grant_id,
                party_id,
                Verb.TRANCHE_FROZEN,
                f"tranche/{tranche.no}/frozen/{key}",
                actor=grounds.get("actor", SYSTEM),
                before={"state": str(tranche.state)},
                after={"state": str(TrancheState.FROZEN), "no": tranche.no},
                reason=grounds.get("reason"),
                decision_id=grounds.get("decision_id"),
            )
            grants.update_tranche(conn, grant.grant_id, tranche.no, event, at, state=TrancheState.FROZEN)
        if mine:
            told.append(grant.grant_id)
    return tuple(told)


def frozen(conn: Connection, party_id: str) -> tuple[str, ...]:
    """Grants with frozen tranches: their workflows may ask again."""
    found = []
    for grant in _held(conn, party_id):
        if any(each.state is TrancheState.FROZEN for each in grants.tranches_of(conn, grant.grant_id)):
            found.append(grant.grant_id)
    return tuple(found)


def forfeit(conn: Connection, party_id: str, grounds: Grounds) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give back everything that is not released.

    Gives the party's grants whose workflows must look again, and the grants that are first in line now.
    """
    at, told = grounds["at"], []
    pools: set[str] = set()
    ledger.take_turns(conn, [each.grant_id for each in _held(conn, party_id)])
    ledger.debts_turn(conn, party_id)
    hot = ledger.HotRows()
    for grant in _held(conn, party_id):  # as they are now that it is our turn
        told.append(grant.grant_id)
        if grant.state is GrantState.WAITING:
            continue  # nothing is reserved; its next attempt finds that the standing is lost
        ledger.void_remaining(conn, grant_id=grant.grant_id, hot=hot, **grounds)
        plan = grants.tranches_of(conn, grant.grant_id)
        for tranche in plan:
            if tranche.state in {TrancheState.PLANNED, TrancheState.FROZEN}:
                grants.update_tranche(conn, grant.grant_id, tranche.no, None, at, state=TrancheState.VOIDED)
        out = any(each.state is TrancheState.RELEASED for each in plan)
        state = GrantState.RELEASED if out else GrantState.VOIDED
        grants.update(conn, grant.grant_id, None, at, state=state, cause=(grounds.get("reason") or "")[:80] or None)
        pools.add(grant.pool_id)
    hot.settle_or_fail(conn, f"what `{party_id}` gives back")
    turns = {line_turn(conn, pool_id, "") for pool_id in sorted(pools)}
    return tuple(told), tuple(sorted(each for each in turns if each is not None))


def _held(conn: Connection, party_id: str) -> list[GrantRow]:
    return [each for each in grants.of_parties(conn, [party_id]) if each.state in _HELD]
