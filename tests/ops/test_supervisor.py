"""The supervisor: children come back, signals drain, nothing is left, one a state directory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fastbrand import processes
from fastbrand.domain.errors import FastbrandError, Unreachable, UsageError
from fastbrand.patience import Patience
from fastbrand.running import RUN_FILE, is_locked
from fastbrand.settings import Settings
from fastbrand.supervisor import Supervisor, ensure_running, running
from fastbrand.temporal_server import DevServer, connect_when_ready, free_port, port_is_free
from tests.ops.waiting import HERE, STAND_IN, eventually, processes_with
from tests.signals import heard

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("ops-server")]


@pytest.fixture
def joined(settings: Settings, server: DevServer) -> Settings:
    """Settings that use the module's server, as with a cluster of one's own."""
    return settings.model_copy(update={"temporal_address": server.address})


def supervise(settings: Settings, **given: object) -> Supervisor:
    """A supervisor of stand-in workers that tells nothing."""
    return Supervisor(settings, worker=STAND_IN, tell=lambda _: None, **given)  # type: ignore[arg-type]  # tests pass on what they are given


def said(settings: Settings) -> str:
    """What the first worker has said."""
    return processes.tail(settings.logs / "worker-1.log", lines=100)


def nothing_left(settings: Settings) -> bool:
    """Whether no process of this state directory is there but us."""
    return not [pid for pid in processes_with(str(settings.state)) if pid != os.getpid()]


def test_runs_tells_who_and_leaves_nothing(settings: Settings) -> None:
    with supervise(settings) as supervisor:
        info = running(settings.state)
        assert info == supervisor.info
        assert info is not None
        assert info.address == f"127.0.0.1:{settings.temporal_port}"
        assert info.pid == os.getpid()
        assert processes.alive(info.worker_pid)
        assert processes.alive(info.server_pid)
        assert f"server {info.address}" in said(settings)
    assert said(settings).endswith("drained")
    assert nothing_left(settings)
    assert running(settings.state) is None
    assert not (settings.state / RUN_FILE).exists()
    assert port_is_free(settings.temporal_port)


def test_killed_children_come_back_on_the_same_address(settings: Settings) -> None:
    with supervise(settings) as supervisor:
        before = supervisor.info
        os.kill(before.worker_pid, signal.SIGKILL)
        eventually(lambda: said(settings).count("grandchild") == 2)
        os.kill(before.server_pid, signal.SIGKILL)
        eventually(lambda: supervisor.info.server_pid != before.server_pid)
        eventually(lambda: running(settings.state) == supervisor.info)
        after = supervisor.info
        assert after.address == before.address
        assert before.worker_pid != after.worker_pid
        eventually(lambda: not port_is_free(settings.temporal_port))
        supervisor.check()
    assert nothing_left(settings), "the grandchildren of a killed worker are gone too"


def test_a_server_that_lives_but_answers_nobody_is_started_again(settings: Settings) -> None:
    told: list[str] = []
    with Supervisor(settings, worker=STAND_IN, tell=told.append, patience=Patience(silent_s=1)) as supervisor:
        before = supervisor.info
        os.kill(before.server_pid, signal.SIGSTOP)
        eventually(lambda: running(settings.state) == supervisor.info != before, within_s=60)
        asyncio.run(connect_when_ready(before.address, "default"))
        assert not processes.alive(before.server_pid)
        supervisor.check()
    assert told == ["the Temporal server answers nobody: starting it again ..."]
    assert nothing_left(settings)


def test_second_supervisor_is_refused_and_a_door_joins(joined: Settings) -> None:
    with supervise(joined) as supervisor:
        with pytest.raises(UsageError, match=f"is in use: process {os.getpid()} runs there") as caught:
            supervise(joined).__enter__()
        assert "--state" in caught.value.hint
        with ensure_running(joined) as info:
            assert info == supervisor.info
        assert running(joined.state) == supervisor.info, "leaving does not stop what was joined"
    assert not is_locked(joined.state)


def test_stale_run_file_is_nobody(joined: Settings) -> None:
    with supervise(joined):
        left = (joined.state / RUN_FILE).read_text()
    (joined.state / RUN_FILE).write_text(left)
    assert running(joined.state) is None
    (joined.state / RUN_FILE).write_text("{")
    assert running(joined.state) is None
    (joined.state / RUN_FILE).write_text(left)
    nobody = joined.model_copy(update={"temporal_address": f"127.0.0.1:{free_port()}"})
    with pytest.raises(Unreachable):
        supervise(nobody).__enter__()
    assert not (joined.state / RUN_FILE).exists(), "who starts does not pass for who was killed"
    with supervise(joined):
        assert running(joined.state) is not None


def test_several_workers(joined: Settings) -> None:
    with supervise(joined.model_copy(update={"workers": 3})) as supervisor:
        assert len(set(supervisor.info.worker_pids)) == 3
        assert all(processes.alive(pid) for pid in supervisor.info.worker_pids)
    assert nothing_left(joined)


def test_server_of_yours_is_used_and_left_alone(joined: Settings, server: DevServer) -> None:
    with supervise(joined) as supervisor:
        assert supervisor.info.address == server.address
        assert supervisor.info.server_pid == 0
        assert not (joined.state / "temporal.db").exists()
    assert not server.ended()


def test_nobody_at_the_address_of_yours(settings: Settings) -> None:
    lonely = settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_port()}"})
    with pytest.raises(Unreachable, match="no Temporal server answers"):
        supervise(lonely).__enter__()
    assert not is_locked(settings.state)
    assert nothing_left(settings)


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("crash", r"worker 1 ended before it was ready \(exit code 1\): cannot work: no paper in the printer"),
        ("mute", r"worker 1 was not ready within 1 s \(signal SIGKILL\)"),
    ],
)
def test_worker_that_cannot_start(joined: Settings, monkeypatch: pytest.MonkeyPatch, mode: str, error: str) -> None:
    monkeypatch.setenv("FASTBRAND_TEST_MODE", mode)
    impatient = joined.model_copy(update={"worker_ready_s": 1})
    with pytest.raises(FastbrandError, match=error) as caught:
        supervise(impatient).__enter__()
    assert caught.value.instance_code == "worker_died"
    assert "worker-1.log" in caught.value.hint
    assert nothing_left(joined)
    assert not is_locked(joined.state)


def test_gives_up_on_a_worker_that_dies_and_dies(joined: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTBRAND_TEST_MODE", "brief")
    patience = Patience(deaths_max=2, delays_s=(0.0,))
    gave_up = pytest.raises(FastbrandError, match=r"worker 1 died 3 times in a row .*: ended too soon")
    with gave_up, supervise(joined, patience=patience) as supervisor:
        supervisor.wait()
    assert said(joined).count("grandchild") == 3
    assert nothing_left(joined)


def test_why_it_gave_up_comes_before_what_the_body_ran_into(joined: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTBRAND_TEST_MODE", "brief")
    gave_up = pytest.raises(FastbrandError, match="died 1 times")
    with gave_up as caught, supervise(joined, patience=Patience(deaths_max=0)) as supervisor:
        with pytest.raises(FastbrandError, match="died"):
            supervisor.wait()
        with pytest.raises(FastbrandError, match="died"):
            supervisor.check()
        assert nothing_left(joined), "it gives up for all of them"
        raise TimeoutError("nobody answers")
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_signals_are_given_back(joined: Settings) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with supervise(joined):
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in numbers] == before


def test_works_beside_the_main_thread(joined: Settings) -> None:
    seen: list[object] = []

    def body() -> None:
        with supervise(joined):
            seen.append(running(joined.state))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen[0] is not None
    assert nothing_left(joined)


def up(settings: Settings, **more: str) -> subprocess.Popen[str]:
    """A supervisor in a process of its own, when all is ready."""
    environment = {**os.environ, **settings.environment(), **more}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "stand_in_up.py")],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("up"), process.communicate()[1]
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_drains_and_leaves_nothing(joined: Settings, number: signal.Signals) -> None:
    with heard(number):
        process = up(joined)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "down\n", "")
    assert said(joined).endswith("drained")
    assert nothing_left(joined)
    assert not (joined.state / RUN_FILE).exists()


def test_term_works_where_ctrl_c_is_ignored(joined: Settings) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for a job in the background
    try:
        process = up(joined)
    finally:
        signal.signal(signal.SIGINT, before)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == "down\n"
    assert said(joined).endswith("drained")


def test_second_signal_does_not_wait(joined: Settings) -> None:
    process = up(joined.model_copy(update={"graceful_shutdown_s": 600}), FASTBRAND_TEST_MODE="stubborn")
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == "down\n"
    assert "drained" not in said(joined)
    assert nothing_left(joined)


def test_killed_supervisor_leaves_nothing_and_the_state_is_free(settings: Settings) -> None:
    process = up(settings)
    info = running(settings.state)
    assert info is not None
    assert info.pid == process.pid
    process.kill()
    process.communicate()
    eventually(lambda: not processes.alive(info.worker_pid))
    eventually(lambda: not processes.alive(info.server_pid))
    os.killpg(info.worker_pid, signal.SIGKILL)  # the stand-in's own child does not watch its parent
    assert running(settings.state) is None
    with supervise(settings) as supervisor:
        assert supervisor.info.address == info.address, "the port is free again, the database is taken up"


def test_unwritable_state_directory(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        supervise(settings.model_copy(update={"state": tmp_path / "file" / "state"})).__enter__()
