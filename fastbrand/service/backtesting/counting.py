"""What both books say about a batch, as columns, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from fastbrand.service.backtesting.populations import AS_OF, PARTY, ROW, Batch
from rules.backtesting import SIDES, Side, Tally, Trial
from rules.backtesting.tally import APPROVED, NO_CATEGORY, REFUSED, Account, grants_a_year, histogram_over
from rules.columnar import ColumnarBook, compile_book
from rules.columnar.situation import Situation

SYSTEM, FALLBACK_QUEUE = "system", "vetting"
_UNITS = pl.Int64()


@dataclass(frozen=True, slots=True)
class Asked:
    """Both books compiled for one track."""

    trials: Mapping[Side, Trial]
    books: Mapping[Side, ColumnarBook]

    @classmethod
    def of(cls, trials: Mapping[Side, Trial]) -> Asked:
        """Compile ``trials``."""
        return cls(trials, {side: compile_book(trial.undated) for side, trial in trials.items()})


def answers(asked: Asked, batch: Batch) -> pl.DataFrame:
    """A row a record: ``ROW``, ``PARTY``, ``AS_OF`` where it is a column, and for each side (``live outcome`` …)
    ``outcome``, ``queue``, ``route`` (approved, refused, or the queue of a person), ``verdict.C``, ``score.S``,
    ``amount`` and ``year`` (pool units; null: cannot be decided), ``capped``, ``category``, ``tier``."""
    kept = [ROW, PARTY] + ([AS_OF] if batch.as_of == AS_OF else [])
    parts = [batch.frames["candidate"].select(kept)]
    for side in SIDES:
        parts.append(_of_side(asked.books[side], asked.trials[side], batch, side))
    return pl.concat(parts, how="horizontal")


def _of_side(book: ColumnarBook, trial: Trial, batch: Batch, side: Side) -> pl.DataFrame:
    name = trial.eligibility.head.name
    questions: dict[str, Any] = {
        "s": book.eligibility(name).ask(),
        "q": book.routing(trial.queue.head.name).ask(screening=name),
        "x": lambda situation: _basis(trial, situation),
    }
    if trial.tracks is not None:
        questions["t"] = book.routing(trial.tracks.head.name).ask()
    if trial.incentive is not None:
        questions["b"] = book.incentive(trial.incentive.head.name).ask(track=trial.track)
    frame = batch.frames[side]
    found = book.evaluate(frame, batch.as_of, questions, observed_at=batch.observed_at, keep=[])
    outcome, queue = pl.col("s.outcome").cast(pl.String), pl.col("q.outcome").cast(pl.String)
    columns = {"outcome": outcome, "queue": queue, "route": _route(trial, outcome, queue)}
    for column in found.collect_schema().names():
        if column.startswith(("s.verdict.", "s.score.")):
            columns[column.removeprefix("s.")] = pl.col(column)
    columns |= _bonus(trial)
    return found.select(expr.alias(f"{side} {column}") for column, expr in columns.items()).collect()


def _route(trial: Trial, outcome: pl.Expr, queue: pl.Expr) -> pl.Expr:
    """Where a record goes: as the lifecycle sends it. Off the track that it applied for, only a person approves."""
    by_system = queue == SYSTEM
    on_track = pl.lit(True) if trial.tracks is None else pl.col("t.outcome").cast(pl.String) == trial.track
    return (
        pl.when(by_system & (outcome == "eligible") & on_track)
        .then(pl.lit(APPROVED))
        .when(by_system & (outcome == "ineligible"))
        .then(pl.lit(REFUSED))
        .when(by_system)
        .then(pl.lit(FALLBACK_QUEUE))
        .otherwise(queue)
    )


def _basis(trial: Trial, situation: Situation) -> dict[str, pl.Expr]:
    """What a bonus is told apart by: the tier that its base reaches, and the category."""
    found = {"category": pl.lit(None, dtype=pl.String), "tier": pl.lit(None, dtype=pl.Int32)}
    by = category_fact(trial)
    if by is not None:
        found["category"] = situation.value(by).cast(pl.String)
    if trial.incentive is not None:
        base = situation.number(trial.incentive.base_fact).expr
        floors = [tier.up_to for tier in trial.incentive.tiers[:-1] if tier.up_to is not None]
        found["tier"] = 1 + sum(((base > floor).cast(pl.Int32) for floor in floors), pl.lit(0, dtype=pl.Int32))
    return found


def category_fact(trial: Trial) -> str | None:
    """The choice fact by which bonuses are told apart: what the cap goes by, else ``category`` where there is one."""
    table = None if trial.incentive is None else trial.incentive.caps.category_per_month
    if table is not None:
        return table.by
    fact = trial.book.facts.get("category")
    return "category" if fact is not None and fact.type == "choice" else None


def _bonus(trial: Trial) -> dict[str, pl.Expr]:
    category, tier = pl.col("x.category"), pl.col("x.tier")
    if trial.incentive is None:
        nothing = pl.lit(0, dtype=_UNITS)
        return {
            "amount": nothing,
            "year": nothing,
            "capped": pl.lit(None, dtype=pl.String),
            "category": category,
            "tier": tier,
        }
    amount = pl.col("b.amount")
    cap = trial.incentive.caps.party_per_year
    year = amount * grants_a_year(trial.incentive)
    return {
        "amount": amount,
        "year": year if cap is None else pl.min_horizontal(year, pl.lit(cap, dtype=_UNITS)),
        "capped": pl.col("b.capped_by").cast(pl.String),
        "category": category,
        "tier": tier,
    }


# --- counting -----------------------------------------------------------------------------------------------------


def count(tally: Tally, said: pl.DataFrame, trials: Mapping[Side, Trial]) -> None:
    """Add what was said about a batch to ``tally``."""
    tally.records += said.height
    outcomes = [f"{side} outcome" for side in SIDES]
    for old, new, number in said.group_by(outcomes).len().iter_rows():
        tally.matrix[old, new] += number
    for side in SIDES:
        _count_side(tally.sides[side], said, trials, side)
    amounts = {side: pl.col(f"{side} amount").fill_null(0) for side in SIDES}
    eligible = {side: pl.col(f"{side} outcome") == "eligible" for side in SIDES}
    changed = said.select(
        admitted=_sum(amounts["live"], eligible["candidate"]) - _sum(amounts["live"], eligible["live"]),
        repriced=_sum(amounts["candidate"] - amounts["live"], eligible["candidate"]),
    )
    admitted, repriced = changed.row(0)
    tally.admitted += admitted
    tally.repriced += repriced


def _count_side(account: Account, said: pl.DataFrame, trials: Mapping[Side, Trial], side: Side) -> None:
    trial = trials[side]
    for outcome, number in _counted(said, f"{side} outcome"):
        account.outcomes[outcome] += number
    for route, number in _counted(said, f"{side} route"):
        account.funnel[route] += number
    criteria = [each.id for each in trial.eligibility.criteria]
    for counter, verdict in ((account.failed, "fail"), (account.unknown, "unknown")):
        found = said.select((pl.col(f"{side} verdict.{name}") == verdict).sum().alias(name) for name in criteria)
        counter.update(found.row(0, named=True) if criteria else {})
    _count_scores(account, said, trials, side)
    account.undecided += said[f"{side} amount"].null_count()
    paying = "" if trial.incentive is None else trial.incentive.head.name
    granted = said.filter(pl.col(f"{side} amount") > 0)
    eligible = granted.filter(pl.col(f"{side} outcome") == "eligible")
    for category, *sums in _summed(eligible, f"{side} category", side):
        account.granted(trial.track, category or NO_CATEGORY).add(*sums)
    for tier, *sums in _summed(eligible, f"{side} tier", side):
        account.tier(paying, tier).add(*sums)
    for capped, number in _counted(eligible.drop_nulls(f"{side} capped"), f"{side} capped"):
        account.capped[capped] += number
    referred = granted.filter(pl.col(f"{side} outcome") == "refer")
    units = referred.select(_wide(pl.col(f"{side} {name}")).sum() for name in ("amount", "year"))
    account.referred.add(referred.height, *units.row(0))


def _count_scores(account: Account, said: pl.DataFrame, trials: Mapping[Side, Trial], side: Side) -> None:
    for name, score in trials[side].eligibility.scores.items():
        histogram = account.scores.get(name)
        if histogram is None:
            both = [(each.eligibility.scores.get(name), each.book.facts) for each in trials.values()]
            histogram = account.scores[name] = histogram_over([(one, facts) for one, facts in both if one is not None])
        value = said[f"{side} score.{name}"] * 10 ** (histogram.decimals - score.decimals)
        known = value.drop_nulls()
        histogram.unknown += value.null_count()
        histogram.known += len(known)
        histogram.total += int(known.sum())
        place = ((known - histogram.low) // histogram.width).clip(0, len(histogram.counts) - 1)
        for bucket, number in place.value_counts().iter_rows():
            histogram.counts[bucket] += number


def _counted(said: pl.DataFrame, column: str) -> Iterator[tuple[str, int]]:
    yield from said.group_by(column).len().iter_rows()


def _summed(said: pl.DataFrame, by: str, side: Side) -> Iterator[tuple[Any, int, int, int]]:
    """(value of ``by``), grants, units of a period, units of a year."""
    units = [_wide(pl.col(f"{side} {name}")).sum() for name in ("amount", "year")]
    sums = said.group_by(by).agg(pl.len(), *units)
    yield from sums.iter_rows()


def _sum(amount: pl.Expr, where: pl.Expr) -> pl.Expr:
    return _wide(amount).filter(where).sum()


def _wide(units: pl.Expr) -> pl.Expr:
    """So that sums cannot wrap."""
    return units.cast(pl.Int128)


def flipped(said: pl.DataFrame) -> pl.DataFrame:
    """The rows whose outcome differs."""
    return said.filter(pl.col("live outcome") != pl.col("candidate outcome"))
