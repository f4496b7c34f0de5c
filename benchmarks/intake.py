"""What a row of a big file costs, from its first tenth to its last: ``fastbrand import`` on the real server.

    .venv/bin/python -m benchmarks.intake --rows 10000

A generated file of merchants is brought in on a new state directory, with the product's server, worker and shipped
book. Told by parts of the file: rows a second, and processor time a row of every process that takes part, which on a
busy machine says more. Others make processor time dearer too: beside it stands what the same little work took
meanwhile, the reference, and what a row cost in references. Whatever a row starts (screening, cases, grants with their
tranches) is in it. Flat means: the last part costs what the first did, however many rows were before.

``--measure`` puts clocks into the worker, and tells at the end of the run what a row cost by activity.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks import processor_time
from benchmarks.measured_worker import MEASURES
from fastbrand import wiring
from fastbrand.domain import names
from fastbrand.service import intake
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.sample import generate
from fastbrand.service.who import Asker
from fastbrand.settings import load_settings
from fastbrand.supervisor import WORKER, RunInfo, Supervisor
from fastbrand.temporal_server import free_port

SEED, WARM_UP_SEED, WARM_UP = 7, 8, 40
SETTLE_S = 10.0
"""After a file: until its last grants are made, and then again while the processes are watched with nothing to do."""

WHO = "mei"
MEASURED_WORKER = (sys.executable, "-P", "-m", "benchmarks.measured_worker")

KINDS = ("server", "worker", "rules", "client")


@dataclass(frozen=True, slots=True)
class Mark:
    """The clocks when ``rows`` rows were done: wall, processor seconds by kind, mean ``reference()`` since the last."""

    rows: int
    wall: float
    processor: dict[str, float]
    reference: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of the file cost: wall seconds, processor milliseconds a row by kind of process.

    ``reference``: milliseconds that the same little work took meanwhile, which others who use the machine make dearer.
    """

    until: int
    rows: int
    seconds: float
    ms: dict[str, float]
    reference: float

    @property
    def total_ms(self) -> float:
        """Processor milliseconds a row, of all processes together."""
        return sum(self.ms.values())

    def times(self, kind: str = "") -> float:
        """How many times the reference a row cost, in processes of a kind, or in all."""
        return (self.ms[kind] if kind else self.total_ms) / self.reference


class Meter:
    """Watches an intake: reads the clocks whenever another part of the rows is done."""

    def __init__(self, info: Callable[[], RunInfo], parts: int) -> None:
        self._info, self._parts = info, parts
        self._phase = ""
        self._total = 0
        self.marks: dict[str, list[Mark]] = {}
        self.idle: list[dict[str, float]] = []
        self._references: list[float] = []
        self._own = 0.0

    def rest(self, seconds: float) -> None:
        """Note what the processes use while nothing comes in: processor milliseconds a second, by kind."""
        before = self._read(0)
        time.sleep(seconds)
        after = self._read(0)
        spent = after.wall - before.wall
        self.idle.append({kind: 1000 * (after.processor[kind] - before.processor[kind]) / spent for kind in KINDS})

    def phase(self, name: str, total: int) -> None:
        """A phase begins."""
        self._phase, self._total = name, total
        self.marks[name] = [self._read(0)]

    def done(self, count: int) -> None:
        """So many rows of the phase are done."""
        self._references.append(reference())
        self._own += self._references[-1] / 1000
        marks = self.marks[self._phase]
        due = (len(marks) * self._total) // self._parts
        if len(marks) <= self._parts and count >= due:
            marks.append(self._read(count))

    def say(self, text: str) -> None:
        """A line for the person who waits."""
        print(f"# {text}", file=sys.stderr)

    def parts(self, phase: str) -> list[Part]:
        """The parts of a phase, first to last."""
        marks = self.marks[phase]
        return [_part(before, after) for before, after in pairwise(marks)]

    def _read(self, rows: int) -> Mark:
        info = self._info()
        used = {
            "server": processor_time.seconds(info.server_pid),
            "worker": processor_time.seconds(info.worker_pid),
            "rules": processor_time.children_seconds(info.worker_pid),
            "client": time.process_time() - self._own,
        }
        mean = statistics.fmean(self._references) if self._references else 0.0
        self._references.clear()
        return Mark(rows, time.monotonic(), used, mean)


def reference() -> float:
    """Milliseconds of processor time that a little work takes now: the same work each time."""
    since = time.thread_time()
    table = {str(number): number for number in range(6_000)}
    sum(table[each] for each in sorted(table))
    return 1000 * (time.thread_time() - since)


def _part(before: Mark, after: Mark) -> Part:
    rows = max(1, after.rows - before.rows)
    ms = {kind: 1000 * (after.processor[kind] - before.processor[kind]) / rows for kind in KINDS}
    return Part(after.rows, rows, after.wall - before.wall, ms, after.reference)


