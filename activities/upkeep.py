"""Upkeep of one standing: the maintenance rules on fresh facts, with the months before; and action plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from activities import casework
from activities.evaluating import Evaluator, context_of
from activities.memo import keep, recall
from activities.payloads import AssessRequest, Moved, PartyState, PlanStep
from activities.provenance import actor_of, provenance
from activities.shelf import Shelved, in_force, maintenance_for, track_rules
from activities.shifting import Shift, shift
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM, AuditEvent, Verb
from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import FourEyes, InputError, Refused
from fastbrand.domain.lifecycle import KEPT, Stage, Track, events_from, upkeep_event
from fastbrand.store import audit, observations, parties, plans
from fastbrand.store.audit import Grounds
from fastbrand.store.database import Database
from fastbrand.store.observations import Observation
from fastbrand.store.parties import PartyRow
from fastbrand.store.plans import PlanRow, PlanState
from rules.engine import RuleEngine
from rules.records import Context, Record

GOOD = frozenset({"keep", "promote"})
"""Outcomes of a month that counts toward lifting a watch or a demotion."""
_HARSH = frozenset({"demote", "suspend"})
"""Outcomes that come from streaks, against which an accepted action plan gives immunity."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the rules said about a standing: the maintenance decision, and where the track rules see the party."""

    decision: Decision
    record: Record
    context: Context
    track: Decision | None


class UpkeepActivities:
    """Local activities: each is one short transaction and at most two rules evaluations."""

    def __init__(self, db: Database, engine: RuleEngine) -> None:
        self._db = db
        self._engine = engine
        self._evaluator = Evaluator(engine)

    @uninterrupted("upkeep_assess")
    def assess(self, request: AssessRequest) -> Moved:
        """Look at a standing with authority: the decision is kept, and the stage moves where it must.

        A party without a standing, or a book without maintenance rules for it: nothing happens.
        """
        memo = f"assess/{request.party_id}/{request.by.command_id}"
        with self._db.read() as conn:
            done = recall(conn, memo, request, Moved)
            if done is not None:
                return done
            party = parties.known(conn, request.party_id)
            shelf = in_force(conn, request.at)
            record = self._evaluator.record(conn, request.party_id, request.at)
            before = observations.before(conn, [request.party_id], request.period).get(request.party_id)
        look = self._look(shelf, party, record, before, request) if party.stage in KEPT else None
        with self._db.write() as conn:
            done = recall(conn, memo, request, Moved)
            if done is None:
                party = parties.known(conn, request.party_id)
                if look is None or party.stage not in KEPT:
                    done = Moved(party=casework.party_now(conn, party))
                else:
                    done = self._settle(conn, party, request, shelf, look)
                keep(conn, memo, request, done, actor=SYSTEM.id, at=request.at)
            return done

    @uninterrupted("plan_propose")
    def propose_plan(self, step: PlanStep) -> PartyState:
        """An action plan of a party that is on watch or demoted. Raises ``Refused`` where it is not, or has one."""
        memo = f"plan/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, PartyState)
            if done is None:
                party = parties.known(conn, step.party_id)
                longest = timedelta(milliseconds=int(in_force(conn, step.at).book.programme.review["plan_ms"]))
                _check_plan(party, plans.for_party(conn, party.party_id), step, longest)
                assert step.due_at is not None  # `_check_plan` looked
                plans.propose(conn, party.party_id, step.measures, step.due_at, **_grounds(step))
                done = casework.party_now(conn, party)
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    @uninterrupted("plan_settle")
    def settle_plan(self, step: PlanStep) -> PartyState:
        """Accept or refuse the proposed plan. Raises ``FourEyes`` for who proposed it, ``Refused`` without one."""
        memo = f"plan/{step.party_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, PartyState)
            if done is None:
                party = parties.known(conn, step.party_id)
                mine = [each for each in plans.for_party(conn, party.party_id) if each.state is PlanState.PROPOSED]
                if not mine:
                    raise Refused(f"`{party.party_id}` has no plan to settle", hint="propose one: `party plan propose`")
                if mine[-1].proposed_by == step.by.actor:
                    raise FourEyes(
                        f"`{step.by.actor}` proposed the plan and cannot settle it",
                        hint="ask another reviewer to do it",
                    )
                state = PlanState.ACCEPTED if step.accept else PlanState.REFUSED
                verb = Verb.PLAN_ACCEPTED if step.accept else Verb.PLAN_REFUSED
                plans.settle(conn, mine[-1], state, verb, **_grounds(step))
                done = casework.party_now(conn, party)
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    # --- parts ---------------------------------------------------------------------------------------------------

    def _look(
        self,
        shelf: Shelved,
        party: PartyRow,
        record: Record,
        before: observations.Before | None,
        request: AssessRequest,
    ) -> Look | None:
        rules = maintenance_for(shelf.book, party.track)
        if rules is None:
            return None
        context = context_of(party.track, before)
        found = self._ask(shelf, rules.head.name, record, context, request)
        tracks = track_rules(shelf.book)
        track = None
        if tracks is not None and party.track is Track.M:
            track = self._ask(shelf, tracks.head.name, record, Context(track=str(party.track)), request)
        return None if found is None else Look(found, record, context, track)

    def _ask(
        self, shelf: Shelved, rulebook: str, record: Record, context: Context, request: AssessRequest
    ) -> Decision | None:
        """None where the facts cannot be taken: the party stays where it is, until they can."""
        found = self._engine.decide(shelf.closure, rulebook, [record], as_of=request.at, context=context)[0]
        if isinstance(found, InputError):
            return None
        if not isinstance(found, Decision):
            raise found
        return found

    def _settle(self, conn: Connection, party: PartyRow, request: AssessRequest, shelf: Shelved, look: Look) -> Moved:
        decision = look.decision
        key = f"party/{party.party_id}/upkeep/{request.by.command_id}"
        decision_id = self._evaluator.keep(conn, decision, look.record, look.context, f"{key}/standing", request.at)
        observations.observe(conn, [observation_of(party.party_id, request, shelf.sha256, decision, decision_id)])
        plan = self._plan(conn, party, request, decision.outcome)
        event, why = self._event(conn, party, shelf, look, plan)
        if event == "graduate" and look.track is not None:
            context = Context(track=str(party.track))
            decision_id = self._evaluator.keep(conn, look.track, look.record, context, f"{key}/track", request.at)
        if decision.outcome == "alert" and party.upkeep != "alert":
            _alert(conn, party, request, decision, decision_id, shelf.sha256)
        party = parties.amend(conn, party.party_id, upkeep=decision.outcome)
        if event is None:
            return Moved(party=casework.party_now(conn, party), outcome=decision.outcome)
        by = Shift(
            event=event,
            key=f"upkeep/{request.by.command_id}",
            actor=SYSTEM,
            at=request.at,
            cause=str(decision.result.get("cause") or why),
            programme=shelf.book.programme,
            sha256=shelf.sha256,
            decision_id=decision_id,
        )
        return shift(conn, party, by).model_copy(update={"outcome": decision.outcome})

    def _event(
        self, conn: Connection, party: PartyRow, shelf: Shelved, look: Look, plan: PlanRow | None
    ) -> tuple[str | None, str]:
        """What happens to the stage, and why in a word."""
        outcome = look.decision.outcome
        may = events_from(party.stage, party.track)
        if outcome in _HARSH and plan is not None:
            # immunity: what a streak would cost waits for the plan, the watch does not
            return upkeep_event("watch", party.stage, party.track), "upkeep.watch"
        event = upkeep_event(outcome, party.stage, party.track)
        if event is not None and event != "promote":
            return event, f"upkeep.{outcome}"
        famous = look.track is not None and look.track.outcome == str(Track.S)
        if famous and "graduate" in may:
            return "graduate", "track.S"
        if "clear" in may and outcome in GOOD and self._lifted(conn, party, shelf):
            return "clear", f"upkeep.{outcome}"
        return event, f"upkeep.{outcome}"

    def _lifted(self, conn: Connection, party: PartyRow, shelf: Shelved) -> bool:
        """Whether the last months, this one among them, were good for as long as the book asks."""
        months = [each.outcome for each in observations.for_party(conn, party.party_id)]
        needed = max(1, int(shelf.book.programme.review["lift_after"]))
        return len(months) >= needed and all(outcome in GOOD for outcome in months[-needed:])

    def _plan(self, conn: Connection, party: PartyRow, request: AssessRequest, outcome: str) -> PlanRow | None:
        """The accepted plan that gives immunity now; one that is due is ended, kept or broken."""
        accepted = [each for each in plans.for_party(conn, party.party_id) if each.state is PlanState.ACCEPTED]
        if not accepted:
            return None
        plan = accepted[-1]
        if request.at < plan.due_at:
            return plan
        held = outcome in GOOD | {"alert"}
        state, verb = (PlanState.KEPT, Verb.PLAN_KEPT) if held else (PlanState.BROKEN, Verb.PLAN_BROKEN)
        plans.settle(conn, plan, state, verb, at=request.at, actor=SYSTEM, provenance=provenance())
        return None


