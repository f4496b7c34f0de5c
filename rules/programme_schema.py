"""The shape of ``programme.yaml``: pools, calendar, deadlines of the process, what happens to a standing."""

from __future__ import annotations

from rules.shape import Shape, key, must
from rules.words import ROLES, STATUSES

PROGRAMME = Shape(
    "programme",
    "a programme",
    (
        must("kind", "words", "what this file is", "programme"),
        must("version", "version", "raised with every change"),
        must("currency", "currency", "of every amount in the book"),
        must("time_zone", "zone", "where days, months and effective dates begin"),
        must("business_days", "country", "whose public holidays count in deadlines"),
        must("traffic_unit", "title", "what a unit of a pool is"),
        must("pools", "map of pool_definition", "name -> pool"),
        key("targets", "map of goal", "what the programme is to reach"),
        key("baseline", "map of goal", "where it began; one more level of names is allowed"),
        key("review", "review", "requests for information and appeals"),
        key("cases", "programme_cases", "cases that no screening opens"),
        key("endorsement", "endorsement_term", "how long an endorsement lasts"),
        key("standing", "standing_settings", "what happens to a standing that slips"),
        key("waiting_retry", "duration", "how often a grant that waits for its pool is tried again; default 1 day"),
        key("frozen_recheck", "duration", "how often a frozen tranche is looked at again; default 1 day"),
    ),
)
POOL = Shape(
    "pool_definition",
    "a pool",
    (must("budget", "whole", "traffic units"), key("status", "words", "shown beside it", *STATUSES)),
)
REVIEW = Shape(
    "review",
    "the review settings",
    (
        key("rfi_rounds", "whole", "how often a reviewer may ask for information; default 3"),
        key("rfi_deadline", "duration", "time to answer; default 10 days"),
        key("appeal_window", "duration", "time to appeal; default 30 days"),
        key("appeal_again", "duration", "time to appeal once more; default 15 days"),
        key("appeals", "whole", "how often one decision may be appealed against; default 2"),
    ),
)
CASES = Shape(
    "programme_cases",
    "the cases of the programme",
    (
        key("appeal", "case_desk", "appeals; default `{queue: appeals, role: reviewer, sla: 5 business days}`"),
        key(
            "standing",
            "case_desk",
            "cases about a standing; default `{queue: standing, role: reviewer, sla: 5 business days}`",
        ),
    ),
)
CASE_DESK = Shape(
    "case_desk",
    "where such cases wait",
    (
        must("queue", "name", "where the case waits"),
        must("role", "role", "who may take it", *ROLES),
        must("sla", "deadline", "until when it is to be decided"),
        key(
            "escalate_to",
            "escalation",
            "where it goes when `sla` is over; default `{queue: escalations, role: reviewer}`",
        ),
    ),
)
ESCALATION = Shape(
    "escalation",
    "where a late case goes",
    (must("queue", "name", "where it waits then"), must("role", "role", "who may take it then", *ROLES)),
)
ENDORSEMENT = Shape(
    "endorsement_term",
    "the endorsement settings",
    (
        key("term", "duration", "default 365 days"),
        key("renews", "flag", "whether the rules may renew it before its end; default true"),
        key("renewal", "duration", "how long before its end they are asked; default 30 days"),
    ),
)
STANDING = Shape(
    "standing_settings",
    "the settings of a standing",
    (
        key("lift_after", "whole", "months of `keep` in a row after which a watch or demotion is lifted; default 1"),
        key("suspension", "duration", "after it a suspension that nobody lifted ends the standing; default 90 days"),
        key("cool_off", "duration", "how long nobody may apply after a revocation; default 180 days"),
        key("plan", "duration", "the longest that an action plan may take; default 60 days"),
    ),
)
