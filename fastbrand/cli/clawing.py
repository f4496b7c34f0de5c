"""``fastbrand grant clawback`` and ``clawbacks``: taken back by cause, by two people."""

from __future__ import annotations

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
from fastbrand.domain.errors import InputError

ConfirmOption = Annotated[
    str | None, typer.Option("--confirm", metavar="ID", help="Confirm what another person proposed.")
]
RefuseOption = Annotated[
    str | None, typer.Option("--refuse", metavar="ID", help="Refuse a proposal, or take one's own back.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; the second person reads it.", show_default=False)
]


def one_of(**said: object) -> str:
    """The name of the only one of ``said`` that is given (an argument, ``confirm``, ``refuse``).

    Raises ``InputError`` where there are none, or several.
    """
    given = [name for name, value in said.items() if value is not None]
    if len(given) == 1:
        return given[0]
    argument = next(name for name in said if name not in {"confirm", "refuse"})
    raise InputError(
        "this proposes and answers at once" if given else "this proposes nothing and answers nothing",
        hint=f"give {argument.upper()}, or `--confirm ID`, or `--refuse ID`",
    )


def clawback(
    grant: Annotated[str | None, typer.Argument(metavar="[GRANT]", help="Grant id, like `ID/2022-08`.")] = None,
    cause: Annotated[
        str | None, typer.Option("--cause", metavar="CODE", help="Cause, whose terms the grant has.")
    ] = None,
    reason: ReasonOption = None,
    confirm: ConfirmOption = None,
    refuse: RefuseOption = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Claw a grant back by cause (role finance): one person proposes, `--confirm ID` by another books it.

    What is not released is given up; of what is, the terms of the grant's own decision say which share of the unspent
    goes back to the pool and which share of the spent becomes a debt, set off against the party's next grants.
    """

    def work(office: Any) -> Any:
        from fastbrand.service import clawing

        which = one_of(grant=grant, confirm=confirm, refuse=refuse)
        if which == "grant":
            if cause is None:
                raise InputError("a clawback needs a cause", hint="say which: `--cause CODE`")
            return clawing.propose(office, grant or "", cause, who=Who(actor, command_id, reason or note))
        if cause is not None:
            raise InputError("`--cause` goes with a proposal", hint="leave it out: the proposal has its cause")
        if which == "confirm":
            return clawing.confirm(office, confirm or "", who=Who(actor, command_id, note or reason or ""))
        return clawing.refuse(office, refuse or "", who=Who(actor, command_id, reason or note))

    desk.steer(work, _show, state=state, as_json=as_json, verbose=verbose)


def clawbacks(
    grant: Annotated[str | None, typer.Option("--grant", metavar="GRANT", help="Only this grant's.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List clawbacks that were proposed, and what became of them."""
    from fastbrand.service import clawing

    desk.look(
        lambda office: clawing.list_clawbacks(office, grant_id=grant, limit=limit),
        lambda rows: present.print_table(
            "",
            ("clawback", "grant", "cause", "state", "proposed by", "answered by", "reason"),
            [
                (
                    r["clawback_id"],
                    r["grant_id"],
                    r["cause"],
                    r["state"],
                    r["proposed_by"],
                    r["answered_by"],
                    r["reason"],
                )
                for r in rows
            ],
            empty="nobody proposed a clawback",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show(result: dict[str, Any]) -> None:
    shown = ("clawback_id", "state", "grant_id", "cause", "terms", "voided", "unspent", "debt", "reason", "proposed_by")
    more = tuple(key for key in ("answered_by", "woken") if result.get(key))
    present.print_pairs({key: result[key] for key in (*shown, *more) if key in result})
    if result["state"] == "proposed":
        print(f"another person of finance confirms: fastbrand grant clawback --confirm {result['clawback_id']}")
