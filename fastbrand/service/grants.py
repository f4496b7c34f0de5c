"""Grants: list, show how an amount came about, confirm."""

from __future__ import annotations

import json
from typing import Any

from fastbrand.domain import names
from fastbrand.domain.errors import InputError, NotFound, Refused
from fastbrand.domain.grant import GrantState
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.parties import known
from fastbrand.service.texts import further_lines
from fastbrand.service.views import clawed_view, entry_view, grant_view
from fastbrand.service.who import Asker
from fastbrand.store import decisions, grants, ledger


def list_grants(office: Office, *, party_id: str | None, state: str | None, limit: int) -> list[dict[str, Any]]:
    """Grants, newest period first. Raises ``InputError`` on a state there is not, ``NotFound`` on an unknown party."""
    if state is not None and state not in {each.value for each in GrantState}:
        raise InputError(
            f"`{state}` is not a grant's state", hint=f"states are {', '.join(each.value for each in GrantState)}"
        )
    if party_id is not None:
        known(office, party_id)
    with office.db.read() as conn:
        rows = grants.list_grants(conn, party_id=party_id, state=GrantState(state) if state else None, limit=limit)
        plans = grants.tranches_of_many(conn, [row.grant_id for row in rows])
        held = ledger.holdings(conn, [row.grant_id for row in rows])
    rows.sort(key=lambda row: row.period, reverse=True)
    return [grant_view(row, plans[row.grant_id], held[row.grant_id]) for row in rows]


def find(office: Office, grant_id: str) -> grants.GrantRow:
    """The grant. Raises ``NotFound``."""
    with office.db.read() as conn:
        row = grants.get(conn, grant_id)
    if row is None:
        raise NotFound(f"grant `{grant_id}` is not known", hint="a grant id looks like `ID/2022-08`: `grant list`")
    return row


def show(office: Office, grant_id: str) -> dict[str, Any]:
    """A grant with the steps of its amount, what the next tier needs, and every booking of the ledger."""
    row = find(office, grant_id)
    with office.db.read() as conn:
        stored = decisions.get(conn, row.decision_id) if row.decision_id else None
        view = grant_view(row, grants.tranches_of(conn, grant_id), ledger.holdings(conn, [grant_id])[grant_id])
        fallen = ledger.forgiven_of(conn, grant_id)
        view["clawbacks"] = [
            clawed_view(each, fallen.get((each.tranche_no, each.cause))) for each in ledger.clawbacks_of(conn, grant_id)
        ]
        view["entries"] = [entry_view(each) for each in ledger.entries_of(conn, grant_id)]
        core = json.loads(stored.core) if stored else {}
        view["decision"] = stored.decision() if stored else None
        # of the row of a table, where a brand that everybody knows by now was turned away
        view["steps"] = further_lines(conn, stored) if stored else []
        view["next_tier"] = core.get("result", {}).get("next_tier")
    return view


async def confirm(office: Office, grant_id: str, *, who: Asker) -> dict[str, Any]:
    """Confirm a grant above the limit; its first tranche is released when due. Gives ``grant_id, state, amount``."""
    row = find(office, grant_id)
    order = Order(Action.GRANT_CONFIRM, "grant", grant_id, {}, party_id=row.party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_workflow
        from workflows.messages import ConfirmGrant
        from workflows.traffic_bonus import TrafficBonus

        try:
            view = await update_workflow(
                office,
                names.grant_workflow_id(grant_id),
                TrafficBonus.confirm,
                envelope.fill(ConfirmGrant),
                missing=f"grant `{grant_id}` has nothing under way",
                starting=lambda: find(office, grant_id).state is GrantState.AWAITING_CONFIRMATION,
            )
        except NotFound as error:
            state = find(office, grant_id).state
            if state is GrantState.AWAITING_CONFIRMATION:
                raise
            raise Refused(f"the grant is `{state}`", hint="there is nothing to confirm") from error
        return {
            "grant_id": view.grant_id,
            "state": view.state,
            "amount": view.amount,
            "command_id": envelope.command_id,
        }

    return await carry_out(office, order, send)
