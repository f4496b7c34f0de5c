"""Clawing grants back: what is not released is given up, released units by the terms the grant was made on.

The terms are those of the decision that made the grant (rows ``cause, within, unspent, spent`` of its incentive rules),
never of a book that came later. A tranche is within reach while its release is not older than ``within``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Unpack

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import NotFound
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.domain.names import check_code
from fastbrand.store import audit, decisions, grants, ledger
from fastbrand.store.audit import Grounds
from fastbrand.store.grants import GrantRow, TrancheRow

DEFAULT = "default"
"""The row of the terms for every cause that has none of its own."""

_OVER = frozenset({GrantState.LAPSED, GrantState.VOIDED, GrantState.NONE})
_WAITS = frozenset({TrancheState.PLANNED, TrancheState.FROZEN})


@dataclass(frozen=True, slots=True)
class ClawedTranche:
    """What was, or would be, taken of a tranche; ``first`` is False where the same cause had taken it before."""

    no: int
    unspent: int
    spent: int
    debt: int
    first: bool


@dataclass(frozen=True, slots=True)
class ClawedGrant:
    """What was, or would be, taken of a grant: ``voided`` units that were not released, and of its tranches.

    ``terms`` is the cause whose row applied (``default``), None where the terms have none for this cause.
    """

    grant_id: str
    pool_id: str
    terms: str | None
    voided: int
    tranches: tuple[ClawedTranche, ...]

    @property
    def unspent(self) -> int:
        """Released units that went back to the pool."""
        return sum(each.unspent for each in self.tranches)

    @property
    def debt(self) -> int:
        """Spent units that are owed."""
        return sum(each.debt for each in self.tranches)


@dataclass(frozen=True, slots=True)
class ClawedParty:
    """What a clawback took of a party, grant by grant, and the grants that are first in line for its pools now."""

    grants: tuple[ClawedGrant, ...]
    wake: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a clawback reaches in a grant."""

    grant: GrantRow
    plan: list[TrancheRow]
    row: str | None
    terms: ledger.ClawTerms
    tranches: list[TrancheRow]


def clawback_party(
    conn: Connection, party_id: str, cause: str, *, found_at: datetime | None = None, **grounds: Unpack[Grounds]
) -> ClawedParty:
    """Claw every grant of a party back by ``cause``, in the caller's write transaction.

    What is not released is voided, grants that only wait are given up, released tranches within reach at ``found_at``
    (default: ``at``) lose what the terms say. Said again, with the same cause, it changes nothing that was done, and
    does what has become possible since. Takes every turn first: call it before anything else of the ledger is booked
    in the same transaction.
    """
    return clawback_grants(conn, party_id, grants.of_parties(conn, [party_id]), cause, found_at=found_at, **grounds)


def clawback_grant(
    conn: Connection, grant_id: str, cause: str, *, found_at: datetime | None = None, **grounds: Unpack[Grounds]
) -> ClawedParty:
    """As ``clawback_party``, for one grant. Raises ``NotFound``."""
    grant = _grant(conn, grant_id)
    return clawback_grants(conn, grant.party_id, [grant], cause, found_at=found_at, **grounds)


def clawback_grants(
    conn: Connection,
    party_id: str,
    chosen: Iterable[GrantRow],
    cause: str,
    *,
    found_at: datetime | None = None,
    **grounds: Unpack[Grounds],
) -> ClawedParty:
    """As ``clawback_party``, for ``chosen`` grants of the party."""
    check_code(cause)  # it stands in business keys
    ids = sorted(each.grant_id for each in chosen)
    ledger.take_turns(conn, ids)
    ledger.debts_turn(conn, party_id)
    hot = ledger.HotRows()
    moment = found_at or grounds["at"]
    done = [_claw(conn, hot, _reach(conn, grant_id, cause, moment), cause, grounds) for grant_id in ids]
    hot.settle_or_fail(conn, f"clawback of `{party_id}` by {cause}")
    heads = [grants.head_of_line(conn, pool_id) for pool_id in sorted({each.pool_id for each in done if _gave(each)})]
    return ClawedParty(tuple(done), tuple(head.grant_id for head in heads if head is not None))


