"""Decisions in words: what a reviewer and a merchant read, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rules.evaluate import CompiledBook
from rules.explain import explain, explain_lines, explain_steps
from rules.loader import load_directory
from rules.mending import leaves_to_mend
from rules.model import All, AnyOf, Book, Leaf, Mark, Node, Not
from rules.records import Context, Observed, Record

NOW = datetime(2022, 8, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> Book:
    """The shipped book."""
    return load_directory(Path(__file__).parents[2] / "rules" / "book")


def decided(book: Book, name: str, facts: dict[str, str]) -> dict[str, object]:
    compiled = CompiledBook(book)
    record = Record("p", {fact: Observed(text) for fact, text in facts.items()})
    context = Context(track="M", period="2022-08")
    return compiled.decide(name, compiled.ask(record, compiled.moment(NOW)), context).core()


def test_a_failed_criterion_says_observed_asked_for_and_how_much_is_missing(book: Book) -> None:
    core = decided(book, "fast-brand", {"live_days_30d": "7"})
    found = next(each for each in explain(book, core) if each["criterion"] == "content.live_days")
    assert found["verdict"] == "fail"
    assert found["text"] == "Days with a live session in 30 days is 7, asked for is at least 8 (1 short)"
    text = Path(found["path"]).read_text(encoding="utf-8").splitlines()[found["line"] - 1]
    assert "content.live_days" in text


def test_chinese_says_the_same(book: Book) -> None:
    core = decided(book, "fast-brand", {"live_days_30d": "7"})
    found = next(each for each in explain(book, core, "zh") if each["criterion"] == "content.live_days")
    assert found["text"] == "近30天开播天数为 7，要求不低于 8（差 1）"


def test_an_unknown_criterion_says_why(book: Book) -> None:
    core = decided(book, "fast-brand", {})
    found = next(each for each in explain(book, core) if each["criterion"] == "ladder.not_yet_a_brand")
    assert found["text"] == "Known by the general public is unknown (not given), asked for is less than 30%"


def test_a_threshold_that_nobody_can_choose_names_the_fact_that_chooses(book: Book) -> None:
    core = decided(book, "fast-brand", {"gmv_90d": "5000000"})
    assert text_of(book, core, "business.sales") == (
        "Sales in 90 days cannot be judged: what is asked for depends on Main category, which is not known"
    )
    assert text_of(book, core, "business.sales", "zh") == "近90天成交额无法判断：门槛取决于主营类目，而主营类目未知"


def test_failed_and_unknown_come_first_and_passes_are_counted(book: Book) -> None:
    core = decided(book, "fast-brand", {"live_days_30d": "7", "owns_brand": "true"})
    verdicts = [each["verdict"] for each in explain(book, core)]
    assert verdicts == sorted(verdicts, key=["fail", "unknown", "pass", "not_applicable"].index)
    assert any(line.endswith(f"of {len(verdicts)} pass") for line in explain_lines(book, core))


def test_steps_of_a_grant_add_up_in_words(book: Book) -> None:
    facts = {
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
    lines = explain_steps(book, decided(book, "traffic-bonus", facts))
    assert lines[:2] == [
        "tier 1: 1,000,000.00 CNY x 100% = 1,000,000",
        "tier 2: 500,000.00 CNY x 50% = 250,000",
    ]
    assert lines[-1] == "tier 3 begins 8,500,000.00 CNY further up"


def test_no_grant_says_why(book: Book) -> None:
    lines = explain_steps(book, decided(book, "traffic-bonus", {"counterfeit_confirmed_90d": "1"}))
    assert "no grant: `no_counterfeit` is not met" in lines
    assert "no grant: the base of the bonus is not known" in lines


def text_of(book: Book, core: Any, criterion: str, lang: str = "en") -> str:
    return str(next(each for each in explain(book, core, lang) if each["criterion"] == criterion)["text"])


def test_of_a_composite_the_branch_with_the_fewest_leaves_to_mend_is_named(book: Book) -> None:
    facts = {"private_gmv_share_30d": "0.1", "follower_count": "100", "repurchase_rate_90d": "0.1", "category": "food"}
    told = text_of(book, decided(book, "fast-brand", facts), "private_domain.sales")
    assert told == "Share of sales from followers in 30 days is 10%, asked for is at least 30% (20% short)"
    nearer = text_of(book, decided(book, "fast-brand", {**facts, "follower_count": "500000"}), "private_domain.sales")
    assert nearer == told  # one leaf each: the first in the file
    facts = {"months_active": "1", "first_sale_on": "2022-08-01"}
    assert text_of(book, decided(book, "fast-brand", facts), "commitment.long_term").startswith("Months with sales")


def test_a_criterion_that_may_not_apply_says_what_that_hangs_on(book: Book) -> None:
    told = text_of(book, decided(book, "fast-brand", {"private_gmv_share_30d": "0.9"}), "private_domain.sales")
    assert told == "Main category is unknown (not given), asked for is not Fresh food"


def test_a_band_says_what_it_is_in_and_how_far_the_way_out_is(book: Book) -> None:
    core = decided(book, "fast-brand-upkeep", {"consumer_rights_score": "59.9", "experience_score": "70"})
    assert text_of(book, core, "consumer_rights") == "Consumer rights (complaints, disputes, returns) is 59.9: " + (
        "less than 60.0 (0.1 short)"
    )
    assert text_of(book, core, "experience", "zh") == "购物体验分为 70.0：低于 75.0（差 5.0）"


@pytest.mark.parametrize(
    ("require", "verdicts", "mends"),
    [
        ("a", "f", "a"),
        ("a", "u", "a"),
        ("a", "p", ""),
        ("(all a b c)", "pfu", "bc"),
        ("(any a b)", "ff", "a"),
        ("(any (all a b) c)", "fff", "c"),
        ("(any (all a b) (all c d))", "pfff", "b"),
        ("(all a (any b c) d)", "ffff", "abd"),
        ("(not a)", "p", "!a"),
        ("(not (all a b))", "pp", "!a"),
        ("(not (any a b))", "pp", "!a!b"),
        ("(not (not a))", "f", "a"),
        ("(any (not (any a b)) (all c d))", "pfpf", "!a"),
    ],
)
def test_leaves_to_mend(require: str, verdicts: str, mends: str) -> None:
    words = {"p": "pass", "f": "fail", "u": "unknown"}
    found = leaves_to_mend(_tree(require), [words[verdict] for verdict in verdicts])
    assert "".join(("!" if each.must_fail else "") + "abcd"[each.place] for each in found) == mends


def _tree(text: str) -> Node:
    """A tree from brackets: ``(any a (not b))``."""
    mark = Mark("x", 1, 1)
    stack: list[list[Any]] = [[]]
    for word in text.replace("(", "( ").replace(")", " )").split():
        if word == "(":
            stack.append([])
        elif word == ")":
            kind, *nodes = stack.pop()
            made: Node = Not(nodes[0], mark) if kind == "not" else (All if kind == "all" else AnyOf)(tuple(nodes), mark)
            stack[-1].append(made)
        else:
            stack[-1].append(word if word in ("all", "any", "not") else Leaf(word, "is", 1, mark))
    tree: Node = stack[0][0]
    return tree
