"""Facts and comparisons: the smallest parts of a rule book, and places in its files.

Values are exact and internal, as ``rules.model`` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Value = int | str | tuple[str, ...]
FactType = Literal["money", "ratio", "count", "score", "duration", "flag", "choice", "choices", "date", "text"]
Otherwise = Literal["reject", "refer", "note"]
Op = Literal[
    "at_least",
    "at_most",
    "more_than",
    "less_than",
    "between",
    "before",
    "after",
    "within_days",
    "is",
    "is_not",
    "one_of",
    "none_of",
    "matches",
]
MAX_INT = 2**53


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a rule file: path as given, line and column from 1."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Title:
    """A title in both languages; the loader refuses an empty one."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a derived fact is computed: exact rationals, floored once to the fact's scale.

    ``op``: quotient | difference | sum | minimum | maximum | age_in_days. ``args`` are fact names in
    order (quotient and difference: of, by).
    """

    op: Literal["quotient", "difference", "sum", "minimum", "maximum", "age_in_days"]
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactDef:
    """One fact of the vocabulary. ``decimals``: money 2 (by currency), ratio 9, score as declared, otherwise 0."""

    name: str
    type: FactType
    title: Title
    mark: Mark
    decimals: int = 0
    range: tuple[int, int] | None = None
    sample: str | None = None
    max_age_ms: int | None = None
    unit: str | None = None  # duration facts: the unit of numbers in facts files; money facts: the currency
    choices: Mapping[str, Title] | None = None
    derivation: Derivation | None = None
    kept_for: str | None = None  # people | reports: who needs it where no rule does


@dataclass(frozen=True, slots=True)
class Table:
    """A threshold by a choice fact: ``rows`` code -> operand, and the default (None where all choices have rows)."""

    by: str
    rows: Mapping[str, Any]
    default: Any | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One fact, one operator. ``operand``: Value, (low, high) for between, tuple of codes for one_of/none_of, int days
    for within_days, pattern text for matches, or a ``Table`` of those."""

    fact: str
    op: Op
    operand: Any
    mark: Mark


@dataclass(frozen=True, slots=True)
class All:
    """Every child holds (strong Kleene)."""

    nodes: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one child holds (strong Kleene); ``any`` in rule files."""

    nodes: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not hold; unknown stays unknown."""

    node: Node
    mark: Mark


Node = Leaf | All | AnyOf | Not
