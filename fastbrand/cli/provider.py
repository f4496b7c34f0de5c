"""``fastbrand provider``: the register of service providers, and who serves whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import desk, matching, present
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    NoteOption,
    StateOption,
    VerboseOption,
    Who,
)

app = typer.Typer(help="Service providers, and who serves whom.", no_args_is_help=True)

TypeOption = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help="mcn, industrial_belt, merchant or brand.", show_default=False),
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What it is called.")]
CategoriesOption = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="CODE", help="A category that it serves; several times for several."),
]
RegionOption = Annotated[str | None, typer.Option("--region", metavar="CODE", help="Where it works from.")]
CapacityOption = Annotated[
    int | None, typer.Option("--capacity", metavar="N", help="How many it can serve at once.", show_default=False)
]
RecordOption = Annotated[
    str | None, typer.Option("--track-record", metavar="SCORE", help="0 to 100, one decimal; empty: not known.")
]
CapabilitiesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--capability",
        metavar="NAME=SCORE",
        help="content, business, repurchase or private_domain: how well it helps, 0 to 100; empty: not known.",
    ),
]
ErrorsOption = Annotated[
    Path | None, typer.Option("--errors", metavar="FILE", help="Where rows with mistakes are written (CSV).")
]


@app.command("add")
def add(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Its id.")],
    kind: TypeOption = None,
    name: NameOption = None,
    categories: CategoriesOption = None,
    region: RegionOption = None,
    capacity: CapacityOption = None,
    track_record: RecordOption = None,
    capabilities: CapabilitiesOption = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Register a provider; type, name, categories and capacity are needed."""
    from fastbrand.service import providers

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: providers.add(
            office,
            {
                "provider_id": provider,
                **({} if kind is None else {"type": kind}),
                **_cells(name, categories, region, capacity, track_record, capabilities),
            },
            who=who,
        ),
        _show_profile,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("edit")
def edit(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER")],
    name: NameOption = None,
    categories: CategoriesOption = None,
    region: RegionOption = None,
    capacity: CapacityOption = None,
    track_record: RecordOption = None,
    capabilities: CapabilitiesOption = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether it gets new offers.", show_default=False)
    ] = None,
    revision: Annotated[
        int | None,
        typer.Option("--revision", metavar="N", help="Refuse unless it is at this revision.", show_default=False),
    ] = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Change what is said of a provider; what is not named stays. Its type never changes."""
    from fastbrand.service import providers

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: providers.edit(
            office,
            provider,
            _cells(name, categories, region, capacity, track_record, capabilities, active),
            who=who,
        ),
        _show_profile,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Providers: CSV, Parquet, JSON or JSONL.")],
    errors: ErrorsOption = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Register or change every provider of a file; rows with mistakes are left out and told (exit code 1)."""
    from fastbrand.service import providers

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: providers.import_file(office, file, errors=errors, who=who),
        show_import,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=lambda result: 1 if result["mistakes"] else 0,
    )


@app.command("list")
def list_(
    kind: TypeOption = None,
    category: Annotated[str | None, typer.Option("--category", metavar="CODE", help="Only for this category.")] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="CODE", help="Only from this region.")] = None,
    free: Annotated[bool, typer.Option("--free", help="Only active ones that can serve one more.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """The register."""
    from fastbrand.service import providers

    desk.look(
        lambda office: providers.list_providers(office, kind=kind, category=category, region=region, free=free),
        lambda rows: present.print_table(
            "",
            ("provider", "type", "categories", "region", "capacity", "load", "record", "active"),
            [
                (
                    *(row["provider_id"], row["type"], row["categories"], row["region"], row["capacity"], row["load"]),
                    *(row["track_record"], row["active"]),
                )
                for row in rows
            ],
            empty="no providers: `fastbrand provider add`, or `fastbrand provider import FILE`",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("show")
def show(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER")],
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """A provider: what is said of it, whom it serves, and every change."""
    from fastbrand.service import providers

    desk.look(
        lambda office: providers.show(office, provider), _show_whole, state=state, as_json=as_json, verbose=verbose
    )


matching.register(app)


@app.command("counts")
def counts(state: StateOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Providers of each type against where the programme began."""
    from fastbrand.service import providers

    desk.look(providers.counts, _show_counts, state=state, as_json=as_json, verbose=verbose)


# --- options ------------------------------------------------------------------------------------------------------


def _cells(
    name: str | None,
    categories: list[str] | None,
    region: str | None,
    capacity: int | None,
    track_record: str | None,
    capabilities: list[str] | None,
    active: bool | None = None,
) -> dict[str, Any]:
    """The options that were given, as cells of a row."""
    from fastbrand.domain.provider import Capability
    from fastbrand.service.provider_rows import pairs

    given: dict[str, Any] = {
        "name": name,
        "categories": list(categories) if categories else None,
        "region": region,
        "capacity": capacity,
        "track_record": track_record,
        "active": active,
    }
    scores = pairs(capabilities or [], "capability", [str(each) for each in Capability])
    return {**{key: value for key, value in given.items() if value is not None}, **scores}


# --- what is shown ------------------------------------------------------------------------------------------------


def _show_profile(result: dict[str, Any]) -> None:
    keys = ("provider_id", "type", "name", "categories", "region", "capacity", "load", "track_record", "active")
    scores = [f"{name} {score}" for name, score in result["capabilities"].items() if score is not None]
    present.print_pairs(
        {**{key.replace("_", " "): result[key] for key in keys}, "capabilities": scores, "revision": result["revision"]}
    )


def _show_whole(result: dict[str, Any]) -> None:
    from fastbrand.service.audits import as_lines

    _show_profile(result)
    print()
    matching.show_matches(result["matches"])
    print()
    for event in result["history"]:
        for line in as_lines(event):
            print(present.printable(line))


def show_import(result: dict[str, Any]) -> None:
    """What came of a file; mistakes on stderr."""
    for line in result["errors"]:
        typer.echo(present.printable(line), err=True)
    if result["ignored_columns"]:
        typer.echo(f"columns that are not read: {', '.join(result['ignored_columns'])}", err=True)
    shown = {key: result[key] for key in ("rows", "added", "changed", "unchanged")}
    present.print_pairs({**shown, "left out": result["mistakes"]})


def _show_counts(result: dict[str, Any]) -> None:
    columns = ("baseline", "registered", "active", "capacity", "load")
    rows = [(row["type"], row["serves"], *(row[name] for name in columns)) for row in result["types"]]
    total = ("all", "", *(result["total"][name] for name in columns))
    present.print_table("", ("type", "serves", *columns), [*rows, total], empty="")
