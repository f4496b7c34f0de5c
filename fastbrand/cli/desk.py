"""From options to a use case: opens the office, runs the work, shows the result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.cli import present

if TYPE_CHECKING:
    from fastbrand.service.office import Office

Show = Callable[[Any], None]


def look(
    work: Callable[[Office], Any],
    show: Show,
    *,
    state: Path | None,
    as_json: bool,
    verbose: bool = False,
    exit_code: Callable[[Any], int] | None = None,
) -> None:
    """Run a use case that only reads (or only touches the database) and show what it gives."""

    def perform() -> int:
        from fastbrand import wiring

        with wiring.office(wiring.settings_for(state)) as office:
            result = work(office)
        present.print_json(result) if as_json else show(result)
        return exit_code(result) if exit_code else 0

    present.perform(perform, as_json=as_json, verbose=verbose)


def steer(
    work: Callable[[Office], Awaitable[Any]],
    show: Show,
    *,
    state: Path | None,
    as_json: bool,
    verbose: bool = False,
    exit_code: Callable[[Any], int] | None = None,
) -> None:
    """Run a use case of staff, which may talk to Temporal, and show what it gives."""
    look(
        lambda office: asyncio.run(_awaited(work(office))),
        show,
        state=state,
        as_json=as_json,
        verbose=verbose,
        exit_code=exit_code,
    )


async def _awaited(call: Awaitable[Any]) -> Any:
    # the client leaves a future of its own with the error that it raises as well: asyncio would print a trace for it
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    return await call