def observation_of(
    party_id: str, request: AssessRequest, sha256: str, decision: Decision, decision_id: str
) -> Observation:
    """What is kept of a month."""
    result: dict[str, Any] = decision.result
    return Observation(
        party_id=party_id,
        period=request.period,
        at=request.at,
        outcome=decision.outcome,
        cause=result.get("cause"),
        bands=dict(result["bands"]),
        streaks=dict(result["streaks"]),
        clear_months=int(result["clear_months"]),
        rulebook_sha256=sha256,
        decision_id=decision_id,
    )


def _alert(
    conn: Connection, party: PartyRow, request: AssessRequest, decision: Decision, decision_id: str, sha256: str
) -> None:
    bands = sorted(band for band, level in decision.result["bands"].items() if level == "alert")
    event = AuditEvent(
        verb=Verb.PARTY_ALERTED,
        key=f"party/{party.party_id}/alert/{request.period}",
        actor=SYSTEM,
        subject_kind="party",
        subject_id=party.party_id,
        party_id=party.party_id,
        before={"upkeep": party.upkeep},
        after={"upkeep": "alert", "bands": bands},
        decision_id=decision_id,
        rulebook_sha256=sha256,
        provenance=provenance(),
    )
    audit.append(conn, event, request.at)


def _check_plan(party: PartyRow, known: list[PlanRow], step: PlanStep, longest: timedelta) -> None:
    if party.stage not in {Stage.WATCH, Stage.DEMOTED}:
        raise Refused(
            f"`{party.party_id}` is in stage `{party.stage}`", hint="an action plan is for who is on watch or demoted"
        )
    running = [each for each in known if each.state in {PlanState.PROPOSED, PlanState.ACCEPTED}]
    if running:
        raise Refused(f"`{running[-1].plan_id}` is {running[-1].state}", hint="one plan at a time")
    if step.due_at is None or not step.at < step.due_at <= step.at + longest:
        raise Refused(
            f"a plan is due within {longest.total_seconds() / 86400:g} days, and after now",
            hint="name an earlier date: `--due DATE`",
        )


def _grounds(step: PlanStep) -> Grounds:
    return {
        "actor": actor_of(step.by),
        "at": step.at,
        "reason": step.by.reason or None,
        "provenance": provenance(),
    }
