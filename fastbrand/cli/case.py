"""``fastbrand case``: the work of reviewers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.options import (
    AsOption,
    CommandIdOption,
    JsonOption,
    LangOption,
    NoteOption,
    RevisionOption,
    StateOption,
    VerboseOption,
    Who,
)

app = typer.Typer(help="Cases in front of people: next, claim, ask, propose, confirm.", no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="Case id, like `party/ID/vetting/1`, or the party id.")]


def _show(result: dict[str, Any]) -> None:
    present.print_pairs({key: value for key, value in result.items() if key != "command_id"})


OutcomeOption = Annotated[str, typer.Option("--outcome", help="approve or reject.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="CODE", help="Reason code: a criterion, or a word.")]
QueueOption = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Only this queue.")]
KindOption = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="Only vetting, appeal or standing.", show_default=False)
]


@app.command("list")
def list_(
    queue: QueueOption = None,
    kind: KindOption = None,
    assignee: Annotated[str | None, typer.Option("--assignee", metavar="NAME", help="Only this person's.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only those of who asks.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that are late.")] = False,
    escalated: Annotated[bool, typer.Option("--escalated", help="Only those that went where late cases go.")] = False,
    party: Annotated[str | None, typer.Option("--party", metavar="ID", help="Only this party's.")] = None,
    closed: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    actor: AsOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List cases, due soonest first."""
    from fastbrand.service import cases

    desk.look(
        lambda office: cases.list_cases(
            office,
            queue=queue,
            kind=kind,
            assignee=assignee,
            mine=(actor or "") if mine else None,
            party_id=party,
            overdue=overdue,
            escalated=escalated,
            closed=closed,
            limit=limit,
        ),
        lambda rows: present.print_table(
            "",
            ("case", "kind", "stage", "queue", "assignee", "due", "state"),
            [(r["case_id"], r["kind"], r["stage"], r["queue"], r["assignee"], _due(r), r["state"]) for r in rows],
            empty="no such case: nobody waits for a person",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _due(row: dict[str, Any]) -> str | None:
    """When a case is due, in a cell: with what its clock says of it."""
    if row["closed_at"]:
        return None
    if row["paused_at"]:
        return f"answer by {row['info_deadline']}" if row["info_deadline"] else "stopped"
    mark = " late" if row["sla_breached"] else " soon" if row["sla_warned"] else ""
    return f"{row['due_at']}{mark}" if row["due_at"] else None


@app.command("show")
def show(
    case: CaseId,
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """A case: what is asked, which criteria decide and by how much."""
    from fastbrand.service import cases

    desk.look(
        lambda office: cases.show(office, case, lang=present.check_lang(lang)),
        _show_case,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_case(result: dict[str, Any]) -> None:
    shown = ("case_id", "party_id", "kind", "stage", "state", "queue", "role", "assignee")
    ended = {key: result[key] for key in ("closed_at", "outcome", "close_reason")} if result["closed_at"] else {}
    pairs = {key: result[key] for key in shown} | {"due": _due(result), "four_eyes": result["four_eyes"]}
    if result["asked"]:
        pairs["asked"] = result["asked"]
    if result["excluded"]:
        pairs["had a part"] = ", ".join(result["excluded"])
        pairs["may decide"] = ", ".join(result["may_decide"]) or "nobody: name more people"
    present.print_pairs({**pairs, "proposal": _proposal(result["proposal"]), **ended})
    print()
    for line in result["summary"]:
        print(line)


def _proposal(said: dict[str, Any] | None) -> str | None:
    """A proposal on one line."""
    if said is None:
        return None
    told = [f"{said['outcome']} by {said['by']} ({said['reason_code']})"]
    if said.get("confirmed_by"):
        told.append(f"confirmed by {said['confirmed_by']}")
    if said.get("override"):
        told.append("against the rules")
    if said.get("waived"):
        told.append(f"waives {', '.join(said['waived'])}")
    if said.get("final"):
        told.append("final")
    if said.get("note"):
        told.append(str(said["note"]))
    return "; ".join(told)


@app.command("next")
def next_(
    queue: QueueOption = None,
    kind: KindOption = None,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take the soonest due case of your queues and roles that you may decide."""
    from fastbrand.service import next_case

    who = Who(actor, command_id)
    desk.steer(
        lambda office: next_case.next_case(office, queue=queue, kind=kind, who=who),
        lambda result: _show(result) if result["case_id"] else print("no case waits for you"),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("claim")
def claim(
    case: CaseId,
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take a case."""
    from fastbrand.service import cases

    who = Who(actor, command_id, "", revision)
    desk.steer(lambda office: cases.claim(office, case, who=who), _show, state=state, as_json=as_json, verbose=verbose)


@app.command("release")
def release(
    case: CaseId,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Give a case back to its queue; a reviewer does it for somebody else too (`--note` says why)."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.release(office, case, who=who), _show, state=state, as_json=as_json, verbose=verbose
    )


@app.command("request-info")
def request_info(
    case: CaseId,
    item: Annotated[list[str] | None, typer.Option("--item", metavar="FACT", help="What is asked for.")] = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask the merchant for information; without --item, for everything that is unknown."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.request_info(office, case, item or [], who=who),
        _show,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("answer")
def answer(
    case: CaseId,
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...")] = None,
    facts: Annotated[Path | None, typer.Option("--facts", metavar="FILE", help="Facts from a file.")] = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Record the merchant's answer; what it brings is screened at once."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.answer(office, case, values or [], facts_file=facts, who=who),
        _show,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("propose")
def propose(
    case: CaseId,
    outcome: OutcomeOption,
    reason: ReasonOption,
    waive: Annotated[
        list[str] | None,
        typer.Option("--waive", metavar="CRITERION", help="Failed or unknown, and need not be met; again for more."),
    ] = None,
    final: Annotated[bool, typer.Option("--final", help="A rejection after which nobody may apply again.")] = False,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose an outcome; where four eyes are needed, another person confirms."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.propose(
            office, case, outcome=outcome, reason_code=reason, waive=waive, final=final, who=who
        ),
        _show,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("override")
def override(
    case: CaseId,
    outcome: OutcomeOption,
    reason: ReasonOption,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Propose an outcome against the rules, with a note (`--note`); another person always confirms."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.override(office, case, outcome=outcome, reason_code=reason, who=who),
        _show,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("confirm")
def confirm(
    case: CaseId,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Confirm what another person proposed."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.confirm(office, case, who=who), _show, state=state, as_json=as_json, verbose=verbose
    )


@app.command("return")
def return_(
    case: CaseId,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    revision: RevisionOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Send a proposal back to its maker."""
    from fastbrand.service import cases

    who = Who(actor, command_id, note, revision)
    desk.steer(
        lambda office: cases.return_to_maker(office, case, who=who),
        _show,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )
