"""What the tests of server, supervisor and setup share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fastbrand.settings import Settings, load_settings
from fastbrand.temporal_server import DevServer, free_port
from tests.ops.waiting import HERE


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a new state directory and free ports, whatever the environment of the test run says."""
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "FASTBRAND_TEST_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    return load_settings(state=tmp_path / "state", temporal_port=free_port(), temporal_ui=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A dev server on free ports."""
    folder = tmp_path_factory.mktemp("server")
    started = DevServer.start(database=folder / "temporal.db", log=folder / "temporal.log", port=free_port(), ui=False)
    yield started
    started.kill()
