"""The books that come with the project over the sample's sellers: both engines say the same of everybody."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from fastbrand.service.sample import generate
from rules.columnar import Left, compile_book
from rules.columnar.book import Question
from rules.evaluate import CompiledBook
from rules.frame import Asked
from rules.loader import load_directory
from rules.model import Book
from rules.records import Context, Observed, Record, Remainders
from tests.rules.columnar_agreement import differences, population, told

ROOT = Path(__file__).parents[2]
BOOKS = {"shipped": ROOT / "rules" / "book", "demo": ROOT / "examples" / "demo" / "book"}
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
SELLERS = 250


@pytest.fixture(scope="module", params=BOOKS)
def book(request: pytest.FixtureRequest) -> Book:
    return load_directory(BOOKS[request.param])


def contexts(count: int, bands: list[str]) -> list[Context]:
    """Streaks, months and remainders that come round in different rhythms."""
    return [
        Context(
            streaks={band: (number + place) % 4 for place, band in enumerate(bands)},
            clear_months=number % 8,
            remainders=Remainders((None, 0, 5_000, 10**9)[number % 4], (None, 10**12, 70_000)[number % 3]),
            track="S" if number % 5 == 0 else "M",
        )
        for number in range(count)
    ]


def test_everything_that_a_book_says_of_everybody(book: Book) -> None:
    parties = generate(SELLERS, 11, book.facts, today=date(2022, 8, 1))
    records = [
        Record(party.party_id, {name: Observed(text) for name, text in party.facts.items()}) for party in parties
    ]
    bands = [band.id for upkeep in book.maintenance.values() for band in upkeep.bands]
    given = contexts(len(records), bands)
    people = population(book, records, given)
    tracks = pl.Series("track", [context.track for context in given])
    columnar = compile_book(book)
    reading = columnar.read(people.frame.with_columns(tracks), text=True)
    questions: dict[str, Question] = {
        **{name: columnar.eligibility(name).ask(reasons=True) for name in book.eligibility},
        **{
            f"{name} over {screening}": columnar.routing(name).ask(screening=screening)
            for name in book.routing
            for screening in book.eligibility
        },
        **{
            name: columnar.maintenance(name).ask(
                streaks={band.id: people.streaks[band.id] for band in upkeep.bands},
                clear_months=people.clear_months,
                reasons=True,
            )
            for name, upkeep in book.maintenance.items()
        },
        **{
            name: columnar.incentive(name).ask(
                track_column="track",
                remainders=Left(people.party_year, people.category_month),
                tranches=True,
                reasons=True,
            )
            for name in book.incentive
        },
    }
    found = columnar.evaluate(reading.frame, NOW, questions).collect(engine="streaming")
    assert reading.errors.collect().is_empty()
    compiled = CompiledBook(book)
    moment = compiled.moment(NOW)
    for record, context, row in zip(records, given, found.iter_rows(named=True), strict=True):
        asked = compiled.ask(record, moment)
        assert missed(book, compiled, asked, context, row) == [], record.party
    assert len(set(found.select(pl.col("^.*outcome$")).row(0))) > 1


def missed(book: Book, compiled: CompiledBook, asked: Asked, context: Context, row: dict[str, object]) -> list[str]:
    """Where the row does not say what the decisions say."""
    lines: list[str] = []
    for name in book.eligibility:
        screening = compiled.decide(name, asked)
        lines += differences(told(screening, book), row, f"{name}.")
        for routing in book.routing:
            decision = compiled.decide(routing, asked, Context(screening=screening))
            lines += differences(told(decision, book), row, f"{routing} over {name}.")
    for name in (*book.maintenance, *book.incentive):
        lines += differences(told(compiled.decide(name, asked, context), book), row, f"{name}.")
    return lines
