"""The policy of the benchmark in Polars, for populations, as somebody would write it who needs this one policy only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_
from typing import Any

import polars as pl

from benchmarks.rules_parties import Party
from benchmarks.rules_policy import Choose, Every, Piece, Policy, Test, Tree
from rules.model import Book

_TYPES = {"choice": pl.String(), "flag": pl.Boolean()}
_NAMES = pl.Enum(["fail", "unknown", "pass", "not_applicable"])


def frame(book: Book, parties: Sequence[Party], times: int = 1) -> pl.DataFrame:
    """The parties as columns of stored values, so many times over; what is not known is null."""
    types = {name: _TYPES.get(fact.type, pl.Int64()) for name, fact in book.facts.items()}
    rows = [party.plain for party in parties]
    found = pl.DataFrame({name: [row.get(name) for row in rows] for name in types}, schema=types)
    return pl.concat([found] * times).rechunk().with_columns(pl.int_range(pl.len()).alias("party_id"))


def query(policy: Policy, parties: pl.LazyFrame) -> pl.LazyFrame:
    """A verdict a criterion, the score and the outcome. Comparisons with null are null, and ``&`` and ``|`` heed it."""
    met = {rule.id: _tree(rule.require) for rule in policy.rules}
    applies = {rule.id: _tree(rule.when) for rule in policy.rules if rule.when is not None}
    verdicts = [_verdict(met[rule.id], applies.get(rule.id)).alias(rule.id) for rule in policy.rules]
    score = reduce(lambda one, other: one + other, (_part(*part) for part in policy.score.parts.items()))
    told = parties.select("party_id", *verdicts, (score // policy.score.divisor).alias("score"))
    rejected = pl.any_horizontal(
        *(pl.col(rule.id) == "fail" for rule in policy.rules if rule.otherwise == "reject"),
        *(pl.col(rule.id) == "unknown" for rule in policy.rules if rule.unknown == "reject"),
    )
    referred = pl.any_horizontal(
        *(pl.col(rule.id) == "fail" for rule in policy.rules if rule.otherwise == "refer"),
        *(pl.col(rule.id) == "unknown" for rule in policy.rules if rule.unknown == "refer"),
    )
    outcome = (
        pl.when(rejected).then(pl.lit("ineligible"))
        .when(~referred & (pl.col("score") >= policy.score.least)).then(pl.lit("eligible"))
        .otherwise(pl.lit("refer"))
    )  # fmt: skip
    return told.with_columns(outcome.alias("outcome"))


def _verdict(met: pl.Expr, applies: pl.Expr | None) -> pl.Expr:
    known = pl.when(met).then(pl.lit("pass", _NAMES)).when(~met).then(pl.lit("fail", _NAMES))
    found = known.otherwise(pl.lit("unknown", _NAMES))
    if applies is None:
        return found
    not_applicable = pl.when(~applies).then(pl.lit("not_applicable", _NAMES))
    return not_applicable.when(applies).then(found).otherwise(pl.lit("unknown", _NAMES))


def _tree(tree: Tree) -> pl.Expr:
    if isinstance(tree, Test):
        return _test(tree)
    return reduce(and_ if isinstance(tree, Every) else or_, map(_tree, tree.trees))


def _test(test: Test) -> pl.Expr:
    value, operand = pl.col(test.fact), test.operand
    if isinstance(operand, Choose):
        by = pl.col(operand.by)
        chosen: Any = pl.when(by.is_null()).then(None)
        for code, number in operand.rows.items():
            chosen = chosen.when(by == code).then(number)
        operand = chosen.otherwise(operand.default)
    found: pl.Expr
    match test.op:
        case "is":
            found = value == operand
        case "is_not":
            found = value != operand
        case "at_least":
            found = value >= operand
        case "at_most":
            found = value <= operand
        case "more_than":
            found = value > operand
        case "less_than":
            found = value < operand
        case "between":
            found = value.is_between(*operand)
        case "one_of":
            found = value.is_in(list(operand))
        case "none_of":
            found = ~value.is_in(list(operand))
        case other:
            raise ValueError(other)
    if test.sample is None:
        return found
    fact, least = test.sample
    return pl.when(pl.col(fact) >= least).then(found)


def _part(fact: str, pieces: Sequence[Piece]) -> pl.Expr:
    value = pl.col(fact)
    *bounded, last = pieces
    chosen: Any = pl.when(value.is_null()).then(None)
    for piece in bounded:
        chosen = chosen.when(value <= piece.end).then(value * piece.slope + piece.offset)
    told: pl.Expr = chosen.otherwise(value * last.slope + last.offset)
    return told
