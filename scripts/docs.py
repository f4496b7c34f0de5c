"""Writes the parts of docs/ that repeat the code: commands, settings, keys, errors. ``make docs`` refreshes them.

A page is written by hand around blocks between ``<!-- made from NAME: begin -->`` and ``<!-- made from NAME: end -->``.
A test fails when a block is stale.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from fastbrand.domain.lifecycle import ENDED, STANDING, TRANSITIONS, Stage, Track
from fastbrand.domain.people import MAY, Role
from fastbrand.domain.reasons import REASONS
from scripts import error_index, error_messages, rule_reference

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SHARED = ("--as", "--command-id", "--revision", "--note", "--lang", "--state", "--json", "--verbose")
"""Options that mean the same wherever they are: docs/cli.md says what, once."""

_BLOCK = re.compile(r"(<!-- made from (\S+): begin -->\n).*?(<!-- made from \2: end -->\n)", re.DOTALL)


def main() -> int:
    """Refresh every page that has such a block."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        fresh = refreshed(text)
        if fresh != text:
            page.write_text(fresh, encoding="utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    return 0


def refreshed(text: str) -> str:
    """``text`` with every block made anew. Raises ``KeyError`` on a block that nobody makes."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]]()}\n{block[3]}", text)


# --- commands -----------------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with the words that call it, in the order of ``--help``."""
    import typer

    from fastbrand.cli.main import app

    yield from _leaves("fastbrand", typer.main.get_command(app))


def _leaves(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name, each in below.items():
        yield from _leaves(f"{words} {name}", each)


def cli_block() -> str:
    """The reference of the command line."""
    return "\n".join(_command(words, command) for words, command in commands())


def _command(words: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join([words, *(_argument(each) for each in arguments)])
    lines = [f"### `{words}`", "", command.help.strip().splitlines()[0], "", f"    {usage} [OPTIONS]", ""]
    own = [each for each in options if each.opts[0] not in SHARED]
    if own:
        lines += ["| option | |", "|---|---|", *(f"| {_option(each)} | {_meaning(each)} |" for each in own), ""]
    shared = [f"`{each.opts[0]}`" for each in options if each.opts[0] in SHARED]
    return "\n".join([*lines, f"Shared options: {', '.join(shared)}.", ""])


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[]")
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    kind = option.metavar or ("" if getattr(option, "is_flag", False) else _kind(option))
    return f"{names} `{kind}`".replace("|", "\\|") if kind else names


def _kind(option: Any) -> str:
    return "N" if isinstance(option.default, int) or option.name in {"port", "limit", "seed"} else "TEXT"


def _meaning(option: Any) -> str:
    text = (option.help or "").replace("|", "\\|")
    shown = option.default is not None and option.default is not False and option.default != "" and not option.required
    if shown and "(default" not in text and not callable(option.default):
        text += f" Default: `{option.default}`."
    return f"{text} **Needed.**" if option.required else text


def roles_block() -> str:
    """Who may do what: actions that the same roles may do share a row."""
    rows: dict[frozenset[Role], list[str]] = {}
    for action, roles in MAY.items():
        rows.setdefault(roles, []).append(f"`{action}`")
    table = []
    for roles, actions in rows.items():
        table.append(f"| {', '.join(actions)} | {' or '.join(f'`{role}`' for role in sorted(roles))} |")
    return "\n".join(["| action | role |", "|---|---|", *table, ""])


# --- settings -----------------------------------------------------------------------------------------------------


def settings() -> Iterator[tuple[str, str, str]]:
    """``(variable, default, meaning)`` of every setting, in the order of the source."""
    from fastbrand import settings as module

    source = Path(module.__file__).read_text(encoding="utf-8")
    body = next(
        node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    for node, after in pairwise(body):
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        name = node.target.id
        assert isinstance(after, ast.Expr), f"setting `{name}` has no docstring"
        assert isinstance(after.value, ast.Constant), f"setting `{name}` has no docstring"
        yield module.variable(name), _default(module.Settings.model_fields[name]), _plain(after.value.value)


def _plain(text: object) -> str:
    """A docstring as Markdown on one line."""
    return " ".join(str(text).split()).replace("``", "`")


def _default(field: Any) -> str:
    if field.default_factory is not None:
        return {"shipped_book": "the shipped book", "default_people": "see below"}[field.default_factory.__name__]
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if str(value) else "empty"


def settings_block() -> str:
    """The table of settings."""
    rows = [f"| `{variable}` | {default} | {meaning} |" for variable, default, meaning in settings()]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows, ""])


# --- stages -------------------------------------------------------------------------------------------------------


def diagram(track: Track) -> str:
    """The stages of one track as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR"]
    drawn: dict[tuple[Stage, Stage], list[str]] = {}
    for step in TRANSITIONS:
        if track in step.tracks:
            drawn.setdefault((step.source, step.target), []).append(step.event)
    for (source, target), events in drawn.items():
        lines.append(f"    {_node(source)} --> {target} : {', '.join(events)}")
    used = [stage for stage in Stage if any(stage in pair for pair in drawn)]
    lines += [f"    class {stage} standing" for stage in used if stage in STANDING]
    lines += [f"    class {stage} ended" for stage in used if stage in ENDED]
    lines += ["    classDef standing fill:#2f7d4f,color:#fff", "    classDef ended fill:#8a3b3b,color:#fff", "```", ""]
    return "\n".join(lines)


def _node(stage: Stage) -> str:
    return "[*]" if stage is Stage.NONE else str(stage)


def transitions_block() -> str:
    """The table of transitions."""
    rows = [
        f"| `{step.source}` | `{step.event}` | `{step.target}` | {', '.join(sorted(step.tracks))} |"
        for step in TRANSITIONS
    ]
    return "\n".join(["| from | event | to | tracks |", "|---|---|---|---|", *rows, ""])


def reasons_block() -> str:
    """The reason codes that are words."""
    rows = [
        f"| `{code}` | {' or '.join(reason.outcomes)} | {reason.en} | {reason.zh} |" for code, reason in REASONS.items()
    ]
    return "\n".join(["| code | to | | |", "|---|---|---|---|", *rows, ""])


BLOCKS: dict[str, Callable[[], str]] = {
    "fastbrand/cli": cli_block,
    "fastbrand/domain/people.py": roles_block,
    "fastbrand/settings.py": settings_block,
    "fastbrand/domain/lifecycle.py:M": lambda: diagram(Track.M),
    "fastbrand/domain/lifecycle.py:S": lambda: diagram(Track.S),
    "fastbrand/domain/lifecycle.py:table": transitions_block,
    "fastbrand/domain/reasons.py": reasons_block,
    "rules/schema.py": rule_reference.block,
    "rules/mistakes.py": error_index.block,
    "fastbrand/domain/errors.py": error_messages.block,
}

if __name__ == "__main__":
    sys.exit(main())
