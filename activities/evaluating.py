"""Rules, asked for one party: what they said, or that the engine failed; and how that is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from activities.provenance import provenance
from activities.shelf import Shelved
from fastbrand.domain.audit import SYSTEM, AuditEvent, Verb
from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, InputError
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit, decisions, facts, observations
from fastbrand.store.cases import Missing
from fastbrand.store.facts import FactRow
from rules.engine import RuleEngine, Screening, inputs_json
from rules.model import FactDef
from rules.records import Context, Observed, Record

FAULT = "engine_fault"
INPUT = "input_error"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came of a screening: the decisions, or why there are none (``fault``: a person must look, never a pass)."""

    record: Record
    track: Track
    vocabulary: Mapping[str, FactDef]
    screening: Screening | None
    fault: str | None = None
    fault_text: str = ""

    @property
    def outcome(self) -> str:
        """eligible, refer or ineligible; refer where the rules could not be asked."""
        return self.screening.eligibility.outcome if self.screening else "refer"

    @property
    def clean(self) -> bool:
        """Nothing failed and nothing is unknown: an approval is neither an override nor a waiver."""
        if self.screening is None:
            return False
        return all(finding.effect in {"none", "note"} for finding in self.screening.eligibility.findings)

    @property
    def on_track(self) -> bool:
        """The track rules put the party on the track it applied for, or have nothing to say."""
        if self.screening is None or self.screening.track is None:
            return True
        return self.screening.track.outcome == str(self.track)

    @property
    def recommended(self) -> Track | None:
        """The track where the rules see the party, where that is another one than it applied for."""
        found = self.screening.track.outcome if self.screening and self.screening.track else None
        return next((track for track in Track if str(track) == found and track is not self.track), None)

    @property
    def queue(self) -> dict[str, Any]:
        """The routing row's ``then``; the vetting queue with four eyes where the rules could not be asked."""
        if self.screening is None or self.screening.queue.result.get("by") == "system":
            return {"queue": "vetting", "role": "reviewer", "four_eyes": True}
        return self.screening.queue.result

    def route(self) -> str:
        """approve or reject (by the system), or person. Off track, only a person approves."""
        screening = self.screening
        if screening is None or screening.queue.result.get("by") != "system":
            return "person"
        if self.outcome == "eligible" and self.on_track:
            return "approve"
        return "reject" if self.outcome == "ineligible" else "person"

    def mark_due(self, *, with_endorsement: bool) -> bool:
        """Whether an approval issues the endorsement: required, or optional and asked for."""
        if self.screening is None or self.screening.endorsement is None:
            return self.track is Track.M
        outcome = self.screening.endorsement.outcome
        return outcome == "required" or (outcome == "optional" and with_endorsement)

    def unknown(self) -> list[Missing]:
        """What is unknown, criterion by criterion, with the facts to ask for."""
        if self.screening is None:
            return [{"criterion": self.fault or FAULT, "facts": []}]
        return [
            {
                "criterion": finding.criterion,
                "facts": sorted(
                    {name for leaf in finding.leaves if leaf.verdict == "unknown" for name in self._askable(leaf.fact)}
                ),
            }
            for finding in self.screening.eligibility.findings
            if finding.verdict == "unknown"
        ]

    def lacking(self) -> list[str]:
        """The criteria that are not met, or unknown."""
        findings = self.screening.eligibility.findings if self.screening else ()
        return [finding.criterion for finding in findings if finding.verdict in {"fail", "unknown"}]

    def _askable(self, name: str) -> set[str]:
        """What to ask for so that ``name`` becomes known: itself, or of a derived fact what it lacks."""
        fact = self.vocabulary.get(name)
        if fact is None or fact.derivation is None:
            return {name}
        lacking = {base for arg in fact.derivation.args for base in self._askable(arg) if self._lacks(base)}
        return lacking or {base for arg in fact.derivation.args for base in self._askable(arg)}

    def _lacks(self, name: str) -> bool:
        known = self.record.facts.get(name)
        return known is None or known.text is None


class Evaluator:
    """Asks the engine; stores what it said."""

    def __init__(self, engine: RuleEngine) -> None:
        self._engine = engine

    def record(self, conn: Connection, party_id: str, at: datetime) -> Record:
        """The party's facts as known at ``at``."""
        return record_of(party_id, facts.latest(conn, party_id, at))

    def screen(
        self, shelf: Shelved, record: Record, track: Track, at: datetime, *, book_as_of: datetime | None = None
    ) -> Evaluated:
        """Screen ``record``. An engine fault, or facts the book cannot take, send the party to a person."""
        try:
            screening = self._engine.screen(
                shelf.closure, record, track=str(track), as_of=at, effective_at=book_as_of or at
            )
        except EngineFault as fault:
            return Evaluated(record, track, shelf.book.facts, None, FAULT, fault.message)
        except InputError as error:
            return Evaluated(record, track, shelf.book.facts, None, INPUT, error.message)
        return Evaluated(record, track, shelf.book.facts, screening)

    def store(self, conn: Connection, found: Evaluated, party_id: str, key: str, at: datetime) -> str | None:
        """Store every decision of a screening under ``key``; returns the eligibility decision's id (None: a fault)."""
        if found.screening is None:
            event = AuditEvent(
                verb=Verb.ENGINE_FAULT,
                key=f"party/{party_id}/{key}",
                actor=SYSTEM,
                subject_kind="party",
                subject_id=party_id,
                party_id=party_id,
                after={"fault": found.fault},
                reason=found.fault_text,
                provenance=provenance(),
            )
            audit.append(conn, event, at)
            return None
        screening = found.screening
        plain, after = Context(track=str(found.track)), Context(track=str(found.track), screening=screening.eligibility)
        made: tuple[tuple[str, Decision | None, Context], ...] = (
            ("track", screening.track, plain),
            ("eligibility", screening.eligibility, plain),
            ("queue", screening.queue, after),
            ("endorsement", screening.endorsement, after),
        )
        kept = {
            name: self.keep(conn, decision, found.record, context, f"party/{party_id}/{key}/{name}", at)
            for name, decision, context in made
            if decision is not None
        }
        return kept["eligibility"]

    def keep(
        self, conn: Connection, decision: Decision, record: Record, context: Context, key: str, at: datetime
    ) -> str:
        """Store one decision with exactly what it used."""
        return decisions.store(
            conn,
            decision,
            key=key,
            inputs=inputs_json(record, context),
            actor=SYSTEM,
            at=at,
            provenance=provenance(),
        )


def record_of(party_id: str, known: Mapping[str, FactRow]) -> Record:
    """Stored facts as the rules are given them."""
    return Record(party_id, {name: Observed(row.text, row.observed_at, row.source) for name, row in known.items()})


def context_of(track: Track, before: observations.Before | None) -> Context:
    """What the maintenance rules see besides facts: the months before."""
    if before is None:
        return Context(track=str(track))
    return Context(track=str(track), streaks=before.streaks, clear_months=before.clear_months)
