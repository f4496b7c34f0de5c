"""Bonus amounts as columns: gates, marginal tiers, a trust multiplier, one floor, caps and tranches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fastbrand.domain.errors import EngineFault, InputError
from fastbrand.domain.grant import PPB
from rules.columnar import bounds
from rules.columnar.bounds import Num, TooWide
from rules.columnar.criteria import REASON, Judged, judge, reason, reasons
from rules.columnar.curves import of_curve, of_tiers
from rules.columnar.kinds import Outputs
from rules.columnar.situation import Situation
from rules.model import Book, Incentive, Table
from rules.situation import LARGEST

CAPS = pl.Enum(["single_grant", "party_per_year", "category_per_month"])
OUTCOMES = pl.Enum(["no_grant", "grant"])
_UNITS = pl.Int64()
_PLACE = pl.UInt16()
_BEYOND = LARGEST + 1


@dataclass(frozen=True, slots=True)
class Left:
    """What caps still leave, in pool units: a number for all, a column's name, or None for no such limit."""

    party_year: int | str | None = None
    category_month: int | str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an incentive rule book is asked with. ``score`` is the multiplier's with its decimals, ``pool`` a column;
    ``in_force``: false where nothing can be decided (None: everywhere something can)."""

    score: Num
    decimals: int
    pool: pl.Expr
    left: Left = field(default_factory=Left)
    in_force: pl.Expr | None = None


class IncentiveColumns:
    """An incentive rule book, compiled."""

    def __init__(self, rulebook: Incentive, book: Book) -> None:
        self.rulebook = rulebook
        base = book.facts[rulebook.base_fact]
        self._tiers = of_tiers(rulebook.tiers, 10**base.decimals if base.type == "money" else 1)

    def outputs(self, situation: Situation, asked: Asked, *, with_reasons: bool, with_tranches: bool) -> Outputs:
        """What ``IncentiveQuestions.ask`` promises. The outcome is null where the bonus is beyond 2^53, which the
        engine for one party calls a fault."""
        stages = situation.stages
        gates = [judge(gate, situation) for gate in self.rulebook.gates]
        base = situation.number(self.rulebook.base_fact)
        category = self._category(situation)
        needed = [base.expr.is_not_null(), asked.score.expr.is_not_null()]
        needed += [] if category is None else [category.is_not_null()]
        open_ = stages.put(object(), pl.all_horizontal([*(gate.met.fill_null(False) for gate in gates), *needed]))
        exact = self._uncapped(base, asked.score, asked.decimals)
        uncapped = Num(stages.put(object(), pl.when(open_).then(exact.expr)), exact.low, exact.high)
        caps = self._caps(situation, category, asked.left)
        least = stages.put(object(), _least([uncapped.expr, *caps.values()]))
        decided = _both(asked.in_force, uncapped.expr <= LARGEST if uncapped.high > LARGEST else None)
        amount = stages.put(object(), _where(decided, least.fill_null(0)))
        capped_by = _where(decided, _first_least(uncapped.expr, least, caps))
        granted = amount > 0
        kinds = [pl.lit(word, dtype=OUTCOMES) for word in ("grant", "no_grant")]
        outcome = pl.when(granted).then(kinds[0]).when(amount.is_not_null()).then(kinds[1])
        found = {
            "outcome": outcome,
            "amount": amount,
            "uncapped": _where(decided, uncapped.expr),
            "capped_by": capped_by,
            "confirm": granted & self._confirm(amount),
            "pool": asked.pool,
            "tier": self._tier(base.expr),
            "score": asked.score.expr,
        }
        found |= {f"verdict.{gate.criterion.id}": gate.verdict for gate in gates}
        if with_tranches:
            found |= self._tranches(amount)
        if with_reasons:
            zero = pl.when(open_ & (amount == 0)).then(capped_by.cast(pl.String).fill_null("zero"))
            found["reasons"] = self._reasons(gates, base.expr, asked.score.expr, category, zero)
        return found

    def _category(self, situation: Situation) -> pl.Expr | None:
        table = self.rulebook.caps.category_per_month
        return None if table is None else situation.value(table.by)

    def _uncapped(self, base: Num, score: Num, decimals: int) -> Num:
        """Base units times multiplier, floored once; what is beyond 2^53 is some number beyond it."""
        curve = of_curve(self.rulebook.multiplier_curve, 10**decimals)
        divisor = self._tiers.denominator * curve.denominator
        try:
            found = bounds.floored(bounds.product(self._tiers.of(base), curve.of(score)), divisor)
            if found.wide and found.high > LARGEST:
                capped = pl.min_horizontal(found.expr, bounds.literal(_BEYOND, wide=True))
                found = Num(pl.when(found.expr.is_not_null()).then(capped), found.low, _BEYOND, wide=True)
            return bounds.narrowed(found)
        except TooWide:
            tiers = self._tiers

            def compute(amount: int, points: int) -> int:
                return min(_BEYOND, tiers.numerator(amount) * curve.numerator(points) // divisor)

            return Num(bounds.exactly([base.expr, score.expr], compute), 0, _BEYOND)

    def _caps(self, situation: Situation, category: pl.Expr | None, left: Left) -> dict[str, pl.Expr]:
        """What each cap of the book still leaves, in the order in which they are named."""
        caps = self.rulebook.caps
        found: dict[str, pl.Expr] = {}
        if caps.single_grant is not None:
            found["single_grant"] = pl.lit(caps.single_grant, dtype=_UNITS)
        if caps.party_per_year is not None:
            cap = pl.lit(caps.party_per_year, dtype=_UNITS)
            found["party_per_year"] = _remaining(situation, cap, left.party_year)
        if caps.category_per_month is not None and category is not None:
            cap = _cap_of(situation, caps.category_per_month, category)
            found["category_per_month"] = _remaining(situation, cap, left.category_month)
        return found

    def _tier(self, base: pl.Expr) -> pl.Expr:
        """The last tier that the base reaches, from 1; 0 where it reaches none, null where it is unknown."""
        begins = [0, *(tier.up_to for tier in self.rulebook.tiers[:-1] if tier.up_to is not None)]
        found: pl.Expr = pl.when(base.is_not_null()).then(pl.lit(0, dtype=_PLACE))
        for number, begin in enumerate(begins, 1):
            found = pl.when(base > begin).then(pl.lit(number, dtype=_PLACE)).otherwise(found)
        return found

    def _confirm(self, amount: pl.Expr) -> pl.Expr:
        above = self.rulebook.confirm_above
        return pl.lit(False) if above is None else amount > above

    def _tranches(self, amount: pl.Expr) -> Outputs:
        """The amount by shares that add up to it; null where there is no grant."""
        found: Outputs = {}
        cumulative, before = 0, pl.lit(0, dtype=_UNITS)
        granted = Num(pl.when(amount > 0).then(amount), 0, LARGEST)
        for number, tranche in enumerate(self.rulebook.tranches, 1):
            cumulative += tranche.share_ppb
            until = bounds.narrowed(bounds.floored(bounds.times(granted, cumulative), PPB)).expr
            found[f"tranche.{number}"] = until - before
            before = until
        return found

    def _reasons(
        self, gates: Sequence[Judged], base: pl.Expr, score: pl.Expr, category: pl.Expr | None, zero: pl.Expr
    ) -> pl.Expr:
        missing = {"base_unknown": base, "score_unknown": score}
        if category is not None:
            missing["category_unknown"] = category
        found = [gate.reason for gate in gates]
        found += [
            pl.when(value.is_null()).then(reason(name, "unknown", "refer").cast(REASON))
            for name, value in missing.items()
        ]
        nothing = pl.struct(zero.alias("criterion"), pl.lit("fail").alias("verdict"), pl.lit("reject").alias("effect"))
        return reasons([*found, pl.when(zero.is_not_null()).then(nothing.cast(REASON))])


def _least(amounts: Sequence[pl.Expr]) -> pl.Expr:
    """The least of amounts; null where the first is (there is no bonus to cap)."""
    first = amounts[0]
    return pl.when(first.is_not_null()).then(pl.min_horizontal(amounts)) if len(amounts) > 1 else first


def _first_least(uncapped: pl.Expr, least: pl.Expr, caps: Mapping[str, pl.Expr]) -> pl.Expr:
    """The first cap that is the least, where one is below the uncapped amount."""
    found: pl.Expr = pl.lit(None, dtype=CAPS)
    for name, cap in reversed(list(caps.items())):
        found = pl.when(cap == least).then(pl.lit(name, dtype=CAPS)).otherwise(found)
    return pl.when(least < uncapped).then(found)


def _remaining(situation: Situation, cap: pl.Expr, left: int | str | None) -> pl.Expr:
    """The least of a cap and what is left of it; not below 0."""
    if left is None:
        return cap
    if isinstance(left, int):
        return pl.max_horizontal(pl.lit(0, dtype=_UNITS), pl.min_horizontal(cap, pl.lit(left, dtype=_UNITS)))
    given = situation.stages.schema.get(left)
    if given is None or not (given.is_integer() or given == pl.Null()):
        raise InputError(
            f"there is no column `{left}` of pool units", hint="name a column of whole numbers", code="unknown_column"
        )
    # nulls are passed over: what is not given leaves the cap
    return pl.max_horizontal(pl.lit(0, dtype=_UNITS), pl.min_horizontal(cap, pl.col(left).cast(_UNITS)))


def _cap_of(situation: Situation, table: Table, category: pl.Expr) -> pl.Expr:
    choices = situation.book.facts[table.by].choices or {}
    if table.default is None and any(code not in table.rows for code in choices):
        raise EngineFault(f"the category cap by `{table.by}` has no row for every category")
    found: pl.Expr = pl.lit(table.default, dtype=_UNITS)
    for code, cap in table.rows.items():
        found = pl.when(category == code).then(pl.lit(cap, dtype=_UNITS)).otherwise(found)
    return found


def _both(first: pl.Expr | None, second: pl.Expr | None) -> pl.Expr | None:
    """Not certainly false, either of them."""
    checks = [check.fill_null(True) for check in (first, second) if check is not None]
    return pl.all_horizontal(checks) if checks else None


def _where(condition: pl.Expr | None, value: pl.Expr) -> pl.Expr:
    return value if condition is None else pl.when(condition).then(value)
