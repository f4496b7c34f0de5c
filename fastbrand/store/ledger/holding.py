"""What grants hold, as their accounts say: for views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from fastbrand.store.accounts import GRANT_ACCOUNT, TRANCHE_ACCOUNT
from fastbrand.store.ledger.booking import Held, TrancheHeld
from fastbrand.store.rows import RowReader


@dataclass(frozen=True, slots=True)
class Holding:
    """What a grant holds: ``reserved`` units not yet released, ``set_off`` that paid debts, and its tranches."""

    reserved: int = 0
    set_off: int = 0
    tranches: Mapping[int, TrancheHeld] = field(default_factory=dict)

    @property
    def debt(self) -> int:
        """Units of this grant that clawbacks made a debt of its party, whether or not they were set off since."""
        return sum(tranche.owed for tranche in self.tranches.values())


_HELD = RowReader(GRANT_ACCOUNT, Held)
_TRANCHES = RowReader(TRANCHE_ACCOUNT, TrancheHeld)
_MANY = 500


def holdings(conn: Connection, grant_ids: Iterable[str]) -> dict[str, Holding]:
    """Grant id -> what it holds; every id asked for is a key of the answer."""
    wanted = list(dict.fromkeys(grant_ids))
    found: dict[str, Holding] = {}
    tranches: dict[str, dict[int, TrancheHeld]] = {grant_id: {} for grant_id in wanted}
    for start in range(0, len(wanted), _MANY):
        some = wanted[start : start + _MANY]
        for each in _TRANCHES.all(conn, _TRANCHES.select.where(TRANCHE_ACCOUNT.c.grant_id.in_(some))):
            tranches[each.grant_id][each.tranche_no] = each
        for held in _HELD.all(conn, _HELD.select.where(GRANT_ACCOUNT.c.grant_id.in_(some))):
            found[held.grant_id] = Holding(held.reserved, held.set_off, tranches[held.grant_id])
    return {grant_id: found.get(grant_id, Holding()) for grant_id in wanted}
