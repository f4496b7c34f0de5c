"""Letters: what a merchant is told, without codes, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rules.evaluate import CompiledBook
from rules.letter import Situation, write
from rules.loader import load_directory
from rules.model import Book
from rules.records import Context, Observed, Record, Remainders
from rules.summaries import period_text, summary

NOW = datetime(2022, 8, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> Book:
    """The shipped book."""
    return load_directory(Path(__file__).parents[2] / "rules" / "book")


@pytest.fixture(scope="module")
def refused(book: Book) -> dict[str, Any]:
    """A decision with a criterion that fails, some that pass and many that are unknown."""
    compiled = CompiledBook(book)
    record = Record("p", {"live_days_30d": Observed("7"), "owns_brand": Observed("true")})
    return compiled.decide("fast-brand", compiled.ask(record, compiled.moment(NOW))).core()


def test_a_summary_says_what_is_met_what_is_not_and_what_is_missing(book: Book, refused: dict[str, Any]) -> None:
    told = summary(book, refused)
    assert told.startswith("1 of 24 requirements are met. Not met: Goes live regularly (")
    assert "at least 8 (1 short)" in told
    assert "Still to be shown: Not yet a brand known to everybody" in told
    assert "24 项要求中已满足 1 项。未达标：稳定开播（" in summary(book, refused, "zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_letter_has_no_codes_in_it(book: Book, refused: dict[str, Any], lang: str) -> None:
    text = write(book, refused, Situation("p", "M", "rejected"), lang).text()
    codes = [*book.facts, *(each.id for each in book.eligibility["fast-brand"].criteria)]
    assert not [code for code in codes if code in text and ("_" in code or "." in code)]


def test_a_refusal_says_until_when_to_appeal_in_the_programmes_zone(book: Book, refused: dict[str, Any]) -> None:
    at = Situation("p", "M", "rejected", appeal_until=datetime(2022, 9, 16, 18, 0, tzinfo=UTC))
    assert "You may appeal until 17 September 2022" in write(book, refused, at).text()
    assert "2022年9月17日" in write(book, refused, at, "zh").text()


def test_a_request_says_what_to_send_and_by_when(book: Book, refused: dict[str, Any]) -> None:
    at = Situation(
        "p", "M", "info_requested", asked_for=("content_score",), answer_by=datetime(2022, 8, 27, 1, tzinfo=UTC)
    )
    assert "Please send us by 27 August 2022: Content quality." in write(book, refused, at).text()


ENDS = datetime(2022, 11, 15, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "en", "zh"),
    [
        (
            Situation("p", "M", "suspended", suspended_until=ENDS, appeal_until=NOW),
            ("is suspended", "lift the suspension by 15 November 2022", "You may appeal until 17 August 2022"),
            ("已被暂停", "2022年11月15日 前未解除暂停", "申诉"),
        ),
        (
            Situation("p", "M", "revoked", decided_on="counterfeit", apply_from=ENDS),
            ("has been revoked", "What it rests on: counterfeit", "You may apply again from 15 November 2022 on"),
            ("资格已被取消", "依据：销售假冒商品", "您可自 2022年11月15日 起重新申请"),
        ),
        (
            Situation("p", "S", "terminated", decided_on="no.such.code"),
            ("has left the programme", "People decided this.", "apply again"),
            ("已退出计划", "由审核人员作出", "重新申请"),
        ),
        (
            Situation("p", "M", "appealing", decide_by=ENDS),
            ("We have your appeal", "had no part in the decision", "decide by 15 November 2022"),
            ("已收到您的申诉", "未参与原决定", "预计于 2022年11月15日"),
        ),
        (
            Situation("p", "M", "rejected", final=True, decided_on="content.quality", appeal_until=ENDS),
            ("not accepted", "rests on: Good content", "This is final", "You may appeal until"),
            ("未通过", "依据：内容质量达标", "此为最终决定", "申诉"),
        ),
        (Situation("p", "M", "watch"), ("is being watched", "held back"), ("观察期", "暂缓发放")),
        (Situation("p", "M", "demoted"), ("has been lowered", "action plan"), ("降级", "整改计划")),
    ],
)
def test_a_decision_that_hurts_says_what_holds_and_what_can_be_done(
    book: Book, at: Situation, en: tuple[str, ...], zh: tuple[str, ...]
) -> None:
    for lang, parts in (("en", en), ("zh", zh)):
        told = write(book, None, at, lang).text()
        assert [part for part in parts if part not in told] == [], told
    if at.final:
        assert "You may apply again" not in write(book, None, at).text()
        assert "You may mend" not in write(book, None, at).text()


def test_an_endorsement_has_number_and_term(book: Book) -> None:
    mark = {"number": "FB-1", "valid_until": datetime(2023, 8, 17, tzinfo=UTC), "state": "active"}
    at = Situation("p", "M", "endorsed", endorsement=mark, illustrative=True)
    text = write(book, None, at).text()
    assert "number FB-1 and holds until 17 August 2023" in text
    assert text.endswith("The rules applied are illustrative.")


PAID = {
    "gmv_30d": "1500000",
    "repurchase_rate_90d": "0.4",
    "consumer_rights_score": "100",
    "experience_score": "90",
    "aesthetic_score": "90",
    "price_to_category": "1",
    "counterfeit_confirmed_90d": "0",
    "severe_violations_365d": "0",
    "category": "food",
}


def bonus(book: Book, facts: dict[str, str], remainders: Remainders = Remainders()) -> dict[str, Any]:  # noqa: B008
    compiled = CompiledBook(book)
    record = Record("p", {name: Observed(text) for name, text in facts.items()})
    context = Context(track="M", period="2022-12", remainders=remainders)
    return compiled.decide("traffic-bonus", compiled.ask(record, compiled.moment(NOW)), context).core()


def test_a_grant_in_one_paragraph_with_what_the_next_tier_needs(book: Book) -> None:
    assert summary(book, bonus(book, PAID)) == (
        "You are granted 1,850,000 impressions of bonus traffic for December 2022. "
        "Sales in 30 days of 1,500,000.00 CNY counts as 1,250,000, and is multiplied by 1.48 (Trust: 92.0). "
        "The next tier begins with 8,500,000.00 CNY more (Sales in 30 days): what is beyond counts at 20%."
    )
    assert summary(book, bonus(book, PAID), "zh") == (
        "2022年12月您获得流量激励 1,850,000 次曝光。"
        "近30天成交额 1,500,000.00 CNY 折算为 1,250,000，再乘以 1.48（信任分 92.0）。"
        "近30天成交额再增加 8,500,000.00 CNY 进入下一档，超出部分按 20% 折算。"
    )


def test_a_capped_grant_and_none_say_why(book: Book) -> None:
    capped = summary(book, bonus(book, PAID, Remainders(party_year=500)))
    assert capped.startswith("You are granted 500 impressions")
    assert "It is limited by the most that a party gets in a year." in capped
    used_up = summary(book, bonus(book, PAID, Remainders(party_year=0)))
    assert used_up == "There is no bonus traffic for December 2022: the most that a party gets in a year is used up."
    closed = summary(book, bonus(book, {**PAID, "counterfeit_confirmed_90d": "1"}))
    assert closed.startswith("There is no bonus traffic for December 2022: No counterfeits (")
    assert "asked for is at most 0 (1 over)" in closed
    nothing = summary(book, bonus(book, {"counterfeit_confirmed_90d": "0", "severe_violations_365d": "0"}), "zh")
    assert nothing == "2022年12月不发放流量激励：近30天成交额未知；信任分未知；类目未知。"


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("reserved", "You are granted 1,850,000 impressions of bonus traffic for December 2022."),
        ("closed", "You are granted 1,850,000 impressions of bonus traffic for December 2022."),
        ("waiting", "Your bonus traffic waits until there is room in the pool"),
        ("awaiting_confirmation", "Your bonus traffic is being confirmed by a person."),
        ("lapsed", None),
        ("voided", None),
    ],
)
def test_a_letter_tells_of_a_grant_what_is_so(book: Book, state: str, says: str | None) -> None:
    grant = {"state": state, "decision": bonus(book, PAID), "book": book}
    text = write(book, None, Situation("p", "M", "endorsed", grant=grant)).text()
    assert (says in text) if says else ("traffic" not in text)
    assert ("1,850,000" in text) == (state in {"reserved", "closed"})


@pytest.mark.parametrize(
    ("months", "en", "zh"),
    [(1, " for November 2022", "2022年11月"), (3, " for November 2022 to January 2023", "2022年11月至2023年1月")],
)
def test_a_period_is_named_by_its_months(months: int, en: str, zh: str) -> None:
    assert (period_text("2022-11", months, "en"), period_text("2022-11", months, "zh")) == (en, zh)
    assert period_text("", months, "en") == ""
