"""What tests of rule tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rules.engine import RuleEngine


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    """One child process for all."""
    with RuleEngine() as made:
        yield made
