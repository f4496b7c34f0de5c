"""How fast parties are onboarded, beside a bare chain of the same shape on the same server, in one run.

    .venv/bin/python benchmarks/onboarding.py --parties 100 --rounds 3

**Product**: ``fastbrand demo`` as it is: its supervisor, dev server and worker as processes of their own, the shipped
book, a seeded sample (four fifths merchants; about a third is refused, a third goes through to a grant, a third waits
for a person). Timed from the first start of a lifecycle until every party is at rest by the product's own judgement.
Storing facts before and the report after are not in it.

**Bare**: the same number of workflows, each with as many children, local activities and timers as the product's had in
the round before (read from its histories, party by party), inputs and results of the same sizes; but the activities do
nothing, and there are no rules, no database, no search attributes, no updates, no pydantic, no worker versions. Same
supervisor, server, server settings, worker settings, number of starts at once, and polling. Timed from the first start
until the last local activity of the last party has run. Children of one parent are started together, which is the
best that can be done.

Rounds alternate, each on a new state directory with a server and a worker of its own, after a few parties for warming
up that are not counted. What is compared is the ratio of two rates measured seconds apart; absolute rates are the
machine's.

One more round with clocks inside the worker tells what dominates. It is slower, and not in the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from benchmarks import processor_time
from benchmarks.bare_workflows import REST_FILE, Bare, Layout
from benchmarks.histories import Told, read_all
from benchmarks.measured_worker import MEASURES
from fastbrand import wiring
from fastbrand.domain import names
from fastbrand.service import demo
from fastbrand.service.candidates import CandidateSource
from fastbrand.settings import Settings, load_settings
from fastbrand.store import parties
from fastbrand.supervisor import WORKER, RunInfo, Supervisor
from fastbrand.temporal_server import free_port

SEED, WARM_UP_SEED, WARM_UP = 7, 8, 4
BARE_WORKER = (sys.executable, "-P", "-m", "benchmarks.bare_worker")
MEASURED_WORKER = (sys.executable, "-P", "-m", "benchmarks.measured_worker")


@dataclass(slots=True)
class Round:
    """One timed run: seconds, processor seconds by kind of process, histories."""

    parties: int
    seconds: float
    processor: dict[str, float]
    told: list[Told] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Parties a second."""
        return self.parties / self.seconds

    def counts(self) -> Counter[str]:
        """What the histories hold, over all parties."""
        found: Counter[str] = Counter()
        for told in self.told:
            found.update(told.total())
        return found


class Phases:
    """Watches the product's main job: wall and processor clocks where lifecycles start and where all are at rest."""

    def __init__(self, info: Callable[[], RunInfo]) -> None:
        self._info = info
        self._since: tuple[float, dict[str, float]] = (0.0, {})
        self._goal = 0
        self.seconds = 0.0
        self.processor: dict[str, float] = {}

    def phase(self, name: str, total: int) -> None:
        """A phase begins."""
        if name == "at rest":
            self._goal = total
            self._since = (time.monotonic(), _processor(self._info()))

    def done(self, count: int) -> None:
        """So many are done."""
        if self._goal and count == self._goal:
            self._goal = 0
            self.seconds = time.monotonic() - self._since[0]
            self.processor = _since(self._since[1], self._info())

    def say(self, text: str) -> None:
        """Nothing of what it says is of interest here."""


def run_product(number: int, folder: Path, worker: Sequence[str] = WORKER) -> Round:
    """One round of the product with ``number`` parties."""
    settings = _settings(folder)
    with wiring.office(settings) as office, Supervisor(settings, worker=worker, tell=_silent) as supervisor:
        watch = Phases(lambda: supervisor.info)
        demo.run_demo(office, CandidateSource(WARM_UP, WARM_UP_SEED), explicit_book=False, progress=watch)
        report = demo.run_demo(office, CandidateSource(number, SEED), explicit_book=False, progress=watch)
        if report.exit_code() != 0 or report.candidates != number:
            raise SystemExit(f"error: the product did not do its job: {report.as_json()}")
        with office.db.read() as conn:
            prefix = f"s{SEED}-"
            ids = [row.party_id for row in parties.list_parties(conn) if row.party_id.startswith(prefix)]
        told = asyncio.run(_histories(settings, supervisor.info, [names.lifecycle_id(each) for each in ids]))
    return Round(number, watch.seconds, watch.processor, told)


def run_bare(shapes: Sequence[Told], folder: Path) -> Round:
    """One round of bare workflows with the shapes of the product's."""
    settings = _settings(folder)
    rest = folder / "rest"
    rest.touch()
    os.environ[REST_FILE] = str(rest)
    with Supervisor(settings, worker=BARE_WORKER, tell=_silent) as supervisor:
        layouts = [shape.layout() for shape in shapes]
        asyncio.run(_onboard_bare(settings, supervisor.info, layouts[:WARM_UP], "warm", rest))
        before = _processor(supervisor.info)
        started = time.monotonic()
        asyncio.run(_onboard_bare(settings, supervisor.info, layouts, "bare", rest))
        took = time.monotonic() - started
        processor = _since(before, supervisor.info)
        ids = [f"bare/{place}" for place in range(len(layouts))]
        told = asyncio.run(_histories(settings, supervisor.info, ids))
    return Round(len(layouts), took, processor, told)


