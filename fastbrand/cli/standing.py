"""``fastbrand party appeal|review|plan``: what people do about a standing, and about a decision that hurts."""

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
    RevisionOption,
    StateOption,
    VerboseOption,
    Who,
)

plan_app = typer.Typer(help="Action plans of parties on watch or demoted.", no_args_is_help=True)

PartyArgument = Annotated[str, typer.Argument(metavar="ID")]


def _show_stage(result: dict[str, Any]) -> None:
    present.print_pairs({key: value for key, value in result.items() if key != "command_id"})


def register(app: typer.Typer) -> None:
    """Add these commands to ``fastbrand party``."""
    app.command("appeal")(appeal)
    app.command("review")(review)
    app.command("scan")(scan)
    app.add_typer(plan_app, name="plan")


def appeal(
    party: PartyArgument,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Appeal against a rejection, a suspension or the loss of a standing (`--note` says why)."""
    from fastbrand.service import standings

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: standings.appeal(office, party_id=party, who=who),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def scan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Merchants: CSV, Parquet, JSON or JSONL.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="How the file's columns become facts.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only rows with this value.")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option("--errors", metavar="FILE", help="Where rows with mistakes are written (CSV).")
    ] = None,
    referred: Annotated[bool, typer.Option("--referred", help="Those that a person would look at, too.")] = False,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Nominate those merchants of a file whom the rules in force would let in."""
    from fastbrand.cli.report import Progress
    from fastbrand.service import scanning
    from fastbrand.service.candidates import CandidateSource

    who = Who(actor, command_id, note)
    source = CandidateSource(file=file, mapping=mapping, where=tuple(where or ()), track="M", errors=errors)
    with Progress(quiet=as_json) as progress:
        desk.steer(
            lambda office: scanning.scan(office, source, who=who, progress=progress, referred=referred),
            _show_scan,
            state=state,
            as_json=as_json,
            verbose=verbose,
        )


def _show_scan(result: dict[str, Any]) -> None:
    counted = ", ".join(f"{outcome} {number}" for outcome, number in result["outcomes"].items()) or "-"
    shown = {"rows": result["rows"], "known": result["known"], "rules say": counted, "nominated": result["nominated"]}
    present.print_pairs({**shown, "left out": result["mistakes"]})


def review(
    party: PartyArgument,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Open a case about a standing: may it be kept, or must it end? (`--note` says why)"""
    from fastbrand.service import standings

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: standings.review(office, party_id=party, who=who),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@plan_app.command("propose")
def propose(
    party: PartyArgument,
    measures: Annotated[str, typer.Option("--measures", metavar="TEXT", help="What the party undertakes to mend.")],
    due: Annotated[str, typer.Option("--due", metavar="DATE", help="Until when: a date, or a time with its zone.")],
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose an action plan; accepted by a second person, it gives immunity against streaks until it is due."""
    from fastbrand.service import standings

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: standings.propose_plan(office, party_id=party, measures=measures, due=due, who=who),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@plan_app.command("accept")
def accept(
    party: PartyArgument,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Accept the plan that another person proposed."""
    _settle(party, True, Who(actor, command_id, note), state=state, as_json=as_json, verbose=verbose)


@plan_app.command("refuse")
def refuse(
    party: PartyArgument,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Refuse the plan that another person proposed."""
    _settle(party, False, Who(actor, command_id, note), state=state, as_json=as_json, verbose=verbose)


def _settle(party: str, accepted: bool, who: Who, **shown: Any) -> None:
    from fastbrand.service import standings

    desk.steer(
        lambda office: standings.settle_plan(office, party_id=party, accept=accepted, who=who), _show_stage, **shown
    )
