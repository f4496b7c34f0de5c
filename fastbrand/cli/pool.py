"""``fastbrand pool``: what is left, and whether the books balance."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.clawing import ConfirmOption, ReasonOption, RefuseOption, one_of
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

app = typer.Typer(help="Traffic pools and their ledger.", no_args_is_help=True)

LABELS = {
    "budget": "budget",
    "top_ups": "top-ups",
    "available": "available",
    "reserved": "reserved",
    "released_unspent": "released, not spent",
    "consumed": "consumed",
    "clawed_back": "clawed back",
    "debt": "debt",
}


def show_pools(rows: list[dict[str, Any]], title: str = "") -> None:
    """Pools as a table; a line of top-ups where there were any."""
    shown = [key for key in LABELS if key != "top_ups" or any(row.get(key) for row in rows)]
    present.print_table(
        title,
        ("", *(f"{row['pool_id']} ({row['unit']})" for row in rows)),
        [[LABELS[key], *(row[key] for row in rows)] for key in shown],
        empty="no pools",
    )


@app.command("status")
def status(state: StateOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Each pool: budget, available, reserved, released, consumed."""
    from fastbrand.service import pools

    desk.look(pools.status, show_pools, state=state, as_json=as_json, verbose=verbose)


@app.command("reconcile")
def reconcile(state: StateOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """Recompute every account from its entries; exit code 1 when they differ."""
    from fastbrand.service import pools

    desk.look(
        pools.reconcile,
        _show_reconciled,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=lambda result: 0 if result["balanced"] else 1,
    )


@app.command("top-up")
def top_up(
    pool: Annotated[str | None, typer.Argument(metavar="[POOL]", help="The pool.")] = None,
    amount: Annotated[int | None, typer.Argument(metavar="[AMOUNT]", help="Units to add.")] = None,
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
    """Add units to a pool (role finance): one person proposes, `--confirm ID` by another adds them.

    The first grant in line for the pool is told at once.
    """

    def work(office: Any) -> Any:
        from fastbrand.service import pools

        which = one_of(pool=pool, confirm=confirm, refuse=refuse)
        if which == "pool":
            if amount is None:
                raise InputError("a top-up needs an amount", hint="write `fastbrand pool top-up POOL AMOUNT`")
            return pools.propose_top_up(office, pool or "", amount, who=Who(actor, command_id, reason or note))
        if which == "confirm":
            return pools.confirm_top_up(office, confirm or "", who=Who(actor, command_id, note or reason or ""))
        return pools.refuse_top_up(office, refuse or "", who=Who(actor, command_id, reason or note))

    desk.steer(work, _show_top_up, state=state, as_json=as_json, verbose=verbose)


def _show_top_up(result: dict[str, Any]) -> None:
    shown = ("top_up_id", "state", "pool", "amount", "reason", "proposed_by")
    more = tuple(key for key in ("answered_by", "woken") if result.get(key))
    present.print_pairs({key: result[key] for key in (*shown, *more)})
    if result["state"] == "proposed":
        print(f"another person of finance confirms: fastbrand pool top-up --confirm {result['top_up_id']}")


@app.command("top-ups")
def top_ups(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List top-ups that were proposed, and what became of them."""
    from fastbrand.service import pools

    columns = ("top_up_id", "pool", "amount", "state", "proposed_by", "answered_by", "reason")
    desk.look(
        lambda office: pools.top_ups(office, limit=limit),
        lambda rows: present.print_table(
            "",
            ("top-up", "pool", "amount", "state", "proposed by", "answered by", "reason"),
            [[row[key] for key in columns] for row in rows],
            empty="nobody proposed a top-up",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_reconciled(result: dict[str, Any]) -> None:
    if result["balanced"]:
        print("balanced: every account equals the sum of its entries")
    for difference in result["differences"]:
        print(f"difference: {difference}")
