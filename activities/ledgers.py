"""The ledger as a whole: recomputed from its entries."""

from __future__ import annotations

from activities.provenance import provenance
from activities.run_payloads import Reconciled, RunRequest
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, AuditEvent, Verb
from fastbrand.store import audit, ledger
from fastbrand.store.database import Database


class LedgerActivities:
    """Server activities: as long as there are entries."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @uninterrupted("ledger_reconcile")
    def reconcile(self, request: RunRequest) -> Reconciled:
        """Recompute every account, and write down whether it balances."""
        with self._db.read() as conn:
            differences = ledger.reconcile(conn)["differences"]
        key = f"ledger/reconcile/{request.at.isoformat()}"
        event = AuditEvent(
            verb=Verb.LEDGER_RECONCILED,
            key=key,
            actor=SYSTEM,
            subject_kind="ledger",
            subject_id="ledger",
            after={"balanced": not differences, "differences": len(differences)},
            provenance=provenance(),
        )
        with self._db.write() as conn:
            audit.append(conn, event, request.at)
        return Reconciled(balanced=not differences, differences=len(differences))
