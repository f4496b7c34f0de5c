"""Everybody at once: who would stand how this month, whose bonus would be how much, who would be let in.

For finding out whom to look at with authority, and for totals; never for the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from fastbrand.domain.errors import InputError
from rules.columnar.book import ColumnarBook, Question, compile_book
from rules.columnar.record_frames import fact_columns
from rules.model import Book
from rules.records import Context, Record
from rules.values import parse_fact

Asked = tuple[Record, Context]
"""A party's facts, and where its streaks stood after last month."""

_TRACK, _CLEAR = "on track", "clear months"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a party would stand after this month; ``track`` is where the track rules see it (None: not asked)."""

    outcome: str
    cause: str | None
    bands: dict[str, str]
    streaks: dict[str, int]
    clear_months: int
    track: str | None


@dataclass(frozen=True, slots=True)
class Bonus:
    """What a party would be granted: ``outcome``, and the amount in pool units (None: it cannot be decided)."""

    outcome: str | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Screened:
    """How a party would be screened; ``track`` is where the track rules see it (None: not asked)."""

    outcome: str
    track: str | None


def standings(
    book: Book, upkeep: str, tracks: str | None, asked: Sequence[Asked], as_of: datetime
) -> list[Standing | None]:
    """The maintenance rule book ``upkeep`` about each party, and the routing rule book ``tracks``.

    None for a party whose facts the book cannot take.
    """
    compiled, bands = compile_book(book), [band.id for band in book.maintenance[upkeep].bands]
    questions: dict[str, Question] = {
        "upkeep": compiled.maintenance(upkeep).ask(streaks={band: _streak(band) for band in bands}, clear_months=_CLEAR)
    }
    if tracks is not None:
        questions["track"] = compiled.routing(tracks).ask()

    def before(contexts: Sequence[Context]) -> list[pl.Series]:
        streaks = [
            pl.Series(_streak(band), [each.streaks.get(band, 0) for each in contexts], dtype=pl.Int64) for band in bands
        ]
        return [*streaks, pl.Series(_CLEAR, [each.clear_months for each in contexts], dtype=pl.Int64)]

    def standing(row: Mapping[str, Any]) -> Standing:
        return Standing(
            outcome=row["upkeep.outcome"],
            cause=row["upkeep.cause"],
            bands={band: row[f"upkeep.level.{band}"] for band in bands},
            streaks={band: int(row[f"upkeep.streak.{band}"]) for band in bands},
            clear_months=int(row["upkeep.clear_months"]),
            track=row.get("track.outcome"),
        )

    answers = _answers(compiled, questions, asked, as_of, before)
    return [None if row is None else standing(row) for row in answers]


def bonuses(book: Book, incentive: str, asked: Sequence[Asked], as_of: datetime) -> list[Bonus | None]:
    """The incentive rule book ``incentive`` about each party, on its own track, before caps of a year or a month.

    None for a party whose facts the book cannot take.
    """
    compiled = compile_book(book)

    def on_track(contexts: Sequence[Context]) -> list[pl.Series]:
        return [pl.Series(_TRACK, [each.track for each in contexts], dtype=pl.String)]

    questions = {"": compiled.incentive(incentive).ask(track_column=_TRACK)}
    answers = _answers(compiled, questions, asked, as_of, on_track)
    return [None if row is None else Bonus(row["outcome"], row["amount"]) for row in answers]


def screenings(
    book: Book, eligibility: str, tracks: str | None, records: Sequence[Record], as_of: datetime
) -> list[Screened | None]:
    """The eligibility rule book ``eligibility`` about each record, and the routing rule book ``tracks``.

    None for a party whose facts the book cannot take.
    """
    compiled = compile_book(book)
    questions: dict[str, Question] = {"screening": compiled.eligibility(eligibility).ask()}
    if tracks is not None:
        questions["track"] = compiled.routing(tracks).ask()
    answers = _answers(compiled, questions, [(record, Context()) for record in records], as_of, lambda _: [])
    return [None if row is None else Screened(row["screening.outcome"], row.get("track.outcome")) for row in answers]


def _answers(
    compiled: ColumnarBook,
    questions: Mapping[str, Question],
    asked: Sequence[Asked],
    as_of: datetime,
    more: Callable[[Sequence[Context]], list[pl.Series]],
) -> list[Mapping[str, Any] | None]:
    """What is said of each party in one pass over those whose facts the book can take; None for the others.

    ``more``: columns besides the facts, of the contexts of those who are asked about.
    """
    whole = [place for place, (record, _) in enumerate(asked) if _taken(compiled.book, record)]
    found: list[Mapping[str, Any] | None] = [None] * len(asked)
    if not whole:
        return found
    columns, observed_at = fact_columns(compiled.book, [asked[place][0] for place in whole])
    party = pl.Series("party_id", [asked[place][0].party for place in whole], dtype=pl.String)
    frame = pl.DataFrame([party, *columns, *more([asked[place][1] for place in whole])])
    answers = compiled.evaluate(frame, as_of, questions, observed_at=observed_at, keep=[]).collect()
    for place, row in zip(whole, answers.iter_rows(named=True), strict=True):
        found[place] = row
    return found


def _taken(book: Book, record: Record) -> bool:
    """Whether the book can take all facts of the record: a value may be out of a range that a newer book draws."""
    try:
        for name, seen in record.facts.items():
            fact = book.facts.get(name)
            if fact is not None and fact.derivation is None and seen.text is not None:
                parse_fact(fact, seen.text)
    except InputError:
        return False
    return True


def _streak(band: str) -> str:
    return f"{band} streak"
