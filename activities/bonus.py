"""Grants of bonus traffic: decide on fresh facts, reserve in the ledger, release tranche by tranche, give back.

One transaction a step, the ledger's entry, the grant's row and the audit event together. Rules are evaluated before the
transaction opens; what a cap still left is checked again inside it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from activities.deadlines import period_end
from activities.granting import GrantDecider, Offer, grant_event, grant_row, limits_of, line_turn, terms_of
from activities.memo import keep, recall
from activities.payloads import (
    GrantRequest,
    GrantResult,
    GrantStep,
    Reservation,
    TranchePlan,
)
from activities.provenance import actor_of, provenance
from activities.shelf import in_force, incentive_for
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.errors import Busy, FourEyes, Refused
from fastbrand.domain.grant import GrantState, lessen_tranches
from fastbrand.domain.lifecycle import STANDING
from fastbrand.store import cases, grants, ledger, parties
from fastbrand.store.database import Database
from fastbrand.store.grants import GrantRow, NewTranche
from rules.engine import RuleEngine
from rules.model import Programme

_TRIES = 8
"""How often a decision is made anew because a cap moved between deciding and reserving; then the step is retried."""

_ENDED = frozenset({GrantState.VOIDED, GrantState.CLOSED, GrantState.LAPSED, GrantState.NONE})
"""States of a grant that nothing leads out of."""


class BonusActivities:
    """Local activities: each is one short transaction and at most two rules evaluations."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._decider = GrantDecider(db, engine)

    @uninterrupted("grant_reserve")
    def reserve(self, request: GrantRequest) -> Reservation:
        """Decide the grant and reserve it; a dry pool, or others in line before it, make it wait.

        Who waits behind others is not decided about anew: it could only go on waiting. It is told when it is first.

        Raises ``Busy`` where others draw on the same caps so fast that no decision holds: the step is tried again.
        """
        memo = f"reserve/{request.grant_id}/{request.attempt}"
        with self._db.read() as conn:
            done = recall(conn, memo, request, Reservation) or self._behind(conn, request)
        for _ in range(_TRIES):
            if done is not None:
                return done
            offer = self._decider.offer(request)
            with self._db.write() as conn:
                done = recall(conn, memo, request, Reservation)
                if done is None and self._decider.still_holds(conn, request, offer):
                    done = self._settle(conn, request, offer)
                    keep(conn, memo, request, done, actor=SYSTEM.id, at=request.at)
        if done is None:
            raise Busy(f"the caps of grant `{request.grant_id}` moved {_TRIES} times", hint="it is tried again")
        return done

    def refused(self, request: GrantRequest) -> bool:
        """Decide a party's grant where it may come to nothing: whether there is none, which is then written down.

        A grant that there is after all is left to its own workflow; so is one that was made meanwhile.
        """
        offer = self._decider.offer(request)
        if offer.decision is not None and offer.amount > 0:
            return False
        with self._db.write() as conn:
            ledger.take_turns(conn, [request.grant_id])
            there = grants.get(conn, request.grant_id)
            if there is None:
                decision_id = self._decider.store(conn, request, offer)
                there = self._write(conn, request, offer, GrantState.NONE, decision_id, Verb.GRANT_DECIDED)
            return there.state is GrantState.NONE

    @uninterrupted("grant_confirm")
    def confirm(self, step: GrantStep) -> GrantResult:
        """A person of finance confirms. Raises ``FourEyes`` for the person who proposed the party."""
        memo = f"confirm/{step.grant_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, GrantResult)
            if done is None:
                ledger.take_turns(conn, [step.grant_id])  # before its row is read: a clawback may be at it
                grant = grant_row(conn, step.grant_id)
                if grant.state is not GrantState.AWAITING_CONFIRMATION:
                    raise Refused(f"grant `{grant.grant_id}` is `{grant.state}`", hint="there is nothing to confirm")
                _check_second(conn, grant, step.by.actor)
                told = grant_event(
                    grant.grant_id,
                    grant.party_id,
                    Verb.GRANT_CONFIRMED,
                    step.by.command_id,
                    actor=actor_of(step.by),
                    before={"state": str(grant.state)},
                    after={"state": str(GrantState.RESERVED), "amount": grant.amount},
                    reason=step.by.reason or None,
                    decision_id=grant.decision_id,
                )
                grant = grants.update(
                    conn, grant.grant_id, told, step.at, state=GrantState.RESERVED, confirmed_by=step.by.actor
                )
                terms = terms_of(conn, grant)
                plans = _plan(conn, grant, terms, step.at)
                done = GrantResult(
                    grant_id=grant.grant_id,
                    state=str(grant.state),
                    amount=grant.amount,
                    command_id=step.by.command_id,
                    tranches=plans,
                )
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("grant_lapse")
    def lapse(self, step: GrantStep) -> GrantResult:
        """The period is over before the pool had room."""
        return self._end(step, Verb.GRANT_LAPSED, GrantState.LAPSED, "period over")

    @uninterrupted("grant_void")
    def void(self, step: GrantStep) -> GrantResult:
        """Give up what is reserved: nobody confirmed it, or the standing is lost."""
        return self._end(step, Verb.GRANT_VOIDED, GrantState.VOIDED, step.cause)

    @uninterrupted("grant_close")
    def close(self, step: GrantStep) -> GrantResult:
        """Nothing is left to happen."""
        return self._end(step, Verb.GRANT_CLOSED, GrantState.CLOSED, "all tranches ended")

    # --- parts ---------------------------------------------------------------------------------------------------

    def _behind(self, conn: Connection, request: GrantRequest) -> Reservation | None:
        """What comes of another attempt of a grant that waits behind others.

        None where it does not, or waits no more where it stands: the party lost its standing, or has another pool.
        """
        there = grants.get(conn, request.grant_id)
        if there is None or there.state is not GrantState.WAITING:
            return None
        if line_turn(conn, there.pool_id, request.grant_id) is None:
            return None
        book, party = in_force(conn, request.at).book, parties.known(conn, request.party_id)
        incentive = incentive_for(book, party.track)
        if party.stage not in STANDING or incentive is None or incentive.pool[str(party.track)] != there.pool_id:
            return None
        return Reservation(state=str(there.state), amount=there.amount, **_terms_of_waiting(request, book.programme))

    def _settle(self, conn: Connection, request: GrantRequest, offer: Offer) -> Reservation:
        """Write what came of the attempt: no grant, in line, or reserved (to be confirmed where it is large)."""
        base = _terms_of_waiting(request, offer.programme)
        ledger.take_turns(conn, [request.grant_id])
        there = grants.get(conn, request.grant_id)
        if there is not None and there.state in _ENDED:  # given up while it waited, or a run over everybody was first
            return Reservation(state=str(there.state), amount=there.amount, **base)
        decision_id = self._decider.store(conn, request, offer)
        if offer.decision is None or offer.amount == 0:
            self._write(conn, request, offer, GrantState.NONE, decision_id, Verb.GRANT_DECIDED)
            # it may have been the first in line
            return Reservation(
                state=str(GrantState.NONE), wake=line_turn(conn, offer.pool_id, request.grant_id), **base
            )
        first = line_turn(conn, offer.pool_id, request.grant_id, but_self=False)
        room = self._reserve(conn, request, offer, decision_id) if first in {None, request.grant_id} else None
        if not isinstance(room, ledger.Reserved):
            # a refusal by the ledger has its event already; waiting behind others is told here
            verb = Verb.GRANT_WAITING if room is None else None
            self._write(conn, request, offer, GrantState.WAITING, decision_id, verb)
            return Reservation(state=str(GrantState.WAITING), amount=offer.amount, **base)
        if room.amount == 0:
            why = f"set off against what the party owes: {room.set_off:,}"
            self._write(conn, request, offer, GrantState.CLOSED, decision_id, Verb.GRANT_CLOSED, why)
            wake = line_turn(conn, offer.pool_id, request.grant_id)
            return Reservation(state=str(GrantState.CLOSED), amount=offer.amount, wake=wake, **base)
        state = GrantState.AWAITING_CONFIRMATION if offer.terms["confirm"] else GrantState.RESERVED
        grant = self._write(conn, request, offer, state, decision_id, None)
        plans = () if offer.terms["confirm"] else _plan(conn, grant, offer.terms, request.at)
        expires_after = int(offer.terms["expires_after_ms"])
        return Reservation(
            state=str(state),
            amount=offer.amount,
            confirm_until=request.at + timedelta(milliseconds=expires_after),
            expires_after_ms=expires_after,
            tranches=plans,
            wake=line_turn(conn, offer.pool_id, request.grant_id),
            **base,
        )

    def _reserve(
        self, conn: Connection, request: GrantRequest, offer: Offer, decision_id: str | None
    ) -> ledger.Reserved | ledger.Denied:
        return ledger.reserve(
            conn,
            grant_id=request.grant_id,
            attempt=request.attempt,
            pool_id=offer.pool_id,
            amount=offer.amount,
            party_id=request.party_id,
            year=int(request.period[:4]),
            category=offer.category,
            month=request.period,
            cap_limits=limits_of(offer),
            at=request.at,
            actor=SYSTEM,
            decision_id=decision_id,
            rulebook_sha256=offer.sha256,
            provenance=provenance(),
        )

    def _write(
        self,
        conn: Connection,
        request: GrantRequest,
        offer: Offer,
        state: GrantState,
        decision_id: str | None,
        verb: Verb | None,
        why: str = "",
    ) -> GrantRow:
        """Make or change the grant's row; ``verb`` None: the ledger wrote the event. ``why``: else the offer's."""
        told, cause = None, why or offer.why or None
        if verb is not None:
            told = grant_event(
                request.grant_id,
                request.party_id,
                verb,
                f"attempt/{request.attempt}",
                after={"state": str(state), "amount": offer.amount, "pool": offer.pool_id},
                reason=cause,
                decision_id=decision_id,
                rulebook_sha256=offer.sha256,
            )
        if grants.get(conn, request.grant_id) is None:
            return grants.create(
                conn,
                told,
                request.at,
                grant_id=request.grant_id,
                party_id=request.party_id,
                track=offer.track,
                pool_id=offer.pool_id,
                period=request.period,
                amount=offer.amount,
                state=state,
                attempt=request.attempt,
                decision_id=decision_id,
                cause=cause,
            )
        return grants.update(
            conn,
            request.grant_id,
            told,
            request.at,
            state=state,
            amount=offer.amount,
            attempt=request.attempt,
            decision_id=decision_id,
            cause=cause,
        )

    def _end(self, step: GrantStep, verb: Verb, state: GrantState, why: str) -> GrantResult:
        memo = f"{step.by.command_id}/{state}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, GrantResult)
            if done is None:
                ledger.take_turns(conn, [step.grant_id])
                grant = grant_row(conn, step.grant_id)
                if grant.state in _ENDED:  # a clawback was first: what it said stands
                    return GrantResult(
                        grant_id=grant.grant_id,
                        state=str(grant.state),
                        amount=grant.amount,
                        command_id=step.by.command_id,
                        wake=line_turn(conn, grant.pool_id, grant.grant_id),
                    )
                if state is GrantState.VOIDED:
                    ledger.void_remaining(
                        conn, grant_id=grant.grant_id, at=step.at, reason=why, actor=SYSTEM, provenance=provenance()
                    )
                told = None
                if verb is not Verb.GRANT_VOIDED:
                    told = grant_event(
                        grant.grant_id,
                        grant.party_id,
                        verb,
                        ledger.ending(conn, grant.grant_id),
                        before={"state": str(grant.state)},
                        after={"state": str(state)},
                        reason=why,
                    )
                grant = grants.update(conn, grant.grant_id, told, step.at, state=state, cause=why)
                done = GrantResult(
                    grant_id=grant.grant_id,
                    state=str(state),
                    amount=grant.amount,
                    command_id=step.by.command_id,
                    wake=line_turn(conn, grant.pool_id, grant.grant_id),
                )
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done


