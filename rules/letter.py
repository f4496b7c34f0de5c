"""What a merchant is told: the outcome, the reasons, what is missing and by when, how to appeal. English and Chinese.

A letter has no rule names and no codes in it: titles and facts only. Whoever wants those reads ``rules.explain``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastbrand.domain.reasons import REASONS
from rules.model import Book
from rules.summaries import joined, summary
from rules.wording import pick


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the party stands when the letter is written. Times are UTC; they are shown in the programme's zone."""

    party_id: str
    track: str
    stage: str
    asked_for: tuple[str, ...] = ()  # names of facts that were asked for
    answer_by: datetime | None = None
    appeal_until: datetime | None = None
    decided_on: str = ""  # reason code of a decision that people made
    final: bool = False  # nobody may apply again
    apply_from: datetime | None = None  # the end of a cool-off
    suspended_until: datetime | None = None
    decide_by: datetime | None = None  # when an appeal, or a case about a standing, is to be decided
    endorsement: Mapping[str, Any] | None = None  # number, valid_until (datetime), state
    grant: Mapping[str, Any] | None = None  # the newest one: state, decision (its core), book (that made it)
    illustrative: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """Subject and paragraphs, in ``lang``."""

    lang: str
    subject: str
    paragraphs: tuple[str, ...]

    def text(self) -> str:
        """The letter as plain text."""
        return "\n\n".join((self.subject, *self.paragraphs))


_SUBJECTS: dict[str, tuple[str, str]] = {
    "invited": ("You are invited to apply", "诚邀您申请"),
    "applied": ("We have your application", "我们已收到您的申请"),
    "screening": ("We have your application", "我们已收到您的申请"),
    "vetting": ("Your application is being reviewed", "您的申请正在审核"),
    "info_requested": ("We need more information from you", "请您补充资料"),
    "endorsement_proposed": ("Your application is being reviewed", "您的申请正在审核"),
    "approval_proposed": ("Your application is being reviewed", "您的申请正在审核"),
    "endorsed": ("You are endorsed as a fast brand", "您已获得快品牌背书"),
    "approved": ("Your brand is approved", "您的品牌已通过审核"),
    "active": ("Your brand is active in the programme", "您的品牌已加入计划"),
    "benchmark": ("You are a benchmark among fast brands", "您已成为标杆快品牌"),
    "graduated": ("You have grown into a brand", "您已成长为品牌"),
    "watch": ("Your standing is being watched", "您已进入观察期"),
    "demoted": ("Your standing has been lowered", "您的资格已降级"),
    "suspended": ("Your standing is suspended", "您的资格已被暂停"),
    "revoked": ("Your standing has been revoked", "您的资格已被取消"),
    "terminated": ("Your brand has left the programme", "您的品牌已退出计划"),
    "appealing": ("We have your appeal", "我们已收到您的申诉"),
    "rejected": ("Your application was not accepted", "您的申请未通过"),
    "withdrawn": ("Your application is withdrawn", "您的申请已撤回"),
    "expired": ("Your application or endorsement has run out", "您的申请或背书已到期"),
}

_NEXT: dict[str, tuple[str, str]] = {
    "vetting": (
        "A person is looking at it. You need not do anything now; should something be missing, we will ask.",
        "审核人员正在处理，您暂时无需操作；如需补充资料，我们会联系您。",
    ),
    "watch": (
        "Bonus traffic that is not released yet is held back until what we watch is good again.",
        "相关指标恢复正常前，尚未发放的流量激励将暂缓发放。",
    ),
    "demoted": (
        "You keep the endorsement, but get no bonus traffic. An action plan gives you time: propose one.",
        "您的背书仍然有效，但暂不发放流量激励。您可提交整改计划以争取时间。",
    ),
    "revoked": (
        "The endorsement must not be shown any more, and bonus traffic that was not released is withdrawn.",
        "您不得再展示背书标识，尚未发放的流量激励已收回。",
    ),
    "terminated": (
        "The endorsement, where there was one, must not be shown any more, and bonus traffic that was not released is "
        "withdrawn.",
        "如持有背书标识，不得再展示；尚未发放的流量激励已收回。",
    ),
    "withdrawn": ("You may apply again whenever you like.", "您可随时重新申请。"),
    "expired": ("You may apply again whenever you like.", "您可随时重新申请。"),
}


