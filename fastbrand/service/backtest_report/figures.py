"""The figures of a backtest page: tables, and how long their bars are in percent of the width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fastbrand.service.backtest_report.words import (
    DIRECTIONS,
    MINUS,
    OUTCOMES,
    PARTS,
    QUEUES,
    months,
    number,
    percent,
    share,
    signed,
    word,
)
from fastbrand.service.backtest_report.words import SIDES as SIDE_WORDS
from fastbrand.service.backtesting import BacktestResult
from rules.backtesting import OUTCOMES as OUTCOME_ORDER
from rules.backtesting import SIDES, Side, direction
from rules.wording import pick

Figure = dict[str, Any]
HISTOGRAM_PX = 120
"""Height of a histogram, as the style sheet has it."""


def matrix(result: BacktestResult, lang: str) -> Figure:
    """Live outcomes down, candidate outcomes across. ``tone``: same, warn and fail (stricter), info (looser), zero."""
    counts = result.matrix()
    rows = []
    for old in OUTCOME_ORDER:
        cells = []
        for new in OUTCOME_ORDER:
            tone = direction(old, new)
            heavy = tone == "stricter" and new == "ineligible"
            cells.append(
                {
                    "count": number(counts[old][new]),
                    "word": word(DIRECTIONS, tone, lang),
                    "tone": "zero"
                    if not counts[old][new]
                    else "fail"
                    if heavy
                    else {"stricter": "warn", "looser": "info", "same": "same"}[tone],
                }
            )
        rows.append({"name": word(OUTCOMES, old, lang), "total": number(sum(counts[old].values())), "cells": cells})
    columns = [
        {"name": word(OUTCOMES, new, lang), "total": number(sum(counts[old][new] for old in OUTCOME_ORDER))}
        for new in OUTCOME_ORDER
    ]
    return {"rows": rows, "columns": columns}


def parts(bonus: Mapping[str, Any], lang: str) -> list[Figure]:
    """Why the bonus changes, as bars left and right of a line at ``zero`` percent of the width."""
    if not bonus["parts"] or not any(bonus["parts"].values()):
        return []
    parts = {name: amount for name, amount in bonus["parts"].items() if amount or name != "category_caps"}
    amounts = [*parts.values(), bonus["change"]]
    low, high = min(0, *amounts), max(0, *amounts)
    span = high - low or 1
    found = []
    for name, amount in [*parts.items(), ("total", bonus["change"])]:
        left = min(0, amount) - low
        found.append(
            {
                "name": pick(("together", "合计"), lang) if name == "total" else word(PARTS, name, lang),
                "amount": signed(amount),
                "ratio": percent(Decimal(amount) / Decimal(bonus["live"]), sign=True) if bonus["live"] else "",
                "x": _percent(left, span),
                "width": _percent(abs(amount), span),
                "zero": _percent(-low, span),
                "total": name == "total",
            }
        )
    return found


def pools(pools: Mapping[str, Any], lang: str) -> Iterator[Figure]:
    """Each pool: what a year takes of it under both books, and how long it lasts."""
    for name, pool in pools.items():
        sides = []
        largest = max(
            [Decimal(1), *(Decimal(pool[side]["share"] or 0) for side in SIDES if pool[side] is not None)],
        )
        for side in SIDES:
            told = pool[side]
            sides.append(
                {
                    "side": word(SIDE_WORDS, side, lang),
                    "key": side,
                    "year": "-" if told is None else number(told["year"]),
                    "share": "-" if told is None or told["share"] is None else percent(told["share"]),
                    "months": "-" if told is None else months(told["months"], lang),
                    "width": _percent(Decimal(0 if told is None else told["share"] or 0), largest),
                    "budget": _percent(Decimal(1), largest),
                }
            )
        budget = next((pool[side]["budget"] for side in reversed(SIDES) if pool[side] is not None), 0)
        left = pool["available"]
        yield {
            "name": name,
            "budget": number(budget),
            "available": None if left is None else number(left),
            "unit": pool["unit"][lang],
            "sides": sides,
        }


def funnel(funnel: Mapping[str, Any], lang: str) -> list[Figure]:
    """Screened, straight through, to people by queue, refused: a row each, with both books' bars."""
    queues = list(dict.fromkeys(queue for side in reversed(SIDES) for queue in funnel[side]["people"]))
    rows = [
        (pick(("screened", "初筛"), lang), "all", {side: funnel[side]["screened"] for side in SIDES}),
        (pick(("straight through", "直接通过"), lang), "pass", {side: funnel[side]["approved"] for side in SIDES}),
        *(
            (
                pick((f"to people: {word(QUEUES, queue, lang)}", f"转人工：{word(QUEUES, queue, lang)}"), lang),
                "warn",
                {side: funnel[side]["people"].get(queue, 0) for side in SIDES},
            )
            for queue in queues
        ),
        (pick(("refused", "直接拒绝"), lang), "fail", {side: funnel[side]["refused"] for side in SIDES}),
    ]
    whole = max(1, funnel["live"]["screened"])
    return [
        {
            "name": name,
            "tone": tone,
            "change": signed(counts["candidate"] - counts["live"]),
            "sides": [
                {
                    "key": side,
                    "side": word(SIDE_WORDS, side, lang),
                    "count": number(counts[side]),
                    "share": share(counts[side], whole),
                    "width": _percent(counts[side], whole),
                }
                for side in SIDES
            ],
        }
        for name, tone, counts in rows
    ]


