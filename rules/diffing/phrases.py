"""Words for changes, English and Chinese. Values stand as the rule files write them."""

from __future__ import annotations

from rules.diffing.trees import flow
from rules.yaml_guard import Node

Text = tuple[str, str]
"""The same in English and in Chinese."""

NOT_SET: Text = ("not set", "未设置")

LABELS: dict[str, Text] = {
    "version": ("version", "版本"),
    "effective": ("effective", "生效期"),
    "from": ("in force from", "生效日期"),
    "until": ("in force until", "失效日期"),
    "parties": ("parties", "适用对象"),
    "in_flight": ("open applications", "在途申请"),
    "status": ("status", "状态"),
    "title": ("title", "标题"),
    "en": ("English title", "英文标题"),
    "zh": ("Chinese title", "中文标题"),
    "group": ("group", "分组"),
    "when": ("whom it concerns", "适用条件"),
    "require": ("what it requires", "要求"),
    "otherwise": ("if it fails", "不通过时"),
    "unknown": ("if it is unknown", "未知时"),
    "min_sample": ("least sample", "最小样本量"),
    "decimals": ("decimals", "小数位数"),
    "weight": ("weight", "权重"),
    "curve": ("curve", "曲线"),
    "then": ("then", "结果"),
    "type": ("type", "类型"),
    "range": ("range", "取值范围"),
    "max_age": ("oldest that counts", "有效期"),
    "sample": ("sample", "样本量数据项"),
    "unit": ("unit", "单位"),
    "rate": ("rate", "费率"),
    "up_to": ("up to", "上限"),
    "share": ("share", "占比"),
    "after": ("after", "延迟"),
    "needs": ("needs", "前提"),
    "single_grant": ("cap of a single grant", "单次上限"),
    "party_per_year": ("cap of a party in a year", "商家年度上限"),
    "expires_after": ("expires after", "有效时长"),
    "confirm_above": ("confirmed above", "须确认的数额"),
    "within": ("within", "追溯期"),
    "unspent": ("of what is not spent", "未用部分"),
    "spent": ("of what is spent", "已用部分"),
    "every": ("every", "周期"),
    "alert": ("alert", "预警"),
    "limit": ("limit", "超限"),
    "budget": ("budget", "预算"),
    "offers": ("most offers", "最多推荐数"),
    "covers": ("what it covers", "补足内容"),
    "same": ("in common", "一致项"),
    "provider": ("provider", "服务商"),
}
"""Key -> how it is called. Other keys are named as they are written."""

OPERATORS: dict[str, Text] = {
    "at_least": ("at least", "不低于"),
    "at_most": ("at most", "不高于"),
    "more_than": ("more than", "高于"),
    "less_than": ("less than", "低于"),
    "between": ("between", "介于"),
    "before": ("before", "早于"),
    "after": ("after", "晚于"),
    "within_days": ("within days", "距今天数不超过"),
    "is": ("is", "为"),
    "is_not": ("is not", "不为"),
    "one_of": ("one of", "属于"),
    "none_of": ("none of", "不属于"),
    "matches": ("matches", "符合格式"),
}

SORTS: dict[str, Text] = {
    "criteria": ("criterion", "条件"),
    "gates": ("gate", "门槛"),
    "bands": ("band", "指标带"),
    "scores": ("score", "评分"),
    "parts": ("part", "组成"),
    "facts": ("fact", "数据项"),
    "derived": ("derived fact", "派生数据项"),
    "choices": ("choice", "选项"),
    "outcomes": ("row", "行"),
    "rows": ("row", "行"),
    "tiers": ("tier", "档"),
    "tranches": ("tranche", "批次"),
    "clawback": ("clawback for", "追回事由"),
    "pools": ("pool", "流量池"),
    "targets": ("target", "目标"),
    "baseline": ("baseline", "基线"),
    "pool": ("pool of", "流量池"),
    "require": ("requirement", "要求"),
    "prefer": ("preference", "偏好"),
    "serves": ("served by", "服务方"),
    "category_per_month": ("monthly cap of", "类目月度上限"),
}
"""Collection -> what one of it is called."""


def label(key: str) -> Text:
    """How a key is called."""
    return LABELS.get(key, (f"`{key}`", f"`{key}`"))


def joined(*parts: str | Text) -> Text:
    """Parts behind each other, each in its language."""
    both = [(part, part) if isinstance(part, str) else part for part in parts]
    return " ".join(en for en, _ in both if en), " ".join(zh for _, zh in both if zh).replace(" （", "（")


def turned(old: str | Text, new: str | Text) -> Text:
    """``old -> new``."""
    return joined(old, "->", new)


def about(subject: Text, text: Text) -> Text:
    """What is said about a subject."""
    return f"{subject[0]}: {text[0]}", f"{subject[1]}：{text[1]}"


def named(name: str) -> Text:
    """A name as such."""
    return f"`{name}`", f"`{name}`"


def said(node: Node | None) -> str | Text:
    """A value as it is written; nothing where there is none."""
    return NOT_SET if node is None else flow(node)


def ordinal(sort: str, place: int) -> Text:
    """``row 3``, ``第3行``."""
    en, zh = SORTS[sort]
    return f"{en} {place}", f"第{place}{zh}"


def whole(sort: str, name: str) -> Text:
    """``criterion `a.b```."""
    en, zh = SORTS[sort]
    return f"{en} `{name}`", f"{zh} `{name}`"
