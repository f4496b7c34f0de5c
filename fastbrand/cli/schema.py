"""``fastbrand rules schema``: JSON Schemas for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastbrand.cli import present
from fastbrand.cli.options import VerboseOption


def schema(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="facts, programme, eligibility, routing, ...")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write the schemas of every kind into DIR.")
    ] = None,
    verbose: VerboseOption = False,
) -> None:
    """JSON Schemas of rule files, for completion and marks in an editor (YAML language server)."""

    def work() -> int:
        from fastbrand.service import schemas

        if directory is not None:
            for path in schemas.write(directory):
                print(path)
        else:
            present.print_json(schemas.show(kind))
        return 0

    present.perform(work, as_json=False, verbose=verbose)
