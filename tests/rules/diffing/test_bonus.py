"""Amounts: whether they can fall or rise, for pairs of books of which it is plain."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.diffing.books import Diff, compare
from rules.diffing.meaning import Meaning
from rules.diffing.report import as_json
from rules.evaluate import CompiledBook
from rules.model import Book
from rules.records import Context
from tests.rules.diffing.books import Edit, book

HIGHER: dict[str, list[Edit]] = {
    "a higher cap": [("single_grant: 200_000,", "single_grant: 160_000,"), ("default: 180_000", "default: 150_000")],
    "a higher cap of a category": [("food: 150_000", "food: 149_999")],
    "a higher rate": [("{rate: 50%}", "{rate: 49%}")],
    "a tier that ends later": [("up_to: 10_000 CNY", "up_to: 9_999 CNY")],
    "a gate less": [
        ("[licence]}}}\n", "[licence]}}}\n  - {id: own, title: {en: O, zh: 自}, require: {owns_brand: {is: true}}}\n")
    ],
    "a gate that more pass": [("one_of: [licence]", "is: [licence]")],
    "a curve that is higher": [("[100, 160%]", "[100, 159%]")],
    "a bend of the curve that is higher": [("[60, 100%], [100", "[60, 100%], [80, 129%], [100")],
    "a score that is higher": [("[[50, 0], [150, 100]]", "[[50, 0], [151, 100]]")],
    "a fact that ages later": [("max_age: 35 days", "max_age: 34 days")],
}
"""What makes the plain book higher than the edited one."""

NEITHER: dict[str, list[Edit]] = {
    "a cap that is never reached": [("single_grant: 200_000", "single_grant: 180_000")],
    "a tier in two with one rate": [("{rate: 50%}", "{up_to: 20_000 CNY, rate: 50%}, {rate: 0.5}")],
    "a bend on the line": [("[60, 100%], [100", "[60, 100%], [80, 130%], [100")],
    "other tranches": [("{share: 40%, after: 0 days}, {share: 60%", "{share: 50%, after: 0 days}, {share: 50%")],
    "a gate twice": [
        (
            "[licence]}}}\n",
            "[licence]}}}\n  - {id: twice, title: {en: T, zh: 二}, require: {papers: {one_of: [licence]}}}\n",
        )
    ],
    "who is eligible": [("service: {at_least: 60}", "service: {at_least: 61}")],
}

BOTH: dict[str, list[Edit]] = {
    "more for the small, less for the big": [("rate: 100%}", "rate: 110%}"), ("{rate: 50%}", "{rate: 45%}")],
    "a steeper curve": [("[[0, 50%]", "[[0, 40%]"), ("[100, 160%]", "[100, 170%]")],
    "other weights": [("weight: 60", "weight: 65"), ("weight: 40", "weight: 35")],
    "another base": [("fact: gmv\n", "fact: buyers\n"), ("up_to: 10_000 CNY", "up_to: 100")],
}  # fmt: skip


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


@pytest.fixture(scope="module")
def plain(shelf: Path) -> Book:
    return book(shelf)


def only(diff: Diff) -> Meaning:
    assert [each.track for each in diff.bonus] == ["M"]
    return diff.bonus[0].meaning


def check(diff: Diff) -> None:
    """Every party shown gets the amounts that are told."""
    found = only(diff)
    for answer, rises in ((found.falls, False), (found.rises, True)):
        assert (answer.found is not None) == (answer.said == "yes")
        if answer.found is None:
            continue
        amounts = []
        for each in diff.books:
            compiled = CompiledBook(each)
            asked = compiled.ask(answer.found.record, compiled.moment(answer.found.as_of))
            amounts.append(compiled.decide("bonus", asked, Context(track="M")).result["amount"])
        assert (amounts[1] > amounts[0]) == rises
        assert amounts == [answer.found.old.result["amount"], answer.found.new.result["amount"]]


@pytest.mark.parametrize("edits", HIGHER.values(), ids=HIGHER)
def test_only_higher(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    lower = book(shelf, *edits)
    up, down = compare(lower, plain), compare(plain, lower)
    assert (only(up).falls.said, only(up).rises.said) == ("no", "yes")
    assert (only(down).falls.said, only(down).rises.said) == ("yes", "no")
    check(up)
    check(down)
    assert not up.same


@pytest.mark.parametrize("edits", NEITHER.values(), ids=NEITHER)
def test_the_same(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    assert only(compare(plain, book(shelf, *edits))).relation == "equivalent"


@pytest.mark.parametrize("edits", BOTH.values(), ids=BOTH)
def test_some_more_some_less(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    diff = compare(plain, book(shelf, *edits))
    assert only(diff).relation == "incomparable"
    check(diff)


def test_an_amount_makes_books_differ_whose_outcomes_do_not(shelf: Path, plain: Book) -> None:
    diff = compare(plain, book(shelf, ("{rate: 50%}", "{rate: 49%}")))
    assert (diff.relation, diff.same) == ("equivalent", False)
    told = as_json(diff)
    assert told["witnesses"] == []
    assert [(each["rulebook"], each["track"], each["relation"]) for each in told["bonus"]] == [
        ("bonus", "M", "stricter")
    ]
    shown = told["bonus"][0]["witnesses"]
    assert [each["direction"] for each in shown] == ["stricter"]
    assert shown[0]["new"] < shown[0]["old"]


def test_books_that_are_never_in_force_together_are_not_compared(shelf: Path, plain: Book) -> None:
    ended = ("effective: {from: 2022-05-13}", "effective: {from: 2022-01-01, until: 2022-02-01}")
    diff = compare(plain, book(shelf, ended))
    assert diff.bonus == []
    assert any("no day on which" in note[0] for note in diff.notes)
