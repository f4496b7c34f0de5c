"""Runs command lines as the ``fastbrand`` script does, each in a fork of a process that has imported everything.

Most of a short command is imports. One order a line on stdin (JSON: argv, environment, cwd, out, err), one exit code a
line on stdout.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, NoReturn

from fastbrand.cli.main import run
from fastbrand.settings import shipped_book
from rules.loader import load_directory
from tests.imports import import_packages

WARM = ("fastbrand.service", "fastbrand.store", "fastbrand.cli")
SINGLE = (
    "alembic.command",
    "alembic.ddl",
    "alembic.operations.batch",
    "alembic.runtime.environment",
    "fastbrand.wiring",
    "fastbrand.supervisor",
    "temporalio.client",
    "rules.engine",
    "rules.explain",
    "rich.table",
)

BOOKS = (shipped_book(),)


def warm_up() -> None:
    """Import what commands import, and read what most of them read: its files stay in memory as they were parsed."""
    import_packages(WARM, SINGLE)
    for book in BOOKS:
        load_directory(book)


def obey(order: dict[str, Any]) -> NoReturn:
    """Become the command: its directory, environment, streams and arguments; end with its exit code."""
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, path in ((1, order["out"]), (2, order["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    sys.argv = ["fastbrand", *order["argv"]]
    sys.modules["__main__"].__package__ = None  # a script: so it is called as it calls itself in its help
    code: object = 0
    try:
        run()
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def main() -> None:
    """Obey orders until stdin ends."""
    warm_up()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            obey(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
