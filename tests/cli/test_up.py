"""``fastbrand up``: from the first line it prints to the last process it started."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from fastbrand.temporal_server import port_is_free
from tests.cli.driver import Cli, Up, until
from tests.ops.waiting import processes_with

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("cli-up")]


def ends_with_nothing_left(running: Up, number: signal.Signals) -> None:
    """Send the signal: exit code 0, and no process, port or run file stays."""
    state = running.cli.state
    assert {json.loads((state / "run.json").read_text(encoding="utf-8"))["worker_pid"]} <= set(processes_of(state))
    assert running.stop(number) == 0, running.said()
    assert "Traceback" not in running.said()
    assert not (state / "run.json").exists()
    until(lambda: not processes_of(state))
    assert port_is_free(running.port)


def processes_of(state: Path) -> list[int]:
    """Processes that were started for a state directory."""
    return processes_with(f"FASTBRAND_STATE={state}")


def test_up_and_down_and_up_again(cli: Cli) -> None:
    """It says where it serves, Ctrl-C and SIGTERM end it cleanly, and work goes on where it was."""
    with Up(cli) as running:
        until(lambda: "Ctrl-C" in running.said(), running.said)
        assert f"127.0.0.1:{running.port}" in running.said()
        assert str(cli.state) in running.said()
        second = cli("up").failed(2, "state_in_use", "is in use", f"process {running.pid}")
        assert f"127.0.0.1:{running.port}" in second
        assert cli.json("party", "apply", "--id", "between", "--track", "M")["stage"] == "vetting"
        ends_with_nothing_left(running, signal.SIGINT)
    cli("case", "claim", "between", "--as", "lan").failed(4, "unreachable", "fastbrand up")
    with Up(cli) as running:
        assert cli.json("case", "claim", "between", "--as", "lan")["state"] == "claimed"
        ends_with_nothing_left(running, signal.SIGTERM)
