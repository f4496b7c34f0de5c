"""The shape of rule files: which keys each mapping has, and the words of the language.

Data only. The loader reads files by it, with positions and nearest-name hints (which is why it is not a pydantic
model: a literal's type depends on the fact beside it, and every mistake must keep its line and column); JSON Schemas
and the reference are made from the same tables, so none of them can know a key that the others do not.
"""

from __future__ import annotations

from rules.matching_schema import MATCHING, PREFERENCE, REQUIREMENT
from rules.programme_schema import CASE_DESK, CASES, ENDORSEMENT, ESCALATION, POOL, PROGRAMME, REVIEW, STANDING
from rules.shape import Shape, head_keys, key, must
from rules.words import (
    COUNT_OPERATORS,
    DECIDES,
    EFFECTS,
    ELIGIBILITY_OUTCOMES,
    ENDORSEMENTS,
    FACT_TYPES,
    KEPT_FOR,
    MAINTENANCE_OUTCOMES,
    NUMERIC_TYPES,
    ROLES,
    ROUTING_TRACKS,
)

# --- facts --------------------------------------------------------------------------------------------------------

TITLE = Shape("title", "a title", (must("en", "text", "in English"), must("zh", "text", "in Chinese")))

FACTS = Shape(
    "facts",
    "a file of facts",
    (
        must("kind", "words", "what this file is", "facts"),
        must("version", "version", "raised with every change"),
        must("facts", "map of fact_definition", "name of a fact -> what it is"),
        key("derived", "map of derived_fact", "name of a fact -> how it is computed"),
    ),
)

_FACT_TAIL = (
    must("title", "title", "shown wherever the fact is"),
    key("range", "list of literal", "the least and the greatest value; either may be `null`: no end"),
    key("decimals", "whole", "score: digits after the point; default 0"),
    key(
        "unit",
        "words",
        "duration: what a number in a facts file counts",
        "seconds",
        "minutes",
        "hours",
        "days",
        "weeks",
    ),
    key("sample", "fact", "the count of observations behind this fact, for `min_sample`"),
    key("kept_for", "words", "who needs the fact where no rule does", *KEPT_FOR),
)
FACT = Shape(
    "fact_definition",
    "a fact",
    (
        must("type", "words", "what values look like", *FACT_TYPES),
        *_FACT_TAIL,
        key("choices", "map of title", "choice, choices: code -> title"),
        key("max_age", "duration", "older than this at the moment of decision: unknown"),
    ),
)
DERIVED = Shape(
    "derived_fact",
    "a derived fact",
    (
        key("quotient", "ratio_of_facts", "`of` divided by `by`"),
        key("difference", "ratio_of_facts", "`of` minus `by`"),
        key("sum", "list of fact", "all together"),
        key("minimum", "list of fact", "the least"),
        key("maximum", "list of fact", "the greatest"),
        key("age_in_days", "fact", "whole local days from that date to the moment of decision"),
        key("type", "words", "what values look like; `age_in_days` is a count", *NUMERIC_TYPES),
        *_FACT_TAIL,
    ),
)
OF_BY = Shape("ratio_of_facts", "two facts", (must("of", "fact", "the first"), must("by", "fact", "the second")))

# --- heads, criteria, scores, rows --------------------------------------------------------------------------------

EFFECTIVE = Shape(
    "effective",
    "an effective period",
    (
        must("from", "date", "first day in force, from midnight in the programme's zone"),
        key("until", "date", "first day no longer in force"),
    ),
)


