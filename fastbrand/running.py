"""Who runs in a state directory: the lock that one supervisor holds, and the file by which doors find it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from fastbrand import processes
from fastbrand.domain.errors import UsageError

LOCK_FILE = "supervisor.lock"
RUN_FILE = "run.json"
_LOCK_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What runs in a state directory: the content of ``run.json``.

    ``address`` is ``host:port`` of the Temporal server in use, ``ui`` the URL of its web pages (empty: none);
    ``pid`` is the supervisor's, ``worker_pid`` the first worker's, ``server_pid`` our dev server's (0: a server of
    yours); ``started_at`` is RFC 3339 in UTC.
    """

    address: str
    namespace: str
    ui: str
    pid: int
    worker_pid: int
    worker_pids: tuple[int, ...]
    server_pid: int
    started_at: str

    def write(self, state: Path) -> None:
        """Write ``run.json`` in one step: a reader sees the old content or the new."""
        draft = state / f".{RUN_FILE}.{os.getpid()}"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(draft, state / RUN_FILE)


def running(state: Path) -> RunInfo | None:
    """What runs in ``state``, or None: no ``run.json``, or its supervisor is gone without having removed it."""
    try:
        data = json.loads((state / RUN_FILE).read_text(encoding="utf-8"))
        info = RunInfo(**{**data, "worker_pids": tuple(data["worker_pids"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    # a process id is given out again, the kernel's lock is not: both must say that the supervisor is there
    return info if processes.alive(info.pid) and is_locked(state) else None


def is_locked(state: Path) -> bool:
    """Whether a supervisor holds ``state`` (it may still be starting)."""
    try:
        with (state / LOCK_FILE).open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except FileNotFoundError:
        return False
    return False


def lock_state(state: Path) -> IO[str]:
    """Take ``state`` for one supervisor until the returned file is closed or this process dies.

    Raises ``UsageError`` that says who has it.
    """
    lock = (state / LOCK_FILE).open("a+")
    deadline = time.monotonic() + _LOCK_PATIENCE_S  # those who only ask hold it for a moment
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise _held(state) from None
            time.sleep(0.02)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _held(state: Path) -> UsageError:
    info = running(state)
    holder = info.pid if info else (state / LOCK_FILE).read_text().strip() or "unknown"
    where = f" with Temporal at {info.address}" if info else ""
    return UsageError(
        f"`{state}` is in use: process {holder} runs there{where}",
        hint="use what runs there, stop it, or choose another directory with `--state DIR`",
        code="state_in_use",
    )
