"""Cases decided by both engines: what passes, and how a failure is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastbrand.domain.decision import Finding
from rules.columnar.agreement import Decided, disagreements
from rules.engine import RuleEngine
from rules.loading.book import assemble
from rules.records import Record
from rules.testing import CaseResult, run_cases
from rules.testing.cases import Suite
from tests.rules.small_book import FILES
from tests.rules.testing.on_small_book import HEALTHY, results_of, said, small_book, suite_of

UPKEEP = """\
rulebook: upkeep
defaults: {buyers: 100, repurchase: 40%, experience: 80, gmv: 20}
cases:
"""
BONUS = """\
rulebook: bonus
as_of: 2022-08-01
defaults: {category: food, gmv: 300, repurchase: 40%, experience: 100}
cases:
"""


@pytest.mark.parametrize(
    "text",
    [
        HEALTHY
        + """\
  - {name: eligible, expect: {outcome: eligible, reasons: [], score: {trust: 94.0}, verdicts: {rate: pass}}}
  - {name: refused, given: {owns_brand: false}, expect: {outcome: ineligible, reasons: [ladder.own]}}
  - {name: at least this reason, given: {owns_brand: false, repurchase: 0}, expect: {reasons: {includes: [rate]}}}
  - {name: unknown, given: {buyers: 29}, expect: {outcome: eligible, reasons: [rate], verdicts: {rate: unknown}}}
  - {name: not applicable, given: {category: toys}, expect: {verdicts: {rate: not_applicable}}}
  - {name: no score, given: {experience: null}, expect: {outcome: refer, score: {trust: unknown}}}
  - {name: null score, given: {experience: }, expect: {score: {trust: null}}}
  - name: stale
    given: {repurchase: {value: 40%, observed_at: 2022-06-26}}
    expect: {verdicts: {rate: unknown}}
  - name: stale by a moment
    given: {repurchase: {value: 40%, observed_at: 2022-06-26T23:59:59+08:00}}
    expect: {verdicts: {rate: unknown}}
  - {name: fresh, given: {repurchase: {value: 40%, observed_at: 2022-06-27}}, expect: {verdicts: {rate: pass}}}
  - name: fresh then
    as_of: 2022-06-26
    given: {repurchase: {value: 40%, observed_at: 2022-06-26}}
    expect: {reasons: []}
""",
        """\
kind: tests
rulebook: queues
defaults: {owns_brand: true, category: food, gmv: 1, buyers: 100, repurchase: 40%, experience: 100}
cases:
  - {name: system, expect: {outcome: system, by: system}}
  - {name: rate, given: {repurchase: 0}, expect: {queue: money, role: finance, sla: 1 day, four_eyes: true}}
  - name: rest
    given: {repurchase: 30%, experience: 60}
    expect: {outcome: vetting, sla: 3 business days, four_eyes: false}
  - {name: on its track, expect: {by: system}, context: {track: M}}
""",
        """\
rulebook: tracks
cases:
  - {name: white-label, given: {owns_brand: false}, expect: {track: merchant, outcome: merchant}}
  - {name: not known, expect: {track: M}, context: {track: S}}
""",
        UPKEEP
        + """\
  - {name: keep, expect: {outcome: keep, reasons: [], bands: {angry: clear}, clear_months: 1, cause: none}}
  - {name: revoke, given: {experience: 59.9}, expect: {outcome: revoke, cause: anger, streaks: {angry: 1}}}
  - {name: alert, given: {repurchase: 19%}, expect: {outcome: alert, reasons: [come_back], verdicts: {come_back: fail}}}
  - name: suspend
    given: {repurchase: 9%}
    context: {streaks: {come_back: 2}}
    expect: {outcome: suspend, streaks: {come_back: 3, angry: 0}}
  - {name: promote, context: {clear_months: 5}, expect: {outcome: promote, clear_months: 6}}
  - {name: unknown, given: {repurchase: null}, context: {clear_months: 5}, expect: {outcome: keep, clear_months: 5}}