_CRITERION_HEAD = (
    must("id", "name", "unique in the book; decisions carry it"),
    key("group", "name", "a capability or layer; default: the id up to its first point"),
    must("title", "title", "what is asked for"),
    key("when", "condition", "whom it concerns; false: not applicable, unknown: unknown"),
    must("require", "condition", "what must hold"),
    key("min_sample", "whole", "fewer observations behind a fact: that leaf is unknown"),
)
CRITERION = Shape(
    "criterion",
    "a criterion",
    (
        *_CRITERION_HEAD,
        must("otherwise", "words", "effect of a fail", *EFFECTS),
        key("unknown", "words", "effect of unknown; default refer, or note where otherwise is note", *EFFECTS),
    ),
)
GATE = Shape("gate", "a gate", _CRITERION_HEAD)
SCORE = Shape(
    "score_definition",
    "a score",
    (
        must("title", "title", "shown wherever the score is"),
        key("decimals", "whole", "digits after the point; default 0"),
        must("parts", "list of score_part", "weights sum to 100"),
    ),
)
SCORE_PART = Shape(
    "score_part",
    "a part of a score",
    (
        must("fact", "fact", "what it measures"),
        must("weight", "number", "points of 100"),
        key("curve", "curve", "[value, points]; without it the fact's range is 0 to 100"),
    ),
)
_FAILED = (
    key("failed", "words", "some criterion has this effect by failing", *EFFECTS),
    key("unknown", "flag", "whether some criterion is unknown and refers"),
)
_NARROW = (
    key("group", "name", "narrows `failed` and `unknown` to one group"),
    key("criterion", "name", "narrows `failed` and `unknown` to one criterion"),
)
_SCORE = key("score", "map of comparison", "name of a score -> comparison; all must hold")
_FACT = key("fact", "map of comparison", "name of a fact -> comparison; all must hold")
ELIGIBILITY_WHEN = Shape("eligibility_when", "the `when` of a row", (*_FAILED, _SCORE, *_NARROW))
ELIGIBILITY_ROW = Shape(
    "eligibility_row",
    "a row",
    (key("when", "eligibility_when", "all must hold"), must("then", "words", "the outcome", *ELIGIBILITY_OUTCOMES)),
)
ELIGIBILITY = Shape(
    "eligibility",
    "an eligibility book",
    (
        *head_keys("eligibility", title=True, parties=True),
        must("criteria", "list of criterion", "what is looked at"),
        key("scores", "map of score_definition", "name -> weighted sum"),
        must("outcomes", "list of eligibility_row", "the first row that holds decides; the last has no `when`"),
    ),
)

# --- routing ------------------------------------------------------------------------------------------------------

ROUTING_WHEN = Shape(
    "routing_when",
    "the `when` of a row",
    (
        key("screening", "words", "the eligibility outcome, or a list of them", *ELIGIBILITY_OUTCOMES),
        *_FAILED,
        _SCORE,
        key("warnings", "words", "whether screening left notes or warnings", "none", "any"),
        _FACT,
        *_NARROW,
    ),
)
TRACK_WHEN = Shape("track_when", "the `when` of a track row", (_FACT,))
QUEUE_THEN = Shape(
    "queue_then",
    "the `then` of a queue row",
    (
        must("queue", "name", "where the case waits"),
        must("role", "role", "who may take it", *ROLES),
        must("sla", "deadline", "until when it is to be decided"),
        key("four_eyes", "flag", "whether a second person confirms; default true"),
        key(
            "escalate_to",
            "escalation",
            "where it goes when `sla` is over; default `{queue: escalations, role: reviewer}`",
        ),
    ),
)
SYSTEM_THEN = Shape("system_then", "a straight-through row", (must("by", "words", "nobody need look", "system"),))
TRACK_THEN = Shape("track_then", "a track", (must("track", "words", "where the party belongs", *ROUTING_TRACKS),))
ENDORSEMENT_THEN = Shape(
    "endorsement_then",
    "an endorsement",
    (must("endorsement", "words", "whether the party carries the mark", *ENDORSEMENTS),),
)
ROUTING_ROW = Shape(
    "routing_row",
    "a row",
    (
        key("when", "routing_when", "all must hold"),
        must("then", "queue_then", "what follows; `{by: system}`, `{track: ...}` or `{endorsement: ...}` likewise"),
    ),
)
ROUTING = Shape(
    "routing",
    "a routing book",
    (
        *head_keys("routing", title=False, parties=False),
        must("decides", "words", "what its rows say", *DECIDES),
        must("rows", "list of routing_row", "the first row that holds decides; the last has no `when`"),
    ),
)

# --- maintenance --------------------------------------------------------------------------------------------------

