"""May this party in? Criteria, scores, and the first outcome row that holds."""

from __future__ import annotations

from fastbrand.domain.decision import Decision
from rules.criteria import CriteriaPlan, facts_of_criterion, reasons_of
from rules.frame import Asked, Frame
from rules.model import Book, Eligibility
from rules.network import NetworkBuilder
from rules.rows import RowsPlan, Standing, facts_of_rows
from rules.scores import ScorePlan, ScoreSeen
from rules.situation import facts_behind


class EligibilityPlan:
    """An eligibility rule book, compiled."""

    def __init__(self, rulebook: Eligibility, book: Book) -> None:
        builder = NetworkBuilder()
        self._criteria = CriteriaPlan(rulebook.criteria, book.facts, builder)
        self._network = builder.build()
        self._scores = tuple(ScorePlan(score, book.facts) for score in rulebook.scores.values())
        self._rows = RowsPlan(rulebook.outcomes, book.facts, rulebook.scores)
        used = facts_of_rows(rulebook.outcomes, book.facts)
        used |= {part.fact for score in rulebook.scores.values() for part in score.parts}
        for criterion in rulebook.criteria:
            used |= facts_of_criterion(criterion, book.facts)
        self.frame = Frame.of(book, rulebook.head, facts_behind(book.facts, used))

    def decide(self, asked: Asked) -> Decision:
        """The decision about one party. Raises ``EngineFault``."""
        facts = asked.facts
        answers = self._network.ask(facts)
        findings, judged = self._criteria.findings(facts, answers)
        scores = {plan.score.id: plan.seen(facts) for plan in self._scores}
        then, steps = self._rows.decide(Standing(facts, judged, {name: seen.value for name, seen in scores.items()}))
        outcome = then.pop("outcome")
        return self.frame.decision(
            asked,
            outcome,
            reasons=reasons_of([found for found, _ in judged]),
            findings=findings,
            scores=[seen.finding for seen in scores.values()],
            steps=steps,
            result=then,
        )

    def score(self, name: str, asked: Asked) -> ScoreSeen | None:
        """A score by name; None where this rule book has no such score."""
        return next((plan.seen(asked.facts) for plan in self._scores if plan.score.id == name), None)