def _terms_of_waiting(request: GrantRequest, programme: Programme) -> dict[str, Any]:
    """The parts of a ``Reservation`` that say how long to wait, and when to look again."""
    return {
        "period_ends_at": period_end(request.period, programme.time_zone),
        "retry_ms": int(programme.review["waiting_retry_ms"]),
        "recheck_ms": int(programme.review["frozen_recheck_ms"]),
    }


def _plan(conn: Connection, grant: GrantRow, terms: dict[str, Any], at: datetime) -> tuple[TranchePlan, ...]:
    """Give the grant its tranches, due from ``at`` on: what the decision says, lessened by what was set off."""
    reserved = ledger.holdings(conn, [grant.grant_id])[grant.grant_id].reserved
    amounts = lessen_tranches([each["amount"] for each in terms["tranches"]], reserved)
    new = [
        NewTranche(each["no"], amount, at + timedelta(milliseconds=each["after_ms"]))
        for each, amount in zip(terms["tranches"], amounts, strict=True)
        if amount > 0
    ]
    grants.plan_tranches(conn, grant.grant_id, new)
    return tuple(TranchePlan(no=each.no, amount=each.amount, due_at=each.due_at) for each in new)


def _check_second(conn: Connection, grant: GrantRow, actor: str) -> None:
    """Whoever proposed the party, or confirmed it, does not confirm its money's worth too."""
    for case in cases.list_cases(conn, party_id=grant.party_id):
        if case.proposal is None:
            continue
        for did, who in (("proposed", case.proposal["by"]), ("confirmed", case.proposal.get("confirmed_by"))):
            if who == actor:
                raise FourEyes(
                    f"`{actor}` {did} `{grant.party_id}` and cannot confirm its grant",
                    hint="ask another person of finance",
                )
