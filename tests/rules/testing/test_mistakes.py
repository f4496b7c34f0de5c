"""Mistakes in test files: each told once, at its line and column, with its code and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.loading.book import assemble
from rules.mistakes import CODES
from rules.testing import load_tests
from tests.rules.small_book import FILES
from tests.rules.testing.on_small_book import HEALTHY, places, small_book, suite_of

ELIGIBLE = "expect: {outcome: eligible}"

HEADS: list[tuple[str, tuple[str, ...]]] = [
    ("»", ("file_empty",)),
    ("»- a", ("wrong_shape",)),
    ("»rulebook: fast", ("missing_key",)),
    ("»cases: »[]", ("missing_key", "empty")),
    ("rulebook: »fats\ncases: [{name: a, expect: {outcome: x}}]", ("unknown_rulebook",)),
    ("rulebook: »fats\ncases: [{name: a, expect: {»outcom: x}}]", ("unknown_rulebook", "unknown_key")),
    ("rulebook: fast\n»default: {}\ncases: [{name: a, expect: {outcome: refer}}]", ("unknown_key",)),
    ("kind: »test\nrulebook: fast\ncases: [{name: a, expect: {outcome: refer}}]", ("unknown_kind",)),
    ("rulebook: fast\nas_of: »soon\ncases: [{name: a, expect: {outcome: refer}}]", ("wrong_type",)),
    ("rulebook: fast\nas_of: »2022-08-01T10:00\ncases: [{name: a, expect: {outcome: refer}}]", ("wrong_type",)),
    ("rulebook: fast\nas_of: »2022-05-12\ncases: [{name: a, expect: {outcome: refer}}]", ("not_in_force",)),
    ("rulebook: fast\ncases: [{name: a, as_of: »2021-01-01, expect: {outcome: refer}}]", ("not_in_force",)),
    ("rulebook: fast\ndefaults: »[a]\ncases: [{name: a, expect: {outcome: refer}}]", ("wrong_shape",)),
    ("rulebook: fast\ndefaults: {»gvm: 1}\ncases: [{name: a, expect: {outcome: refer}}]", ("unknown_fact",)),
    ("rulebook: fast\ncases: [»{name: a, »expct: {}}]", ("missing_key", "unknown_key")),
    ("rulebook: fast\ncases: [{name: a, expect: {outcome: »&x refer}}]", ("yaml_anchor",)),
    ("rulebook: fast\n»cases:\n", ("missing_key",)),
]
"""Whole files."""

GIVEN: list[tuple[str, tuple[str, ...]]] = [
    ("{»gvm: 1}", ("unknown_fact",)),
    ("{»value_for_money: 80}", ("derived_given",)),
    ("{gmv: »many}", ("wrong_type",)),
    ("{gmv: »10 EUR}", ("wrong_unit",)),
    ("{buyers: »30.0}", ("wrong_type",)),
    ("{buyers: »1_000_001}", ("out_of_range",)),
    ("{buyers: »unknown}", ("wrong_type",)),
    ("{buyers: »NaN}", ("wrong_type",)),
    ("{repurchase: »140%}", ("out_of_range",)),
    ("{owns_brand: »yes}", ("wrong_type",)),
    ("{category: »fod}", ("unknown_choice",)),
    ("{papers: »[licence, permit]}", ("unknown_choice",)),
    ("{papers: [»[licence]]}", ("wrong_shape",)),
    ("{category: »[food]}", ("wrong_shape",)),
    ("{first_sale: »2022-02-30}", ("wrong_type",)),
    ("{reply: »5 fortnights}", ("wrong_unit",)),
    ("{profit: »90_071_992_547_409.92}", ("out_of_range",)),
    ("{buyers: »{value: 1}}", ("missing_key",)),
    ("{buyers: {value: 1, observed_at: »yesterday}}", ("wrong_type",)),
    ("{buyers: {value: »x, observed_at: »soon}}", ("wrong_type", "wrong_type")),
    ("{buyers: {value: 1, observed_at: 2022-07-01, »source: x}}", ("unknown_key",)),
    ("{buyers: 1, »buyers: 2}", ("duplicate_key",)),
    ("»7", ("wrong_shape",)),
]
"""Facts of a case."""

EXPECTED: list[tuple[str, tuple[str, ...]]] = [
    ("»{}", ("empty",)),
    ("»eligible", ("wrong_shape",)),
    ("{»outcme: eligible}", ("unknown_key",)),
    ("{»outcome: }", ("missing_key",)),
    ("{outcome: »eligble}", ("cannot_hold",)),
    ("{outcome: eligible, »queue: vetting}", ("not_here",)),
    ("{outcome: eligible, »bonus: 5}", ("not_here",)),
    ("{reasons: [»ladder.owns]}", ("unknown_criterion",)),
    ("{reasons: [rate, »rate]}", ("duplicate_id",)),
    ("{reasons: »rate}", ("wrong_shape",)),
    ("{reasons: {includes: »[]}}", ("empty",)),
    ("{reasons: »{»inclues: [rate]}}", ("missing_key", "unknown_key")),
    ("{verdicts: »{}}", ("empty",)),
    ("{verdicts: {»rates: pass}}", ("unknown_criterion",)),
    ("{verdicts: {rate: »passed}}", ("unknown_word",)),
    ("{verdicts: {ladder.own: »not_applicable}}", ("cannot_hold",)),
    ("{reasons: [], verdicts: {rate: »fail}}", ("cannot_hold",)),
    ("{reasons: [rate], verdicts: {rate: »pass}}", ("cannot_hold",)),
    ("{reasons: {includes: [rate]}, verdicts: {rate: »not_applicable}}", ("cannot_hold",)),
    ("{score: {»thrust: 60}}", ("unknown_score",)),
    ("{score: {trust: »high}}", ("wrong_type",)),
    ("{score: {trust: »62.55}}", ("too_fine",)),
    ("{score: {trust: »100.1}}", ("out_of_range",)),
]
"""Expectations of the eligibility book."""

OTHERS: list[tuple[str, str, tuple[str, ...]]] = [
    ("queues", "expect: {queue: »documents}", ("cannot_hold",)),
    ("queues", "expect: {sla: »soon}", ("wrong_type",)),
    ("queues", "expect: {sla: »4 business days}", ("cannot_hold",)),
    ("queues", "expect: »{queue: money, role: reviewer}", ("cannot_hold",)),
    ("queues", "expect: {role: »boss}", ("unknown_word",)),
    ("queues", "expect: {»track: M}", ("not_here",)),
    ("queues", "expect: {»reasons: []}", ("not_here",)),
    ("queues", "context: {»streaks: {angry: 1}}, expect: {by: system}", ("not_here",)),
    ("queues", "context: {track: »K}, expect: {by: system}", ("unknown_word",)),
    ("tracks", "expect: {track: »S}", ("cannot_hold",)),
    ("fast", "context: {track: »S}, expect: {outcome: refer}", ("unknown_word",)),
    ("fast", "context: {»trak: M}, expect: {outcome: refer}", ("unknown_key",)),
    ("upkeep", "context: {streaks: {»anger: 1}}, expect: {outcome: keep}", ("unknown_band",)),
    ("upkeep", "context: {streaks: {angry: »-1}}, expect: {outcome: keep}", ("out_of_range",)),
    ("upkeep", "context: {clear_months: »some}, expect: {outcome: keep}", ("wrong_type",)),
    ("upkeep", "expect: {outcome: »watch}", ("cannot_hold",)),
    ("upkeep", "expect: {cause: »fraud}", ("cannot_hold",)),
    ("upkeep", "expect: »{outcome: keep, cause: anger}", ("cannot_hold",)),
    ("upkeep", "expect: {reasons: [»anger]}", ("unknown_band",)),
    ("upkeep", "expect: {bands: {»anger: limit}}", ("unknown_band",)),
    ("upkeep", "expect: {bands: {angry: »high}}", ("unknown_word",)),
    ("upkeep", "expect: {streaks: {angry: »many}}", ("wrong_type",)),
    ("bonus", "context: {period: »2022-13}, expect: {outcome: grant}", ("wrong_type",)),
    ("bonus", "context: {remainders: {»party: 1}}, expect: {outcome: grant}", ("unknown_key",)),
    ("bonus", "context: {remainders: {party_year: »1.5}}, expect: {outcome: grant}", ("wrong_type",)),
    ("bonus", "expect: {outcome: »eligible}", ("cannot_hold",)),
    ("bonus", "expect: {outcome: grant, bonus: »0}", ("cannot_hold",)),
    ("bonus", "expect: {outcome: no_grant, bonus: »5}", ("cannot_hold",)),
    ("bonus", "expect: {bonus: »30_001}", ("cannot_hold",)),
    ("bonus", "expect: {bonus: »many}", ("wrong_type",)),
    ("bonus", "expect: {capped_by: »party_per_year}", ("cannot_hold",)),
    ("bonus", "expect: {capped_by: »budget}", ("unknown_word",)),
    ("bonus", "expect: {pool: »mian}", ("unknown_pool",)),
    ("bonus", "expect: {pool: »other}", ("cannot_hold",)),
    ("bonus", "expect: {tranches: »[1]}", ("cannot_hold",)),
    ("bonus", "expect: {bonus: 10, tranches: »[3, 8]}", ("cannot_hold",)),
    ("bonus", "expect: {outcome: grant, reasons: »[gate]}", ("cannot_hold",)),
    ("bonus", "expect: {reasons: [»gates]}", ("unknown_criterion",)),
]
"""Cases of the other rule books."""


def check(folder: Path, text: str, codes: tuple[str, ...]) -> None:
    """The mistakes of a test file are at its marks, and have these codes."""
    suite, found = suite_of(folder, text)
    told = "\n".join(map(str, found))
    assert [(each.line, each.column) for each in found] == places(text), told
    assert [each.code for each in found] == list(codes), told
    assert suite.cases == ()
    for mistake in found:
        assert mistake.path == str(folder / "tests" / "t1.yaml")
        assert mistake.hint
        assert mistake.message[0] == mistake.message[0].lower()


@pytest.mark.parametrize(("text", "codes"), HEADS)
def test_mistake_of_a_file(tmp_path: Path, text: str, codes: tuple[str, ...]) -> None:
    check(tmp_path, text, codes)


@pytest.mark.parametrize(("given", "codes"), GIVEN)
def test_mistake_of_a_fact(tmp_path: Path, given: str, codes: tuple[str, ...]) -> None:
    check(tmp_path, f"{HEALTHY}  - {{name: a, given: {given}, {ELIGIBLE}}}", codes)


@pytest.mark.parametrize(("expected", "codes"), EXPECTED)
def test_mistake_of_an_expectation(tmp_path: Path, expected: str, codes: tuple[str, ...]) -> None:
    check(tmp_path, f"{HEALTHY}  - {{name: a, expect: {expected}}}", codes)


@pytest.mark.parametrize(("rulebook", "case", "codes"), OTHERS)
def test_mistake_of_another_kind(tmp_path: Path, rulebook: str, case: str, codes: tuple[str, ...]) -> None:
    check(tmp_path, f"rulebook: {rulebook}\ncases:\n  - {{name: a, {case}}}", codes)


def test_codes_of_rule_tests_are_known() -> None:
    used = {code for _, codes in [*HEADS, *GIVEN, *EXPECTED] for code in codes}
    used |= {code for _, _, codes in OTHERS for code in codes}
    assert used <= set(CODES)
    assert {"unknown_rulebook", "derived_given", "not_in_force", "cannot_hold"} <= used


@pytest.mark.parametrize(
    ("case", "hint"),
    [
        ("given: {gvm: 1}, expect: {outcome: refer}", "did you mean `gmv`?"),
        ("given: {value_for_money: 1}, expect: {outcome: refer}", "give `experience`, `price`"),
        ("given: {owns_brand: unknown}, expect: {outcome: refer}", "write `null` for what is not known"),
        ("expect: {outcom: refer}", "did you mean `outcome`?"),
        ("expect: {outcome: eligble}", "its rows say `ineligible`, `refer`, `eligible`"),
        ("expect: {reasons: [rat]}", "did you mean `rate`?"),
        ("expect: {score: {trust: 101}}", "it ranges from 0 to 100"),
    ],
)
def test_a_mistake_says_the_mend(tmp_path: Path, case: str, hint: str) -> None:
    _, found = suite_of(tmp_path, f"rulebook: fast\ncases: [{{name: a, {case}}}]")
    assert [mistake.hint for mistake in found] == [hint]


def test_all_mistakes_are_told_in_one_run_and_sound_cases_are_kept(tmp_path: Path) -> None:
    first = f"""{HEALTHY}\
  - {{name: sound, {ELIGIBLE}}}
  - {{name: »sound, {ELIGIBLE}}}
  - {{name: b, given: {{»gvm: 1, buyers: »x}}, expect: {{outcome: »eligble}}}}
  - {{name: also sound, expect: {{score: {{trust: 94.0}}}}}}
