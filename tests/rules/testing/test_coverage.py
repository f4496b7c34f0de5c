"""What cases have seen at work, and the cases that are proposed for what they have not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fastbrand.service import rule_tests
from rules.engine import RuleEngine
from rules.lint.untested import untested
from rules.loader import load_directory
from rules.testing import Coverage, Point, coverage, coverage_of
from rules.testing.coverage import points_of
from tests.rules.lint.spoiling import FILES as CLEAN
from tests.rules.small_book import write
from tests.rules.testing.on_small_book import HEALTHY, results_of, small_book

ROOT = Path(__file__).parents[3]
BOOKS = {
    "shipped": ROOT / "rules" / "book",
    "demo": ROOT / "examples" / "demo" / "book",
    "olist": ROOT / "examples" / "olist" / "book",
    "template": ROOT / "rules" / "templates" / "book",
}
BONUS = "rulebook: bonus\ndefaults: {category: food, gmv: 300, repurchase: 40%, experience: 100}\ncases:\n"
UPKEEP = "rulebook: upkeep\ndefaults: {buyers: 100, repurchase: 40%, experience: 80, gmv: 20}\ncases:\n"


def seen(found: Coverage, rulebook: str, what: str) -> set[tuple[str, str]]:
    """What was seen of one sort of points, as (name, seen)."""
    return {(point.name, point.seen) for point in found.seen if (point.rulebook, point.what) == (rulebook, what)}


def lacking(found: Coverage, rulebook: str, what: str) -> set[tuple[str, str]]:
    return {(point.name, point.seen) for point in found.missing if (point.rulebook, point.what) == (rulebook, what)}


def test_points_of_a_book() -> None:
    points = {(point.rulebook, point.what, point.name, point.seen) for point, _ in points_of(small_book())}
    three = ("pass", "fail", "unknown")
    expected = {("fast", "criterion", name, verdict) for name in ("ladder.own", "rate") for verdict in three}
    expected |= {("fast", "row", str(number), "taken") for number in (1, 2, 3, 4)}
    expected |= {("queues", "row", str(number), "taken") for number in (1, 2, 3)}
    expected |= {("tracks", "row", str(number), "taken") for number in (1, 2)}
    expected |= {("upkeep", "band", "angry", level) for level in ("clear", "limit", "unknown")}
    expected |= {("upkeep", "band", "come_back", level) for level in ("clear", "alert", "limit", "unknown")}
    expected |= {("upkeep", "row", str(number), "taken") for number in (1, 2, 3, 4, 5)}
    expected |= {("bonus", "gate", "gate", verdict) for verdict in three}
    expected |= {("bonus", "tier", str(number), "taken") for number in (1, 2)}
    expected |= {("bonus", "cap", cap, "taken") for cap in ("single_grant", "category_per_month")}
    expected |= {("bonus", "confirm", "confirm_above", seen) for seen in ("yes", "no")}
    expected |= {("providers", "requirement", "1", verdict) for verdict in ("pass", "fail")}  # the register knows it
    expected |= {("providers", "requirement", "2", verdict) for verdict in three}
    expected |= {("providers", "preference", n, seen) for n in ("1", "2", "3") for seen in ("some", "none")}
    expected |= {("providers", "type", kind, "offered") for kind in ("mcn", "industrial_belt", "merchant", "brand")}
    expected.add(("providers", "outcome", "no_offer", "taken"))
    assert points == expected


def test_points_stand_where_they_are_written() -> None:
    marks = {(point.what, point.name): mark for point, mark in points_of(load_directory(BOOKS["shipped"]))}
    text = (BOOKS["shipped"] / "traffic-bonus.incentive.yaml").read_text(encoding="utf-8").splitlines()
    assert text[marks["gate", "no_counterfeit"].line - 1].strip().startswith("- id: no_counterfeit")
    assert text[marks["tier", "2"].line - 1].strip().startswith("- {up_to: 10_000_000 CNY")
    assert text[marks["cap", "single_grant"].line - 1] == "caps:"
    assert text[marks["confirm", "confirm_above"].line - 1].startswith("confirm_above:")


def test_what_nobody_can_come_to_is_not_asked_for(tmp_path: Path) -> None:
    """A criterion that always holds need not be seen failing: `check` tells that it cannot."""
    always = "owns_brand: {is: true}}"
    everybody = CLEAN["fast.eligibility.yaml"].replace(always, "buyers: {at_least: 0}}")
    book = load_directory(write(tmp_path, {**CLEAN, "fast.eligibility.yaml": everybody}))
    points = {point.seen for point, _ in points_of(book, ["fast"]) if point.name == "ladder.own"}
    assert points == {"pass", "unknown"}


def test_verdicts_and_rows_that_were_seen(tmp_path: Path, engine: RuleEngine) -> None:
    results = results_of(
        tmp_path,
        engine,
        HEALTHY
        + "  - {name: a, expect: {outcome: eligible}}\n"
        + "  - {name: b, given: {owns_brand: false, category: toys}, expect: {outcome: ineligible}}\n",
    )
    found = coverage(small_book(), results)
    assert seen(found, "fast", "criterion") == {("ladder.own", "pass"), ("ladder.own", "fail"), ("rate", "pass")}
    assert seen(found, "fast", "row") == {("1", "taken"), ("3", "taken")}
    assert found.seen[Point("fast", "criterion", "ladder.own", "fail")] == "b"
    assert found.verdicts("fast", "ladder.own") == {"pass", "fail"}
    assert found.verdicts("fast", "rate") == {"pass"}
    assert found.verdicts("bonus", "gate") == set()
    assert not found.complete


def test_a_failed_case_has_seen_what_it_saw(tmp_path: Path, engine: RuleEngine) -> None:
    results = results_of(tmp_path, engine, HEALTHY + "  - {name: a, expect: {outcome: refer}}\n")
    assert not results[0].passed
    assert seen(coverage(small_book(), results), "fast", "row") == {("3", "taken")}


def test_a_routing_case_is_no_test_of_the_criteria_before_it(tmp_path: Path, engine: RuleEngine) -> None:
    text = HEALTHY.replace("fast", "queues") + "  - {name: a, given: {owns_brand: false}, expect: {outcome: vetting}}\n"
    found = coverage(small_book(), results_of(tmp_path, engine, text))
    assert seen(found, "queues", "row") == {("3", "taken")}
    assert seen(found, "fast", "criterion") == set()


def test_bands_and_rows_of_maintenance(tmp_path: Path, engine: RuleEngine) -> None:
    text = f"""{UPKEEP}\
  - {{name: a, given: {{repurchase: 19%, experience: null}}, expect: {{outcome: alert}}}}
  - {{name: b, given: {{experience: 10}}, expect: {{outcome: revoke}}}}
