"""Reconciling: every account recomputed from the entries, and what grants say compared with what their accounts hold.

Both sides are written as rows ``(account, kept, booked)``; summed by account they must agree. What differs is told,
with both numbers, so that a person can find the first entry that does not fit.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypedDict

from sqlalchemy import BigInteger, Connection, Select, String, case, cast, func, literal, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.store.accounts import CAP_ACCOUNT, DEBT_ACCOUNT, GRANT_ACCOUNT, POOL, TRANCHE_ACCOUNT
from fastbrand.store.entries import CLAWBACK, ENTRY, FORGIVEN, Account, EntryKind
from fastbrand.store.grants import GRANT, TRANCHE
from fastbrand.store.proposals import ANSWER, PROPOSAL, ProposalKind, ProposalState


class Difference(TypedDict):
    """An account whose kept sum is not that of what was booked; in pool units."""

    account: str
    kept: int
    booked: int


class Reconciliation(TypedDict):
    """Whether everything agrees, and what does not."""

    balanced: bool
    differences: list[Difference]


def reconcile(conn: Connection) -> Reconciliation:
    """Recompute pools, grants, tranches, caps and debts from the entries; compare what other rows say with them.

    ``pool/…``, ``grant/…``, ``party/…``, ``category/…`` and ``debt/…`` compare a kept account with its entries;
    ``plan/…`` compares what a grant's rows say (kept) with what the ledger holds for it (booked), ``clawback/…`` and
    ``top_up/…`` what was taken back and what two people confirmed (kept) with what was booked.
    """
    rows = conn.execute(_differences())
    found = [Difference(account=account, kept=int(kept), booked=int(booked)) for account, kept, booked in rows]
    return Reconciliation(balanced=not found, differences=found)


@cache
def _differences() -> Select[str, int, int]:
    """Built once: there are forty selects in it."""
    every = (*_pools(), *_grants(), *_tranches(), *_caps(), *_debts(), *_plans(), *_clawbacks(), *_top_ups())
    sides = union_all(*every).subquery()
    kept, booked = func.sum(sides.c.kept), func.sum(sides.c.booked)
    by_account = select(sides.c.account, kept, booked).group_by(sides.c.account)
    return by_account.having(kept != booked).order_by(sides.c.account)


def _pools() -> list[Select[str, int, int]]:
    kept: dict[str, tuple[ColumnElement[int], ColumnElement[int]]] = {
        "budget": (-(POOL.c.budget + POOL.c.topped_up), _flow(Account.BUDGET)),
        "available": (
            POOL.c.budget + POOL.c.topped_up - POOL.c.pending - POOL.c.posted,
            _flow(Account.AVAILABLE),
        ),
        "reserved": (POOL.c.pending + 0, _flow(Account.RESERVED)),
        "unspent": (POOL.c.posted - POOL.c.consumed, _flow(Account.UNSPENT)),
        "consumed": (POOL.c.consumed + 0, _flow(Account.CONSUMED)),
        "topped_up": (POOL.c.topped_up + 0, _sum({EntryKind.TOP_UP: 1})),
        "clawed_back": (POOL.c.clawed_back + 0, _sum(_CLAWED_BACK)),
        "debt": (POOL.c.debt + 0, _flow(Account.DEBT)),
    }
    sides = []
    for account, (balance, flow) in kept.items():
        name = _name("pool/", POOL.c.pool_id, "/", POOL.c.shard, f"/{account}")
        booked = _name("pool/", ENTRY.c.pool_id, "/", ENTRY.c.shard, f"/{account}")
        sides += [_side(name, kept=balance), _side(booked, booked=flow)]
    return sides


def _grants() -> list[Select[str, int, int]]:
    booked = {
        "reserved": _flow(Account.RESERVED),
        "set_off": _sum({EntryKind.SET_OFF: 1, EntryKind.RESTORE: -1}),
    }
    sides = []
    for column, flow in booked.items():
        sides += [
            _side(_name("grant/", GRANT_ACCOUNT.c.grant_id, f"/{column}"), kept=GRANT_ACCOUNT.c[column]),
            _side(_name("grant/", ENTRY.c.grant_id, f"/{column}"), booked=flow).where(_of_a_grant()),
        ]
    return sides


def _tranches() -> list[Select[str, int, int]]:
    booked = {
        "unspent": _flow(Account.UNSPENT),
        "consumed": _flow(Account.CONSUMED),
        "expired": _sum({EntryKind.EXPIRE: 1, EntryKind.LATE_AFTER_EXPIRY: -1}),
        "clawed_back": _sum(_CLAWED_BACK),
        "owed": _sum({EntryKind.OWE: 1, EntryKind.FORGIVE: -1}),
    }
    sides = []
    for column, flow in booked.items():
        name = _name("grant/", TRANCHE_ACCOUNT.c.grant_id, "/", TRANCHE_ACCOUNT.c.tranche_no, f"/{column}")
        of_entry = _name("grant/", ENTRY.c.grant_id, "/", ENTRY.c.tranche_no, f"/{column}")
        sides += [
            _side(name, kept=TRANCHE_ACCOUNT.c[column]),
            _side(of_entry, booked=flow).where(_of_a_grant()),
        ]
    return sides


def _caps() -> list[Select[str, int, int]]:
    sides = [_side(CAP_ACCOUNT.c.account, kept=CAP_ACCOUNT.c.used)]
    for column in (ENTRY.c.party_account, ENTRY.c.category_account):
        sides.append(_side(column, booked=ENTRY.c.cap_delta).where(column.is_not(None)))
    return sides


def _debts() -> list[Select[str, int, int]]:
    owed = _name("debt/", ENTRY.c.party_id, "/", ENTRY.c.pool_id)
    return [
        _side(_name("debt/", DEBT_ACCOUNT.c.party_id, "/", DEBT_ACCOUNT.c.pool_id), kept=DEBT_ACCOUNT.c.owed),
        _side(owed, booked=_flow(Account.DEBT)).where(ENTRY.c.party_id.is_not(None)),
    ]


def _plans() -> list[Select[str, int, int]]:
    """What grants and tranches say they have, against the ledger's accounts.

    A grant that holds a reservation has it in tranches that are planned or frozen; before it has tranches, whole, but
    for what was set off.
    """
    holds = GRANT.c.state.in_((GrantState.AWAITING_CONFIRMATION, GrantState.RESERVED, GrantState.RELEASED))
    unreleased = TRANCHE.c.state.in_((TrancheState.PLANNED, TrancheState.FROZEN))
    released = TRANCHE.c.state == TrancheState.RELEASED
    planned = select(TRANCHE.c.grant_id).where(TRANCHE.c.grant_id == GRANT.c.grant_id).exists()
    clawed_back = func.coalesce(TRANCHE_ACCOUNT.c.clawed_back, 0)
    its_account = (TRANCHE_ACCOUNT.c.grant_id == TRANCHE.c.grant_id) & (TRANCHE_ACCOUNT.c.tranche_no == TRANCHE.c.no)
    of_tranche = ("plan/", TRANCHE.c.grant_id, "/", TRANCHE.c.no)
    of_account = ("plan/", TRANCHE_ACCOUNT.c.grant_id, "/", TRANCHE_ACCOUNT.c.tranche_no)
    return [
        _side(
            _name("plan/", GRANT.c.grant_id, "/reserved"),
            kept=GRANT.c.amount - func.coalesce(GRANT_ACCOUNT.c.set_off, 0),
        )
        .outerjoin_from(GRANT, GRANT_ACCOUNT, GRANT_ACCOUNT.c.grant_id == GRANT.c.grant_id)
        .where(holds, GRANT.c.state != GrantState.RELEASED, ~planned),
        _side(_name("plan/", TRANCHE.c.grant_id, "/reserved"), kept=TRANCHE.c.amount)
        .join(GRANT, GRANT.c.grant_id == TRANCHE.c.grant_id)
        .where(holds, unreleased),
        _side(_name("plan/", GRANT_ACCOUNT.c.grant_id, "/reserved"), booked=GRANT_ACCOUNT.c.reserved),
        _side(_name(*of_tranche, "/unspent"), kept=TRANCHE.c.amount - TRANCHE.c.consumed - clawed_back)
        .outerjoin_from(TRANCHE, TRANCHE_ACCOUNT, its_account)
        .where(released),
        _side(_name(*of_account, "/unspent"), booked=TRANCHE_ACCOUNT.c.unspent),
        _side(_name(*of_tranche, "/consumed"), kept=TRANCHE.c.consumed),
        _side(_name(*of_account, "/consumed"), booked=TRANCHE_ACCOUNT.c.consumed),
    ]


def _clawbacks() -> list[Select[str, int, int]]:
    """What clawbacks say they took, against the entries under their cause (late reports have keys of their own)."""
    taken = _name("clawback/", CLAWBACK.c.grant_id, "/", CLAWBACK.c.tranche_no, "/", CLAWBACK.c.cause)
    booked = _name("clawback/", ENTRY.c.grant_id, "/", ENTRY.c.tranche_no, "/", ENTRY.c.source_ref)
    sides = []
    for column, kind in (("unspent", EntryKind.CLAWBACK), ("debt", EntryKind.OWE)):
        by_cause = ENTRY.c.source_ref.not_like("%/%")
        sides += [
            _side(taken + f"/{column}", kept=CLAWBACK.c[column]),
            _side(booked + f"/{column}", booked=ENTRY.c.amount).where(ENTRY.c.entry_kind == kind, by_cause),
        ]
    fallen = _name("clawback/", FORGIVEN.c.grant_id, "/", FORGIVEN.c.tranche_no, "/", FORGIVEN.c.cause)
    for name, kept, kind in (
        ("forgiven", FORGIVEN.c.debt, EntryKind.FORGIVE),
        ("returned", FORGIVEN.c.returned, EntryKind.GIVE_BACK),
    ):
        undone = _side(booked + f"/{name}", booked=ENTRY.c.amount).where(ENTRY.c.entry_kind == kind)
        sides += [_side(fallen + f"/{name}", kept=kept), undone]
    return sides


def _top_ups() -> list[Select[str, int, int]]:
    """What two people confirmed, against what was added."""
    confirmed = (PROPOSAL.c.kind == ProposalKind.TOP_UP) & (ANSWER.c.state == ProposalState.CONFIRMED)
    return [
        _side(_name("top_up/", PROPOSAL.c.proposal_id), kept=PROPOSAL.c.amount)
        .join(ANSWER, ANSWER.c.proposal_id == PROPOSAL.c.proposal_id)
        .where(confirmed),
        _side(_name("top_up/", ENTRY.c.source_ref), booked=ENTRY.c.amount).where(
            ENTRY.c.entry_kind == EntryKind.TOP_UP
        ),
    ]


def _of_a_grant() -> ColumnElement[bool]:
    return ENTRY.c.grant_id != ""


def _flow(account: Account) -> ColumnElement[int]:
    """What an entry adds to ``account``."""
    return case(
        (ENTRY.c.target_account == account, ENTRY.c.amount),
        (ENTRY.c.source_account == account, -ENTRY.c.amount),
        else_=0,
    )


def _sum(signs: dict[EntryKind, int]) -> ColumnElement[int]:
    """An entry's amount with the sign of its kind; 0 for every other kind."""
    return case(*((ENTRY.c.entry_kind == kind, sign * ENTRY.c.amount) for kind, sign in signs.items()), else_=0)


_CLAWED_BACK = {EntryKind.CLAWBACK: 1, EntryKind.LATE_AFTER_CLAWBACK: -1, EntryKind.GIVE_BACK: -1}


def _name(*parts: str | ColumnElement[Any]) -> ColumnElement[str]:
    texts = [literal(part) if isinstance(part, str) else cast(part, String) for part in parts]
    name: ColumnElement[str] = texts[0]
    for text in texts[1:]:
        name = name + text
    return name


def _side(
    account: ColumnElement[str], *, kept: ColumnElement[int] | None = None, booked: ColumnElement[int] | None = None
) -> Select[str, int, int]:
    zero = literal(0, BigInteger)
    return select(
        account.label("account"),
        (zero if kept is None else kept).label("kept"),
        (zero if booked is None else booked).label("booked"),
    )
