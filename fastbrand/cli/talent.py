"""``fastbrand talent``: the register of talents, who are matched with MCN."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.matching import show_matches
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    NoteOption,
    StateOption,
    VerboseOption,
    Who,
)
from fastbrand.cli.provider import ErrorsOption, show_import

app = typer.Typer(help="Talents: known by an id, a category and a region; no names are kept.", no_args_is_help=True)


@app.command("add")
def add(
    talent: Annotated[str, typer.Argument(metavar="TALENT", help="An id; no name.")],
    category: Annotated[str | None, typer.Option("--category", metavar="CODE", help="What it is about.")] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="CODE", help="Where it works from.")] = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Register a talent."""
    from fastbrand.service import talents

    who = Who(actor, command_id, note)
    cells = {"talent_id": talent, "category": category, "region": region}
    desk.steer(
        lambda office: talents.add(office, cells, who=who), _show_talent, state=state, as_json=as_json, verbose=verbose
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Talents: CSV, Parquet, JSON or JSONL.")],
    errors: ErrorsOption = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Register or change every talent of a file; rows with mistakes are left out and told (exit code 1)."""
    from fastbrand.service import talents

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: talents.import_file(office, file, errors=errors, who=who),
        show_import,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=lambda result: 1 if result["mistakes"] else 0,
    )


@app.command("list")
def list_(state: StateOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Every talent."""
    from fastbrand.service import talents

    desk.look(
        talents.list_talents,
        lambda rows: present.print_table(
            "",
            ("talent", "category", "region", "active"),
            [(row["talent_id"], row["category"], row["region"], row["active"]) for row in rows],
            empty="no talents: `fastbrand talent add`, or `fastbrand talent import FILE`",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("show")
def show(
    talent: Annotated[str, typer.Argument(metavar="TALENT")],
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """A talent: what is said of it, its offers, and every change."""
    from fastbrand.service import talents

    desk.look(lambda office: talents.show(office, talent), _show_whole, state=state, as_json=as_json, verbose=verbose)


def _show_talent(result: dict[str, Any]) -> None:
    keys = ("talent_id", "category", "region", "active", "revision")
    present.print_pairs({key.replace("_", " "): result[key] for key in keys})


def _show_whole(result: dict[str, Any]) -> None:
    from fastbrand.service.audits import as_lines

    _show_talent(result)
    print()
    show_matches(result["matches"])
    print()
    for event in result["history"]:
        for line in as_lines(event):
            print(present.printable(line))
