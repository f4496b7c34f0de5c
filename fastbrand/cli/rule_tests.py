"""``fastbrand rules test|init|explain``: rule tests, a book to begin with, and a decision in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastbrand.cli import desk, present
from fastbrand.cli.options import JsonOption, LangOption, StateOption, VerboseOption
from fastbrand.domain.errors import FastbrandError

if TYPE_CHECKING:
    from fastbrand.service.rule_tests import TestRun


def register(app: typer.Typer) -> None:
    """Add the commands to ``fastbrand rules``."""
    app.command("test")(run_tests)
    app.command("init")(init)
    app.command("explain")(explain)


def run_tests(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="A book directory, a rule file or a test file (default: working book)."),
    ] = None,
    with_coverage: Annotated[
        bool, typer.Option("--coverage", help="Exit code 1 below 100%, with a case for what is missing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Run again on every change, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a book's tests with both engines. Needs no server and no database; --watch --json gives one line a run."""
    from fastbrand.service import rule_tests

    def work() -> int:
        if watch:
            return _watch(path, with_coverage=with_coverage, as_json=as_json)
        run = rule_tests.run(path, with_coverage=with_coverage)
        if as_json:
            present.print_json(run.document())
        else:
            _show(run)
        return run.exit_code()

    present.perform(work, as_json=as_json, verbose=verbose)


def _watch(path: Path | None, *, with_coverage: bool, as_json: bool) -> int:
    """Show run after run; Ctrl-C is how it ends, and no failure."""
    from datetime import datetime

    from fastbrand.service import rule_tests

    try:
        for run in rule_tests.watch(path, with_coverage=with_coverage):
            if as_json:
                present.print_jsonl([{"error": run.as_dict()} if isinstance(run, FastbrandError) else run.document()])
            else:
                print(f"--- {datetime.now():%H:%M:%S}")  # noqa: DTZ005  (the clock on the wall, for who watches)
                present.fail(run, as_json=False) if isinstance(run, FastbrandError) else _show(run)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 0
    return 0


def _show(run: TestRun) -> None:
    for line in run.lines():
        print(line)


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty directory.")],
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Write a small complete book with tests, ready to edit; refuses a directory that holds anything."""
    from fastbrand.service import rule_tests

    def work() -> None:
        files = rule_tests.init(directory)
        if as_json:
            present.print_json({"path": str(directory), "files": [str(file) for file in files]})
            return
        for file in files:
            print(file)
        print(f"next: fastbrand rules check {directory}; fastbrand rules test {directory} --coverage")

    present.perform(work, as_json=as_json, verbose=verbose)


def explain(
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="A decision id.")],
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say a stored decision in words: what failed and by how much, the line of the rule, how a bonus came about."""
    from fastbrand.service import explaining

    desk.look(
        lambda office: explaining.explain(office, decision, present.check_lang(lang)),
        _show_lines,
        state=state,
        as_json=as_json,
        verbose=verbose,
    )


def _show_lines(result: dict[str, Any]) -> None:
    for line in result["lines"]:
        print(line)
    if result["summary"]:
        print(f"\n{result['summary']}")
