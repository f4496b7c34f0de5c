"""A decision in one paragraph that a merchant understands: titles, values and what is missing; no codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from rules.explain import explain
from rules.model import Book, Incentive
from rules.wording import grouped, percent, pick, value_text

_CAPS: dict[str, tuple[str, str]] = {
    "single_grant": ("the most that one grant can be", "单笔上限"),
    "party_per_year": ("the most that a party gets in a year", "商家年度上限"),
    "category_per_month": ("the most that a category gets in a month", "类目月度上限"),
}


def summary(book: Book, decision: Mapping[str, Any], lang: str = "en") -> str:
    """One paragraph about a decision (its core): what is met, what is not and by how much, what is still to be shown;
    of a grant how much, out of what, and what the next tier needs. Empty where there is nothing to say to a merchant
    (routing, matching)."""
    if decision["kind"] == "incentive":
        return _bonus(book, decision, lang)
    return _requirements(book, decision, lang) if decision["kind"] in {"eligibility", "maintenance"} else ""


def joined(sentences: Sequence[str], lang: str) -> str:
    """Sentences as a paragraph."""
    return pick((" ", ""), lang).join(each for each in sentences if each)


# --- requirements -------------------------------------------------------------------------------------------------


def _requirements(book: Book, decision: Mapping[str, Any], lang: str) -> str:
    findings = [each for each in explain(book, decision, lang) if each["verdict"] != "not_applicable"]
    met = sum(1 for each in findings if each["verdict"] == "pass")
    parts = [
        pick(
            (f"{met} of {len(findings)} requirements are met.", f"{len(findings)} 项要求中已满足 {met} 项。"),
            lang,
        )
    ]
    failed = [each for each in findings if each["verdict"] == "fail" and each["effect"] != "note"]
    unknown = [each for each in findings if each["verdict"] == "unknown" and each["effect"] != "note"]
    if failed:
        parts.append(pick(("Not met: ", "未达标："), lang) + _listed(failed, lang))
    if unknown:
        parts.append(pick(("Still to be shown: ", "尚需补充："), lang) + _listed(unknown, lang))
    return joined(parts, lang)


def _listed(findings: Sequence[Mapping[str, Any]], lang: str) -> str:
    told = [
        pick((f"{each['title']} ({each['text']})", f"{each['title']}（{each['text']}）"), lang) for each in findings
    ]
    return pick(("; ".join(told) + ".", "；".join(told) + "。"), lang)


# --- bonus --------------------------------------------------------------------------------------------------------


def _bonus(book: Book, decision: Mapping[str, Any], lang: str) -> str:
    incentive, result = book.incentive[str(decision["rulebook"])], decision["result"]
    when = period_text(str(result["period"]), incentive.every_months, lang)
    unit = pick((book.programme.traffic_unit.en, book.programme.traffic_unit.zh), lang)
    if not result["amount"]:
        why = pick(("; ", "；"), lang).join(_why_none(book, decision, lang))
        head = pick((f"There is no bonus traffic{when}", f"{when}不发放流量激励"), lang)
        return pick((f"{head}: {why}.", f"{head}：{why}。"), lang) if why else pick((f"{head}.", f"{head}。"), lang)
    amount = f"{result['amount']:,}"
    granted = pick(
        (f"You are granted {amount} {unit} of bonus traffic{when}.", f"{when}您获得流量激励 {amount} {unit}。"), lang
    )
    return joined([granted, *_how(book, incentive, decision, lang), _next_tier(book, incentive, result, lang)], lang)


def _how(book: Book, incentive: Incentive, decision: Mapping[str, Any], lang: str) -> Iterator[str]:
    """What the amount is out of: the base, the multiplier, the cap."""
    steps = decision["steps"]
    multiplied = next((step for step in steps if step["step"] == "multiply"), None)
    if multiplied is not None:
        base = sum(step["amount"] for step in steps if step["step"] == "tier")
        sales, worth = _base_text(book, incentive, base, lang), f"{int(Fraction(multiplied['base'])):,}"
        score, by = _score_title(book, incentive, lang), _short(multiplied["by"])
        yield pick(
            (
                f"{sales} counts as {worth}, and is multiplied by {by} ({score}: {multiplied['score']}).",
                f"{sales}折算为 {worth}，再乘以 {by}（{score} {multiplied['score']}）。",
            ),
            lang,
        )
    capped = next((step for step in steps if step["step"] == "cap"), None)
    if capped is not None:
        cap = pick(_CAPS[capped["by"]], lang)
        yield pick((f"It is limited by {cap}.", f"金额受{cap}限制。"), lang)


def _next_tier(book: Book, incentive: Incentive, result: Mapping[str, Any], lang: str) -> str:
    further = result.get("next_tier")
    if not further:
        return ""
    fact = book.facts[incentive.base_fact]
    title = pick((fact.title.en, fact.title.zh), lang)
    missing, rate = value_text(fact, further["missing"], lang, book.programme.currency), percent(further["rate"])
    return pick(
        (
            f"The next tier begins with {missing} more ({title}): what is beyond counts at {rate}.",
            f"{title}再增加 {missing} 进入下一档，超出部分按 {rate} 折算。",
        ),
        lang,
    )


def _why_none(book: Book, decision: Mapping[str, Any], lang: str) -> Iterator[str]:
    """Why there is no grant: gates by their titles, what is not known, an exhausted cap."""
    incentive = book.incentive[str(decision["rulebook"])]
    gates = {each["criterion"]: each for each in explain(book, decision, lang)}
    fact = book.facts[incentive.base_fact]
    for reason in decision["reasons"]:
        name = reason["criterion"]
        if name in gates:
            yield pick(
                (f"{gates[name]['title']} ({gates[name]['text']})", f"{gates[name]['title']}（{gates[name]['text']}）"),
                lang,
            )
        elif name == "base_unknown":
            yield pick((f"{fact.title.en} is not known", f"{fact.title.zh}未知"), lang)
        elif name == "score_unknown":
            title = _score_title(book, incentive, lang)
            yield pick((f"{title} is not known", f"{title}未知"), lang)
        elif name == "category_unknown":
            yield pick(("the category is not known", "类目未知"), lang)
        elif name in _CAPS:
            cap = pick(_CAPS[name], lang)
            yield pick((f"{cap} is used up", f"{cap}已用完"), lang)
        else:
            yield pick(("the amount is 0", "金额为零"), lang)


def period_text(period: str, months: int, lang: str) -> str:
    """A period from the month ``period`` (``2022-08``) on, as `` for August 2022``; empty where it has no name."""
    if not period:
        return ""
    first = _month(period, 0, lang)
    if months == 1:
        return pick((f" for {first}", first), lang)
    last = _month(period, months - 1, lang)
    return pick((f" for {first} to {last}", f"{first}至{last}"), lang)


def _month(period: str, later: int, lang: str) -> str:
    year, month = (int(part) for part in period.split("-"))
    first = date(year + (month - 1 + later) // 12, (month - 1 + later) % 12 + 1, 1)
    return pick((f"{first:%B %Y}", f"{first.year}年{first.month}月"), lang)


def _base_text(book: Book, incentive: Incentive, base: int, lang: str) -> str:
    fact = book.facts[incentive.base_fact]
    value = value_text(fact, base, lang, book.programme.currency)
    return pick((f"{fact.title.en} of {value}", f"{fact.title.zh} {value} "), lang)


def _score_title(book: Book, incentive: Incentive, lang: str) -> str:
    for eligibility in book.eligibility.values():
        score = eligibility.scores.get(incentive.multiplier_score)
        if score is not None:
            return pick((score.title.en, score.title.zh), lang)
    return incentive.multiplier_score


def _short(exact: str) -> str:
    """An exact number with at most four digits after the point."""
    value = round(Fraction(exact) * 10_000)
    return grouped(f"{value // 10_000}.{value % 10_000:04d}".rstrip("0").rstrip("."))
