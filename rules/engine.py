"""The rules engine as the rest of the house uses it: decisions made in child processes that may crash or hang.

The C engine holds the interpreter's lock, and a segfault or an endless loop in it cannot be caught. So it lives in
child processes (Pebble), which are light, know nothing of the caller's main module, and die with it. A fault (crash,
hang, absence, contradiction) is tried once more on a fresh process; then it is an ``EngineFault``, never a pass.
An engine that cannot be loaded is not tried again for some seconds: a thousand records would wait for as many starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, EngineMissing, FastbrandError, InputError
from rules import child
from rules.child import Reply, Task
from rules.evaluate import Screening
from rules.inputs import from_inputs, inputs_json
from rules.packing import Answer, unpack
from rules.records import Context, Record

if TYPE_CHECKING:
    from pebble import ProcessPool

__all__ = ["RuleEngine", "Screening", "from_inputs", "inputs_json"]

BATCH = 200
"""Most records of one call to a child process: a hang costs no more than these, and the timeout is for these."""

_STARTING_S = 60.0  # a child that has not even begun a task after so long never will
_MOST_FAULTS = 3  # so many single records in a row that fault on a fresh process: the engine itself is broken

_MISSING_S = 10.0  # so long an engine that could not be loaded counts as missing: it may be installed meanwhile

_T = TypeVar("_T")


class RuleEngine:
    """Decides in child processes. Thread-safe; nothing is started before it is needed.

    ``processes``: how many calls are served at once. ``timeout_s``: seconds for one batch of at most ``BATCH`` records.
    ``work`` is what a child does with a task.
    """

    def __init__(
        self, *, processes: int = 1, timeout_s: float = 10.0, work: Callable[[Task], Reply] = child.work
    ) -> None:
        if processes < 1 or timeout_s <= 0:
            raise InputError("the rules engine needs at least one process and a timeout above 0")
        self._closed = threading.Event()
        self._slots = [_Slot(timeout_s, work, self._closed) for _ in range(processes)]
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._missing: tuple[float, EngineMissing] | None = None

    def screen(
        self, closure: bytes, record: Record, *, track: str, as_of: datetime, effective_at: datetime | None = None
    ) -> Screening:
        """Screen one applicant for ``track`` on its facts at ``as_of``.

        ``effective_at``: the moment at which the rule books must be in force (default: ``as_of``). Raises
        ``InputError``, ``RuleFileError``, ``EngineFault``.
        """
        return _or_raise(self.screen_many(closure, [record], track=track, as_of=as_of, effective_at=effective_at)[0])

    def screen_many(
        self,
        closure: bytes,
        records: Sequence[Record],
        *,
        track: str,
        as_of: datetime,
        effective_at: datetime | None = None,
    ) -> list[Screening | FastbrandError]:
        """Like ``screen``, one answer a record: a record's own error stands in its place, the others go on.

        Raises what concerns all of them: ``InputError`` (not in force), ``RuleFileError``, ``EngineFault``.
        """
        task = Task(closure, None, tuple(records), as_of, effective_at or as_of, Context(track=track))
        return [_of_kind(answer, Screening) for answer in self._answers(task)]

    def decide(
        self,
        closure: bytes,
        rulebook: str,
        records: Sequence[Record],
        *,
        as_of: datetime,
        context: Context = Context(),  # noqa: B008  # frozen
        effective_at: datetime | None = None,
    ) -> list[Decision | FastbrandError]:
        """What ``rulebook`` says about each record: its own error stands in its place, the others go on.

        Raises what concerns all of them: ``NotFound``, ``InputError`` (not in force), ``RuleFileError``,
        ``EngineFault``.
        """
        task = Task(closure, rulebook, tuple(records), as_of, effective_at or as_of, context)
        return [_of_kind(answer, Decision) for answer in self._answers(task)]

    def replay(self, closure: bytes, core: bytes, inputs: Mapping[str, Any]) -> bytes:
        """Decide again what a stored decision decided, by the same book on the same inputs, as canonical bytes.

        ``core`` are the decision's canonical bytes, ``inputs`` what ``inputs_json`` gave for it. Equal bytes: the same
        decision. Raises ``InputError`` where ``core`` or ``inputs`` cannot be read, and what ``decide`` raises.
        """
        try:
            stored = json.loads(core)
            rulebook, as_of = str(stored["rulebook"]), datetime.fromisoformat(stored["as_of"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"the stored decision cannot be read: {error}", hint="it was damaged") from error
        record, context = from_inputs(inputs)
        answers = self._answers(Task(closure, rulebook, (record,), as_of, None, context))
        return _or_raise(_of_kind(answers[0], Decision)).canonical()

    def close(self) -> None:
        """Stop all child processes; every later call raises ``EngineFault``, and so does one that is on its way."""
        self._closed.set()
        for slot in self._slots:
            slot.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answers(self, task: Task) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(task.records), BATCH):
            answers += self._batch(task.only(task.records[start : start + BATCH]))
        return answers

    def _batch(self, task: Task) -> list[Answer]:
        """Answers to one batch; what faulted is tried again on a fresh process, in the end record by record."""
        missing = self._missing
        if missing is not None and time.monotonic() - missing[0] < _MISSING_S:
            return [missing[1]] * len(task.records)
        answers = self._try(task)
        faulted = _faulted(answers)
        if not faulted:
            return answers
        again = self._try(task.only(tuple(task.records[place] for place in faulted)))
        for place, answer in zip(faulted, again, strict=True):
            answers[place] = answer
        faulted = _faulted(answers)
        absent = next((answer for answer in again if isinstance(answer, EngineMissing)), None)
        self._missing = None if absent is None else (time.monotonic(), absent)
        if len(faulted) < 2 or absent is not None:
            return answers
        in_a_row = 0
        for place in faulted:
            if in_a_row < _MOST_FAULTS:
                answers[place] = self._try(task.only((task.records[place],)))[0]
                in_a_row = in_a_row + 1 if isinstance(answers[place], EngineFault) else 0
        return answers

    def _try(self, task: Task) -> list[Answer]:
        """One answer a record; where the child process failed, that fault for every record.

        Raises the error of the whole task.
        """
        with self._slot() as slot:
            try:
                reply = slot.run(task)
                answers = _checked(reply, task)
            except EngineFault as fault:
                slot.drop()
                return [fault] * len(task.records)
            if _faulted(answers):
                slot.drop()
            return answers

    @contextmanager
    def _slot(self) -> Iterator[_Slot]:
        slot = self._free.get()
        try:
            if self._closed.is_set():
                raise EngineFault("the rules engine is closed")
            yield slot
        finally:
            self._free.put(slot)


class _Slot:
    """One child process at a time, replaced when it fails; none is started any more once ``closed`` is set."""

    def __init__(self, timeout_s: float, work: Callable[[Task], Reply], closed: threading.Event) -> None:
        self._timeout_s = timeout_s
        self._work = work
        self._pool: ProcessPool | None = None
        self._future: Future[Reply] | None = None
        self._closed = closed
        self._changing = threading.Lock()

    def run(self, task: Task) -> Reply:
        """What the child process answers. Raises ``EngineFault`` where it does not."""
        from pebble import ProcessExpired

        try:
            self._future = future = self._started().schedule(self._work, args=(task,), timeout=self._timeout_s)
            error = future.exception(timeout=self._timeout_s + _STARTING_S)
        except EngineFault:
            raise
        except Exception as here:
            error = here
        if isinstance(error, TimeoutError):
            raise EngineFault(f"the rules engine gave no answer within {self._timeout_s:g} s") from error
        if isinstance(error, ProcessExpired):
            raise EngineFault(f"the rules engine's process ended with exit code {error.exitcode}") from error
        if error is not None:
            raise EngineFault(f"the rules engine's process failed: {type(error).__name__}: {error}") from error
        reply = future.result()
        if not isinstance(reply, Reply):
            raise EngineFault("the rules engine's process gave something else than an answer")
        return reply

    def drop(self) -> None:
        """End the child process, whatever it does; the next task gets a fresh one."""
        with self._changing:
            pool, self._pool = self._pool, None
        if pool is not None:
            if self._future is not None:
                self._future.cancel()  # nobody else would wake who waits for it
            pool.stop()  # type: ignore[no-untyped-call]  # Pebble has types, but not here
            pool.join()

    def _started(self) -> ProcessPool:
        from rules.spawning import on_keeper

        with self._changing:
            if self._closed.is_set():  # one that is being started when its parent ends complains on stderr
                raise EngineFault("the rules engine is closed")
            if self._pool is None:
                self._pool = on_keeper(_new_pool)
            return self._pool


def _new_pool() -> ProcessPool:
    """A pool of one child process, started."""
    from pebble import ProcessPool

    from rules.spawning import BareContext

    pool = ProcessPool(max_workers=1, initializer=child.begin, initargs=(os.getpid(),), context=BareContext())
    if not pool.active:  # asking starts it, here and now
        raise EngineFault("the rules engine's process could not be started")
    return pool


# --- answers ------------------------------------------------------------------------------------------------------


def _faulted(answers: Sequence[Answer]) -> list[int]:
    return [place for place, answer in enumerate(answers) if isinstance(answer, EngineFault)]


def _checked(reply: Reply, task: Task) -> list[Answer]:
    """The answers, when they answer this task. Raises ``EngineFault``, and the error of the whole task."""
    if reply.error is not None:
        raise reply.error
    if len(reply.answers) != len(task.records):
        raise EngineFault(f"the rules engine gave {len(reply.answers)} answers to {len(task.records)} records")
    sha256 = hashlib.sha256(task.closure).hexdigest()
    as_of = task.as_of.astimezone(UTC)
    answers = [unpack(packed, screening=task.rulebook is None) for packed in reply.answers]
    for record, answer in zip(task.records, answers, strict=True):
        for decision in _decisions(answer):
            about = (decision.party, decision.sha256, datetime.fromisoformat(decision.as_of))
            if about != (record.party, sha256, as_of):
                raise EngineFault("the rules engine answered something else than it was asked")
    return answers


def _decisions(answer: Answer) -> list[Decision]:
    if isinstance(answer, Decision):
        return [answer]
    if isinstance(answer, Screening):
        made = (answer.track, answer.eligibility, answer.queue, answer.endorsement)
        return [decision for decision in made if decision is not None]
    return []


def _of_kind(answer: Answer, kind: type[_T]) -> _T | FastbrandError:
    if isinstance(answer, FastbrandError | kind):
        return answer
    raise EngineFault("the rules engine answered something else than it was asked")


def _or_raise(answer: _T | FastbrandError) -> _T:
    if isinstance(answer, FastbrandError):
        raise answer
    return answer
