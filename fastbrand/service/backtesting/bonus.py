"""What both books would spend on bonus traffic: in all, by category, by tier, and what that does to the pools.

An estimate: everybody who is eligible gets a grant each period, on the facts of the record. Caps of a single grant, a
party's year and a category's month are kept; nothing else is drawn from the pools meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from rules.backtesting import SIDES, Side, Tally, Trial
from rules.backtesting.tally import Granted, after_category_caps
from rules.decimals import grouped, plain_text
from rules.model import Incentive

Trials = Mapping[str, Mapping[Side, Trial]]
_Kept = Mapping[Side, Mapping[tuple[str, str], Granted]]


def bonus_of(tally: Tally, trials: Trials) -> dict[str, Any]:
    """``live`` and ``candidate`` are pool units for ``period_months``: one period of the incentive rules, or a year
    where not all have periods of one length (0 where a book pays nothing). Further: ``change, change_ratio`` (decimal
    text; null where live is 0), ``unit, year{}, grants{}, referred{}`` (what those referred would get besides, were all
    of them approved), ``parts{}`` (why it changes; null for a year), ``by_category[], by_tier[], capped[],
    undecided{}``."""
    periods = {each.every_months for side in SIDES for each in _incentives(trials, side).values()}
    which, months = ("period", next(iter(periods), 1)) if len(periods) <= 1 else ("year", 12)
    kept = _kept(tally, trials)
    total = {side: sum(getattr(each, which) for each in kept[side].values()) for side in SIDES}
    held_back = {side: sum(each.period for each in tally.sides[side].grants.values()) for side in SIDES}
    for side in SIDES:
        held_back[side] -= sum(each.period for each in kept[side].values())
    change = total["candidate"] - total["live"]
    parts = {
        "eligibility": tally.admitted,
        "amounts": tally.repriced,
        "category_caps": held_back["live"] - held_back["candidate"],
    }
    return {
        "live": total["live"],
        "candidate": total["candidate"],
        "period_months": months,
        "unit": _unit(trials),
        "change": change,
        "change_ratio": ratio_text(Fraction(change, total["live"]), 4) if total["live"] else None,
        "year": {side: sum(each.year for each in kept[side].values()) for side in SIDES},
        "grants": {side: sum(each.grants for each in tally.sides[side].grants.values()) for side in SIDES},
        "referred": {side: getattr(tally.sides[side].referred, which) for side in SIDES},
        "parts": parts if which == "period" else None,
        "by_category": _by_category(kept, which),
        "by_tier": list(_by_tier(tally, trials, which)),
        "capped": _capped(tally),
        "undecided": {side: tally.sides[side].undecided for side in SIDES},
    }


def pool_effect(tally: Tally, trials: Trials, available: Mapping[str, int]) -> dict[str, Any]:
    """Pool -> ``unit, available`` (null: no ledger was asked) and for each book ``budget, year`` (units a year),
    ``share`` of the budget that a year takes (decimal text) and ``months`` that the budget lasts, or what is available
    of it (null: it is never spent); null where the book does not draw on the pool."""
    kept = _kept(tally, trials)
    years: dict[str, dict[Side, int]] = {}
    for side in SIDES:
        for track, both in trials.items():
            incentive = both[side].incentive
            if incentive is not None:
                drawn = sum(granted.year for (of, _), granted in kept[side].items() if of == track)
                year = years.setdefault(incentive.pool[track], {})
                year[side] = year.get(side, 0) + drawn
    return {
        pool: {
            "unit": _unit(trials),
            "available": available.get(pool),
            **{side: _lasts(pool, year.get(side), trials, side, available.get(pool)) for side in SIDES},
        }
        for pool, year in years.items()
    }


def _lasts(pool: str, year: int | None, trials: Trials, side: Side, available: int | None) -> dict[str, Any] | None:
    """What a year takes of a pool, and how long it lasts."""
    programme = next(both[side].book.programme for both in trials.values())
    if year is None or pool not in programme.pools:
        return None
    budget = programme.pools[pool].budget
    left = budget if available is None else available
    return {
        "budget": budget,
        "year": year,
        "share": ratio_text(Fraction(year, budget), 4) if budget else None,
        "months": left * 12 // year if year else None,
    }


def _kept(tally: Tally, trials: Trials) -> _Kept:
    """Grants of both books after the caps of categories."""
    return {
        side: after_category_caps(tally.sides[side], {track: both[side] for track, both in trials.items()})
        for side in SIDES
    }


def _by_category(kept: _Kept, which: str) -> list[dict[str, Any]]:
    """``category`` (null: not known) with ``live`` and ``candidate`` (``grants, amount``), the largest change first."""
    sums: dict[str, dict[Side, Granted]] = {}
    for side in SIDES:
        for (_, category), granted in kept[side].items():
            found = sums.setdefault(category, {each: Granted() for each in SIDES})[side]
            found.add(granted.grants, granted.period, granted.year)

    def amount(category: str, side: Side) -> int:
        return int(getattr(sums[category][side], which))

    def order(category: str) -> tuple[int, int, str]:
        live = amount(category, "live")
        return -abs(amount(category, "candidate") - live), -live, category

    return [
        {
            "category": category or None,
            **{side: {"grants": sums[category][side].grants, "amount": amount(category, side)} for side in SIDES},
        }
        for category in sorted(sums, key=order)
    ]


def _by_tier(tally: Tally, trials: Trials, which: str) -> Iterator[dict[str, Any]]:
    """``rulebook, tier`` with ``live`` and ``candidate`` (``grants, amount, fact, from, up_to, rate``; null where there
    is no such tier); before the caps of categories."""
    incentives = {side: _incentives(trials, side) for side in SIDES}
    for name in dict.fromkeys([*incentives["candidate"], *incentives["live"]]):
        known = {side: incentives[side].get(name) for side in SIDES}
        for number in range(1, max(len(each.tiers) for each in known.values() if each is not None) + 1):
            entry: dict[str, Any] = {"rulebook": name, "tier": number}
            for side, incentive in known.items():
                entry[side] = None
                if incentive is not None and number <= len(incentive.tiers):
                    granted = tally.sides[side].tiers.get((name, number), Granted())
                    terms = _tier_terms(incentive, number, trials, side)
                    entry[side] = {"grants": granted.grants, "amount": getattr(granted, which), **terms}
            yield entry


def _tier_terms(incentive: Incentive, number: int, trials: Trials, side: Side) -> dict[str, Any]:
    """What a tier is of, where it begins and ends (in the notation of rule files), and its rate."""
    fact = next(both[side].book.facts[incentive.base_fact] for both in trials.values())
    begins = incentive.tiers[number - 2].up_to if number > 1 else 0

    def text(value: int | None) -> str | None:
        return None if value is None else f"{grouped(plain_text(value, fact.decimals))} {fact.unit or ''}".rstrip()

    tier = incentive.tiers[number - 1]
    rate = f"{grouped(ratio_text(tier.rate * 100, 6))}%"
    return {"fact": fact.name, "from": text(begins), "up_to": text(tier.up_to), "rate": rate}


def _capped(tally: Tally) -> list[dict[str, Any]]:
    """``cap, live, candidate``: how many grants each cap cut."""
    names = sorted({name for side in SIDES for name in tally.sides[side].capped})
    return [{"cap": name, **{side: tally.sides[side].capped[name] for side in SIDES}} for name in names]


def _incentives(trials: Trials, side: Side) -> dict[str, Incentive]:
    """The incentive rule books of one side, by name."""
    paying = (both[side].incentive for both in trials.values())
    return {each.head.name: each for each in paying if each is not None}


def _unit(trials: Trials) -> dict[str, str] | None:
    """What pools are counted in, in both languages; None where nothing was compared."""
    for both in trials.values():
        unit = both["candidate"].book.programme.traffic_unit
        return {"en": unit.en, "zh": unit.zh}
    return None


def ratio_text(value: Fraction, digits: int) -> str:
    """A decimal of at most so many digits, rounded half to even."""
    return plain_text(round(value * 10**digits), digits)