def criteria(result: BacktestResult, reasons: Sequence[Mapping[str, Any]], lang: str) -> Iterator[Figure]:
    """Every criterion: failed and unknown before and after, those that changed most first."""
    titles = {}
    for trials in result.trials.values():
        for side in SIDES:
            for criterion in trials[side].eligibility.criteria:
                titles[criterion.id] = pick((criterion.title.en, criterion.title.zh), lang)
    whole = max(1, result.tally.records)
    found = []
    for reason in reasons:
        counts = {side: reason[side] or {"failed": 0, "unknown": 0} for side in SIDES}
        change = {name: counts["candidate"][name] - counts["live"][name] for name in ("failed", "unknown")}
        note = ""
        if reason["live"] is None:
            note = pick(("new", "新增"), lang)
        elif reason["candidate"] is None:
            note = pick(("removed", "已移除"), lang)
        found.append(
            {
                "id": reason["criterion"],
                "title": titles[reason["criterion"]],
                "note": note,
                "moved": bool(note or any(change.values())),
                "weight": abs(change["failed"]) + abs(change["unknown"]),
                "cells": [
                    {
                        "live": "-" if reason["live"] is None else number(counts["live"][name]),
                        "candidate": "-" if reason["candidate"] is None else number(counts["candidate"][name]),
                        "change": signed(change[name]),
                        "live_width": _percent(counts["live"][name], whole),
                        "candidate_width": _percent(counts["candidate"][name], whole),
                    }
                    for name in ("failed", "unknown")
                ],
            }
        )
    yield from sorted(found, key=lambda each: -each["weight"])


