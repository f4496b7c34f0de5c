"""The clock of a case: warned of, over, stopped while the merchant is asked, going on with what was left."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from activities import casework
from activities.deadlines import calendar_of, carried_over
from activities.payloads import CaseStep
from fastbrand.domain.audit import Verb
from fastbrand.store import cases
from fastbrand.store.cases import CaseChanges, CaseRow
from rules.model import Programme


def going_on(case: CaseRow, at: datetime, programme: Programme) -> CaseChanges:
    """The columns of a case whose clock goes on at ``at``: its dates move by what the stop cost, in business time."""
    stopped = case.paused_at
    if stopped is None:
        return {}
    changes: CaseChanges = {"paused_at": None}
    calendar = calendar_of(programme) if case.sla_business else None
    if case.due_at is not None and not case.sla_breached:
        changes["due_at"] = carried_over(case.due_at, stopped, at, calendar)
    if case.warn_at is not None and not case.sla_warned:
        changes["warn_at"] = carried_over(case.warn_at, stopped, at, calendar)
    return changes


def warn(conn: Connection, case: CaseRow, step: CaseStep) -> CaseRow:
    """Most of the time is over. A clock that stands still, or was warned of, is left alone."""
    if case.paused_at is not None or case.sla_warned:
        return case
    told = casework.event(
        case.case_id,
        case.party_id,
        Verb.CASE_SLA_WARNED,
        step.by.command_id,
        before={"state": case.state},
        after={"state": case.state, "due_at": case.due_at.isoformat() if case.due_at else None},
        decision_id=case.decision_id,
    )
    return cases.update(conn, case.case_id, told, step.at, sla_warned=True)


def breach(conn: Connection, case: CaseRow, step: CaseStep) -> CaseRow:
    """The time is over: the case goes to where late cases go, and leaves who has it but made no proposal yet."""
    if case.paused_at is not None or case.sla_breached:
        return case
    told = casework.event(
        case.case_id,
        case.party_id,
        Verb.CASE_SLA_BREACHED,
        step.by.command_id,
        before={"state": case.state},
        after={"state": case.state, "due_at": case.due_at.isoformat() if case.due_at else None},
        decision_id=case.decision_id,
    )
    case = cases.update(conn, case.case_id, told, step.at, sla_warned=True, sla_breached=True)
    return case if case.escalate_to is None else _escalate(conn, case, step)


def _escalate(conn: Connection, case: CaseRow, step: CaseStep) -> CaseRow:
    assert case.escalate_to is not None  # `breach` looked
    changes: CaseChanges = {
        "escalated_at": step.at,
        "queue": case.escalate_to["queue"],
        "role": case.escalate_to["role"],
    }
    if case.state == "claimed":
        changes |= {"state": "open", "assignee": None}
    told = casework.event(
        case.case_id,
        case.party_id,
        Verb.CASE_ESCALATED,
        step.by.command_id,
        before={"state": case.state, "queue": case.queue, "role": case.role, "assignee": case.assignee},
        after={"state": changes.get("state", case.state), **case.escalate_to},
        decision_id=case.decision_id,
    )
    return cases.update(conn, case.case_id, told, step.at, **changes)
