"""Waiting for what other processes do, and looking for what they left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
STAND_IN = (sys.executable, str(HERE / "stand_in_worker.py"))


def eventually(true: Callable[[], object], *, within_s: float = 30.0) -> None:
    """Return when ``true()`` is; fail the test where it is not within a long time."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.05)


def processes_with(text: str) -> list[int]:
    """Ids of the processes that have ``text`` in their command line or environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in told:
            found.append(int(folder.name))
    return found