def scores(result: BacktestResult, found: Mapping[str, Any], lang: str) -> Iterator[Figure]:
    """Each score's values in buckets, under both books."""
    titles = {}
    for trials in result.trials.values():
        for side in SIDES:
            for name, score in trials[side].eligibility.scores.items():
                titles[name] = pick((score.title.en, score.title.zh), lang)
    for name, told in found.items():
        counts = {side: None if told[side] is None else told[side]["counts"] for side in SIDES}
        size = len(next(each for each in counts.values() if each is not None))
        highest = max((count for each in counts.values() if each is not None for count in each), default=0) or 1
        low, width = Decimal(told["from"]), Decimal(told["width"])
        sides = [
            {
                "side": word(SIDE_WORDS, side, lang),
                "mean": "-" if told[side] is None or told[side]["mean"] is None else told[side]["mean"],
                "unknown": "-" if told[side] is None else number(told[side]["unknown"]),
            }
            for side in SIDES
        ]
        yield {
            "title": titles.get(name, name),
            "label": pick(("distribution of {0}, {1} to {2}", "{0}分布，{1} 至 {2}"), lang).format(
                titles.get(name, name), _plain(low), _plain(low + size * width)
            ),
            "same": told["live"] == told["candidate"],
            "highest": number(highest),
            "bars": [_bucket(place, size, low, width, highest, counts) for place in range(size)],
            "ticks": [
                (_percent(place, size), _plain(low + place * width)) for place in range(0, size + 1, max(1, size // 5))
            ],
            "sides": sides,
        }


def _bucket(
    place: int, size: int, low: Decimal, width: Decimal, highest: int, counts: Mapping[Side, Sequence[int] | None]
) -> Figure:
    """Two bars of a histogram: where they stand, in percent of the width, and how high, in pixels."""
    bars: Figure = {}
    shown = []
    for side in SIDES:
        found = counts[side]
        height = Decimal(0) if found is None else Decimal(found[place]) * (HISTOGRAM_PX - 6) / Decimal(highest)
        bars[side] = {"y": f"{HISTOGRAM_PX - 1 - height:.1f}", "height": f"{height:.1f}"} if height else None
        shown.append("-" if found is None else number(found[place]))
    step = Decimal(100) / size
    return {
        **bars,
        "x": f"{step * place + step / 20:.2f}",
        "width": f"{step * 9 / 10:.2f}",
        "inner_x": f"{step * place + step / 5:.2f}",
        "inner_width": f"{step * 3 / 5:.2f}",
        "told": f"{_plain(low + place * width)} – {_plain(low + (place + 1) * width)}: {shown[0]} → {shown[1]}",
    }


def categories(result: BacktestResult, bonus: Mapping[str, Any], lang: str) -> Iterator[Figure]:
    """What each category gets under both books."""
    fact = result.books["candidate"].book.facts.get("category")
    choices = {} if fact is None or fact.choices is None else fact.choices
    largest = max((each[side]["amount"] for each in bonus["by_category"] for side in SIDES), default=0) or 1
    for each in bonus["by_category"]:
        code = each["category"]
        title = choices.get(code)
        name = (
            pick(("not known", "未知"), lang)
            if code is None
            else code
            if title is None
            else pick((title.en, title.zh), lang)
        )
        yield {"name": name, **_granted(each, largest)}


def tiers(bonus: Mapping[str, Any], lang: str) -> Iterator[Figure]:
    """What each tier gets under both books."""
    amounts = [each[side]["amount"] for each in bonus["by_tier"] for side in SIDES if each[side] is not None]
    largest = max(amounts, default=0) or 1
    for each in bonus["by_tier"]:
        terms = {side: _terms(each[side], lang) for side in SIDES}
        name = pick((f"tier {each['tier']}", f"第 {each['tier']} 档"), lang)
        known = [text for text in dict.fromkeys(terms.values()) if text]
        yield {"name": name, "terms": " → ".join(known), **_granted(each, largest)}


def _terms(tier: Mapping[str, Any] | None, lang: str) -> str:
    if tier is None:
        return ""
    begins, ends = str(tier["from"]).replace("_", ","), str(tier["up_to"] or "").replace("_", ",")
    reach = pick((f"up to {ends}", f"至 {ends}"), lang) if ends else pick((f"above {begins}", f"高于 {begins}"), lang)
    return f"{reach} × {str(tier['rate']).replace('_', ',')}"


def _granted(each: Mapping[str, Any], largest: int) -> Figure:
    """Grants and amounts under both books, with the bars of the amounts."""
    counts = {side: each[side] or {"grants": 0, "amount": 0} for side in SIDES}
    change = counts["candidate"]["amount"] - counts["live"]["amount"]
    return {
        "change": signed(change),
        "ratio": percent(Decimal(change) / Decimal(counts["live"]["amount"]), sign=True)
        if change and counts["live"]["amount"]
        else "",
        "sides": [
            {
                "key": side,
                "grants": number(counts[side]["grants"]),
                "amount": number(counts[side]["amount"]),
                "width": _percent(counts[side]["amount"], largest),
            }
            for side in SIDES
        ],
    }


def _percent(part: int | Decimal, whole: int | Decimal) -> str:
    """A length in percent of the width, for an attribute."""
    return f"{Decimal(part) * 100 / Decimal(whole):.2f}"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    shown = text.rstrip("0").rstrip(".") if "." in text else text
    return shown.replace("-", MINUS)