""",
        BONUS
        + """\
  - name: grant
    expect: {bonus: 480, uncapped: 480, capped_by: none, confirm: false, pool: main, tranches: [144, 336]}
  - {name: marginal, given: {gmv: 1_002}, expect: {bonus: 500, uncapped: 1_601, capped_by: category_per_month}}
  - {name: gate, given: {experience: 49.9}, expect: {outcome: no_grant, bonus: 0, reasons: [gate], tranches: []}}
  - {name: unknown, given: {gmv: null}, expect: {outcome: no_grant, reasons: [base_unknown]}}
  - name: remainder
    context: {period: 2022-07, remainders: {category_month: 7}}
    expect: {bonus: 7, capped_by: category_per_month, score: {trust: 100.0}}
""",
    ],
    ids=["eligibility", "queue", "track", "maintenance", "incentive"],
)
def test_what_comes_out_as_expected_passes(tmp_path: Path, engine: RuleEngine, text: str) -> None:
    results = results_of(tmp_path, engine, text)
    assert said(results) == []
    assert results
    assert all(result.passed for result in results)


@pytest.mark.parametrize(
    ("head", "case", "told"),
    [
        (HEALTHY, "expect: {outcome: ineligible}", "outcome: expected ineligible, got eligible"),
        (HEALTHY, "expect: {score: {trust: 90}}", "score.trust: expected 90.0, got 94.0"),
        (HEALTHY, "expect: {score: {trust: unknown}}", "score.trust: expected unknown, got 94.0"),
        (HEALTHY, "given: {experience: null}, expect: {score: {trust: 90}}", "score.trust: expected 90.0, got unknown"),
        (HEALTHY, "expect: {verdicts: {rate: fail}}", "verdicts.rate: expected fail, got pass"),
        (HEALTHY, "expect: {reasons: [rate]}", "reasons: expected [rate], got []: `rate` missing"),
        (
            HEALTHY,
            "given: {owns_brand: false, repurchase: 0}, expect: {reasons: [rate]}",
            "reasons: expected [rate], got [ladder.own, rate]: `ladder.own` besides",
        ),
        (
            HEALTHY,
            "given: {owns_brand: null}, expect: {reasons: [rate]}",
            "reasons: expected [rate], got [ladder.own]: `rate` missing, `ladder.own` besides",
        ),
        (
            HEALTHY,
            "expect: {reasons: {includes: [ladder.own]}}",
            "reasons: expected at least [ladder.own], got []: `ladder.own` missing",
        ),
        ("rulebook: queues\ncases:\n", "expect: {by: system}", "by: expected system, got none"),
        ("rulebook: queues\ncases:\n", "expect: {sla: 24 hours}", "sla: expected 1 day, got 3 business days"),
        ("rulebook: queues\ncases:\n", "expect: {four_eyes: true}", "four_eyes: expected true, got false"),
        ("rulebook: tracks\ncases:\n", "expect: {track: merchant}", "track: expected merchant, got M"),
        (UPKEEP, "expect: {cause: anger}", "cause: expected anger, got none"),
        (UPKEEP, "expect: {bands: {angry: limit}}", "bands.angry: expected limit, got clear"),
        (UPKEEP, "expect: {clear_months: 12}", "clear_months: expected 12, got 1"),
        (BONUS, "expect: {bonus: 1_000}", "bonus: expected 1_000, got 480"),
        (BONUS, "expect: {capped_by: single_grant}", "capped_by: expected single_grant, got none"),
        (BONUS, "expect: {tranches: [100, 100]}", "tranches: expected [100, 100], got [144, 336]"),
    ],
)
def test_a_failure_says_what_was_expected_and_what_came(
    tmp_path: Path, engine: RuleEngine, head: str, case: str, told: str
) -> None:
    text = f"{head}  - {{name: a, {case}}}"
    (result,) = results_of(tmp_path, engine, text)
    assert [str(failure) for failure in result.failures] == [told]
    line = text.count("\n") + 1
    assert [failure.mark.line for failure in result.failures] == [line]
    assert text.splitlines()[-1][result.failures[0].mark.column - 1 :][0] in "[{abcdefghijklmnopqrstuvwxyz0123456789"


def test_every_failure_of_a_case_is_told(tmp_path: Path, engine: RuleEngine) -> None:
    text = f"{HEALTHY}  - {{name: a, expect: {{outcome: refer, reasons: [rate], score: {{trust: 1}}}}}}"
    (result,) = results_of(tmp_path, engine, text)
    assert [failure.about for failure in result.failures] == ["outcome", "reasons", "score.trust"]
    assert not result.passed


def test_values_are_read_as_facts_files_and_rule_files_write_them(tmp_path: Path, engine: RuleEngine) -> None:
    """Any spelling of a fact is the same party."""
    spellings = [
        "{gmv: 1000000, repurchase: 0, reply: 30, papers: licence|report, first_sale: 2022-01-01}",
        "{gmv: 1_000_000, repurchase: 0.0, reply: 30.0, papers: [report, licence], first_sale: '2022-01-01'}",
        "{gmv: 1_000_000 CNY, repurchase: '0%', reply: 30 minutes, papers: [licence, report], first_sale: 2022-01-01}",
        "{gmv: 1e6, repurchase: 0.00%, reply: 0.5 hours, papers: [licence, report, report], first_sale: 2022-01-01}",
    ]
    cases = [f"  - {{name: {n}, given: {given}, expect: {{reasons: []}}}}" for n, given in enumerate(spellings)]
    results = results_of(tmp_path, engine, HEALTHY + "\n".join(cases))
    given = [{name: observed.text for name, observed in result.case.given.items()} for result in results]
    assert given == [given[0]] * len(spellings)
    assert said(results) == []
    assert given[0]["papers"] == "licence|report"


def test_the_empty_set_is_known_and_null_is_not(tmp_path: Path) -> None:
    text = f"{HEALTHY}  - {{name: a, given: {{papers: [], brand: }}, expect: {{outcome: eligible}}}}"
    suite, _ = suite_of(tmp_path, text)
    given = suite.cases[0].given
    assert (given["papers"].text, given["brand"].text) == ("|", None)


def test_a_case_goes_before_the_defaults_and_the_context_key_by_key(tmp_path: Path) -> None:
    text = """\
