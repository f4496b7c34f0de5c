"""What every booking is made of: turns, a grant's account, an entry with its event, and the hot rows at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Unpack, cast

from sqlalchemy import Connection, bindparam, update

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import InputError, LedgerConflict
from fastbrand.store import accounts, audit, entries
from fastbrand.store.accounts import GRANT_ACCOUNT, TRANCHE_ACCOUNT, PoolMoves
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Entry, EntryKind, Key
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader
from fastbrand.store.turns import take_turn

SHARD = 0
"""Pools have one shard for now; entries and accounts name theirs already."""


@dataclass(frozen=True, slots=True)
class Moved:
    """``amount`` units were moved. ``first`` is False where they had been before."""

    amount: int
    first: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A grant's account."""

    grant_id: str
    attempt: int
    pool_id: str
    shard: int
    party_id: str
    party_account: str
    category_account: str
    reserved: int
    set_off: int


@dataclass(frozen=True, slots=True)
class TrancheHeld:
    """A tranche's account: released units not yet spent, spent, expired, clawed back; ``owed`` of the spent ones."""

    grant_id: str
    tranche_no: int
    unspent: int
    consumed: int
    expired: int
    clawed_back: int
    owed: int


_HELD = RowReader(GRANT_ACCOUNT, Held)
_TRANCHES = RowReader(TRANCHE_ACCOUNT, TrancheHeld)
_OPEN_TRANCHE = InsertOnce(TRANCHE_ACCOUNT, ("grant_id", "tranche_no"))
_THIS_GRANT = GRANT_ACCOUNT.c.grant_id == bindparam("grant")
_OF_GRANT = _HELD.select.where(_THIS_GRANT)
_TRANCHES_OF = _TRANCHES.select.where(TRANCHE_ACCOUNT.c.grant_id == bindparam("grant"))
_MOVE_HELD = (
    update(GRANT_ACCOUNT)
    .where(
        _THIS_GRANT,
        GRANT_ACCOUNT.c.reserved + bindparam("by_reserved") >= 0,
        GRANT_ACCOUNT.c.set_off + bindparam("by_set_off") >= 0,
    )
    .values(
        reserved=GRANT_ACCOUNT.c.reserved + bindparam("by_reserved"),
        set_off=GRANT_ACCOUNT.c.set_off + bindparam("by_set_off"),
    )
)
_PARTS = ("unspent", "consumed", "expired", "clawed_back", "owed")
_MOVE_TRANCHE = (
    update(TRANCHE_ACCOUNT)
    .where(
        TRANCHE_ACCOUNT.c.grant_id == bindparam("grant"),
        TRANCHE_ACCOUNT.c.tranche_no == bindparam("tranche"),
        *(TRANCHE_ACCOUNT.c[part] + bindparam(f"by_{part}") >= 0 for part in _PARTS),
    )
    .values({part: TRANCHE_ACCOUNT.c[part] + bindparam(f"by_{part}") for part in _PARTS})
)


class HotRows:
    """Changes to rows that many transactions want: kept until the end, then made in one order that all keep.

    Caps of parties first, those of categories next, pools last, each by name: whoever waits for one of them holds none
    that comes later, so nobody waits in a circle.
    """

    def __init__(self) -> None:
        self._caps: Counter[str] = Counter()
        self._pools: dict[tuple[str, int], Counter[str]] = {}

    def give_cap(self, account: str, amount: int) -> None:
        """Take ``amount`` off a cap account again."""
        self._caps[account] += amount

    def move(self, pool_id: str, shard: int, **moves: Unpack[PoolMoves]) -> None:
        """Change what a pool's row holds by the given differences."""
        there = self._pools.setdefault((pool_id, shard), Counter())
        there.update(cast(dict[str, int], moves))

    def settle(self, conn: Connection) -> bool:
        """Make every change. False where a pool has not so much: the caller's transaction, or savepoint, must end."""
        for account in sorted(self._caps, key=lambda name: (not name.startswith("party/"), name)):
            accounts.give_cap(conn, account, self._caps[account])
        for (pool_id, shard), moves in sorted(self._pools.items()):
            if not accounts.move_pool(conn, pool_id, shard, moves):
                return False
        self._caps.clear()
        self._pools.clear()
        return True

    def settle_or_fail(self, conn: Connection, what: object) -> None:
        """``settle``; raises ``LedgerConflict`` where a pool has not so much as ``what`` takes."""
        if not self.settle(conn):
            raise LedgerConflict(f"{what}: the pool has not so much", hint="see `fastbrand pool reconcile`")