def write_file(office: Office, path: Path, rows: int, seed: int) -> Path:
    """A facts file with so many generated merchants."""
    book = live_book(office)
    made = generate(rows, seed, book.facts, tracks=["M"])
    columns = sorted({name for each in made for name in each.facts})
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, ["party_id", *columns])
        out.writeheader()
        for each in made:
            out.writerow({"party_id": each.party_id, **each.facts})
    return path


def measure(
    rows: int, parts: int, window: int, folder: Path, *, settle_s: float = SETTLE_S, worker: Sequence[str] = WORKER
) -> Meter:
    """Bring the file in on a new installation under ``folder``; raises where not every row was taken in."""
    settings = load_settings(state=folder / "state", temporal_port=free_port(), temporal_ui=False)
    with wiring.office(settings) as office, Supervisor(settings, worker=worker, tell=lambda _text: None) as supervisor:
        meter = Meter(lambda: supervisor.info, parts)
        for number, seed in ((WARM_UP, WARM_UP_SEED), (rows, SEED)):
            file = write_file(office, folder / f"{seed}.csv", number, seed)
            done = asyncio.run(
                intake.bring_in(office, CandidateSource(file=file), who=Asker(WHO), progress=meter, window=window)
            )
            time.sleep(settle_s)
            meter.rest(settle_s)
            if done["mistakes"] or done["new"] != number:
                raise SystemExit(f"error: {done['new']:,} of {number:,} rows came in, {done['mistakes']:,} mistakes")
        print(f"# {names.intake_id(done['intake_id'])[:20]}: {done['stages']}", file=sys.stderr)
    return meter


def show(meter: Meter) -> float:
    """Print the parts of the run; gives the last part's cost a row over the first part's, in references."""
    kinds = "  ".join(f"{kind + ' ms':>9}" for kind in KINDS)
    print(f"{'rows':>7}  {'rows/s':>7}  {kinds}  {'all ms':>7}  {'reference ms':>12}  {'all, in references':>18}")
    found = meter.parts("screened")
    for part in found:
        told = "  ".join(f"{part.ms[kind]:>9.1f}" for kind in KINDS)
        print(
            f"{part.until:>7,}  {part.rows / part.seconds:>7.1f}  {told}  {part.total_ms:>7.1f}",
            f"{part.reference:>12.2f}  {part.times():>18.1f}",
            sep="  ",
        )
    stored = meter.marks["facts stored"]
    whole = _part(stored[0], stored[-1])
    print(f"\nfacts stored before: {whole.ms['client']:.2f} ms of processor time a row, {whole.seconds:.1f} s in all")
    for when, used in zip(("before", "after"), meter.idle[-2:], strict=True):
        told = ", ".join(f"{kind} {used[kind]:.0f}" for kind in KINDS[:-1])
        print(f"idle {when}, ms of processor time a second: {told}")
    first, last = found[0], found[-1]
    each = [f"{kind} {last.times(kind) / first.times(kind):.2f}" for kind in KINDS if first.ms[kind] > 0]
    ratio = last.times() / first.times()
    print(f"last part to first part, a row in references: {', '.join([*each, f'all {ratio:.2f}'])}")
    return ratio


def show_measures(file: Path, rows: int) -> None:
    """Print what the clocks inside the worker saw, a row."""
    measures: dict[str, list[float]] = json.loads(file.read_text(encoding="utf-8"))
    print(f"\n{'a row':<32}{'calls':>9}{'wall ms':>9}{'cpu ms':>9}")
    for name in sorted(measures):
        calls, wall, processor = measures[name]
        print(f"{name:<32}{calls / rows:>9.2f}{1000 * wall / rows:>9.2f}{1000 * processor / rows:>9.2f}")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 where ``--check`` was given and the last part costs more than so many times."""
    asked = argparse.ArgumentParser(description="What a row of a big file costs, from its first tenth to its last.")
    asked.add_argument("--rows", type=int, default=10_000, help="rows in the file")
    asked.add_argument("--parts", type=int, default=10, help="parts that are told of")
    asked.add_argument("--window", type=int, default=intake.WINDOW, help="applications under way at once")
    asked.add_argument("--settle", type=float, default=SETTLE_S, metavar="SECONDS", help="watched with nothing to do")
    asked.add_argument("--measure", action="store_true", help="clocks inside the worker")
    asked.add_argument("--check", type=float, metavar="RATIO", help="exit code 1 where the last part costs more")
    options = asked.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fastbrand-intake-") as temporary:
        folder = Path(temporary)
        os.environ[MEASURES] = str(folder / "measures.json")
        worker = MEASURED_WORKER if options.measure else WORKER
        meter = measure(options.rows, options.parts, options.window, folder, settle_s=options.settle, worker=worker)
        ratio = show(meter)
        if options.measure:
            show_measures(folder / "measures.json", options.rows + WARM_UP)
    return 1 if options.check is not None and ratio > options.check else 0


if __name__ == "__main__":
    sys.exit(main())
