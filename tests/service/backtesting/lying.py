"""What a child process may do instead of confirming a backtest: work for the engine, importable by the child."""

from __future__ import annotations

from dataclasses import replace

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault
from rules import child
from rules.child import Reply, Task
from rules.packing import pack, unpack


def too_kind(task: Task) -> Reply:
    """Decide, and pay everybody one unit more."""
    reply = child.work(task)
    if task.rulebook is None:
        return reply
    answers = [unpack(packed, screening=False) for packed in reply.answers]
    paid = [
        replace(each, result={**each.result, "amount": each.result["amount"] + 1})
        if isinstance(each, Decision)
        else each
        for each in answers
    ]
    return Reply(tuple(pack(each) for each in paid))


def broken(task: Task) -> Reply:
    """Say that the engine contradicts itself."""
    return Reply(tuple(EngineFault("contradiction") for _ in task.records))
