"""Reserving: units held for a grant, within caps and pool, less what its party owes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Unpack, cast

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import LedgerConflict, NotFound
from fastbrand.store import accounts, entries
from fastbrand.store.accounts import GRANT_ACCOUNT, CapLimits
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Entry, EntryKind, Key
from fastbrand.store.ledger import debts
from fastbrand.store.ledger.booking import SHARD, HotRows, impossible, note, positive, take_turns
from fastbrand.store.once import InsertOnce

Reason = Literal["party_per_year", "category_per_month", "pool_dry"]


@dataclass(frozen=True, slots=True)
class Reserved:
    """``amount`` units are held for the grant; ``set_off`` more paid what its party owed.

    ``first`` is False where the same attempt had got them before.
    """

    amount: int
    first: bool
    set_off: int = 0


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing was reserved: a cap would be passed, or the pool has not so much. ``first`` as in ``Reserved``."""

    reason: Reason
    first: bool


class _Short(Exception):
    """Something has not so much; what was written for the attempt so far is rolled back."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


_HOLD = InsertOnce(GRANT_ACCOUNT, ("grant_id",))
_KINDS = (EntryKind.RESERVE, EntryKind.SET_OFF)


def reserve(
    conn: Connection,
    *,
    grant_id: str,
    attempt: int,
    pool_id: str,
    amount: int,
    party_id: str,
    year: int,
    category: str | None,
    month: str,
    cap_limits: CapLimits,
    **grounds: Unpack[Grounds],
) -> Reserved | Denied:
    """Hold ``amount`` units of ``pool_id`` for a grant, within the caps of the party's year and the category's month.

    All or nothing; what the party owes is set off and not held. The same attempt again gets the answer it got
    (``cap_limits`` may differ then). Writes GRANT_RESERVED, or GRANT_WAITING with the reason. Raises ``LedgerConflict``
    on an attempt repeated with other parameters and on a grant that another attempt reserved, ``NotFound`` on an
    unknown pool, ``InputError`` on an amount below 1.
    """
    positive(amount)
    by_party = accounts.party_account(party_id, year)
    by_category = accounts.category_account(category, month)
    params = {"pool": pool_id, "amount": amount, "party": by_party, "category": by_category}
    key = Key(grant_id, 0, EntryKind.RESERVE, str(attempt))
    entry = replace(
        Entry.under(key, params, pool_id, SHARD, amount, grounds["at"]),
        party_id=party_id,
        party_account=by_party,
        category_account=by_category,
    )
    take_turns(conn, [grant_id])
    answered = _answered(conn, entry, attempt)
    if answered is not None:
        return answered
    try:
        with conn.begin_nested():
            return _hold(conn, entry, attempt, cap_limits, grounds)
    except _Short as short:
        return _deny(conn, entry, attempt, short.reason, grounds)


def _answered(conn: Connection, entry: Entry, attempt: int) -> Reserved | Denied | None:
    """What this attempt got before. Raises ``LedgerConflict`` where it was made with other parameters."""
    made = [
        each
        for each in entries.of_tranche(conn, entry.grant_id, 0, _KINDS)
        if each.source_ref.partition("/")[0] == str(attempt)
    ]
    for each in made:
        entries.check_same(each, entry.params_hash)
    if made:
        held = sum(each.amount for each in made if each.entry_kind is EntryKind.RESERVE)
        return Reserved(held, first=False, set_off=sum(each.amount for each in made) - held)
    refused = entries.find_denial(conn, entry.grant_id, attempt, entry.params_hash)
    return None if refused is None else Denied(cast(Reason, refused), first=False)


def _hold(conn: Connection, entry: Entry, attempt: int, limits: CapLimits, grounds: Grounds) -> Reserved:
    """Write a reservation. Raises ``_Short`` where a cap or the pool has not so much: the savepoint takes it back."""
    paid = debts.plan_set_off(conn, str(entry.party_id), entry.pool_id, entry.amount)
    set_off = sum(debt.owed for debt in paid)
    held = entry.amount - set_off
    if held and not entries.write(conn, replace(entry, amount=held, cap_delta=held)):
        raise impossible(entry.key, held)
    told = {"attempt": attempt, "pool": entry.pool_id, "amount": held} | ({"set_off": set_off} if set_off else {})
    note(conn, Verb.GRANT_RESERVED, f"reserve/{attempt}", entry.grant_id, entry.party_id, told, grounds)
    row = {name: getattr(entry, name) for name in ("grant_id", "pool_id", "shard", "party_id")}
    caps = {"party_account": entry.party_account, "category_account": entry.category_account}
    if not _HOLD(conn, {**row, **caps, "attempt": attempt, "reserved": held, "set_off": set_off}):
        raise LedgerConflict(
            f"grant `{entry.grant_id}` was reserved before, by another attempt", hint="a grant is reserved once"
        )
    hot = HotRows()
    debts.set_off(conn, hot, entry, attempt, paid, grounds)
    if held:
        if not accounts.take_cap(conn, str(entry.party_account), held, limits.party_year):
            raise _Short("party_per_year")
        if not accounts.take_cap(conn, str(entry.category_account), held, limits.category_month):
            raise _Short("category_per_month")
        hot.move(entry.pool_id, entry.shard, pending=held)
    if not hot.settle(conn):
        if not accounts.has_pool(conn, entry.pool_id):
            raise NotFound(f"pool `{entry.pool_id}` is not open", hint="see `fastbrand pool status`")
        raise _Short("pool_dry")
    return Reserved(held, first=True, set_off=set_off)


def _deny(conn: Connection, entry: Entry, attempt: int, reason: Reason, grounds: Grounds) -> Denied:
    first = entries.deny(conn, entry, attempt, reason)
    told = {"attempt": attempt, "pool": entry.pool_id, "amount": entry.amount, "denied": reason}
    note(conn, Verb.GRANT_WAITING, f"reserve/{attempt}", entry.grant_id, entry.party_id, told, grounds)
    return Denied(reason, first)