def take_turns(conn: Connection, grant_ids: Iterable[str]) -> None:
    """One booking of a grant at a time: a repeat must find the answer that the first one is about to get.

    Whoever books several grants, or reads their rows before booking, takes all turns first, which this does in one
    order.
    """
    for grant_id in sorted(set(grant_ids)):
        take_turn(conn, f"grant/{grant_id}")


def account_of(conn: Connection, grant_id: str) -> Held | None:
    """The grant's account; None where nothing was ever reserved for it."""
    return _HELD.first(conn, _OF_GRANT, {"grant": grant_id})


def held_for(conn: Connection, key: Key) -> Held:
    """The account of the grant of ``key``. Raises ``LedgerConflict`` where nothing was ever reserved for it."""
    held = account_of(conn, key.grant_id)
    if held is None:
        raise LedgerConflict(f"{key}: nothing was ever reserved for this grant", hint="reserve first")
    return held


def tranche_accounts(conn: Connection, grant_id: str) -> dict[int, TrancheHeld]:
    """Number -> account, of the grant's tranches that were released or voided."""
    return {each.tranche_no: each for each in _TRANCHES.all(conn, _TRANCHES_OF, {"grant": grant_id})}


def open_tranche(conn: Connection, key: Key, unspent: int) -> None:
    """The account of a tranche that is released, or voided. Raises ``LedgerConflict`` where it has one."""
    row = {**dict.fromkeys(_PARTS, 0), "grant_id": key.grant_id, "tranche_no": key.tranche_no, "unspent": unspent}
    if not _OPEN_TRANCHE(conn, row):
        raise LedgerConflict(f"{key}: the tranche was released or voided before", hint="a tranche ends one way")


def move_held(conn: Connection, key: Key, *, reserved: int = 0, set_off: int = 0) -> None:
    """Change a grant's account. Raises ``LedgerConflict`` where it has not so much."""
    values = {"grant": key.grant_id, "by_reserved": reserved, "by_set_off": set_off}
    if conn.execute(_MOVE_HELD, values).rowcount != 1:
        raise impossible(key, abs(reserved or set_off))


def move_tranche(conn: Connection, key: Key, **parts: int) -> None:
    """Change a tranche's account (columns of it). Raises ``LedgerConflict`` where it has not so much."""
    by = {f"by_{part}": parts.get(part, 0) for part in _PARTS}
    values = {"grant": key.grant_id, "tranche": key.tranche_no, **by}
    if conn.execute(_MOVE_TRANCHE, values).rowcount != 1:
        raise impossible(key, max(map(abs, parts.values())))


def write(
    conn: Connection, key: Key, held: Held, amount: int, grounds: Grounds, params: dict[str, Any], cap_delta: int = 0
) -> None:
    """The entry under its key; ``cap_delta`` is what it adds to the grant's caps. Raises ``LedgerConflict``."""
    entry = replace(
        Entry.under(key, params, held.pool_id, held.shard, amount, grounds["at"]),
        party_id=held.party_id,
        cap_delta=cap_delta,
        party_account=held.party_account,
        category_account=held.category_account,
    )
    if not entries.write(conn, entry):
        raise impossible(key, amount)


def note(
    conn: Connection, verb: Verb, what: str, grant_id: str, party_id: str | None, told: dict[str, Any], grounds: Grounds
) -> bool:
    """The audit event of a booking, once."""
    return audit.note(
        conn, verb, f"grant/{grant_id}/ledger/{what}", ("grant", grant_id), grounds, party_id=party_id, after=told
    )


def tranche_key(grant_id: str, tranche_no: int, kind: EntryKind, source_ref: str = entries.CONSTANT) -> Key:
    """The business key of a booking of one tranche. Raises ``InputError`` on a number below 1."""
    if tranche_no < 1:
        raise InputError(f"`{tranche_no}` is not a tranche", hint="tranches are numbered from 1")
    return Key(grant_id, tranche_no, kind, source_ref)


def positive(amount: int) -> None:
    """Raises ``InputError`` on an amount below 1."""
    if amount < 1:
        raise InputError(f"`{amount}` units cannot be booked", hint="book 1 unit at least")


def impossible(key: Key, amount: int) -> LedgerConflict:
    """The error for a booking of more than there is."""
    return LedgerConflict(
        f"{key}: `{amount}` units are more than there are, or it was booked meanwhile",
        hint="see `fastbrand grant show` and `fastbrand pool reconcile`",
    )
