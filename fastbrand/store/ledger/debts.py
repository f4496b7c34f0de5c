"""Debts: what a party owes for units that were spent and then clawed back.

A memo beside the pools' sums. A debt belongs to the pool whose units were spent; it is paid by set-off, whatever pool
the party's next grant comes from, so that nobody leaves one behind by changing tracks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, update

from fastbrand.store import entries
from fastbrand.store.accounts import DEBT_ACCOUNT
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Entry, EntryKind, Key
from fastbrand.store.ledger.booking import SHARD, Held, HotRows, impossible, move_held, move_tranche
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader
from fastbrand.store.turns import take_turn


@dataclass(frozen=True, slots=True)
class Debt:
    """``owed`` units of ``pool_id``, 1 at least."""

    party_id: str
    pool_id: str
    owed: int


_DEBTS = RowReader(DEBT_ACCOUNT, Debt)
_DEBTS_OF = _DEBTS.select.where(DEBT_ACCOUNT.c.party_id == bindparam("party"), DEBT_ACCOUNT.c.owed > 0).order_by(
    DEBT_ACCOUNT.c.pool_id
)
_OPEN = InsertOnce(DEBT_ACCOUNT, ("party_id", "pool_id"))
_MOVE = (
    update(DEBT_ACCOUNT)
    .where(
        DEBT_ACCOUNT.c.party_id == bindparam("party"),
        DEBT_ACCOUNT.c.pool_id == bindparam("pool"),
        DEBT_ACCOUNT.c.owed + bindparam("by") >= 0,
    )
    .values(owed=DEBT_ACCOUNT.c.owed + bindparam("by"))
)


def debts_of(conn: Connection, party_id: str) -> list[Debt]:
    """What the party owes, by pool."""
    return _DEBTS.all(conn, _DEBTS_OF, {"party": party_id})


def debts_turn(conn: Connection, party_id: str) -> None:
    """Wait until nobody else changes what the party owes. After the turns of grants, before anything is booked."""
    take_turn(conn, f"debts/{party_id}")


def owe(conn: Connection, hot: HotRows, key: Key, held: Held, amount: int, grounds: Grounds) -> None:
    """Make ``amount`` spent units of the tranche of ``key`` a debt of the party to the grant's pool."""
    _write(conn, key, held.party_id, held.pool_id, amount, {"amount": amount}, grounds)
    move_tranche(conn, key, owed=amount)
    _move(conn, key, held.party_id, held.pool_id, amount)
    hot.move(held.pool_id, held.shard, debt=amount)


def forgive(conn: Connection, hot: HotRows, key: Key, held: Held, amount: int, grounds: Grounds) -> None:
    """Take ``amount`` units that the tranche of ``key`` made a debt off what the party owes."""
    _write(conn, key, held.party_id, held.pool_id, amount, {"amount": amount}, grounds)
    move_tranche(conn, key, owed=-amount)
    _move(conn, key, held.party_id, held.pool_id, -amount)
    hot.move(held.pool_id, held.shard, debt=-amount)


def plan_set_off(conn: Connection, party_id: str, own_pool: str, amount: int) -> list[Debt]:
    """Which debts ``amount`` units of a grant pay: those to the grant's own pool first, then the others by pool."""
    if not debts_of(conn, party_id):
        return []
    debts_turn(conn, party_id)
    paid, left = [], amount
    for debt in sorted(debts_of(conn, party_id), key=lambda each: (each.pool_id != own_pool, each.pool_id)):
        units = min(debt.owed, left)
        left -= units
        if units:
            paid.append(replace(debt, owed=units))
    return paid


def set_off(conn: Connection, hot: HotRows, entry: Entry, attempt: int, paid: list[Debt], grounds: Grounds) -> None:
    """Pay ``paid`` with units of the grant that ``entry`` reserves. The entries carry the reservation's parameters."""
    for debt in paid:
        key = Key(entry.grant_id, 0, EntryKind.SET_OFF, f"{attempt}/{debt.pool_id}")
        made = Entry.under(key, {}, debt.pool_id, SHARD, debt.owed, grounds["at"])
        if not entries.write(conn, replace(made, params_hash=entry.params_hash, party_id=debt.party_id)):
            raise impossible(key, debt.owed)
        _move(conn, key, debt.party_id, debt.pool_id, -debt.owed)
        hot.move(debt.pool_id, SHARD, debt=-debt.owed)


def restore(conn: Connection, hot: HotRows, held: Held, grounds: Grounds) -> int:
    """Undo what was set off against a grant that was given up whole; returns how many units are owed again."""
    restored = 0
    for paid in entries.of_tranche(conn, held.grant_id, 0, [EntryKind.SET_OFF]):
        key = Key(held.grant_id, 0, EntryKind.RESTORE, paid.pool_id)
        _write(conn, key, held.party_id, paid.pool_id, paid.amount, {"amount": paid.amount}, grounds)
        _move(conn, key, held.party_id, paid.pool_id, paid.amount)
        hot.move(paid.pool_id, paid.shard, debt=paid.amount)
        restored += paid.amount
    if restored:
        move_held(conn, Key(held.grant_id, 0, EntryKind.RESTORE), set_off=-restored)
    return restored


def _write(
    conn: Connection, key: Key, party_id: str, pool_id: str, amount: int, params: dict[str, int], grounds: Grounds
) -> None:
    made = Entry.under(key, params, pool_id, SHARD, amount, grounds["at"])
    if not entries.write(conn, replace(made, party_id=party_id)):
        raise impossible(key, amount)


def _move(conn: Connection, key: Key, party_id: str, pool_id: str, by: int) -> None:
    values = {"party": party_id, "pool": pool_id, "by": by}
    if conn.execute(_MOVE, values).rowcount == 1:
        return
    _OPEN(conn, {"party_id": party_id, "pool_id": pool_id, "owed": 0})
    if conn.execute(_MOVE, values).rowcount != 1:
        raise impossible(key, abs(by))
