"""Reason codes in words: why people decide as they do, where no single criterion says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in both languages, as a merchant may read it, and the outcomes that it can be a reason for."""

    en: str
    zh: str
    outcomes: tuple[str, ...]


_APPROVE, _REJECT = ("approve",), ("reject",)

REASONS: dict[str, Reason] = {
    "judgement": Reason("the picture as a whole", "综合判断", ("approve", "reject")),
    "requirements_met": Reason("everything that is asked for is met", "各项要求均已满足", _APPROVE),
    "papers_complete": Reason("the papers are complete", "资料齐全", _APPROVE),
    "mended": Reason("what was found has been mended", "问题已整改", _APPROVE),
    "newer_facts": Reason("newer facts say otherwise", "已有新的情况", ("approve", "reject")),
    "decision_wrong": Reason("the decision was wrong", "原决定有误", _APPROVE),
    "decision_right": Reason("the decision was right", "原决定正确", _REJECT),
    "requirements_not_met": Reason("what is asked for is not met", "未满足要求", _REJECT),
    "papers_missing": Reason("papers are missing", "资料不全", _REJECT),
    "papers_false": Reason("papers or statements were false", "资料或陈述不实", _REJECT),
    "not_mended": Reason("what was found has not been mended", "问题未整改", _REJECT),
    "counterfeit": Reason("counterfeit goods", "销售假冒商品", _REJECT),
    "consumer_harm": Reason("harm to consumers", "损害消费者权益", _REJECT),
    "manipulation": Reason("sales or reviews were manipulated", "虚假交易或虚假评价", _REJECT),
}
"""Code -> reason. A criterion of the book, or a cause that its rules name, is a reason code as well."""