"""
    found = coverage(small_book(), results_of(tmp_path, engine, text))
    assert seen(found, "upkeep", "band") == {
        *(("come_back", level) for level in ("alert", "clear")),
        *(("angry", level) for level in ("unknown", "limit")),
    }
    assert seen(found, "upkeep", "row") == {("1", "taken"), ("3", "taken")}


def test_gates_tiers_and_caps_of_a_bonus(tmp_path: Path, engine: RuleEngine) -> None:
    text = f"""{BONUS}\
  - {{name: a, expect: {{bonus: 480, confirm: false}}}}
  - {{name: b, given: {{gmv: 1_002}}, expect: {{bonus: 500}}}}
  - {{name: c, given: {{experience: 10, gmv: 1_000_000}}, expect: {{outcome: no_grant}}}}
"""
    found = coverage(small_book(), results_of(tmp_path, engine, text))
    assert seen(found, "bonus", "gate") == {("gate", "pass"), ("gate", "fail")}
    assert seen(found, "bonus", "tier") == {("1", "taken"), ("2", "taken")}
    assert seen(found, "bonus", "cap") == {("category_per_month", "taken")}
    assert seen(found, "bonus", "confirm") == {("confirm_above", "no")}
    assert lacking(found, "bonus", "cap") == {("single_grant", "taken")}


def test_counts(tmp_path: Path, engine: RuleEngine) -> None:
    text = f"{HEALTHY}  - {{name: a, expect: {{outcome: eligible}}}}\n"
    found = coverage(small_book(), results_of(tmp_path, engine, text), ["fast", "bonus"])
    assert found.as_dict() == {
        "percent": 15.7,
        "points": {"total": 19, "seen": 3},
        "criteria": {"total": 3, "passed": 2, "failed": 0, "unknown": 0},
        "outcomes": {"total": 4, "taken": 1},
        "bands": {"total": 0, "clear": 0, "alert": 0, "limit": 0, "unknown": 0},
        "bonus": {"total": 6, "seen": 0},
        "matching": {"total": 0, "seen": 0},
    }
    assert (Coverage({}).percent, Coverage({}).complete) == (100.0, True)


def test_not_all_is_never_called_all() -> None:
    points = {Point("a", "row", str(n), "taken"): mark for n in range(3_000) for mark in [small_book().programme.mark]}
    almost = Coverage(points, dict.fromkeys(list(points)[:-1], "x"))
    assert (almost.percent, almost.complete) == (99.9, False)


# --- the hook of `rules check` ------------------------------------------------------------------------------------


def test_criteria_that_no_test_fails_are_warned_of(tmp_path: Path, engine: RuleEngine) -> None:
    directory = tmp_path / "book"
    shutil.copytree(BOOKS["template"], directory)
    book = load_directory(directory)
    complete = coverage_of(book, directory, engine)
    assert complete is not None
    assert untested(book, complete) == []
    cases = directory / "tests" / "fast-brand.yaml"
    text = (
        cases.read_text(encoding="utf-8")
        .replace("owns_brand: false", "owns_brand: true")
        .replace("expect: {outcome: ineligible, reasons: [ladder.own_brand]}", "expect: {outcome: eligible}")
    )
    cases.write_text(text, encoding="utf-8")
    lacks = coverage_of(book, directory, engine)
    assert lacks is not None
    assert [(each.code, each.line) for each in untested(book, lacks)] == [("untested", 19)]


def test_a_book_without_tests(tmp_path: Path, engine: RuleEngine) -> None:
    directory = write(tmp_path, CLEAN)
    assert coverage_of(load_directory(directory), directory, engine) is None


# --- proposals ----------------------------------------------------------------------------------------------------


def adopt(directory: Path, engine: RuleEngine) -> rule_tests.TestRun:
    """Put every proposed case into the tests of the book, as a person would, and run them all."""
    run = rule_tests.run(directory, with_coverage=True, engine=engine)
    told = run.document()["coverage"]["missing"]
    without = [each["message"] for each in told if each["suggestion"] is None]
    assert without == []
    folder = directory / "tests"
    folder.mkdir(exist_ok=True)
    for rulebook in dict.fromkeys(each["rulebook"] for each in told):
        own = [each for each in told if each["rulebook"] == rulebook]
        cases = "".join(f"  {case}\n" for case in dict.fromkeys(each["suggestion"] for each in own))
        file = folder / f"{rulebook}.yaml"
        text = file.read_text(encoding="utf-8") if file.exists() else f"{own[0]['file_head']}\n"
        file.write_text(text + cases, encoding="utf-8")
    return rule_tests.run(directory, with_coverage=True, engine=engine)


@pytest.mark.parametrize("name", ["shipped", "olist", "template"])
def test_proposals_for_a_book_without_tests_are_complete_tests(name: str, tmp_path: Path, engine: RuleEngine) -> None:
    """From nothing to 100%: every proposed case is read, passes with what it expects, and shows what it is for."""
    directory = tmp_path / "book"
    shutil.copytree(BOOKS[name], directory, ignore=shutil.ignore_patterns("tests"))
    run = adopt(directory, engine)
    assert list(run.lines()) == [run.summary()]
    assert run.coverage.complete
    assert run.exit_code() == 0


def test_proposals_for_the_small_book_are_complete_tests(tmp_path: Path, engine: RuleEngine) -> None:
    """Facts of every type, a table, `any`, `not`, and a derived fact."""
    criteria = """\
  - {id: worth.price, title: {en: W, zh: 值}, require: {value_for_money: {at_least: 120}}, otherwise: refer}
  - {id: here.long, title: {en: H, zh: 久}, require: {days_here: {more_than: 90}}, otherwise: note}
  - {id: papers.all, title: {en: P, zh: 证}, require: {papers: {is: [licence, report]}}, otherwise: refer}
  - {id: named, title: {en: N, zh: 名}, require: {brand: {none_of: [none, unknown]}}, otherwise: refer}
  - {id: young, title: {en: Y, zh: 新}, require: {first_sale: {between: [2020-01-01, 2022-01-01]}}, otherwise: note}
  - {id: gains, title: {en: G, zh: 利}, require: {not: {profit: {less_than: 0 CNY}}}, otherwise: refer}
