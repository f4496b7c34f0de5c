"""What a child process may do instead of deciding: functions for the engine's ``work``, importable by the child."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from fastbrand.domain.errors import EngineFault, EngineMissing
from rules import child
from rules.child import Reply, Task

MARKER = "marker:"
"""A record's party may name a file that says whether it was here before: ``marker:/path``."""


def crash(_task: Task) -> Reply:
    """Die as by a bug in C."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return Reply()


def crash_first(task: Task) -> Reply:
    """Die the first time, decide the second."""
    marker = Path(task.records[0].facts["slogan"].text or "")
    if not marker.exists():
        marker.touch()
        crash(task)
    return child.work(task)


def crash_on_poison(task: Task) -> Reply:
    """Die of one record, whoever stands beside it."""
    if any(record.party == "poison" for record in task.records):
        crash(task)
    return child.work(task)


def hang(task: Task) -> Reply:
    """Hang in C with the interpreter's lock held: no signal handler of ours runs."""
    where = task.records[0].facts.get("slogan") if task.records else None
    if where is not None and where.text:
        Path(where.text).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)
    return Reply()


def slow(task: Task) -> Reply:
    """Take a while, politely."""
    time.sleep(30)
    return child.work(task)


def exit_quietly(_task: Task) -> Reply:
    """End as if all were well."""
    os._exit(0)


def somebody_else(task: Task) -> Reply:
    """Decide about another party than was asked."""
    return child.work(task.only(tuple(replace(record, party="somebody-else") for record in task.records)))


def another_day(task: Task) -> Reply:
    """Decide for another moment."""
    return child.work(replace(task, as_of=task.as_of.replace(year=task.as_of.year + 1), effective_at=None))


def one_short(task: Task) -> Reply:
    """Leave the last record out."""
    return Reply(child.work(task).answers[:-1])


def nonsense(_task: Task) -> object:
    """Answer something else."""
    return {"outcome": "eligible"}


def not_packed(task: Task) -> Reply:
    """Answer with tuples that are no decisions."""
    return Reply(tuple(("eligible",) for _ in task.records))


def raise_something(_task: Task) -> Reply:
    """Fail with an error nobody foresaw."""
    raise RuntimeError("nobody foresaw this")


def fault_at_first(task: Task) -> Reply:
    """A fault for the record ``poison``, decisions for the others."""
    reply = child.work(task)
    return Reply(
        tuple(
            EngineFault("contradiction") if record.party == "poison" else answer
            for record, answer in zip(task.records, reply.answers, strict=True)
        )
    )


def missing(task: Task) -> Reply:
    """As where the C module cannot be imported; each process writes that it was here."""
    with Path(task.records[0].facts["slogan"].text or "").open("a") as log:
        log.write(f"{os.getpid()}\n")
    return Reply(tuple(EngineMissing("the rules engine cannot be loaded") for _ in task.records))


def tell_modules(task: Task) -> Reply:
    """Decide, and write down what this process has imported."""
    reply = child.work(task)
    Path(task.records[0].facts["slogan"].text or "").write_text("\n".join(sorted(sys.modules)))
    return reply
