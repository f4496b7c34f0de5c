"""What changed in a matching book, in words; what it means is not compared, and that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.diffing.books import compare
from rules.diffing.changes import changes_of
from tests.rules.diffing.books import book
from tests.rules.small_book import MATCHING


@pytest.mark.parametrize(
    ("old", "new", "en", "zh"),
    [
        (
            "{mcn: [K],",
            "{mcn: [K, S],",
            "`providers`: served by `mcn` [K] -> [K, S]",
            "`providers`：服务方 `mcn` [K] -> [K, S]",
        ),
        (
            "brand: [S]}",
            "brand: [S, M]}",
            "`providers`: served by `brand` [S] -> [S, M]",
            "`providers`：服务方 `brand` [S] -> [S, M]",
        ),
        (
            "  - {same: category}\n",
            "",
            "`providers`: requirement 2 is gone: {same: category}",
            "`providers`：第2要求 已移除： {same: category}",
        ),
        ("offers: 3", "offers: 5", "`providers`: most offers 3 -> 5", "`providers`：最多推荐数 3 -> 5"),
    ],
)
def test_one_change(tmp_path: Path, old: str, new: str, en: str, zh: str) -> None:
    before = book(tmp_path, providers__matching__yaml=MATCHING)
    after = book(tmp_path, providers__matching__yaml=MATCHING.replace(old, new))
    assert [change.text for change in changes_of(before, after)] == [(en, zh)]


def test_weights_and_thresholds(tmp_path: Path) -> None:
    before = book(tmp_path, providers__matching__yaml=MATCHING)
    changed = (
        MATCHING.replace("weight: 50", "weight: 60").replace("weight: 20", "weight: 10").replace("mcn: 60", "mcn: 65")
    )
    after = book(tmp_path, providers__matching__yaml=changed)
    told = [change.text[0] for change in changes_of(before, after)]
    assert told == [
        "`providers` preference 1: weight 50 -> 60",
        "`providers` preference 2: `provider.content.at_least.mcn` 60 -> 65",
        "`providers` preference 3: weight 20 -> 10",
    ]


def test_that_its_meaning_is_not_compared_is_said(tmp_path: Path) -> None:
    before = book(tmp_path, providers__matching__yaml=MATCHING)
    after = book(tmp_path, providers__matching__yaml=MATCHING.replace("offers: 3", "offers: 4"))
    found = compare(before, after)
    assert [note for note in found.notes if "matching" in note[0]] == [
        ("changes of kind matching are listed, what they mean is not compared", "matching 的改动仅列出，不比较其影响")
    ]
    assert found.relation == "equivalent"
