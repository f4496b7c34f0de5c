"""What both engines are compared by: records as a frame of facts-file columns, and a decision as a row of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from fastbrand.domain.decision import Decision
from rules.model import Book
from rules.records import Context, Record

UTC = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Population:
    """Records as a frame: texts of facts, when they were observed, and what the contexts say."""

    frame: pl.DataFrame
    observed_at: dict[str, str]
    streaks: dict[str, str] = field(default_factory=dict)
    clear_months: str = "clear months"
    party_year: str = "party year"
    category_month: str = "category month"


def population(book: Book, records: Sequence[Record], contexts: Sequence[Context] = ()) -> Population:
    """``records`` as they would stand in a CSV file; the column ``party_id`` has their places."""
    names = [name for name, fact in book.facts.items() if fact.derivation is None]
    columns = [pl.Series("party_id", range(len(records)), dtype=pl.Int64)]
    observed_at = {}
    for name in names:
        given = [record.facts.get(name) for record in records]
        columns.append(pl.Series(name, [None if one is None else one.text for one in given], dtype=pl.String))
        moments = [None if one is None else one.observed_at for one in given]
        if any(moment is not None for moment in moments):
            observed_at[name] = f"{name} observed at"
            columns.append(pl.Series(observed_at[name], moments, dtype=UTC))
    bands = {band.id for upkeep in book.maintenance.values() for band in upkeep.bands}
    streaks = {band: f"{band} streak" for band in sorted(bands)}
    for band, column in streaks.items():
        columns.append(pl.Series(column, [context.streaks.get(band) for context in contexts], dtype=pl.Int64))
    found = Population(pl.DataFrame(), observed_at, streaks)
    for column, values in (
        (found.clear_months, [context.clear_months for context in contexts]),
        (found.party_year, [context.remainders.party_year for context in contexts]),
        (found.category_month, [context.remainders.category_month for context in contexts]),
    ):
        columns.append(pl.Series(column, values, dtype=pl.Int64))
    whole = [column for column in columns if len(column) == len(records)]
    return Population(pl.DataFrame(whole), observed_at, streaks if contexts else {})


def told(decision: Decision, book: Book) -> dict[str, Any]:
    """The columns that must say what ``decision`` says."""
    row = next((step["row"] for step in decision.steps if step["step"] == "row" and step["holds"]), None)
    found: dict[str, Any] = {"outcome": decision.outcome}
    found |= {} if row is None else {"row": row}
    match decision.kind:
        case "eligibility":
            found |= _verdicts(decision)
            scores = book.eligibility[decision.rulebook].scores
            for score in decision.scores:
                scale = 10 ** scores[score.score].decimals
                found[f"score.{score.score}"] = None if score.value is None else int(Decimal(score.value) * scale)
            found["reasons"] = list(decision.reasons)
        case "maintenance":
            result = decision.result
            found |= {f"level.{band}": level for band, level in result["bands"].items()}
            found |= {f"streak.{band}": streak for band, streak in result["streaks"].items()}
            found |= {"cause": result.get("cause"), "clear_months": result["clear_months"]}
            found["reasons"] = list(decision.reasons)
        case "incentive":
            found |= _verdicts(decision)
            found |= {key: decision.result[key] for key in ("amount", "uncapped", "capped_by", "confirm", "pool")}
            beyond, base = decision.result["next_tier"], {reason["criterion"] for reason in decision.reasons}
            last = len(book.incentive[decision.rulebook].tiers)
            found["tier"] = None if "base_unknown" in base else last if beyond is None else beyond["n"] - 1
            tranches = {tranche["no"]: tranche["amount"] for tranche in decision.result["tranches"]}
            numbers = range(1, len(book.incentive[decision.rulebook].tranches) + 1)
            found |= {f"tranche.{number}": tranches.get(number) for number in numbers}
            found["reasons"] = list(decision.reasons)
    return found


def differences(expected: Mapping[str, Any], row: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Where a row of the answer does not say what is expected."""
    return [
        f"{prefix}{name}: {row.get(prefix + name)!r} instead of {value!r}"
        for name, value in expected.items()
        if prefix + name not in row or row[prefix + name] != value
    ]


def _verdicts(decision: Decision) -> dict[str, str]:
    return {f"verdict.{finding.criterion}": finding.verdict for finding in decision.findings}
