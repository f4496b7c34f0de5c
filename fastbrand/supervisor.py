"""Keeps a Temporal server and the workers running for ``fastbrand up`` and ``fastbrand demo``.

Contract with ``worker.py``, started as ``python -P -m worker`` with every setting in its environment
(``Settings.environment()``; ``TEMPORAL_ADDRESS`` names the server in use):

- when it polls, it calls ``processes.say_ready()``: writes ``ready`` to the pipe that ``FASTBRAND_READY_FD`` names;
- on SIGTERM it stops polling, finishes what it has begun within ``graceful_shutdown_s`` and ends with exit code 0;
- it calls ``processes.exit_with_parent(...)``: where ``FASTBRAND_PARENT_PID`` is gone, it ends;
- it writes logs to stdout and stderr, which go to ``logs/worker-N.log`` in the state directory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any

from fastbrand import processes
from fastbrand.domain.errors import FastbrandError, Unreachable
from fastbrand.patience import Deaths, Patience
from fastbrand.pulse import Pulse
from fastbrand.running import RUN_FILE, RunInfo, is_locked, lock_state, running
from fastbrand.settings import Settings, prepare_to_run
from fastbrand.temporal_binary import Tell, run_apart, to_stderr
from fastbrand.temporal_server import DevServer, connect_when_ready

__all__ = ["Patience", "RunInfo", "Supervisor", "ensure_running", "running"]

WORKER = (sys.executable, "-P", "-m", "worker")
_TICK_S = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KILL_MARGIN_S = 5.0
_ANSWER_S_MAX = 3.0  # of a server of yours, which should be there already


class _Worker:
    """One worker process and the pipe on which it says that it is ready."""

    def __init__(self, number: int, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = f"worker {number}"
        self.log = log
        self._argv, self._environment = argv, environment
        self._pipe: int | None = None
        self._log_since = 0
        self._started = 0.0
        self.ready = self.late = False
        self.process = self._spawn()

    def restart(self) -> None:
        self.kill()
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._log_since = processes.turn_over(self.log)
        self._started = time.monotonic()
        self.ready = self.late = False
        self._pipe, theirs = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            environment = {**self._environment, processes.READY_FD: str(theirs)}
            return processes.spawn(self._argv, log=self.log, environment=environment, pass_fds=(theirs,))
        finally:
            os.close(theirs)

    def listen(self, within_s: float) -> bool:
        """Whether it is ready; it is killed where it is not after ``within_s`` seconds."""
        if not self.ready and self._pipe is not None:
            with contextlib.suppress(BlockingIOError):
                self.ready = os.read(self._pipe, 64).startswith(b"ready")
                self._close_pipe()
        if not self.ready and not self.late and time.monotonic() - self._started > within_s:
            self.late = True
            self.kill()
        return self.ready

    def last_words(self) -> str:
        """The last lines of its log since its last start."""
        return processes.tail(self.log, since=self._log_since)

    def kill(self) -> None:
        processes.kill(self.process)
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


class Supervisor:
    """Server and workers of one state directory, from ``__enter__`` (all ready) to ``__exit__`` (nothing left).

    A child that dies is started again (the server on the same port and file) until ``patience`` is at its end; so is a
    server that lives but answers nobody. In the main thread, SIGTERM and SIGHUP become a ``KeyboardInterrupt`` in the
    body, as Ctrl-C is; a second signal while stopping cuts the draining short. ``worker`` is the command line of a
    worker. Entering raises ``UsageError`` (state directory in use or not writable, busy port), ``Unreachable`` (no
    server) or ``FastbrandError`` (no worker).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        worker: Sequence[str] = WORKER,
        patience: Patience | None = None,
        tell: Tell = to_stderr,
    ) -> None:
        self._settings, self._argv, self._tell = settings, tuple(worker), tell
        self._patience = patience or Patience()
        self._server: DevServer | None = None
        self._pulse: Pulse | None = None
        self._workers: list[_Worker] = []
        self._lock: IO[str] | None = None
        self._monitor: threading.Thread | None = None
        self._stopping, self._hurry, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._failure: FastbrandError | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._started_at = ""

    @property
    def info(self) -> RunInfo:
        """What runs now: the content of ``run.json``. Process ids change when a child is started again."""
        pids = tuple(worker.process.pid for worker in self._workers)
        return RunInfo(
            address=self._server.address if self._server else self._settings.temporal_address,
            namespace=self._settings.temporal_namespace,
            ui=self._server.ui if self._server else "",
            pid=os.getpid(),
            worker_pid=pids[0],
            worker_pids=pids,
            server_pid=self._server.pid if self._server else 0,
            started_at=self._started_at,
        )

    def __enter__(self) -> Supervisor:
        state = prepare_to_run(self._settings)
        self._lock = lock_state(state)
        (state / RUN_FILE).unlink(missing_ok=True)  # of one that was killed: until we are ready, nothing runs here
        self._take_signals()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()
        if self._failure is not None and error is not self._failure:
            raise self._failure from error  # whatever the body ran into, this is why

    def check(self) -> None:
        """Raise the error for which the supervisor gave up, if it did: for bodies that poll."""
        if self._failure is not None:
            raise self._failure

    def wait(self) -> None:
        """Return when the supervisor has been stopped; raises where it gave up. For threads beside the body."""
        self._ended.wait()
        self.check()

    def wait_for_signal(self) -> None:
        """Return on Ctrl-C, SIGTERM or SIGHUP; raises where the supervisor gave up."""
        with contextlib.suppress(KeyboardInterrupt):
            self.wait()

    def stop(self) -> None:
        """Drain and stop the workers, then the server; may be called twice. Nothing is left afterwards."""
        self._take_signals(hurry=True)
        try:
            self._stopping.set()
            if self._monitor is not None:
                self._monitor.join()
            self._stop_children()
        finally:
            if self._lock is not None:
                (self._settings.state / RUN_FILE).unlink(missing_ok=True)
                self._lock.close()
                self._lock = None
            self._ended.set()
            self._give_signals_back()

    # -- starting

    def _start(self) -> None:
        settings = self._settings
        if settings.temporal_address:
            address = settings.temporal_address
            namespace = settings.temporal_namespace
            run_apart(lambda: connect_when_ready(address, namespace, within_s=_ANSWER_S_MAX, prepare=True))
        else:
            self._server = DevServer.start(
                database=settings.state / "temporal.db",
                log=settings.logs / "temporal.log",
                port=settings.temporal_port,
                ui_port=settings.temporal_ui_port,
                ui=settings.temporal_ui,
                namespace=settings.temporal_namespace,
                tell=self._tell,
            )
            address = self._server.address
            self._pulse = Pulse(address, settings.temporal_namespace)
            self._pulse.start()
        environment = {
            **os.environ,
            **settings.environment(),
            "TEMPORAL_ADDRESS": address,
            processes.PARENT_PID: str(os.getpid()),
        }
        for number in range(1, settings.workers + 1):
            log = settings.logs / f"worker-{number}.log"
            self._workers.append(_Worker(number, self._argv, environment, log))
        for worker in self._workers:
            self._await_first(worker)
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self.info.write(settings.state)
        self._monitor = threading.Thread(target=self._watch, name="fastbrand-supervisor", daemon=True)
        self._monitor.start()

    def _await_first(self, worker: _Worker) -> None:
        """Wait for a worker's first readiness: one that cannot even start is not tried again."""
        while not worker.listen(self._settings.worker_ready_s):
            if processes.ended(worker.process):
                late = f"was not ready within {self._settings.worker_ready_s} s"
                raise _gave_up(worker, late if worker.late else "ended before it was ready")
            time.sleep(0.02)

    # -- keeping

    def _watch(self) -> None:
        deaths = [Deaths(self._patience) for _ in self._workers]
        server_deaths = Deaths(self._patience)
        try:
            while not self._stopping.wait(_TICK_S):
                if self._server is not None and (self._server.ended() or self._is_silent()):
                    self._revive_server(self._server, server_deaths)
                for worker, its_deaths in zip(self._workers, deaths, strict=True):
                    worker.listen(self._settings.worker_ready_s)
                    if processes.ended(worker.process) and not self._stopping.is_set():
                        self._revive_worker(worker, its_deaths)
        except Exception as error:
            self._failure = error if isinstance(error, FastbrandError) else FastbrandError(f"supervisor: {error!r}")
            self._stop_children()
            self._ended.set()

    def _is_silent(self) -> bool:
        """Whether the server has answered nothing for so long that it counts as dead."""
        return self._pulse is not None and self._pulse.lost_s > self._patience.silent_s

    def _revive_server(self, server: DevServer, deaths: Deaths) -> None:
        while not self._stopping.is_set():
            delay_s = deaths.died()
            if delay_s is None:
                raise Unreachable(
                    f"the Temporal server died {deaths.in_a_row} times in a row: {_last_line(server.last_words())}",
                    hint=f"its log is `{self._settings.logs / 'temporal.log'}`",
                    code="temporal_server",
                )
            how = "died" if server.ended() else "answers nobody"
            self._tell(f"the Temporal server {how}: starting it again ...")
            self._stopping.wait(delay_s)
            server.restart()
            deaths.born()
            try:
                server.wait_until_ready(cancelled=self._stopping.is_set)
            except Unreachable:
                continue
            if self._pulse is not None:
                self._pulse.forget()
            self.info.write(self._settings.state)
            return

    def _revive_worker(self, worker: _Worker, deaths: Deaths) -> None:
        delay_s = deaths.died()
        if delay_s is None:
            raise _gave_up(worker, f"died {deaths.in_a_row} times in a row")
        self._tell(f"{worker.name} died ({_ending(processes.kill(worker.process))}): starting it again ...")
        if not self._stopping.wait(delay_s):
            worker.restart()
            deaths.born()
            self.info.write(self._settings.state)

    # -- stopping

    def _stop_children(self) -> None:
        """Workers drain at the same time, and before the server goes: what they finish must be heard."""
        grace_s = self._settings.graceful_shutdown_s + _KILL_MARGIN_S
        stops = [
            threading.Thread(target=processes.stop, args=(worker.process,), kwargs=self._patiently(grace_s))
            for worker in self._workers
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        for worker in self._workers:
            worker.kill()
        if self._pulse is not None:
            self._pulse.stop()
        if self._server is not None:
            self._server.stop(hurry=self._hurry.is_set)

    def _patiently(self, grace_s: float) -> dict[str, Any]:
        return {"grace_s": grace_s, "hurry": self._hurry.is_set}

    # -- signals

    def _take_signals(self, *, hurry: bool = False) -> None:
        """In the main thread: let signals end the body, or (``hurry``) cut the draining short."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is signal.SIG_IGN or before is None:
                continue  # somebody wants it ignored (nohup, a job in the background)
            if hurry:
                new: Callable[[int, FrameType | None], object] = lambda *_: self._hurry.set()  # noqa: E731
            elif number != signal.SIGINT and before is signal.SIG_DFL:
                new = _interrupt
            else:
                continue
            self._handlers.setdefault(number, before)
            signal.signal(number, new)

    def _give_signals_back(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers.clear()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the body as Ctrl-C does: by way of SIGINT where somebody (asyncio) handles that in a way of its own."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)
    else:
        raise KeyboardInterrupt


def _gave_up(worker: _Worker, how: str) -> FastbrandError:
    return FastbrandError(
        f"{worker.name} {how} ({_ending(processes.kill(worker.process))}): {_last_line(worker.last_words())}",
        hint=f"its log is `{worker.log}`",
        code="worker_died",
    )


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


@contextmanager
def ensure_running(settings: Settings, *, tell: Tell = to_stderr) -> Iterator[RunInfo]:
    """What runs in the state directory of ``settings``: joined where a supervisor is there, else started and stopped.

    Raises as ``Supervisor`` does.
    """
    deadline = time.monotonic() + settings.worker_ready_s
    while is_locked(settings.state) and time.monotonic() < deadline:
        there = running(settings.state)
        if there is not None:
            yield there
            return
        time.sleep(0.1)  # it is starting, or stopping
    with Supervisor(settings, tell=tell) as supervisor:
        yield supervisor.info
