"""Several processes on one pool: never more than there is, never twice, whatever dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.audit import Verb
from fastbrand.store import ledger
from fastbrand.store.database import Database
from tests.store.given import events, open_pool
from tests.store.rival import UNITS, ask

pytestmark = pytest.mark.slow  # processes are started

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def _rivals(url: str, names: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """One process a letter of ``names``, all begun at the same word, and none left behind."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.rival", url, name, str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _booked(db: Database) -> dict[str, Any]:
    """The pool, once everything in the ledger was found to agree."""
    with db.read() as conn:
        found = ledger.reconcile(conn)["differences"]
        (pool,) = ledger.status(conn)
    assert [each for each in found if not each["account"].startswith("plan/")] == []
    return pool


def test_processes_share_a_pool_to_the_last_unit(db: Database, url: str) -> None:
    open_pool(db, 50 * UNITS + 3)
    with _rivals(url, "abc", 20) as running:
        said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    got = [line.split()[0] for text in said for line in text.splitlines() if line.endswith("True")]
    assert len(got) == len(set(got)) == 50  # 80 were wanted
    pool = _booked(db)
    assert (pool["available"], pool["reserved"]) == (3, 50 * UNITS)
    told = {event["subject"]["id"] for event in events(db, verb=Verb.GRANT_RESERVED)}
    assert told == set(got)


def test_a_process_that_is_killed_takes_nothing_with_it(db: Database, url: str) -> None:
    open_pool(db, 10_000)
    with _rivals(url, "ab", 500) as (killed, other):
        assert killed.stdout is not None
        heard = [killed.stdout.readline().split() for _ in range(25)]
        killed.kill()
        heard += [line.split() for line in killed.communicate()[0].splitlines()]
        other.kill()
        heard += [line.split() for line in other.communicate()[0].splitlines()]
    said = {line[0] for line in heard if len(line) == 2 and line[1] == "True"}
    told = {event["subject"]["id"] for event in events(db, verb=Verb.GRANT_RESERVED)}
    assert said <= told  # what was answered is there
    assert len(told - said) <= 2  # at most the one each was at
    assert _booked(db)["reserved"] == UNITS * len(told)
    assert ask(db, "after/1")  # and nobody holds the writer's place
    assert not ask(db, next(iter(told)))
