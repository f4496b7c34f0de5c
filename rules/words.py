"""The words of the rule language: kinds, types, operators, outcomes, and how values read."""

from __future__ import annotations

from fastbrand.domain.lifecycle import Track
from fastbrand.domain.people import CASE_ROLES
from fastbrand.domain.provider import Capability, ProviderType, Served

KINDS = ("programme", "facts", "eligibility", "routing", "maintenance", "incentive", "matching")
"""Kinds that a book may hold, each after those it speaks of."""
KINDS_ELSEWHERE = {
    "mapping": "a mapping is no part of a book: keep it outside the book's directory",
    "tests": "rule tests are no part of a book: keep them in its directory `tests`",
}
"""Kinds that exist and cannot stand in a book's directory, with the reason."""

TRACKS = tuple(str(track) for track in Track)
ROLES = tuple(str(role) for role in CASE_ROLES)
STATUSES = ("illustrative",)
FACT_TYPES = ("money", "ratio", "count", "score", "duration", "flag", "choice", "choices", "date", "text")
NUMERIC_TYPES = ("money", "ratio", "count", "score", "duration")
DURATION_UNITS = ("seconds", "minutes", "hours", "days", "weeks")
DERIVATIONS = ("quotient", "difference", "sum", "minimum", "maximum", "age_in_days")
EFFECTS = ("reject", "refer", "note")
ELIGIBILITY_OUTCOMES = ("eligible", "refer", "ineligible")
MAINTENANCE_OUTCOMES = ("keep", "alert", "watch", "suspend", "revoke", "demote", "promote")
KEPT_FOR = ("people", "reports")
"""Who may need a fact that no rule asks for."""
ROUTING_TRACKS = ("M", "S", "merchant")
ENDORSEMENTS = ("required", "optional", "none")
DECIDES = ("queue", "track", "endorsement")
CONNECTIVES = ("all", "any", "not")
PROVIDER_TYPES = tuple(str(kind) for kind in ProviderType)
SERVED = tuple(str(kind) for kind in Served)
CAPABILITIES = tuple(str(each) for each in Capability)
"""Groups of criteria whose gaps a provider can cover."""
SHARED = ("category", "region")
"""Facts that a party and a provider can have in common."""
GAPS = "capability_gaps"
MATCHING_OUTCOMES = ("offers", "no_offer")

_ORDER = ("at_least", "at_most", "more_than", "less_than", "between", "is", "is_not")
OPERATORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NUMERIC_TYPES, _ORDER),
    "flag": ("is", "is_not"),
    "choice": ("is", "is_not", "one_of", "none_of"),
    "choices": ("is", "is_not", "one_of", "none_of"),
    "date": ("before", "after", "between", "within_days", "is", "is_not"),
    "text": ("is", "is_not", "one_of", "none_of", "matches"),
}
"""Fact type -> the operators that fit it."""
ALL_OPERATORS = tuple(dict.fromkeys(op for ops in OPERATORS.values() for op in ops))
COUNT_OPERATORS = ("at_least", "at_most", "more_than", "less_than", "between")
"""Operators over scores and streaks in rows."""

FORMS = {
    "name": "letters, digits, `_`, `-`, `.`; begins with a letter",
    "text": "text",
    "version": "numbers with points between them, `2022.2`",
    "title": "`{en: ..., zh: ...}`",
    "date": "a day, `2022-05-13`",
    "track": "`S` or `M`",
    "flag": "`true` or `false`",
    "whole": "a whole number, `500_000`",
    "number": "a number, `62.5`",
    "percent": "a percentage, `62.5%`",
    "rate": "a percentage or a number",
    "duration": "a number of seconds, minutes, hours, days or weeks",
    "deadline": "business days, months or a duration",
    "months": "a number of months, `1 month`",
    "currency": "an ISO 4217 code",
    "zone": "an IANA time zone",
    "country": "an ISO 3166 code of two letters",
    "role": "a role of people.yaml that takes cases",
    "fact": "the name of a fact",
    "score": "the name of a score",
    "pool": "the name of a pool",
    "literal": "a value of the fact's type",
    "comparison": "`{operator: value}`",
    "condition": "`{fact: {operator: value}}`, or `all`, `any`, `not` of conditions",
    "curve": "`[[x, y], ...]`, x rising",
    "goal": "a whole number or an amount of money",
    "table": "`{value: cap, default: cap}`",
    "serves": "`{type of provider: [K, M, S]}`",
    "attribute": "`{attribute of a provider: {operator: value}}`",
    "attribute_points": "the same, or `{attribute: {curve: [[x, points], ...]}}`",
    "words": "one of a few words",
}
"""How a value of a key reads; a key's form is one of these, the name of a shape, ``list of`` or ``map of`` either."""
