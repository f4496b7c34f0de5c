"""A step that is called off (its worker stops, its task is given up) is not broken off in the middle."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.testing import ActivityEnvironment

from activities.ledgers import LedgerActivities
from activities.run_payloads import RunRequest
from fastbrand import wiring
from fastbrand.service.bootstrap import bootstrap
from fastbrand.store.database import Database
from tests.workflows.desk import until
from tests.workflows.variants import DEMO


def test_no_step_is_broken_off() -> None:
    nothing: Any = None
    steps = [activity._Definition.must_from_callable(each) for each in wiring.activity_methods(nothing, nothing)]
    assert steps
    assert [each.name for each in steps if not each.no_thread_cancel_exception] == []


async def test_others_can_write_after_a_step_was_called_off(tmp_path: Path) -> None:
    """An error raised in its thread from outside met it between taking its turn to write and giving it back."""
    db = Database(f"sqlite:///{tmp_path / 'fastbrand.db'}")
    db.migrate()
    bootstrap(db, DEMO)
    around = ActivityEnvironment()
    request = RunRequest(at=datetime(2022, 8, 1, tzinfo=UTC))
    thread = threading.Thread(target=lambda: around.run(LedgerActivities(db).reconcile, request), daemon=True)
    with db.write():
        thread.start()
        await until(lambda: _is_in(thread, "_alone"), "the step waits for its turn")
        around.cancel()
    thread.join(10)
    assert not thread.is_alive()
    with db.write():
        pass
    db.close()


def _is_in(thread: threading.Thread, function: str) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name == function
