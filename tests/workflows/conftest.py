"""One real server for the test process, and desks on it: one a variant of the book, opened when first asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
import pytest_asyncio

from tests.workflows.desk import Desk, open_desk, run_server
from tests.workflows.variants import BRIEF, CALM, DEMO, FLEETING, HASTY, JUDGED, KEPT, SWIFT, TIMED, Edits, edited


@pytest_asyncio.fixture(scope="session")
async def address() -> AsyncIterator[str]:
    """``host:port`` of a Temporal server."""
    async with run_server() as where:
        yield where


class OpenDesk(Protocol):
    """A fixture: a desk, closed when the tests of the process are over."""

    def __call__(self, address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
        """Open it on the server at ``address``."""
        ...


def _desk(name: str, edits: Edits) -> OpenDesk:
    """A fixture called ``name``: a desk on the demonstration's book with ``edits``."""

    @pytest_asyncio.fixture(scope="session", name=name)
    async def opened(address: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
        folder = tmp_path_factory.mktemp(name)
        async with open_desk(name, address, folder / "state", edited(DEMO, folder / "book", edits)) as desk:
            yield desk

    return opened


calm = _desk("calm", CALM)
"""A desk at which nothing runs out by itself."""

swift = _desk("swift", SWIFT)
"""A desk at which grants are over in four seconds."""

brief = _desk("brief", BRIEF)
"""A desk at which people's deadlines and endorsements are over within three seconds."""

kept = _desk("kept", KEPT)
"""A desk at which standings move only by upkeep and by people."""

fleeting = _desk("fleeting", FLEETING)
"""A desk at which suspensions, cool-offs and terms are over within seconds."""

judged = _desk("judged", JUDGED)
"""A desk at which one month in limit suspends, and people decide about it at leisure."""

hasty = _desk("hasty", HASTY)
"""A desk at which one month in limit suspends, and a suspension is over in five seconds."""

counted = _desk("counted", KEPT)
"""A desk at which a test counts everything."""

timed = _desk("timed", TIMED)
"""A desk at which a case is late after five seconds."""
