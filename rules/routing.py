"""Which queue, which track, whether an endorsement: the first row that holds over facts and the screening."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import InputError
from rules.frame import Asked, Frame
from rules.model import Book, Routing, Score
from rules.rows import OUTCOMES, RowsPlan, Standing, facts_of_rows
from rules.situation import facts_behind


class RoutingPlan:
    """A routing rule book, compiled.

    The outcome of a track or endorsement decision is what the row says under that name; of a queue decision the queue,
    or who decides straight away (``by``). The whole ``then`` is the result.
    """

    def __init__(self, rulebook: Routing, book: Book) -> None:
        self._decides = rulebook.decides
        self._scores: Mapping[str, Score] = {
            name: score for eligibility in book.eligibility.values() for name, score in eligibility.scores.items()
        }
        self._groups = {
            name: {criterion.id: criterion.group for criterion in eligibility.criteria}
            for name, eligibility in book.eligibility.items()
        }
        self._rows = RowsPlan(rulebook.rows, book.facts, self._scores)
        self.frame = Frame.of(book, rulebook.head, facts_behind(book.facts, facts_of_rows(rulebook.rows, book.facts)))

    def decide(self, asked: Asked, screening: Decision | None) -> Decision:
        """The decision about one party; ``screening`` is its eligibility decision. Raises ``EngineFault``."""
        then, steps = self._rows.decide(self._standing(asked, screening))
        outcome = then.get(self._decides) or then.get("by")
        return self.frame.decision(asked, str(outcome), steps=steps, result=then)

    def _standing(self, asked: Asked, screening: Decision | None) -> Standing:
        if screening is None:
            return Standing(asked.facts)
        if screening.outcome not in OUTCOMES:
            raise InputError(
                f"`{screening.outcome}` is not an outcome of a screening", hint="give an eligibility decision"
            )
        noted = sum(1 for finding in screening.findings if finding.effect == "note") + len(screening.warnings)
        scores = {
            score.score: None if score.value is None else int(Decimal(score.value) * 10 ** self._decimals(score.score))
            for score in screening.scores
            if score.score in self._scores
        }
        groups = self._groups.get(screening.rulebook, {})
        judged = [(finding, groups.get(finding.criterion, "")) for finding in screening.findings]
        return Standing(asked.facts, judged, scores, screening.outcome, noted)

    def _decimals(self, score: str) -> int:
        return self._scores[score].decimals