BAND = Shape(
    "band",
    "a band",
    (
        must("id", "name", "unique in the book"),
        must("fact", "fact", "what is watched"),
        must("title", "title", "what it watches"),
        key("alert", "comparison", "warns"),
        key("limit", "comparison", "counts against the party"),
        key("min_sample", "whole", "fewer observations behind the fact: unknown"),
    ),
)
STREAK = Shape(
    "streak",
    "a streak",
    (
        *(key(op, "whole", "observations in a row in `limit`") for op in COUNT_OPERATORS),
        key("band", "name", "of this band; default: the longest of all"),
    ),
)
MAINTENANCE_WHEN = Shape(
    "maintenance_when",
    "the `when` of a row",
    (
        key("limit", "name", "this band is in its limit, or `any`"),
        key("alert", "name", "this band is in its alert, or `any`"),
        key("streak", "streak", "observations in a row in `limit`"),
        key("clear_for", "months", "no band in alert or limit for so long"),
        _FACT,
    ),
)
MAINTENANCE_ROW = Shape(
    "maintenance_row",
    "a row",
    (
        key("when", "maintenance_when", "all must hold"),
        must("then", "words", "the outcome", *MAINTENANCE_OUTCOMES),
        key("cause", "name", "the cause that clawback rows name"),
    ),
)
MAINTENANCE = Shape(
    "maintenance",
    "a maintenance book",
    (
        *head_keys("maintenance", title=False, parties=True),
        must("every", "months", "one observation each"),
        must("bands", "list of band", "what is watched"),
        must("outcomes", "list of maintenance_row", "the first row that holds decides; the last has no `when`"),
    ),
)

# --- incentive ----------------------------------------------------------------------------------------------------

TIER = Shape(
    "tier",
    "a tier",
    (
        key("up_to", "literal", "where the tier ends; the last has no end"),
        must("rate", "rate", "pool units for each unit of money, or of a count, within the tier"),
    ),
)
BASE = Shape(
    "base",
    "the base",
    (must("fact", "fact", "money or a count, from 0 up"), must("tiers", "list of tier", "marginal rates")),
)
MULTIPLIER = Shape(
    "multiplier",
    "the multiplier",
    (must("score", "score", "of the party's eligibility book"), must("curve", "curve", "[score, rate], not falling")),
)
CAPS = Shape(
    "caps",
    "the caps",
    (
        key("single_grant", "whole", "the most for one grant"),
        key("party_per_year", "whole", "the most for one party in a calendar year"),
        key("category_per_month", "table", "the most for one category in a month, by the fact `category`"),
    ),
)
TRANCHE = Shape(
    "tranche",
    "a tranche",
    (
        must("share", "percent", "of the grant; shares sum to 100%"),
        must("after", "duration", "from the grant's reservation"),
        key("needs", "list of words", "released only under one of these maintenance outcomes", *MAINTENANCE_OUTCOMES),
    ),
)
CLAWBACK = Shape(
    "clawback",
    "a clawback",
    (
        must("cause", "name", "the cause of a revocation; `default`: every other"),
        must("within", "duration", "how far back releases are taken"),
        must("unspent", "percent", "share of what is not spent yet"),
        must("spent", "percent", "share of what is spent, as a debt"),
    ),
)
INCENTIVE = Shape(
    "incentive",
    "an incentive book",
    (
        *head_keys("incentive", title=False, parties=True),
        must("pool", "map of pool", "track -> pool"),
        must("every", "months", "a grant each"),
        key("gates", "list of gate", "not met, or unknown: no grant"),
        must("base", "base", "sales (or another amount) to traffic"),
        must("multiplier", "multiplier", "more trust, more traffic"),
        key("caps", "caps", "limits, in traffic units"),
        must("tranches", "list of tranche", "when how much is released"),
        must("expires_after", "duration", "of each tranche, from its release"),
        key("confirm_above", "whole", "a person of finance confirms more than this"),
        key("clawback", "list of clawback", "what is taken back"),
    ),
)

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (
        *(TITLE, FACTS, FACT, DERIVED, OF_BY, PROGRAMME, POOL, REVIEW, ENDORSEMENT, STANDING),
        *(CASES, CASE_DESK, ESCALATION, EFFECTIVE),
        *(CRITERION, GATE, SCORE, SCORE_PART, ELIGIBILITY_WHEN, ELIGIBILITY_ROW, ELIGIBILITY),
        *(ROUTING_WHEN, TRACK_WHEN, QUEUE_THEN, SYSTEM_THEN, TRACK_THEN, ENDORSEMENT_THEN, ROUTING_ROW, ROUTING),
        *(BAND, STREAK, MAINTENANCE_WHEN, MAINTENANCE_ROW, MAINTENANCE),
        *(TIER, BASE, MULTIPLIER, CAPS, TRANCHE, CLAWBACK, INCENTIVE),
        *(REQUIREMENT, PREFERENCE, MATCHING),
    )
}
"""Every shape by name."""