_MARKED = frozenset({"endorsed", "benchmark", "active", "watch", "demoted"})
_GRANTED = frozenset({"endorsed", "benchmark", "active"})
_ABOUT_THE_APPLICATION = frozenset(
    {*("applied", "screening", "vetting", "info_requested", "endorsement_proposed", "approval_proposed"), "rejected"}
)
"""Stages in which the last eligibility decision is what the letter is about."""
_LOST = frozenset({"rejected", "suspended", "revoked", "terminated"})


def write(book: Book, decision: Mapping[str, Any] | None, at: Situation, lang: str = "en") -> Letter:
    """The letter to the party ``at`` stands for; ``decision`` is the core of its last eligibility decision, if any."""
    subject = pick(_SUBJECTS.get(at.stage, ("Where your application stands", "您的申请进度")), lang)
    paragraphs: list[str] = []
    if at.endorsement is not None and at.stage in _MARKED:
        paragraphs.append(_mark(book, at.endorsement, lang))
    if at.grant is not None and at.stage in _GRANTED:
        paragraphs.append(_bonus(at.grant, lang))
    if decision is not None and at.stage in _ABOUT_THE_APPLICATION:
        paragraphs.append(summary(book, decision, lang))
    if at.decided_on:
        paragraphs.append(_decided(book, at.decided_on, lang))
    if at.stage == "info_requested":
        paragraphs.append(_asked(book, at, lang))
    if at.stage in _NEXT:
        paragraphs.append(pick(_NEXT[at.stage], lang))
    if at.stage == "suspended":
        paragraphs.append(_suspended(book, at, lang))
    if at.stage == "appealing":
        paragraphs.append(_appealing(book, at, lang))
    if at.stage in _LOST:
        paragraphs += _ways_back(book, at, lang)
    if at.illustrative:
        paragraphs.append(pick(("The rules applied are illustrative.", "所用规则仅为示例。"), lang))
    return Letter(
        lang,
        f"{subject} ({at.party_id})" if lang == "en" else f"{subject}（{at.party_id}）",
        tuple(each for each in paragraphs if each),
    )


def _mark(book: Book, endorsement: Mapping[str, Any], lang: str) -> str:
    until = _day(book, endorsement["valid_until"], lang)
    number = endorsement["number"]
    if endorsement["state"] != "active":
        return pick((f"Your endorsement {number} has ended.", f"您的背书（编号 {number}）已终止。"), lang)
    return pick(
        (
            f"Your endorsement has the number {number} and holds until {until}. You may show it in your shop.",
            f"您的背书编号为 {number}，有效期至 {until}，可在店铺展示。",
        ),
        lang,
    )


_GRANT_STATES: dict[str, tuple[str, str]] = {
    "waiting": (
        "Your bonus traffic waits until there is room in the pool; first come, first served.",
        "流量池暂无余量，您的流量激励正在排队，先到先得。",
    ),
    "awaiting_confirmation": ("Your bonus traffic is being confirmed by a person.", "您的流量激励正在人工确认。"),
}
_PAID = frozenset({"reserved", "released", "closed"})


def _bonus(grant: Mapping[str, Any], lang: str) -> str:
    """What the newest grant is, out of what, and what the next tier needs; or what it waits for."""
    if grant["state"] in _PAID and grant["decision"] is not None:
        told = summary(grant["book"], grant["decision"], lang)
        ends = (
            "It is released in parts; what is not used in time goes back.",
            "激励分批发放，逾期未使用的部分将被收回。",
        )
        return joined([told, pick(ends, lang)], lang)
    if grant["state"] == "none" and grant["decision"] is not None:
        return summary(grant["book"], grant["decision"], lang)
    return pick(_GRANT_STATES.get(grant["state"], ("", "")), lang)


