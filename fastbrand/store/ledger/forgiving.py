"""Forgiving: the decision behind a clawback fell, so what it made a debt is owed no more, nor what is reported later.

Units that were taken unspent are given back where their term still runs and the pool has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.store import entries
from fastbrand.store.audit import Grounds
from fastbrand.store.entries import Clawback, EntryKind
from fastbrand.store.ledger import booking, debts
from fastbrand.store.ledger.booking import HotRows, held_for, note, take_turns, tranche_key


@dataclass(frozen=True, slots=True)
class Forgiven:
    """``debt`` units of a tranche that are owed no more; ``paid`` ones had been paid by later grants, and stay paid.

    ``returned`` units can be spent again. ``first`` is False where it was forgiven before; ``paid`` is then 0.
    """

    grant_id: str
    tranche_no: int
    cause: str
    debt: int
    paid: int
    returned: int
    first: bool


def forgive(
    conn: Connection, hot: HotRows, clawback: Clawback, *, give_back: bool, **grounds: Unpack[Grounds]
) -> Forgiven:
    """Undo the debt that ``clawback`` made, once, with all that late reports added to it. Writes TRANCHE_FORGIVEN.

    With ``give_back``, what it took unspent can be spent again, less what was reported late since. The caller holds
    the turns of the grant and of its party's debts, and settles ``hot``.
    """
    grant_id, no, cause = clawback.grant_id, clawback.tranche_no, clawback.cause
    take_turns(conn, [grant_id])
    before = entries.forgiven_of(conn, grant_id).get((no, cause))
    if before is not None:
        return Forgiven(grant_id, no, cause, before.debt, 0, before.returned, first=False)
    key = tranche_key(grant_id, no, EntryKind.FORGIVE, cause)
    held = held_for(conn, key)
    made = sum(
        each.amount
        for each in entries.of_tranche(conn, grant_id, no, [EntryKind.OWE])
        if each.source_ref.partition("/")[0] == cause
    )
    owed = next((each.owed for each in debts.debts_of(conn, held.party_id) if each.pool_id == held.pool_id), 0)
    debt = min(made, owed)
    account = booking.tranche_accounts(conn, grant_id)[no]
    returned = min(clawback.unspent, account.clawed_back) if give_back else 0
    entries.write_forgiven(conn, clawback, entries.Fallen(debt, returned), grounds["at"])
    told: dict[str, Any] = {
        "tranche_no": no,
        "cause": cause,
        "debt": debt,
        **({"paid": made - debt} if made > debt else {}),
        "returned": returned,
    }
    note(conn, Verb.TRANCHE_FORGIVEN, f"forgive/{no}/{cause}", grant_id, held.party_id, told, grounds)
    if debt:
        debts.forgive(conn, hot, key, held, debt, grounds)
    if returned:
        own = tranche_key(grant_id, no, EntryKind.GIVE_BACK, cause)
        booking.write(conn, own, held, returned, grounds, {"cause": cause})
        booking.move_tranche(conn, own, unspent=returned, clawed_back=-returned)
        hot.move(held.pool_id, held.shard, posted=returned, clawed_back=-returned)
    return Forgiven(grant_id, no, cause, debt, made - debt, returned, first=True)


def ending(conn: Connection, grant_id: str) -> str:
    """What the end of a grant is called in the audit: it may end again after something was given back."""
    times = sum(1 for each in entries.forgiven_of(conn, grant_id).values() if each.returned)
    return f"end/{times}" if times else "end"
