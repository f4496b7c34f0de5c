"""Words and numbers of backtest reports, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rules.wording import pick

Pair = tuple[str, str]

OUTCOMES: dict[str, Pair] = {
    "eligible": ("eligible", "符合"),
    "refer": ("refer", "转人工"),
    "ineligible": ("ineligible", "不符合"),
}
DIRECTIONS: dict[str, Pair] = {
    "stricter": ("stricter", "变严"),
    "looser": ("looser", "变松"),
    "same": ("same", "不变"),
}
SIDES: dict[str, Pair] = {"live": ("live", "现行"), "candidate": ("candidate", "候选")}
QUEUES: dict[str, Pair] = {"vetting": ("vetting", "审核"), "documents": ("documents", "补充资料")}
CAPS: dict[str, Pair] = {
    "single_grant": ("single grant", "单笔上限"),
    "party_per_year": ("a party's year", "商家年度上限"),
    "category_per_month": ("a category's month", "类目月度上限"),
}
PARTS: dict[str, Pair] = {
    "eligibility": ("who is eligible", "准入变化"),
    "amounts": ("how much they get", "单笔金额变化"),
    "category_caps": ("caps of categories", "类目上限"),
}
OUTCOME_ROWS: Pair = ("the outcome rows", "结论规则行")
MINUS = "\u2212"


def word(words: Mapping[str, Pair], key: str, lang: str) -> str:
    """The word for ``key``, or ``key`` itself."""
    return pick(words.get(key, (key, key)), lang)


def number(value: int) -> str:
    """Grouped, with a proper minus: ``1,204``."""
    return f"{value:,}".replace("-", MINUS)


def signed(value: int) -> str:
    """Grouped, with its sign: ``+370,831,870``; 0 has none."""
    return f"{value:+,}".replace("-", MINUS) if value else "0"


def share(part: int, whole: int, digits: int = 1) -> str:
    """A part in percent: ``1.4%``; nothing of nothing is 0%."""
    return percent(Decimal(part) / Decimal(whole), digits) if whole else percent(Decimal(0), digits)


def percent(ratio: Decimal | str, digits: int = 1, *, sign: bool = False) -> str:
    """A ratio in percent: ``8.1%``, with ``sign`` ``+8.1%``. What is not 0 is never shown as 0: ``<0.1%``."""
    value = Decimal(ratio) * 100
    least = Decimal(1).scaleb(-digits)
    mark = (MINUS if value < 0 else "+" if sign and value > 0 else "") if value else ""
    if value and abs(value) < least / 2:
        return f"{mark}<{least}%"
    return f"{mark}{abs(value):,.{digits}f}%"


def plural(count: int, one: str, many: str) -> str:
    """``1 record``, ``1,204 records``."""
    return f"{number(count)} {one if count == 1 else many}"


def period(months: int, lang: str) -> str:
    """How often a bonus is paid: ``a month``."""
    known: dict[int, Pair] = {1: ("a month", "每月"), 3: ("a quarter", "每季"), 12: ("a year", "每年")}
    return pick(known.get(months, (f"in {months} months", f"每 {months} 个月")), lang)


def months(count: int | None, lang: str) -> str:
    """How long a pool lasts: ``14 months``; None is for ever."""
    if count is None:
        return pick(("never drawn on", "不动用"), lang)
    if count >= 1_200:
        return pick(("more than 100 years", "100 年以上"), lang)
    if count >= 36:
        return pick((f"{count // 12} years", f"{count // 12} 年"), lang)
    if count == 0:
        return pick(("less than a month", "不足 1 个月"), lang)
    return pick((plural(count, "month", "months"), f"{count} 个月"), lang)


def unit(bonus: Mapping[str, Any], lang: str) -> str:
    """What pools are counted in."""
    names = bonus["unit"]
    return "" if names is None else str(names[lang])


def score_title(name: str, lang: str) -> str:
    """A score as something that is behind a flip."""
    return pick((f"{name} (score)", f"{name}（评分）"), lang)
