"""The audit log: written once, in one transaction with what it records, and readable by other tools."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import rfc8785
from sqlalchemy import select

from fastbrand.domain.audit import SYSTEM, Actor, AuditEvent, Provenance, Verb
from fastbrand.domain.errors import InputError
from fastbrand.store import audit
from fastbrand.store.database import Database
from tests.store.given import MEI, NOW, an_event, events, later

RAN = Provenance(workflow_id="party/acme", run_id="run-1", activity_id="7", attempt=3)


def test_an_event_is_read_as_it_was_written(db: Database) -> None:
    event = an_event(
        party_id="acme",
        before={"state": "open"},
        after={"state": "claimed", "items": ["a", "b"], "amount": 2**53 - 1},
        reason='资料齐全 "so" \n',
        decision_id="d-1",
        rulebook_sha256="b" * 64,
        provenance=RAN,
    )
    with db.write() as conn:
        assert audit.append(conn, event, NOW) is True
    assert events(db) == [
        {
            "seq": 1,
            "event_id": event.event_id,
            "at": "2022-05-13T08:00:00.123456Z",
            "actor": {"kind": "human", "id": "mei", "role": "staff"},
            "verb": "case:opened",
            "subject": {"kind": "case", "id": "acme/1"},
            "before": {"state": "open"},
            "after": {"state": "claimed", "items": ["a", "b"], "amount": 2**53 - 1},
            "reason": '资料齐全 "so" \n',
            "decision_id": "d-1",
            "rulebook_sha256": "b" * 64,
            "workflow_id": "party/acme",
            "run_id": "run-1",
        }
    ]


def test_the_body_is_a_canonical_cloudevent(db: Database) -> None:
    with db.write() as conn:
        audit.append(conn, an_event(party_id="acme", after={"b": 1, "a": None}), NOW)
        body = bytes(conn.execute(select(audit.AUDIT.c.body)).scalar_one())
    told = json.loads(body)
    assert rfc8785.dumps(told) == body
    assert {key: told[key] for key in told if key != "data"} == {
        "specversion": "1.0",
        "id": an_event().event_id,
        "source": "/fastbrand",
        "type": "fastbrand.case.opened",
        "subject": "case/acme/1",
        "time": "2022-05-13T08:00:00.123456Z",
        "datacontenttype": "application/json",
    }
    assert told["data"]["key"] == "k"


def test_the_first_write_stands(db: Database) -> None:
    """A retry has another run, attempt and clock, and is the same event."""
    with db.write() as conn:
        assert audit.append(conn, an_event(provenance=RAN), NOW) is True
    retry = an_event(provenance=replace(RAN, run_id="run-2", attempt=4))
    with db.write() as conn:
        assert audit.append(conn, retry, later(seconds=5)) is False
    assert [(event["at"], event["run_id"]) for event in events(db)] == [("2022-05-13T08:00:00.123456Z", "run-1")]


@pytest.mark.parametrize(
    "other",
    [
        an_event("other"),
        an_event(verb=Verb.CASE_CLOSED),
        replace(an_event(), subject_id="acme/2"),
        replace(an_event(), subject_kind="grant"),
    ],
)
def test_another_key_verb_or_subject_is_another_event(db: Database, other: AuditEvent) -> None:
    with db.write() as conn:
        assert audit.append(conn, an_event(), NOW)
        assert audit.append(conn, other, NOW)
        assert audit.count(conn) == 2


def test_many_events_in_order_each_once(db: Database) -> None:
    made = [an_event(f"k{number}", party_id=f"p{number % 3}") for number in range(1200)]
    with db.write() as conn:
        audit.append(conn, made[700], NOW)
        assert audit.append_many(conn, [*made, made[5]], NOW) == 1199
        assert audit.append_many(conn, made, NOW) == 0
        assert audit.append_many(conn, [], NOW) == 0
    keys = [event["event_id"] for event in events(db)]
    assert keys == [made[700].event_id, *(event.event_id for event in made if event is not made[700])]


def test_listing_by_party_verb_and_page(db: Database) -> None:
    with db.write() as conn:
        for number in range(6):
            verb = Verb.CASE_OPENED if number % 2 else Verb.CASE_CLOSED
            audit.append(conn, an_event(str(number), verb, party_id=f"p{number // 3}"), NOW)
    assert len(events(db, party_id="p0")) == 3
    assert len(events(db, verb=Verb.CASE_OPENED)) == len(events(db, verb="case:opened")) == 3
    assert [event["verb"] for event in events(db, party_id="p1", verb=Verb.CASE_OPENED)] == ["case:opened"] * 2
    first = events(db, limit=2)
    rest = events(db, after_seq=first[-1]["seq"])
    assert [event["event_id"] for event in first + rest] == [event["event_id"] for event in events(db)]
    assert events(db, party_id="nobody") == []


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {1: 2}, object()])
def test_what_is_not_json_is_refused(db: Database, value: object) -> None:
    with pytest.raises(InputError, match="cannot be stored as JSON"), db.write() as conn:
        audit.append(conn, an_event(after={"value": value}), NOW)
    assert events(db) == []


def test_the_system_is_the_actor_where_nobody_is_named(db: Database) -> None:
    grounds: audit.Grounds = {"at": NOW}
    with db.write() as conn:
        audit.note(conn, Verb.CASE_OPENED, "k", ("case", "acme/1"), grounds)
        audit.note(conn, Verb.CASE_OPENED, "k", ("case", "acme/2"), {"at": NOW, "actor": MEI, "reason": "r"})
    system, person = events(db)
    assert Actor(**system["actor"]) == SYSTEM
    assert (Actor(**person["actor"]), person["reason"]) == (MEI, "r")
