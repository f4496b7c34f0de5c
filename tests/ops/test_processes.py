"""Children die with their parent, and what they leave is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fastbrand import processes
from tests.ops.waiting import HERE, eventually, processes_with

_PARENT = """
import sys, threading
from pathlib import Path
from fastbrand import processes

# the thread that asks is gone long before the parent: the child must not care
made = []
def ask():
    sleep = [sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]]
    made.append(processes.spawn(sleep, log=Path(sys.argv[2])))
asker = threading.Thread(target=ask)
asker.start()
asker.join()
print(made[0].pid, flush=True)
sys.stdin.read()
"""


def test_child_outlives_the_thread_that_asked_but_not_its_killed_parent(tmp_path: Path) -> None:
    mark = f"mark-{tmp_path}"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, mark, str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert processes.alive(child)
    parent.kill()
    parent.wait()
    eventually(lambda: not processes.alive(child))
    assert processes_with(mark) == []


def test_program_that_is_not_there_says_so_in_the_log(tmp_path: Path) -> None:
    child = processes.spawn([str(tmp_path / "nothing")], log=tmp_path / "log")
    assert child.wait() == 1
    assert "No such file" in processes.tail(tmp_path / "log")


def test_stop_asks_then_kills_the_whole_session(tmp_path: Path) -> None:
    mark = f"mark-{tmp_path}"
    deaf = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]]);"
        "print('deaf', flush=True); time.sleep(600)"
    )
    child = processes.spawn([sys.executable, "-c", deaf, mark], log=tmp_path / "log")
    eventually(lambda: "deaf" in processes.tail(tmp_path / "log"))
    assert len(processes_with(mark)) == 2
    assert processes.stop(child, grace_s=0.2) == -signal.SIGKILL
    eventually(lambda: processes_with(mark) == [])


def test_stop_lets_a_child_finish(tmp_path: Path) -> None:
    polite = (
        "import signal, sys, time\n"
        "def end(*_):\n    time.sleep(0.3); print('done', flush=True); sys.exit(7)\n"
        "signal.signal(signal.SIGTERM, end); print('here', flush=True); time.sleep(600)"
    )
    child = processes.spawn([sys.executable, "-c", polite], log=tmp_path / "log")
    eventually(lambda: "here" in processes.tail(tmp_path / "log"))
    assert processes.stop(child, grace_s=60) == 7
    assert processes.tail(tmp_path / "log").endswith("done")


def test_hurry_cuts_the_grace_short(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    child = processes.spawn([sys.executable, "-c", deaf], log=tmp_path / "log")
    eventually(lambda: "deaf" in processes.tail(tmp_path / "log"))
    assert processes.stop(child, grace_s=600, hurry=lambda: True) == -signal.SIGKILL


def test_zombie_is_not_alive(tmp_path: Path) -> None:
    child = processes.spawn([sys.executable, "-c", "pass"], log=tmp_path / "log")
    eventually(lambda: processes.ended(child))
    assert not processes.alive(child.pid)
    assert child.returncode is None, "looking does not reap"
    assert processes.kill(child) == 0


def test_tail_begins_where_told_and_is_short(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n" + "".join(f"{number}\n" for number in range(30)))
    assert processes.tail(log, lines=2) == "28\n29"
    assert processes.tail(log, since=log.stat().st_size - 3) == "29"
    assert processes.tail(tmp_path / "none") == ""


def test_long_log_is_turned_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES_MAX", 10)
    log = tmp_path / "log"
    log.write_text("short")
    assert processes.turn_over(log) == 5
    log.write_text("longer than ten")
    assert processes.turn_over(log) == 0
    assert not log.exists()
    assert (tmp_path / "log.1").read_text() == "longer than ten"


def test_ready_is_said_once_and_only_to_a_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setenv(processes.READY_FD, str(writer))
    processes.say_ready()
    processes.say_ready()
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"ready\n"


def test_watch_calls_when_the_parent_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[bool] = []
    monkeypatch.setenv(processes.PARENT_PID, str(os.getppid()))
    processes.exit_with_parent(lambda: gone.append(True), every_s=0.01)
    assert not gone
    monkeypatch.setenv(processes.PARENT_PID, "1" if os.getppid() != 1 else "2")
    processes.exit_with_parent(lambda: gone.append(True), every_s=0.01)
    eventually(lambda: gone)
