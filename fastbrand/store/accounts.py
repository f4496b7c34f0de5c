"""The accounts of the ledger: pools, what each grant and tranche holds, and the caps of parties and categories.

All amounts are integers in the pool's unit. An account is the running sum of its entries (``entries.py``); it is kept
so that one conditional UPDATE can refuse, and ``reconcile`` recomputes it. CHECK constraints hold even against a
statement that forgets its condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import BigInteger, CheckConstraint, Connection, bindparam, func, select, update
from sqlmodel import Field

from fastbrand.store.columns import StoreTable, UtcTime
from fastbrand.store.once import InsertOnce


class PoolRow(StoreTable, table=True):
    """A pool (one shard of it). ``pending`` is reserved; ``posted`` is released, and ``consumed`` the part of it spent.

    ``clawed_back`` and ``debt`` are memo sums outside the balance.
    """

    __tablename__ = "pool"
    __table_args__ = (
        CheckConstraint(
            "pending >= 0 AND posted >= 0 AND pending + posted <= budget + topped_up", name="never_overspent"
        ),
        CheckConstraint("consumed >= 0 AND consumed <= posted", name="consumed_was_released"),
        CheckConstraint("budget >= 0 AND topped_up >= 0 AND clawed_back >= 0 AND debt >= 0", name="not_negative"),
    )

    pool_id: str = Field(primary_key=True, max_length=64)
    shard: int = Field(primary_key=True)
    unit: str = Field(max_length=64)
    budget: int = Field(sa_type=BigInteger)
    topped_up: int = Field(sa_type=BigInteger)
    pending: int = Field(sa_type=BigInteger)
    posted: int = Field(sa_type=BigInteger)
    consumed: int = Field(sa_type=BigInteger)
    clawed_back: int = Field(sa_type=BigInteger)
    debt: int = Field(sa_type=BigInteger)
    opened_at: datetime = Field(sa_type=UtcTime)


class CapRow(StoreTable, table=True):
    """What a party was granted in a year, or a category in a month: reserved less voided. Expiry gives nothing back.

    The limit is not here: it is the rule book's, and may differ from one decision to the next.
    """

    __tablename__ = "cap_account"
    __table_args__ = (CheckConstraint("used >= 0", name="not_negative"),)

    account: str = Field(primary_key=True, max_length=120)
    used: int = Field(sa_type=BigInteger)


class GrantAccountRow(StoreTable, table=True):
    """A grant's reservation, made once in its life: from which pool, under which caps, how much is left of it.

    ``set_off`` is the part of its amount that was not reserved, because the party owed so much.
    """

    __tablename__ = "grant_account"
    __table_args__ = (CheckConstraint("reserved >= 0 AND set_off >= 0", name="not_negative"),)

    grant_id: str = Field(primary_key=True, max_length=96)
    attempt: int
    pool_id: str = Field(max_length=64)
    shard: int
    party_id: str = Field(max_length=64)
    party_account: str = Field(max_length=120)
    category_account: str = Field(max_length=120)
    reserved: int = Field(sa_type=BigInteger)
    set_off: int = Field(sa_type=BigInteger)


class TrancheAccountRow(StoreTable, table=True):
    """What came of a tranche's released units: not yet spent, spent, expired, clawed back; all zeros: it was voided.

    ``owed`` is the part of the spent ones that clawbacks made a debt.
    """

    __tablename__ = "tranche_account"
    __table_args__ = (
        CheckConstraint("unspent >= 0 AND consumed >= 0 AND expired >= 0 AND clawed_back >= 0", name="not_negative"),
        CheckConstraint("owed >= 0 AND owed <= consumed", name="owed_was_spent"),
    )

    grant_id: str = Field(primary_key=True, max_length=96, foreign_key="grant_account.grant_id")
    tranche_no: int = Field(primary_key=True)
    unspent: int = Field(sa_type=BigInteger)
    consumed: int = Field(sa_type=BigInteger)
    expired: int = Field(sa_type=BigInteger)
    clawed_back: int = Field(sa_type=BigInteger)
    owed: int = Field(sa_type=BigInteger)


class DebtAccountRow(StoreTable, table=True):
    """What a party owes for spent units of a pool that were clawed back: a memo, paid by set-off from its grants."""

    __tablename__ = "debt_account"
    __table_args__ = (CheckConstraint("owed >= 0", name="not_negative"),)

    party_id: str = Field(primary_key=True, max_length=64)
    pool_id: str = Field(primary_key=True, max_length=64)
    owed: int = Field(sa_type=BigInteger)


_TABLES = StoreTable.metadata.tables
POOL = _TABLES["pool"]
CAP_ACCOUNT = _TABLES["cap_account"]
GRANT_ACCOUNT = _TABLES["grant_account"]
TRANCHE_ACCOUNT = _TABLES["tranche_account"]
DEBT_ACCOUNT = _TABLES["debt_account"]


class PoolMoves(TypedDict, total=False):
    """Differences to the columns of a pool's row, in its unit."""

    topped_up: int
    pending: int
    posted: int
    consumed: int
    clawed_back: int
    debt: int


@dataclass(frozen=True, slots=True)
class CapLimits:
    """The rule book's caps that are accounts, in pool units; None: no such cap."""

    party_year: int | None = None
    category_month: int | None = None


