"""Backtests over files: who is tried, what is told of rows and books that cannot be, what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbrand.domain.errors import InputError
from fastbrand.service import backtesting
from fastbrand.service.backtesting import BacktestResult, Compared, FileSource, Options
from rules.engine import RuleEngine
from rules.loader import load_directory
from tests.service.backtesting import lying, made_population, tried_books
from tests.service.backtesting.tried_books import LOOSER, MUCH, SHIPPED, STRICTER
from tests.workflows.variants import FAST_BRAND, ROOT

AT = datetime(2022, 8, 17, tzinfo=UTC)
CALMLY = Options(confirm=20, hold_all=True)


def compare(
    candidate: Path,
    path: Path,
    engine: RuleEngine,
    options: Options = CALMLY,
    **more: Any,
) -> BacktestResult:
    """A run of ``candidate`` against the shipped book."""
    live, tried = (Compared(load_directory(each), each.name) for each in (SHIPPED, candidate))
    source = FileSource(path, **{"now": AT, "as_of": AT, **more})
    return backtesting.over_file(live, tried, source, engine, options=options)


def told(result: BacktestResult) -> dict[str, Any]:
    """Its document without what it was tried on."""
    document = result.document()
    return {key: value for key, value in document.items() if key not in {"over", "at"}}


def test_the_same_book_flips_nobody(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    result = compare(tried_books.tried(tmp_path / "same", {}), sellers, engine)
    assert (result.tally.flips, result.flips, result.exit_code()) == (0, [], 0)
    assert result.document()["bonus"]["change"] == 0
    assert result.confirmation.others == 2
    assert result.confirmation.flips == 0


def test_stricter_and_looser_are_told_apart(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    stricter = compare(tried_books.tried(tmp_path / "a", STRICTER), sellers, engine)
    looser = compare(tried_books.tried(tmp_path / "b", LOOSER), sellers, engine)
    assert (stricter.looser, looser.stricter) == (0, 0)
    assert min(stricter.stricter, looser.looser) > 0
    assert {cause["criteria"][0] for cause in stricter.causes()} == {"business.delivery"}
    assert {cause["criteria"][0] for cause in looser.causes()} == {"content.live_days"}


def test_a_file_of_any_kind_gives_the_same(tmp_path: Path, engine: RuleEngine) -> None:
    frame = made_population.frame(tried_books.shipped(), 150)
    frame.write_parquet(tmp_path / "sellers.parquet")
    frame.with_columns(pl.col(pl.List(pl.String)).list.join("|")).write_csv(tmp_path / "sellers.csv")
    candidate = tried_books.much_changed(tmp_path / "book")
    documents = [told(compare(candidate, tmp_path / f"sellers.{kind}", engine)) for kind in ("parquet", "csv")]
    assert documents[0] == documents[1]
    assert documents[0]["flips"]


def test_facts_count_as_of_the_moment_of_each_row(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    """The same facts, observed too long ago for most of them, are unknown at a later moment."""
    frame = pl.read_parquet(sellers).with_columns(observed_at=pl.lit("2022-08-17T08:00:00+08:00"))
    frame.write_parquet(tmp_path / "dated.parquet")
    candidate = tried_books.tried(tmp_path / "book", STRICTER)
    then = compare(candidate, tmp_path / "dated.parquet", engine, as_of=None, now=AT + timedelta(days=400))
    assert told(then)["matrix"] == told(compare(candidate, sellers, engine))["matrix"]
    later = compare(candidate, tmp_path / "dated.parquet", engine, as_of=AT + timedelta(days=400))
    assert later.document()["matrix"]["eligible"] == {"eligible": 0, "refer": 0, "ineligible": 0}
    assert not later.confirmation.mismatches


def test_rows_with_mistakes_are_told_and_left_out(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    frame = pl.read_parquet(sellers).with_row_index("row")
    spoiled = frame.with_columns(
        pl.when(pl.col("row") == 3).then(1.5).otherwise("late_delivery_rate_90d").alias("late_delivery_rate_90d"),
        pl.when(pl.col("row") == 5).then(pl.lit("no id")).otherwise("party_id").alias("party_id"),
        pl.when(pl.col("row") == 7).then(pl.lit("castles")).otherwise("category").alias("category"),
    ).drop("row")
    spoiled.write_parquet(tmp_path / "spoiled.parquet")
    candidate = tried_books.much_changed(tmp_path / "book")
    result = compare(candidate, tmp_path / "spoiled.parquet", engine)
    skipped = result.document()["skipped"]
    assert skipped["rows"] == 3
    assert [(each["row"], each["column"]) for each in skipped["mistakes"]] == [
        (4, "late_delivery_rate_90d"),
        (6, "party_id"),
        (8, "category"),
    ]
    assert (result.exit_code(), result.tally.records) == (1, frame.height - 3)
    rest = frame.filter(~pl.col("row").is_in([3, 5, 7])).drop("row")
    rest.write_parquet(tmp_path / "rest.parquet")
    whole = compare(candidate, tmp_path / "rest.parquet", engine)
    assert result.matrix() == whole.matrix()


def test_books_with_other_facts_are_compared(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    """The candidate asks for a fact of its own: a column of the file for the one, nothing to the other."""
    candidate = tried_books.tried(tmp_path / "book", {FAST_BRAND: {"version": "9"}})
    tried_books.rewritten(
        candidate, "facts.yaml", ("facts:\n", "facts:\n  smiles: {type: count, title: {en: Smiles, zh: 微笑}}\n")
    )
    live_days = "require: {live_days_30d: {at_least: 8}}"
    tried_books.rewritten(candidate, FAST_BRAND, (live_days, "require: {smiles: {at_least: 1}}"))
    frame = pl.read_parquet(sellers)
    frame.with_columns(smiles=pl.lit(1)).write_parquet(tmp_path / "smiling.parquet")
    result = compare(candidate, tmp_path / "smiling.parquet", engine)
    assert not result.skipped.rows
    assert {cause["criteria"][0] for cause in result.causes()} == {"content.live_days"}
    assert (result.stricter, result.looser > 0) == (0, True)
    assert not result.confirmation.mismatches


def test_every_flip_goes_to_a_file_and_some_are_held(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    candidate = tried_books.much_changed(tmp_path / "book")
    everything = compare(candidate, sellers, engine)
    wanted = [each.as_json() for each in everything.flips]
    file = tmp_path / "flips.jsonl"
    result = compare(candidate, sellers, engine, Options(confirm=5, flips=file))
    written = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert written == wanted
    causes = {(tuple(each["criteria"]), each["direction"]) for each in wanted}
    held = [(flip.criteria, flip.as_json()["direction"]) for flip in result.flips]
    assert set(held) == causes  # some of each cause
    assert max(held.count(cause) for cause in causes) <= 25
    assert len(held) < len(wanted)
    assert {claim.row for claim in result.claims if claim.causes} <= {flip.row for flip in result.flips}


def test_books_without_dates_to_share_are_tried_all_the_same(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    """A candidate begins later than its records: it is asked what it says, not whether it was in force."""
    edits = {**STRICTER, FAST_BRAND: {**STRICTER[FAST_BRAND], "effective/from": "2030-01-01"}}
    result = compare(tried_books.tried(tmp_path / "later", edits), sellers, engine)
    now = compare(tried_books.tried(tmp_path / "now", STRICTER), sellers, engine)
    assert result.matrix() == now.matrix()
    assert not result.confirmation.mismatches


@pytest.mark.parametrize("work", [lying.too_kind, lying.broken])
def test_engines_that_disagree_are_told(tmp_path: Path, sellers: Path, work: Callable[..., Any]) -> None:
    with RuleEngine(work=work) as engine:
        result = compare(tried_books.tried(tmp_path / "book", LOOSER), sellers, engine, Options(confirm=1))
    assert result.exit_code() == 70
    told = result.document()["engine_mismatch"]
    assert len(told) == result.document()["confirmed"]["mismatches"] > 0
    what = {each["what"] for each in told}
    if work is lying.too_kind:
        assert what == {"bonus"}
        assert all(each["authoritative"] == each["columnar"] + 1 for each in told)
    else:
        assert "outcome" in what
        assert any("contradiction" in str(each["authoritative"]) for each in told)


def test_what_cannot_be_compared_is_refused_with_the_mend(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    def refused(path: Path, says: str, candidate: Path = SHIPPED, **more: Any) -> None:
        with pytest.raises(InputError, match=says) as error:
            compare(candidate, path, engine, **more)
        assert error.value.hint

    foreign = ROOT / "examples" / "olist" / "book"
    refused(sellers, "the live book is in CNY and the candidate in BRL", foreign)
    refused(tmp_path / "nothing.parquet", "there is no file")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and so on")
    refused(tmp_path / "broken.parquet", "not a Parquet file")
    pl.DataFrame({"gmv90d": [1]}).write_parquet(tmp_path / "foreign.parquet")
    refused(tmp_path / "foreign.parquet", "no column of `foreign.parquet` is a fact")
    refused(sellers, "`--where` goes with `--mapping`", where=("a=b",))
    refused(sellers, "the live book cannot screen track K", track="K")
    unwritable = tmp_path / "no" / "flips.jsonl"
    with pytest.raises(InputError, match="cannot be written"):
        compare(SHIPPED, sellers, engine, Options(flips=unwritable))


def test_nobody_at_all_is_fine(tmp_path: Path, engine: RuleEngine) -> None:
    made_population.frame(tried_books.shipped(), 10).head(0).write_parquet(tmp_path / "nobody.parquet")
    result = compare(tried_books.tried(tmp_path / "book", MUCH), tmp_path / "nobody.parquet", engine)
    assert (result.tally.records, result.exit_code()) == (0, 0)
    assert result.document()["bonus"]["live"] == 0


def test_progress_is_told(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    class Listening:
        """Remembers what it is told."""

        def __init__(self) -> None:
            self.heard: list[tuple[str, int]] = []

        def phase(self, name: str, total: int) -> None:
            self.heard.append((name, total))

        def done(self, count: int) -> None:
            self.heard.append(("done", count))

    listening = Listening()
    candidate = Compared(load_directory(tried_books.tried(tmp_path / "b", LOOSER)), "b")
    live = Compared(tried_books.shipped(), "a")
    source = FileSource(sellers, now=AT, as_of=AT)
    backtesting.over_file(live, candidate, source, engine, options=Options(confirm=5), progress=listening)
    rows = pl.read_parquet(sellers).height
    phases = [item for item in listening.heard if item[0] != "done"]
    assert phases == [("evaluating", rows), ("confirming", 6)]
    assert ("done", rows) in listening.heard
    assert listening.heard[-1] == ("done", 6)
