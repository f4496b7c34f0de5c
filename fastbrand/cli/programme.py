"""``fastbrand programme``: how far the programme is, and whom it reaches."""

from __future__ import annotations

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

app = typer.Typer(help="The programme: targets, funnel, pools, people.", no_args_is_help=True)


@app.command("status")
def status(
    lang: LangOption = "en", state: StateOption = None, as_json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """The programme board: funnel, targets against actual, baselines, pools, SLA, overrides, appeals."""
    from fastbrand.cli.board import show_board
    from fastbrand.service.board import board

    desk.look(
        board,
        lambda result: show_board(result, present.check_lang(lang)),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("audience")
def audience(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet: party_id, and user_id or sketch (base64).")
    ],
    period: Annotated[str, typer.Option("--period", metavar="MONTH", help="The month they were reached in: 2022-08.")],
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring in whom parties reached: ids are counted without doubles and never kept."""
    from fastbrand.service import audiences

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: audiences.bring_in(office, file, period=period, who=who),
        _show_audience,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_audience(result: dict[str, Any]) -> None:
    present.print_pairs({"period": result["period"], "rows": result["rows"], "parties": result["parties"]})
    if result["unknown"]:
        print(f"not here, left out: {', '.join(result['unknown'][:10])}")
