"""The shape of matching books: data only, part of ``rules.schema``."""

from __future__ import annotations

from rules.shape import Shape, head_keys, key, must
from rules.words import GAPS, SHARED

REQUIREMENT = Shape(
    "requirement",
    "a requirement",
    (
        key("provider", "attribute", "what the provider must be like"),
        key("same", "words", "what it must have in common with the party", *SHARED),
    ),
)
PREFERENCE = Shape(
    "preference",
    "a preference",
    (
        must("weight", "number", "points of 100"),
        key("covers", "words", "the better it covers the party's gaps, the more of the weight", GAPS),
        key("same", "words", "the whole weight for what it has in common with the party", *SHARED),
        key("provider", "attribute_points", "the whole weight for what holds; by a curve, so many hundredths of it"),
    ),
)
MATCHING = Shape(
    "matching",
    "a matching book",
    (
        *head_keys("matching", title=False, parties=None),
        must("serves", "serves", "which type of provider is for whom"),
        must("require", "list of requirement", "all must certainly hold"),
        must("prefer", "list of preference", "weights sum to 100"),
        must("offers", "whole", "how many providers are proposed at most"),
    ),
)
