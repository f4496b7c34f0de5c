"""``fastbrand simulate``: a programme year in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fastbrand.cli import present
from fastbrand.cli.options import JsonOption, StateOption, VerboseOption

if TYPE_CHECKING:
    from fastbrand.service.simulation import Simulation


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    app.command("simulate")(simulate)


def simulate(
    parties: Annotated[int, typer.Option("--parties", min=1, max=100_000, help="How many sellers live it.")] = 100,
    months: Annotated[int, typer.Option("--months", min=1, max=120, help="How many months.")] = 12,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same sellers.")] = 1,
    month_seconds: Annotated[
        float | None,
        typer.Option("--month-seconds", min=1.0, help="Seconds in which a month leaps by (default: by the parties)."),
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Live a programme year: sellers evolve, some cheat, people decide; then check what must hold. Exit 1 if not."""

    def work() -> int:
        from fastbrand import wiring
        from fastbrand.cli.report import Progress
        from fastbrand.service import simulation
        from fastbrand.service.simulation.running import settings_of

        base = wiring.settings_for(None)
        folder = (state or base.state / "simulations" / f"{parties}x{months}-{seed}").resolve()
        settings = settings_of(base, Path(folder), parties, month_seconds or max(2.0, parties * 0.02))
        with wiring.office(settings) as office, Progress(quiet=as_json) as progress:
            found = simulation.simulate(office, count=parties, months=months, seed=seed, progress=progress)
        if as_json:
            present.print_json(found.as_json())
        else:
            _show(found)
        return 0 if found.holds() else 1

    present.perform(work, as_json=as_json, verbose=verbose)


def _show(found: Simulation) -> None:
    from fastbrand.cli.board import show_board

    show_board(found.board)
    print()
    print("Moves: " + ", ".join(f"{event} {number:,}" for event, number in found.moves.items()) + "\n")
    present.print_table(
        "Trust and bonus (units of bonus for each unit of base)",
        ("trust", "parties", "grants", "units", "bonus"),
        [
            tuple(each[key] for key in ("trust", "parties", "grants", "units", "per_base"))
            for each in found.trust_and_bonus
        ],
        empty="no grants",
    )
    print()
    for each in found.invariants:
        print(f"{'holds   ' if not each.violations else 'VIOLATED'} {each.name} ({each.checked:,} looked at)")
        for violation in each.violations:
            print(f"         {violation}")
    each_ms = 1_000 / (found.parties * len(found.months_lived))
    took = f"{found.elapsed_s * each_ms:.0f} ms each, {found.processor_s * each_ms:.0f} ms of a processor"
    print(f"\n{found.parties:,} sellers, {len(found.months_lived)} months: {took}")