rulebook: upkeep
defaults: {experience: 80, buyers: 10}
context: {clear_months: 3, streaks: {angry: 1}}
cases:
  - {name: a, given: {experience: null}, context: {streaks: {come_back: 2}}, expect: {outcome: keep}}
  - {name: b, expect: {outcome: keep}}
"""
    one, other = suite_of(tmp_path, text)[0].cases
    assert {name: observed.text for name, observed in one.given.items()} == {"experience": None, "buyers": "10"}
    assert (one.context.clear_months, one.context.streaks) == (3, {"come_back": 2})
    assert (other.context.clear_months, other.context.streaks) == (3, {"angry": 1})
    assert (one.own, other.own) == (frozenset({"experience"}), frozenset())


def test_the_period_of_a_bonus_is_the_local_month(tmp_path: Path) -> None:
    text = "rulebook: bonus\nas_of: 2022-07-31T20:00:00Z\ncases: [{name: a, expect: {outcome: no_grant}}]"
    assert suite_of(tmp_path, text)[0].cases[0].context.period == "2022-08"


def test_what_cannot_be_decided_fails_its_cases(tmp_path: Path, engine: RuleEngine) -> None:
    """Here no eligibility book is for the track, so there is nothing to route."""
    text = "rulebook: queues\ncases: [{name: a, context: {track: S}, expect: {by: system}}]"
    (result,) = results_of(tmp_path, engine, text)
    assert result.decision is None
    assert not result.passed
    assert result.failures[0].got.startswith("error[not_in_force]: there is no eligibility book for track `S`")


def test_many_cases_keep_their_order(tmp_path: Path, engine: RuleEngine) -> None:
    """Cases of one moment and context are decided together, and told in the order of their files."""
    lines = [
        f"  - {{name: n{n}, context: {{clear_months: {n % 3}}}, expect: {{clear_months: {n % 3 + 1}}}}}"
        for n in range(450)
    ]
    results = results_of(tmp_path, engine, UPKEEP + "\n".join(lines))
    assert [result.case.name for result in results] == [f"n{n}" for n in range(450)]
    assert said(results) == []


def test_a_suite_can_be_narrowed(tmp_path: Path) -> None:
    suite, _ = suite_of(
        tmp_path,
        f"{HEALTHY}  - {{name: a, expect: {{outcome: eligible}}}}",
        UPKEEP + "  - {name: b, expect: {cause: none}}",
    )
    assert [case.name for case in suite.only(rulebook="upkeep").cases] == ["b"]
    assert [case.name for case in suite.only(file=str(tmp_path / "tests" / "t1.yaml")).cases] == ["a"]
    assert suite.only(rulebook="bonus") == Suite()


# --- both engines -------------------------------------------------------------------------------------------------


def decided(result: CaseResult) -> Decided:
    """What the columnar engine is held against."""
    assert result.decision is not None
    return Decided(result.decision, Record("", result.case.given), result.case.context, result.case.as_of)


def test_an_engine_that_says_otherwise_is_found_out(tmp_path: Path, engine: RuleEngine) -> None:
    """The decision stands in for a wrong one: whatever of it is changed, the other engine does not say."""
    text = f"{HEALTHY}  - {{name: a, given: {{repurchase: 0}}, expect: {{reasons: [rate]}}}}"
    (result,) = results_of(tmp_path, engine, text)
    right = decided(result)
    assert list(disagreements(small_book(), [right])) == []
    rate = Finding("rate", "pass", "none")
    wrong = {
        "outcome is 'refer' and not 'eligible'": replace(right.decision, outcome="eligible"),
        "verdict.rate is 'fail' and not 'pass'": replace(right.decision, findings=(rate,)),
        "reasons is [{'criterion': 'rate', 'verdict': 'fail', 'effect': 'refer'}] and not []": replace(
            right.decision, reasons=()
        ),
        "score.trust is 240 and not None": replace(
            right.decision, scores=(replace(right.decision.scores[0], value=None),)
        ),
    }
    several = [right, *(replace(right, decision=each) for each in wrong.values())]
    assert list(disagreements(small_book(), several)) == [(place, [told]) for place, told in enumerate(wrong, 1)]


def test_another_engine_on_other_facts_disagrees(tmp_path: Path, engine: RuleEngine) -> None:
    """Every kind is compared: decisions of one party held against another party's facts."""
    texts = [
        f"{HEALTHY}  - {{name: a, expect: {{outcome: eligible}}}}",
        HEALTHY.replace("fast", "queues") + "  - {name: a, given: {repurchase: 0}, expect: {queue: money}}",
        "rulebook: tracks\ncases: [{name: a, given: {owns_brand: false}, expect: {track: merchant}}]",
        UPKEEP + "  - {name: a, expect: {outcome: keep}}",
        BONUS + "  - {name: a, expect: {bonus: 480}}",
    ]
    results = results_of(tmp_path, engine, *texts)
    assert said(results) == []
    swapped = [replace(decided(result), record=Record("", {})) for result in results]
    assert [place for place, _ in disagreements(small_book(), swapped)] == [0, 1, 2, 3, 4]


