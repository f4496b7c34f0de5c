"""Clawing back: by cause, a share of what is not spent returns to the pool, a share of what is spent becomes a debt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import LedgerConflict
from fastbrand.domain.grant import PPB
from fastbrand.store import entries
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Clawback, EntryKind
from fastbrand.store.ledger import booking, debts
from fastbrand.store.ledger.booking import HotRows, TrancheHeld, held_for, note, take_turns, tranche_key


@dataclass(frozen=True, slots=True)
class ClawTerms:
    """Shares of a clawback in parts per billion: of units not spent, and of spent ones."""

    unspent_ppb: int
    spent_ppb: int


@dataclass(frozen=True, slots=True)
class Clawed:
    """What a clawback took of a tranche: ``unspent`` units went back, of ``spent`` ones ``debt`` are owed.

    ``first`` is False where the same cause had taken it before.
    """

    unspent: int
    spent: int
    debt: int
    first: bool


def what_claw_back_takes(tranche: TrancheHeld, terms: ClawTerms) -> Clawed:
    """What a clawback would take of a tranche as it stands: floored shares, and never more owed than was spent."""
    unspent = tranche.unspent * terms.unspent_ppb // PPB
    debt = min(tranche.consumed * terms.spent_ppb // PPB, tranche.consumed - tranche.owed)
    return Clawed(unspent, tranche.consumed, debt, first=True)


def claw_back(
    conn: Connection,
    hot: HotRows,
    *,
    grant_id: str,
    tranche_no: int,
    cause: str,
    terms: ClawTerms,
    **grounds: Unpack[Grounds],
) -> Clawed:
    """Take back by ``cause``, once for a tranche and cause. Caps stay. Writes TRANCHE_CLAWED_BACK.

    The caller holds the turns of the grant and of its party's debts, and settles ``hot``. Raises ``LedgerConflict``
    where the tranche was not released.
    """
    key = tranche_key(grant_id, tranche_no, EntryKind.CLAWBACK, cause)
    take_turns(conn, [grant_id])
    for done in entries.clawbacks_of(conn, grant_id):
        if (done.tranche_no, done.cause) == (tranche_no, cause):
            return Clawed(done.unspent, done.spent, done.debt, first=False)
    held = held_for(conn, key)
    tranche = booking.tranche_accounts(conn, grant_id).get(tranche_no)
    if tranche is None:
        raise LedgerConflict(f"{key}: the tranche was never released", hint="see `fastbrand grant show`")
    took = what_claw_back_takes(tranche, terms)
    entries.write_clawback(
        conn,
        Clawback(
            grant_id=grant_id,
            tranche_no=tranche_no,
            cause=cause,
            unspent_ppb=terms.unspent_ppb,
            spent_ppb=terms.spent_ppb,
            unspent=took.unspent,
            spent=took.spent,
            debt=took.debt,
            at=grounds["at"],
        ),
    )
    told = {"tranche_no": tranche_no, "cause": cause, "unspent": took.unspent, "spent": took.spent, "debt": took.debt}
    note(conn, Verb.TRANCHE_CLAWED_BACK, f"clawback/{tranche_no}/{cause}", grant_id, held.party_id, told, grounds)
    if took.unspent:
        booking.write(conn, key, held, took.unspent, grounds, {"cause": cause})
        booking.move_tranche(conn, key, unspent=-took.unspent, clawed_back=took.unspent)
        hot.move(held.pool_id, held.shard, posted=-took.unspent, clawed_back=took.unspent)
    if took.debt:
        own = tranche_key(grant_id, tranche_no, EntryKind.OWE, cause)
        debts.owe(conn, hot, own, held, took.debt, grounds)
    return took