scores:
"""
    files = {
        **CLEAN,
        "fast.eligibility.yaml": CLEAN["fast.eligibility.yaml"].replace("scores:\n", criteria),
        "bonus.incentive.yaml": CLEAN["bonus.incentive.yaml"].replace("single_grant: 30_000", "single_grant: 400"),
    }
    run = adopt(write(tmp_path, files), engine)
    assert list(run.lines()) == [run.summary()]
    assert run.coverage.complete


def test_proposals_complete_tests_that_are_there(tmp_path: Path, engine: RuleEngine) -> None:
    """A case beside those of a file: it changes the nearest one, and states what that one states."""
    directory = tmp_path / "book"
    shutil.copytree(BOOKS["shipped"], directory)
    for file in (directory / "tests").glob("*.yaml"):
        head, _, cases = file.read_text(encoding="utf-8").partition("\ncases:\n")
        first = cases.split("  - ")[1]
        file.write_text(f"{head}\ncases:\n  - {first}\n", encoding="utf-8")
    before = rule_tests.run(directory, with_coverage=True, engine=engine)
    assert before.failed == []
    assert 10 < before.coverage.percent < 60
    beside = {each.beside.path for each in before.suggestions.values() if each.beside is not None}
    assert {Path(path).name for path in beside} >= {"fast-brand.yaml", "traffic-bonus.yaml", "review-routing.yaml"}
    run = adopt(directory, engine)
    assert list(run.lines()) == [run.summary()]
    assert run.coverage.complete


def test_a_proposal_changes_one_fact_where_one_is_enough(tmp_path: Path, engine: RuleEngine) -> None:
    directory = tmp_path / "book"
    shutil.copytree(BOOKS["shipped"], directory)
    file = directory / "tests" / "fast-brand.yaml"
    head, _, cases = file.read_text(encoding="utf-8").partition("\ncases:\n")
    file.write_text(f"{head}\ncases:\n{cases.split('# --- the ladder')[0]}", encoding="utf-8")
    run = rule_tests.run(file, with_coverage=True, engine=engine)
    told = {(point.name, point.seen): each.text for point, each in run.suggestions.items()}
    assert told["content.live_days", "fail"] == (
        "- {name: content.live_days fail, given: {live_days_30d: 7}, "
        "expect: {outcome: ineligible, reasons: [content.live_days]}}"
    )
    assert told["business.delivery", "unknown"] == (
        "- {name: business.delivery unknown, given: {late_delivery_rate_90d: null}, "
        "expect: {outcome: refer, reasons: [business.delivery]}}"
    )


def test_where_nothing_is_found_nothing_is_proposed(tmp_path: Path, engine: RuleEngine) -> None:
    """Row 2 of the small book asks for an unknown that is only noted: no case gets there."""
    directory = write(tmp_path)
    run = rule_tests.run(directory, with_coverage=True, engine=engine)
    without = [point for point in run.coverage.missing if point not in run.suggestions]
    assert Point("fast", "row", "2", "taken") in without
    assert run.exit_code() == 1
    told = list(run.lines())
    place = next(n for n, line in enumerate(told) if "no case that row 2 decides" in line and "fast." in line)
    assert "try:" not in told[place]
    assert json.loads(json.dumps(run.document()))["coverage"]["percent"] == 0.0
