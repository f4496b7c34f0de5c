"""Sellers over a year: most go on, some grow into brands, some slip and recover, some fade, some cheat.

Made from a seed with integers alone, like the sample they start from. Nobody in here exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from fastbrand.service.sample import SampleParty, generate
from fastbrand.service.sample_profiles import Draw, percent, tenths
from rules.model import FactDef
from rules.values import parse_fact, to_text

FATES = ("steady",) * 10 + ("growing",) * 4 + ("slipping",) * 3 + ("fading",) * 1 + ("cheat",) * 2
"""What becomes of a seller, as often as it stands here."""

_SALES = ("gmv_30d", "gmv_90d", "orders_90d", "delivered_orders_90d", "buyers_90d", "sales_all_channels_365d")


@dataclass(slots=True)
class Seller:
    """A seller: its facts as they are now, its fate and the month (from 0) in which that begins, when it comes in."""

    party_id: str
    track: str
    facts: dict[str, str | None]
    fate: str
    begins: int
    comes: int
    growth: int
    mended: bool = field(default=False)


def cast(count: int, seed: int, book_facts: Mapping[str, FactDef], *, today: date, months: int) -> list[Seller]:
    """``count`` sellers: three in five are there from the start, the others come in during the first half."""
    draw = Draw(seed * 7919 + 1)
    half = max(1, months // 2)
    return [_seller(each, draw, months, half) for each in generate(count, seed, book_facts, today=today)]


def _seller(each: SampleParty, draw: Draw, months: int, half: int) -> Seller:
    comes = 0 if draw.chance(60) else draw.below(half)
    return Seller(
        party_id=each.party_id,
        track=each.track,
        facts=dict(each.facts),
        fate=draw.pick(FATES),
        begins=min(months - 1, comes + 1 + draw.below(half)),
        comes=comes,
        growth=draw.between(-2, 6),
    )


def evolve(sellers: Sequence[Seller], month: int, draw: Draw, book_facts: Mapping[str, FactDef]) -> None:
    """Let a month pass for everybody who is here."""
    for seller in sellers:
        if seller.comes >= month:
            continue
        growth = seller.growth + (9 if seller.fate == "growing" and month >= seller.begins else 0)
        for name in _SALES:
            _scale(seller.facts, name, 100 + growth + draw.between(-3, 3), book_facts)
        _count(seller.facts, "months_active", 1)
        _fate(seller, month, draw)
        if month >= seller.comes + 2 and not seller.mended:
            _mend(seller, draw)


def _fate(seller: Seller, month: int, draw: Draw) -> None:
    since = month - seller.begins
    if since < 0:
        return
    match seller.fate:
        case "growing" if seller.track == "M":
            known = Decimal((seller.facts.get("mass_awareness") or "0%").rstrip("%")) * 100
            seller.facts["mass_awareness"] = percent(min(95_00, int(known) + draw.between(1_00, 6_00)))
        case "slipping":
            bad = since < 1 + draw.below(4)
            score = draw.between(480, 590) if bad else draw.between(800, 900)
            seller.facts |= {
                "experience_score": tenths(score),
                "late_delivery_rate_90d": percent(16_00 if bad else 2_00),
            }
        case "fading":
            score = max(300, 740 - 60 * since)
            seller.facts |= {
                "experience_score": tenths(score),
                "repurchase_rate_90d": percent(max(4_00, 20_00 - since)),
            }
        case "cheat":
            seller.facts["counterfeit_confirmed_90d"] = str(1 + draw.below(3)) if since < 3 else "0"


def _mend(seller: Seller, draw: Draw) -> None:
    """Whoever was refused for one thing often mends it some months later."""
    seller.mended = True
    if seller.fate in {"steady", "growing"} and draw.chance(50):
        seller.facts |= {
            "owns_brand": "true",
            "counterfeit_confirmed_90d": "0",
            "severe_violations_365d": "0",
            "private_gmv_share_30d": percent(draw.between(33_00, 60_00)),
            "consumer_rights_score": tenths(draw.between(800, 950)),
        }


def _scale(facts: dict[str, str | None], name: str, per_cent: int, known: Mapping[str, FactDef]) -> None:
    """A number of the facts, ``per_cent`` of what it was."""
    text, fact = facts.get(name), known.get(name)
    if text is None or fact is None:
        return
    value = parse_fact(fact, text)
    if isinstance(value, int):
        most = fact.range[1] if fact.range is not None else value * 2
        facts[name] = to_text(fact, min(value * per_cent // 100, most))


def _count(facts: dict[str, str | None], name: str, more: int) -> None:
    text = facts.get(name)
    if text is not None and text.isdigit():
        facts[name] = str(int(text) + more)