def _asked(book: Book, at: Situation, lang: str) -> str:
    titles = []
    for name in at.asked_for:
        fact = book.facts.get(name)
        titles.append(name if fact is None else pick((fact.title.en, fact.title.zh), lang))
    what = pick(("; ", "；"), lang).join(titles) or pick(("the points above", "上述各项"), lang)
    by = _day(book, at.answer_by, lang) if at.answer_by else pick(("the date we agreed on", "约定日期"), lang)
    return pick(
        (
            f"Please send us by {by}: {what}. Without an answer your application runs out.",
            f"请于 {by} 前补充：{what}。逾期未补充，申请将自动失效。",
        ),
        lang,
    )


def _decided(book: Book, code: str, lang: str) -> str:
    """What people decided on, in words: a criterion's title, or the reason's own."""
    titles = {criterion.id: criterion.title for each in book.eligibility.values() for criterion in each.criteria}
    bands = {band.id: band.title for each in book.maintenance.values() for band in each.bands}
    title, reason = titles.get(code) or bands.get(code), REASONS.get(code)
    if reason is not None:
        named = pick((reason.en, reason.zh), lang)
    elif title is not None:
        named = pick((title.en, title.zh), lang)
    else:
        return pick(("People decided this.", "该决定由审核人员作出。"), lang)
    return pick((f"People decided this. What it rests on: {named}.", f"该决定由审核人员作出，依据：{named}。"), lang)


def _suspended(book: Book, at: Situation, lang: str) -> str:
    if at.suspended_until is None:
        return pick(("People will look at it.", "审核人员将进行复核。"), lang)
    until = _day(book, at.suspended_until, lang)
    return pick(
        (
            "While it is, you must not show the endorsement and get no bonus traffic. People look at it; should nobody "
            f"lift the suspension by {until}, your standing ends.",
            "暂停期间不得展示背书标识，也不发放流量激励。审核人员将进行复核；"
            f"如在 {until} 前未解除暂停，您的资格将终止。",
        ),
        lang,
    )


def _appealing(book: Book, at: Situation, lang: str) -> str:
    by = _day(book, at.decide_by, lang) if at.decide_by else ""
    told = pick(
        (
            "People who had no part in the decision look at it again. You need not do anything now.",
            "将由未参与原决定的人员进行复核，您暂时无需操作。",
        ),
        lang,
    )
    return told + pick((f" They mean to decide by {by}.", f"预计于 {by} 前作出决定。"), lang) if by else told


def _ways_back(book: Book, at: Situation, lang: str) -> Iterator[str]:
    """What a party can do about a decision that hurts: appeal while there is time, apply again where it may."""
    if at.appeal_until is not None:
        until = _day(book, at.appeal_until, lang)
        yield pick(
            (
                f"You may appeal until {until}: answer this letter and say what we got wrong; people who had no part "
                "in the decision will look at it.",
                f"如有异议，可于 {until} 前回复本函申诉并说明理由，将由未参与原决定的人员复核。",
            ),
            lang,
        )
    if at.stage == "suspended":
        return
    if at.final:
        yield pick(("This is final: you cannot apply again.", "此为最终决定，不可再次申请。"), lang)
    elif at.apply_from is not None:
        day = _day(book, at.apply_from, lang)
        yield pick((f"You may apply again from {day} on.", f"您可自 {day} 起重新申请。"), lang)
    else:
        yield pick(("You may mend what is not met and apply again.", "您可在整改后重新申请。"), lang)


def _day(book: Book, moment: datetime, lang: str) -> str:
    local = moment.astimezone(ZoneInfo(book.programme.time_zone))
    return pick((f"{local:%d %B %Y}", f"{local.year}年{local.month}月{local.day}日"), lang)
