"""Cases: list, show, claim, give back, ask, answer, propose, override, confirm, return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain import names
from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import FourEyes, InputError, NotFound, Refused
from fastbrand.domain.lifecycle import Stage
from fastbrand.domain.people import Action, Identity, Role, role_for
from fastbrand.service import facts as fact_cases
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.parties import known
from fastbrand.service.reasons import book_of, check_reason, check_waivers
from fastbrand.service.texts import decision_lines
from fastbrand.service.views import case_view
from fastbrand.service.who import Asker
from fastbrand.store import audit, cases, commands, decisions, parties
from fastbrand.store.cases import CaseKind, CaseRow

if TYPE_CHECKING:
    from workflows.messages import Command


WAITING = tuple(state for state in cases.CaseState if state not in cases.ENDED)
"""States of a case that waits for somebody."""

_PROPOSED = frozenset({Stage.ENDORSEMENT_PROPOSED, Stage.APPROVAL_PROPOSED})
_ACTIONS: dict[Action, str] = {
    Action.CASE_CLAIM: "claim",
    Action.CASE_PROPOSE: "propose",
    Action.CASE_OVERRIDE: "propose",
    Action.CASE_CONFIRM: "confirm",
    Action.CASE_RETURN: "return",
}
"""What nobody does who had a part in what a case is about, as ``casework`` calls it."""
_FOR_ITS_ROLE = frozenset({Action.CASE_CLAIM, Action.CASE_REQUEST_INFO, Action.CASE_PROPOSE, Action.CASE_OVERRIDE})
"""What only the role does that a case waits for."""


def list_cases(
    office: Office,
    *,
    queue: str | None = None,
    kind: str | None = None,
    assignee: str | None = None,
    mine: str | None = None,
    party_id: str | None = None,
    overdue: bool = False,
    escalated: bool = False,
    closed: bool = False,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Cases, due soonest first; closed ones only when asked for.

    ``mine`` names who asks (empty: the development identity) and wants what that person has; ``overdue``: late by now,
    on a clock that runs; ``escalated``: gone to where late cases go. Raises ``InputError`` on a kind there is not,
    ``NotFound`` on a party that is not known.
    """
    wanted = parse_kind(kind)
    holder = assignee if mine is None else office.people.identify(mine or office.settings.actor or None).id
    if party_id is not None:
        known(office, party_id)
    with office.db.read() as conn:
        rows = cases.list_cases(
            conn,
            state=None if closed else WAITING,
            queue=queue,
            kind=wanted,
            assignee=holder,
            party_id=party_id,
            overdue_at=office.now() if overdue else None,
            escalated=escalated,
            limit=limit,
        )
        whose = {row.party_id: row for row in parties.by_ids(conn, [each.party_id for each in rows])}
    return [case_view(row, whose.get(row.party_id)) for row in rows]


def parse_kind(text: str | None) -> CaseKind | None:
    """A kind of case. Raises ``InputError``."""
    if text is None:
        return None
    if text not in set(CaseKind):
        raise InputError(f"`{text[:60]}` is not a kind of case", hint=f"kinds are {', '.join(CaseKind)}")
    return CaseKind(text)


def show(office: Office, case: str, *, lang: str = "en") -> dict[str, Any]:
    """A case with what its last decision found, in ``lang``.

    ``asked`` is what was said when it was opened, ``may_decide`` are the people who may propose or confirm in it.
    """
    row = find(office, case)
    with office.db.read() as conn:
        party = parties.get(conn, row.party_id)
        stored = decisions.get(conn, row.decision_id) if row.decision_id else None
        view = case_view(row, party)
        view["decision"] = stored.decision() if stored else None
        view["summary"] = decision_lines(conn, stored, lang) if stored else ["the rules engine could not be asked"]
        opened = audit.list_events(conn, party_id=row.party_id, verb=Verb.CASE_OPENED)
        view["asked"] = next((each["reason"] for each in opened if each["subject"]["id"] == row.case_id), None)
    view["may_decide"] = _may_decide(office, row, Action.CASE_PROPOSE)
    return view


def _may_decide(office: Office, row: CaseRow, action: Action) -> list[str]:
    """Who may do ``action`` in a case, and had no part in what it is about."""
    wanted = row.role if action in _FOR_ITS_ROLE else None
    return [each for each in office.people.able(action, wanted) if each not in row.excluded]


def find(office: Office, case: str) -> CaseRow:
    """The case of this id, or the newest case of the party of this id. Raises ``NotFound``."""
    with office.db.read() as conn:
        if "/" in case:
            names.party_of_case(case)
            row = cases.get(conn, case)
        else:
            names.check_party_id(case)
            mine = cases.list_cases(conn, party_id=case)
            row = max(mine, key=lambda each: each.number, default=None)
    if row is None:
        raise NotFound(f"`{case}` has no case", hint="see `fastbrand case list --all`")
    return row


