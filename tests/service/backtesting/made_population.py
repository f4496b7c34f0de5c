"""Many sellers as a Parquet file of facts: those of the sample, over and over."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from fastbrand.service.sample import generate
from rules.model import Book, FactDef

_SELLERS = 1_500
_TYPES: dict[str, Any] = {"flag": pl.Boolean, "count": pl.Int64, "choices": pl.List(pl.String), "date": pl.Date}


def frame(book: Book, sellers: int = _SELLERS, *, track: str = "M", seed: int = 5) -> pl.DataFrame:
    """The sellers of a sample who are on ``track``, in facts-file columns as a Parquet file has them."""
    made = generate(sellers, seed, book.facts, today=date(2022, 8, 17))
    rows = [each for each in made if each.track == track]
    columns = [pl.Series("party_id", [each.party_id for each in rows])]
    for fact in book.facts.values():
        if fact.derivation is None:
            cells = [_cell(fact, each.facts.get(fact.name)) for each in rows]
            kind = pl.Float64 if fact.type in ("ratio", "score", "money", "duration") else pl.String
            columns.append(pl.Series(fact.name, cells, dtype=_TYPES.get(fact.type, kind)))
    return pl.DataFrame(columns)


def write(path: Path, book: Book, rows: int, *, row_group: int = 100_000) -> Path:
    """``rows`` sellers: those of the sample again and again, each time under another id."""
    once = frame(book)
    times = -(-rows // once.height)
    again = pl.LazyFrame({"again": pl.int_range(times, eager=True)}).join(once.lazy(), how="cross").head(rows)
    named = again.with_columns(pl.format("{}-{}", "party_id", "again").alias("party_id")).drop("again")
    named.sink_parquet(path, row_group_size=row_group)
    return path


def _cell(fact: FactDef, text: str | None) -> Any:
    if text is None:
        return None
    match fact.type:
        case "flag":
            return text == "true"
        case "choices":
            return [code for code in text.split("|") if code]
        case "date":
            return date.fromisoformat(text)
        case "count":
            return int(text)
        case "ratio" | "score" | "money" | "duration":
            return float(Decimal(text))
        case _:
            return text
