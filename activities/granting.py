"""How a grant is decided: the incentive rules on fresh facts, what caps still leave, the gate before a tranche."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from activities.deadlines import period_of
from activities.evaluating import Evaluator, context_of
from activities.payloads import GrantRequest, TrancheStep
from activities.provenance import provenance
from activities.shelf import Shelved, in_force, incentive_for, maintenance_for, track_rules
from fastbrand.domain.audit import SYSTEM, Actor, AuditEvent, Verb
from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import InputError, NotFound
from fastbrand.domain.lifecycle import STANDING, Stage, Track
from fastbrand.store import decisions, grants, ledger, observations, parties
from fastbrand.store.database import Database
from fastbrand.store.grants import GrantRow
from rules.engine import RuleEngine
from rules.model import Caps, Programme
from rules.records import Context, Record, Remainders


@dataclass(frozen=True, slots=True)
class Offer:
    """What the rules would give a party for a period (``decision`` None: there is nothing to decide, ``why`` says why).

    ``ladder`` is the decision of the track rules where they see the party on another track.
    """

    track: Track
    pool_id: str
    programme: Programme
    sha256: str
    caps: Caps | None
    decision: Decision | None
    record: Record
    context: Context
    why: str = ""
    ladder: Decision | None = None

    @property
    def amount(self) -> int:
        """Pool units."""
        return int(self.terms.get("amount", 0))

    @property
    def terms(self) -> dict[str, Any]:
        """The decision's result."""
        return self.decision.result if self.decision else {}

    @property
    def category(self) -> str | None:
        """The party's category, whose monthly cap it draws on."""
        category: str | None = self.terms.get("category")
        return category


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a tranche may be released, and what the maintenance rules said (None: the tranche needs nothing)."""

    holds: bool
    why: str
    decision: Decision | None = None
    record: Record | None = None
    context: Context = field(default_factory=Context)


class GrantDecider:
    """Asks the rules about grants; stores what they said."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._engine = engine
        self._evaluator = Evaluator(engine)

    def offer(self, request: GrantRequest) -> Offer:
        """What the book in force gives the party for the period. Raises ``EngineFault`` (the step is tried again)."""
        with self._db.read() as conn:
            shelf = in_force(conn, request.at)
            party = parties.known(conn, request.party_id)
            record = self._evaluator.record(conn, request.party_id, request.at)
        incentive = incentive_for(shelf.book, party.track)
        context = Context(track=str(party.track), period=request.period)
        empty = Offer(party.track, "", shelf.book.programme, shelf.sha256, None, None, record, context)
        if incentive is None:
            return replace(empty, why=f"the book has no incentive for track {party.track}")
        pool_id = incentive.pool[str(party.track)]
        empty = replace(empty, pool_id=pool_id, caps=incentive.caps)
        if party.stage not in STANDING:
            return replace(empty, why=f"the party is in stage {party.stage}")
        try:
            ladder = self._ladder(shelf, party, record, request)
            if ladder is not None and ladder.outcome == str(Track.S):
                # known to everybody by now: a brand must not draw from the pool of fast brands
                return replace(empty, ladder=ladder, why="track.S")
            decision = self._ask(shelf, incentive.head.name, record, context, request)
        except InputError as error:
            return replace(empty, why=error.message)
        found = replace(empty, decision=decision)
        left = self._left(request, found)
        if _binds(left, found.amount):
            context = replace(context, remainders=left)
            decision = self._ask(shelf, incentive.head.name, record, context, request)
            found = replace(found, decision=decision, context=context)
        if decision.outcome != "grant":
            found = replace(found, why=", ".join(f"{each['criterion']}" for each in decision.reasons)[:80])
        return found

    def still_holds(self, conn: Connection, request: GrantRequest, offer: Offer) -> bool:
        """Whether the caps still leave what the offer was decided on; otherwise it is decided anew."""
        if offer.decision is None or offer.amount == 0:
            return True
        now = _remainders(conn, request, offer)
        if offer.context.remainders != Remainders():
            return now == offer.context.remainders
        return not _binds(now, offer.amount)

    def store(self, conn: Connection, request: GrantRequest, offer: Offer) -> str | None:
        """Store the decision of this attempt; its id."""
        key = f"grant/{request.grant_id}/{request.attempt}"
        if offer.ladder is not None:
            plain = Context(track=str(offer.track))
            return self._evaluator.keep(conn, offer.ladder, offer.record, plain, f"{key}/track", request.at)
        if offer.decision is None:
            return None
        return self._evaluator.keep(conn, offer.decision, offer.record, offer.context, key, request.at)

    def gate(self, grant: GrantRow, terms: dict[str, Any], step: TrancheStep) -> Gate:
        """Ask the maintenance rules in force, on fresh facts, whether a tranche may go out."""
        needs: list[str] = next((each["needs"] for each in terms["tranches"] if each["no"] == step.no), [])
        with self._db.read() as conn:
            party = parties.get(conn, grant.party_id)
            if party is None or party.stage not in STANDING:
                stage = party.stage if party else Stage.NONE
                return Gate(False, f"the party is in stage {stage}")
            if not needs:
                return Gate(True, "needs nothing")
            shelf = in_force(conn, step.at)
            record = self._evaluator.record(conn, grant.party_id, step.at)
            period = period_of(step.at, shelf.book.programme.time_zone)
            before = observations.before(conn, [grant.party_id], period).get(grant.party_id)
        rules = maintenance_for(shelf.book, grant.track)
        if rules is None:
            return Gate(True, "the book has no maintenance rules")
        context = context_of(grant.track, before)
        found = self._engine.decide(shelf.closure, rules.head.name, [record], as_of=step.at, context=context)[0]
        if not isinstance(found, Decision):
            if isinstance(found, InputError):
                return Gate(False, found.message)
            raise found
        why = f"maintenance: {found.outcome}"
        return Gate(found.outcome in needs, why, found, record, context)

    def store_gate(self, conn: Connection, grant: GrantRow, step: TrancheStep, gate: Gate) -> str | None:
        """Store what the maintenance rules said; its id (None: they were not asked)."""
        if gate.decision is None or gate.record is None:
            return None
        key = f"grant/{grant.grant_id}/tranche/{step.no}/{step.at.isoformat()}"
        return self._evaluator.keep(conn, gate.decision, gate.record, gate.context, key, step.at)

    def _ask(self, shelf: Shelved, rulebook: str, record: Record, context: Context, request: GrantRequest) -> Decision:
        found = self._engine.decide(shelf.closure, rulebook, [record], as_of=request.at, context=context)[0]
        if isinstance(found, Decision):
            return found
        raise found

    def _ladder(
        self, shelf: Shelved, party: parties.PartyRow, record: Record, request: GrantRequest
    ) -> Decision | None:
        """Where the track rules see a fast brand on the period's facts; None where there are no such rules."""
        rules = track_rules(shelf.book) if party.track is Track.M else None
        if rules is None:
            return None
        return self._ask(shelf, rules.head.name, record, Context(track=str(party.track)), request)

    def _left(self, request: GrantRequest, offer: Offer) -> Remainders:
        with self._db.read() as conn:
            return _remainders(conn, request, offer)


