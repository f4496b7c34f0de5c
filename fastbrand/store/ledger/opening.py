"""Pools: opened with the budget of the programme, topped up by two people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Unpack

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import NotFound
from fastbrand.store import accounts, audit, entries
from fastbrand.store.accounts import POOL
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Entry, EntryKind, Key
from fastbrand.store.ledger.booking import SHARD, Moved, impossible, positive
from fastbrand.store.once import InsertOnce
from fastbrand.store.turns import take_turn


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pool as the programme has it: ``budget`` in ``unit``."""

    pool_id: str
    unit: str
    budget: int


_OPEN = InsertOnce(POOL, ("pool_id", "shard"))


def open_pools(conn: Connection, pools: Iterable[PoolSpec], **grounds: Unpack[Grounds]) -> list[str]:
    """Open the pools that are not there yet; returns the ids of those.

    A pool that is there keeps its budget, whatever a newer programme says: a budget changes by a top-up, which needs a
    second person.
    """
    opened = []
    for spec in pools:
        zeros = dict.fromkeys(("topped_up", "pending", "posted", "consumed", "clawed_back", "debt"), 0)
        row = {"pool_id": spec.pool_id, "shard": SHARD, "unit": spec.unit, "budget": spec.budget, **zeros}
        if not _OPEN(conn, {**row, "opened_at": grounds["at"]}):
            continue
        opened.append(spec.pool_id)
        told = {"pool": spec.pool_id, "unit": spec.unit, "budget": spec.budget}
        audit.note(conn, Verb.POOL_OPENED, f"pool/{spec.pool_id}/open", ("pool", spec.pool_id), grounds, after=told)
        if spec.budget > 0:
            key = Key("", 0, EntryKind.OPEN, f"{spec.pool_id}/{SHARD}")
            entries.write(conn, Entry.under(key, told, spec.pool_id, SHARD, spec.budget, grounds["at"]))
    return opened


def top_up(conn: Connection, *, pool_id: str, top_up_id: str, amount: int, **grounds: Unpack[Grounds]) -> Moved:
    """Add ``amount`` units to a pool, once for ``top_up_id``. Writes POOL_TOPPED_UP.

    That two people wanted it is the caller's to see to. Raises ``NotFound`` on a pool that is not open, ``InputError``
    on an amount below 1, ``LedgerConflict`` where the same top-up was made with another amount or pool.
    """
    positive(amount)
    key = Key("", 0, EntryKind.TOP_UP, top_up_id)
    told = {"pool": pool_id, "top_up_id": top_up_id, "amount": amount}
    take_turn(conn, f"top_up/{top_up_id}")
    if not accounts.has_pool(conn, pool_id):
        raise NotFound(f"pool `{pool_id}` is not open", hint="see `fastbrand pool status`")
    booked = entries.find(conn, key, entries.params_hash(told))
    if booked is not None:
        return Moved(booked.amount, first=False)
    entries.write(conn, Entry.under(key, told, pool_id, SHARD, amount, grounds["at"]))
    what = f"pool/{pool_id}/top_up/{top_up_id}"
    audit.note(conn, Verb.POOL_TOPPED_UP, what, ("pool", pool_id), grounds, after=told)
    if not accounts.move_pool(conn, pool_id, SHARD, {"topped_up": amount}):
        raise impossible(key, amount)
    return Moved(amount, first=True)
