"""Which service providers are proposed to a party in standing, or to a talent: decided, kept, offered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from activities.evaluating import FAULT, INPUT, Evaluator
from activities.matching_payloads import MatchClose, Matched, MatchesClosed, MatchOffer, MatchRequest, Outcome
from activities.memo import keep, recall
from activities.provenance import actor_of, provenance
from activities.shelf import Shelved, in_force, matching_for
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, FastbrandError, InputError
from fastbrand.domain.lifecycle import MARKED
from fastbrand.domain.provider import MatchState, ProviderType, Served
from fastbrand.store import audit, decisions, matches, parties, providers, talents
from fastbrand.store.audit import Grounds
from fastbrand.store.database import Database
from fastbrand.store.matches import PARTY, MatchRow, Offer
from fastbrand.store.providers import ProviderRow
from rules.engine import RuleEngine
from rules.matching import capability_gaps
from rules.model import Matching
from rules.records import Candidate, Context, Observed, Record

SOURCE = "talent register"
"""Where the facts of a talent come from."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that a decision is made from."""

    shelf: Shelved
    rulebook: Matching
    record: Record
    context: Context


class MatchingActivities:
    """Local activities: each is one short transaction and at most one rules evaluation, idempotent by its key."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._engine = engine
        self._evaluator = Evaluator(engine)

    @uninterrupted("match_propose")
    def propose(self, request: MatchRequest) -> Matched:
        """Propose providers by the matching rules in force. Asked again under the same key, it gives the same offers.

        Never fails for a reason of the business: ``Matched.outcome`` says why nothing was proposed. Raises ``NotFound``
        on a party or talent that is not known.
        """
        memo = f"match/{request.subject_kind}/{request.subject_id}/{request.key}"
        with self._db.read() as conn:
            done = recall(conn, memo, request, Matched)
            if done is not None:
                return done
            asked = self._asked(conn, request)
        decision = asked if not isinstance(asked, _Asked) else self._decided(asked, request)
        with self._db.write() as conn:
            done = recall(conn, memo, request, Matched)
            if done is None:
                if isinstance(asked, _Asked) and isinstance(decision, Decision):
                    done = self._offered(conn, request, asked, decision)
                else:
                    assert isinstance(decision, Matched)
                    done = decision
                    self._note_fault(conn, request, done)
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    @uninterrupted("match_close")
    def close(self, request: MatchClose) -> MatchesClosed:
        """End what a party that lost its standing has: providers get their places back, open offers are superseded."""
        memo = f"match_close/{request.subject_kind}/{request.subject_id}/{request.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, request, MatchesClosed)
            if done is None:
                closed = matches.close(
                    conn,
                    (request.subject_kind, request.subject_id),
                    key=request.by.command_id,
                    actor=actor_of(request.by),
                    at=request.at,
                    reason=request.cause,
                    provenance=provenance(),
                )
                done = MatchesClosed(subject_id=request.subject_id, closed=[row.match_id for row in closed])
                keep(conn, memo, request, done, actor=request.by.actor, at=request.at)
            return done

    # --- what is asked -------------------------------------------------------------------------------------------

    def _asked(self, conn: Connection, request: MatchRequest) -> _Asked | Matched:
        """What the rules are to be asked, or why there is nothing to ask."""
        shelf = in_force(conn, request.at)
        subject = (request.subject_kind, request.subject_id)
        if request.subject_kind == PARTY:
            party = parties.known(conn, request.subject_id)
            if party.stage not in MARKED:
                return _nothing(request, "not_in_standing", f"`{party.party_id}` is in stage `{party.stage}`")
            served, record = Served(str(party.track)), self._evaluator.record(conn, party.party_id, request.at)
            gaps = self._gaps(conn, shelf, party.party_id)
        else:
            talent = talents.there(conn, request.subject_id)
            if not talent.active:
                return _nothing(request, "not_in_standing", f"talent `{talent.talent_id}` is inactive")
            known = {"category": talent.category, "region": talent.region}
            facts = {name: Observed(code, None, SOURCE) for name, code in known.items() if code is not None}
            served, record, gaps = Served.K, Record(talent.talent_id, facts), None
        rulebook = matching_for(shelf.book, served)
        if rulebook is None:
            return _nothing(request, "no_rules", f"no matching book is for `{served}`")
        types = [ProviderType(kind) for kind, whom in rulebook.serves.items() if str(served) in whom]
        out = _left_aside(conn, subject, declined_too=request.declined_too)
        rows = [row for row in providers.list_all(conn, types, active=True) if row.provider_id not in out]
        context = Context(track=str(served), gaps=gaps, candidates=tuple(map(candidate, rows)))
        return _Asked(shelf, rulebook, record, context)

    def _gaps(self, conn: Connection, shelf: Shelved, party_id: str) -> tuple[str, ...] | None:
        """What the party's last eligibility decision found wanting; None where there is none."""
        made = decisions.for_party(conn, party_id, "eligibility")
        return capability_gaps(shelf.book, made[-1].decision()) if made else None

    def _decided(self, asked: _Asked, request: MatchRequest) -> Decision | Matched:
        """What the rules say; why not, where they could not be asked."""
        name = asked.rulebook.head.name
        try:
            (answer,) = self._engine.decide(
                asked.shelf.closure, name, [asked.record], as_of=request.at, context=asked.context
            )
        except FastbrandError as error:
            answer = error
        if isinstance(answer, EngineFault):
            return _nothing(request, "engine_fault", answer.message)
        if isinstance(answer, InputError):
            return _nothing(request, "input_error", answer.message)
        if isinstance(answer, FastbrandError):
            raise answer
        return answer

    # --- what is offered -----------------------------------------------------------------------------------------

    def _offered(self, conn: Connection, request: MatchRequest, asked: _Asked, decision: Decision) -> Matched:
        """The decision kept, and its offers proposed."""
        key = f"{request.subject_kind}/{request.subject_id}/match/{request.key}"
        decision_id = self._evaluator.keep(conn, decision, asked.record, asked.context, key, request.at)
        rows = matches.propose(
            conn,
            (request.subject_kind, request.subject_id),
            [Offer(each["provider"], each["rank"], each["score"]) for each in decision.result["offers"]],
            served=Served(asked.context.track),
            proposal=key,
            decision_id=decision_id,
            rulebook_sha256=decision.sha256,
            actor=actor_of(request.by),
            at=request.at,
            reason=request.by.reason or None,
            provenance=provenance(),
        )
        outcome: Outcome = "offers" if rows else "no_offer"
        return Matched(
            subject_id=request.subject_id, outcome=outcome, decision_id=decision_id, offers=tuple(map(_offer, rows))
        )

    def _note_fault(self, conn: Connection, request: MatchRequest, found: Matched) -> None:
        if found.outcome not in (FAULT, INPUT):
            return
        grounds: Grounds = {"at": request.at, "actor": SYSTEM, "reason": found.told, "provenance": provenance()}
        audit.note(
            conn,
            Verb.ENGINE_FAULT,
            f"{request.subject_kind}/{request.subject_id}/match/{request.key}",
            (request.subject_kind, request.subject_id),
            grounds,
            party_id=request.subject_id if request.subject_kind == PARTY else None,
            after={"fault": found.outcome},
        )


def candidate(row: ProviderRow) -> Candidate:
    """A provider as the rules see it."""
    return Candidate(
        row.provider_id,
        str(row.type),
        row.categories,
        row.region,
        row.capacity,
        row.load,
        row.track_record,
        dict(row.capabilities),
    )


def _left_aside(conn: Connection, subject: tuple[str, str], *, declined_too: bool) -> set[str]:
    """Providers that serve the party already, and, unless they are wanted, those that were declined."""
    states = {MatchState.ACCEPTED} if declined_too else {MatchState.ACCEPTED, MatchState.DECLINED}
    return {row.provider_id for row in matches.of_subject(conn, subject) if row.state in states}


def _nothing(request: MatchRequest, outcome: Outcome, told: str) -> Matched:
    return Matched(subject_id=request.subject_id, outcome=outcome, told=told)


def _offer(row: MatchRow) -> MatchOffer:
    return MatchOffer(match_id=row.match_id, provider_id=row.provider_id, rank=row.rank, score=row.score)
