"""``fastbrand party``: apply, invite, withdraw, show, list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import desk, document, present, standing
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    LangOption,
    NoteOption,
    RevisionOption,
    StateOption,
    VerboseOption,
    Who,
)

app = typer.Typer(help="Parties: brands (track S) and merchants (track M).", no_args_is_help=True)

PartyId = Annotated[str, typer.Option("--id", metavar="ID", help="Party id: letters, digits, `-`, `_`, `.`.")]


def _show_stage(result: dict[str, Any]) -> None:
    present.print_pairs({key: value for key, value in result.items() if key != "command_id"})


@app.command("apply")
def apply(
    party: PartyId,
    track: Annotated[str, typer.Option("--track", help="M (merchant, fast brand) or S (well-known brand).")],
    facts: Annotated[
        Path | None, typer.Option("--facts", metavar="FILE", help="Facts: JSON, JSONL, CSV or Parquet.")
    ] = None,
    with_endorsement: Annotated[
        bool, typer.Option("--with-endorsement", help="A brand (S) that wants the endorsement too.")
    ] = False,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Apply for a party: its facts are stored, then screened by the rules in force."""
    from fastbrand.service import parties

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: parties.apply(
            office, party_id=party, track=track, facts_file=facts, with_endorsement=with_endorsement, who=who
        ),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("invite")
def invite(
    party: PartyId,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Invite a well-known brand (track S) to apply."""
    from fastbrand.service import parties

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: parties.invite(office, party_id=party, who=who),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("nominate")
def nominate(
    party: PartyId,
    track: Annotated[str, typer.Option("--track", help="M (merchant) or S (well-known brand: a lead).")] = "M",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Name a party that might come in: a nominated merchant, or a brand as a lead."""
    from fastbrand.service import standings

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: standings.nominate(office, party_id=party, track=track, who=who),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("withdraw")
def withdraw(
    party: Annotated[str, typer.Argument(metavar="ID")],
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take an application back (possible until it is decided)."""
    from fastbrand.service import parties

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: parties.withdraw(office, party_id=party, who=who),
        _show_stage,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("show")
def show(
    party: Annotated[str, typer.Argument(metavar="ID")],
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Where a party stands and why: facts, decisions with reasons, endorsement, grants, cases."""
    from fastbrand.service import parties

    desk.look(
        lambda office: parties.show(office, party, lang=present.check_lang(lang)),
        _show_party,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_party(result: dict[str, Any]) -> None:
    present.print_pairs({key: result[key] for key in ("party_id", "kind", "stage", "revision", "screening")})
    endorsement = result["endorsement"]
    if endorsement:
        print(
            f"endorsement  {endorsement['number']}, valid until {endorsement['valid_until']} ({endorsement['state']})"
        )
    print()
    for line in result["summary"]:
        print(line)
    if result["grants"]:
        print()
        present.print_table(
            "Grants",
            ("grant", "period", "pool", "amount", "state"),
            [(g["grant_id"], g["period"], g["pool"], g["amount"], g["state"]) for g in result["grants"]],
            empty="",
        )
    for debt in result["debts"]:
        print(f"owes {debt['owed']:,} to pool `{debt['pool']}`: set off against the next grants")
    if result["documents"]:
        print()
        document.show_documents(result["documents"], title="Documents", empty="")
    if result["cases"]:
        print()
        present.print_table(
            "Cases",
            ("case", "state", "queue", "assignee", "due"),
            [(c["case_id"], c["state"], c["queue"], c["assignee"], c["due_at"]) for c in result["cases"]],
            empty="",
        )


@app.command("letter")
def letter(
    party: Annotated[str, typer.Argument(metavar="ID")],
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """What the merchant is told: outcome, reasons, what is missing and by when, how to appeal."""
    from fastbrand.service import letters

    desk.look(
        lambda office: letters.letter(office, party, lang=present.check_lang(lang)),
        lambda result: print("\n\n".join((result["subject"], *result["paragraphs"]))),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("list")
def list_(
    stage: Annotated[str | None, typer.Option("--stage", help="Only parties in this stage.")] = None,
    track: Annotated[str | None, typer.Option("--track", help="Only S or M.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List parties, by id."""
    from fastbrand.service import parties

    desk.look(
        lambda office: parties.list_parties(office, stage=stage, track=track, limit=limit),
        lambda rows: present.print_table(
            "",
            ("party", "track", "stage", "revision", "screening"),
            [(r["party_id"], r["kind"], r["stage"], r["revision"], r["screening"]) for r in rows],
            empty="no such party: `fastbrand party apply` and `fastbrand demo` bring parties in",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


standing.register(app)
