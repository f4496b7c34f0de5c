"""What changed, in words: each change once, with the line where it stands in both books."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.diffing.books import compare
from rules.diffing.changes import changes_of
from rules.diffing.telling import Change
from rules.loader import load_directory
from rules.model import Book
from tests.rules.diffing.books import ELIGIBILITY, Edit, asks, book, edited
from tests.rules.small_book import write

BOTH_LANGUAGES: dict[str, tuple[list[Edit], str, str]] = {
    "threshold": (
        [("service: {at_least: 60}", "service: {at_least: 61}")],
        "`service.good`: `service` at least 60 -> 61",
        "`service.good`：`service` 不低于 60 -> 61",
    ),
    "row of a table": (
        [("food: 30%", "food: 31%")],
        "`back.rate`: `repurchase` at least 30% -> 31% for food",
        "`back.rate`：`repurchase` 不低于 30% -> 31%（food）",
    ),
    "new row of a table": (
        [("food: 30%,", "food: 30%, toys: 10%,")],
        "`back.rate`: `repurchase` at least 20% (default) -> 10% for toys",
        "`back.rate`：`repurchase` 不低于 20%（默认） -> 10%（toys）",
    ),
    "default": (
        [("default: 20%", "default: 25%")],
        "`back.rate`: `repurchase` at least 20% -> 25% for all others",
        "`back.rate`：`repurchase` 不低于 20% -> 25%（其他）",
    ),
    "table for a value": (
        [("{by: category, food: 30%, default: 20%}", "20%")],
        "`back.rate`: `repurchase` at least {by: category, food: 30%, default: 20%} -> 20%",
        "`back.rate`：`repurchase` 不低于 {by: category, food: 30%, default: 20%} -> 20%",
    ),
    "operator": (
        [("reply: {at_most: 30 minutes}", "reply: {less_than: 31 minutes}")],
        "`service.good`: `reply` at most 30 minutes -> less than 31 minutes",
        "`service.good`：`reply` 不高于 30 minutes -> 低于 31 minutes",
    ),
    "effect": (
        [("note  # long", "refer")],
        "`known.long`: if it fails note -> refer",
        "`known.long`：不通过时 note -> refer",
    ),
    "effect that was not written": (
        [("refer  # back", "refer\n    unknown: reject")],
        "`back.rate`: if it is unknown not set -> reject",
        "`back.rate`：未知时 未设置 -> reject",
    ),
    "sample": (
        [("min_sample: 30", "min_sample: 40")],
        "`back.rate`: least sample 30 -> 40",
        "`back.rate`：最小样本量 30 -> 40",
    ),
    "branch": (
        [
            (
                "        - service: {at_least: 60}\n",
                "        - service: {at_least: 60}\n        - looks: {at_least: 90}\n",
            )
        ],
        "`service.good`: added under `any`: {looks: {at_least: 90}}",
        "`service.good`：新增于 `any`: {looks: {at_least: 90}}",
    ),
    "another condition": (
        [("when: {category: {is_not: toys}}", "when: {owns_brand: {is: true}}")],
        "`service.good`: whom it concerns {category: {is_not: toys}} -> {owns_brand: {is: true}}",
        "`service.good`：适用条件 {category: {is_not: toys}} -> {owns_brand: {is: true}}",
    ),
    "criterion": (
        [asks("{price: {at_most: 100%}}", "reject")],
        "`fast`: criterion `more` (M) is new",
        "`fast`：条件 `more`（多） 为新增",
    ),
    "name": (
        [("id: known.long", "id: known.since")],
        "`fast`: criterion `known.long` is now called `known.since`",
        "`fast`：条件 `known.long` 更名为 `known.since`",
    ),
    "title": (
        [("    title: {en: Own brand,", "    title: {en: A brand,")],
        "`ladder.own`: English title Own brand -> A brand",
        "`ladder.own`：英文标题 Own brand -> A brand",
    ),
    "weight": (
        [("repurchase, weight: 60", "repurchase, weight: 50"), ("worth, weight: 40", "worth, weight: 50")],
        "`fast` score `trust` part `repurchase`: weight 60 -> 50",
        "`fast` 评分 `trust` 组成 `repurchase`：权重 60 -> 50",
    ),
    "threshold of a row": (
        [("trust: {at_least: 60}", "trust: {at_least: 65}")],
        "`fast` row 4: `trust` at least 60 -> 65",
        "`fast` 第4行：`trust` 不低于 60 -> 65",
    ),
    "what a row says": (
        [("{failed: reject}, then: ineligible", "{failed: reject}, then: refer")],
        "`fast` row 1: {when: {failed: reject}, then: ineligible} -> {when: {failed: reject}, then: refer}",
        "`fast` 第1行：{when: {failed: reject}, then: ineligible} -> {when: {failed: reject}, then: refer}",
    ),
    "row": (
        [("  - {when: {unknown: true}, then: refer}\n", "")],
        "`fast`: row 3 is gone: {when: {unknown: true}, then: refer}",
        "`fast`：第3行 已移除： {when: {unknown: true}, then: refer}",
    ),
    "version": (
        [('"1"  # fast', '"2"')],
        "`fast`: version 1 -> 2",
        "`fast`：版本 1 -> 2",
    ),
    "date": (
        [("effective: {from: 2022-05-13}", "effective: {from: 2022-05-13, until: 2023-01-01}")],
        "`fast`: in force until not set -> 2023-01-01",
        "`fast`：失效日期 未设置 -> 2023-01-01",
    ),
    "tier": (
        [("{rate: 50%}", "{rate: 45%}")],
        "`bonus` tier 2: rate 50% -> 45%",
        "`bonus` 第2档：费率 50% -> 45%",
    ),
    "cap": (
        [("single_grant: 200_000", "single_grant: 190_000")],
        "`bonus`: cap of a single grant 200_000 -> 190_000",
        "`bonus`：单次上限 200_000 -> 190_000",
    ),
    "cap of a category": (
        [("food: 150_000", "food: 140_000")],
        "`bonus`: monthly cap of `food` 150_000 -> 140_000",
        "`bonus`：类目月度上限 `food` 150_000 -> 140_000",
    ),
    "multiplier": (
        [("[100, 160%]", "[100, 150%]")],
        "`bonus`: curve [[0, 50%], [60, 100%], [100, 160%]] -> [[0, 50%], [60, 100%], [100, 150%]]",
        "`bonus`：曲线 [[0, 50%], [60, 100%], [100, 160%]] -> [[0, 50%], [60, 100%], [100, 150%]]",
    ),
    "age of a fact": (
        [("max_age: 35 days", "max_age: 40 days")],
        "`repurchase`: oldest that counts 35 days -> 40 days",
        "`repurchase`：有效期 35 days -> 40 days",
    ),
    "derivation": (
        [("sum: [service, looks]", "sum: [service, service]")],
        "`felt`: `sum` [service, looks] -> [service, service]",
        "`felt`：`sum` [service, looks] -> [service, service]",
    ),
    "pool": (
        [("main: {budget: 1_000_000}", "main: {budget: 2_000_000}")],
        "`programme` pool `main`: budget 1_000_000 -> 2_000_000",
        "`programme` 流量池 `main`：预算 1_000_000 -> 2_000_000",
    ),
    "setting": (
        [("rfi_deadline: 10 days", "rfi_deadline: 12 days")],
        "`programme`: `review.rfi_deadline` 10 days -> 12 days",
        "`programme`：`review.rfi_deadline` 10 days -> 12 days",
    ),
    "deadline": (
        [("sla: 3 business days", "sla: 4 business days")],
        "`queues` row 2: {then: {queue: vetting, role: reviewer, sla: 3 business days}}"
        " -> {then: {queue: vetting, role: reviewer, sla: 4 business days}}",
        "`queues` 第2行：{then: {queue: vetting, role: reviewer, sla: 3 business days}}"
        " -> {then: {queue: vetting, role: reviewer, sla: 4 business days}}",
    ),
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


@pytest.fixture(scope="module")
def plain(shelf: Path) -> Book:
    return book(shelf)


@pytest.mark.parametrize(("edits", "en", "zh"), BOTH_LANGUAGES.values(), ids=BOTH_LANGUAGES)
def test_in_words(shelf: Path, plain: Book, edits: list[Edit], en: str, zh: str) -> None:
    """One change each (weights change in pairs), the same backwards, at lines that hold what is told."""
    changed = book(shelf, *edits)
    found = changes_of(plain, changed)
    assert len(found) == len(edits)
    assert found[0].text == (en, zh)
    assert len(changes_of(changed, plain)) == len(found)
    for change in found:
        for place, value in ((change.old_place, change.old), (change.new_place, change.new)):
            if place is not None and isinstance(value, str):
                line = Path(place.path).read_text(encoding="utf-8").splitlines()[place.line - 1]
                assert value in line


SILENT: dict[str, list[Edit]] = {
    "notation": [("food: 30%", "food: 30.0%"), ("30 minutes", "1_800 seconds"), ("200_000,", "200000,")],
    "one rate, two notations": [("{rate: 50%}", "{rate: 0.5}")],
    "comments": [("criteria:\n", "criteria:  # what is looked at\n")],
    "order of keys": [("version: \"1\"  # fast\neffective", "version: '1'\neffective")],
    "order of branches": [
        (
            "            - reply: {at_most: 30 minutes}\n            - worth: {at_least: 80}\n",
            "            - worth: {at_least: 80}\n            - reply: {at_most: 30 minutes}\n",
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize("edits", SILENT.values(), ids=SILENT)
def test_what_is_no_change(shelf: Path, plain: Book, edits: list[Edit]) -> None:
    assert changes_of(plain, book(shelf, *edits)) == []


def test_versions_and_codes_are_no_numbers(shelf: Path) -> None:
    """2022.1 and 2022.10 are two versions, and a text that looks like a number is a text."""
    old = book(shelf, ('"1"  # fast', '"2022.1"'), asks('{region: {is: "10"}}', "note"))
    new = book(shelf, ('"1"  # fast', '"2022.10"'), asks('{region: {is: "10.0"}}', "note"))
    assert [change.text[0] for change in changes_of(old, new)] == [
        "`fast`: version 2022.1 -> 2022.10",
        "`more`: `region` is 10 -> 10.0",
    ]


# --- order --------------------------------------------------------------------------------------------------------


def told(old: Book, new: Book) -> list[str]:
    return [change.text[0] for change in changes_of(old, new)]


def test_a_criterion_that_moved(shelf: Path, plain: Book) -> None:
    text = ELIGIBILITY
    begins, ends = text.index("  - id: known.long"), text.index("scores:\n")
    moved = text[begins:ends]
    other = text[:begins] + text[ends:]
    other = other.replace("criteria:\n", "criteria:\n" + moved)
    new = book(shelf, drop=("fast.eligibility.yaml",), fast__eligibility__yaml=other)
    found = changes_of(plain, new)
    assert [change.text[0] for change in found] == ["`fast`: criterion `known.long` moved from place 4 -> 1"]
    assert (found[0].what, found[0].old, found[0].new) == ("moved", 4, 1)


def test_rows_that_moved_and_changed(shelf: Path, plain: Book) -> None:
    rows = [
        "  - {when: {failed: refer}, then: refer}\n",
        "  - {when: {unknown: true}, then: refer}\n",
        "  - {when: {score: {trust: {at_least: 60}}}, then: eligible}\n",
    ]
    turned = [rows[1], rows[0], rows[2].replace("60", "61")]
    assert told(plain, book(shelf, ("".join(rows), "".join(turned)))) == [
        "`fast`: row 3 moved to place 2: {when: {unknown: true}, then: refer}",
        "`fast` row 4: `trust` at least 60 -> 61",
    ]


def test_a_row_before_others_moves_none(shelf: Path, plain: Book) -> None:
    more = "outcomes:\n  - {when: {failed: note}, then: refer}\n"
    assert told(plain, book(shelf, ("outcomes:\n", more))) == [
        "`fast`: row 1 is new: {when: {failed: note}, then: refer}"
    ]


# --- files --------------------------------------------------------------------------------------------------------


def test_rule_books_come_and_go(shelf: Path, plain: Book) -> None:
    without = book(shelf, drop=("bonus.incentive.yaml",))
    assert told(plain, without) == ["`bonus`: version 1 is gone"]
    found = changes_of(without, plain)
    assert [change.text for change in found] == [("`bonus`: version 1 is new", "`bonus`：版本 1 为新增")]
    assert found[0].new["rulebook"] == "bonus"


def test_editions_beside_each_other(shelf: Path, plain: Book) -> None:
    """The newest against the newest; the old one, which ends, against itself."""
    ends = ("effective: {from: 2022-05-13}", "effective: {from: 2022-05-13, until: 2022-09-01}")
    second = (
        ELIGIBILITY.replace('"1"  # fast', '"2"').replace("2022-05-13", "2022-09-01").replace("food: 30%", "food: 31%")
    )
    new = book(shelf, ends, fast2__eligibility__yaml=second)
    assert told(plain, new) == [
        "`fast`: version 1 -> 2",
        "`fast`: in force from 2022-05-13 -> 2022-09-01",
        "`back.rate`: `repurchase` at least 30% -> 31% for food",
        "`fast`: in force until not set -> 2022-09-01",
    ]
    assert told(new, book(shelf, drop=("fast.eligibility.yaml",), fast2__eligibility__yaml=second)) == [
        "`fast`: version 1 is gone"
    ]


def test_a_moved_file_is_no_change(shelf: Path, plain: Book) -> None:
    place = shelf / "moved"
    files = edited()
    files["policy/who.yaml"] = files.pop("fast.eligibility.yaml")
    write(place, files)
    new = load_directory(place)
    assert changes_of(plain, new) == []
    assert compare(plain, new).same


def test_only_one_rule_book_with_what_it_rests_on(shelf: Path, plain: Book) -> None:
    new = book(
        shelf, ("food: 30%", "food: 31%"), ("{rate: 50%}", "{rate: 45%}"), ("max_age: 35 days", "max_age: 1 day")
    )
    assert {change.rulebook for change in changes_of(plain, new)} == {"fast", "facts", "bonus"}
    assert {change.rulebook for change in changes_of(plain, new, ("bonus", "bonus"))} == {"facts", "bonus"}


def test_places_are_of_both_books(shelf: Path, plain: Book) -> None:
    comment = ("rulebook: fast\n", "# who may come in\n\nrulebook: fast\n")
    new = book(shelf, comment, ("food: 30%", "food: 31%"))
    (change,) = changes_of(plain, new)
    assert change.old_place is not None
    assert change.new_place is not None
    assert change.new_place.line == change.old_place.line + 2
    as_data = change.as_json("zh")
    assert (as_data["path"], as_data["line"]) == (change.new_place.path, change.new_place.line)
    assert (as_data["old_path"], as_data["old_line"]) == (change.old_place.path, change.old_place.line)
    assert (as_data["what"], as_data["old"], as_data["new"]) == ("threshold", "30%", "31%")
    assert as_data["text"].endswith("（food）")


def test_every_kind_of_change_is_told_once(shelf: Path, plain: Book) -> None:
    """All edits above at once: as many changes as of each alone."""
    apart = {
        "table for a value",
        "default",
        "new row of a table",
        "criterion",
        "name",
        "what a row says",
        "row",
        "branch",
    }
    together = [name for name in BOTH_LANGUAGES if name not in apart]
    edits = [edit for name in together for edit in BOTH_LANGUAGES[name][0]]
    found: list[Change] = changes_of(plain, book(shelf, *edits))
    assert {change.text for change in found} >= {BOTH_LANGUAGES[name][1:] for name in together}
    assert len(found) == len(edits)
