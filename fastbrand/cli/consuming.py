"""``fastbrand grant consume``: what traffic delivery reports as spent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    NoteOption,
    StateOption,
    VerboseOption,
    Who,
)
from fastbrand.domain.errors import InputError


def consume(
    target: Annotated[str, typer.Argument(metavar="GRANT|FILE", help="One grant, or a file of reports.")],
    tranche: Annotated[int | None, typer.Option("--tranche", metavar="N", help="The tranche, from 1.")] = None,
    units: Annotated[int | None, typer.Option("--units", metavar="U", help="Units that were spent.")] = None,
    report: Annotated[str | None, typer.Option("--report", metavar="ID", help="The report's id.")] = None,
    reported_at: Annotated[
        str | None, typer.Option("--reported-at", metavar="TIME", help="Until when it counts (default: now).")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option("--errors", metavar="FILE", help="Where rows that were left out are written (CSV).")
    ] = None,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Book what delivery reports as spent, one report or a file of them (role finance).

    A file has the columns grant_id, tranche, units, report_id and, optional, reported_at. A report is booked once,
    however often and in whatever order it is told; one that tells more than there is to spend is refused whole.
    """
    who = Who(actor, command_id, note)
    given = {"--tranche": tranche, "--units": units, "--report": report}
    if any(value is not None for value in given.values()):
        _consume_one(target, given, reported_at, errors, who, state=state, as_json=as_json, verbose=verbose)
        return

    def work(office: Any) -> Any:
        from fastbrand.service import deliveries

        if reported_at is not None:
            raise InputError("`--reported-at` goes with one report", hint="a file has the column `reported_at`")
        return deliveries.consume_file(office, Path(target), errors=errors, who=who)

    desk.steer(
        work,
        _show_file,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=lambda result: 1 if result["problems"] else 0,
    )


def _consume_one(
    grant_id: str,
    given: dict[str, Any],
    reported_at: str | None,
    errors: Path | None,
    who: Who,
    **shown: Any,
) -> None:
    def work(office: Any) -> Any:
        from fastbrand.service import deliveries

        missing = [name for name, value in given.items() if value is None]
        if missing:
            raise InputError(
                f"one report needs {' and '.join(f'`{name}`' for name in missing)} too",
                hint="or name a file of reports and none of these options",
            )
        if errors is not None:
            raise InputError("`--errors` goes with a file of reports", hint="leave it out")
        return deliveries.consume(
            office,
            grant_id,
            tranche=given["--tranche"],
            units=given["--units"],
            report_id=given["--report"],
            reported_at=reported_at,
            who=who,
        )

    desk.steer(work, _show_one, **shown)


def _show_one(result: dict[str, Any]) -> None:
    present.print_pairs({key: value for key, value in result.items() if key != "command_id"})


def _show_file(result: dict[str, Any]) -> None:
    shown = ("file", "rows", "booked", "repeated", "refused", "mistakes", "units")
    more = tuple(key for key in ("late", "debt") if result[key])
    present.print_pairs({key: result[key] for key in (*shown, *more)})
    if result["ignored_columns"]:
        typer.echo(f"columns that are not read: {', '.join(result['ignored_columns'])}", err=True)
    for each in result["problems"]:
        where = f"row {each['row']}" + (f", column `{each['column']}`" if each["column"] else "")
        typer.echo(f"{where}: {each['message']} ({each['hint']})" if each["hint"] else f"{where}: {each['message']}")
    left_out = result["refused"] + result["mistakes"]
    if result["errors"] is not None:
        typer.echo(f"rows that were left out are in `{result['errors']}`", err=True)
    elif left_out > len(result["problems"]):
        typer.echo(f"... and {left_out - len(result['problems']):,} more: `--errors FILE` writes all of them", err=True)
