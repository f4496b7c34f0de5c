"""The product's worker with a clock at its doors: activities, rules, database. For the round that is not timed.

Writes one JSON object to the file that ``FASTBRAND_MEASURES`` names: what -> [calls, wall seconds, processor seconds of
the calling thread]. ``database: turn`` is waiting for the one writer, ``database: commit`` ends in the disk's flush.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from temporalio import activity

import worker
from fastbrand import wiring
from fastbrand.store.database import Database
from rules.engine import RuleEngine

MEASURES = "FASTBRAND_MEASURES"

_measured: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
_guard = threading.Lock()


@contextmanager
def clock(what: str) -> Iterator[None]:
    """Count the block under ``what``."""
    wall, processor = time.perf_counter(), time.thread_time()
    try:
        yield
    finally:
        wall, processor = time.perf_counter() - wall, time.thread_time() - processor
        with _guard:
            row = _measured[what]
            row[0], row[1], row[2] = row[0] + 1, row[1] + wall, row[2] + processor


def timed(what: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """``call`` with the clock."""

    @functools.wraps(call)
    def measured(*args: Any, **kwargs: Any) -> Any:
        with clock(what):
            return call(*args, **kwargs)

    return measured


def _install() -> None:
    RuleEngine.screen_many = timed("rules: screen", RuleEngine.screen_many)  # type: ignore[method-assign]  # timed
    RuleEngine.decide = timed("rules: decide", RuleEngine.decide)  # type: ignore[method-assign]  # timed
    plain_write, plain_read, plain_methods = Database.write, Database.read, wiring.activity_methods

    @contextmanager
    def write(db: Database) -> Iterator[Connection]:
        transaction = plain_write(db)
        with clock("database: turn"):
            conn = transaction.__enter__()
        try:
            with clock("database: statements"):
                yield conn
        except BaseException as error:
            transaction.__exit__(type(error), error, error.__traceback__)
            raise
        with clock("database: commit"):
            transaction.__exit__(None, None, None)

    @contextmanager
    def read(db: Database) -> Iterator[Connection]:
        with clock("database: read"), plain_read(db) as conn:
            yield conn

    def methods(*args: Any) -> list[Callable[..., Any]]:
        return [_timed_activity(method) for method in plain_methods(*args)]

    Database.write, Database.read = write, read  # type: ignore[method-assign, assignment]  # timed
    wiring.activity_methods = methods  # type: ignore[assignment]  # timed


def _timed_activity(method: Callable[..., Any]) -> Callable[..., Any]:
    name = activity._Definition.must_from_callable(method).name
    assert name is not None
    measured = timed(f"activity: {name}", method)
    del measured.__temporal_activity_definition  # type: ignore[attr-defined]  # copied by `wraps`, for the method
    return activity.defn(name=name)(measured)


if __name__ == "__main__":
    _install()
    code = worker.main()
    Path(os.environ[MEASURES]).write_text(json.dumps(_measured), encoding="utf-8")
    os._exit(code)