def forgive_party(
    conn: Connection, party_id: str, clawed_at: datetime, **grounds: Unpack[Grounds]
) -> tuple[ledger.Forgiven, ...]:
    """Undo what the clawback of a party at that moment made it owe and took unspent, since the decision behind it fell.

    Units come back where their tranche has not expired and the pool has all of them; what was never released does not.
    In the caller's write transaction; takes every turn first, as ``clawback_party``. Clawbacks of other moments stay.
    """
    ids = sorted(each.grant_id for each in grants.of_parties(conn, [party_id]))
    ledger.take_turns(conn, ids)
    ledger.debts_turn(conn, party_id)
    fallen = [each for grant_id in ids for each in ledger.clawbacks_of(conn, grant_id) if each.at == clawed_at]
    running = _running(conn, ids, grounds["at"])
    try:
        with conn.begin_nested():
            done = _forgive(conn, fallen, running, grounds)
    except _PoolDry:
        done = _forgive(conn, fallen, set(), grounds)
    for each in done:
        if each.first and each.returned:
            again = TrancheState.RELEASED
            grants.update_tranche(conn, each.grant_id, each.tranche_no, None, grounds["at"], state=again)
            grants.update(conn, each.grant_id, None, grounds["at"], state=GrantState.RELEASED, cause=None)
    return done


class _PoolDry(Exception):
    """The pool has given to others what would come back; what was written so far is rolled back."""


def _forgive(
    conn: Connection, fallen: list[ledger.Clawback], running: set[tuple[str, int]], grounds: Grounds
) -> tuple[ledger.Forgiven, ...]:
    hot = ledger.HotRows()
    done = [
        ledger.forgive(conn, hot, each, give_back=(each.grant_id, each.tranche_no) in running, **grounds)
        for each in fallen
    ]
    if not hot.settle(conn):
        raise _PoolDry
    return tuple(done)


def _running(conn: Connection, ids: list[str], at: datetime) -> set[tuple[str, int]]:
    """Grant and number of tranches that could still be spent, had nothing been taken."""
    out = {TrancheState.RELEASED, TrancheState.CLAWED_BACK}
    every = (each for grant_id in ids for each in grants.tranches_of(conn, grant_id))
    return {(e.grant_id, e.no) for e in every if e.state in out and e.expires_at is not None and at < e.expires_at}


def assess(conn: Connection, grant_id: str, cause: str, found_at: datetime) -> ClawedGrant:
    """What a clawback of the grant would take as it stands; writes nothing. Raises ``NotFound``."""
    reach = _reach(conn, grant_id, cause, found_at)
    holding = ledger.holdings(conn, [grant_id])[grant_id]
    taken = {(each.tranche_no, each.cause) for each in ledger.clawbacks_of(conn, grant_id)}
    would = []
    for tranche in reach.tranches:
        if (tranche.no, cause) not in taken:
            took = ledger.what_claw_back_takes(holding.tranches[tranche.no], reach.terms)
            would.append(ClawedTranche(tranche.no, took.unspent, took.spent, took.debt, first=True))
    voided = 0 if reach.grant.state in _OVER else holding.reserved
    return ClawedGrant(grant_id, reach.grant.pool_id, reach.row, voided, tuple(would))


def taken_by(conn: Connection, grant_id: str, cause: str) -> ClawedGrant:
    """What ``cause`` took of a grant before; what it voided is not told again. Raises ``NotFound``."""
    reach = _reach(conn, grant_id, cause, datetime.max.replace(tzinfo=UTC))
    took = [
        ClawedTranche(each.tranche_no, each.unspent, each.spent, each.debt, first=False)
        for each in ledger.clawbacks_of(conn, grant_id)
        if each.cause == cause
    ]
    return ClawedGrant(grant_id, reach.grant.pool_id, reach.row, 0, tuple(took))


def _reach(conn: Connection, grant_id: str, cause: str, moment: datetime) -> _Reach:
    """Read a grant, once its turn is ours, and what the terms reach in it."""
    grant = _grant(conn, grant_id)
    plan = grants.tranches_of(conn, grant_id)
    row = _row(conn, grant, cause)
    if row is None:
        return _Reach(grant, plan, None, ledger.ClawTerms(0, 0), [])
    within = timedelta(milliseconds=int(row["within_ms"]))
    reached = [each for each in plan if each.released_at is not None and moment - each.released_at <= within]
    terms = ledger.ClawTerms(int(row["unspent_ppb"]), int(row["spent_ppb"]))
    return _Reach(grant, plan, str(row["cause"]), terms, reached)


