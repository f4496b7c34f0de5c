"""Which row of a rule book decided, in words: rows are looked at in order, and the first that holds decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.model import Book, Mark
from rules.wording import OUTCOMES, demand_text, pick, value_text

_LEVELS = {
    "clear": ("clear", "正常"),
    "alert": ("in alert", "预警"),
    "limit": ("in limit", "超限"),
    "unknown": ("unknown", "未知"),
}
_EFFECTS = {"reject": ("reject", "拒绝"), "refer": ("refer", "转人工"), "note": ("note", "提示")}


def explain_rows(book: Book, decision: Mapping[str, Any], lang: str = "en") -> list[str]:
    """One line a row that was looked at: whether it held, on what was seen, and where it stands."""
    marks = _marks(book, str(decision["rulebook"]))
    lines = []
    for step in decision["steps"]:
        if step["step"] != "row":
            continue
        number = step["row"]
        mark = marks[number - 1] if number <= len(marks) else None
        place = f" ({mark.path}:{mark.line})" if mark is not None else ""
        told = _conditions(book, step, lang)
        if step["holds"]:
            said = pick((f"row {number} decides", f"第 {number} 行生效"), lang)
        else:
            said = pick((f"row {number} does not hold", f"第 {number} 行不成立"), lang)
        lines.append(said + (pick((": ", "："), lang) + told if told else "") + place)
    return lines


def _marks(book: Book, name: str) -> Sequence[Mark]:
    if name in book.routing:
        return [row.mark for row in book.routing[name].rows]
    found = book.eligibility.get(name) or book.maintenance.get(name)
    return () if found is None else [row.mark for row in found.outcomes]


def _conditions(book: Book, step: Mapping[str, Any], lang: str) -> str:
    """The conditions of a row that holds, or those that keep one from holding."""
    shown = [each for each in step["conditions"] if step["holds"] or each["verdict"] != "pass"]
    return pick(("; ", "；"), lang).join(_condition(book, each, lang) for each in shown)


def _condition(book: Book, told: Mapping[str, Any], lang: str) -> str:
    observed, threshold = told["observed"], told.get("threshold")
    match told["condition"]:
        case "fact":
            fact = book.facts.get(told["fact"])
            title = told["fact"] if fact is None else pick((fact.title.en, fact.title.zh), lang)
            currency = book.programme.currency
            seen = value_text(fact, observed, lang, currency)
            return _asked(title, seen, demand_text(fact, told["op"], threshold, lang, currency), lang)
        case "score":
            seen = value_text(None, observed, lang)
            return _asked(told["score"], seen, demand_text(None, told["op"], threshold, lang), lang)
        case "screening":
            words = [_outcome(each, lang) for each in threshold or ()]
            title = pick(("the screening", "准入结果"), lang)
            return _asked(title, _outcome(observed, lang), pick((" or ", "或"), lang).join(words), lang)
        case "failed" | "unknown":
            return _counted(told, lang)
        case "warnings":
            title = pick(("notes and warnings", "提示与预警"), lang)
            wanted = pick(("none", "无"), lang) if threshold == "none" else pick(("some", "有"), lang)
            return _asked(title, _number(observed, lang), wanted, lang)
        case "alert" | "limit":
            return _band(told, lang)
        case "streak":
            title = pick(("months in limit in a row", "连续超限月数"), lang)
            return _asked(title, _number(observed, lang), demand_text(None, told["op"], threshold, lang), lang)
        case _:
            title = pick(("months in a row without a warning", "连续无预警月数"), lang)
            return _asked(
                title, _number(observed, lang), pick((f"at least {threshold}", f"不低于 {threshold}"), lang), lang
            )


def _counted(told: Mapping[str, Any], lang: str) -> str:
    """Criteria that failed or are unknown, as many as there are of those that the row is about."""
    narrow = told["criterion"] or told["group"]
    about = pick((f" of `{narrow}`", f"（{narrow}）"), lang) if narrow else ""
    if told["condition"] == "unknown":
        title = pick((f"unknown criteria{about}", f"未知的指标{about}"), lang)
        wanted = pick(("some", "有"), lang) if told["threshold"] else pick(("none", "无"), lang)
        return _asked(title, _number(told["observed"], lang), wanted, lang)
    effect = pick(_EFFECTS[told["threshold"]], lang)
    title = pick((f"failed criteria{about} with the effect `{effect}`", f"未通过且后果为“{effect}”的指标{about}"), lang)
    return _asked(title, _number(told["observed"], lang), pick(("some", "有"), lang), lang)


def _band(told: Mapping[str, Any], lang: str) -> str:
    wanted = pick(_LEVELS[told["condition"]], lang)
    if told["band"] is not None:
        title = pick((f"the band `{told['band']}`", f"指标带 {told['band']}"), lang)
        return _asked(title, pick(_LEVELS[told["observed"]], lang), wanted, lang)
    title = pick((f"bands {wanted}", f"{wanted}的指标带"), lang)
    return _asked(title, _number(told["observed"], lang), pick(("some", "有"), lang), lang)


def _asked(title: str, seen: str, wanted: str, lang: str) -> str:
    return pick((f"{title}: {seen}, asked for: {wanted}", f"{title}：{seen}，要求：{wanted}"), lang)


def _number(value: int | None, lang: str) -> str:
    return pick(("not known", "未知"), lang) if value is None else f"{value:,}"


def _outcome(outcome: str | None, lang: str) -> str:
    if outcome is None:
        return pick(("not known", "未知"), lang)
    return pick(OUTCOMES.get(outcome, (outcome, outcome)), lang)
