"""Both engines over the same random books and records: every verdict, outcome, score and amount is the same.

The engine for one party is the authority. What it refuses (a text that is no value, a number out of range) the reader
of columns must refuse, too, and nothing else. ``FASTBRAND_SOAK=1`` compares a hundred times as many books.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, InputError
from rules.columnar import ColumnarBook, Left, compile_book
from rules.evaluate import CompiledBook
from rules.model import Book
from rules.records import Context, Record, Remainders
from tests.property import random_books, random_kinds
from tests.rules.columnar_agreement import Population, differences, population, told

SOAK = os.environ.get("FASTBRAND_SOAK") == "1"
BOOKS = 100_000 if SOAK else 1_000
RECORDS = 50
SHARDS = 8
READ_EACH = 4
"""Every so manyth book has its records read from text, hostile ones among them; the others get them as values."""

# a failing seed is a failing seed: there is nothing to shrink in it
RUN = settings(
    max_examples=BOOKS // SHARDS,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
LEFT = (None, 0, 7, 300)


@dataclass(frozen=True, slots=True)
class Sample:
    """A random book and records for it, with the moments and contexts they are decided at and in."""

    book: Book
    records: list[Record]
    moments: list[datetime]
    contexts: list[Context]


def sample(seed: int, *, hostile: bool) -> Sample:
    rng = Random(seed)
    made = random_books.facts(rng)
    screened = random_kinds.eligibility(rng, made)
    book = random_books.book(
        made,
        eligibility={"e": screened},
        routing={"q": random_kinds.routing(rng, made, screened)},
        maintenance={"m": random_kinds.maintenance(rng, made)},
        incentive={"i": random_kinds.incentive(rng, made)},
    )
    one_moment = rng.choice((True, False))
    moments = [random_books.moment(rng)]
    moments = moments * RECORDS if one_moment else moments + [random_books.moment(rng) for _ in range(RECORDS - 1)]
    records = [random_books.record(rng, made, moment, hostile=hostile) for moment in moments]
    bands = [band.id for band in book.maintenance["m"].bands]
    contexts = [
        Context(
            streaks={band: rng.randint(0, 3) for band in bands if rng.choice((True, False))},
            clear_months=rng.randint(0, 3),
            remainders=Remainders(rng.choice(LEFT), rng.choice(LEFT)),
        )
        for _ in records
    ]
    return Sample(book, records, moments, contexts)


def decided(given: Sample) -> tuple[list[dict[str, Any] | None], dict[str, list[Any]]]:
    """What the authority says of each record (None: it refuses it), and the values that it sees in them."""
    compiled = CompiledBook(given.book)
    found: list[dict[str, Any] | None] = []
    names = [name for name, fact in given.book.facts.items() if fact.derivation is None]
    values: dict[str, list[Any]] = {name: [] for name in names}
    for record, moment, context in zip(given.records, given.moments, given.contexts, strict=True):
        try:
            asked = compiled.ask(record, compiled.moment(moment))
        except InputError:
            found.append(None)
            continue
        for name in names:
            values[name].append(asked.facts.values[name])
        screening = compiled.decide("e", asked)
        decisions: dict[str, Decision | None] = {
            "e": screening,
            "q": compiled.decide("q", asked, Context(screening=screening)),
            "alone": compiled.decide("q", asked),
            "m": compiled.decide("m", asked, context),
        }
        try:
            decisions["i"] = compiled.decide("i", asked, context)
        except EngineFault:
            decisions["i"] = None
        columns: dict[str, Any] = {}
        for name, decision in decisions.items():
            said = {"outcome": None, "amount": None} if decision is None else told(decision, given.book)
            columns |= {f"{name}.{column}": value for column, value in said.items()}
        found.append(columns)
    return found, values


def answers(
    columnar: ColumnarBook, frame: pl.DataFrame, as_of: datetime | str, people: Population, observed: dict[str, str]
) -> pl.LazyFrame:
    questions = {
        "e": columnar.eligibility("e").ask(reasons=True),
        "q": columnar.routing("q").ask(screening="e"),
        "alone": columnar.routing("q").ask(),
        "m": columnar.maintenance("m").ask(streaks=people.streaks, clear_months=people.clear_months, reasons=True),
        "i": columnar.incentive("i").ask(
            remainders=Left(people.party_year, people.category_month), tranches=True, reasons=True
        ),
    }
    return columnar.evaluate(frame, as_of, questions, observed_at=observed)


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
@RUN
@given(st.integers(0, 2**48))
def test_both_engines_say_the_same(shard: int, seed: int) -> None:
    seed = seed * SHARDS + shard
    from_text = seed // SHARDS % READ_EACH == 0
    given = sample(seed, hostile=from_text)
    expected, values = decided(given)
    people = population(given.book, given.records, given.contexts)
    columnar = compile_book(given.book)
    frame = people.frame.with_columns(pl.Series("as of", given.moments, dtype=pl.Datetime("us", "UTC")))
    refused = [place for place, said in enumerate(expected) if said is None]
    if from_text:
        reading = columnar.read(frame, text=True)
        assert sorted(set(reading.errors.collect()["row"] - 1)) == refused
        frame, observed = reading.frame.collect(), people.observed_at
    else:
        # as the authority read them, with what is too old left out already
        schema = columnar.schema()
        read = [_series(name, schema[name], column) for name, column in values.items()]
        frame, observed = frame.drop(*values).filter(~pl.col("party_id").is_in(refused)).with_columns(read), {}
    as_of = given.moments[0] if len(set(given.moments)) == 1 else "as of"
    found = answers(columnar, frame, as_of, people, observed).collect(engine="streaming" if seed % 2 else "in-memory")
    assert list(found["party_id"]) == [place for place, said in enumerate(expected) if said]
    for row in found.iter_rows(named=True):
        assert differences(expected[row["party_id"]] or {}, row) == [], f"seed {seed}, record {row['party_id']}"


def _series(name: str, kind: pl.DataType, values: list[Any]) -> pl.Series:
    """Values as the authority has them as a typed column."""
    if isinstance(kind, pl.Date):
        return pl.Series(name, values, dtype=pl.Int64)  # ordinals will do
    if isinstance(kind, pl.List):
        return pl.Series(name, [None if value is None else list(value) for value in values], dtype=kind)
    return pl.Series(name, values, dtype=kind, strict=False)
