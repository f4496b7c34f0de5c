"""Which records are asked about again: spread evenly over the population, the same ones every time."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from fastbrand.service.backtesting.populations import AS_OF, PARTY, ROW, Batch
from rules.backtesting import Claim, Said, Side, Trial
from rules.backtesting.confirming import Answer
from rules.model import Book
from rules.records import Observed, Record
from rules.values import to_text

_GOLDEN = 2_654_435_761  # over 2^32 it is the golden ratio: its multiples are spread more evenly than chance
_RING = 2**32


class Sample:
    """At most ``size`` records of a population of any size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[tuple[int, int, Claim]] = []  # a heap: the one to go first on top

    def wanted(self, rows: pl.Series) -> list[int]:
        """Those of ``rows`` (places in the population) that are to be kept, were nothing else to come."""
        if self._size == 0 or rows.is_empty():
            return []
        turns = pl.DataFrame({ROW: rows}).with_columns(turn=_turn(pl.col(ROW)))
        if len(self._kept) == self._size:
            turns = turns.filter(pl.col("turn") < -self._kept[0][0])
        return turns.bottom_k(self._size, by="turn")[ROW].to_list()

    def keep(self, claim: Claim) -> None:
        """Keep one, in place of the one whose turn is last where there are enough."""
        item = (-(claim.row * _GOLDEN % _RING), claim.row, claim)
        if len(self._kept) < self._size:
            heapq.heappush(self._kept, item)
        else:
            heapq.heappushpop(self._kept, item)

    def claims(self) -> list[Claim]:
        """What was kept, in the order of the population."""
        return sorted((claim for _, _, claim in self._kept), key=lambda claim: claim.row)


def _turn(row: pl.Expr) -> pl.Expr:
    """When a row's turn is; 64 bits hold the product for three thousand million rows."""
    return row.cast(pl.Int64) * _GOLDEN % _RING


def said_by(row: dict[str, Any], side: Side, trial: Trial) -> Said:
    """What one book said, of a row of ``counting.answers``."""
    return Said(
        row[f"{side} outcome"],
        {each.id: row[f"{side} verdict.{each.id}"] for each in trial.eligibility.criteria},
        {name: row[f"{side} score.{name}"] for name in trial.eligibility.scores},
    )


def claim_of(
    place: int, row: dict[str, Any], batch: Batch, trials: dict[Side, Trial], causes: Sequence[str] = ()
) -> Claim:
    """What was said about the record at ``place`` of ``batch``, and the record as each book reads it."""
    as_of = batch.as_of if isinstance(batch.as_of, datetime) else row[AS_OF]
    answers = {
        side: Answer(
            said=said_by(row, side, trial),
            queue=row[f"{side} queue"],
            bonus=row[f"{side} amount"] if trial.incentive is not None else None,
            pays=trial.incentive is not None,
        )
        for side, trial in trials.items()
    }
    records: dict[Side, Record] = {"candidate": record_of(batch, place, "candidate", trials["candidate"].book)}
    same = batch.frames["live"] is batch.frames["candidate"]  # one vocabulary, one record
    records["live"] = records["candidate"] if same else record_of(batch, place, "live", trials["live"].book)
    return Claim(row[ROW], row[PARTY], batch.track, as_of, records, answers, tuple(causes))


def record_of(batch: Batch, place: int, side: Side, book: Book) -> Record:
    """A row of a typed frame as the authoritative engine is given it."""
    row = batch.frames[side].row(place, named=True)
    facts = {}
    for name, fact in book.facts.items():
        cell = row.get(name)
        if cell is None or fact.derivation is not None:
            continue
        text = to_text(fact, _stored(cell))
        column = batch.observed_at if isinstance(batch.observed_at, str) else (batch.observed_at or {}).get(name)
        facts[name] = Observed(text, None if column is None else row[column])
    return Record(row[PARTY], facts)


def _stored(cell: Any) -> Any:
    """A cell of a typed frame as the evaluator has it."""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, date):
        return cell.toordinal()
    return tuple(cell) if isinstance(cell, list) else cell
