"""Matching: the register in inputs, gaps from a screening, and the decision in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.decision import Decision
from rules.evaluate import CompiledBook
from rules.inputs import from_inputs, inputs_json
from rules.loader import load_directory
from rules.matching import capability_gaps
from rules.matching_texts import explain_matching
from rules.model import Book
from rules.records import Candidate, Context, Observed, Record
from tests.rules.small_book import FILES, write

BOOK = Path(__file__).parents[2] / "rules" / "book"
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
PARTY = Record("p1", {"category": Observed("apparel"), "region": Observed("zhejiang")})


@pytest.fixture(scope="module")
def book() -> Book:
    return load_directory(BOOK)


def decide(book: Book, context: Context, record: Record = PARTY) -> Decision:
    compiled = CompiledBook(book)
    moment = compiled.moment(NOW)
    return compiled.decide("provider-matching", compiled.ask(record, moment), context, moment)


def merchant(name: str, **more: Any) -> Candidate:
    plain: dict[str, Any] = {"categories": ("apparel",), "region": None, "capacity": 1, "load": 0}
    return Candidate(name, "merchant", **{**plain, **more})


def test_the_register_comes_back_from_inputs_as_it_went_in() -> None:
    register = (
        merchant("a", region="zhejiang", track_record=725, capabilities={"content": 800}),
        merchant("b", categories=(), capacity=9, load=3),
    )
    context = Context(track="M", gaps=("content",), candidates=register)
    kept = json.loads(json.dumps(inputs_json(PARTY, context)))
    assert from_inputs(kept) == (PARTY, context)


def test_inputs_of_other_kinds_say_nothing_of_providers() -> None:
    assert not {"gaps", "candidates"} & set(inputs_json(PARTY, Context())["context"])


def finding(criterion: str, verdict: str) -> dict[str, str]:
    return {"criterion": criterion, "verdict": verdict}


def test_gaps_are_the_capabilities_with_a_criterion_that_fails_or_is_unknown(book: Book) -> None:
    findings = [
        finding("content.live_days", "pass"),
        finding("content.quality", "unknown"),
        finding("business.sales", "pass"),
        finding("repurchase.rate", "fail"),
        finding("private_domain.sales", "not_applicable"),
        finding("trust.counterfeit", "fail"),
        finding("ladder.own_brand", "unknown"),
    ]
    assert capability_gaps(book, {"rulebook": "fast-brand", "findings": findings}) == ("content", "repurchase")


def test_gaps_follow_the_group_that_the_book_gives_and_else_the_id(tmp_path: Path) -> None:
    """In the small book `rate` is in the group `repurchase`; a criterion of an older book has only its id."""
    small = load_directory(write(tmp_path, FILES))
    findings = [finding("rate", "fail"), finding("business.gone", "fail"), finding("contents.x", "fail")]
    assert capability_gaps(small, {"rulebook": "fast", "findings": findings}) == ("business", "repurchase")
    assert capability_gaps(small, {"rulebook": "another", "findings": findings}) == ("business",)


def test_a_decision_in_words(book: Book) -> None:
    register = (
        merchant("best", region="zhejiang", track_record=725, capabilities={"content": 800}),
        *(merchant(f"next-{n}") for n in range(3)),
        merchant("full", load=1),
        *(merchant(f"food-{n}", categories=("food",)) for n in range(9)),
    )
    core = decide(book, Context(track="M", gaps=("content", "repurchase"), candidates=register)).core()
    told = explain_matching(book, core)
    assert told[0] == "for merchants; gaps: Help with content, Help with repurchase"
    assert told[1] == "1. best (Merchant provider): 64.5"
    assert told[2] == "   20/50  covers the gaps (Help with content 80.0, Help with repurchase not known)"
    assert told[3] == "   30/30  Region is Zhejiang, asked for is Zhejiang"
    assert told[4] == "   14.5/20  Track record: 72.5"
    assert told[5] == "2. next-0 (Merchant provider): 0.0"
    assert "   0/30  Region is unknown (not given)" in told
    assert told[-3] == "behind: next-2 0.0"
    assert told[-2].startswith("left out, not met: Free capacity at least 1: 1 (full) (")
    assert told[-2].endswith("provider.matching.yaml:24)")
    assert told[-1].startswith("left out, not met: the same main category: 9 (food-0, ")
    assert "food-7, ...) (" in told[-1]


def test_a_decision_in_chinese(book: Book) -> None:
    register = (merchant("a", track_record=600), merchant("b", categories=("food",)))
    told = explain_matching(book, decide(book, Context(track="M", gaps=(), candidates=register)).core(), "zh")
    assert told[:2] == ["服务对象：商家；无能力短板", "1. a (商家服务商): 62.0"]
    assert "   12/20  过往业绩分: 60.0" in told
    assert told[-1].startswith("未入选（不满足）：主营类目一致: 1 (b) (")


def test_nobody_in_words(book: Book) -> None:
    empty = decide(book, Context(track="K")).core()
    assert explain_matching(book, empty) == [
        "for talents; gaps are not known",
        "no offer: no provider serves such parties",
    ]
    nobody = Record("p2", {})
    core = decide(book, Context(track="M", candidates=(merchant("a"),)), nobody).core()
    told = explain_matching(book, core)
    assert told[1] == "no offer: no provider meets every requirement"
    assert told[2].startswith("left out, not known: the same main category: 1 (a) (")
    assert explain_matching(book, core, "zh")[1:2] == ["无推荐：没有服务商满足全部要求"]


def test_words_from_a_book_that_no_longer_has_the_rule_book(tmp_path: Path, book: Book) -> None:
    """A decision is told from the book that made it; from another one it is told as far as that goes."""
    other = load_directory(write(tmp_path, FILES))
    core = decide(book, Context(track="M", candidates=(merchant("a"), merchant("b", load=1)))).core()
    told = explain_matching(other, core)
    assert told[-1] == "left out, not met: requirement 1: 1 (b)"
