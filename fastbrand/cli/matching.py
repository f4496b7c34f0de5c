"""``fastbrand provider match|offers|accept|decline|end``: who serves whom."""

from __future__ import annotations

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

KindOption = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="party or talent, where an id is that of both.", show_default=False),
]
MatchArgument = Annotated[str, typer.Argument(metavar="MATCH", help="Id of an offer, `ID/match/N`.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``fastbrand provider``."""
    app.command("match")(match)
    app.command("offers")(offers)
    app.command("accept")(accept)
    app.command("decline")(decline)
    app.command("end")(end)


def match(
    subject: Annotated[str, typer.Argument(metavar="ID", help="A party in standing, or a talent.")],
    kind: KindOption = None,
    declined_too: Annotated[
        bool, typer.Option("--declined-too", help="Also providers that were declined before.")
    ] = False,
    lang: LangOption = "en",
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose providers by the rules, and say why these; open offers of before are superseded."""
    from fastbrand.service import matching as use_case

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: use_case.match(
            office, subject, kind=kind, declined_too=declined_too, lang=present.check_lang(lang), who=who
        ),
        _show_offers,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def offers(
    subject: Annotated[str, typer.Argument(metavar="ID", help="A party, or a talent.")],
    kind: KindOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Every offer ever made to a party or talent, and what became of it."""
    from fastbrand.service import matching as use_case

    desk.look(
        lambda office: use_case.offers_of(office, subject, kind),
        show_matches,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def accept(
    match_id: MatchArgument,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Accept an offer: the provider serves one more, the other offers of that party are superseded."""
    from fastbrand.service import matching as use_case

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: use_case.accept(office, match_id, who=who),
        _show_match,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def decline(
    match_id: MatchArgument,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Decline an offer; --note says why. The provider is not proposed to that party again."""
    from fastbrand.service import matching as use_case

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: use_case.decline(office, match_id, who=who),
        _show_match,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def end(
    match_id: MatchArgument,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """End an accepted match: the provider serves one less; --note says why."""
    from fastbrand.service import matching as use_case

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: use_case.end(office, match_id, who=who),
        _show_match,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def show_matches(rows: list[dict[str, Any]]) -> None:
    """Offers as a table."""
    present.print_table(
        "",
        ("match", "provider", "score", "state", "proposed", "settled", "by", "reason"),
        [
            (
                *(row["match_id"], row["provider_id"], row["score"], row["state"], row["proposed_at"]),
                *(row["settled_at"], row["settled_by"], row["reason"]),
            )
            for row in rows
        ],
        empty="no offers",
    )


def _show_offers(result: dict[str, Any]) -> None:
    for line in result["lines"]:
        print(line)
    print()
    show_matches(result["offers"])
    if result["offers"]:
        print("\nnext: `fastbrand provider accept MATCH`, or `fastbrand provider decline MATCH --note WHY`")


def _show_match(result: dict[str, Any]) -> None:
    keys = ("match_id", "provider_id", "score", "state", "settled_at", "settled_by", "reason")
    present.print_pairs({key.replace("_", " "): result[key] for key in keys})
