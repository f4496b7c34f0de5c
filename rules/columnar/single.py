"""What the engine for populations says about one record: a second opinion on what the authoritative engine decided."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from rules.columnar.book import Question, compile_book
from rules.columnar.record_frames import fact_columns
from rules.model import Book
from rules.records import Record


def outcome_of(book: Book, rulebook: str, record: Record, at: datetime) -> str:
    """The outcome of an eligibility rule book. Raises ``InputError`` where the record cannot be taken."""
    return str(_told(book, compile_book(book).eligibility(rulebook).ask(), record, at)["outcome"].item())


def amount_of(book: Book, rulebook: str, record: Record, at: datetime, track: str) -> int:
    """The amount, in pool units, of an incentive rule book on ``track``. Raises as ``outcome_of``."""
    return int(_told(book, compile_book(book).incentive(rulebook).ask(track=track), record, at)["amount"].item())


def _told(book: Book, question: Question, record: Record, at: datetime) -> pl.DataFrame:
    columns, observed_at = fact_columns(book, [record])
    frame = pl.DataFrame([pl.Series("party_id", [record.party]), *columns])
    return compile_book(book).evaluate(frame, at, {"": question}, observed_at=observed_at).collect()
