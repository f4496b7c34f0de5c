"""What came of a run of the main job: funnel, reasons, who waits for whom, grants, pools, audit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.grant import TrancheState
from fastbrand.domain.lifecycle import STANDING
from fastbrand.service.office import Office
from fastbrand.store import audit, cases, decisions, grants, ledger, parties
from fastbrand.store.grants import GrantRow
from fastbrand.store.parties import PartyRow


@dataclass(slots=True)
class DemoReport:
    """Counts of one run. ``funnel``: track -> steps passed; ``reasons``: criterion -> failed and unknown."""

    run_id: str
    candidates: int
    mistakes: int
    elapsed_s: float
    stages: dict[str, int] = field(default_factory=dict)
    screening: dict[str, int] = field(default_factory=dict)
    funnel: dict[str, dict[str, int]] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    grants: dict[str, int] = field(default_factory=dict)
    pools: list[dict[str, Any]] = field(default_factory=list)
    reconciled: bool = False
    differences: list[Any] = field(default_factory=list)
    events: int = 0
    faults: int = 0
    open_cases: int = 0
    waiting_for_pool: int = 0

    def as_json(self) -> dict[str, Any]:
        """The document of ``demo --json``."""
        return {
            "run_id": self.run_id,
            "candidates": self.candidates,
            "rows_with_mistakes": self.mistakes,
            "stages": self.stages,
            "screening": self.screening,
            "funnel": self.funnel,
            "reasons": self.reasons,
            "refusals": self.refusals,
            "waiting": self.waiting,
            "grants": self.grants,
            "pool": {row["pool_id"]: row for row in self.pools},
            "reconciled": self.reconciled,
            "audit": {"events": self.events, "verified": None},
            "engine_faults": self.faults,
            "open_cases": self.open_cases,
            "waiting_for_pool": self.waiting_for_pool,
            "elapsed_s": round(self.elapsed_s, 1),
        }

    def exit_code(self) -> int:
        """0; 1 where the ledger does not balance, rows had mistakes or the rules engine failed somebody."""
        return 0 if self.reconciled and not self.faults and not self.mistakes else 1


def build_report(
    office: Office,
    run_id: str,
    ids: Sequence[str],
    before: Sequence[dict[str, Any]],
    *,
    elapsed_s: float,
    mistakes: int,
) -> DemoReport:
    """Count what came of the parties ``ids``, from the database; ``before``: the pools when the run began."""
    report = DemoReport(run_id, len(ids), mistakes, elapsed_s)
    with office.db.read() as conn:
        rows = parties.by_ids(conn, ids)
        held = grants.of_parties(conn, [row.party_id for row in rows])
        report.stages = dict(Counter(str(row.stage) for row in rows).most_common())
        counted = Counter(row.screening for row in rows if row.screening)
        report.screening = {name: counted.get(name, 0) for name in ("eligible", "refer", "ineligible")}
        report.funnel = _funnel(rows, held)
        _count_reasons(conn, report, rows)
        _count_waiting(conn, report, rows, held)
        given = [grant for grant in held if grant.amount > 0 and grant.state not in {"waiting", "none", "lapsed"}]
        report.grants = {"count": len(given), "amount": sum(grant.amount for grant in given)}
        report.pools = _pools(before, ledger.status(conn))
        balance = ledger.reconcile(conn)
        report.reconciled, report.differences = bool(balance["balanced"]), list(balance["differences"])
        report.events = audit.count(conn)
        report.faults = len({row.party_id for row in rows if row.applied_at and row.decision_id is None})
    return report


def _funnel(rows: Sequence[PartyRow], held: Sequence[GrantRow]) -> dict[str, dict[str, int]]:
    granted = {grant.party_id for grant in held if grant.amount > 0 and grant.state not in {"waiting", "none"}}
    funnel: dict[str, dict[str, int]] = {}
    for track in ("M", "S"):
        mine = [row for row in rows if str(row.track) == track]
        funnel[track] = {
            "applied": len(mine),
            "screened": sum(1 for row in mine if row.screening),
            "open case": sum(1 for row in mine if row.stage.value in {"vetting", "info_requested"}),
            "refused": sum(1 for row in mine if row.stage.value == "rejected"),
            "standing": sum(1 for row in mine if row.stage in STANDING),
            "granted": sum(1 for row in mine if row.party_id in granted),
        }
    return funnel


def _count_reasons(conn: Connection, report: DemoReport, rows: Sequence[PartyRow]) -> None:
    failed: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    stages = {row.party_id: row.stage.value for row in rows}
    for stored in decisions.by_ids(conn, [row.decision_id for row in rows if row.decision_id]):
        for reason in json.loads(stored.core)["reasons"]:
            name = reason["criterion"]
            (failed if reason["verdict"] == "fail" else unknown)[name] += 1
            if stages.get(stored.party_id) == "rejected" and reason["effect"] == "reject":
                refusals[name] += 1
    order = sorted({*failed, *unknown}, key=lambda name: (-failed[name], -unknown[name], name))
    report.reasons = [{"criterion": name, "failed": failed[name], "unknown": unknown[name]} for name in order]
    report.refusals = [{"criterion": name, "refused": count} for name, count in refusals.most_common()]


def _count_waiting(conn: Connection, report: DemoReport, rows: Sequence[PartyRow], held: Sequence[GrantRow]) -> None:
    ids = {row.party_id for row in rows}
    waiting = [state for state in cases.CaseState if state not in cases.ENDED]
    open_cases = [case for case in cases.list_cases(conn, state=waiting) if case.party_id in ids]
    report.open_cases = len(open_cases)
    report.waiting_for_pool = sum(1 for grant in held if grant.state == "waiting")
    counted: Counter[tuple[str, str]] = Counter()
    for case in open_cases:
        whom = {"info_requested": "the merchant", "proposed": "a second reviewer"}.get(case.state, f"a {case.role}")
        counted[(f"case in queue {case.queue}", whom)] += 1
    confirm = sum(1 for grant in held if grant.state == "awaiting_confirmation")
    if confirm:
        counted[("grant above the limit", "finance")] += confirm
    if report.waiting_for_pool:
        counted[("grant in line", "room in the pool")] += report.waiting_for_pool
    plans = grants.tranches_of_many(conn, [grant.grant_id for grant in held])
    states = Counter(tranche.state for plan in plans.values() for tranche in plan)
    for state, whom in ((TrancheState.PLANNED, "its date"), (TrancheState.FROZEN, "better standing")):
        if states[state]:
            counted[("tranche", whom)] += states[state]
    report.waiting = [{"what": what, "for": whom, "count": count} for (what, whom), count in counted.most_common()]


def _pools(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    was = {row["pool_id"]: row for row in before}
    return [{**row, "available_before": was.get(row["pool_id"], row)["available"]} for row in after]
