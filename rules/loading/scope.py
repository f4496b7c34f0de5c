"""What is known while a book is loaded: the vocabulary, scores and names that other files may speak of."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from rules.loading.reading import Reader
from rules.mistakes import shown
from rules.model import FactDef
from rules.words import CONNECTIVES
from rules.yaml_guard import Node, Scalar

RESERVED = frozenset(CONNECTIVES)
"""Words that mean something else where a fact's name stands."""


@dataclass(slots=True)
class ScoreRange:
    """A score that rows and multipliers may name: its decimals, and the least and the greatest display value."""

    decimals: int
    low: Fraction
    high: Fraction


@dataclass(slots=True)
class Scope:
    """Names that can be referred to.

    What failed to load is in ``broken`` or makes a ``*_whole`` False: a reference to it is not a second mistake.
    """

    facts: dict[str, FactDef] = field(default_factory=dict)
    broken_facts: set[str] = field(default_factory=set)
    facts_whole: bool = True
    currency: str | None = None
    currency_decimals: int = 2
    pools: set[str] = field(default_factory=set)
    pools_whole: bool = True
    # of all eligibility books
    scores: dict[str, ScoreRange] = field(default_factory=dict)
    criteria: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    eligibility_whole: bool = True

    def fact(self, reader: Reader, node: Node, label: str = "a fact") -> FactDef | None:
        """The fact that ``node`` names; an unknown name is reported, a broken one passed over."""
        name = reader.text(node, label)
        if name is None or name in self.broken_facts:
            return None
        fact = self.facts.get(name)
        if fact is None and self.facts_whole:
            hint = reader.report.nearest(name, self.facts)
            reader.wrong(node, "unknown_fact", f"there is no fact `{shown(name)}`", hint or "declare it in facts.yaml")
        return fact

    def known(self, reader: Reader, node: Scalar, kind: str, names: set[str], *, whole: bool) -> str | None:
        """The name in ``node`` where ``names`` has it; otherwise reported as ``unknown_<kind>`` (if ``whole``)."""
        if node.text in names:
            return node.text
        if whole:
            hint = reader.report.nearest(node.text, sorted(names))
            reader.wrong(node, f"unknown_{kind}", f"there is no {kind} `{shown(node.text)}`", hint or "declare one")
        return None


def fact_name(reader: Reader, key: Scalar) -> str | None:
    """``key`` as the name of a fact."""
    name = reader.name(key, "a fact's name")
    if name in RESERVED:
        reader.wrong(key, "reserved_name", f"`{name}` cannot name a fact: conditions use it", "choose another name")
        return None
    return name
