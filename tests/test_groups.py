"""Groups of tests really stay together: what a module sets up is set up once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GROUPED = """\
import os, pathlib, pytest
pytestmark = pytest.mark.xdist_group({name!r})
@pytest.mark.parametrize("number", range(8))
def test_one(number):
    with pathlib.Path({log!r}).open("a") as log:
        log.write({name!r} + " " + os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


@pytest.mark.slow
def test_a_group_stays_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    for name in ("first", "second", "third"):
        text = GROUPED.format(name=name, log=str(tmp_path / "log"))
        (tmp_path / f"test_{name}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider", "."]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    ran = [line.split() for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert len(ran) == 24
    assert len({tuple(each) for each in ran}) == 3  # each group with one worker only
