"""``fastbrand document``: papers of parties, their files, what they prove and until when."""

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

app = typer.Typer(help="Documents: trademarks, licences, authorisations, reports, contracts.", no_args_is_help=True)

DocumentId = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Document id: `document list` has it.")]
PartyOption = Annotated[
    str | None, typer.Option("--party", metavar="ID", help="Only of this party.", show_default=False)
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]


@app.command("add")
def add(
    party: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="trademark, business_licence, brand_authorisation, quality_report or contract."
        ),
    ],
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD=VALUE...")] = None,
    issued: Annotated[
        str | None, typer.Option("--issued", metavar="DAY", help="When it was issued.", show_default=False)
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DAY", help="The last day it counts.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The scanned paper.", show_default=False)
    ] = None,
    supersedes: Annotated[
        str | None,
        typer.Option("--supersedes", metavar="DOCUMENT", help="The document whose place it takes.", show_default=False),
    ] = None,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Record a paper of a party; the facts it proves count at once, and an open case is screened again."""
    from fastbrand.service import documents

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: documents.add(
            office,
            party,
            kind,
            fields or [],
            issued=issued,
            expires=expires,
            file=file,
            supersedes=supersedes,
            who=who,
        ),
        _show_done,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("withdraw")
def withdraw(
    document: DocumentId,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say that a document does not count any more, and why (`--note`): forged, cancelled, not of this party."""
    from fastbrand.service import documents

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: documents.withdraw(office, document, who=who),
        _show_done,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("list")
def list_(
    party: PartyOption = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only of this kind.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Superseded and withdrawn ones, too.")] = False,
    limit: LimitOption = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Documents by party and kind, with the state each is in."""
    from fastbrand.service import documents

    desk.look(
        lambda office: documents.list_documents(office, party, kind=kind, every=every, limit=limit),
        lambda rows: show_documents(rows, empty="no documents yet: `fastbrand document add ID KIND FIELD=VALUE...`"),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("show")
def show(
    document: DocumentId,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """One document: what it says, until when it counts, what is to be said against it, what it superseded."""
    from fastbrand.service import documents

    desk.look(lambda office: documents.show(office, document), _show_one, state=state, as_json=as_json, verbose=verbose)


@app.command("verify")
def verify(
    document: Annotated[str | None, typer.Argument(metavar="[DOCUMENT]", help="One document (default: all).")] = None,
    party: PartyOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compare files with what was brought in and examine the records; exit code 1 where something is found."""
    from fastbrand.service import documents

    desk.look(
        lambda office: documents.verify(office, document, party_id=party),
        _show_findings,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=lambda result: 1 if result["findings"] else 0,
    )


@app.command("expiring")
def expiring(
    within: Annotated[int, typer.Option("--within", metavar="DAYS", help="How many days to look ahead.")] = 30,
    party: PartyOption = None,
    limit: LimitOption = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Documents that have ended or soon will, the first to end first."""
    from fastbrand.service import documents

    desk.look(
        lambda office: documents.expiring(office, within=within, party_id=party, limit=limit),
        lambda rows: present.print_table(
            "",
            ("document", "party", "kind", "ends", "days left"),
            [(r["document_id"], r["party_id"], r["kind"], r["ends_at"], r["days_left"]) for r in rows],
            empty=f"no document ends within {within:,} days",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("get")
def get(
    document: DocumentId,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it; must not be there.")],
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    note: NoteOption = "",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Get a document's file back, compared with what was brought in. Who reads it is in the audit."""
    from fastbrand.service import documents

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: documents.get(office, document, out, who=who),
        lambda result: present.print_pairs({k: v for k, v in result.items() if k != "command_id"}),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def show_documents(rows: list[dict[str, Any]], *, title: str = "", empty: str) -> None:
    """A table of documents."""
    present.print_table(
        title,
        ("document", "party", "kind", "state", "says", "ends"),
        [(r["document_id"], r["party_id"], r["kind"], r["state"], _says(r), r["ends_at"]) for r in rows],
        empty=empty,
    )


def _says(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row["fields"].items())


def _show_one(result: dict[str, Any]) -> None:
    names = ("document_id", "party_id", "kind", "state", "revision", "issued_on", "expires_on", "ends_at")
    present.print_pairs({name: result[name] for name in names})
    present.print_pairs(result["fields"])
    if result["file_sha256"]:
        present.print_pairs({"file": f"{result['file_sha256']} ({result['file_bytes']:,} bytes)"})
    for finding in result["findings"]:
        print(present.printable(f"{finding['code']}: {finding['message']}"))
    if result["history"]:
        print()
        show_documents(result["history"], title="Before it", empty="")


def _show_done(result: dict[str, Any]) -> None:
    _show_one(result)
    present.print_pairs({"facts": result["facts"], "stage": result["stage"], "screening": result["screening"]})


def _show_findings(result: dict[str, Any]) -> None:
    present.print_table(
        "",
        ("document", "party", "kind", "finding", "what"),
        [
            (each["document_id"], each["party_id"], each["kind"], each["code"], each["message"])
            for each in result["findings"]
        ],
        empty="nothing was found",
    )
    print(f"{result['sound']:,} of {result['documents']:,} documents are sound")
