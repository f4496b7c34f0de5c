"""Values and comparisons in words, English and Chinese: how a merchant or a reviewer reads a finding."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rules.model import FactDef

LANGS = ("en", "zh")

_OPS: dict[str, tuple[str, str]] = {
    "at_least": ("at least {0}", "不低于 {0}"),
    "at_most": ("at most {0}", "不高于 {0}"),
    "more_than": ("more than {0}", "高于 {0}"),
    "less_than": ("less than {0}", "低于 {0}"),
    "between": ("between {0} and {1}", "在 {0} 与 {1} 之间"),
    "before": ("before {0}", "早于 {0}"),
    "after": ("after {0}", "晚于 {0}"),
    "within_days": ("within {0} days", "{0} 天以内"),
    "is": ("{0}", "{0}"),
    "is_not": ("not {0}", "不为 {0}"),
    "one_of": ("one of {0}", "属于 {0}"),
    "none_of": ("none of {0}", "不属于 {0}"),
    "matches": ("of the form {0}", "符合格式 {0}"),
}

_WHY: dict[str, tuple[str, str]] = {
    "missing": ("not given", "未提供"),
    "stale": ("too old", "已过时效"),
    "small_sample": ("too few to judge by", "样本量不足"),
    "sample_unknown": ("sample size not known", "样本量未知"),
    "table_key_unknown": ("the fact that chooses the threshold is not known", "门槛所依据的数据项未知"),
    "out_of_range": ("the computed value is out of range", "计算结果超出范围"),
    "division_by_zero": ("cannot be computed (division by zero)", "无法计算（除数为零）"),
    "input_unknown": ("cannot be computed: a fact it needs is not known", "无法计算：所需数据项未知"),
}

VERDICTS: dict[str, tuple[str, str]] = {
    "pass": ("pass", "通过"),
    "fail": ("fail", "不通过"),
    "unknown": ("unknown", "未知"),
    "not_applicable": ("not applicable", "不适用"),
}

OUTCOMES: dict[str, tuple[str, str]] = {
    "eligible": ("eligible", "符合"),
    "refer": ("referred to a person", "转人工"),
    "ineligible": ("not eligible", "不符合"),
    "offers": ("providers proposed", "已推荐服务商"),
    "no_offer": ("no provider proposed", "无可推荐服务商"),
}

EFFECTS: dict[str, tuple[str, str]] = {
    "reject": ("leads to a refusal", "导致拒绝"),
    "refer": ("needs a person", "需人工审核"),
    "note": ("is noted", "仅作提示"),
    "alert": ("is a warning", "预警"),
    "limit": ("counts against the party", "计入超限"),
    "none": ("", ""),
}

_MS = (("day", "天", 86_400_000), ("hour", "小时", 3_600_000), ("minute", "分钟", 60_000), ("second", "秒", 1_000))


def pick(pair: tuple[str, str], lang: str) -> str:
    """The English or the Chinese one."""
    return pair[1] if lang == "zh" else pair[0]


def value_text(fact: FactDef | None, value: Any, lang: str, currency: str = "") -> str:
    """A value as it stands in a decision's core, with its unit: ``8.33%``, ``1,234.50 CNY``, ``5 minutes``."""
    if value is None:
        return pick(("not known", "未知"), lang)
    if isinstance(value, bool):
        return pick(("yes", "是") if value else ("no", "否"), lang)
    kind = fact.type if fact else "text"
    if isinstance(value, list | tuple):
        return "、".join(_code(fact, each, lang) for each in value) if lang == "zh" else _listed(fact, value)
    if kind == "ratio":
        return percent(value)
    if kind == "money" and isinstance(value, int):
        decimals = fact.decimals if fact else 2
        return f"{Decimal(value).scaleb(-decimals):,.{decimals}f} {currency}".strip()
    if kind == "duration" and isinstance(value, int):
        return _duration(value, lang)
    if isinstance(value, int):
        return f"{value:,}"
    return _code(fact, str(value), lang)


def demand_text(fact: FactDef | None, op: str, threshold: Any, lang: str, currency: str = "") -> str:
    """What a comparison asks for: ``at least 15%``. A threshold that was not chosen is left open."""
    if threshold is None:
        return pick(("a threshold by category", "按类目设定的门槛"), lang)
    pattern = pick(_OPS[op], lang)
    if op == "between":
        low, high = threshold
        return pattern.format(value_text(fact, low, lang, currency), value_text(fact, high, lang, currency))
    if op in {"within_days", "matches"}:
        return pattern.format(threshold)
    return pattern.format(value_text(fact, threshold, lang, currency))


def distance_text(fact: FactDef | None, op: str, distance: Any, lang: str, currency: str = "") -> str:
    """How much is missing (or too much): ``3.1% short``, ``15% over``; empty where there is no such number."""
    if distance is None or isinstance(distance, list | bool):
        return ""
    amount = Decimal(str(distance))
    if amount == 0:
        return ""
    size = abs(distance) if isinstance(distance, int) else str(abs(amount))
    if fact is not None and fact.type == "date":
        shown = pick((f"{abs(int(amount)):,} days", f"{abs(int(amount)):,} 天"), lang)
    else:
        shown = value_text(fact, size, lang, currency)
    if op in {"before", "after", "within_days"}:
        return pick((f"off by {shown}", f"相差 {shown}"), lang)
    return pick((f"{shown} short", f"差 {shown}") if amount > 0 else (f"{shown} over", f"超 {shown}"), lang)


def percent(ratio: object) -> str:
    """An exact ratio in percent: ``0.0833`` is ``8.33%``; a fraction (``1/3``) stays as it is."""
    text = str(ratio)
    return text if "/" in text else f"{_plain(Decimal(text) * 100)}%"


def grouped(number: object) -> str:
    """A decimal text with thousands grouped; a fraction stays as it is."""
    text = str(number)
    return text if "/" in text else f"{Decimal(text):,f}"


def why_text(why: str | None, lang: str) -> str:
    """Why a comparison could not be made."""
    return pick(_WHY.get(why or "missing", _WHY["missing"]), lang)


def _code(fact: FactDef | None, code: str, lang: str) -> str:
    title = (fact.choices or {}).get(code) if fact else None
    return code if title is None else pick((title.en, title.zh), lang)


def _listed(fact: FactDef | None, codes: Any) -> str:
    return ", ".join(_code(fact, each, "en") for each in codes) or "none"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _duration(ms: int, lang: str) -> str:
    for en, zh, unit in _MS:
        if ms >= unit and ms % unit == 0:
            count = ms // unit
            return pick((f"{count:,} {en}{'' if count == 1 else 's'}", f"{count:,} {zh}"), lang)
    return pick((f"{ms:,} ms", f"{ms:,} 毫秒"), lang)
