"""``fastbrand up`` and ``fastbrand demo``: server, worker, and the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastbrand.cli import present
from fastbrand.cli.options import JsonOption, StateOption, VerboseOption

BookOption = Annotated[
    Path | None,
    typer.Option("--book", metavar="DIR", help="Book directory (default: the shipped one).", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    app.command("up")(up)
    app.command("demo")(demo)


def up(
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="Port of the Temporal server (default: 7233 if free)."),
    ] = None,
    book: BookOption = None,
    state: StateOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Run the Temporal server and a worker on this machine until Ctrl-C."""

    def work() -> int:
        from fastbrand import wiring
        from fastbrand.supervisor import Supervisor

        settings = wiring.settings_for(state, book)
        if port is not None:
            settings = settings.model_copy(update={"temporal_port": port})
        with wiring.office(settings) as office, Supervisor(settings) as running:
            from fastbrand.service.bootstrap import check_same_book

            if book is not None:
                check_same_book(office.db, settings.book, settings.state)
            info = running.info
            present.print_pairs(
                {
                    "Temporal server": info.address,
                    "Temporal UI": info.ui or "-",
                    "state directory": str(settings.state),
                    "worker": f"running (process {info.worker_pid})",
                }
            )
            print("Ctrl-C stops both; work goes on where it was when they start again.", flush=True)
            running.wait_for_signal()
        return 0

    present.perform(work, as_json=False, verbose=verbose)


def demo(
    sellers: Annotated[int, typer.Option("--sellers", min=1, max=100_000, help="How many parties to generate.")] = 200,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the sample (default: the next unused).")] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="Real candidates instead: CSV, Parquet, JSON, JSONL.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="How the file's columns become facts.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only rows with this value.")
    ] = None,
    track: Annotated[str, typer.Option("--track", help="Track of candidates from a file without a mapping.")] = "M",
    errors: Annotated[
        Path | None, typer.Option("--errors", metavar="FILE", help="Where rows with mistakes are written (CSV).")
    ] = None,
    book: BookOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """The main job: bring candidates in, run them until all are at rest, print what came of them."""

    def work() -> int:
        from fastbrand import wiring
        from fastbrand.cli.report import Progress, show_report
        from fastbrand.service.candidates import CandidateSource
        from fastbrand.service.demo import run_demo

        settings = wiring.settings_for(state, book)
        source = CandidateSource(
            sellers=sellers,
            seed=seed,
            file=input_file,
            mapping=mapping,
            where=tuple(where or ()),
            track=track,
            errors=errors,
        )
        with wiring.office(settings) as office, Progress(quiet=as_json) as progress:
            report = run_demo(office, source, explicit_book=book is not None, progress=progress)
        if as_json:
            present.print_json(report.as_json())
        else:
            show_report(report)
        return report.exit_code()

    present.perform(work, as_json=as_json, verbose=verbose)
