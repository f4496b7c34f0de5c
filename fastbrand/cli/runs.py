"""``fastbrand upkeep`` and ``fastbrand bonus``: runs over everybody in standing, by hand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.options import AsOption, CommandIdOption, JsonOption, NoteOption, StateOption, VerboseOption, Who

upkeep_app = typer.Typer(help="Upkeep of standings: who keeps it, who is warned, who loses it.", no_args_is_help=True)
bonus_app = typer.Typer(help="The grants of a period, for everybody in standing.", no_args_is_help=True)


def _show(result: dict[str, Any]) -> None:
    counted = ", ".join(f"{name} {number}" for name, number in result["outcomes"].items()) or "nobody is in standing"
    present.print_pairs({"run": result["run_id"], "period": result["period"], "outcomes": counted})


@upkeep_app.command("run")
def upkeep_run(
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Look at everybody in standing now (a schedule does so each night)."""
    from fastbrand.service import runs

    who = Who(actor, command_id, note)
    desk.steer(lambda office: runs.run_upkeep(office, who=who), _show, state=state, as_json=as_json, verbose=verbose)


@bonus_app.command("run")
def bonus_run(
    period: Annotated[
        str | None, typer.Option("--period", metavar="MONTH", help="Like 2022-08 (default: the month that is now).")
    ] = None,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Grant the bonus of a period to everybody in standing who has none yet (a schedule does so each month)."""
    from fastbrand.service import runs

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: runs.run_bonus(office, period=period, who=who),
        _show,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )
