"""``fastbrand import``: a file of candidates, all of whom apply."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import present
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    NoteOption,
    StateOption,
    VerboseOption,
    Who,
)


def register(app: typer.Typer) -> None:
    """Add the command to the top level."""
    app.command("import")(import_)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Candidates: CSV, Parquet, JSON or JSONL.")],
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
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring a file of candidates in: facts are stored, everybody applies. The same file twice adds nothing."""

    def work() -> int:
        from fastbrand import wiring
        from fastbrand.cli.report import Progress
        from fastbrand.service import intake
        from fastbrand.service.candidates import CandidateSource

        source = CandidateSource(file=file, mapping=mapping, where=tuple(where or ()), track=track, errors=errors)
        who = Who(actor, command_id, note)
        with wiring.office(wiring.settings_for(state)) as office, Progress(quiet=as_json) as progress:
            result = asyncio.run(intake.bring_in(office, source, who=who, progress=progress))
        if as_json:
            present.print_json(result)
        else:
            _show(result)
        return 1 if result["mistakes"] else 0

    present.perform(work, as_json=as_json, verbose=verbose)


def _show(result: dict[str, Any]) -> None:
    stages = ", ".join(f"{stage} {number}" for stage, number in result["stages"].items())
    shown = {"source": result["source"], "rows": result["rows"], "applied": result["new"], "known": result["known"]}
    present.print_pairs({**shown, "left out": result["mistakes"], "stages": stages})