async def claim(office: Office, case: str, *, who: Asker) -> dict[str, Any]:
    """Take a case."""
    from workflows.messages import ClaimCase

    return await _send(office, case, Action.CASE_CLAIM, "claim", ClaimCase, {}, who)


async def claim_for(office: Office, case_id: str, envelope: Envelope, person: Identity) -> dict[str, Any]:
    """Claim a case under a command that was let through already. Raises ``Refused``."""
    from workflows.messages import ClaimCase

    row = find(office, case_id)
    role = role_for(person, Action.CASE_CLAIM, row.role)
    if role is None:
        raise Refused(f"`{case_id}` waits for the role `{row.role}`", hint="take another case")
    return await _tell(office, row, "claim", ClaimCase, {}, replace(envelope, role=str(role)))


async def release(office: Office, case: str, *, who: Asker) -> dict[str, Any]:
    """Give a case back to its queue; a reviewer does it for somebody else too, with a note. Raises ``Refused``."""
    from workflows.messages import ReleaseCase

    row = find(office, case)
    named = who.actor or office.settings.actor or office.people.development
    wanted = None if row.assignee in {None, named} else str(Role.REVIEWER)
    return await _send(office, case, Action.CASE_RELEASE, "release", ReleaseCase, {}, who, wanted=wanted)


async def request_info(office: Office, case: str, items: list[str], *, who: Asker) -> dict[str, Any]:
    """Ask the merchant for ``items`` (none: everything that is unknown). Raises ``InputError`` on no such fact."""
    from workflows.messages import RequestInfo

    book = fact_cases.live_book(office)
    for item in items:
        if item not in book.facts:
            raise fact_cases.no_such_fact(book, item)
    return await _send(
        office, case, Action.CASE_REQUEST_INFO, "request_info", RequestInfo, {"items": tuple(items)}, who
    )


async def answer(
    office: Office, case: str, values: list[str], *, facts_file: Path | None, who: Asker
) -> dict[str, Any]:
    """Record the merchant's answer: its facts are stored, the case goes back to vetting and is screened again."""
    from workflows.messages import AnswerInfo

    row = find(office, case)
    news = fact_cases.read_for(office, row.party_id, facts_file) if facts_file else []
    news += fact_cases.parse_pairs(office, values, source="merchant", observed_at=None)
    with office.db.read() as conn:
        party = parties.get(conn, row.party_id)
    screened = party.screening_no if party is not None else 0

    async def before(envelope: Envelope) -> None:
        # an answer that will be refused leaves no facts behind
        if party is not None and find(office, row.case_id).state is cases.CaseState.INFO_REQUESTED:
            fact_cases.store(office, row.party_id, party.track, news, envelope)

    done = await _send(
        office, case, Action.CASE_ANSWER, "answer", AnswerInfo, {}, who, before, {"facts": fact_cases.digest(news)}
    )
    # an answer that is repeated was screened long ago
    asked = row.state is cases.CaseState.INFO_REQUESTED
    return {**done, **await _settled(office, row, screened if asked else -1)}


async def _settled(office: Office, row: CaseRow, screened: int) -> dict[str, Any]:
    """The case and the stage once the party was screened more than ``screened`` times: by its lifecycle, any moment."""
    import asyncio

    deadline = office.answer_within.total_seconds()
    waited = 0.0
    while waited < min(deadline, 10.0):
        with office.db.read() as conn:
            now, party = cases.get(conn, row.case_id), parties.get(conn, row.party_id)
        if now is not None and party is not None and party.screening_no > screened:
            # a party whose case the system closed passes through a proposed stage, it does not rest there
            passing = now.state is cases.CaseState.CLOSED and party.stage in _PROPOSED
            if not passing:
                return {"state": str(now.state), "stage": str(party.stage)}
        await asyncio.sleep(0.05)
        waited += 0.05
    return {}


async def propose(
    office: Office,
    case: str,
    *,
    outcome: str,
    reason_code: str,
    who: Asker,
    waive: list[str] | None = None,
    final: bool = False,
) -> dict[str, Any]:
    """Propose ``approve`` or ``reject`` with a reason code.

    ``waive``: criteria that are failed or unknown and need not be met; ``final``: a rejection after which the party may
    never apply again. Both take a second person. Raises ``InputError`` on a reason or a criterion there is not.
    """
    return await _propose(office, case, Action.CASE_PROPOSE, outcome, reason_code, waive or [], who, final=final)


async def override(office: Office, case: str, *, outcome: str, reason_code: str, who: Asker) -> dict[str, Any]:
    """Propose an outcome against what the rules found: with a note, and always for a second person to confirm.

    Raises ``Refused`` where it is not against the rules.
    """
    return await _propose(office, case, Action.CASE_OVERRIDE, outcome, reason_code, [], who, override=True)


