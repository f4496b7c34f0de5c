"""What must hold after a year, whatever happened: checked from the record alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain import clock
from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import IllegalTransition
from fastbrand.domain.lifecycle import STANDING, Stage, Track, next_stage
from fastbrand.service import pools, replaying
from fastbrand.service.office import Office
from fastbrand.store import audit, cases, decisions, grants, parties
from fastbrand.store.grants import GrantRow
from fastbrand.store.parties import PartyRow, StageEvent

_TOLD = 20
"""So many violations of one invariant are told; there should be none."""

_BY_TIME = frozenset({"apply", "screen", "nominate", "invite", "request_info", "answer", "expire"})
"""Events that no rule decides: somebody came or asked, or time ran out."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold: its name, how much was looked at, and what violates it (the first ones)."""

    name: str
    checked: int
    violations: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """``name, checked, holds, violations[]``."""
        return {
            "name": self.name,
            "checked": self.checked,
            "holds": not self.violations,
            "violations": list(self.violations),
        }


def check(office: Office) -> list[Invariant]:
    """Every invariant, over the whole database."""
    with office.db.read() as conn:
        everybody = parties.list_parties(conn)
        held = grants.of_parties(conn, [each.party_id for each in everybody])
        found = [
            _invariant("no bonus to the ineligible", _ineligible(conn, everybody, held), len(held)),
            _invariant("one grant a party and period", _twice(held), len(held)),
            _invariant("every change of stage is explained", _unexplained(conn, everybody), len(everybody)),
            _invariant("stages follow the table", _illegal(conn, everybody), len(everybody)),
            _invariant("trust and bonus rise together", _falling(conn, held), len(held)),
            _invariant("nothing happens before its time", *_early(conn, held)),
        ]
        found.append(
            _invariant("every step and reservation is in the audit", _silent(conn, everybody, held), len(held))
        )
    differences = pools.reconcile(office)["differences"]
    found.append(_invariant("the ledger balances", (str(each) for each in differences), len(held)))
    found.append(_invariant("no pool is overspent", _overspent(office), len(pools.status(office))))
    replayed = replaying.replay(office, None, every=True)
    changed = (str(each) for each in replayed["changed"])
    found.append(_invariant("every decision replays to the same bytes", changed, replayed["decisions"]))
    return found


def lateness(office: Office, let_lie: Set[str]) -> Invariant:
    """Late are only cases that somebody let lie: a machine that is slow makes nobody late."""
    with office.db.read() as conn:
        timed = [each for each in cases.list_cases(conn) if each.due_at is not None]
    late = (
        f"{each.case_id}: opened {each.opened_at}, due {each.due_at}"
        for each in timed
        if each.sla_breached and each.case_id not in let_lie
    )
    return _invariant("a case is late only where people let it lie", late, len(timed))


