"""How results and errors are shown: one JSON document or a table on stdout, errors as one line on stderr."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from fastbrand.domain.errors import FastbrandError, InputError, UsageError

if TYPE_CHECKING:
    from rich.console import Console


_MEND_PERMISSIONS = "mend its permissions, or choose another place"
_REFUSALS = {
    errno.EACCES: _MEND_PERMISSIONS,
    errno.EPERM: _MEND_PERMISSIONS,
    errno.EISDIR: "a file belongs there: move it away",
    errno.EROFS: "choose a place that can be written",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
}

PIPE_WIDTH = 160
"""Columns of a table that is not read on a terminal: ids stay whole for who greps them."""


def perform(work: Callable[[], int | None], *, as_json: bool, verbose: bool = False) -> None:
    """Run ``work`` and end the process with its exit code, or with the code of the error it raised."""
    try:
        code = work()
    except FastbrandError as error:
        fail(error, as_json=as_json, verbose=verbose)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # whoever read us has enough: not an error, and nothing more can be said to them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except (typer.Exit, SystemExit):
        raise
    except OSError as error:
        refusal = system_refusal(error)
        fail(refusal or our_fault(error), as_json=as_json, verbose=verbose)
        raise typer.Exit(refusal.exit_code if refusal else 70) from error
    except Exception as error:
        fail(our_fault(error), as_json=as_json, verbose=verbose)
        raise typer.Exit(70) from error
    if code:
        raise typer.Exit(code)


def system_refusal(error: OSError) -> FastbrandError | None:
    """What the operating system does not let us do with a file, as one line; None where it is something else."""
    if error.filename is None or error.errno not in _REFUSALS:
        return None
    wrapped = UsageError(
        f"`{error.filename}` cannot be used: {os.strerror(error.errno).lower()}",
        hint=_REFUSALS[error.errno],
        code="file_system",
    )
    wrapped.__cause__ = error
    return wrapped


def our_fault(error: Exception) -> FastbrandError:
    """An error nobody foresaw, as one line."""
    first = str(error).splitlines()[0] if str(error) else ""
    wrapped = FastbrandError(
        f"this should not happen: {type(error).__name__}: {first}",
        hint="run it again with `--verbose` and report the trace",
    )
    wrapped.__cause__ = error
    return wrapped


def fail(error: FastbrandError, *, as_json: bool, verbose: bool = False) -> None:
    """Show an error: ``{error: {code, message, hint}}`` on stdout, or one line on stderr (what, and the mend)."""
    for mistake in getattr(error, "mistakes", ()):
        print(mistake, file=sys.stderr)
    if as_json:
        print_json({"error": error.as_dict()})
    mend = f" ({error.hint})" if error.hint else ""
    print(printable(f"fastbrand: error[{error.instance_code}]: {error.message}{mend}"), file=sys.stderr)
    if verbose:
        traceback.print_exception(error.__cause__ or error, file=sys.stderr)


def misused(error: Exception) -> FastbrandError:
    """A command line that the parser did not understand, as one line of ours."""
    said = str(getattr(error, "format_message", error.__str__)())
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", None) or "fastbrand"
    text = re.sub(r"(^|: )([A-Z])", lambda found: found[1] + found[2].lower(), said).replace("'", "`").rstrip(".")
    return UsageError(text, hint=f"see `{command} --help`")


def printable(text: str) -> str:
    """``text`` on one line, control characters escaped: what people typed in cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def print_jsonl(documents: Iterable[Any]) -> int:
    """One JSON document a line; returns how many."""
    count = 0
    for count, document in enumerate(documents, 1):  # noqa: B007 (the count is the result)
        sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    return count


def console(*, stderr: bool = False) -> Console:
    """A rich console that leaves markup in data alone."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, markup=False, highlight=False, soft_wrap=False, width=width)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> None:
    """A table; numbers stand right with thousands grouped; ``empty`` says what would be here."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = [list(row) for row in rows]
    out = console()
    if not rows:
        out.print(empty)
        return
    if title:
        out.print(title, style="bold")
    table = Table(show_edge=False, pad_edge=False, box=SIMPLE_HEAD, header_style="")
    for index, name in enumerate(columns):
        numeric = all(isinstance(row[index], int) and not isinstance(row[index], bool) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric or index == 0)
    for row in rows:
        table.add_row(*[show_value(cell) for cell in row])
    out.print(table)


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Names and values, aligned."""
    width = max((_columns(name) for name in pairs), default=0)
    for name, value in pairs.items():
        print(f"{name}{' ' * (width - _columns(name))}  {show_value(value)}")


def _columns(text: str) -> int:
    """Columns of a terminal that ``text`` takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def show_value(value: Any) -> str:
    """A cell: ``-`` for nothing, yes/no, grouped integers, lists with commas."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(show_value(each) for each in value) or "-"
    return printable(str(value))


def show_age(seconds: int) -> str:
    """How long ago, in the largest unit that says something: `3 days`, `5 h`, `40 s`."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,} {unit}"
    return f"{seconds:,} s"


def check_lang(lang: str) -> str:
    """``en`` or ``zh``; raises ``InputError``."""
    if lang not in {"en", "zh"}:
        raise InputError(f"`{lang}` is not a language we have", hint="use `--lang en` or `--lang zh`")
    return lang