async def _propose(
    office: Office,
    case: str,
    action: Action,
    outcome: str,
    reason_code: str,
    waive: list[str],
    who: Asker,
    **flags: bool,
) -> dict[str, Any]:
    from workflows.messages import Propose

    row = find(office, case)
    with office.db.read() as conn:
        party = parties.get(conn, row.party_id)
    book = book_of(office, party)
    if reason_code:  # none at all is the workflow's to refuse
        check_reason(book, reason_code, outcome)
    fields = {"outcome": outcome, "reason_code": reason_code, "waive": check_waivers(book, waive), **flags}
    return await _send(office, case, action, "propose", Propose, fields, who)


async def confirm(office: Office, case: str, *, who: Asker) -> dict[str, Any]:
    """Confirm what another person proposed."""
    from workflows.messages import Confirm

    return await _send(office, case, Action.CASE_CONFIRM, "confirm", Confirm, {}, who)


async def return_to_maker(office: Office, case: str, *, who: Asker) -> dict[str, Any]:
    """Send a proposal back to its maker."""
    from workflows.messages import ReturnCase

    return await _send(office, case, Action.CASE_RETURN, "return_", ReturnCase, {}, who)


Before = Callable[[Envelope], Awaitable[None]]


async def _send(
    office: Office,
    case: str,
    action: Action,
    update: str,
    kind: type[Command],
    fields: dict[str, Any],
    who: Asker,
    before: Before | None = None,
    params: dict[str, Any] | None = None,
    *,
    wanted: str | None = None,
) -> dict[str, Any]:
    """Send one command to the case's workflow; gives ``case_id, state, stage, assignee, command_id``."""
    row = find(office, case)
    said = {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}
    order = Order(
        action=action,
        subject_kind="case",
        subject_id=row.case_id,
        party_id=row.party_id,
        params={**said, **(params or {})},
        wanted=row.role if action in _FOR_ITS_ROLE else wanted,
        **who.order(),
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        _check_part(office, row, action, envelope.actor)
        return await _tell(office, row, update, kind, fields, envelope, before)

    return await carry_out(office, order, send)


def _check_part(office: Office, row: CaseRow, action: Action, actor: str) -> None:
    """Refuse who had a part in what a case is about, and say who had none. The case itself asks again."""
    what = _ACTIONS.get(action)
    if what is None or actor not in row.excluded:
        return
    fit = _may_decide(office, row, action)
    raise FourEyes(
        f"`{actor}` had a part in what `{row.case_id}` is about and cannot {what} it",
        hint=f"these may: {', '.join(fit)}" if fit else "nobody else may: name more reviewers in the people file",
    )


async def _tell(
    office: Office,
    row: CaseRow,
    update: str,
    kind: type[Command],
    fields: dict[str, Any],
    envelope: Envelope,
    before: Before | None = None,
) -> dict[str, Any]:
    """Say it to the case's workflow, or answer for one that has ended."""
    from fastbrand.service.temporal_calls import update_workflow
    from workflows.vetting_case import VettingCase

    await office.connect()
    if row.state is cases.CaseState.CLOSED:
        return _of_closed(office, row, update, envelope)
    if before is not None:
        await before(envelope)
    try:
        view = await update_workflow(
            office,
            row.case_id,
            getattr(VettingCase, update),
            envelope.fill(kind, **fields),
            missing=f"case `{row.case_id}` is not under way",
            starting=lambda: find(office, row.case_id).state is not cases.CaseState.CLOSED,
        )
    except NotFound:
        now = find(office, row.case_id)
        if now.state is not cases.CaseState.CLOSED:
            raise
        return _of_closed(office, now, update, envelope)
    return {
        "case_id": view.case_id,
        "state": view.state,
        "stage": str(view.stage),
        "assignee": view.assignee,
        "command_id": envelope.command_id,
    }


def _of_closed(office: Office, row: CaseRow, update: str, envelope: Envelope) -> dict[str, Any]:
    """What this very command did to a case that has ended since: its answer was lost. Raises ``Refused`` otherwise."""
    with office.db.read() as conn:
        done = commands.find(conn, f"{update.rstrip('_')}/{row.case_id}/{envelope.command_id}")
    if done is None or done.actor != envelope.actor:
        raise Refused(
            f"case `{row.case_id}` is closed ({row.outcome or row.close_reason})",
            hint="see `fastbrand party show` for what came of it",
        )
    return {
        "case_id": row.case_id,
        "state": done.result["state"],
        "stage": done.result["party"]["stage"],
        "assignee": done.result["assignee"],
        "command_id": envelope.command_id,
    }
