"""``fastbrand facts``: set and show what is known of a party."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    LangOption,
    NoteOption,
    StateOption,
    VerboseOption,
    Who,
)

app = typer.Typer(help="Facts about parties; nothing is overwritten.", no_args_is_help=True)


@app.command("set")
def set_(
    party: Annotated[str, typer.Argument(metavar="ID")],
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...")] = None,
    facts: Annotated[Path | None, typer.Option("--facts", metavar="FILE", help="Facts from a file.")] = None,
    source: Annotated[str, typer.Option("--source", help="Where they come from.")] = "staff",
    observed_at: Annotated[
        str | None, typer.Option("--observed-at", metavar="TIME", help="When observed (default: now).")
    ] = None,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Add newer facts (NAME= makes one unknown again). An open case is screened again by itself."""
    from fastbrand.service import facts as use_case

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: use_case.set_facts(
            office, party, values or [], facts_file=facts, source=source, observed_at=observed_at, who=who
        ),
        lambda result: present.print_pairs({k: v for k, v in result.items() if k != "command_id"}),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("show")
def show(
    party: Annotated[str, typer.Argument(metavar="ID")],
    history: Annotated[bool, typer.Option("--history", help="Every value there ever was.")] = False,
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """What is known of a party: value, source, when observed."""
    from fastbrand.service import facts as use_case

    desk.look(
        lambda office: use_case.show_facts(office, party, history=history, lang=present.check_lang(lang)),
        _show_facts,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_facts(rows: list[dict[str, Any]]) -> None:
    present.print_table(
        "",
        ("fact", "value", "state", "source", "observed", "age", "title"),
        [
            (r["name"], r["value"], r["state"], r["source"], r["observed_at"], present.show_age(r["age_s"]), r["title"])
            for r in rows
        ],
        empty="no facts yet: `fastbrand facts set ID NAME=VALUE`",
    )


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Facts: CSV, Parquet, JSON or JSONL.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="How the file's columns become facts.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only rows with this value.")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option("--errors", metavar="FILE", help="Where rows with mistakes are written (CSV).")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Where they come from (default: the file).", show_default=False)
    ] = None,
    observed_at: Annotated[
        str | None,
        typer.Option("--observed-at", metavar="TIME", help="When observed, where a row does not say (default: now)."),
    ] = None,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring facts of many parties in. The same row twice adds nothing; open cases are screened again."""

    def work() -> int:
        from fastbrand import wiring
        from fastbrand.cli.report import Progress
        from fastbrand.service import fact_import as use_case

        given = use_case.FactSource(file, mapping, tuple(where or ()), errors, source, observed_at)
        who = Who(actor, command_id, note)
        with wiring.office(wiring.settings_for(state)) as office, Progress(quiet=as_json) as progress:
            result = asyncio.run(use_case.import_facts(office, given, who=who, progress=progress))
        if as_json:
            present.print_json(result)
        else:
            present.print_pairs({k.replace("_", " "): v for k, v in result.items() if k != "command_id"})
        return 1 if result["skipped"] else 0

    present.perform(work, as_json=as_json, verbose=verbose)
