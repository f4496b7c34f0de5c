"""The shape of rule tests: which keys each mapping has. Data only, like ``rules.schema``."""

from __future__ import annotations

from rules.shape import Shape, key, must
from rules.words import CAPABILITIES, ENDORSEMENTS, PROVIDER_TYPES, ROLES, ROUTING_TRACKS, SERVED

FORMS = {
    "moment": "a day, `2022-08-01`, or a moment with its offset, `2022-08-01T08:00:00+08:00`",
    "period": "a month, `2022-08`",
    "fact_value": "a value as in a facts file; `null`: unknown; or `{value: ..., observed_at: ...}`",
    "verdict": "`pass`, `fail`, `unknown` or `not_applicable`",
    "level": "`clear`, `alert`, `limit` or `unknown`",
    "score_value": "a number, `62.5`; `unknown` where it is not known",
    "amounts": "a list of whole numbers, `[]` for none",
    "providers": "a list of ids of providers, best first; `[]` for none",
    "gaps": f"a list of {', '.join(f'`{each}`' for each in CAPABILITIES)}; `[]` for none",
    "reasons": "a list of ids, exactly these; or `{includes: [...]}`, at least these",
}
"""How a value of a key reads, beside the forms of rule files (``rules.words.FORMS``)."""

VERDICTS = ("pass", "fail", "unknown", "not_applicable")
LEVELS = ("clear", "alert", "limit", "unknown")
GRANT_OUTCOMES = ("grant", "no_grant")
CAPS = ("single_grant", "party_per_year", "category_per_month")
NONE = "none"
"""What stands for nothing: no cause, no cap."""
UNKNOWN = "unknown"

TESTS = Shape(
    "tests",
    "a file of rule tests",
    (
        key("kind", "words", "what this file is", "tests"),
        must("rulebook", "name", "the rule book that decides the cases"),
        key("as_of", "moment", "when it is decided; default: the first day on which all rule books are in force"),
        key("defaults", "map of fact_value", "facts that all cases share"),
        key("context", "test_context", "what all cases share besides facts"),
        must("cases", "list of test_case", "one party each"),
    ),
)
CASE = Shape(
    "test_case",
    "a case",
    (
        must("name", "text", "what it shows; unique in the file"),
        key("given", "map of fact_value", "facts of this party, before those of `defaults`"),
        key("context", "test_context", "of this party, key by key before those of the file"),
        key("as_of", "moment", "when this case is decided"),
        must("expect", "expectations", "what must come out"),
    ),
)
OBSERVED = Shape(
    "observed_fact",
    "an observed fact",
    (
        must("value", "fact_value", "as in a facts file"),
        must("observed_at", "moment", "when it was true; without it: at the moment of decision"),
    ),
)
CONTEXT = Shape(
    "test_context",
    "a context",
    (
        key("track", "words", "whose it is: the party's track, K for a talent; default: the book's first", *SERVED),
        key("streaks", "map of whole", "maintenance: band -> months in limit up to last month"),
        key("clear_months", "whole", "maintenance: months with every band clear up to last month"),
        key("period", "period", "incentive: what the grant is for; default: the month of `as_of`"),
        key("remainders", "remainders", "incentive: what the caps still leave"),
        key("gaps", "gaps", "matching: what the party lacks; default: not known"),
        key("providers", "list of test_provider", "matching: the register"),
    ),
)
TEST_PROVIDER = Shape(
    "test_provider",
    "a provider",
    (
        must("id", "name", "unique in the list; of equals the lesser comes first"),
        must("type", "words", "what it is", *PROVIDER_TYPES),
        key("categories", "list of name", "codes of the fact `category`"),
        key("region", "name", "a code of the fact `region`; without it, not known"),
        key("capacity", "whole", "how many it can serve at once; default 1"),
        key("load", "whole", "how many it serves now; default 0"),
        key("track_record", "number", "0 to 100; without it, not known"),
        *(key(name, "number", "how well it helps with this, 0 to 100; without it, not known") for name in CAPABILITIES),
    ),
)
REMAINDERS = Shape(
    "remainders",
    "what is left",
    (
        key("party_year", "whole", "of the party's cap of this year, in traffic units"),
        key("category_month", "whole", "of its category's cap of this month, in traffic units"),
    ),
)
EXPECT = Shape(
    "expectations",
    "an `expect`",
    (
        key(
            "outcome",
            "name",
            "what is decided: a word that some row says; incentive: `grant` or `no_grant`;"
            " matching: `offers` or `no_offer`",
        ),
        key("reasons", "reasons", "what has an effect: criteria, gates, bands, and why there is no bonus"),
        key("verdicts", "map of verdict", "criterion, gate or band -> verdict"),
        key("score", "map of score_value", "eligibility, incentive: score -> value; matching: provider -> score"),
        key("by", "words", "queue: who decides straight away", "system"),
        key("queue", "name", "queue: where the case waits"),
        key("role", "role", "queue: who may take it", *ROLES),
        key("sla", "deadline", "queue: until when it is to be decided"),
        key("four_eyes", "flag", "queue: whether a second person confirms"),
        key("track", "words", "track: where the party belongs", *ROUTING_TRACKS),
        key("endorsement", "words", "endorsement: whether the party carries the mark", *ENDORSEMENTS),
        key("cause", "name", "maintenance: the row's cause; `none`: it has none"),
        key("bands", "map of level", "maintenance: band -> where it stands"),
        key("streaks", "map of whole", "maintenance: band -> months in limit, this one included"),
        key("clear_months", "whole", "maintenance: months with every band clear, this one included"),
        key("bonus", "whole", "incentive: the amount, in traffic units"),
        key("uncapped", "whole", "incentive: the amount before caps"),
        key("capped_by", "words", "incentive: the cap that decided", *CAPS, NONE),
        key("confirm", "flag", "incentive: whether a person of finance confirms"),
        key("pool", "pool", "incentive: where it is paid from"),
        key("tranches", "amounts", "incentive: the amount of each tranche"),
        key("offers", "providers", "matching: who is proposed"),
        key("left_out", "providers", "matching: who could serve and does not meet every requirement, by id"),
    ),
)
INCLUDES = Shape("includes", "`reasons`", (must("includes", "list of name", "at least these"),))

SHAPES: dict[str, Shape] = {
    shape.name: shape for shape in (TESTS, CASE, OBSERVED, CONTEXT, REMAINDERS, TEST_PROVIDER, EXPECT, INCLUDES)
}
"""Every shape by name."""

_FINDINGS = ("outcome", "reasons", "verdicts")
EXPECTED: dict[str, tuple[str, ...]] = {
    "eligibility": (*_FINDINGS, "score"),
    "queue": ("outcome", "by", "queue", "role", "sla", "four_eyes"),
    "track": ("outcome", "track"),
    "endorsement": ("outcome", "endorsement"),
    "maintenance": (*_FINDINGS, "cause", "bands", "streaks", "clear_months"),
    "matching": ("outcome", "offers", "score", "left_out"),
    "incentive": (*_FINDINGS, "score", "bonus", "uncapped", "capped_by", "confirm", "pool", "tranches"),
}
"""Kind of a rule book, or what a routing book decides -> what can be expected of it."""
CONTEXTS: dict[str, tuple[str, ...]] = {
    "eligibility": ("track",),
    "queue": ("track",),
    "track": ("track",),
    "endorsement": ("track",),
    "maintenance": ("track", "streaks", "clear_months"),
    "incentive": ("track", "period", "remainders"),
    "matching": ("track", "gaps", "providers"),
}
"""The same -> what its cases can be given besides facts."""
