"""Options that many commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastbrand.service.who import Asker as Who

StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="State directory (default: ./var).", show_default=False),
]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", help="Who acts: a key of people.yaml (or FASTBRAND_ACTOR).", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Show the trace of an error.")]
CommandIdOption = Annotated[
    str | None,
    typer.Option(
        "--command-id", metavar="ID", help="Said twice with the same id, a command is done once.", show_default=False
    ),
]
RevisionOption = Annotated[
    int | None,
    typer.Option("--revision", metavar="N", help="Refuse unless the party is at this revision.", show_default=False),
]
LangOption = Annotated[str, typer.Option("--lang", help="Language of texts: en or zh.")]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="A remark for the audit.", show_default=False)]


__all__ = [
    "AsOption",
    "CommandIdOption",
    "JsonOption",
    "LangOption",
    "NoteOption",
    "RevisionOption",
    "StateOption",
    "VerboseOption",
    "Who",
]
