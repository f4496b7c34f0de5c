"""``fastbrand audit``: who did what, on which grounds."""

from __future__ import annotations

from typing import Annotated

import typer

from fastbrand.cli import present
from fastbrand.cli.options import JsonOption, StateOption, VerboseOption

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.command("list")
def list_(
    party: Annotated[str | None, typer.Option("--party", metavar="ID", help="Only this party's events.")] = None,
    verb: Annotated[str | None, typer.Option("--verb", help="Only this verb, like `case:confirmed`.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List events, oldest first; with --json one event a line."""
    from fastbrand import wiring
    from fastbrand.service import audits

    def work() -> int:
        with wiring.office(wiring.settings_for(state)) as office:
            events = audits.list_events(office, party_id=party, verb=verb, limit=limit)
            if as_json:
                present.print_jsonl(events)
                return 0
            count = 0
            for event in events:
                count += 1
                for line in audits.as_lines(event):
                    print(present.printable(line))
            if not count:
                print("no such events")
        return 0

    present.perform(work, as_json=as_json, verbose=verbose)
