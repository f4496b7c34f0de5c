"""How much bonus traffic: gates, marginal tiers, a trust multiplier, one floor, caps, tranches.

Which tiers the base reaches and whether somebody must confirm are comparisons of the network; the rest is exact
arithmetic. Amounts of the base are told in its own notation (money in minor units), traffic in pool units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, InputError
from fastbrand.domain.grant import split_tranches
from rules.comparisons import PASS, Comparison
from rules.criteria import CriteriaPlan, facts_of_criterion, reasons_of
from rules.encoding import number_source
from rules.frame import Asked, Frame
from rules.model import Book, Incentive, Table
from rules.network import NetworkBuilder, Source
from rules.records import Context
from rules.scores import ScoreSeen, curve_at, exact_text
from rules.situation import LARGEST, facts_behind


@dataclass(frozen=True, slots=True)
class _Amount:
    """What the arithmetic came to: ``capped_by`` is None where no cap is below ``uncapped``."""

    uncapped: int | None
    amount: int
    capped_by: str | None


_NOTHING = _Amount(None, 0, None)


class IncentivePlan:
    """An incentive rule book, compiled."""

    def __init__(self, rulebook: Incentive, book: Book) -> None:
        self.rulebook = rulebook
        base = book.facts[rulebook.base_fact]
        self._unit = 10**base.decimals if base.type == "money" else 1
        builder = NetworkBuilder()
        self._gates = CriteriaPlan(rulebook.gates, book.facts, builder)
        self._floors = (0, *(tier.up_to for tier in rulebook.tiers[:-1] if tier.up_to is not None))
        sources = (number_source(rulebook.base_fact),)
        self._reached = tuple(builder.add(Comparison("gt", (floor,)), sources) for floor in self._floors)
        self._network = builder.build()
        confirm = NetworkBuilder()
        if rulebook.confirm_above is not None:
            amount = Source("amount", lambda amount: amount)
            confirm.add(Comparison("gt", (rulebook.confirm_above,)), (amount,))
        self._confirm = confirm.build()
        used = {rulebook.base_fact}
        for eligibility in book.eligibility.values():
            multiplier = eligibility.scores.get(rulebook.multiplier_score)
            used |= {part.fact for part in multiplier.parts} if multiplier is not None else set()
        if rulebook.caps.category_per_month is not None:
            used.add(rulebook.caps.category_per_month.by)
        for gate in rulebook.gates:
            used |= facts_of_criterion(gate, book.facts)
        self.frame = Frame.of(book, rulebook.head, facts_behind(book.facts, used))

    def decide(self, asked: Asked, context: Context, score: ScoreSeen) -> Decision:
        """The decision about one party; ``score`` is the multiplier's, from the party's eligibility rule book.

        Raises ``InputError`` where the book has no pool for the party's track, ``EngineFault``.
        """
        pool = self.rulebook.pool.get(context.track)
        if pool is None:
            raise InputError(
                f"`{self.rulebook.head.name}` has no pool for the track `{context.track}`",
                hint=f"its tracks are {', '.join(f'`{track}`' for track in self.rulebook.pool)}",
            )
        answers = self._network.ask(asked.facts)
        findings, _ = self._gates.findings(asked.facts, answers)
        base: int | None = asked.facts.values[self.rulebook.base_fact]
        category = self._category(asked)
        # whatever effect a gate names, one that is not met closes
        reasons = [*reasons_of(findings), *self._unknown(base, score.value, category)]
        steps: list[dict[str, Any]] = []
        found = _NOTHING
        if not reasons and base is not None and score.value is not None:
            units = self._base_units(base, answers, steps)
            multiplier = self._multiplier(units, score, steps)
            found = self._capped(units * multiplier, category, context, steps)
            if found.amount == 0:
                reasons.append({"criterion": found.capped_by or "zero", "verdict": "fail", "effect": "reject"})
        return self.frame.decision(
            asked,
            "grant" if found.amount > 0 else "no_grant",
            reasons=reasons,
            findings=findings,
            scores=[score.finding],
            steps=steps,
            result={
                "pool": pool,
                "period": context.period,
                "amount": found.amount,
                "uncapped": found.uncapped,
                "capped_by": found.capped_by,
                "category": category,
                "score": score.finding.value,
                "confirm": found.amount > 0 and self._confirm.ask(found.amount) == [PASS],
                "tranches": self._tranches(found.amount),
                "expires_after_ms": self.rulebook.expires_after_ms,
                "next_tier": None if base is None else self._next_tier(base, answers),
                "clawback": self._clawback(),
            },
        )

    def _category(self, asked: Asked) -> str | None:
        table = self.rulebook.caps.category_per_month
        category: str | None = None if table is None else asked.facts.values[table.by]
        return category

    def _unknown(self, base: int | None, score: int | None, category: str | None) -> list[dict[str, str]]:
        """Reasons for what must be known and is not."""
        missing = {
            "base_unknown": base is None,
            "score_unknown": score is None,
            "category_unknown": category is None and self.rulebook.caps.category_per_month is not None,
        }
        return [
            {"criterion": reason, "verdict": "unknown", "effect": "refer"} for reason, is_so in missing.items() if is_so
        ]

    def _base_units(self, base: int, answers: Sequence[int], steps: list[dict[str, Any]]) -> Fraction:
        """Marginal tiers: the amount within each tier that the base reaches, times its rate."""
        reached = [place for place, answer in enumerate(self._reached) if answers[answer] == PASS]
        total = Fraction(0)
        for place in reached:
            tier = self.rulebook.tiers[place]
            ends = self._floors[place + 1] if place + 1 in reached else base
            amount = ends - self._floors[place]
            units = Fraction(amount, self._unit) * tier.rate
            total += units
            steps.append(
                {
                    "step": "tier",
                    "n": place + 1,
                    "amount": amount,
                    "rate": exact_text(tier.rate),
                    "units": exact_text(units),
                }
            )
        return total

    def _multiplier(self, units: Fraction, score: ScoreSeen, steps: list[dict[str, Any]]) -> Fraction:
        multiplier = curve_at(self.rulebook.multiplier_curve, Fraction(score.value or 0, score.scale))
        steps.append(
            {
                "step": "multiply",
                "base": exact_text(units),
                "score": score.finding.value,
                "by": exact_text(multiplier),
                "product": exact_text(units * multiplier),
            }
        )
        return multiplier

    def _capped(self, exact: Fraction, category: str | None, context: Context, steps: list[dict[str, Any]]) -> _Amount:
        """One floor, then the least of the amount and the caps; of equal ones the first named."""
        uncapped = exact.numerator // exact.denominator
        if uncapped > LARGEST:
            raise EngineFault("the amount of the grant is beyond 2^53", hint="lower the rates of the incentive book")
        steps.append({"step": "floor", "amount": uncapped})
        amount: int = uncapped
        capped_by: str | None = None
        for name, cap in self._caps(category, context).items():
            if cap < amount:
                amount, capped_by = cap, name
        if capped_by is not None:
            steps.append({"step": "cap", "by": capped_by, "at": amount})
        return _Amount(uncapped, amount, capped_by)

    def _caps(self, category: str | None, context: Context) -> dict[str, int]:
        """What each cap of the book still leaves: the cap itself, or what the ledger says is left of it."""
        caps = self.rulebook.caps
        left: dict[str, int] = {}
        if caps.single_grant is not None:
            left["single_grant"] = caps.single_grant
        if caps.party_per_year is not None:
            left["party_per_year"] = _least(caps.party_per_year, context.remainders.party_year)
        if caps.category_per_month is not None and category is not None:
            cap = _cap_of(caps.category_per_month, category)
            left["category_per_month"] = _least(cap, context.remainders.category_month)
        return left

    def _tranches(self, amount: int) -> list[dict[str, Any]]:
        if amount == 0:
            return []
        tranches = self.rulebook.tranches
        parts = split_tranches(amount, [tranche.share_ppb for tranche in tranches])
        return [
            {"no": number, "amount": part, "after_ms": tranche.after_ms, "needs": list(tranche.needs)}
            for number, (part, tranche) in enumerate(zip(parts, tranches, strict=True), 1)
        ]

    def _next_tier(self, base: int, answers: Sequence[int]) -> dict[str, Any] | None:
        """The first tier that the base does not reach: where it begins, at what rate, and how much is missing."""
        for place, answer in enumerate(self._reached):
            if answers[answer] != PASS:
                begins = self._floors[place]
                rate = exact_text(self.rulebook.tiers[place].rate)
                return {"n": place + 1, "from": begins, "rate": rate, "missing": begins - base}
        return None

    def _clawback(self) -> list[dict[str, Any]]:
        return [
            {
                "cause": clawback.cause,
                "within_ms": clawback.within_ms,
                "unspent_ppb": clawback.unspent_ppb,
                "spent_ppb": clawback.spent_ppb,
            }
            for clawback in self.rulebook.clawback
        ]


def _least(cap: int, left: int | None) -> int:
    return cap if left is None else max(0, min(cap, left))


def _cap_of(table: Table, category: str) -> int:
    cap = table.rows.get(category, table.default)
    if cap is None:
        raise EngineFault(f"the category cap has no row for `{category}`")
    found: int = cap
    return found