@dataclass(frozen=True, slots=True)
class CapRemainders:
    """What the caps still leave, in pool units, 0 at least; None: no such cap."""

    party_year: int | None
    category_month: int | None


def party_account(party_id: str, year: int) -> str:
    """Name of the account of what ``party_id`` gets in ``year``."""
    return f"party/{party_id}/{year:04d}"


def category_account(category: str | None, month: str) -> str:
    """Name of the account of what ``category`` gets in ``month`` (``2022-08``); no category is one of its own."""
    return f"category/{category or '-'}/{month}"


_NO_LIMIT = 2**62
_USED = select(CAP_ACCOUNT.c.used).where(CAP_ACCOUNT.c.account == bindparam("name"))
_OPEN_CAP = InsertOnce(CAP_ACCOUNT, ("account",))
_TAKE_CAP = (
    update(CAP_ACCOUNT)
    .where(CAP_ACCOUNT.c.account == bindparam("name"))
    .values(used=CAP_ACCOUNT.c.used + bindparam("amount"))
)
_TAKE_CAP_WITHIN = _TAKE_CAP.where(CAP_ACCOUNT.c.used + bindparam("amount") <= bindparam("limit"))
_ONE_POOL = (POOL.c.pool_id == bindparam("pool")) & (POOL.c.shard == bindparam("shard_no"))
_MOVES = ("topped_up", "pending", "posted", "consumed", "clawed_back", "debt")
_AFTER = {name: POOL.c[name] + bindparam(f"by_{name}") for name in _MOVES}
_MOVE_POOL = (
    update(POOL)
    .where(
        _ONE_POOL,
        *(_AFTER[name] >= 0 for name in ("pending", "consumed", "clawed_back", "debt")),
        _AFTER["posted"] >= _AFTER["consumed"],
        _AFTER["pending"] + _AFTER["posted"] <= POOL.c.budget + _AFTER["topped_up"],
    )
    .values(**_AFTER)
)


def remainders(
    conn: Connection, *, party_id: str, year: int, category: str | None, month: str, limits: CapLimits
) -> CapRemainders:
    """What a decision may still give ``party_id`` in ``year`` and ``category`` in ``month``.

    A reservation takes both again under its own condition: what is free here may be gone a moment later.
    """
    return CapRemainders(
        _left(conn, party_account(party_id, year), limits.party_year),
        _left(conn, category_account(category, month), limits.category_month),
    )


def take_cap(conn: Connection, account: str, amount: int, limit: int | None) -> bool:
    """Add ``amount`` to ``account``, which is opened where need be; False where ``limit`` would be passed."""
    limit = _NO_LIMIT if limit is None else limit
    taking = {"name": account, "amount": amount, "limit": limit}
    if conn.execute(_TAKE_CAP_WITHIN, taking).rowcount == 1:
        return True
    if amount > limit:
        return False
    _OPEN_CAP(conn, {"account": account, "used": 0})  # False: it is full, or another transaction opened it meanwhile
    return conn.execute(_TAKE_CAP_WITHIN, taking).rowcount == 1


def give_cap(conn: Connection, account: str, amount: int) -> None:
    """Take ``amount`` off ``account`` again."""
    conn.execute(_TAKE_CAP, {"name": account, "amount": -amount})


def move_pool(conn: Connection, pool_id: str, shard: int, moves: Mapping[str, int]) -> bool:
    """Change what a pool's row holds by these differences (keys of ``PoolMoves``); False where it has not so much."""
    values = {f"by_{name}": moves.get(name, 0) for name in _MOVES}
    return conn.execute(_MOVE_POOL, {"pool": pool_id, "shard_no": shard, **values}).rowcount == 1


def has_pool(conn: Connection, pool_id: str) -> bool:
    """Whether the pool was opened."""
    return conn.execute(select(POOL.c.pool_id).where(POOL.c.pool_id == pool_id).limit(1)).first() is not None


def status(conn: Connection) -> list[dict[str, Any]]:
    """Every pool: ``pool_id, unit, budget, top_ups, available, reserved, released_unspent, consumed, clawed_back,
    debt``.

    ``available + reserved + released_unspent + consumed = budget + top_ups``; ``debt`` is outside the sum.
    """
    summed = ("budget", "topped_up", "pending", "posted", "consumed", "clawed_back", "debt")
    sums = [func.sum(POOL.c[name]).label(name) for name in summed]
    rows = conn.execute(select(POOL.c.pool_id, POOL.c.unit, *sums).group_by(POOL.c.pool_id, POOL.c.unit))
    listed = []
    for pool_id, unit, *amounts in rows:
        budget, topped_up, pending, posted, consumed, clawed_back, debt = (int(amount) for amount in amounts)
        listed.append(
            {
                "pool_id": pool_id,
                "unit": unit,
                "budget": budget,
                "top_ups": topped_up,
                "available": budget + topped_up - pending - posted,
                "reserved": pending,
                "released_unspent": posted - consumed,
                "consumed": consumed,
                "clawed_back": clawed_back,
                "debt": debt,
            }
        )
    return sorted(listed, key=lambda pool: str(pool["pool_id"]))


def _left(conn: Connection, account: str, limit: int | None) -> int | None:
    if limit is None:
        return None
    used = conn.execute(_USED, {"name": account}).scalar_one_or_none() or 0
    return max(0, limit - used)
