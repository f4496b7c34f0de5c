"""``fastbrand grant``: bonus traffic, grant by grant."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fastbrand.cli import clawing, consuming, desk, present
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    NoteOption,
    StateOption,
    VerboseOption,
    Who,
)

app = typer.Typer(help="Grants of bonus traffic and their tranches.", no_args_is_help=True)


@app.command("list")
def list_(
    party: Annotated[str | None, typer.Option("--party", metavar="ID", help="Only this party's.")] = None,
    in_state: Annotated[str | None, typer.Option("--in", metavar="STATE", help="Only grants in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List grants, newest period first."""
    from fastbrand.service import grants

    desk.look(
        lambda office: grants.list_grants(office, party_id=party, state=in_state, limit=limit),
        lambda rows: present.print_table(
            "",
            ("grant", "pool", "period", "amount", "state", "tranches"),
            [
                (
                    r["grant_id"],
                    r["pool"],
                    r["period"],
                    r["amount"],
                    r["state"],
                    " ".join(f"{t['amount']:,}:{t['state']}" for t in r["tranches"]),
                )
                for r in rows
            ],
            empty="no such grant: the first of a party comes with its endorsement or approval",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("show")
def show(
    grant: Annotated[str, typer.Argument(metavar="GRANT", help="Grant id, like `ID/2022-08`.")],
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """A grant: how the amount came about, and its tranches."""
    from fastbrand.service import grants

    desk.look(lambda office: grants.show(office, grant), _show_grant, state=state, as_json=as_json, verbose=verbose)


def _show_grant(result: dict[str, Any]) -> None:
    shown = ("grant_id", "party_id", "pool", "period", "amount", "state", "attempt", "decision_id")
    more = tuple(key for key in ("set_off", "debt", "cause") if result[key])
    present.print_pairs({key: result[key] for key in (*shown, *more)})
    print()
    for line in result["steps"]:
        print(line)
    if result["tranches"]:
        print()
        columns = ["no", "amount", "due_at", "state", "consumed", "unspent"]
        columns += [key for key in ("expired", "clawed_back", "debt") if any(t[key] for t in result["tranches"])]
        heads = {"no": "tranche", "due_at": "due", "clawed_back": "clawed back"}
        present.print_table(
            "",
            [heads.get(key, key) for key in columns],
            [[t[key] for key in columns] for t in result["tranches"]],
            empty="",
        )
    if result["clawbacks"]:
        print()
        columns = ["tranche", "cause", "unspent", "spent", "debt"]
        columns += (
            ["forgiven", "returned", "at"] if any(c["forgiven"] is not None for c in result["clawbacks"]) else ["at"]
        )
        present.print_table(
            "Clawed back", columns, [[c[key] for key in columns] for c in result["clawbacks"]], empty=""
        )


app.command("consume")(consuming.consume)
app.command("clawback")(clawing.clawback)
app.command("clawbacks")(clawing.clawbacks)


@app.command("confirm")
def confirm(
    grant: Annotated[str, typer.Argument(metavar="GRANT")],
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Confirm a grant above the limit (role finance)."""
    from fastbrand.service import grants

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: grants.confirm(office, grant, who=who),
        lambda result: present.print_pairs({k: v for k, v in result.items() if k != "command_id"}),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )
