"""Vetting cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import NotFound
from fastbrand.store import cases
from fastbrand.store.cases import CaseRow, CaseState
from fastbrand.store.database import Database
from tests.store.given import NOW, an_event, events, later, register, verbs

UNKNOWN: list[cases.Missing] = [{"criterion": "repurchase.rate", "facts": ["repurchase_rate_90d"]}]


def _open(
    db: Database,
    case_id: str = "acme/1",
    party_id: str = "acme",
    number: int = 1,
    due: datetime | None = None,
    **more: str,
) -> CaseRow:
    with db.write() as conn:
        return cases.open_case(
            conn,
            an_event(f"{case_id}/opened"),
            NOW,
            case_id=case_id,
            party_id=party_id,
            number=number,
            queue=more.get("queue", "vetting"),
            role="reviewer",
            four_eyes=True,
            due_at=due,
            unknown=UNKNOWN,
            screening="refer",
        )


@pytest.mark.usefixtures("party")
def test_an_open_case(db: Database) -> None:
    row = _open(db, due=later(days=5))
    assert (row.state, row.queue, row.role, row.four_eyes) == (CaseState.OPEN, "vetting", "reviewer", True)
    assert (row.opened_at, row.due_at, row.sla_breached, row.rounds) == (NOW, later(days=5), False, 0)
    assert (row.assignee, row.proposal, row.outcome, row.closed_at, row.info_deadline) == (None,) * 5
    assert (row.unknown, row.screening, row.clean, row.screening_no) == (UNKNOWN, "refer", False, 1)
    with db.read() as conn:
        assert cases.get(conn, "acme/1") == row
        assert cases.get(conn, "acme/2") is None


@pytest.mark.usefixtures("party")
def test_opening_again_changes_nothing(db: Database) -> None:
    first = _open(db, due=later(days=5))
    assert _open(db, due=later(days=9), queue="other") == first
    assert verbs(db).count("case:opened") == 1


@pytest.mark.usefixtures("party")
def test_a_step_and_its_event(db: Database) -> None:
    _open(db)
    proposal: cases.Proposal = {"outcome": "approve", "reason_code": "fit", "by": "mei", "second": True}
    told = an_event("propose/1", Verb.CASE_PROPOSED)
    with db.write() as conn:
        row = cases.update(conn, "acme/1", told, later(days=1), state="proposed", proposal=proposal, assignee="mei")
    assert (row.state, row.proposal, row.assignee) == (CaseState.PROPOSED, proposal, "mei")
    assert [event["at"] for event in events(db, verb=Verb.CASE_PROPOSED)] == ["2022-05-14T08:00:00.123456Z"]
    with db.write() as conn:  # the same event again, whatever else it would set
        again = cases.update(conn, "acme/1", told, later(days=2), state="closed", assignee="bo")
    assert again == row
    with db.write() as conn:
        row = cases.update(conn, "acme/1", an_event("r", Verb.CASE_RETURNED), NOW, state="claimed", proposal=None)
    assert (row.state, row.proposal) == ("claimed", None)


@pytest.mark.usefixtures("party")
def test_a_step_told_elsewhere(db: Database) -> None:
    _open(db)
    with db.write() as conn:
        assert cases.update(conn, "acme/1", None, NOW, due_at=later(days=2)).due_at == later(days=2)
    assert verbs(db).count("case:opened") == 1


def test_an_unknown_case_leaves_no_event(db: Database) -> None:
    with pytest.raises(NotFound), db.write() as conn:
        cases.update(conn, "acme/1", an_event("x"), NOW, state="closed")
    assert verbs(db) == []


def test_a_case_belongs_to_a_known_party(db: Database) -> None:
    with pytest.raises(IntegrityError):
        _open(db)
    assert verbs(db) == []


@pytest.mark.usefixtures("party")
def test_a_state_there_is_not(db: Database) -> None:
    _open(db)
    with pytest.raises(Exception, match="nonsense"), db.write() as conn:
        cases.update(conn, "acme/1", an_event("x"), NOW, state="nonsense")


@pytest.mark.usefixtures("party")
def test_the_soonest_due_first(db: Database) -> None:
    register(db, "other")
    for number, due in ((1, later(days=3)), (2, None), (3, later(days=1))):
        _open(db, f"acme/{number}", number=number, due=due)
    _open(db, "other/1", "other", due=later(days=2), queue="documents")
    with db.write() as conn:
        cases.update(conn, "acme/3", an_event("close", Verb.CASE_CLOSED), NOW, state="closed", closed_at=NOW)
        cases.update(conn, "acme/1", an_event("claim", Verb.CASE_CLAIMED), NOW, state="claimed", assignee="mei")

        def ids(**only: Any) -> list[str]:
            return [row.case_id for row in cases.list_cases(conn, **only)]

        assert ids() == ["acme/3", "other/1", "acme/1", "acme/2"]
        assert ids(state="open") == ["other/1", "acme/2"]
        assert ids(state=[CaseState.OPEN, "claimed"]) == ["other/1", "acme/1", "acme/2"]
        assert ids(queue="documents") == ["other/1"]
        assert ids(assignee="mei") == ["acme/1"]
        assert ids(party_id="acme", limit=2) == ["acme/3", "acme/1"]
        assert cases.count_open(conn) == 3


@pytest.mark.usefixtures("party")
def test_lists_of_what_is_late_stopped_or_escalated(db: Database) -> None:
    for number, due in ((1, later(days=1)), (2, later(days=2)), (3, later(days=3)), (4, None)):
        _open(db, f"acme/{number}", number=number, due=due)
    heads: cases.Place = {"queue": "heads", "role": "admin"}
    with db.write() as conn:
        cases.update(conn, "acme/1", an_event("ask", Verb.CASE_INFO_REQUESTED), NOW, paused_at=NOW)
        late = cases.update(
            conn, "acme/2", an_event("late", Verb.CASE_ESCALATED), later(days=2), escalated_at=later(days=2), **heads
        )
        assert (late.escalated_at, late.queue, late.role, late.escalate_to) == (later(days=2), "heads", "admin", None)

        def ids(**only: Any) -> list[str]:
            return [row.case_id for row in cases.list_cases(conn, **only)]

        # a clock that stands still is nobody's hurry
        assert ids() == ["acme/2", "acme/3", "acme/1", "acme/4"]
        assert ids(overdue_at=later(days=2)) == ["acme/2"]
        assert ids(escalated=True) == ["acme/2"]
        assert ids(role=["reviewer"], queue=["vetting", "heads"]) == ["acme/3", "acme/1", "acme/4"]
        cases.update(conn, "acme/3", an_event("claim", Verb.CASE_CLAIMED), NOW, state="claimed", assignee="mei")
        assert ids(unclaimed=True, role="reviewer") == ["acme/1", "acme/4"]
        assert ids(kind=cases.CaseKind.APPEAL) == []


@pytest.mark.usefixtures("party")
def test_an_appeal_keeps_who_had_a_part_and_where_it_goes_when_late(db: Database) -> None:
    with db.write() as conn:
        row = cases.open_case(
            conn,
            an_event("opened"),
            NOW,
            case_id="acme/1",
            party_id="acme",
            number=1,
            kind=cases.CaseKind.APPEAL,
            queue="appeals",
            role="reviewer",
            four_eyes=True,
            due_at=later(days=5),
            warn_at=later(days=4),
            sla_business=True,
            escalate_to={"queue": "heads", "role": "admin"},
            excluded=("qiang", "lan"),
        )
    assert (row.kind, row.excluded) == (cases.CaseKind.APPEAL, ["lan", "qiang"])
    assert (row.warn_at, row.paused_at, row.sla_business, row.sla_warned) == (later(days=4), None, True, False)
    assert (row.escalate_to, row.escalated_at, row.overridden) == ({"queue": "heads", "role": "admin"}, None, False)
