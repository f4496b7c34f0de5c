"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.driver import Cli, Up, Warm


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """The command line on a new state directory, which the tests of a module share; nothing runs there."""
    return Cli(tmp_path_factory.mktemp("cli") / "state")


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """As ``cli``, through a process that has imported everything."""
    process = Warm()
    yield Cli(tmp_path_factory.mktemp("warm") / "state", warm=process)
    process.close()


@pytest.fixture(scope="module")
def served(warm: Cli) -> Iterator[Cli]:
    """As ``warm``, while ``fastbrand up`` keeps server and worker running."""
    with Up(warm):
        yield warm
