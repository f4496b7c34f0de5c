"""The facts of a book, what they can be, and their values cut into cells."""

from __future__ import annotations

from collections.abc import Mapping

from rules.diffing.patterns import sorts_of
from rules.lint.cells import Asked, Cell, Texts, cut
from rules.lint.ranges import Span, spans
from rules.model import FactDef

MAX_LOOKED_AT = 100
"""Most sets of patterns of which it is found out which texts exist; that is dear, and few books have many."""


class Vocabulary:
    """``facts`` by name, and their ``spans``: what numbers and dates can be (None: the fact is never known)."""

    def __init__(self, facts: Mapping[str, FactDef]) -> None:
        self.facts = facts
        self.spans: Mapping[str, Span | None] = spans(facts)
        self._texts: dict[tuple[frozenset[str], frozenset[str]], Texts] = {}

    def cut(self, name: str, asked: Asked) -> tuple[Cell, ...] | None:
        """The cells of the fact ``name`` with unknown last; None where there are too many to tell apart."""
        return cut(self.facts[name], self.spans.get(name), asked, self.texts)

    def texts(self, words: frozenset[str], patterns: frozenset[str]) -> Texts:
        """An example of each sort of text that exists; None where that is not known."""
        if (words, patterns) not in self._texts:
            if len(self._texts) >= MAX_LOOKED_AT:
                return None
            found = sorts_of(words, patterns)
            self._texts[words, patterns] = [each.example for each in found.sorts] if found.complete else None
        return self._texts[words, patterns]
