"""The product's own worker, which dies at its steps: each once before it ran, once after it was committed.

``python -P -m tests.chaos.faulty_worker FOLDER`` keeps the supervisor's contract as ``worker.py`` does, since it is
that very program: only the activities that the wiring hands to the worker are wrapped, by the names under which they
are registered. A fault is carried out once: it is a file in the folder, renamed before the process kills itself. The
first step that runs into one is held where it is; so are those that do in the moment after; then the process kills
itself, and takes with it all of these and whatever else is under way.

The next worker is forked off a process that has imported everything, since half of what a death costs is imports. That
the supervisor starts a worker again which died is tested elsewhere (``test_kill``, ``tests/ops``).
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from temporalio import activity

from fastbrand import processes, wiring
from tests.imports import import_packages

if TYPE_CHECKING:
    from fastbrand.store.database import Database
    from rules.engine import RuleEngine

WORKER = (sys.executable, "-P", "-m", "tests.chaos.faulty_worker")
"""The command line of this worker, for the supervisor, but for the folder of the faults."""

MOMENT_S = 0.5
"""Seconds in which further steps may be hit by the same kill."""

BEFORE, AFTER = "before", "after"
"""The step has not begun; it is committed, and nobody has heard of its result."""


def step_name(method: Callable[..., Any]) -> str:
    """The name under which an activity is registered."""
    name = activity._Definition.must_from_callable(method).name
    assert name is not None
    return name


def step_names() -> list[str]:
    """The names of all activities that the product's worker registers; none of them is called."""
    nothing: Any = None
    return [step_name(method) for method in wiring.activity_methods(nothing, nothing)]


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults on disk: ``STEP.before`` and ``STEP.after`` are empty files, ``.armed`` while they are to come."""

    folder: Path
    _doomed: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, faults: list[tuple[str, str]]) -> None:
        """Let these steps kill the worker, each once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for step, moment in faults:
            (self.folder / f"{step}.{moment}.armed").touch()

    def strike(self, step: str, moment: str) -> None:
        """Die here, where this was armed and nobody has died of it: never returns then."""
        armed = self.folder / f"{step}.{moment}.armed"
        try:
            armed.rename(self.folder / f"{step}.{moment}")  # one of those that are here at once
        except FileNotFoundError:
            return
        if self._doomed.acquire(blocking=False):
            threading.Timer(MOMENT_S, os.kill, (os.getpid(), signal.SIGKILL)).start()
        threading.Event().wait()

    def carried_out(self) -> set[tuple[str, str]]:
        """The faults that killed a worker."""
        return self._of("")

    def to_come(self) -> set[tuple[str, str]]:
        """The faults that nobody ran into yet."""
        return self._of("armed")

    def _of(self, ending: str) -> set[tuple[str, str]]:
        names = [file.name.split(".") for file in self.folder.iterdir()]
        return {(step, moment) for step, moment, *rest in names if rest == ([ending] if ending else [])}


def faulty(method: Callable[..., Any], faults: Faults) -> Callable[..., Any]:
    """The same activity, which may kill its process before it runs and after it has."""
    name = step_name(method)

    @functools.wraps(method)
    def run(*args: Any) -> Any:
        faults.strike(name, BEFORE)
        result = method(*args)
        faults.strike(name, AFTER)
        return result

    return run


def main() -> int:
    """Run workers, one after the other, until one ends otherwise than by its own hand; its exit code."""
    import_packages(
        ("activities", "workflows", "fastbrand.service", "fastbrand.store", "rules"),
        ("temporalio.worker.workflow_sandbox", "temporalio.contrib.pydantic", "fastbrand.workflow_runner"),
    )
    child = 0
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(child, number))
    while True:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.environ[processes.PARENT_PID] = str(os.getppid())
            return _work()
        os.environ.pop(processes.READY_FD, None)  # the first one is listened to
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != -signal.SIGKILL:
            return code


def _work() -> int:
    """The product's worker, with the faults in the folder that the command line names."""
    import worker

    faults, real = Faults(Path(sys.argv[1])), wiring.activity_methods

    def methods(db: Database, engine: RuleEngine) -> list[Callable[..., Any]]:
        return [faulty(method, faults) for method in real(db, engine)]

    with mock.patch.object(wiring, "activity_methods", methods):
        return worker.main()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
