"""The kinds of rule books on top of ``reference``: outcome rows, routing, bands, grants; as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from rules.model import (
    BandAtom,
    ClearForAtom,
    FactAtom,
    FactDef,
    FailedAtom,
    ScoreAtom,
    ScreeningAtom,
    StreakAtom,
    UnknownAtom,
    WarningsAtom,
)
from rules.records import Context
from tests.rules.reference import (
    F,
    T,
    U,
    World,
    criterion_found,
    holds,
    leaf_verdict,
    on_curve,
    score_text,
    score_value,
)

# --- rows ---------------------------------------------------------------------------------------------------------


def _narrow(atom: Any, found: dict[str, Any], groups: Mapping[str, str]) -> bool:
    return (atom.group is None or groups[found["criterion"]] == atom.group) and (
        atom.criterion is None or found["criterion"] == atom.criterion
    )


def atom_holds(atom: Any, world: World, seen: dict[str, Any]) -> bool:
    """Whether a condition certainly holds. ``seen``: found, groups, scores, outcome, noted, levels, streaks, clear."""
    found = seen.get("found")
    if isinstance(atom, FactAtom):
        return leaf_verdict(world, atom.leaf, None) == T
    if isinstance(atom, ScoreAtom):
        if atom.score not in seen["score_defs"]:
            return False
        score = seen["score_defs"][atom.score]
        value = seen["scores"][atom.score]
        as_fact = FactDef("x", "score", score.title, score.mark, score.decimals)
        return value is not None and holds(atom.op, value, atom.operand, as_fact, world.today)
    if isinstance(atom, ScreeningAtom):
        return seen.get("outcome") in atom.outcomes
    if isinstance(atom, WarningsAtom):
        return seen.get("noted") is not None and (seen["noted"] > 0) == atom.any
    if isinstance(atom, FailedAtom):
        for each in found or []:
            by_fail = each["verdict"] == F and each["effect"] == atom.effect
            by_unknown = atom.effect == "reject" and each["verdict"] == U and each["effect"] == "reject"
            if (by_fail or by_unknown) and _narrow(atom, each, seen["groups"]):
                return True
        return False
    if isinstance(atom, UnknownAtom):
        some = any(
            each["verdict"] == U and each["effect"] == "refer" and _narrow(atom, each, seen["groups"])
            for each in found or []
        )
        return found is not None and some == atom.wanted
    if isinstance(atom, BandAtom):
        at_least = ("alert", "limit") if atom.level == "alert" else ("limit",)
        return any(level in at_least for band, level in seen["levels"].items() if atom.band in (None, band))
    if isinstance(atom, StreakAtom):
        streaks = seen["streaks"]
        count = streaks[atom.band] if atom.band else max(streaks.values())
        as_count = FactDef("x", "count", world.book.programme.traffic_unit, world.book.programme.mark)
        return holds(atom.op, Fraction(count), atom.operand, as_count, world.today)
    assert isinstance(atom, ClearForAtom)
    return bool(seen["clear"] >= atom.months)


def first_row(rows: Any, world: World, seen: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    for number, row in enumerate(rows, 1):
        if all(atom_holds(atom, world, seen) for atom in row.when):
            return number, dict(row.then)
    raise AssertionError("the last row must hold")


# --- the kinds ----------------------------------------------------------------------------------------------------


def eligibility(world: World, name: str) -> dict[str, Any]:
    rulebook = world.book.eligibility[name]
    found = [criterion_found(world, criterion) for criterion in rulebook.criteria]
    scores = {score: score_value(world, each) for score, each in rulebook.scores.items()}
    seen = {
        "found": found,
        "groups": {criterion.id: criterion.group for criterion in rulebook.criteria},
        "scores": scores,
        "score_defs": rulebook.scores,
    }
    row, then = first_row(rulebook.outcomes, world, seen)
    return {
        "outcome": then["outcome"],
        "row": row,
        "found": found,
        "reasons": [(each["criterion"], each["verdict"], each["effect"]) for each in found if each["effect"] != "none"],
        "scores": {score: score_text(rulebook.scores[score], value) for score, value in scores.items()},
    }


def routing(world: World, name: str, screened: str | None, strange: int) -> dict[str, Any]:
    """``screened``: the eligibility book whose decision is seen; ``strange``: how many warnings it has."""
    rulebook = world.book.routing[name]
    seen: dict[str, Any] = {"score_defs": {}, "scores": {}, "groups": {}}
    if screened is not None:
        eligible = world.book.eligibility[screened]
        before = eligibility(world, screened)
        seen = {
            "found": before["found"],
            "groups": {criterion.id: criterion.group for criterion in eligible.criteria},
            "scores": {score: score_value(world, each) for score, each in eligible.scores.items()},
            "score_defs": eligible.scores,
            "outcome": before["outcome"],
            "noted": strange + sum(1 for each in before["found"] if each["effect"] == "note"),
        }
    row, then = first_row(rulebook.rows, world, seen)
    return {"row": row, "then": then}


def maintenance(world: World, name: str, context: Context) -> dict[str, Any]:
    rulebook = world.book.maintenance[name]
    levels = {}
    for band in rulebook.bands:
        limit = F if band.limit is None else leaf_verdict(world, band.limit, band.min_sample)
        alert = F if band.alert is None else leaf_verdict(world, band.alert, band.min_sample)
        if limit == T:
            levels[band.id] = "limit"
        elif U in (limit, alert):
            levels[band.id] = "unknown"
        else:
            levels[band.id] = "alert" if alert == T else "clear"
    streaks = {}
    for band in rulebook.bands:
        before = context.streaks.get(band.id, 0)
        level = levels[band.id]
        streaks[band.id] = before + 1 if level == "limit" else before if level == "unknown" else 0
    clear = context.clear_months
    if any(level in ("alert", "limit") for level in levels.values()):
        clear = 0
    elif "unknown" not in levels.values():
        clear += 1
    row, then = first_row(rulebook.outcomes, world, {"levels": levels, "streaks": streaks, "clear": clear})
    return {"outcome": then["outcome"], "row": row, "bands": levels, "streaks": streaks, "clear_months": clear}


def incentive(world: World, name: str, context: Context, eligible: str) -> dict[str, Any]:
    """``eligible``: the eligibility book whose score multiplies."""
    rulebook = world.book.incentive[name]
    found = [criterion_found(world, gate) for gate in rulebook.gates]
    reasons = [each["criterion"] for each in found if each["verdict"] in (F, U)]
    base = world.value(rulebook.base_fact)
    score = score_value(world, world.book.eligibility[eligible].scores[rulebook.multiplier_score])
    by_category = rulebook.caps.category_per_month
    category = None if by_category is None else world.value(by_category.by)
    reasons += ["base_unknown"] * (base is None) + ["score_unknown"] * (score is None)
    reasons += ["category_unknown"] * (by_category is not None and category is None)
    if reasons:
        return {"outcome": "no_grant", "reasons": reasons, "amount": 0, "tranches": []}
    assert base is not None
    assert score is not None
    units, low = Fraction(0), Fraction(0)
    scale = 10 ** world.book.facts[rulebook.base_fact].decimals
    for tier in rulebook.tiers:
        high = base if tier.up_to is None else min(base, Fraction(tier.up_to, scale))
        units += max(Fraction(0), high - low) * tier.rate
        low = max(low, high)
    uncapped = math.floor(units * on_curve(rulebook.multiplier_curve, score))
    ways: list[tuple[int, str | None]] = [(uncapped, None)]
    left = context.remainders
    if rulebook.caps.single_grant is not None:
        ways.append((rulebook.caps.single_grant, "single_grant"))
    if rulebook.caps.party_per_year is not None:
        year = rulebook.caps.party_per_year
        ways.append((year if left.party_year is None else max(0, min(year, left.party_year)), "party_per_year"))
    if by_category is not None:
        cap = by_category.rows.get(str(category), by_category.default)
        month = left.category_month
        ways.append((cap if month is None else max(0, min(cap, month)), "category_per_month"))
    amount = min(way for way, _ in ways)
    capped_by = next(by for way, by in ways if way == amount)
    tranches, given, share = [], 0, Fraction(0)
    for tranche in rulebook.tranches:
        share += Fraction(tranche.share_ppb, 10**9)
        tranches.append(math.floor(amount * share) - given)
        given = math.floor(amount * share)
    return {
        "outcome": "grant" if amount else "no_grant",
        "reasons": [] if amount else [capped_by or "zero"],
        "amount": amount,
        "uncapped": uncapped,
        "capped_by": capped_by,
        "confirm": amount > 0 and rulebook.confirm_above is not None and amount > rulebook.confirm_above,
        "tranches": tranches if amount else [],
    }
