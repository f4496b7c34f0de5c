"""``fastbrand``: the command line. One module a noun; the work is in ``fastbrand.service``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer
from typer.main import get_command_name
from typer.models import CommandInfo

from fastbrand.cli import (
    audit,
    case,
    document,
    facts,
    grant,
    importing,
    party,
    pool,
    present,
    programme,
    provider,
    rules,
    running,
    runs,
    simulating,
    talent,
)

app = typer.Typer(
    name="fastbrand",
    help="Onboard brands and fast brands: apply, vet on written policy, endorse, grant bonus traffic, prove each step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
running.register(app)
importing.register(app)
simulating.register(app)
app.add_typer(party.app, name="party")
app.add_typer(facts.app, name="facts")
app.add_typer(document.app, name="document")
app.add_typer(case.app, name="case")
app.add_typer(grant.app, name="grant")
app.add_typer(pool.app, name="pool")
app.add_typer(runs.upkeep_app, name="upkeep")
app.add_typer(runs.bonus_app, name="bonus")
app.add_typer(programme.app, name="programme")
app.add_typer(provider.app, name="provider")
app.add_typer(talent.app, name="talent")
app.add_typer(rules.app, name="rules")
app.add_typer(audit.app, name="audit")


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"fastbrand {version('fastbrand')}")
        except PackageNotFoundError:
            print("fastbrand (not installed)")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before a command."""


def run() -> None:
    """Entry point of the ``fastbrand`` script."""
    if sys.version_info >= (3, 13):  # pragma: no cover  (durable-rules does not build there)
        sys.exit("fastbrand: error[python]: Python 3.13 is not supported (use Python 3.11 or 3.12)")
    _keep_only(app, sys.argv[1:])
    try:
        sys.exit(app(standalone_mode=False))
    except Exception as error:
        sys.exit(_end(error))


def _keep_only(among: typer.Typer, words: Sequence[str]) -> None:
    """Forget every command but the one that ``words`` name, as far as they name one.

    Typer reads the signatures of all commands before it runs one, which took longer than most of them do. Where a word
    names none, all that could have stood there is left: help and messages tell of it.
    """
    for word in words:
        groups = [each for each in among.registered_groups if each.name == word]
        commands = [each for each in among.registered_commands if _name(each) == word]
        if not groups and not commands:
            return
        among.registered_groups, among.registered_commands = groups, commands
        if not groups or groups[0].typer_instance is None:
            return
        among = groups[0].typer_instance


def _name(command: CommandInfo) -> str:
    return command.name or (get_command_name(command.callback.__name__) if command.callback else "")


def _end(error: Exception) -> int:
    """The exit code for what no command caught: a command line that cannot be parsed, or imports that fail."""
    if type(error).__name__ == "NoArgsIsHelpError":  # `fastbrand party`: its help is the answer
        print(error, file=sys.stderr)
        return 2
    shown = present.misused(error) if hasattr(error, "format_message") else present.our_fault(error)
    present.fail(shown, as_json="--json" in sys.argv, verbose="--verbose" in sys.argv)
    return shown.exit_code
