"""Audit verbs and the event: who did what, on what, before and after, and on which grounds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fastbrand.domain.canonical import canonical


class Verb(StrEnum):
    """``subject:action``. Nothing that changes state or decides is without one."""

    BOOK_BOOTSTRAPPED = "rulebook:bootstrapped"
    BOOK_RELEASED = "rulebook:released"
    BOOK_APPROVED = "rulebook:approved"
    BOOK_ROLLED_BACK = "rulebook:rolled_back"
    BOOK_CANCELLED = "rulebook:cancelled"
    BOOK_ACTIVATED = "rulebook:activated"
    POOL_OPENED = "pool:opened"
    POOL_TOP_UP_PROPOSED = "pool:top_up_proposed"
    POOL_TOP_UP_REFUSED = "pool:top_up_refused"
    POOL_TOPPED_UP = "pool:topped_up"
    PARTY_REGISTERED = "party:registered"
    PARTY_STAGE = "party:stage_changed"
    PARTY_ALERTED = "party:alerted"
    AUDIENCE_RECORDED = "audience:recorded"
    INTAKE_BEGUN = "intake:begun"
    INTAKE_ENDED = "intake:ended"
    FACTS_RECORDED = "facts:recorded"
    FACTS_IMPORTED = "facts:imported"
    DOCUMENT_ADDED = "document:added"
    DOCUMENT_WITHDRAWN = "document:withdrawn"
    DOCUMENT_ENDED = "document:ended"
    DOCUMENT_READ = "document:read"
    DECISION_MADE = "decision:made"
    CASE_OPENED = "case:opened"
    CASE_CLAIMED = "case:claimed"
    CASE_RELEASED = "case:released"
    CASE_INFO_REQUESTED = "case:info_requested"
    CASE_ANSWERED = "case:answered"
    CASE_PROPOSED = "case:proposed"
    CASE_CONFIRMED = "case:confirmed"
    CASE_RETURNED = "case:returned"
    CASE_RESCREENED = "case:rescreened"
    CASE_CLOSED = "case:closed"
    CASE_SLA_WARNED = "case:sla_warned"
    CASE_SLA_BREACHED = "case:sla_breached"
    CASE_ESCALATED = "case:escalated"
    ENDORSEMENT_ISSUED = "endorsement:issued"
    ENDORSEMENT_RENEWED = "endorsement:renewed"
    ENDORSEMENT_SUSPENDED = "endorsement:suspended"
    ENDORSEMENT_RESUMED = "endorsement:resumed"
    ENDORSEMENT_ENDED = "endorsement:ended"
    PLAN_PROPOSED = "plan:proposed"
    PLAN_ACCEPTED = "plan:accepted"
    PLAN_REFUSED = "plan:refused"
    PLAN_KEPT = "plan:kept"
    PLAN_BROKEN = "plan:broken"
    UPKEEP_SURVEYED = "upkeep:surveyed"
    BONUS_RUN_BEGUN = "bonus_run:begun"
    BONUS_RUN_ENDED = "bonus_run:ended"
    GRANT_DECIDED = "grant:decided"
    GRANT_RESERVED = "grant:reserved"
    GRANT_WAITING = "grant:waiting"
    GRANT_CONFIRMED = "grant:confirmed"
    GRANT_LAPSED = "grant:lapsed"
    GRANT_VOIDED = "grant:voided"
    GRANT_CLOSED = "grant:closed"
    CLAWBACK_PROPOSED = "grant:clawback_proposed"
    CLAWBACK_CONFIRMED = "grant:clawback_confirmed"
    CLAWBACK_REFUSED = "grant:clawback_refused"
    TRANCHE_RELEASED = "tranche:released"
    TRANCHE_FROZEN = "tranche:frozen"
    TRANCHE_VOIDED = "tranche:voided"
    TRANCHE_EXPIRED = "tranche:expired"
    TRANCHE_CONSUMED = "tranche:consumed"
    TRANCHE_REPORT_REFUSED = "tranche:report_refused"
    TRANCHE_CLAWED_BACK = "tranche:clawed_back"
    TRANCHE_FORGIVEN = "tranche:forgiven"
    LEDGER_RECONCILED = "ledger:reconciled"
    PROVIDER_REGISTERED = "provider:registered"
    PROVIDER_CHANGED = "provider:changed"
    TALENT_REGISTERED = "talent:registered"
    TALENT_CHANGED = "talent:changed"
    MATCH_PROPOSED = "match:proposed"
    MATCH_ACCEPTED = "match:accepted"
    MATCH_DECLINED = "match:declined"
    MATCH_SUPERSEDED = "match:superseded"
    MATCH_ENDED = "match:ended"
    COMMAND_REFUSED = "command:refused"
    ENGINE_FAULT = "engine:fault"
    ENGINE_MISMATCH = "engine:mismatch"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who: ``kind`` is human, service or system; the system is never left out."""

    kind: str
    id: str
    role: str


SYSTEM = Actor("system", "system:programme", "system")
BOOTSTRAP = Actor("system", "system:bootstrap", "system")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where it ran. Not part of an event's identity: a retry has other values and is the same event."""

    workflow_id: str = ""
    run_id: str = ""
    activity_id: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that happened. ``key`` is its business key (``party/x/stage/5``): same key and verb, same event."""

    verb: Verb
    key: str
    actor: Actor
    subject_kind: str
    subject_id: str
    party_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None
    decision_id: str | None = None
    rulebook_sha256: str | None = None
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def event_id(self) -> str:
        """``e-`` and 32 hex digits of the sha256 over verb, key and subject: deterministic over what happened."""
        return event_id(self.verb, self.key, (self.subject_kind, self.subject_id))


def event_id(verb: Verb, key: str, subject: tuple[str, str]) -> str:
    """The id of the event ``verb`` with this business key on ``subject`` (kind, id)."""
    what = canonical([str(verb), key, *subject])
    return "e-" + hashlib.sha256(what).hexdigest()[:32]