"""
    second = f"rulebook: »slow\ncases:\n  - {{name: sound, {ELIGIBLE}}}\n"
    suite, found = suite_of(tmp_path, first, second)
    marks = [("t1.yaml", *place) for place in places(first)] + [("t2.yaml", *place) for place in places(second)]
    assert [(Path(each.path).name, each.line, each.column) for each in found] == marks
    assert [case.name for case in suite.cases] == ["sound", "also sound"]
    assert suite.broken == 3
    assert suite.files == (str(tmp_path / "tests" / "t1.yaml"), str(tmp_path / "tests" / "t2.yaml"))


def test_the_same_name_in_two_files_is_no_mistake(tmp_path: Path) -> None:
    text = f"{HEALTHY}  - {{name: a, {ELIGIBLE}}}"
    suite, found = suite_of(tmp_path, text, text)
    assert (len(suite.cases), found) == (2, [])


def test_files_that_are_no_tests(tmp_path: Path) -> None:
    suite, found = suite_of(tmp_path, f"{HEALTHY}  - {{name: a, {ELIGIBLE}}}")
    folder = tmp_path / "tests"
    (folder / "old.yml").write_text("rulebook: fast")
    (folder / ".hidden.yaml").write_text("{")
    (folder / "notes.txt").write_text("{")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "more.yaml").write_text(f"{HEALTHY}  - {{name: a, {ELIGIBLE}}}")
    (folder / "latin.yaml").write_bytes(b"rulebook: \xe9")
    suite, found = load_tests(small_book(), tmp_path)
    assert len(suite.cases) == 2
    assert [(Path(each.path).name, each.code) for each in found] == [
        ("latin.yaml", "file_encoding"),
        ("old.yml", "file_name"),
    ]
    assert load_tests(small_book(), tmp_path / "nowhere")[0].files == ()


def test_a_party_that_another_book_routes(tmp_path: Path) -> None:
    """A routing book without parties is for those whom no other names."""
    brands = FILES["queues.routing.yaml"].replace("rulebook: queues", "rulebook: brand-queues\nparties: [S]")
    book, _ = assemble({path: text.encode() for path, text in {**FILES, "b.routing.yaml": brands}.items()})
    assert book is not None
    text = "rulebook: queues\ncases: [{name: a, context: »{track: S}, expect: {by: system}}]"
    _, found = suite_of(tmp_path, text, book=book)
    assert [(each.line, each.column, each.code) for each in found] == [(*places(text)[0], "not_here")]
    assert "`brand-queues`" in found[0].message


def test_without_as_of_cases_are_decided_on_the_first_day_of_all_books(tmp_path: Path) -> None:
    """Tests of a book that says since when it holds come out the same on every day."""
    suite, _ = suite_of(tmp_path, "rulebook: queues\ncases: [{name: a, expect: {by: system}}]")
    assert [case.as_of.isoformat() for case in suite.cases] == ["2022-05-12T16:00:00+00:00"]
