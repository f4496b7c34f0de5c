"""``fastbrand rules``: check, decide, release, approve, cancel, roll back, list, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fastbrand.cli import backtest, desk, present, rule_diff, rule_tests, schema
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

app = typer.Typer(help="Rule books: what policy people write.", no_args_is_help=True)
backtest.register(app)
rule_tests.register(app)
app.command("schema")(schema.schema)
app.command("diff")(rule_diff.diff)

_AS_THEY_ARE_USED = (
    *("init", "check", "test", "decide", "diff", "backtest", "release", "approve", "cancel", "rollback", "list"),
    *("explain", "replay", "schema"),
)
"""From a first book to what is live: the order in which ``--help`` tells of them."""


@app.command("check")
def check(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="A book directory, one of its files, rule tests or a mapping (default: the working book).",
        ),
    ] = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Report every mistake of a book at its line, in one run. Needs no server and no database."""
    from fastbrand.service import checking

    def work() -> int:
        result = checking.check(path)
        if as_json:
            present.print_json(result)
        else:
            for text in checking.mistake_texts(result):
                print(text)
            print(checking.summary(result))
        return 0 if result["ok"] else 1

    present.perform(work, as_json=as_json, verbose=verbose)


@app.command("decide")
def decide(
    book: Annotated[str, typer.Option("--book", metavar="NAME|FILE", help="Rule book by name, or its file.")],
    facts: Annotated[Path, typer.Option("--facts", metavar="FILE", help="Facts: JSON, JSONL, CSV or Parquet.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Decide as of this date or time (default: now).")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Mapping for a file with foreign columns.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only rows with this value.")
    ] = None,
    track: Annotated[
        str, typer.Option("--track", help="Track for books of both tracks: M or S; for matching K, too.")
    ] = "M",
    providers: Annotated[
        Path | None, typer.Option("--providers", metavar="FILE", help="The register that a matching book chooses from.")
    ] = None,
    lang: LangOption = "en",
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Decide records by the working book. Needs no server and no database; with --json one decision a line."""
    from fastbrand.service import deciding

    def work() -> int:
        language = present.check_lang(lang)
        run = deciding.decide(
            book, facts, as_of=as_of, mapping=mapping, where=where or [], track=track, providers=providers
        )
        if as_json:
            present.print_jsonl(run.documents())
        else:
            for line in run.lines(language):
                print(line)
        for line in run.complaints():
            typer.echo(line, err=True)
        return run.exit_code()

    present.perform(work, as_json=as_json, verbose=verbose)


@app.command("release")
def release(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Book directory.")],
    effective: Annotated[
        str | None, typer.Option("--effective", metavar="TIME", help="From when (default: on approval).")
    ] = None,
    acknowledge: Annotated[
        str | None, typer.Option("--acknowledge", metavar="REASON", help="Why the book's warnings may stand.")
    ] = None,
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Put a changed book up for release (role policy_editor); another person approves it."""
    from fastbrand.service import rulebooks

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: rulebooks.release(office, directory, effective=effective, acknowledge=acknowledge, who=who),
        _show_release,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("approve")
def approve(
    sha: Annotated[str, typer.Argument(metavar="SHA", help="sha256 of the book, or its first digits.")],
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Approve a released book (role policy_approver, another person): it goes live without a restart."""
    from fastbrand.service import rulebooks

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: rulebooks.approve(office, sha, who=who),
        _show_release,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("rollback")
def rollback(
    sha: Annotated[str, typer.Argument(metavar="SHA", help="sha256 of an approved book, or its first digits.")],
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring a book of before into force again, at once (role policy_approver); --note says why."""
    from fastbrand.service import rulebooks

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: rulebooks.rollback(office, sha, who=who),
        _show_release,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


@app.command("cancel")
def cancel(
    sha: Annotated[str, typer.Argument(metavar="SHA", help="sha256 of the book, or its first digits.")],
    note: NoteOption = "",
    actor: AsOption = None,
    command_id: CommandIdOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take a release back before its date (role policy_approver, or the policy_editor who released it)."""
    from fastbrand.service import rulebooks

    who = Who(actor, command_id, note)
    desk.steer(
        lambda office: rulebooks.cancel(office, sha, who=who),
        _show_release,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_release(result: dict[str, Any]) -> None:
    present.print_pairs(
        {
            "book": result["sha256"],
            "state": result["state"],
            "effective from": _since(result),
            "what changed": _changed(result),
        }
    )
    evidence = result["evidence"]
    if evidence:
        tests, tried = evidence["tests"], evidence["backtest"]
        print(f"tests: {tests['passed']:,} pass; warnings taken on: {evidence['check']['warnings']:,}")
        ways = f": {tried['stricter']:,} stricter, {tried['looser']:,} looser" if tried["flips"] else ""
        print(f"over history: {tried['flips']:,} of {tried['records']:,} past applications would flip{ways}")
    if result["state"] == "proposed":
        print(f"next: another person approves it: `fastbrand rules approve {result['sha256'][:16]} --as WHO`")


@app.command("list")
def list_(state: StateOption = None, as_json: JsonOption = False, verbose: VerboseOption = False) -> None:
    """List released books: proposed, approved for a date, live, superseded, cancelled."""
    from fastbrand.service import rulebooks

    desk.look(
        rulebooks.list_books,
        lambda rows: present.print_table(
            "",
            ("book", "state", "effective from", "released by", "approved by", "what changed"),
            [(r["sha256"][:16], r["state"], _since(r), r["released_by"], r["approved_by"], _changed(r)) for r in rows],
            empty="no books",
        ),
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _since(row: dict[str, Any]) -> str | None:
    """From when a book is in force; the first one of an installation is from before anything happened."""
    since: str | None = row["effective_from"]
    if since is None:
        return "its approval" if row["state"] == "proposed" else None
    return "the beginning" if since.startswith("1970-01-01") else since


def _changed(row: dict[str, Any]) -> str:
    """The parts of a book that had another version than the live one when it was released."""
    names = row["evidence"].get("changed", [])
    return ", ".join(f"{name} {row['versions'].get(name, '-')}" for name in names)


@app.command("replay")
def replay(
    decision: Annotated[str | None, typer.Argument(metavar="[DECISION]", help="A decision id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every decision there is.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Evaluate stored facts under the stored book again and compare the bytes; exit code 1 when one differs."""
    from fastbrand.service import replaying

    desk.look(
        lambda office: replaying.replay(office, decision, every=every),
        _show_replay,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=lambda result: 1 if result["changed"] else 0,
    )


def _show_replay(result: dict[str, Any]) -> None:
    print(f"{result['decisions']:,} decisions, {result['identical']:,} replayed to the same bytes")
    for change in result["changed"]:
        print(f"changed: {change['decision_id']} of `{change['party']}` by {change['rulebook']}: {change['why']}")


app.registered_commands.sort(key=lambda command: _AS_THEY_ARE_USED.index(str(command.name)))
