"""The step that proposes providers, where it is not asked in the usual way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from activities.matching import MatchingActivities
from activities.matching_payloads import MatchRequest
from activities.payloads import By
from fastbrand.domain.errors import CommandConflict, EngineFault, NotFound
from fastbrand.domain.lifecycle import MARKED, Stage, Track
from fastbrand.domain.provider import ProviderType
from fastbrand.service.bootstrap import bootstrap
from fastbrand.store import audit, decisions, facts, matches, parties, providers
from fastbrand.store.database import Database
from fastbrand.store.facts import NewFact
from fastbrand.store.providers import Profile
from rules.child import Reply, Task
from rules.engine import RuleEngine

ROOT = Path(__file__).parents[2]
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
pytestmark = pytest.mark.xdist_group("service-matching")

BY = By(kind="system", actor="system:programme", role="system", command_id="c")
REQUEST = MatchRequest(subject_id="acme", key="endorsement/1", at=NOW, by=BY)


def absent(_task: Task) -> Reply:
    """A rules engine that is not there."""
    return Reply(error=EngineFault("the rules engine cannot be loaded"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with a party in standing, and a provider that fits it."""
    file = tmp_path_factory.mktemp("filled") / "fastbrand.db"
    made = Database(f"sqlite:///{file}")
    made.migrate()
    bootstrap(made, ROOT / "rules" / "book")
    with made.write() as conn:
        parties.register(conn, party_id="acme", track=Track.M, at=NOW)
        facts.record(conn, "acme", [NewFact("category", "food", NOW)], key="given", at=NOW)
        providers.add(conn, Profile("a", ProviderType.MERCHANT, "A", ("food",), 1), at=NOW)
        conn.execute(update(parties.PARTY).values(stage=Stage.ENDORSED))
    made.close()
    return file


@pytest.fixture
def db(filled: Path, tmp_path: Path) -> Iterator[Database]:
    """That database, for one test alone."""
    made = Database(f"sqlite:///{shutil.copy(filled, tmp_path)}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    with RuleEngine() as made:
        yield made


def test_the_same_key_with_other_parameters_is_an_error(db: Database, engine: RuleEngine) -> None:
    steps = MatchingActivities(db, engine)
    first = steps.propose(REQUEST)
    assert [offer.provider_id for offer in first.offers] == ["a"]
    later = REQUEST.model_copy(update={"at": NOW.replace(hour=9)})  # by a later clock it is the same step
    assert steps.propose(later) == first
    with pytest.raises(CommandConflict):
        steps.propose(REQUEST.model_copy(update={"declined_too": True}))
    with pytest.raises(NotFound):
        steps.propose(REQUEST.model_copy(update={"subject_id": "nobody"}))


def test_where_the_rules_cannot_be_asked_nobody_is_proposed_and_it_is_told(db: Database, engine: RuleEngine) -> None:
    with RuleEngine(work=absent) as broken:
        steps = MatchingActivities(db, broken)
        found = steps.propose(REQUEST)
        assert steps.propose(REQUEST) == found
    assert (found.outcome, found.offers, found.decision_id) == ("engine_fault", (), None)
    with db.read() as conn:
        assert matches.of_subject(conn, ("party", "acme")) == []
        assert decisions.for_party(conn, "acme") == []
        faults = list(audit.list_events(conn, party_id="acme", verb="engine:fault"))
    assert [event["after"] for event in faults] == [{"fault": "engine_fault"}]
    # a person asks again, under a key of its own
    again = MatchingActivities(db, engine).propose(REQUEST.model_copy(update={"key": "by/mei"}))
    assert [offer.provider_id for offer in again.offers] == ["a"]


@pytest.mark.parametrize("stage", list(Stage))
def test_only_who_is_in_standing_is_matched(db: Database, engine: RuleEngine, stage: Stage) -> None:
    with db.write() as conn:
        conn.execute(update(parties.PARTY).values(stage=stage))
    found = MatchingActivities(db, engine).propose(REQUEST)
    assert found.outcome == ("offers" if stage in MARKED else "not_in_standing")


def test_a_book_without_matching_rules_is_an_answer(tmp_path: Path, engine: RuleEngine) -> None:
    made = Database(f"sqlite:///{tmp_path / 'fastbrand.db'}")
    made.migrate()
    bootstrap(made, ROOT / "examples" / "olist" / "book")
    with made.write() as conn:
        parties.register(conn, party_id="acme", track=Track.M, at=NOW)
        conn.execute(update(parties.PARTY).values(stage=Stage.ENDORSED))
    found = MatchingActivities(made, engine).propose(REQUEST)
    made.close()
    assert (found.outcome, found.told) == ("no_rules", "no matching book is for `M`")


def test_gaps_are_those_of_the_last_screening(db: Database, engine: RuleEngine) -> None:
    from fastbrand.domain.decision import Decision, Finding

    def screened(*failed: str) -> None:
        findings = tuple(Finding(name, "fail", "refer") for name in failed)
        made = Decision("fast-brand", "1", "b" * 64, "e", "eligibility", "acme", "2022-08-01T00:00:00Z", "refer")
        with db.write() as conn:
            decisions.store(conn, replace(made, findings=findings), "/".join(failed), {}, at=NOW)

    steps = MatchingActivities(db, engine)
    screened("content.quality", "business.sales")
    screened("repurchase.rate")
    steps.propose(REQUEST)
    with db.read() as conn:
        (kept,) = decisions.for_party(conn, "acme", "matching")
    assert kept.decision()["result"]["gaps"] == ["repurchase"]
    assert kept.given()["context"]["gaps"] == ["repurchase"]
    assert [each["provider"] for each in kept.given()["context"]["candidates"]] == ["a"]
