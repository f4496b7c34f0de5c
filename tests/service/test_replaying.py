"""Replay: the same bytes from the stored facts and the stored book; what was changed since is told as such."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.evaluating import Evaluator
from activities.shelf import in_force
from fastbrand import wiring
from fastbrand.domain.canonical import canonical
from fastbrand.domain.decision import decision_id
from fastbrand.domain.errors import InputError, NotFound, Unreachable
from fastbrand.domain.lifecycle import Track
from fastbrand.service.office import Office
from fastbrand.service.replaying import replay
from fastbrand.settings import load_settings
from fastbrand.store import facts, parties
from fastbrand.store.facts import NewFact
from rules.engine import RuleEngine

pytestmark = pytest.mark.xdist_group("replaying")

NOW = datetime(2022, 8, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    """The rules engine of all offices here."""
    with closing(wiring.build_engine(load_settings())) as made:
        yield made


@pytest.fixture(scope="module")
def screened(tmp_path_factory: pytest.TempPathFactory, engine: RuleEngine) -> Path:
    """The state directory of an office with one party that was screened: four decisions."""
    state = tmp_path_factory.mktemp("screened") / "state"
    with wiring.office(load_settings(state=state)) as made:
        with made.db.write() as conn:
            parties.register(conn, party_id="p", track=Track.M, at=NOW)
            facts.record(conn, "p", [NewFact("live_days_30d", "7", NOW)], key="k", at=NOW)
        evaluator = Evaluator(engine)
        with made.db.read() as conn:
            shelf, record = in_force(conn, NOW), evaluator.record(conn, "p", NOW)
        found = evaluator.screen(shelf, record, Track.M, NOW)
        with made.db.write() as conn:
            evaluator.store(conn, found, "p", "app/1/screen/1", NOW)
    return state


@pytest.fixture
def office(screened: Path, engine: RuleEngine, tmp_path: Path) -> Iterator[Office]:
    """That office, for one test alone."""
    shutil.copytree(screened, tmp_path / "state")
    with wiring.office(load_settings(state=tmp_path / "state")) as made:
        made.engine = lambda: engine
        yield made


def tamper(office: Office, statement: str, *values: object) -> None:
    """Change what the triggers guard, as somebody with the file could who removes them."""
    with sqlite3.connect(office.settings.state / "fastbrand.db") as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f'DROP TRIGGER "{name}"')
        changed = raw.execute(statement, values).rowcount
    assert changed > 0


def test_every_decision_replays_to_the_same_bytes(office: Office) -> None:
    assert replay(office, None, every=True) == {"decisions": 4, "identical": 4, "changed": []}


def test_one_decision_replays(office: Office) -> None:
    with office.db.read() as conn:
        party = facts.latest(conn, "p", NOW)
    assert party
    with sqlite3.connect(office.settings.state / "fastbrand.db") as raw:
        (one,) = raw.execute("SELECT decision_id FROM decision WHERE kind = 'eligibility'").fetchone()
    assert replay(office, one, every=False)["identical"] == 1


def test_what_is_asked_for_must_be_clear_and_known(office: Office) -> None:
    with pytest.raises(InputError, match="say which decision"):
        replay(office, None, every=False)
    with pytest.raises(InputError, match="say which decision"):
        replay(office, "d-1", every=True)
    with pytest.raises(NotFound, match="`d-1` is not known"):
        replay(office, "d-1", every=False)


def test_a_tampered_book_is_reported_as_such(office: Office) -> None:
    tamper(office, "UPDATE rulebook_release SET closure = CAST(replace(closure, 'at_least: 8', 'at_least: 6') AS BLOB)")
    changed = replay(office, None, every=True)["changed"]
    assert len(changed) == 4
    assert all("was tampered with" in each["why"] for each in changed)


def test_a_tampered_decision_is_reported_as_such(office: Office) -> None:
    tamper(
        office,
        "UPDATE decision SET core = CAST(replace(core, 'ineligible', 'eligible') AS BLOB) WHERE kind = 'eligibility'",
    )
    (changed,) = replay(office, None, every=True)["changed"]
    assert "the stored decision was tampered with" in changed["why"]


def test_tampered_facts_are_found_by_their_decision(office: Office) -> None:
    tamper(
        office,
        """UPDATE decision SET inputs = CAST(replace(inputs, '"value":"7"', '"value":"9"') AS BLOB)
        WHERE kind = 'eligibility'""",
    )
    (changed,) = replay(office, None, every=True)["changed"]
    assert changed["why"].startswith("differs in ")
    assert "findings" in changed["why"]


def test_a_changed_engine_is_reported_as_such(office: Office) -> None:
    """A decision that another version made is itself sound; the engine of today says so of itself."""
    import hashlib

    with sqlite3.connect(office.settings.state / "fastbrand.db") as raw:
        (core,) = raw.execute("SELECT core FROM decision WHERE kind = 'eligibility'").fetchone()
    today = json.loads(core)["engine"]
    older = core.replace(today.encode(), b"durable_rules 2.0.27 / 1")
    old_id = "d-" + hashlib.sha256(older).hexdigest()[:32]
    tamper(
        office,
        "UPDATE decision SET core = ?, decision_id = ?, engine = 'durable_rules 2.0.27 / 1' WHERE kind = 'eligibility'",
        older,
        old_id,
    )
    (changed,) = replay(office, None, every=True)["changed"]
    assert changed["why"] == f"decided by engine `durable_rules 2.0.27 / 1`, replayed by `{today}`: it says the same"


def test_a_changed_engine_that_says_something_else_is_told_with_what(office: Office) -> None:
    with sqlite3.connect(office.settings.state / "fastbrand.db") as raw:
        (core,) = raw.execute("SELECT core FROM decision WHERE kind = 'eligibility'").fetchone()
    told = json.loads(core)
    older = canonical({**told, "engine": "durable_rules 2.0.27 / 1", "outcome": "eligible"})
    tamper(
        office,
        """UPDATE decision SET core = ?, decision_id = ?, engine = 'durable_rules 2.0.27 / 1', outcome = 'eligible'
        WHERE kind = 'eligibility'""",
        older,
        decision_id(older),
    )
    (changed,) = replay(office, None, every=True)["changed"]
    assert changed["why"].endswith(f"replayed by `{told['engine']}`: it differs in outcome")


def test_columns_that_say_something_else_are_reported(office: Office) -> None:
    """Lists read the columns: they must say what the decision says."""
    tamper(office, "UPDATE decision SET outcome = 'eligible', version = '9' WHERE kind = 'eligibility'")
    (changed,) = replay(office, None, every=True)["changed"]
    assert changed["why"] == (
        "the stored decision was tampered with: its columns say something else (version, outcome)"
    )


@pytest.mark.parametrize("core", [b"not JSON", b"[7]", b"{}", b'{"outcome": "eligible"}'])
def test_a_decision_that_cannot_be_read_is_reported(office: Office, core: bytes) -> None:
    tamper(
        office,
        "UPDATE decision SET core = ?, decision_id = ? WHERE kind = 'eligibility'",
        core,
        decision_id(core),
    )
    (changed,) = replay(office, None, every=True)["changed"]
    assert changed["why"].startswith("the stored decision was tampered with: ")


@pytest.mark.parametrize(
    "inputs", [b"not JSON", b"\xff\xfe", b"[]", b"{}", b'{"facts": 7}', b'{"facts": {"gmv": [1]}}']
)
def test_facts_that_cannot_be_read_are_reported(office: Office, inputs: bytes) -> None:
    tamper(office, "UPDATE decision SET inputs = ? WHERE kind = 'eligibility'", inputs)
    result = replay(office, None, every=True)
    assert result["identical"] == 3
    (changed,) = result["changed"]
    assert changed["why"]
    told = "its stored facts were tampered with"
    assert changed["why"].startswith(("error[input]: ", told)), changed["why"]


@pytest.mark.parametrize("closure", [None, b"no book", b"{}"])
def test_a_tampered_book_decides_nobody(office: Office, closure: bytes | None) -> None:
    """Whether what is there now could be read as a book or not."""
    if closure is None:
        edited = "CAST(replace(closure, 'at_least: 8', 'at_least: 6') AS BLOB)"
        tamper(office, f"UPDATE rulebook_release SET closure = {edited}")
    else:
        tamper(office, "UPDATE rulebook_release SET closure = ?", closure)
    with office.db.read() as conn, pytest.raises(Unreachable, match="was tampered with") as error:
        in_force(conn, NOW)
    assert error.value.instance_code == "tampered"
    assert "backup" in error.value.hint
