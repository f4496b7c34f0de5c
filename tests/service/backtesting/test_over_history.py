"""Backtests over all who ever applied: their facts of then, at the moment of then, once an application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.evaluating import Evaluator
from activities.shelf import in_force
from fastbrand import wiring
from fastbrand.domain.errors import EngineFault, NotFound
from fastbrand.domain.lifecycle import Track
from fastbrand.service import backtesting
from fastbrand.service.backtesting import Options
from fastbrand.service.office import Office
from fastbrand.service.releasing import gather
from fastbrand.service.sample import generate
from fastbrand.settings import load_settings
from fastbrand.store import decisions, facts, parties
from fastbrand.store.facts import NewFact
from rules.engine import RuleEngine
from rules.loader import load_directory
from tests.service.backtesting import lying, tried_books
from tests.service.backtesting.tried_books import LOOSER
from tests.workflows.given import FAST_BRAND
from tests.workflows.variants import FAST_BRAND as FAST_BRAND_FILE

THEN = datetime(2022, 8, 17, tzinfo=UTC)
AGAIN = "again"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office at which 41 of both tracks applied. The last, which would be eligible but for its live days, was
    screened again when it had enough of them, and applied a second time."""
    with wiring.office(load_settings(state=tmp_path_factory.mktemp("history") / "state")) as made:
        sample = generate(40, 3, tried_books.shipped().facts, today=THEN.date())
        for number, party in enumerate(sample):
            screened(made, party.party_id, party.track, party.facts, "app/1/screen/1", THEN + timedelta(hours=number))
        screened(made, AGAIN, "M", {**FAST_BRAND, "live_days_30d": "7"}, "app/1/screen/1", THEN)
        screened(made, AGAIN, "M", FAST_BRAND, "app/1/screen/2", THEN + timedelta(days=2))
        screened(made, AGAIN, "M", FAST_BRAND, "app/2/screen/1", THEN + timedelta(days=9))
        yield made


def screened(office: Office, party: str, track: str, given: Mapping[str, str | None], key: str, at: datetime) -> None:
    """Facts come in and the rules are asked, as an application does it."""
    evaluator = Evaluator(office.engine())
    with office.db.write() as conn:
        parties.register(conn, party_id=party, track=Track(track), at=at)
        facts.record(conn, party, [NewFact(name, text, at) for name, text in given.items()], key=key, at=at)
    with office.db.read() as conn:
        shelf, record = in_force(conn, at), evaluator.record(conn, party, at)
    found = evaluator.screen(shelf, record, Track(track), at)
    with office.db.write() as conn:
        evaluator.store(conn, found, party, key, at)


def test_every_application_is_tried_once_on_both_tracks(office: Office) -> None:
    result = backtesting.over_history(office, tried_books.shipped())
    assert result.tally.records == 42
    assert sorted(result.trials) == ["M", "S"]
    assert (result.tally.flips, result.skipped.rows, result.exit_code()) == (0, 0, 0)
    # the book in force says again what it said then
    with office.db.read() as conn:
        said = [row.outcome for row in decisions.applications(conn)]
    assert {old: sum(row.values()) for old, row in result.matrix().items()} == {
        outcome: said.count(outcome) for outcome in ("eligible", "refer", "ineligible")
    }


def test_the_latest_screening_of_an_application_counts(office: Office, tmp_path: Path) -> None:
    candidate = load_directory(tried_books.tried(tmp_path / "book", LOOSER))
    with office.db.read() as conn:
        said = [row.outcome for row in decisions.for_party(conn, AGAIN, "eligibility")]
    assert said == ["ineligible", "eligible", "eligible"]
    result = backtesting.over_history(office, candidate, options=Options(hold_all=True))
    assert AGAIN not in {flip.id for flip in result.flips}  # the first screening would flip
    assert {flip.criteria for flip in result.flips} <= {("content.live_days",)}
    assert not result.confirmation.mismatches


def test_what_the_pools_have_left_is_told(office: Office) -> None:
    pool = backtesting.over_history(office, tried_books.shipped()).document()["pool_effect"]["fast-brand"]
    assert pool["available"] == 23_000_000_000
    assert pool["live"] == pool["candidate"]


def test_a_track_that_the_candidate_does_not_decide_is_left_out_and_told(office: Office, tmp_path: Path) -> None:
    folder = tried_books.tried(tmp_path / "book", {FAST_BRAND_FILE: {"version": "9"}})
    (folder / "brand.eligibility.yaml").unlink()
    for path in folder.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("parties: [M, S]", "parties: [M]"), encoding="utf-8")
    tried_books.rewritten(folder, "traffic-bonus.incentive.yaml", (", S: brand", ""))
    for gone in folder.glob("brand.*"):
        gone.unlink()
    result = backtesting.over_history(office, load_directory(folder))
    left_out = {track: count for track, (count, _) in result.skipped.tracks.items()}
    assert left_out == {"S": 8}
    assert "candidate book cannot screen track S" in result.skipped.tracks["S"][1]
    assert (result.tally.records, result.exit_code()) == (34, 1)
    assert result.as_json()["skipped"] == 8


def test_an_office_without_a_book_in_force_says_so(office: Office) -> None:
    class Earlier(Office):
        """The same before everything began."""

        def now(self) -> datetime:
            return datetime(1960, 1, 1, tzinfo=UTC)

    before = Earlier(office.settings, office.db, office.people, office.engine, office.connect, office.files)
    with pytest.raises(NotFound, match="no released book is in force"):
        backtesting.over_history(before, tried_books.shipped())


def test_a_book_is_not_released_on_engines_that_disagree(office: Office, tmp_path: Path) -> None:
    folder = tried_books.tried(tmp_path / "book", LOOSER)  # without its tests, which would tell first
    book = load_directory(folder)
    with RuleEngine(work=lying.too_kind) as engine:
        ill = replace(office, engine=lambda: engine)
        with pytest.raises(EngineFault, match="do not agree about") as error:
            gather(ill, folder, book, acknowledge="to try it", at=office.now())
    assert error.value.instance_code == "engine_mismatch"
    evidence = gather(office, folder, book, acknowledge="to try it", at=office.now())
    assert evidence.told["backtest"]["records"] == 42
    assert evidence.told["backtest"]["engine_mismatches"] == 0
