"""Releasing: a tranche is committed or voided; what nobody spent of it expires."""

from __future__ import annotations

from typing import Unpack

from sqlalchemy import Connection, select

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import LedgerConflict
from fastbrand.store import entries
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import EntryKind, Key
from fastbrand.store.grants import GRANT
from fastbrand.store.ledger import booking, debts
from fastbrand.store.ledger.booking import Held, HotRows, Moved, held_for, note, positive, take_turns, tranche_key


def commit(conn: Connection, *, grant_id: str, tranche_no: int, amount: int, **grounds: Unpack[Grounds]) -> Moved:
    """Release a tranche: ``amount`` of the grant's reserved units become the party's to spend. Writes TRANCHE_RELEASED.

    Raises ``LedgerConflict`` where the grant has not so much reserved, the tranche was voided, or it was released with
    another amount.
    """
    positive(amount)
    key = tranche_key(grant_id, tranche_no, EntryKind.COMMIT)
    take_turns(conn, [grant_id])
    booked = entries.find(conn, key, entries.params_hash({"amount": amount}))
    if booked is not None:
        return Moved(booked.amount, first=False)
    held = held_for(conn, key)
    booking.write(conn, key, held, amount, grounds, {"amount": amount})
    told = {"tranche_no": tranche_no, "amount": amount}
    note(conn, Verb.TRANCHE_RELEASED, f"commit/{tranche_no}", grant_id, held.party_id, told, grounds)
    booking.open_tranche(conn, key, unspent=amount)
    booking.move_held(conn, key, reserved=-amount)
    hot = HotRows()
    hot.move(held.pool_id, held.shard, pending=-amount, posted=amount)
    hot.settle_or_fail(conn, key)
    return Moved(amount, first=True)


def void_tranche(conn: Connection, *, grant_id: str, tranche_no: int, amount: int, **grounds: Unpack[Grounds]) -> Moved:
    """Give a tranche that was not released back to pool and caps. Writes TRANCHE_VOIDED.

    Raises ``LedgerConflict`` where it was released, or voided with another amount, or not so much is reserved.
    """
    positive(amount)
    key = tranche_key(grant_id, tranche_no, EntryKind.VOID)
    take_turns(conn, [grant_id])
    booked = entries.find(conn, key, entries.params_hash({"amount": amount}))
    if booked is not None:
        return Moved(booked.amount, first=False)
    held = held_for(conn, key)
    hot = HotRows()
    booking.write(conn, key, held, amount, grounds, {"amount": amount}, cap_delta=-amount)
    booking.open_tranche(conn, key, unspent=0)
    told = {"tranche_no": tranche_no, "amount": amount, **_give_back(conn, hot, key, held, amount, grounds)}
    note(conn, Verb.TRANCHE_VOIDED, f"void/{tranche_no}", grant_id, held.party_id, told, grounds)
    hot.settle_or_fail(conn, key)
    return Moved(amount, first=True)


def void_remaining(conn: Connection, *, grant_id: str, hot: HotRows | None = None, **grounds: Unpack[Grounds]) -> Moved:
    """Give all that is still reserved for a grant back to pool and caps, for good. Writes GRANT_VOIDED.

    Where nothing is reserved (the grant only waited, or all is released) the event says so, with an amount of 0. With
    ``hot`` the caller settles it, after it took every turn that it needs.
    """
    key = Key(grant_id, 0, EntryKind.VOID)
    take_turns(conn, [grant_id])
    booked = entries.find(conn, key, entries.params_hash({}))
    if booked is not None:
        return Moved(booked.amount, first=False)
    held = booking.account_of(conn, grant_id)
    if held is None or held.reserved == 0:
        party_id = held.party_id if held else _party_of(conn, grant_id)
        first = note(conn, Verb.GRANT_VOIDED, "void/nothing", grant_id, party_id, {"amount": 0}, grounds)
        return Moved(0, first)
    amount, mine = held.reserved, hot or HotRows()
    booking.write(conn, key, held, amount, grounds, {}, cap_delta=-amount)
    told = {"amount": amount, **_give_back(conn, mine, key, held, amount, grounds)}
    note(conn, Verb.GRANT_VOIDED, "void/0", grant_id, held.party_id, told, grounds)
    if hot is None:
        mine.settle_or_fail(conn, key)
    return Moved(amount, first=True)


def expire(conn: Connection, *, grant_id: str, tranche_no: int, **grounds: Unpack[Grounds]) -> Moved:
    """Return what nobody spent of a released tranche to the pool. Caps stay. Writes TRANCHE_EXPIRED.

    How much that is, is read here and now: reports may have come in until this moment. Raises ``LedgerConflict`` where
    the tranche was not released.
    """
    key = tranche_key(grant_id, tranche_no, EntryKind.EXPIRE)
    take_turns(conn, [grant_id])
    booked = entries.find(conn, key, entries.params_hash({}))
    if booked is not None:
        return Moved(booked.amount, first=False)
    held = held_for(conn, key)
    tranche = booking.tranche_accounts(conn, grant_id).get(tranche_no)
    if tranche is None or not entries.of_tranche(conn, grant_id, tranche_no, [EntryKind.COMMIT]):
        raise LedgerConflict(f"{key}: the tranche was never released", hint="see `fastbrand grant show`")
    amount = tranche.unspent
    told = {"tranche_no": tranche_no, "amount": amount}
    if amount == 0:
        what = f"expire/{tranche_no}/nothing"  # something may be given back yet
        return Moved(0, note(conn, Verb.TRANCHE_EXPIRED, what, grant_id, held.party_id, told, grounds))
    booking.write(conn, key, held, amount, grounds, {})
    note(conn, Verb.TRANCHE_EXPIRED, f"expire/{tranche_no}", grant_id, held.party_id, told, grounds)
    booking.move_tranche(conn, key, unspent=-amount, expired=amount)
    hot = HotRows()
    hot.move(held.pool_id, held.shard, posted=-amount)
    hot.settle_or_fail(conn, key)
    return Moved(amount, first=True)


def _give_back(conn: Connection, hot: HotRows, key: Key, held: Held, amount: int, grounds: Grounds) -> dict[str, int]:
    """Return reserved units to pool and caps; the audit is told where a debt is back with them."""
    told = {}
    if held.set_off and held.reserved == amount and not _ever_released(conn, held.grant_id):
        debts.debts_turn(conn, held.party_id)
        told["debt_restored"] = debts.restore(conn, hot, held, grounds)
    booking.move_held(conn, key, reserved=-amount)
    hot.give_cap(held.party_account, amount)
    hot.give_cap(held.category_account, amount)
    hot.move(held.pool_id, held.shard, pending=-amount)
    return told


def _ever_released(conn: Connection, grant_id: str) -> bool:
    return any(entry.entry_kind is EntryKind.COMMIT for entry in entries.of_grant(conn, grant_id))


def _party_of(conn: Connection, grant_id: str) -> str | None:
    return conn.execute(select(GRANT.c.party_id).where(GRANT.c.grant_id == grant_id)).scalar_one_or_none()
