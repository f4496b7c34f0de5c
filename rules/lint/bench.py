"""Puts a party before the authoritative evaluator: a witness counts only when that says the same.

Only what is at issue is compiled: single criteria, or the rows of one rule book.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastbrand.domain.decision import Decision, JsonValue
from fastbrand.domain.errors import FastbrandError
from rules.evaluate import CompiledBook
from rules.frame import Asked
from rules.incentive import IncentivePlan
from rules.lint.seeking import Party
from rules.lint.study import Study
from rules.model import Book, Criterion, Eligibility, Head, Incentive, Maintenance, Routing, Row, RuleBook
from rules.records import Context, Observed, Record
from rules.scores import ScoreSeen
from rules.values import to_text


class Bench:
    """The evaluator, for the findings of one book."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def verdicts(self, head: Head, criteria: Sequence[Criterion], party: Party) -> list[str] | None:
        """The verdicts of some criteria (or gates) of one rule book about ``party``; None where it cannot be asked."""
        book = Eligibility(
            replace(head, kind="eligibility"), tuple(criteria), {}, (Row((), {"outcome": "refer"}, head.mark),)
        )
        decision = self.decide([book], head.name, party)
        return None if decision is None else [finding.verdict for finding in decision.findings]

    def decide(
        self, books: Sequence[RuleBook], name: str, party: Party, context: Context | None = None
    ) -> Decision | None:
        """What the rule book ``name`` among ``books`` says about ``party``; None where it cannot be asked."""
        compiled = CompiledBook(self._only(books))
        try:
            asked = compiled.ask(self.record(party), party.moment)
            return compiled.decide(name, asked, context or Context())
        except FastbrandError:
            return None

    def grant(self, incentive: Incentive, party: Party, score: ScoreSeen) -> Decision | None:
        """What ``incentive`` grants ``party`` at this score; None where it cannot be asked."""
        book = self._only([incentive])
        track = incentive.head.parties[0] if incentive.head.parties else next(iter(incentive.pool), "M")
        try:
            asked: Asked = CompiledBook(book).ask(self.record(party), party.moment)
            return IncentivePlan(incentive, book).decide(asked, Context(track=track), score)
        except FastbrandError:
            return None

    def record(self, party: Party) -> Record:
        """``party`` as the evaluator is given it: its base facts in the notation of facts files."""
        facts = self.study.facts
        given = {
            name: Observed(to_text(facts[name], value))
            for name, value in party.facts.items()
            if value is not None and facts[name].derivation is None
        }
        return Record("witness", given)

    def shown(self, party: Party, **more: JsonValue) -> dict[str, JsonValue]:
        """The base facts that are known of ``party``, as witnesses are shown, and what follows."""
        facts = self.study.facts
        known = {
            name: self.study.literal(name, value)
            for name, value in party.facts.items()
            if value is not None and facts[name].derivation is None
        }
        if any(facts[name].type == "date" for name in known):
            more["as_of"] = party.moment.text
        return {**known, **more}

    def _only(self, books: Sequence[RuleBook]) -> Book:
        return replace(
            self.study.book,
            eligibility={book.head.name: book for book in books if isinstance(book, Eligibility)},
            routing={book.head.name: book for book in books if isinstance(book, Routing)},
            maintenance={book.head.name: book for book in books if isinstance(book, Maintenance)},
            incentive={book.head.name: book for book in books if isinstance(book, Incentive)},
            editions={},
        )
