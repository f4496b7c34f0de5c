"""Everybody in standing, page by page: who must be looked at by upkeep, and whose bonus is due in a period.

The populations' engine says it in one pass; what changes anything is then decided by the authoritative one, party by
party. Server activities: a page may take a second or two, and is safe to repeat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from activities.bonus import BonusActivities
from activities.deadlines import period_of
from activities.evaluating import context_of, record_of
from activities.payloads import GrantRequest
from activities.provenance import provenance
from activities.run_payloads import BonusDue, BonusPage, PageRequest, RunClosed, RunRequest, RunStarted, SurveyPage
from activities.shelf import Shelved, in_force, incentive_for, maintenance_for, track_rules
from activities.uninterrupted import uninterrupted
from activities.upkeep import GOOD
from fastbrand.domain import names
from fastbrand.domain.audit import SYSTEM, AuditEvent, Verb
from fastbrand.domain.grant import GrantState
from fastbrand.domain.lifecycle import KEPT, STANDING, Track, events_from, upkeep_event
from fastbrand.store import audit, facts, grants, observations, parties, plans
from fastbrand.store.database import Database
from fastbrand.store.grants import GrantRow
from fastbrand.store.observations import Observation
from fastbrand.store.parties import PartyRow
from rules.engine import RuleEngine
from rules.records import Context, Record

PAGE = 500
"""Parties looked at in one step."""

_VERBS = {"upkeep": Verb.UPKEEP_SURVEYED, "bonus": Verb.BONUS_RUN_ENDED}


@dataclass(frozen=True, slots=True)
class _Member:
    """A party on a page, with what the rules are given."""

    party: PartyRow
    record: Record
    context: Context


class SurveyActivities:
    """Server activities over everybody in standing."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._bonus = BonusActivities(db, engine)

    @uninterrupted("run_begin")
    def begin(self, request: RunRequest) -> RunStarted:
        """The period that a run at this moment is for, in the programme's time zone."""
        with self._db.read() as conn:
            zone = in_force(conn, request.at).book.programme.time_zone
        return RunStarted(period=request.period or period_of(request.at, zone), at=request.at)

    @uninterrupted("upkeep_survey")
    def survey(self, request: PageRequest) -> SurveyPage:
        """Look at a page of standings: what was seen is kept, and who may have to move is named."""
        from rules.columnar.surveying import standings

        with self._db.read() as conn:
            shelf = in_force(conn, request.at)
            rows = parties.list_parties(conn, stage=KEPT, limit=PAGE, cursor=request.after or None)
            members = self._members(conn, rows, request)
            due = plans.due(conn, [row.party_id for row in rows], request.at)
        changed: list[str] = []
        seen: list[Observation] = []
        outcomes: list[tuple[PartyRow, str]] = []
        for track in Track:
            rules = maintenance_for(shelf.book, track)
            mine = [each for each in members if each.party.track is track]
            if rules is None or not mine:
                continue
            routing = track_rules(shelf.book) if track is Track.M else None
            asked = [(each.record, each.context) for each in mine]
            tracks = routing.head.name if routing else None
            found = standings(shelf.book, rules.head.name, tracks, asked, request.at)
            for member, standing in zip(mine, found, strict=True):
                party = member.party
                outcomes.append((party, standing.outcome if standing else "unreadable"))
                if standing is None or party.party_id in due or _moves(party, standing.outcome, standing.track):
                    changed.append(party.party_id)
                    continue
                seen.append(
                    Observation(
                        party.party_id,
                        request.period,
                        request.at,
                        standing.outcome,
                        standing.cause,
                        standing.bands,
                        standing.streaks,
                        standing.clear_months,
                        shelf.sha256,
                    )
                )
        self._keep(seen, {party.party_id: party.upkeep for party, _ in outcomes})
        return SurveyPage(
            changed=tuple(sorted(changed)),
            outcomes=_counted([outcome for _, outcome in outcomes]),
            digest=_digest(request.digest, sorted((party.party_id, outcome) for party, outcome in outcomes)),
            next=rows[-1].party_id if len(rows) == PAGE else None,
        )

    @uninterrupted("bonus_page")
    def bonuses(self, request: PageRequest) -> BonusPage:
        """Whose bonus of the period is due on a page of standings. Who gets none has that decided and kept here."""
        from rules.columnar.surveying import bonuses

        with self._db.read() as conn:
            shelf = in_force(conn, request.at)
            rows = parties.list_parties(conn, stage=STANDING, limit=PAGE, cursor=request.after or None)
            before = grants.by_ids(conn, [names.grant_id(row.party_id, request.period) for row in rows])
            decided = {grant.party_id for grant in before}
            members = self._members(conn, [row for row in rows if row.party_id not in decided], request)
        due: list[BonusDue] = []
        outcomes = [_before(grant, request) for grant in before]
        for track in Track:
            rules, mine = incentive_for(shelf.book, track), [each for each in members if each.party.track is track]
            if rules is None:
                continue
            asked = [(each.record, each.context) for each in mine]
            for member, bonus in zip(mine, bonuses(shelf.book, rules.head.name, asked, request.at), strict=True):
                expected = bonus is not None and bonus.outcome == "grant" and bool(bonus.amount)
                got = expected or self._gets_one(member.party, request)
                outcomes.append("grant" if got else "none")
                if got:
                    due.append(
                        BonusDue(
                            grant_id=names.grant_id(member.party.party_id, request.period),
                            party_id=member.party.party_id,
                            track=track,
                            period=request.period,
                        )
                    )
                if got and not expected:
                    self._differ(member.party, request, shelf)
        return BonusPage(
            due=tuple(due), outcomes=_counted(outcomes), next=rows[-1].party_id if len(rows) == PAGE else None
        )

    @uninterrupted("run_close")
    def close(self, closed: RunClosed) -> RunClosed:
        """Write down how a run went."""
        event = AuditEvent(
            verb=_VERBS[closed.what],
            key=closed.key,
            actor=SYSTEM,
            subject_kind="run",
            subject_id=closed.key,
            after={
                "period": closed.period,
                "outcomes": closed.outcomes,
                "changed": closed.changed,
                "digest": closed.digest,
            },
            provenance=provenance(),
        )
        with self._db.write() as conn:
            audit.append(conn, event, closed.at)
        return closed

    # --- parts ---------------------------------------------------------------------------------------------------

    def _members(self, conn: Connection, rows: Sequence[PartyRow], request: PageRequest) -> list[_Member]:
        ids = [row.party_id for row in rows]
        known = facts.latest_many(conn, ids, request.at)
        before = observations.before(conn, ids, request.period)
        return [
            _Member(row, record_of(row.party_id, known[row.party_id]), context_of(row.track, before.get(row.party_id)))
            for row in rows
        ]

    def _keep(self, seen: Sequence[Observation], before: dict[str, str | None]) -> None:
        with self._db.write() as conn:
            observations.observe(conn, seen)
            for each in seen:
                if before[each.party_id] != each.outcome:
                    parties.amend(conn, each.party_id, upkeep=each.outcome)

    def _gets_one(self, party: PartyRow, request: PageRequest) -> bool:
        """Decide with authority; whether there is a grant after all, which its workflow then reserves."""
        asked = GrantRequest(
            grant_id=names.grant_id(party.party_id, request.period),
            party_id=party.party_id,
            period=request.period,
            attempt=1,
            at=request.at,
        )
        return not self._bonus.refused(asked)

    def _differ(self, party: PartyRow, request: PageRequest, shelf: Shelved) -> None:
        """The engines do not agree: an alert, never a loss for the party."""
        event = AuditEvent(
            verb=Verb.ENGINE_MISMATCH,
            key=f"bonus/{request.period}/{party.party_id}",
            actor=SYSTEM,
            subject_kind="party",
            subject_id=party.party_id,
            party_id=party.party_id,
            after={"columnar": "none", "authoritative": "grant"},
            rulebook_sha256=shelf.sha256,
            provenance=provenance(),
        )
        with self._db.write() as conn:
            audit.append(conn, event, request.at)


def _moves(party: PartyRow, outcome: str, track: str | None) -> bool:
    """Whether the standing may have to move, or the party to be warned: then it is looked at with authority."""
    may = events_from(party.stage, party.track)
    return (
        upkeep_event(outcome, party.stage, party.track) is not None
        or ("graduate" in may and track == str(Track.S))
        or ("clear" in may and outcome in GOOD)
        or (outcome == "alert" and party.upkeep != "alert")
    )


def _before(grant: GrantRow, request: PageRequest) -> str:
    """How a grant counts that is there already: one that this page decided before its worker died counts as its own."""
    mine = grant.state is GrantState.NONE and grant.created_at == request.at
    return "none" if mine else "decided before"


def _counted(outcomes: Sequence[str]) -> dict[str, int]:
    return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


def _digest(before: str, rows: Sequence[tuple[str, str]]) -> str:
    """A hash over all pages so far: what the survey saw of whom, in order."""
    text = "\n".join(f"{party_id} {outcome}" for party_id, outcome in rows)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()
