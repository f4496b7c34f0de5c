"""Every workflow there is: what a worker serves and what replay tests cover."""

from __future__ import annotations

from workflows.bonus_run import BonusRun
from workflows.brand_lifecycle import BrandLifecycle
from workflows.document_watch import DocumentWatch
from workflows.endorsement import Endorsement
from workflows.intake import Intake
from workflows.ledger_reconcile import LedgerReconcile
from workflows.reassessment import Reassessment
from workflows.rulebook_release import RulebookRelease
from workflows.traffic_bonus import TrafficBonus
from workflows.vetting_case import VettingCase

WORKFLOWS: list[type] = [
    BrandLifecycle,
    VettingCase,
    Endorsement,
    TrafficBonus,
    Reassessment,
    BonusRun,
    LedgerReconcile,
    DocumentWatch,
    Intake,
    RulebookRelease,
]
