"""Consuming: what delivery reports say was spent of a released tranche.

Each report tells units of its own and is booked once under its id, so reports add up in any order. Units that were
spent before their tranche expired, or was clawed back, but reported after it are taken from the pool again where it has
them: the result is the same as if the report had come in time.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Unpack

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.grant import PPB
from fastbrand.store import entries
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Clawback, EntryKind, Key
from fastbrand.store.ledger import booking, debts
from fastbrand.store.ledger.booking import Held, HotRows, TrancheHeld, note, positive, take_turns, tranche_key

Why = Literal["other_units", "not_released", "after_expiry", "beyond_released", "pool_dry"]


@dataclass(frozen=True, slots=True)
class Consumed:
    """``units`` are booked as spent. ``late`` of them had gone back to the pool already; ``debt`` of them are owed,
    because they were spent before a clawback.

    ``first`` is False where the same report had been booked before; ``debt`` is then 0.
    """

    units: int
    first: bool
    late: int = 0
    debt: int = 0


@dataclass(frozen=True, slots=True)
class NotConsumed:
    """Nothing was booked. ``free`` is how many units the report could have told; with ``other_units`` those it told
    before; with ``pool_dry`` those that the pool would have to give again."""

    why: Why
    free: int


@dataclass(frozen=True, slots=True)
class _Split:
    """Where a report's units are taken from."""

    unspent: int
    expired: int
    clawed_back: int

    @property
    def late(self) -> int:
        return self.expired + self.clawed_back


class _PoolDry(Exception):
    """What went back to the pool is not there any more; what was written so far is rolled back."""


_PARTS = (
    (EntryKind.CONSUME, "unspent"),
    (EntryKind.LATE_AFTER_EXPIRY, "expired"),
    (EntryKind.LATE_AFTER_CLAWBACK, "clawed_back"),
)
_KINDS = tuple(kind for kind, _ in _PARTS)


def consume(
    conn: Connection,
    *,
    grant_id: str,
    tranche_no: int,
    units: int,
    report_id: str,
    counted_until: datetime,
    expires_at: datetime | None,
    **grounds: Unpack[Grounds],
) -> Consumed | NotConsumed:
    """Book that report ``report_id`` counted ``units`` spent until ``counted_until``; all of them or none.

    Units of a tranche can be spent until ``expires_at`` (None: it was not released). The same report again changes
    nothing. Writes TRANCHE_CONSUMED; what is not booked is the caller's to tell. Raises ``InputError`` on less than 1
    unit.
    """
    positive(units)
    key = tranche_key(grant_id, tranche_no, EntryKind.CONSUME, report_id)
    take_turns(conn, [grant_id])
    told = _told_before(conn, key)
    if told is not None:
        return told if told.units == units else NotConsumed("other_units", told.units)
    held = booking.account_of(conn, grant_id)
    tranche = booking.tranche_accounts(conn, grant_id).get(tranche_no)
    if held is None or tranche is None or expires_at is None:
        return NotConsumed("not_released", 0)
    if counted_until > expires_at:
        return NotConsumed("after_expiry", 0)
    clawbacks = [each for each in entries.clawbacks_of(conn, grant_id) if each.tranche_no == tranche_no]
    before = [each for each in clawbacks if counted_until <= each.at]
    fallen = entries.forgiven_of(conn, grant_id) if before else {}
    returned = sum(fallen[tranche_no, each.cause].returned for each in before if (tranche_no, each.cause) in fallen)
    clawed = min(tranche.clawed_back, sum(each.unspent for each in before) - returned)
    free = tranche.unspent + tranche.expired + clawed
    if units > free:
        return NotConsumed("beyond_released", free)
    unspent = min(units, tranche.unspent)
    expired = min(units - unspent, tranche.expired)
    split = _Split(unspent, expired, units - unspent - expired)
    owing = [each for each in before if (tranche_no, each.cause) not in fallen]
    if any(each.spent_ppb for each in owing):
        debts.debts_turn(conn, held.party_id)
    try:
        with conn.begin_nested() if split.late else nullcontext():
            return _book(conn, key, held, tranche, split, owing, counted_until, grounds)
    except _PoolDry:
        return NotConsumed("pool_dry", split.late)


def _told_before(conn: Connection, key: Key) -> Consumed | None:
    there = [
        each
        for each in entries.of_tranche(conn, key.grant_id, key.tranche_no, _KINDS)
        if each.source_ref == key.source_ref
    ]
    if not there:
        return None
    late = sum(each.amount for each in there if each.entry_kind is not EntryKind.CONSUME)
    return Consumed(sum(each.amount for each in there), first=False, late=late)


def _book(
    conn: Connection,
    key: Key,
    held: Held,
    tranche: TrancheHeld,
    split: _Split,
    clawbacks: list[Clawback],
    counted_until: datetime,
    grounds: Grounds,
) -> Consumed:
    units = split.unspent + split.late
    hot = HotRows()
    for kind, part in _PARTS:
        amount = getattr(split, part)
        if amount:
            own = Key(key.grant_id, key.tranche_no, kind, key.source_ref)
            booking.write(conn, own, held, amount, grounds, {"units": units})
    booking.move_tranche(
        conn,
        key,
        unspent=-split.unspent,
        expired=-split.expired,
        clawed_back=-split.clawed_back,
        consumed=units,
    )
    owed = _owe(conn, hot, key, held, tranche, units, clawbacks, grounds)
    told: dict[str, Any] = {
        "tranche_no": key.tranche_no,
        "report_id": key.source_ref,
        "units": units,
        "counted_until": counted_until.isoformat(),
        **({"late": split.late} if split.late else {}),
        **({"debt": owed} if owed else {}),
    }
    what = f"consume/{key.tranche_no}/{key.source_ref}"
    note(conn, Verb.TRANCHE_CONSUMED, what, key.grant_id, held.party_id, told, grounds)
    hot.move(held.pool_id, held.shard, posted=split.late, consumed=units, clawed_back=-split.clawed_back)
    if not hot.settle(conn):
        raise _PoolDry
    return Consumed(units, first=True, late=split.late, debt=owed)


def _owe(
    conn: Connection,
    hot: HotRows,
    key: Key,
    held: Held,
    tranche: TrancheHeld,
    units: int,
    clawbacks: list[Clawback],
    grounds: Grounds,
) -> int:
    """What was spent before a clawback falls under its terms, however late it is reported; never more than was spent.

    Each report's part is floored by itself.
    """
    owed, most = 0, tranche.consumed + units - tranche.owed
    for clawback in clawbacks:
        part = min(units * clawback.spent_ppb // PPB, most - owed)
        if part:
            own = Key(key.grant_id, key.tranche_no, EntryKind.OWE, f"{clawback.cause}/{key.source_ref}")
            debts.owe(conn, hot, own, held, part, grounds)
            owed += part
    return owed
