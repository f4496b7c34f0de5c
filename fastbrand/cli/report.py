"""The main job on the terminal: progress bars while it runs, the result when it is done."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fastbrand.cli import present
from fastbrand.cli.pool import show_pools

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from fastbrand.service.demo_report import DemoReport


class Progress:
    """Bars on stderr: rich on a terminal, a line a phase elsewhere, nothing when ``quiet``."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: RichProgress | None = None
        self._task: TaskID | None = None
        self._name, self._total, self._told = "", 0, 0

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as RichProgress

            columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = RichProgress(*columns, console=present.console(stderr=True))
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def phase(self, name: str, total: int) -> None:
        """A phase begins, with so many things to do."""
        self._name, self._total, self._told = name, total, 0
        if self._bars is not None:
            self._task = self._bars.add_task(name, total=total)

    def done(self, count: int) -> None:
        """So many of the phase are done."""
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=count)
        elif not self._quiet and self._total and count * 4 // self._total > self._told:
            self._told = count * 4 // self._total
            print(f"{self._name}: {count:,} of {self._total:,}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line for the person who waits; stdout stays clean."""
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def show_report(report: DemoReport) -> None:
    """Print the result of the main job."""
    print(f"\nrun {report.run_id}: {report.candidates:,} candidates at rest after {report.elapsed_s:.0f} s\n")
    steps = list(next(iter(report.funnel.values()), {}))
    present.print_table(
        "Funnel (track M: merchants and fast brands; S: well-known brands; standing: endorsed or active)",
        ("track", *steps),
        [[track, *counts.values()] for track, counts in report.funnel.items() if counts["applied"]],
        empty="nobody applied",
    )
    _section("Stages", ("stage", "parties"), list(report.stages.items()))
    _section(
        "Why refused (a refusal may have several reasons)",
        ("criterion", "refused"),
        [(row["criterion"], row["refused"]) for row in report.refusals],
    )
    _section(
        "What kept people from passing straight through",
        ("criterion", "failed", "unknown"),
        [(row["criterion"], row["failed"], row["unknown"]) for row in report.reasons],
    )
    _section(
        "Who waits for whom",
        ("what", "waits for", "count"),
        [(row["what"], row["for"], row["count"]) for row in report.waiting],
    )
    print(f"\nGrants: {report.grants['count']:,}, in all {report.grants['amount']:,} units")
    print()
    _show_pools(report.pools)
    _show_proofs(report)


def _section(title: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    if rows:
        print()
        present.print_table(title, columns, rows, empty="")


def _show_pools(pools: list[dict[str, Any]]) -> None:
    show_pools(pools, title="Pools after the run")
    for row in pools:
        taken = row["available_before"] - row["available"]
        print(
            f"{row['pool_id']}: available before {row['available_before']:,}, after {row['available']:,} ({-taken:+,})"
        )


def _show_proofs(report: DemoReport) -> None:
    print()
    print("Ledger: " + ("reconciled, every account equals the sum of its entries" if report.reconciled else "DIFFERS"))
    for difference in report.differences:
        print(f"  {difference}")
    print(f"Audit:  {report.events:,} events")
    if report.faults:
        print(f"Rules engine: failed for {report.faults:,} parties; their cases are with people, none of them passed")
    if report.mistakes:
        print(f"Input:  {report.mistakes:,} rows with mistakes were left out")
    print()
    print("Look further: `fastbrand party list`, `party show ID`, `case list`, `grant list`, `audit list --party ID`")
