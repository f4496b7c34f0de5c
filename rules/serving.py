"""What a matching book is made of: what a provider must be like, and what speaks for one more than for another."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rules.terms import Leaf, Mark


@dataclass(frozen=True, slots=True)
class Same:
    """Provider and party have ``fact`` in common: the category is one of the provider's, the region is its own."""

    fact: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Covers:
    """How well the provider covers the party's capability gaps."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class ProviderCurve:
    """Points for a number of the provider: (x, points) in display units, points 0 to 100."""

    attribute: str
    curve: tuple[tuple[Fraction, Fraction], ...]
    mark: Mark


Requirement = Leaf | Same
"""A leaf of a requirement, or of a preference, compares an attribute of the provider (``rules.providers``)."""

Preferred = Leaf | Same | Covers | ProviderCurve


@dataclass(frozen=True, slots=True)
class Preference:
    """What speaks for a provider; ``weight`` in points of 100, all of them for what holds or covers in full."""

    weight: Fraction
    what: Preferred
    mark: Mark
