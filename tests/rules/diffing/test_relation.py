"""What a change means, for pairs of books of which it is plain."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import z3

from rules.diffing.books import Diff, compare
from rules.diffing.meaning import Meaning
from rules.diffing.relation import meaning
from rules.diffing.report import as_json
from rules.diffing.solving import CLOCK_FACTOR, UNITS_A_SECOND, Budget
from rules.diffing.witness import Witness
from rules.evaluate import CompiledBook
from rules.model import Book
from tests.rules.diffing.books import ELIGIBILITY, Edit, asks, book

WORTH = "worth: {quotient: {of: felt, by: price}, type: score, decimals: 1, range: "

EQUIVALENT: dict[str, list[Edit]] = {
    "branches in another order": [
        (
            "            - reply: {at_most: 30 minutes}\n            - worth: {at_least: 80}\n",
            "            - worth: {at_least: 80}\n            - reply: {at_most: 30 minutes}\n",
        )
    ],
    "another notation": [("food: 30%", "food: 30.0%"), ("at_most: 30 minutes", "at_most: 1_800 seconds")],
    "a group with another name": [("  - id: back.rate\n", "  - id: back.rate\n    group: loyalty\n")],
    "a criterion with another name": [("id: known.long", "id: known.since_long")],
    "other titles": [("    title: {en: Own brand,", "    title: {en: A brand of its own,")],
    "a criterion that asks for less than another": [asks("{repurchase: {at_least: 10%}}", "refer", ", min_sample: 30")],
    "at least turned round": [("service: {at_least: 60}", "not: {service: {less_than: 60}}")],
    "more than one less": [("service: {at_least: 60}", "service: {more_than: 59.9}")],
    "every row of a table written out": [("food: 30%, default: 20%", "food: 30%, toys: 20%")],
    "what is only noted, otherwise": [("days_here: {at_least: 180}", "days_here: {at_least: 90}")],
    "a sum in another order": [("sum: [service, looks]", "sum: [looks, service]")],
    "a range that is never left": [("range: [0, 200]", "range: [0, 300]")],
    "a curve with a point more on its line": [("[[0%, 0], [40%, 100]]", "[[0%, 0], [10%, 25], [40%, 100]]")],
    "rows whose order does not matter": [
        (
            "  - {when: {failed: refer}, then: refer}\n  - {when: {unknown: true}, then: refer}\n",
            "  - {when: {unknown: true}, then: refer}\n  - {when: {failed: refer}, then: refer}\n",
        )
    ],
    "a raised version": [('"1"  # fast', '"2"')],
}

STRICTER: dict[str, list[Edit]] = {
    "a higher threshold": [("service: {at_least: 60}", "service: {at_least: 61}")],
    "a higher threshold in one row of a table": [("food: 30%", "food: 31%")],
    "a higher default": [("default: 20%", "default: 20.0000001%")],
    "unknown refuses": [("refer  # back", "refer\n    unknown: reject")],
    "a fail refuses": [("refer  # back", "reject")],
    "a note becomes a matter for a person": [("note  # long", "refer")],
    "a criterion more": [asks("{price: {at_most: 100%}}", "reject")],
    "it concerns more": [("    when: {category: {is_not: toys}}\n", "")],
    "a branch less": [("        - service: {at_least: 60}\n", "")],
    "a greater sample": [("min_sample: 30", "min_sample: 31")],
    "a score that asks for more": [("trust: {at_least: 60}", "trust: {at_least: 60.1}")],
    "a curve that gives less": [("[[50, 0], [150, 100]]", "[[50, 0], [150, 99]]")],
    "a fact that ages sooner": [("max_age: 35 days", "max_age: 34 days")],
    "a narrower range of what is derived": [(f"{WORTH}[0, 1_000]", f"{WORTH}[0, 999]")],
}

INCOMPARABLE: dict[str, list[Edit]] = {
    "one up, one down": [("food: 30%", "food: 31%"), ("default: 20%", "default: 19%")],
    "other weights": [("weight: 60", "weight: 65"), ("weight: 40", "weight: 35")],
    "another derivation": [("sum: [service, looks]", "difference: {of: service, by: looks}")],
    "a fail refuses, an unknown no longer refers": [("refer  # back", "reject\n    unknown: note")],
    "the other way round": [("service: {at_least: 60}", "service: {less_than: 60}")],
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


@pytest.fixture(scope="module")
def plain(shelf: Path) -> Book:
    return book(shelf)


def only(diff: Diff) -> Meaning:
    assert len(diff.meanings) == 1
    assert diff.relation == diff.meanings[0].relation
    return diff.meanings[0]


def check(witness: Witness | None, diff: Diff, *, rises: bool) -> None:
    """The witness is a record that both books take, and decide as it says."""
    assert witness is not None
    levels = ["ineligible", "refer", "eligible"]
    outcomes = []
    for each in diff.books:
        compiled = CompiledBook(each)
        asked = compiled.ask(witness.record, compiled.moment(witness.as_of))
        outcomes.append(compiled.decide("fast", asked, effective=compiled.moment(witness.as_of)).outcome)
    assert outcomes == [witness.old.outcome, witness.new.outcome]
    assert (levels.index(outcomes[1]) > levels.index(outcomes[0])) == rises
    assert outcomes[0] != outcomes[1]


@pytest.mark.parametrize("edits", EQUIVALENT.values(), ids=EQUIVALENT)
def test_equivalent(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    diff = compare(plain, book(shelf, *edits))
    found = only(diff)
    assert (found.relation, found.falls.found, found.rises.found) == ("equivalent", None, None)
    assert diff.books[0].sha256 != diff.books[1].sha256


@pytest.mark.parametrize("edits", STRICTER.values(), ids=STRICTER)
def test_stricter_and_back_looser(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    changed = book(shelf, *edits)
    there, back = compare(plain, changed), compare(changed, plain)
    assert (only(there).relation, only(back).relation) == ("stricter", "looser")
    check(only(there).falls.found, there, rises=False)
    check(only(back).rises.found, back, rises=True)
    assert (only(there).rises.found, only(back).falls.found) == (None, None)
    assert not there.same
    assert not back.same


@pytest.mark.parametrize("edits", INCOMPARABLE.values(), ids=INCOMPARABLE)
def test_incomparable(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    diff = compare(plain, book(shelf, *edits))
    assert only(diff).relation == "incomparable"
    check(only(diff).falls.found, diff, rises=False)
    check(only(diff).rises.found, diff, rises=True)


def test_of_itself_nothing_changes(plain: Book) -> None:
    diff = compare(plain, plain)
    assert (diff.relation, diff.changes, diff.same) == ("equivalent", [], True)


def test_a_witness_holds_what_matters_and_no_more(shelf: Path, plain: Book) -> None:
    unknown_owner = ("reject  # own", "reject\n    unknown: note")
    concerns_all = ("    when: {category: {is_not: toys}}\n", "")
    diff = compare(plain, book(shelf, unknown_owner, concerns_all, asks("{price: {at_most: 200%}}", "reject")))
    found = only(diff).falls.found
    assert found is not None
    for name in found.record.facts:
        without = {each: seen for each, seen in found.record.facts.items() if each != name}
        outcomes = []
        for each in diff.books:
            compiled = CompiledBook(each)
            record = type(found.record)("p", without)
            outcomes.append(compiled.decide("fast", compiled.ask(record, compiled.moment(found.as_of))).outcome)
        assert outcomes != [found.old.outcome, found.new.outcome], f"`{name}` could be left out"


def test_ages_between_the_two_limits_show(shelf: Path, plain: Book) -> None:
    """A fact 34 and a half days old is known to the old book only."""
    diff = compare(plain, book(shelf, ("max_age: 35 days", "max_age: 34 days")))
    told = as_json(diff)["witnesses"][0]
    assert list(told["observed_at"]) == ["repurchase"]
    check(only(diff).falls.found, diff, rises=False)


# --- the vocabulary -----------------------------------------------------------------------------------------------


def test_a_fact_more_is_just_asked_for(shelf: Path, plain: Book) -> None:
    more = "  shops: {type: count, range: [0, 10], title: {en: Shops, zh: 店}}\nderived:"
    assert compare(plain, book(shelf, ("derived:", more))).relation == "equivalent"
    asking = book(shelf, ("derived:", more), asks("{shops: {at_least: 1}}", "reject"))
    diff = compare(plain, asking)
    assert only(diff).relation == "stricter"
    check(only(diff).falls.found, diff, rises=False)
    assert compare(asking, plain).relation == "looser"


def test_values_that_one_book_refuses_are_left_out(shelf: Path) -> None:
    """With a wider range somebody could pass who could not be entered before: that is no difference in decisions."""
    never = ("service: {at_least: 60}", "service: {at_least: 100}")
    only_there = ("service: {at_least: 60}", "service: {at_least: 100.1}")
    wider = (
        "service: {type: score, decimals: 1, range: [0, 100]",
        "service: {type: score, decimals: 1, range: [0, 120]",
    )
    felt = ("range: [0, 200]", "range: [0, 220]")
    diff = compare(book(shelf, never), book(shelf, wider, felt, never))
    assert diff.relation == "equivalent"
    assert ["`service`" in note[0] for note in diff.notes] == [True]
    assert compare(book(shelf, never), book(shelf, wider, felt, only_there)).relation == "stricter"


def test_a_choice_that_one_book_does_not_know_is_left_out(shelf: Path, plain: Book) -> None:
    more = ("toys: {en: Toys, zh: 玩具}}", "toys: {en: Toys, zh: 玩具}, pets: {en: Pets, zh: 宠物}}")
    diff = compare(plain, book(shelf, more, ("food: 30%,", "food: 30%, pets: 90%,")))
    assert diff.relation == "equivalent"
    assert ["`category`" in note[0] for note in diff.notes] == [True]


def test_a_fact_read_with_other_decimals(shelf: Path, plain: Book) -> None:
    """59.95 is 60.0 with one digit after the point and 59.95 with two; 59.94 falls short in both."""
    finer = ("service: {type: score, decimals: 1", "service: {type: score, decimals: 2")
    diff = compare(plain, book(shelf, finer))
    found = only(diff)
    assert found.relation == "incomparable"
    check(found.falls.found, diff, rises=False)
    check(found.rises.found, diff, rises=True)


def test_a_fact_in_another_unit(shelf: Path, plain: Book) -> None:
    """The same number of hours is longer than that of minutes."""
    diff = compare(plain, book(shelf, ("unit: minutes", "unit: hours")))
    assert only(diff).relation == "stricter"
    check(only(diff).falls.found, diff, rises=False)


def test_a_fact_of_another_type_is_compared_where_it_is_unknown(shelf: Path, plain: Book) -> None:
    as_text = ("owns_brand: {type: flag", "owns_brand: {type: text")
    found = only(compare(plain, book(shelf, as_text, ("owns_brand: {is: true}", "owns_brand: {matches: x}"))))
    assert (found.relation, found.falls.said, found.rises.said) == ("undecided", "undecided", "undecided")
    assert "`owns_brand` was a flag and is a text" in found.falls.why


# --- texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{matches: ^CN}", '{matches: "^(CN|HK)"}', "looser"),
        ("{matches: ^CN}", "{matches: CN}", "looser"),
        ('{matches: "a{2}$"}', "{matches: aa$}", "equivalent"),
        ("{matches: x}", "{is_not: x}", "incomparable"),
        ("{is: CN}", "{one_of: [CN, HK]}", "looser"),
        ("{matches: ^CN$}", "{is: CN}", "equivalent"),
        ('{matches: "[0-9]"}', "{matches: \\d}", "equivalent"),
        # beyond what is analysed: a difference is found all the same, sameness is not claimed
        ("{matches: (?i)cn}", "{matches: abc}", "incomparable"),
        ("{matches: (?i)cn}", '{matches: "[cC][nN]"}', "undecided"),
        ("{matches: (?i)cn}", "{matches: (?i)cn}", "equivalent"),
    ],
)
def test_patterns(shelf: Path, old: str, new: str, expected: str) -> None:
    diff = compare(*(book(shelf, asks(f"{{region: {each}}}", "reject")) for each in (old, new)))
    assert only(diff).relation == expected
    for rises, answer in ((False, only(diff).falls), (True, only(diff).rises)):
        if answer.found is not None:
            check(answer.found, diff, rises=rises)


# --- days ---------------------------------------------------------------------------------------------------------


def test_only_days_on_which_the_new_one_is_in_force(shelf: Path) -> None:
    """180 days before 29 June 2022 is the last day of 2021: from then on, who sold in 2021 has been here for long."""
    weighs = ("note  # long", "refer")
    since_2021 = book(shelf, weighs, ("days_here: {at_least: 180}", "first_sale: {before: 2022-01-01}"))

    def in_force(period: str) -> Book:
        return book(shelf, weighs, ("effective: {from: 2022-05-13}", f"effective: {{{period}}}"))

    before = compare(since_2021, in_force("from: 2022-05-13, until: 2022-06-29"))
    assert only(before).relation == "stricter"
    check(only(before).falls.found, before, rises=False)
    assert compare(since_2021, in_force("from: 2022-06-29, until: 2022-06-30")).relation == "equivalent"
    after = compare(since_2021, in_force("from: 2022-06-30"))
    assert only(after).relation == "looser"
    check(only(after).rises.found, after, rises=True)
    assert compare(since_2021, in_force("from: 2022-05-13")).relation == "incomparable"


def test_another_time_zone_makes_a_day_uncertain(shelf: Path, plain: Book) -> None:
    days = ("note  # long", "refer")
    zone = ("time_zone: Asia/Shanghai", "time_zone: Europe/Berlin")
    assert compare(plain, book(shelf, zone)).relation == "equivalent"
    found = only(compare(book(shelf, days), book(shelf, days, zone)))
    assert found.relation == "undecided"
    assert "time zones" in found.falls.why


# --- several rule books -------------------------------------------------------------------------------------------

OTHER = """\
rulebook: brand
kind: eligibility
version: "1"
parties: [S]
title: {en: Brand, zh: 品牌}
criteria:
  - {id: own, title: {en: O, zh: 自}, require: {owns_brand: {is: true}}, otherwise: reject}
