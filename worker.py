"""Runs a Temporal worker until SIGTERM, then drains: settings -> wiring -> run.

Started by ``fastbrand up`` and ``fastbrand demo``, or by hand on any machine: ``python -m worker``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from fastbrand import processes, wiring
from fastbrand.domain.errors import FastbrandError
from fastbrand.settings import Settings, load_settings


async def serve(settings: Settings) -> None:
    """Poll until SIGTERM or SIGINT; then finish what has begun, within ``graceful_shutdown_s``."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def orphaned() -> None:
        loop.call_soon_threadsafe(stop.set)

    processes.exit_with_parent(orphaned)

    async with wiring.worker(settings):
        processes.say_ready()
        await stop.wait()


def main() -> int:
    """Exit code: 0 after draining, otherwise the error's."""
    try:
        settings = load_settings()
        wiring.configure_logging(settings)
        asyncio.run(serve(settings))
    except FastbrandError as error:
        mend = f" ({error.hint})" if error.hint else ""
        print(f"worker: error[{error.instance_code}]: {error.message}{mend}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    # a thread of the core may still log while the interpreter goes down: leave at once, everything is drained
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
