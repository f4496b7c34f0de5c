"""Does a party in standing keep it? Bands, streaks of months in limit, and the first outcome row that holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastbrand.domain.decision import Decision, Effect, Finding, Verdict
from rules.comparisons import PASS, UNKNOWN
from rules.criteria import reasons_of
from rules.frame import Asked, Frame
from rules.leaves import LeafPlan, facts_of_leaf, plan_leaf
from rules.model import Band, Book, FactDef, Maintenance
from rules.network import NetworkBuilder
from rules.rows import ALERT, CLEAR, LEVELS, LIMIT, RowsPlan, Standing, facts_of_rows
from rules.situation import Facts, facts_behind

_EFFECTS: Mapping[int | None, tuple[Verdict, Effect]] = {
    CLEAR: ("pass", "none"),
    ALERT: ("fail", "alert"),
    LIMIT: ("fail", "limit"),
    None: ("unknown", "note"),
}


@dataclass(frozen=True, slots=True)
class _BandPlan:
    band: Band
    alert: LeafPlan | None
    limit: LeafPlan | None

    def level(self, answers: Sequence[int]) -> int | None:
        """CLEAR, ALERT or LIMIT; None where that is not known. A band in limit is so whatever its alert says."""
        limit = None if self.limit is None else self.limit.answer(answers)
        alert = None if self.alert is None else self.alert.answer(answers)
        if limit == PASS:
            return LIMIT
        if UNKNOWN in (limit, alert):
            return None
        return ALERT if alert == PASS else CLEAR

    def finding(self, facts: Facts, answers: Sequence[int]) -> Finding:
        verdict, effect = _EFFECTS[self.level(answers)]
        leaves = tuple([leaf.told(facts, answers) for leaf in (self.alert, self.limit) if leaf is not None])
        return Finding(self.band.id, verdict, effect, leaves)


class MaintenancePlan:
    """A maintenance rule book, compiled."""

    def __init__(self, rulebook: Maintenance, book: Book) -> None:
        builder = NetworkBuilder()
        self._bands = tuple(_plan_band(band, book.facts, builder) for band in rulebook.bands)
        self._network = builder.build()
        self._rows = RowsPlan(rulebook.outcomes, book.facts, {})
        used = facts_of_rows(rulebook.outcomes, book.facts)
        for band in rulebook.bands:
            for leaf in (band.alert, band.limit):
                if leaf is not None:
                    used |= facts_of_leaf(leaf, book.facts, sampled=band.min_sample is not None)
        self.frame = Frame.of(book, rulebook.head, facts_behind(book.facts, used))

    def decide(self, asked: Asked, streaks: Mapping[str, int], clear_months: int) -> Decision:
        """The decision about one party.

        ``streaks`` and ``clear_months`` are as they stood after last month's observation; this month's count already in
        the decision, and the result carries them on, beside what the row says: ``bands`` (id -> clear, alert, limit
        or unknown), ``streaks`` and ``clear_months``. Raises ``EngineFault``.
        """
        answers = self._network.ask(asked.facts)
        levels = {plan.band.id: plan.level(answers) for plan in self._bands}
        now = {band: _streak(level, streaks.get(band, 0)) for band, level in levels.items()}
        clear = _clear_months(levels, clear_months)
        findings = [plan.finding(asked.facts, answers) for plan in self._bands]
        standing = Standing(asked.facts, levels=levels, streaks=now, clear_months=clear)
        then, steps = self._rows.decide(standing)
        outcome = then.pop("outcome")
        stands = {band: LEVELS[level] for band, level in levels.items()}
        return self.frame.decision(
            asked,
            outcome,
            reasons=reasons_of(findings),
            findings=findings,
            steps=steps,
            result={**then, "bands": stands, "streaks": now, "clear_months": clear},
        )


def _plan_band(band: Band, facts: Mapping[str, FactDef], builder: NetworkBuilder) -> _BandPlan:
    alert, limit = (
        None if leaf is None else plan_leaf(leaf, facts, builder, min_sample=band.min_sample, leads_out=True)
        for leaf in (band.alert, band.limit)
    )
    return _BandPlan(band, alert, limit)


def _streak(level: int | None, before: int) -> int:
    """Unknown neither adds nor resets."""
    if level is None:
        return before
    return before + 1 if level == LIMIT else 0


def _clear_months(levels: Mapping[str, int | None], before: int) -> int:
    """Months without a band in alert or limit; unknown neither adds nor resets."""
    if any(level is not None and level != CLEAR for level in levels.values()):
        return 0
    return before if None in levels.values() else before + 1