async def _onboard_bare(settings: Settings, info: RunInfo, layouts: Sequence[Layout], prefix: str, rest: Path) -> None:
    """Start a workflow a layout, as many at once as the product does, and wait until all parties are at rest."""
    client = await Client.connect(info.address, namespace=info.namespace)
    gate = asyncio.Semaphore(demo.STARTS_AT_ONCE)
    goal = rest.stat().st_size + len(layouts)

    async def start(place: int, layout: Layout) -> None:
        async with gate:
            timeout = timedelta(seconds=settings.workflow_task_timeout_s)
            await client.start_workflow(
                Bare.run, layout, id=f"{prefix}/{place}", task_queue=settings.task_queue, task_timeout=timeout
            )

    async with asyncio.TaskGroup() as starting:
        for place, layout in enumerate(layouts):
            starting.create_task(start(place, layout))
        while rest.stat().st_size < goal:
            await asyncio.sleep(demo.POLL_S)


async def _histories(settings: Settings, info: RunInfo, ids: Sequence[str]) -> list[Told]:
    return await read_all(await wiring.connect_address(info.address, settings.temporal_namespace), ids)


def _settings(folder: Path) -> Settings:
    return load_settings(state=folder, temporal_port=free_port(), temporal_ui=False)


def _silent(_text: str) -> None:
    """The supervisor tells nobody what it does."""


# --- processor time ----------------------------------------------------------------------------------------------


def _processor(info: RunInfo) -> dict[str, float]:
    return {
        "Temporal server": processor_time.seconds(info.server_pid),
        "worker": processor_time.seconds(info.worker_pid),
        "rules processes": processor_time.children_seconds(info.worker_pid),
        "client": time.process_time(),
    }


def _since(before: dict[str, float], info: RunInfo) -> dict[str, float]:
    return {name: now - before[name] for name, now in _processor(info).items()}


# --- telling -----------------------------------------------------------------------------------------------------


def show(products: Sequence[Round], bares: Sequence[Round]) -> None:
    """Print the rates of every round, their ratios, and what parties cost on either side."""
    print(f"{'round':>5}  {'product/s':>9}  {'bare/s':>7}  {'ratio':>6}")
    ratios = []
    for number, (product, bare) in enumerate(zip(products, bares, strict=True), 1):
        ratios.append(product.rate / bare.rate)
        print(f"{number:>5}  {product.rate:>9.1f}  {bare.rate:>7.1f}  {ratios[-1]:>6.2f}")
    print(f"\nmedian ratio: {statistics.median(ratios):.2f} (goal: at least 0.60)\n")
    print(f"{'each party':<28}{'product':>10}{'bare':>10}")
    for name in products[0].processor:
        _row(f"{name}, processor ms", *(1000 * _mean(rounds, name) for rounds in (products, bares)))
    mine, theirs = products[-1], bares[-1]
    for name in sorted(mine.counts() | theirs.counts()):
        _row(name, mine.counts()[name] / mine.parties, theirs.counts()[name] / theirs.parties)


def _mean(rounds: Sequence[Round], name: str) -> float:
    return statistics.fmean(each.processor[name] / each.parties for each in rounds)


def _row(name: str, mine: float, theirs: float) -> None:
    print(f"{name:<28}{mine:>10.1f}{theirs:>10.1f}")


def check_alike(product: Round, bare: Round) -> None:
    """End the run where the bare layout is not of the product's shape: then the ratio would mean nothing."""
    for name in ("workflows", "children", "local activities", "timers", "signals", "server activities"):
        mine, theirs = product.counts()[name], bare.counts()[name]
        if mine != theirs:
            raise SystemExit(f"error: the product had {mine} {name}, the bare layout {theirs}: not the same shape")


def show_measures(measured: Round, measures: dict[str, list[float]]) -> None:
    """Print what the clocks inside the worker saw, a party."""
    count = measured.parties + WARM_UP
    print(f"\nwith clocks inside the worker: {measured.rate:.1f} parties/s; a party:")
    print(f"{'':<28}{'calls':>10}{'wall ms':>10}{'cpu ms':>10}")
    for name in sorted(measures):
        calls, wall, processor = measures[name]
        print(f"{name:<28}{calls / count:>10.1f}{1000 * wall / count:>10.1f}{1000 * processor / count:>10.1f}")


def main() -> int:
    """Run the rounds and print what came of them; exit code 1 where the goal is missed and ``--check`` was given."""
    asked = argparse.ArgumentParser(description="The product's chain beside a bare one of the same shape.")
    asked.add_argument("--parties", type=int, default=100, help="parties a round")
    asked.add_argument("--rounds", type=int, default=3, help="pairs of rounds")
    asked.add_argument("--check", type=float, metavar="RATIO", help="exit code 1 where the median ratio is below")
    options = asked.parse_args()
    products: list[Round] = []
    bares: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="fastbrand-benchmark-") as temporary:
        base = Path(temporary)
        for number in range(options.rounds):
            products.append(run_product(options.parties, base / f"product-{number}"))
            bares.append(run_bare(products[-1].told, _made(base / f"bare-{number}")))
            check_alike(products[-1], bares[-1])
        show(products, bares)
        os.environ[MEASURES] = str(base / "measures.json")
        measured = run_product(options.parties, base / "measured", MEASURED_WORKER)
        show_measures(measured, json.loads((base / "measures.json").read_text(encoding="utf-8")))
    ratio = statistics.median(mine.rate / bare.rate for mine, bare in zip(products, bares, strict=True))
    return 1 if options.check is not None and ratio < options.check else 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
