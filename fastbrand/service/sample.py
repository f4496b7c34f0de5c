"""A seeded sample of candidates: realistic, of both tracks, and not all of them good.

About four in five are merchants (track M), the others brands (track S). Under the shipped book a third goes straight
through, a third becomes a case for a person, and a third is refused; every criterion is met by some and missed by some,
some facts are missing, some are hostile. All of it is made up: no party in here exists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import cycle

from fastbrand.domain.errors import InputError, UsageError
from fastbrand.service.sample_profiles import CATEGORIES, REGION_OF, WEIRD_TEXTS, Draw, Facts, Weakness, brand, merchant
from fastbrand.service.sample_weaknesses import (
    M_REFERRED,
    M_REFUSED,
    S_REFERRED,
    S_REFUSED,
    enormous,
    facts_missing,
)
from rules.model import FactDef, Value
from rules.values import parse_fact, to_text

SAMPLE_DAY = date(2022, 8, 1)
"""The day the sample stands at where none is given."""

_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class SampleParty:
    """One candidate: ``facts`` name -> canonical text in facts-file notation, None where it is there and empty."""

    party_id: str
    track: str
    facts: dict[str, str | None]


def generate(
    n: int,
    seed: int,
    book_facts: Mapping[str, FactDef],
    *,
    today: date = SAMPLE_DAY,
    tracks: Collection[str] = ("M", "S"),
) -> list[SampleParty]:
    """Make ``n`` candidates from ``seed``: the same arguments give the same parties, on every Python.

    ``book_facts`` is the vocabulary of the book they are for: other facts are left out, values are brought within its
    ranges and choices, and a fact that the sample does not know gets a plausible value of its type. ``tracks`` are
    those that the book judges; of both, a fifth are brands. Dates are relative to ``today``. Ids hold the seed
    (``s7-m001``, ``s7-s001``), so that another seed adds other parties. Raises ``UsageError`` for ``n`` below 0 or
    above a million.
    """
    if not 0 <= n <= _MOST:
        raise UsageError(f"`{n}` is not a number of candidates", hint=f"ask for 0 to {_MOST:,}")
    draw = Draw(seed)
    brands = (n // 5 if "M" in tracks else n) if "S" in tracks else 0
    declared = book_facts["category"].choices if "category" in book_facts else None
    categories = sorted(set(CATEGORIES) & set(declared or CATEGORIES)) or ["other"]
    made = [
        *_track(draw, _Plan("M", seed, categories, today, merchant, M_REFUSED, M_REFERRED), n - brands),
        *_track(draw, _Plan("S", seed, categories, today, brand, S_REFUSED, S_REFERRED), brands),
    ]
    readable = {name: fact for name, fact in book_facts.items() if fact.derivation is None}
    # a draw of its own for facts nobody here has heard of, so that they do not disturb the others
    extra = Draw(seed + 1)
    return [
        SampleParty(party_id, track, _fitted(facts, readable, extra, today))
        for party_id, track, facts in draw.shuffled(made)
    ]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the parties of one track are made from."""

    track: str
    seed: int
    categories: list[str]
    today: date
    profile: Callable[[Draw, str, date], Facts]
    refused: tuple[Weakness, ...]
    referred: tuple[Weakness, ...]


def _track(draw: Draw, plan: _Plan, count: int) -> list[tuple[str, str, Facts]]:
    """``count`` parties of one track: a third healthy, a third with something that refuses, a third for people."""
    refused, referred = cycle(draw.shuffled(plan.refused)), cycle(draw.shuffled(plan.referred))
    weird = cycle(draw.shuffled(WEIRD_TEXTS))
    fates = draw.shuffled([("healthy", "refused", "referred")[number % 3] for number in range(count)])
    made: list[tuple[str, str, Facts]] = []
    for number, fate in enumerate(fates, 1):
        facts = plan.profile(draw, draw.pick(plan.categories), plan.today)
        if fate == "refused":
            # who is refused often has more than one thing wrong, and facts that nobody asked for any more
            if draw.chance(30):
                draw.pick(plan.referred)(draw, facts)
            if draw.chance(10):
                draw.pick(plan.refused)(draw, facts)
            next(refused)(draw, facts)
        elif fate == "referred":
            next(referred)(draw, facts)
            if draw.chance(15):
                facts_missing(draw, facts)
        if draw.chance(8):
            facts |= {"brand_name": next(weird), "origin_region": next(weird)}
        if fate == "healthy" and draw.chance(2):
            enormous(draw, facts)
        if facts.get("first_sale_on") == "recent":
            facts["first_sale_on"] = (plan.today - timedelta(days=draw.between(10, 170))).isoformat()
        region = REGION_OF.get(facts.get("origin_region") or "")
        if region is not None:
            facts["region"] = region
        if "quality_report" in (facts.get("documents") or ""):  # what looks good was made well
            facts["quality_report_score"] = facts.get("aesthetic_score")
        made.append((f"s{plan.seed}-{plan.track.lower()}{number:03d}", plan.track, facts))
    return made


# --- made to fit a book's vocabulary ------------------------------------------------------------------------------


def _fitted(facts: Facts, known: Mapping[str, FactDef], extra: Draw, today: date) -> dict[str, str | None]:
    """``facts`` in the order and canonical notation of the vocabulary ``known``."""
    found: dict[str, str | None] = {}
    for name, fact in known.items():
        if name in facts:
            text = facts[name]
            found[name] = None if text is None else _fit(fact, text)
        elif name not in _OURS:
            found[name] = to_text(fact, _plausible(fact, extra, today))
    return found


def _fit(fact: FactDef, text: str) -> str | None:
    """``text`` as a value of ``fact``: out of range goes to the nearer end, what is of another type is unknown."""
    try:
        value = parse_fact(replace(fact, range=None), text)
    except InputError:
        return None
    if isinstance(value, int) and fact.range is not None:
        value = min(max(value, fact.range[0]), fact.range[1])
    return None if value is None else to_text(fact, value)


def _plausible(fact: FactDef, draw: Draw, today: date) -> Value:
    """Some value of a fact that only the book knows."""
    if fact.type == "flag":
        return int(draw.chance(50))
    if fact.type in ("choice", "choices"):
        code = draw.pick(sorted(fact.choices or {"none": fact.title}))
        return code if fact.type == "choice" else (code,)
    if fact.type == "text":
        return f"text {draw.below(1_000)}"
    if fact.type == "date":
        return today.toordinal() - draw.below(1_000)
    low, high = fact.range or (0, 1_000 * 10**fact.decimals)
    return draw.between(low, high)


def _names_of_ours() -> frozenset[str]:
    """Every fact that the profiles speak of; one of these that a party lacks is missing on purpose."""
    draw = Draw(0)
    profiles = merchant(draw, "other", SAMPLE_DAY), brand(draw, "other", SAMPLE_DAY)
    return frozenset({"region", "quality_report_score", *profiles[0], *profiles[1]})


_OURS = _names_of_ours()
