"""A backtest as a reader sees it: every number and word as it stands on the page, and how long bars are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastbrand.service.backtest_report import figures
from fastbrand.service.backtest_report.flips import Cause, causes
from fastbrand.service.backtest_report.words import (
    CAPS,
    number,
    percent,
    period,
    plural,
    share,
    signed,
    unit,
    word,
)
from fastbrand.service.backtest_report.words import SIDES as SIDE_WORDS
from fastbrand.service.backtesting import BacktestResult
from rules.backtesting import SIDES, direction
from rules.wording import pick

CAUSES, LINES = 12, 12
"""Most causes on a page, and most flips of each."""

View = dict[str, Any]


def view_of(result: BacktestResult, lang: str) -> View:
    """What the page shows, in ``lang``; plain data."""
    document = result.document()
    bonus = document["bonus"]
    told = causes(result, lang, groups=CAUSES, lines=LINES)
    return {
        "lang": lang,
        "verdict": verdict(result, bonus, lang),
        "illustrative": _illustrative(result),
        "records": number(result.tally.records),
        "flips": number(result.tally.flips),
        "flip_share": share(result.tally.flips, result.tally.records),
        "directions": directions(result, lang),
        "bonus": _bonus(bonus, lang),
        "books": books(result, lang),
        "over": over(result, lang),
        "matrix": figures.matrix(result, lang),
        "parts": figures.parts(bonus, lang),
        "pools": list(figures.pools(document["pool_effect"], lang)),
        "funnel": figures.funnel(document["funnel"], lang),
        "causes": [_cause(cause, lang) for cause in told],
        "more_causes": _more_causes(result, told, lang),
        "criteria": list(figures.criteria(result, document["reasons"], lang)),
        "scores": list(figures.scores(result, document["scores"], lang)),
        "categories": list(figures.categories(result, bonus, lang)),
        "tiers": list(figures.tiers(bonus, lang)),
        "capped": [
            (word(CAPS, each["cap"], lang), number(each["live"]), number(each["candidate"])) for each in bonus["capped"]
        ],
        "proof": proof(result, lang),
        "mismatches": document["engine_mismatch"][:LINES],
        "mistakes": document["skipped"]["mistakes"][:LINES],
        "sha": {side: document[side]["sha256"] for side in SIDES},
        "made": document["at"],
    }


def _cause(cause: Cause, lang: str) -> View:
    """A cause with its numbers as text."""
    rest = cause.flips - len(cause.lines)
    more = (f"and {number(rest)} more: --flips FILE lists all", f"另有 {number(rest)} 条：--flips FILE 可列出全部")
    return {
        "title": cause.title,
        "changes": cause.changes,
        "place": cause.place,
        "tone": cause.tone,
        "tone_word": cause.tone_word,
        "count": pick((plural(cause.flips, "flip", "flips"), f"{number(cause.flips)} 条"), lang),
        "lines": [{**asdict(line), "bonus": signed(line.bonus)} for line in cause.lines],
        "more": pick(more, lang) if rest else "",
    }


def _more_causes(result: BacktestResult, told: Sequence[Cause], lang: str) -> str:
    """How many causes are not on the page."""
    count = len({(criteria, direction(old, new)) for old, new, criteria in result.tally.causes}) - len(told)
    more = (
        f"{plural(count, 'further cause', 'further causes')}; --json has them all",
        f"另有 {count} 类起因，见 --json",
    )
    return pick(more, lang) if count else ""


def verdict(result: BacktestResult, bonus: Mapping[str, Any], lang: str) -> str:
    """The result in one sentence."""
    flips, records = result.tally.flips, result.tally.records
    cost = _cost(bonus, lang)
    if not records:
        return pick(("there is nothing to compare", "没有可比较的记录"), lang)
    if not flips:
        none = pick(
            (f"0 of {plural(records, 'record', 'records')} would flip", f"{number(records)} 条记录的结论均不变"), lang
        )
        return pick((f"{none}; {cost}", f"{none}；{cost}"), lang)
    who = pick(
        (
            f"{number(flips)} of {plural(records, 'record', 'records')} would flip ({share(flips, records)})",
            f"{number(records)} 条记录中 {number(flips)} 条结论会改变（{share(flips, records)}）",
        ),
        lang,
    )
    return pick((f"{who}: {directions(result, lang)}; {cost}", f"{who}：{directions(result, lang)}；{cost}"), lang)


def directions(result: BacktestResult, lang: str) -> str:
    """How many flips are stricter, and how many looser."""
    return pick(
        (
            f"{number(result.stricter)} stricter, {number(result.looser)} looser",
            f"{number(result.stricter)} 条变严，{number(result.looser)} 条变松",
        ),
        lang,
    )


def _cost(bonus: Mapping[str, Any], lang: str) -> str:
    often = period(bonus["period_months"], lang)
    if not bonus["live"] and not bonus["candidate"]:
        return pick(("no bonus either way", "两版均无激励"), lang)
    if not bonus["change"]:
        return pick(("bonus unchanged", "激励不变"), lang)
    change = signed(bonus["change"]) if bonus["change_ratio"] is None else percent(bonus["change_ratio"], sign=True)
    return pick((f"bonus {change} {often}", f"激励{often} {change}"), lang)


def books(result: BacktestResult, lang: str) -> list[View]:
    """Both books: what they are called, and the versions that differ."""
    versions = {side: result.books[side].book.versions() for side in SIDES}
    found = []
    for side in SIDES:
        other = versions["live" if side == "candidate" else "candidate"]
        changed = [f"{name} {version}" for name, version in versions[side].items() if other.get(name) != version]
        found.append(
            {
                "side": word(SIDE_WORDS, side, lang),
                "label": result.books[side].label,
                "sha": result.books[side].book.sha256[:16],
                "versions": ", ".join(changed) or pick(("no version differs", "版本均相同"), lang),
            }
        )
    return found


def over(result: BacktestResult, lang: str) -> str:
    """Whom it was tried on."""
    tracks = ", ".join(sorted(result.trials)) or "-"
    if result.population == "history":
        return pick((f"all past applications (track {tracks})", f"全部历史申请（赛道 {tracks}）"), lang)
    return pick((f"{result.name} (track {tracks})", f"{result.name}（赛道 {tracks}）"), lang)


def proof(result: BacktestResult, lang: str) -> list[str]:
    """Why the result can be believed, and what is not in it."""
    done, skipped = result.confirmation, result.skipped
    flips, others = plural(result.tally.flips, "flip", "flips"), number(done.others)
    lines = []
    asked = pick(
        (
            f"{number(done.flips)} of {flips} and {others} other records decided again by the authoritative engine",
            f"权威引擎复核：{number(result.tally.flips)} 条变化中的 {number(done.flips)} 条，另有不变的 {others} 条",
        ),
        lang,
    )
    count = len(done.mismatches)
    agreed = (
        pick(("no difference", "无差异"), lang)
        if not count
        else pick((plural(count, "difference", "differences"), f"{count} 处差异"), lang)
    )
    lines.append(pick((f"{asked}: {agreed}", f"{asked}：{agreed}"), lang))
    if skipped.rows:
        lines.append(
            pick(
                (
                    f"{plural(skipped.rows, 'row', 'rows')} with mistakes left out",
                    f"{number(skipped.rows)} 行有误，未计入",
                ),
                lang,
            )
        )
    for track, (records, why) in skipped.tracks.items():
        lines.append(
            pick(
                (
                    f"{plural(records, 'record', 'records')} on track {track} left out: {why}",
                    f"赛道 {track} 的 {number(records)} 条未计入：{why}",
                ),
                lang,
            )
        )
    undecided = max(result.tally.sides[side].undecided for side in SIDES)
    if undecided:
        lines.append(
            pick(
                (
                    f"{plural(undecided, 'bonus', 'bonuses')} too large to be counted",
                    f"{number(undecided)} 条激励过大，无法计算",
                ),
                lang,
            )
        )
    return lines


def _illustrative(result: BacktestResult) -> bool:
    return any(
        trial.eligibility.head.status == "illustrative" for both in result.trials.values() for trial in both.values()
    )


def _bonus(bonus: Mapping[str, Any], lang: str) -> View:
    ratio = bonus["change_ratio"]
    return {
        "change": signed(bonus["change"]) if ratio is None else percent(ratio, sign=True) if bonus["change"] else "0%",
        "units": signed(bonus["change"]),
        "live": number(bonus["live"]),
        "candidate": number(bonus["candidate"]),
        "unit": unit(bonus, lang),
        "period": period(bonus["period_months"], lang),
        "grants": {side: number(bonus["grants"][side]) for side in SIDES},
        "referred": {side: number(bonus["referred"][side]) for side in SIDES},
        "paid": bool(bonus["live"] or bonus["candidate"]),
    }