outcomes: [{when: {failed: reject}, then: ineligible}, {then: eligible}]
"""


def test_the_whole_is_what_its_parts_are_together(shelf: Path) -> None:
    def both(*edits: Edit, other: str = OTHER) -> Book:
        return book(shelf, *edits, brand__eligibility__yaml=other)

    stricter: Edit = ("service: {at_least: 60}", "service: {at_least: 61}")
    looser = OTHER.replace("otherwise: reject", "otherwise: note")
    assert compare(both(), both(stricter)).relation == "stricter"
    assert compare(both(), both(other=looser)).relation == "looser"
    diff = compare(both(), both(stricter, other=looser))
    assert {each.names[1]: each.relation for each in diff.meanings} == {"fast": "stricter", "brand": "looser"}
    assert diff.relation == "incomparable"


def test_a_rule_book_with_another_name_is_found_by_its_parties(shelf: Path, plain: Book) -> None:
    diff = compare(plain, book(shelf, ("rulebook: fast", "rulebook: quick")))
    assert [each.names for each in diff.meanings] == [("fast", "quick")]


def test_a_rule_book_that_only_one_book_has_cannot_be_compared(shelf: Path, plain: Book) -> None:
    diff = compare(plain, book(shelf, brand__eligibility__yaml=OTHER))
    assert (diff.relation, diff.alone) == ("incomparable", [("brand", True)])
    assert only_names(diff) == {"fast": "equivalent"}
    back = compare(book(shelf, brand__eligibility__yaml=OTHER), plain)
    assert (back.relation, back.alone) == ("incomparable", [("brand", False)])


def only_names(diff: Diff) -> dict[str, str]:
    return {each.names[1]: each.relation for each in diff.meanings}


def test_the_newest_edition_is_compared(shelf: Path) -> None:
    old = book(shelf)
    first = ("effective: {from: 2022-05-13}", "effective: {from: 2022-05-13, until: 2022-09-01}")
    second = ELIGIBILITY.replace('version: "1"', 'version: "2"').replace("2022-05-13", "2022-09-01")
    second = second.replace("service: {at_least: 60}", "service: {at_least: 70}")
    diff = compare(old, book(shelf, first, fast2__eligibility__yaml=second))
    assert only(diff).relation == "stricter"
    found = only(diff).falls.found
    assert found is not None
    assert found.as_of.date().isoformat() == "2022-09-01"


# --- no guess -----------------------------------------------------------------------------------------------------


def test_without_time_nothing_is_claimed(shelf: Path, plain: Book) -> None:
    diff = compare(plain, book(shelf, ("service: {at_least: 60}", "service: {at_least: 61}")), seconds=1e-9)
    found = only(diff)
    assert (found.relation, found.falls.why) == ("undecided", "the limit was reached; `--limit` gives more")
    assert not diff.same


def test_the_limit_is_one_of_work_with_the_clock_far_behind() -> None:
    """A busy machine takes longer for the same steps: that must not decide what is said."""
    budget = Budget(2)
    assert budget.limits(1) == {"rlimit": 2 * UNITS_A_SECOND, "timeout": 2_000 * CLOCK_FACTOR}
    assert budget.limits(4)["rlimit"] == UNITS_A_SECOND // 2
    solver: Any = z3.SolverFor("QF_LIA")
    with budget.spent(solver):
        sleep(0.05)  # doing nothing costs next to nothing
    assert budget.limits(1)["rlimit"] == 2 * UNITS_A_SECOND
    steep = Budget(0.01)
    x, y = z3.Ints("x y")
    solver.set(**steep.limits(1))
    with steep.spent(solver):
        # no whole numbers are so, and to see it takes far more steps
        assert solver.check(z3.And(*_pigeons(9), x > y)) == z3.unknown
    assert steep.limits(1) == {}


def _pigeons(holes: int) -> list[Any]:
    """One more number than there are values, and no two alike."""
    numbers = [z3.Int(f"p{number}") for number in range(holes + 1)]
    return [*(z3.And(each >= 0, each < holes) for each in numbers), z3.Distinct(numbers)]


def test_the_same_steps_and_witness_whatever_the_process_did_before(shelf: Path, plain: Book) -> None:
    """Of books that the solver has a hard time with: by where it began, the steps of one comparison were 20 times those
    of another, and now and then more than there may be."""
    finer = book(shelf, ("service: {type: score, decimals: 1", "service: {type: score, decimals: 2"))
    names, left, told = ("fast", "fast"), set[int](), set[str]()
    for number in range(6):
        z3.simplify(z3.Int(f"another {number}") + number > 3)
        budget = Budget(5)
        found = meaning((plain, finer), names, budget)
        assert found.relation == "incomparable"
        left.add(budget.limits(1)["rlimit"])
        told.add(json.dumps(as_json(compare(plain, finer)), sort_keys=True))
    assert (len(left), len(told)) == (1, 1)
    assert left.pop() > 5 * UNITS_A_SECOND / 2


def test_what_is_not_compared_is_said(shelf: Path, plain: Book) -> None:
    diff = compare(plain, book(shelf, ("sla: 3 business days", "sla: 4 business days")))
    assert diff.relation == "equivalent"
    assert [note[0] for note in diff.notes] == ["changes of kind routing are listed, what they mean is not compared"]