def limits_of(offer: Offer) -> ledger.CapLimits:
    """The book's caps that are ledger accounts."""
    if offer.caps is None:
        return ledger.CapLimits()
    table = offer.caps.category_per_month
    category = None if table is None or offer.category is None else table.rows.get(offer.category, table.default)
    return ledger.CapLimits(offer.caps.party_per_year, category)


def line_turn(conn: Connection, pool_id: str, grant_id: str, *, but_self: bool = True) -> str | None:
    """The grant that is first in line for the pool, or None; ``but_self``: not ``grant_id`` itself."""
    head = grants.head_of_line(conn, pool_id)
    if head is None or (but_self and head.grant_id == grant_id):
        return None
    return head.grant_id


def grant_event(
    grant_id: str,
    party_id: str,
    verb: Verb,
    key: str,
    *,
    actor: Actor = SYSTEM,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    decision_id: str | None = None,
    rulebook_sha256: str | None = None,
) -> AuditEvent:
    """An audit event on a grant."""
    return AuditEvent(
        verb=verb,
        key=f"grant/{grant_id}/{key}",
        actor=actor,
        subject_kind="grant",
        subject_id=grant_id,
        party_id=party_id,
        before=before,
        after=after,
        reason=reason,
        decision_id=decision_id,
        rulebook_sha256=rulebook_sha256,
        provenance=provenance(),
    )


def _remainders(conn: Connection, request: GrantRequest, offer: Offer) -> Remainders:
    left = ledger.remainders(
        conn,
        party_id=request.party_id,
        year=int(request.period[:4]),
        category=offer.category,
        month=request.period,
        limits=limits_of(offer),
    )
    return Remainders(left.party_year, left.category_month)


def _binds(left: Remainders, amount: int) -> bool:
    """Whether what is left of a cap is less than the amount."""
    return any(each is not None and each < amount for each in (left.party_year, left.category_month))


def grant_row(conn: Connection, grant_id: str) -> GrantRow:
    """The grant. Raises ``NotFound``."""
    grant = grants.get(conn, grant_id)
    if grant is None:
        raise NotFound(f"grant `{grant_id}` is not known", hint="see `fastbrand grant list`")
    return grant


def terms_of(conn: Connection, grant: GrantRow) -> dict[str, Any]:
    """The result of the decision by which the grant was made: its tranches, what they need, when they expire."""
    stored = decisions.get(conn, grant.decision_id or "")
    if stored is None:
        raise NotFound(f"grant `{grant.grant_id}` has no decision", hint="see `fastbrand grant show`")
    return dict(stored.decision()["result"])