def trust_and_bonus(office: Office) -> list[dict[str, Any]]:
    """Bonus by band of trust: ``trust`` (``80-90``), ``parties``, ``grants``, ``units`` granted; ``per_base``: units
    before caps for each unit of base, as a decimal."""
    bands: dict[int, list[tuple[GrantRow, Fraction]]] = {}
    with office.db.read() as conn:
        everybody = parties.list_parties(conn)
        held = grants.of_parties(conn, [each.party_id for each in everybody])
        for grant, trust, rate in _rates(conn, held):
            bands.setdefault(min(int(trust) // 10, 9) * 10, []).append((grant, rate))
    return [
        {
            "trust": f"{band}-{band + 10}",
            "parties": len({grant.party_id for grant, _ in rated}),
            "grants": len(rated),
            "units": sum(grant.amount for grant, _ in rated),
            "per_base": f"{float(sum(rate for _, rate in rated) / len(rated)):.3f}",
        }
        for band, rated in sorted(bands.items())
    ]


def _invariant(name: str, violations: Iterator[str], checked: int) -> Invariant:
    return Invariant(name, checked, tuple(each for _, each in zip(range(_TOLD), violations, strict=False)))


def _ineligible(conn: Connection, everybody: list[PartyRow], held: list[GrantRow]) -> Iterator[str]:
    """A grant of more than nothing, to somebody who was not in standing then, or whom no rule gave it."""
    stages = {each.party_id: parties.stage_events(conn, each.party_id) for each in everybody}
    for grant in held:
        if grant.amount == 0 or str(grant.state) in {"none", "waiting", "lapsed"}:
            continue
        stored = decisions.get(conn, grant.decision_id or "")
        if stored is None or stored.decision()["outcome"] != "grant":
            yield f"{grant.grant_id}: no decision grants it"
            continue
        stage = _stage_at(stages[grant.party_id], stored.decision()["as_of"])
        if stage not in STANDING:
            yield f"{grant.grant_id}: the party was {stage}"
        if grant.track is Track.M and grant.pool_id != "fast-brand":
            yield f"{grant.grant_id}: a merchant draws on {grant.pool_id}"


def _stage_at(events: list[StageEvent], as_of: str) -> Stage:
    """The stage at a moment, by the events up to it."""
    moment = datetime.fromisoformat(as_of)
    stage = Stage.NONE
    for event in events:
        if event.at > moment:
            break
        stage = event.target
    return stage


def _twice(held: list[GrantRow]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for grant in held:
        if (grant.party_id, grant.period) in seen:
            yield f"{grant.grant_id} is a second grant of its period"
        seen.add((grant.party_id, grant.period))


def _unexplained(conn: Connection, everybody: list[PartyRow]) -> Iterator[str]:
    """A change of stage with no decision, no person and no time that ran out behind it."""
    for party in everybody:
        for event in audit.list_events(conn, party_id=party.party_id, verb=Verb.PARTY_STAGE):
            by_person = event["actor"]["kind"] == "human"
            by_rule = event["decision_id"] is not None
            by_time = event["after"]["event"] in _BY_TIME or event["reason"] in {"suspension", "term"}
            if not (by_person or by_rule or by_time):
                yield f"{party.party_id}: {event['after']['event']} ({event['reason']}) at {event['at']}"


def _illegal(conn: Connection, everybody: list[PartyRow]) -> Iterator[str]:
    """A step that does not begin where the one before ended, or that the table does not have."""
    for party in everybody:
        stage = Stage.NONE
        for event in parties.stage_events(conn, party.party_id):
            ways = {next_stage_or_none(event.source, event.event, track) for track in Track}
            if event.source is not stage or event.target not in ways:
                yield f"{party.party_id}: {event.source} -> {event.target} by {event.event}"
            stage = event.target
        if stage is not party.stage:
            yield f"{party.party_id} is {party.stage}, its last step says {stage}"


def next_stage_or_none(source: Stage, event: str, track: Track) -> Stage | None:
    """The stage after ``event`` on ``track``, or None where the table has no such row."""
    try:
        return next_stage(source, event, track)
    except IllegalTransition:
        return None


def _silent(conn: Connection, everybody: list[PartyRow], held: list[GrantRow]) -> Iterator[str]:
    """A step of a party, or a grant that holds units, without its audit event; or an event without its step."""
    for party in everybody:
        told = [event["after"] for event in audit.list_events(conn, party_id=party.party_id, verb=Verb.PARTY_STAGE)]
        steps = [
            {"stage": str(event.target), "revision": event.revision, "event": event.event}
            for event in parties.stage_events(conn, party.party_id)
        ]
        if told != steps:
            yield f"{party.party_id}: {len(steps)} steps, {len(told)} events of steps"
    reserved = {event["subject"]["id"] for event in audit.list_events(conn, verb=Verb.GRANT_RESERVED)}
    for grant in held:
        if grants.tranches_of(conn, grant.grant_id) and grant.grant_id not in reserved:
            yield f"{grant.grant_id} has tranches and no event that reserved them"


def _early(conn: Connection, held: list[GrantRow]) -> tuple[Iterator[str], int]:
    """A tranche that was released, or a case that was late, before it was due; and how many were looked at."""
    plans = grants.tranches_of_many(conn, [each.grant_id for each in held])
    moments: list[tuple[str, datetime | None, datetime]] = [
        (f"{each.grant_id}/{each.no}", each.due_at, each.released_at)
        for plan in plans.values()
        for each in plan
        if each.released_at is not None
    ]
    dues = {each.case_id: each.due_at for each in cases.list_cases(conn)}
    for event in audit.list_events(conn, verb=Verb.CASE_SLA_BREACHED):
        case_id = event["subject"]["id"]
        moments.append((case_id, dues[case_id], datetime.fromisoformat(event["at"])))
    early = (
        f"{what}: due {due}, but it was {at}" for what, due, at in moments if due is None or at < due - clock.EARLY
    )
    return early, len(moments)


def _falling(conn: Connection, held: list[GrantRow]) -> Iterator[str]:
    """A grant that gives less for each unit of its base than one of somebody less trusted."""
    best: tuple[Decimal, Fraction] | None = None
    for trust, rate in sorted((trust, rate) for _, trust, rate in _rates(conn, held)):
        if best is not None and rate < best[1]:
            yield f"trust {trust} gets {rate} for each unit of base, trust {best[0]} got {best[1]}"
        if best is None or rate > best[1]:
            best = (trust, rate)


def _rates(conn: Connection, held: list[GrantRow]) -> Iterator[tuple[GrantRow, Decimal, Fraction]]:
    """Every grant that the rules gave, the party's trust then, and units for each unit of base before caps."""
    for grant in held:
        stored = decisions.get(conn, grant.decision_id or "")
        core = json.loads(stored.core) if stored else {}
        if core.get("kind") != "incentive" or core["outcome"] != "grant":
            continue
        step = next((each for each in core["steps"] if each["step"] == "multiply"), None)
        if step is not None and step["score"] is not None:
            yield grant, Decimal(step["score"]), Fraction(step["by"])


def _overspent(office: Office) -> Iterator[str]:
    for pool in pools.status(office):
        used = pool["reserved"] + pool["released_unspent"] + pool["consumed"]
        if used > pool["budget"] or pool["available"] < 0:
            yield f"{pool['pool_id']}: {used} of {pool['budget']}"
