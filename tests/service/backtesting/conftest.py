"""What backtests are tried with: an engine, and sellers as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.engine import RuleEngine
from tests.service.backtesting import made_population, tried_books


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    """The engine that confirms."""
    with RuleEngine() as made:
        yield made


@pytest.fixture(scope="session")
def sellers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some hundred sellers of the sample as a Parquet file of facts."""
    path = tmp_path_factory.mktemp("sellers") / "sellers.parquet"
    made_population.frame(tried_books.shipped(), 500, seed=8).write_parquet(path)
    return path
