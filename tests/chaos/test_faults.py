"""Kill the worker at each of its steps, and the server at random moments: the programme ends as if nothing had been."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow

from fastbrand import wiring
from fastbrand.patience import Patience
from fastbrand.service.office import Office
from fastbrand.settings import load_settings
from fastbrand.supervisor import WORKER, Supervisor
from fastbrand.temporal_server import free_port
from tests.chaos import faulty_worker
from tests.chaos.cast import Cast
from tests.chaos.chain import Standing
from tests.chaos.faulty_worker import AFTER, BEFORE, Faults, step_names
from tests.chaos.programme import HASTY, PATIENT, UNWANTED, end, perform
from tests.chaos.test_kill import check_books, check_workflows
from tests.ops.waiting import eventually, processes_with
from tests.workflows.variants import DEMO, edited
from workflows.registry import WORKFLOWS

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("chaos")]

SEED = int(os.environ.get("FASTBRAND_CHAOS_SEED", "2"))
"""Of the moment at which each step is killed, and of the server's kills."""
SOAK = os.environ.get("FASTBRAND_SOAK") == "1"

SERVER_KILLS, SOAKED = 2, 3
"""How often the server is killed on the way; how many seeds a soak takes."""

Fault = tuple[str, str]
Chooser = Callable[[random.Random], list[Fault]]


class ServerKiller(threading.Thread):
    """Kills the server when so many faults have killed the worker: at seeded counts, a seeded moment later."""

    def __init__(self, supervisor: Supervisor, faults: Faults, total: int, draw: random.Random) -> None:
        super().__init__(name="server-killer", daemon=True)
        self._supervisor, self._faults, self._draw = supervisor, faults, draw
        self._at = sorted(draw.sample(range(3, total - 3), SERVER_KILLS))
        self._over = threading.Event()
        self.killed = 0

    def run(self) -> None:
        """Until ``stop``."""
        while self._at and not self._over.wait(0.1):
            if len(self._faults.carried_out()) >= self._at[0]:
                self._at.pop(0)
                self._over.wait(self._draw.uniform(0, 1))
                os.kill(self._supervisor.info.server_pid, signal.SIGKILL)
                self.killed += 1

    def stop(self) -> None:
        """Kill no more."""
        self._over.set()
        self.join()


@contextmanager
def installation(state: Path, book: Path, worker: tuple[str, ...]) -> Iterator[tuple[Office, Supervisor]]:
    """A state directory with the product's server and a worker that may die as often as it likes."""
    settings = load_settings(
        state=state,
        book=book,
        temporal_port=free_port(),
        temporal_ui=False,
        workflow_task_timeout_s=2,
        sticky_timeout_s=1,
        graceful_shutdown_s=5,
        schedules=False,
    )
    patience = Patience(deaths_max=1_000, delays_s=(0.0,))
    with (
        wiring.office(settings) as office,
        Supervisor(settings, worker=worker, patience=patience, tell=lambda _text: None) as supervisor,
    ):
        office.answer_within = timedelta(seconds=15)
        yield office, supervisor


def perform_in(folder: Path, books: list[Path], faults: list[Fault], draw: random.Random) -> Standing:
    """The whole programme in a directory of its own, with these faults; how everything stands at its end."""
    armed = Faults(folder / "faults")
    armed.arm(faults)
    with installation(folder / "state", books[0], (*faulty_worker.WORKER, str(armed.folder)) if faults else WORKER) as (
        office,
        supervisor,
    ):
        cast = Cast(office, folder, supervisor.check)
        killer = ServerKiller(supervisor, armed, len(faults), draw) if faults else None
        if killer is not None:
            killer.start()
        asyncio.run(perform(cast, *books[1:]))
        if killer is not None:
            killer.stop()
            assert killer.killed == SERVER_KILLS
        # a step that the programme does not reach was not killed
        assert (armed.to_come(), armed.carried_out()) == (set(), set(faults))
        check_books(office)
        asyncio.run(check_workflows(office))
        asyncio.run(none_failed(office))
        return end(office)


async def none_failed(office: Office) -> None:
    """No workflow of any kind ended otherwise than it should."""
    client = await office.connect()
    bad = "', '".join(("Failed", "TimedOut", "Terminated", "Canceled"))
    assert (await client.count_workflows(f"ExecutionStatus IN ('{bad}')")).count == 0
    kinds = [workflow._Definition.must_from_class(each).name for each in WORKFLOWS]
    for kind in kinds:
        assert (await client.count_workflows(f"WorkflowType = '{kind}'")).count > 0, f"no {kind} was ever started"


def one_moment_each(draw: random.Random) -> list[Fault]:
    """Every step, before it ran or after it was committed."""
    return [(step, draw.choice((BEFORE, AFTER))) for step in step_names()]


def both_moments(draw: random.Random) -> list[Fault]:
    """Every step, before it ran and after it was committed."""
    return [(step, moment) for step in step_names() for moment in draw.sample((BEFORE, AFTER), 2)]


def check_equal(folder: Path, monkeypatch: pytest.MonkeyPatch, choose: Chooser, seeds: Sequence[int]) -> None:
    """The programme undisturbed, and once a seed with kills: equal ends."""
    for name in [*os.environ]:
        if name.startswith(("FASTBRAND_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    book = edited(DEMO, folder / "book", PATIENT)
    books = [book, edited(book, folder / "hasty", HASTY), edited(book, folder / "unwanted", UNWANTED)]
    (folder / "quiet").mkdir()
    expected = perform_in(folder / "quiet", books, [], random.Random(0))
    for seed in seeds:
        draw, place = random.Random(seed), folder / f"killed-{seed}"
        place.mkdir()
        found = perform_in(place, books, choose(draw), draw)
        for part in fields(Standing):
            assert getattr(found, part.name) == getattr(expected, part.name), f"{part.name}, seed {seed}"
    eventually(lambda: not processes_with(str(folder)))


@pytest.mark.timeout(900)
def test_a_worker_that_dies_at_any_step_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_equal(tmp_path, monkeypatch, one_moment_each, [SEED])


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="`make soak`")
def test_at_both_moments_of_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_equal(tmp_path, monkeypatch, both_moments, range(SEED, SEED + SOAKED))
