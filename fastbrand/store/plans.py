"""Action plans: what a party in trouble undertakes to mend, and until when; accepted by a second person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Unpack

from sqlalchemy import Connection, select
from sqlmodel import Field

from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.errors import NotFound
from fastbrand.store import audit
from fastbrand.store.audit import Grounds
from fastbrand.store.changes import change
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class PlanState(StrEnum):
    """Where an action plan stands."""

    PROPOSED = "proposed"  # waits for a second person
    ACCEPTED = "accepted"  # gives immunity until it is due
    KEPT = "kept"  # no band was in alert or limit when it was due
    BROKEN = "broken"  # some still were
    REFUSED = "refused"


class PlanTable(StoreTable, table=True):
    """What a party undertakes to mend, and until when."""

    __tablename__ = "action_plan"

    plan_id: str = Field(primary_key=True, max_length=96)
    party_id: str = Field(max_length=64, foreign_key="party.party_id", index=True)
    number: int
    state: PlanState = Field(sa_type=enum_text(PlanState))
    measures: str
    due_at: datetime = Field(sa_type=UtcTime)
    proposed_by: str = Field(max_length=80)
    proposed_at: datetime = Field(sa_type=UtcTime)
    settled_by: str | None = Field(default=None, max_length=80)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)


PLAN = StoreTable.metadata.tables["action_plan"]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """An action plan: while it is accepted and not yet due, streaks neither demote nor suspend the party."""

    plan_id: str
    party_id: str
    number: int
    state: PlanState
    measures: str
    due_at: datetime
    proposed_by: str
    proposed_at: datetime
    settled_by: str | None
    ended_at: datetime | None


_PLANS = RowReader(PLAN, PlanRow)
_PROPOSE = InsertOnce(PLAN, ("plan_id",))


def plan_id(party_id: str, number: int) -> str:
    """Id of a party's n-th action plan."""
    return f"party/{party_id}/plan/{number}"


def propose(conn: Connection, party_id: str, measures: str, due_at: datetime, **grounds: Unpack[Grounds]) -> PlanRow:
    """A new action plan, to be accepted by a second person. Audited."""
    number = len(for_party(conn, party_id)) + 1
    the_id = plan_id(party_id, number)
    row = {"plan_id": the_id, "party_id": party_id, "number": number, "state": PlanState.PROPOSED}
    by = grounds.get("actor", SYSTEM)
    row |= {"measures": measures, "due_at": due_at, "proposed_by": by.id, "proposed_at": grounds["at"]}
    _PROPOSE(conn, row)
    told = {"state": str(PlanState.PROPOSED), "due_at": due_at.isoformat()}
    audit.note(conn, Verb.PLAN_PROPOSED, the_id, ("plan", the_id), grounds, party_id=party_id, after=told)
    return _there(conn, the_id)


def settle(conn: Connection, plan: PlanRow, state: PlanState, verb: Verb, **grounds: Unpack[Grounds]) -> PlanRow:
    """Accept or refuse a plan, or say how it ended. Audited; said twice, it is done once."""
    by = grounds.get("actor", SYSTEM)
    event = audit.event(
        verb,
        f"{plan.plan_id}/{state}",
        ("plan", plan.plan_id),
        grounds,
        party_id=plan.party_id,
        before={"state": str(plan.state)},
        after={"state": str(state)},
    )
    changes: dict[str, Any] = {"state": state}
    if state in {PlanState.ACCEPTED, PlanState.REFUSED}:
        changes["settled_by"] = by.id
    if state is not PlanState.ACCEPTED:
        changes["ended_at"] = grounds["at"]
    change(conn, PLAN, {"plan_id": plan.plan_id}, changes, event, grounds["at"])
    return _there(conn, plan.plan_id)


def for_party(conn: Connection, party_id: str) -> list[PlanRow]:
    """Every action plan of a party, first to last."""
    return _PLANS.all(conn, _PLANS.select.where(PLAN.c.party_id == party_id).order_by(PLAN.c.number))


def due(conn: Connection, party_ids: Iterable[str], at: datetime) -> set[str]:
    """Those of ``party_ids`` with an accepted plan that is due at ``at``."""
    found: set[str] = set()
    wanted = sorted(set(party_ids))
    for start in range(0, len(wanted), 400):
        some = select(PLAN.c.party_id).where(
            PLAN.c.party_id.in_(wanted[start : start + 400]), PLAN.c.state == PlanState.ACCEPTED, PLAN.c.due_at <= at
        )
        found |= set(conn.execute(some).scalars())
    return found


def _there(conn: Connection, the_id: str) -> PlanRow:
    plan = _PLANS.first(conn, _PLANS.select.where(PLAN.c.plan_id == the_id))
    if plan is None:
        raise NotFound(f"plan `{the_id}` is not known", hint="see `fastbrand party show`")
    return plan
