"""Child processes that never outlive their parent, and how a child tells that it is ready.

A child is started through a launcher of a few lines that asks the kernel to kill it when its parent dies
(``PR_SET_PDEATHSIG``, Linux; elsewhere a child has ``exit_with_parent`` only) and then becomes the program itself.
The kernel means the parent *thread*: so all children are started by one thread that lives as long as the process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

READY_FD = "FASTBRAND_READY_FD"
"""Environment name: the number of an inherited file descriptor on which a child says that it is ready."""

PARENT_PID = "FASTBRAND_PARENT_PID"
"""Environment name: the process id of the parent, which a child must not outlive."""

LOG_BYTES_MAX = 10_000_000

# argv: parent pid, program, arguments. Written for any Python 3, run without site-packages: it starts in about 15 ms.
_LAUNCHER = """
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None, use_errno=True).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent died before its child began")
os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass(slots=True)
class _Order:
    """One start asked of the starting thread, and what came of it."""

    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None
    pass_fds: Sequence[int]
    done: threading.Event = field(default_factory=threading.Event)
    process: subprocess.Popen[bytes] | None = None
    error: OSError | None = None

    def carry_out(self) -> None:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        try:
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    [*launcher, *self.argv],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=None if self.environment is None else dict(self.environment),
                    pass_fds=tuple(self.pass_fds),
                    start_new_session=True,  # Ctrl-C is for the parent: it decides in which order children stop
                )
        except OSError as error:
            self.error = error
        finally:
            self.done.set()


_orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
_starting = threading.Lock()
_starter: threading.Thread | None = None


def _serve_orders() -> None:
    while True:
        _orders.get().carry_out()


def spawn(
    argv: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start ``argv`` as a child in a session of its own; it is killed when this process dies, however it dies.

    Output goes to the end of ``log``; ``environment`` replaces ours. Raises ``OSError`` where it cannot be started
    (a program that is not there ends with exit code 1 and says so in ``log``).
    """
    global _starter
    with _starting:
        if _starter is None or not _starter.is_alive():
            _starter = threading.Thread(target=_serve_orders, name="fastbrand-starter", daemon=True)
            _starter.start()
    order = _Order(argv, log, environment, pass_fds)
    _orders.put(order)
    order.done.wait()
    if order.error is not None:
        raise order.error
    assert order.process is not None
    return order.process


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether ``process`` has ended. Does not reap it, so that its process group stays its own until ``kill``."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def stop(process: subprocess.Popen[bytes], *, grace_s: float, hurry: Callable[[], bool] = lambda: False) -> int:
    """Ask ``process`` to end (SIGTERM), wait up to ``grace_s`` seconds, then kill it and what it left in its session.

    ``hurry`` is asked twenty times a second; True cuts the wait short. Returns the exit code (negative: the signal).
    """
    if not ended(process):
        os.kill(process.pid, signal.SIGTERM)  # not reaped yet: the id is still its own
        deadline = time.monotonic() + grace_s
        while not ended(process) and time.monotonic() < deadline and not hurry():
            time.sleep(0.05)
    return kill(process)


def kill(process: subprocess.Popen[bytes]) -> int:
    """Kill ``process`` and what it left in its session, at once; returns the exit code (negative: the signal)."""
    if process.returncode is not None:
        return process.returncode
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    deadline = time.monotonic() + 1.0  # what is killed takes a moment to go
    while _session_lives(process.pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    return code


def _session_lives(leader: int) -> bool:
    """Whether a process of the group of ``leader`` runs (one that nobody reaps does not)."""
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return False
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state not in ("Z", "X"):
                return True
    return False


def alive(pid: int) -> bool:
    """Whether a process with this id runs (one that has ended and was not yet waited for does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def tail(log: Path, *, since: int = 0, lines: int = 12) -> str:
    """The last ``lines`` lines of ``log`` (at most 16 KiB) after its first ``since`` bytes; empty without a file."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, since if since <= end else 0, end - 16384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def turn_over(log: Path) -> int:
    """Begin a new log where ``log`` is long (the one before is kept as ``….1``); returns the bytes it has now."""
    size = log.stat().st_size if log.exists() else 0
    if size > LOG_BYTES_MAX:
        os.replace(log, log.with_name(log.name + ".1"))
        return 0
    return size


def settle_at_exit() -> None:
    """Before the interpreter goes, give threads of compiled libraries a moment to come to rest (once a process).

    A process that ends right after an answer of the Temporal client was seen to crash in one of three runs: the
    library's threads still want the interpreter while it is being taken down. Every user of that client calls this.
    """
    atexit.unregister(_settle)
    atexit.register(_settle)


def _settle() -> None:
    time.sleep(0.05)


def say_ready() -> None:
    """In a child: tell the parent that started us that we are ready (once; without such a parent, nothing)."""
    number = os.environ.pop(READY_FD, "")
    if number:
        with os.fdopen(int(number), "wb") as pipe:
            pipe.write(b"ready\n")


def exit_with_parent(orphaned: Callable[[], None], *, every_s: float = 1.0) -> None:
    """In a child: call ``orphaned`` from a watching thread when the parent that started us is gone.

    The kernel's own signal covers this on Linux; the watch is for systems that have none. Without a parent that set
    ``FASTBRAND_PARENT_PID`` nothing is watched.
    """
    parent = os.environ.get(PARENT_PID, "")
    if not parent:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(every_s)
        orphaned()

    threading.Thread(target=watch, name="fastbrand-parent-watch", daemon=True).start()
