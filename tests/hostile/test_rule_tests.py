"""Files of rule tests that nobody should have written: mistakes are told at their place, what is sound runs.

1,000 mutations of the test files of two books; 50,000 in a soak.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from rules.engine import RuleEngine
from rules.loader import load_directory
from rules.mistakes import CODES
from rules.testing import load_tests, run_cases
from rules.testing.loading import check_shapes
from tests.hostile.mutations import ROOT, SHARDS, Hang, check_place, check_text, files_of, mutated, no_hang, seeds

FOLDERS = [ROOT / "rules" / "templates" / "book", ROOT / "rules" / "book"]
BOOKS = {folder: load_directory(folder) for folder in FOLDERS}
TESTS = {folder: files_of(folder / "tests") for folder in FOLDERS}


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    with RuleEngine() as made:
        yield made


def check(seed: int, place: Path, engine: RuleEngine) -> int:
    """One mutation of one test file, in a directory of its own; how many of its cases ran."""
    rng = Random(seed)
    folder = FOLDERS[0] if rng.random() < 0.9 else FOLDERS[1]
    name = rng.choice(sorted(TESTS[folder]))
    content = mutated(TESTS[folder][name], rng)
    (place / "tests").mkdir(exist_ok=True)
    (place / "tests" / "mutated.yaml").write_bytes(content)
    with no_hang():
        suite, mistakes = load_tests(BOOKS[folder], place)
        written = check_shapes(place)
        results = run_cases(BOOKS[folder], suite.cases, engine, columnar=rng.random() < 0.2)
    told = {(each.line, each.column, each.code) for each in mistakes}
    assert {(each.line, each.column, each.code) for each in written} <= told  # whatever the book says, so it is written
    for mistake in mistakes:
        assert mistake.code in CODES
        assert mistake.grade == "error"
        check_text(mistake.message)
        check_text(mistake.hint, 700)
        check_place(mistake.line, mistake.column, content)
    for result in results:
        for failure in result.failures:
            check_text(str(failure), 2_000)
            check_place(failure.mark.line, failure.mark.column, content)
            assert "engine says otherwise" not in str(failure), failure
    return len(results)


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
def test_mutated_test_files_have_mistakes_or_run_and_nothing_else(
    shard: int, tmp_path: Path, engine: RuleEngine
) -> None:
    ran = 0
    for seed in seeds(shard, 1_000, 50_000):
        try:
            ran += check(seed, tmp_path, engine)
        except (Exception, Hang) as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert ran > 100
