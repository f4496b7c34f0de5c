"""Parties and their steps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbrand.domain.audit import SYSTEM, Provenance, Verb
from fastbrand.domain.errors import IllegalTransition, InputError, NotFound, StaleRevision
from fastbrand.domain.lifecycle import Stage, Track, events_from
from fastbrand.store import parties
from fastbrand.store.database import Database
from tests.store.given import LAN, MEI, NOW, events, later, register, verbs


def _move(db: Database, event: str, key: str = "", **more: Any) -> parties.PartyRow:
    with db.write() as conn:
        return parties.move(
            conn, **{"party_id": "acme", "event": event, "key": key or event, "actor": MEI, "at": NOW, **more}
        )


def test_a_registered_party(db: Database) -> None:
    with db.write() as conn:
        row = parties.register(conn, party_id="acme", track=Track.S, at=NOW, actor=MEI)
    assert (row.track, row.stage, row.revision, row.created_at) == (Track.S, Stage.NONE, 0, NOW)
    assert isinstance(row.track, Track)
    assert isinstance(row.stage, Stage)
    assert row.created_at.tzinfo is UTC
    with db.read() as conn:
        assert parties.get(conn, "acme") == row
        assert parties.get(conn, "other") is None
    assert [(event["verb"], event["actor"]["id"]) for event in events(db, party_id="acme")] == [
        ("party:registered", "mei")
    ]


def test_registering_again_changes_nothing(db: Database, party: str) -> None:
    with db.write() as conn:
        row = parties.register(conn, party_id=party, track=Track.S, at=later(days=1), actor=LAN)
    assert (row.track, row.created_at) == (Track.M, NOW)
    assert verbs(db) == ["party:registered"]


def test_registering_thousands(db: Database, party: str) -> None:
    with db.write() as conn:
        many = [(f"p{number:04d}", Track.M) for number in range(1500)]
        assert parties.register_many(conn, [*many, (party, Track.S)], at=NOW) == 1500
        assert len(parties.list_parties(conn)) == 1501
    assert len(events(db, verb=Verb.PARTY_REGISTERED)) == 1501


@pytest.mark.parametrize("party_id", ["", "a b", "a/b", "-a", "a" * 65])
def test_what_is_no_party_id(db: Database, party_id: str) -> None:
    with pytest.raises(InputError):
        register(db, party_id)
    assert verbs(db) == []


def test_times_keep_their_moment_whatever_their_zone(db: Database) -> None:
    shanghai = timezone(timedelta(hours=8))
    with db.write() as conn:
        row = parties.register(conn, party_id="acme", track=Track.M, at=NOW.astimezone(shanghai))
    assert row.created_at == NOW
    assert row.created_at.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(db: Database) -> None:
    with pytest.raises(Exception, match="without a zone"), db.write() as conn:
        parties.register(conn, party_id="acme", track=Track.M, at=datetime(2022, 5, 13))  # noqa: DTZ001 (on purpose)


def test_a_step(db: Database, party: str) -> None:
    row = _move(
        db,
        "apply",
        at=later(hours=1),
        reason="they asked",
        decision_id="d-1",
        rulebook_sha256="b" * 64,
        provenance=Provenance(workflow_id="party/acme", run_id="r"),
        updates={"application_no": 1, "applied_at": later(hours=1), "wants_endorsement": True},
    )
    assert (row.stage, row.revision, row.updated_at) == (Stage.APPLIED, 1, later(hours=1))
    assert (row.application_no, row.applied_at, row.wants_endorsement) == (1, later(hours=1), True)
    with db.read() as conn:
        (step,) = parties.stage_events(conn, party)
    assert (step.source, step.event, step.target, step.key) == (Stage.NONE, "apply", Stage.APPLIED, "apply")
    (told,) = events(db, verb=Verb.PARTY_STAGE)
    assert told["before"] == {"stage": "none", "revision": 0}
    assert told["after"] == {"stage": "applied", "revision": 1, "event": "apply"}
    assert (told["reason"], told["decision_id"], told["rulebook_sha256"]) == ("they asked", "d-1", "b" * 64)
    assert (told["workflow_id"], told["actor"]["id"]) == ("party/acme", "mei")


@pytest.mark.usefixtures("party")
def test_the_same_step_again_changes_nothing(db: Database) -> None:
    _move(db, "apply", "1")
    screened = _move(db, "screen", "2")
    again = _move(db, "apply", "1", at=later(days=1), expected_revision=0)
    assert again == screened
    assert verbs(db).count("party:stage_changed") == 2


@pytest.mark.usefixtures("party")
def test_a_stale_revision_is_refused(db: Database) -> None:
    _move(db, "apply", expected_revision=0)
    with pytest.raises(StaleRevision, match="at revision 1, not 0"):
        _move(db, "screen", expected_revision=0)
    assert _move(db, "screen", expected_revision=1).revision == 2


def test_an_illegal_step_leaves_nothing(db: Database, party: str) -> None:
    with pytest.raises(IllegalTransition):
        _move(db, "endorse")
    assert verbs(db) == ["party:registered"]
    with db.read() as conn:
        assert parties.stage_events(conn, party) == []


def test_an_unknown_party(db: Database) -> None:
    with pytest.raises(NotFound, match="`acme` is not known"):
        _move(db, "apply")
    with pytest.raises(NotFound), db.write() as conn:
        parties.amend(conn, "acme", screening="refer")


@pytest.mark.usefixtures("party")
def test_a_step_sets_no_other_columns(db: Database) -> None:
    for column in ("stage", "revision", "party_id", "nonsense"):
        with pytest.raises(InputError, match=f"`{column}`"):
            _move(db, "apply", updates={column: 1})


@pytest.mark.usefixtures("party")
def test_a_new_track_counts_for_the_step(db: Database) -> None:
    with pytest.raises(IllegalTransition):
        _move(db, "invite")
    row = _move(db, "invite", updates={"track": Track.S})
    assert (row.track, row.stage) == (Track.S, Stage.INVITED)


def test_amending_moves_no_stage(db: Database, party: str) -> None:
    with db.write() as conn:
        row = parties.amend(conn, party, screening="refer", screening_no=2, decision_id="d-1", mark_due=True)
    assert (row.screening, row.screening_no, row.decision_id, row.mark_due) == ("refer", 2, "d-1", True)
    assert (row.stage, row.revision) == (Stage.NONE, 0)
    with pytest.raises(InputError), db.write() as conn:
        parties.amend(conn, party, stage=Stage.ENDORSED)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), track=st.sampled_from(Track))
def test_stage_events_and_audit_chain_without_a_gap(db: Database, data: st.DataObject, track: Track) -> None:
    """Any walk through the table: each step starts where the one before ended, and the audit says the same."""
    with db.write() as conn:
        walker = f"w{len(parties.list_parties(conn))}"
        parties.register(conn, party_id=walker, track=track, at=NOW)
    for number in range(data.draw(st.integers(1, 8))):
        with db.write() as conn:
            row = parties.get(conn, walker)
            assert row is not None
            possible = sorted(events_from(row.stage, track))
            if not possible:
                break
            event = data.draw(st.sampled_from(possible))
            parties.move(conn, party_id=walker, event=event, key=str(number), at=later(hours=number))
    with db.read() as conn:
        steps, party = parties.stage_events(conn, walker), parties.get(conn, walker)
    assert party is not None
    assert [step.revision for step in steps] == list(range(1, len(steps) + 1))
    assert [step.source for step in steps] == [Stage.NONE, *(step.target for step in steps)][:-1]
    assert (party.stage, party.revision) == (steps[-1].target, len(steps))
    told = events(db, party_id=walker, verb=Verb.PARTY_STAGE)
    assert [event["before"]["stage"] for event in told] == [step.source for step in steps]
    assert [event["after"]["stage"] for event in told] == [step.target for step in steps]
    for before, after in pairwise(told):
        assert {key: before["after"][key] for key in ("stage", "revision")} == after["before"]


@pytest.mark.usefixtures("party")
def test_one_of_two_who_move_at_once_is_refused(db: Database) -> None:
    """Both looked at revision 0; the second finds revision 1."""
    barrier, said = threading.Barrier(2), []

    def step(key: str) -> None:
        barrier.wait()
        try:
            said.append(_move(db, "apply", key, expected_revision=0).revision)
        except StaleRevision:
            said.append(-1)

    threads = [threading.Thread(target=step, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [-1, 1]
    assert verbs(db).count("party:stage_changed") == 1


def test_lists_pages_and_counts(db: Database) -> None:
    for number in range(5):
        register(db, f"m{number}")
    register(db, "s0", Track.S)
    with db.write() as conn:
        for party_id in ("m1", "m3"):
            parties.move(conn, party_id=party_id, event="apply", key="k", actor=SYSTEM, at=NOW)

        def ids(**only: Any) -> list[str]:
            return [row.party_id for row in parties.list_parties(conn, **only)]

        assert ids() == ["m0", "m1", "m2", "m3", "m4", "s0"]
        assert ids(track=Track.S) == ["s0"]
        assert ids(stage=Stage.APPLIED) == ["m1", "m3"]
        assert ids(stage=[Stage.APPLIED, Stage.NONE], track=Track.M, limit=2) == ["m0", "m1"]
        assert ids(limit=2, cursor="m1") == ["m2", "m3"]
        assert ids(cursor="s0") == []
        assert parties.funnel(conn) == {
            (Track.M, Stage.NONE): 3,
            (Track.M, Stage.APPLIED): 2,
            (Track.S, Stage.NONE): 1,
        }
        assert [row.party_id for row in parties.by_ids(conn, ["s0", "m2", "nobody", "m2"])] == ["m2", "s0"]
        assert parties.exists_with_prefix(conn, "m")
        assert not parties.exists_with_prefix(conn, "x")
        assert not parties.exists_with_prefix(conn, "M")
        assert not parties.exists_with_prefix(conn, "m_")
        assert "m0" in parties.similar_ids(conn, "m0x", limit=9)
