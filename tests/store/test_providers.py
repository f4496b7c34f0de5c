"""The register of providers and of talents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from fastbrand.domain.errors import InputError, NotFound, Refused, StaleRevision
from fastbrand.domain.provider import ProviderType
from fastbrand.store import providers, talents
from fastbrand.store.database import Database
from fastbrand.store.providers import Profile, TypeCount
from fastbrand.store.talents import Talent
from tests.store.given import MEI, NOW, events, later, verbs

BELT = Profile(
    "belt-1",
    ProviderType.INDUSTRIAL_BELT,
    "Haining leather",
    ("apparel", "shoes_bags"),
    2,
    "zhejiang",
    725,
    {"content": 800},
)


def add(db: Database, profile: Profile = BELT) -> providers.ProviderRow:
    with db.write() as conn:
        return providers.add(conn, profile, at=NOW, actor=MEI)


def edit(db: Database, profile: Profile, **more: Any) -> tuple[providers.ProviderRow, bool]:
    with db.write() as conn:
        return providers.edit(conn, profile, at=later(days=1), actor=MEI, **more)


def test_registered_once(db: Database) -> None:
    row = add(db)
    assert row.profile() == BELT
    assert (row.load, row.free, row.revision, row.created_at, row.updated_at) == (0, 2, 1, NOW, NOW)
    assert add(db) == row
    (event,) = events(db)
    assert (event["verb"], event["subject"]) == ("provider:registered", {"kind": "provider", "id": "belt-1"})
    assert event["after"] == BELT.told()
    with pytest.raises(Refused, match="is there already"):
        add(db, replace(BELT, capacity=3))
    assert verbs(db) == ["provider:registered"]


@pytest.mark.parametrize("bad", ["", "-a", "a/b", "a" * 65, "a b"])
def test_an_id_that_cannot_be(db: Database, bad: str) -> None:
    with pytest.raises(InputError):
        add(db, replace(BELT, provider_id=bad))


def test_a_change_says_what_changed(db: Database) -> None:
    add(db)
    wanted = replace(BELT, capacity=5, region=None, active=False)
    row, changed = edit(db, wanted)
    assert (row.profile(), changed, row.revision) == (wanted, True, 2)
    assert edit(db, wanted) == (row, False)
    event = events(db)[-1]
    assert event["verb"] == "provider:changed"
    assert event["before"] == {"capacity": 2, "region": "zhejiang", "active": True}
    assert event["after"] == {"capacity": 5, "region": None, "active": False}
    with db.read() as conn:
        assert [each["verb"] for each in providers.history(conn, row)] == ["provider:registered", "provider:changed"]


def test_a_change_of_what_somebody_else_changed(db: Database) -> None:
    add(db)
    edit(db, replace(BELT, capacity=5), revision=1)
    with pytest.raises(StaleRevision):
        edit(db, replace(BELT, capacity=6), revision=1)
    with pytest.raises(NotFound):
        edit(db, replace(BELT, provider_id="nobody"))
    assert verbs(db).count("provider:changed") == 1


def test_the_type_never_changes(db: Database) -> None:
    add(db)
    with pytest.raises(Refused, match="never changes"):
        edit(db, replace(BELT, type=ProviderType.MCN))


def test_places_are_taken_to_the_last_and_given_back(db: Database) -> None:
    add(db)
    for _ in range(2):
        with db.write() as conn:
            providers.take(conn, "belt-1")
    with pytest.raises(Refused, match="serves 2 of 2"), db.write() as conn:
        providers.take(conn, "belt-1")
    with pytest.raises(Refused, match="serves 2, more than 1"):
        edit(db, replace(BELT, capacity=1))
    assert "provider:changed" not in verbs(db)
    with db.write() as conn:
        providers.give_back(conn, "belt-1")
    row, _ = edit(db, replace(BELT, capacity=1))
    assert (row.capacity, row.load) == (1, 1)
    edit(db, replace(BELT, capacity=3, active=False))
    with pytest.raises(Refused, match="inactive"), db.write() as conn:
        providers.take(conn, "belt-1")


@pytest.mark.parametrize("load", [-1, 3])
def test_the_database_itself_refuses_a_load_that_cannot_be(db: Database, load: int) -> None:
    add(db)
    with pytest.raises(IntegrityError), db.write() as conn:
        conn.execute(text(f"UPDATE provider SET load = {load}"))


def test_lists_and_counts(db: Database) -> None:
    add(db)
    add(db, replace(BELT, provider_id="belt-2", capacity=4, active=False))
    add(db, replace(BELT, provider_id="a-mcn", type=ProviderType.MCN, capacity=7))
    with db.write() as conn:
        providers.take(conn, "belt-1")
    with db.read() as conn:
        assert [row.provider_id for row in providers.list_all(conn)] == ["a-mcn", "belt-1", "belt-2"]
        belts = providers.list_all(conn, [ProviderType.INDUSTRIAL_BELT], active=True)
        assert [row.provider_id for row in belts] == ["belt-1"]
        found = providers.counts(conn)
    assert found == {
        ProviderType.MCN: TypeCount(1, 1, 7, 0),
        ProviderType.INDUSTRIAL_BELT: TypeCount(2, 1, 2, 1),
        ProviderType.MERCHANT: TypeCount(),
        ProviderType.BRAND: TypeCount(),
    }


def test_put_registers_then_changes_then_leaves_alone(db: Database) -> None:
    said = []
    for profile in (BELT, BELT, replace(BELT, capacity=9)):
        with db.write() as conn:
            said.append(providers.put(conn, profile, at=NOW, actor=MEI)[1])
    assert said == ["added", "unchanged", "changed"]


# --- talents ------------------------------------------------------------------------------------------------------


def test_a_talent(db: Database) -> None:
    ann = Talent("ann", "apparel", "zhejiang")
    said = []
    for talent in (ann, ann, replace(ann, region=None, active=False)):
        with db.write() as conn:
            row, what = talents.put(conn, talent, at=NOW, actor=MEI)
            said.append(what)
    assert said == ["added", "unchanged", "changed"]
    assert (row.talent(), row.revision) == (Talent("ann", "apparel", None, False), 2)
    assert verbs(db) == ["talent:registered", "talent:changed"]
    event = events(db)[-1]
    assert (event["before"], event["after"]) == (
        {"region": "zhejiang", "active": True},
        {"region": None, "active": False},
    )
    with db.read() as conn:
        assert [each["event_id"] for each in talents.history(conn, row)] == [each["event_id"] for each in events(db)]
        assert talents.list_all(conn) == [row]
    with pytest.raises(Refused, match="is there already"), db.write() as conn:
        talents.add(conn, ann, at=NOW, actor=MEI)
    with pytest.raises(InputError), db.write() as conn:
        talents.add(conn, replace(ann, talent_id="a b"), at=NOW, actor=MEI)
    with pytest.raises(NotFound), db.read() as conn:
        talents.there(conn, "bob")