def test_a_book_whose_population_cannot_be_decided_says_so(tmp_path: Path, engine: RuleEngine) -> None:
    text = UPKEEP + "  - {name: a, expect: {outcome: keep}}"
    (result,) = results_of(tmp_path, engine, text)
    nobody = {path: text for path, text in FILES.items() if not path.startswith("upkeep")}
    book, _ = assemble({path: text.encode() for path, text in nobody.items()})
    assert book is not None
    ((_, told),) = disagreements(book, [decided(result)])
    assert "`upkeep`" in told[0]


def test_moments_of_cases_are_their_own(tmp_path: Path, engine: RuleEngine) -> None:
    """In one pass of the columnar engine each party is looked at when its case says."""
    aged = FILES["tracks.routing.yaml"].replace("owns_brand: {is: false}", "first_sale: {within_days: 30}")
    book, _ = assemble({path: text.encode() for path, text in {**FILES, "tracks.routing.yaml": aged}.items()})
    assert book is not None
    text = """\
rulebook: tracks
defaults: {first_sale: 2022-07-01}
cases:
  - {name: a month, as_of: 2022-07-31, expect: {track: merchant}}
  - {name: a day more, as_of: 2022-08-01, expect: {track: M}}
"""
    results = results_of(tmp_path, engine, text, book=book)
    assert said(results) == []
    assert [result.case.as_of for result in results] == [
        datetime(2022, 7, 30, 16, tzinfo=UTC),
        datetime(2022, 7, 31, 16, tzinfo=UTC),
    ]


def test_no_cases_are_no_work(engine: RuleEngine) -> None:
    assert run_cases(small_book(), [], engine) == []
