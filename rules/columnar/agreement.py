"""Decisions of the authoritative engine held against what the columnar one says about the same parties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import FastbrandError
from rules.columnar.book import ColumnarBook, compile_book
from rules.columnar.incentive import Left
from rules.columnar.record_frames import UTC, fact_columns
from rules.model import Book
from rules.records import Context, Record

# no fact is called by any of these: names of facts have no spaces
_AS_OF, _TRACK, _CLEAR = "as of", "on track", "clear months"
_LEFT = Left("party year", "category month")


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and what it was made from; the screening of a routing book is made again from the record."""

    decision: Decision
    record: Record
    context: Context
    as_of: datetime


def disagreements(book: Book, decided: Sequence[Decided]) -> Iterator[tuple[int, list[str]]]:
    """(place, what the columnar engine says otherwise, in words) for each decision that it does not give as well."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(decided):
        groups.setdefault((one.decision.rulebook, _screening(book, one)), []).append(place)
    compiled = compile_book(book)
    for (rulebook, screening), places in groups.items():
        some = [decided[place] for place in places]
        try:
            answers = _answers(compiled, rulebook, screening, some)
        except FastbrandError as error:
            answers = [{"error": error.message}] * len(some)
        for place, one, answer in zip(places, some, answers, strict=True):
            different = _different(_told(one.decision, book), answer)
            if different:
                yield place, different


def _screening(book: Book, one: Decided) -> str:
    """The eligibility rule book whose decision a routing book sees; empty where it sees none."""
    routing = book.routing.get(one.decision.rulebook)
    if routing is None or routing.decides == "track":
        return ""
    return next((name for name, each in book.eligibility.items() if one.context.track in each.head.parties), "")


def _answers(compiled: ColumnarBook, name: str, screening: str, decided: Sequence[Decided]) -> list[dict[str, Any]]:
    book = compiled.book
    frame, observed_at = _frame(book, decided)
    if name in book.eligibility:
        question = compiled.eligibility(name).ask(reasons=True)
    elif name in book.routing:
        question = compiled.routing(name).ask(screening=screening or None)
    elif name in book.maintenance:
        streaks = {band.id: _streak(band.id) for band in book.maintenance[name].bands}
        question = compiled.maintenance(name).ask(streaks=streaks, clear_months=_CLEAR, reasons=True)
    else:
        question = compiled.incentive(name).ask(track_column=_TRACK, remainders=_LEFT, tranches=True, reasons=True)
    answer = compiled.evaluate(frame, _AS_OF, {"": question}, observed_at=observed_at, keep=[])
    return answer.collect().to_dicts()


def _frame(book: Book, decided: Sequence[Decided]) -> tuple[pl.DataFrame, Mapping[str, str]]:
    """The records as a typed frame, and which column says when a fact was observed."""
    columns = [
        pl.Series(_AS_OF, [one.as_of for one in decided], dtype=UTC),
        pl.Series(_TRACK, [one.context.track for one in decided], dtype=pl.String),
        pl.Series(_CLEAR, [one.context.clear_months for one in decided], dtype=pl.Int64),
        pl.Series("party year", [one.context.remainders.party_year for one in decided], dtype=pl.Int64),
        pl.Series("category month", [one.context.remainders.category_month for one in decided], dtype=pl.Int64),
    ]
    for upkeep in book.maintenance.values():
        if upkeep.head.name == decided[0].decision.rulebook:
            columns += [
                pl.Series(_streak(band.id), [one.context.streaks.get(band.id, 0) for one in decided], dtype=pl.Int64)
                for band in upkeep.bands
            ]
    facts, observed_at = fact_columns(book, [one.record for one in decided])
    return pl.DataFrame([*columns, *facts]), observed_at


def _streak(band: str) -> str:
    return f"{band} streak"


def _told(decision: Decision, book: Book) -> dict[str, Any]:
    """What the columns must say."""
    result = decision.result
    row = next((step["row"] for step in decision.steps if step["step"] == "row" and step["holds"]), None)
    told: dict[str, Any] = {"outcome": decision.outcome}
    if row is not None:
        told["row"] = row
    if decision.kind == "routing":
        return told
    told["reasons"] = list(decision.reasons)
    if decision.kind == "maintenance":
        told |= {f"level.{band}": level for band, level in result["bands"].items()}
        told |= {f"streak.{band}": streak for band, streak in result["streaks"].items()}
        return {**told, "cause": result.get("cause"), "clear_months": result["clear_months"]}
    told |= {f"verdict.{finding.criterion}": finding.verdict for finding in decision.findings}
    if decision.kind == "eligibility":
        scores = book.eligibility[decision.rulebook].scores
        for score in decision.scores:
            scale = 10 ** scores[score.score].decimals
            told[f"score.{score.score}"] = None if score.value is None else int(Decimal(score.value) * scale)
        return told
    tranches = {tranche["no"]: tranche["amount"] for tranche in result["tranches"]}
    numbers = range(1, len(book.incentive[decision.rulebook].tranches) + 1)
    told |= {f"tranche.{number}": tranches.get(number) for number in numbers}
    return told | {key: result[key] for key in ("amount", "uncapped", "capped_by", "confirm", "pool")}


def _different(told: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    """Where an answer differs, in words."""
    if "error" in answer:
        return [str(answer["error"])]
    return [
        f"{name} is {answer.get(name)!r} and not {value!r}"
        for name, value in told.items()
        if name not in answer or answer[name] != value
    ]
