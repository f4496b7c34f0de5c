"""Parties for the benchmark of the engines: the facts of ``rules_book``, drawn round its thresholds.

Of every fact some are not known, and some stand exactly on a threshold, where engines would differ if they did.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rules.model import Book, FactDef
from rules.records import Observed, Record
from rules.values import parse_literal, to_text

UNKNOWN_OF_1000 = 8
ON_THE_LINE_OF_1000 = 40
BEYOND_OF_1000 = 30

_FACTS: Mapping[str, tuple[str, ...]] = {
    # fact -> where most stand (from, to), the thresholds, where those beyond stand (from, to)
    "mass_awareness": ("0%", "29%", "30%", "30%", "60%"),
    "live_days_30d": ("9", "30", "8", "20", "25", "0", "9"),
    "self_live_share_30d": ("31%", "95%", "30%", "5%", "30%"),
    "content_score": ("60.1", "99", "60", "20", "60"),
    "gmv_90d": ("5_000_001 CNY", "90_000_000 CNY", "2_000_000 CNY", "5_000_000 CNY", "100_000 CNY", "3_000_000 CNY"),
    "orders_90d": ("1_100", "100_000", "30", "1_000", "0", "1_000"),
    "late_rate_90d": ("0%", "7.9%", "8%", "8%", "30%"),
    "refund_rate_90d": ("0%", "19.9%", "20%", "40%", "45%", "20%", "60%"),
    "first_reply_30d": ("30 seconds", "5 minutes", "5 minutes", "5 minutes", "30 minutes"),
    "buyers_90d": ("500", "50_000", "30", "500", "0", "500"),
    "repurchase_90d": ("20%", "45%", "18%", "8%", "20%", "0%", "20%"),
    "followers": ("10_001", "2_000_000", "10_000", "500_000", "0", "10_000"),
    "private_share_30d": ("21%", "80%", "20%", "0%", "20%"),
    "sales_share_here": ("50%", "100%", "50%", "30%", "5%", "50%"),
    "months_active": ("7", "90", "6", "0", "6"),
    "counterfeits_90d": ("0", "0", "0", "1", "4"),
    "violations_365d": ("0", "2", "2", "3", "9"),
    "rights_score": ("61", "100", "60", "85", "20", "60"),
    "experience_score": ("56", "100", "55", "70", "85", "20", "56"),
    "price_to_category": ("41%", "179%", "40%", "180%", "300%", "180%", "500%"),
}

_STEPS = {"ratio": 10**5, "duration": 1000}
"""As fine as facts come: ratios in hundredths of a percent, durations in seconds."""


@dataclass(frozen=True, slots=True)
class Party:
    """One party: what our engine is given, and the same in integers, codes and booleans, as all others are given it.

    ``plain`` are the facts as ``rules.model`` keeps them, flags as booleans; one that is not known is not in there.
    """

    record: Record
    plain: Mapping[str, Any]


def parties(book: Book, count: int, seed: str = "2022") -> list[Party]:
    """So many parties with facts of ``book``, the same for the same ``seed``."""
    rng = random.Random(seed)
    spread = {name: [_stored(book.facts[name], text) for text in texts] for name, texts in _FACTS.items()}
    return [_party(book, rng, spread, place) for place in range(count)]


def _party(book: Book, rng: random.Random, spread: Mapping[str, list[int]], place: int) -> Party:
    plain: dict[str, Any] = {}
    for name, fact in book.facts.items():
        value = _drawn(rng, fact, spread.get(name))
        if rng.randrange(1000) >= UNKNOWN_OF_1000:
            plain[name] = value
    facts = {name: Observed(to_text(book.facts[name], value)) for name, value in plain.items()}
    return Party(Record(f"p{place}", facts), plain)


def _drawn(rng: random.Random, fact: FactDef, spread: list[int] | None) -> Any:
    if fact.type == "flag":
        return rng.randrange(1000) >= BEYOND_OF_1000
    if spread is None:
        return rng.choice(list(fact.choices or {}))
    least, most, *lines, low, high = spread
    where = rng.randrange(1000)
    if where < ON_THE_LINE_OF_1000:
        return rng.choice(lines)
    if where < ON_THE_LINE_OF_1000 + BEYOND_OF_1000:
        least, most = low, high
    step = _STEPS.get(fact.type, 1)
    return rng.randint(least // step, most // step) * step


def _stored(fact: FactDef, text: str) -> int:
    """A literal, as a rule file writes it, as it is stored."""
    value = parse_literal(fact, text)
    assert isinstance(value, int)
    return value