def _row(conn: Connection, grant: GrantRow, cause: str) -> dict[str, Any] | None:
    """The row of the grant's terms for ``cause``: its own, or the default one."""
    stored = decisions.get(conn, grant.decision_id) if grant.decision_id else None
    rows = stored.decision()["result"].get("clawback", []) if stored is not None else []
    by_cause = {str(each["cause"]): dict(each) for each in rows}
    return by_cause.get(cause) or by_cause.get(DEFAULT)


def _claw(conn: Connection, hot: ledger.HotRows, reach: _Reach, cause: str, grounds: Grounds) -> ClawedGrant:
    grant, at = reach.grant, grounds["at"]
    voided = _void(conn, hot, reach, cause, grounds)
    took = []
    for tranche in reach.tranches:
        done = ledger.claw_back(
            conn, hot, grant_id=grant.grant_id, tranche_no=tranche.no, cause=cause, terms=reach.terms, **grounds
        )
        took.append(ClawedTranche(tranche.no, done.unspent, done.spent, done.debt, done.first))
    accounts = ledger.holdings(conn, [grant.grant_id])[grant.grant_id].tranches
    for tranche, clawed in zip(reach.tranches, took, strict=True):
        account, running = accounts[tranche.no], tranche.state is TrancheState.RELEASED
        if running and clawed.first and account.clawed_back and account.unspent == 0:
            grants.update_tranche(conn, grant.grant_id, tranche.no, None, at, state=TrancheState.CLAWED_BACK)
    _settle_state(conn, grant, cause, grounds)
    return ClawedGrant(grant.grant_id, grant.pool_id, reach.row, voided, tuple(took))


def _void(conn: Connection, hot: ledger.HotRows, reach: _Reach, cause: str, grounds: Grounds) -> int:
    """Give up what is not released; how many units that was."""
    grant = reach.grant
    unreleased = [each for each in reach.plan if each.state in _WAITS]
    never_planned = grant.state in {GrantState.WAITING, GrantState.AWAITING_CONFIRMATION}
    if grant.state in _OVER or not (unreleased or never_planned):
        return 0
    why: Grounds = {**grounds, "reason": grounds.get("reason") or _why(cause)}
    moved = ledger.void_remaining(conn, grant_id=grant.grant_id, hot=hot, **why)
    for tranche in unreleased:
        grants.update_tranche(conn, grant.grant_id, tranche.no, None, grounds["at"], state=TrancheState.VOIDED)
    return moved.amount


def _settle_state(conn: Connection, grant: GrantRow, cause: str, grounds: Grounds) -> None:
    """Where the grant stands now: given up whole, still with something to spend, or at its end."""
    if grant.state in _OVER or grant.state is GrantState.CLOSED:
        return
    plan = grants.tranches_of(conn, grant.grant_id)
    if any(each.state is TrancheState.RELEASED for each in plan):
        grants.update(conn, grant.grant_id, None, grounds["at"], state=GrantState.RELEASED)
        return
    ended = any(each.released_at is not None for each in plan)
    state = GrantState.CLOSED if ended else GrantState.VOIDED
    told = None
    if ended:
        told = audit.event(
            Verb.GRANT_CLOSED,
            f"grant/{grant.grant_id}/{ledger.ending(conn, grant.grant_id)}",
            ("grant", grant.grant_id),
            {**grounds, "reason": _why(cause)},
            party_id=grant.party_id,
            before={"state": str(grant.state)},
            after={"state": str(state)},
        )
    grants.update(conn, grant.grant_id, told, grounds["at"], state=state, cause=_why(cause))


def _why(cause: str) -> str:
    return f"clawed back: {cause}"[:80]


def _gave(clawed: ClawedGrant) -> bool:
    return clawed.voided > 0 or any(each.first and each.unspent for each in clawed.tranches)


def _grant(conn: Connection, grant_id: str) -> GrantRow:
    grant = grants.get(conn, grant_id)
    if grant is None:
        raise NotFound(f"grant `{grant_id}` is not known", hint="see `fastbrand grant list`")
    return grant
