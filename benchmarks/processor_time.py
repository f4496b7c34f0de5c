"""Processor time of processes, read from the kernel (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pid: int) -> float:
    """Processor seconds that ``pid`` itself has used so far, in user and system; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def children_seconds(pid: int) -> float:
    """The same for all descendants of ``pid`` that are alive, without itself."""
    return sum(seconds(child) for child in _descendants(pid))


def _descendants(pid: int) -> Iterable[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    todo = [pid]
    while todo:
        born = children.get(todo.pop(), [])
        todo += born
        yield from born
