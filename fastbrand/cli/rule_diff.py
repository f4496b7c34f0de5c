"""``fastbrand rules diff``: what changed between two books, and what it means."""

from __future__ import annotations

from typing import Annotated

import typer

from fastbrand.cli import present
from fastbrand.cli.options import JsonOption, LangOption, StateOption, VerboseOption

BOOK = "Book directory, rule file, `live`, or the sha256 of a released book."


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=BOOK)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same.")],
    limit: Annotated[
        float,
        typer.Option(
            "--limit", metavar="SECONDS", help="How long an idle machine would look for a proof or a party at most."
        ),
    ] = 10.0,
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say what changed, and whether NEW is equivalent, stricter, looser or incomparable, with a party to show it.

    Exit code 0: proven that nobody gets another outcome or amount; 1: somebody may. Needs no server, and a database
    only for released books.
    """
    from fastbrand.service import diffing

    def work() -> int:
        words = present.check_lang(lang)
        if diffing.of_releases(old, new):
            from fastbrand import wiring

            with wiring.office(wiring.settings_for(state)) as office:
                found = diffing.diff(old, new, office=office, seconds=limit)
        else:
            found = diffing.diff(old, new, seconds=limit)
        if as_json:
            present.print_json(found.document(words))
        else:
            for line in found.lines(words):
                print(present.printable(line))
        return found.exit_code()

    present.perform(work, as_json=as_json, verbose=verbose)
