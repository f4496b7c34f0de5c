"""Rule files that nobody should have written: each has its mistakes or loads, and nothing else ever happens.

3,000 mutations of the files of four books; 100,000 in a soak. What loads is looked over for warnings, too.
"""

from __future__ import annotations

import json
from random import Random
from time import sleep

import pytest

from rules.lint.findings import warnings
from rules.loader import load_closure
from rules.loading.book import assemble
from rules.mistakes import CODES, WARNINGS
from tests.hostile.mutations import ROOT, SHARDS, Hang, check_place, check_text, files_of, mutated, no_hang, seeds
from tests.rules.small_book import FILES

SMALL = {name: text.encode() for name, text in FILES.items()}
BOOKS = [
    *(SMALL, SMALL, SMALL),
    *[files_of(ROOT / "rules" / "templates" / "book")] * 3,
    files_of(ROOT / "examples" / "olist" / "book"),
    files_of(ROOT / "rules" / "book"),
]
"""The small ones more often: they have every construct, and are read in no time."""

NEEDED = ("facts.yaml", "programme.yaml", "fast.eligibility.yaml", "fast-brand.eligibility.yaml")
LONGEST_HINT = 700


def check(seed: int) -> bool:
    """One mutation of one file of a book; whether the book could still be used."""
    rng = Random(seed)
    files = dict(rng.choice(BOOKS))
    name = rng.choice(sorted(files))
    files[name] = mutated(files[name], rng)
    if rng.random() < 0.7:  # with what it needs; the whole book takes three times as long to read
        files = {each: content for each, content in files.items() if each == name or each in NEEDED}
    with no_hang():
        book, mistakes = assemble(files)
        found = [] if book is None else warnings(book)
    assert (book is None) == any(mistake.grade == "error" for mistake in mistakes)
    for mistake in [*mistakes, *found]:
        assert mistake.code in (CODES if mistake.grade == "error" else WARNINGS)
        check_text(mistake.message)
        if mistake.path in files:
            check_place(mistake.line, mistake.column, files[mistake.path])
        else:
            assert (mistake.path, mistake.line, mistake.column) == (".", 1, 1)
        if mistake.hint:
            check_text(mistake.hint, LONGEST_HINT)
        json.dumps(mistake.as_dict())
        for line in str(mistake).splitlines():
            assert line.isprintable(), ascii(line)
    if book is not None:
        assert load_closure(book.closure).sha256 == book.sha256
    return book is not None


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
def test_mutated_rule_files_have_mistakes_or_load_and_nothing_else(shard: int) -> None:
    usable = {False: 0, True: 0}
    for seed in seeds(shard, 3_000, 100_000):
        try:
            usable[check(seed)] += 1
        except (Exception, Hang) as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    # most of them are spoiled, and some are not: else the half of this would go untried
    assert usable[False] > 200
    assert usable[True] > 20


def test_a_hang_is_found_out() -> None:
    with pytest.raises(Hang), no_hang(0.2):
        sleep(20)
