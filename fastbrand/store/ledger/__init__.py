"""The ledger of bonus traffic: never more than the pool, never twice.

Two phases: ``reserve``, then for each tranche ``commit`` (released) or ``void`` (given back); of what was released
``consume`` books what was spent, ``expire`` returns what was not, and ``claw_back`` takes back by cause. Every function
runs inside the caller's write transaction, writes its own audit event and keeps one order: the entry under its business
key and the audit event first, the conditional UPDATE of the pool last, so that the hot row is held for the shortest
time. Turns are taken before anything is read: those of grants in the order of their ids, then that of a party's debts.

Decided here:

- A grant is reserved once in its life; a refused attempt is kept with its answer and a later try is a new attempt.
- A void gives back to the pool and to both caps: those units were never given. An expiry or a clawback gives back to
  the pool only: the party had its chance, and letting caps free up again would let one party take the year's cap twice.
- A party's debt is set off when a grant is reserved: what is held is the amount less the set-off, and that is what
  draws on the caps. Where nothing of such a grant was ever released and all of it was given up, the debt is back.
- Where the decision behind a clawback falls, its debt is forgiven, and what is reported later makes none. What it took
  unspent is given back while its term runs; what was never released stays in the pool.
- Consumption adds up report by report; it does not matter in which order reports, expiry and clawback are booked.
- Booking what an earlier booking excludes (more than is reserved, a voided tranche) raises ``LedgerConflict``: a defect
  upstream must not be smoothed over. A delivery report that cannot be booked is an answer: it comes from outside.
"""

from __future__ import annotations

from fastbrand.store.accounts import CapLimits, CapRemainders, remainders, status
from fastbrand.store.entries import Clawback, Entry, Fallen, clawbacks_of, forgiven_of
from fastbrand.store.entries import of_grant as entries_of
from fastbrand.store.ledger.booking import HotRows, Moved, TrancheHeld, take_turns
from fastbrand.store.ledger.clawing_back import Clawed, ClawTerms, claw_back, what_claw_back_takes
from fastbrand.store.ledger.consuming import Consumed, NotConsumed, consume
from fastbrand.store.ledger.debts import debts_of, debts_turn
from fastbrand.store.ledger.forgiving import Forgiven, ending, forgive
from fastbrand.store.ledger.holding import Holding, holdings
from fastbrand.store.ledger.opening import PoolSpec, open_pools, top_up
from fastbrand.store.ledger.releasing import commit, expire, void_remaining, void_tranche
from fastbrand.store.ledger.reserving import Denied, Reserved, reserve
from fastbrand.store.reconciliation import reconcile

__all__ = [
    "CapLimits",
    "CapRemainders",
    "ClawTerms",
    "Clawback",
    "Clawed",
    "Consumed",
    "Denied",
    "Entry",
    "Fallen",
    "Forgiven",
    "Holding",
    "HotRows",
    "Moved",
    "NotConsumed",
    "PoolSpec",
    "Reserved",
    "TrancheHeld",
    "claw_back",
    "clawbacks_of",
    "commit",
    "consume",
    "debts_of",
    "debts_turn",
    "ending",
    "entries_of",
    "expire",
    "forgive",
    "forgiven_of",
    "holdings",
    "open_pools",
    "reconcile",
    "remainders",
    "reserve",
    "status",
    "take_turns",
    "top_up",
    "void_remaining",
    "void_tranche",
    "what_claw_back_takes",
]
